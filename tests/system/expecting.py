"""What tests expect: each difference is printed, and none ends the test."""
import signal

_failures = []

# Who is started in the background of a shell ignores SIGINT, and so would programs that a test runs.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def expect(what, found, wanted):
    if found != wanted:
        print(f"FAIL: {what}: {found!r}, not {wanted!r}")
        _failures.append(what)


def is_failed():
    return bool(_failures)
