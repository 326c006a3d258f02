"""What tests expect: each difference is printed, and none ends the test."""
_failures = []


def expect(what, found, wanted):
    if found != wanted:
        print(f"FAIL: {what}: {found!r}, not {wanted!r}")
        _failures.append(what)


def is_failed():
    return bool(_failures)
