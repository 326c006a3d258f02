#!/usr/bin/env python3
"""Where there is little room, and where the recorder stands still: nothing fails that would not fail
alone, nothing waits for long, and what is not recorded is counted.

Limits that a program sets for itself are in tests/targets/crowd.c."""
import ctypes
import errno
import os
import pty
import resource
import select
import shutil
import signal
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from counted import Counted
from recorded import (IS_LONG, SEEP, TIMEOUT_S, Checks, Recording, check_invariants,
                      clean_environment, matches, new_path, record, run, seep, start, state_of, target,
                      wait_until)

checks = Checks()
MIB = 1 << 20


def step_figures(recording, caller):
    """(allocations, frees) of a worker of crowd.c."""
    sites = [site for site in recording.process()["sites"]
             if matches(f"step<{caller}", site["stack"])]
    return sum(site["allocations"] for site in sites), sum(site["frees"] for site in sites)


def check_crowd(what, recording, name, count, figures):
    checks.equal(f"{what}: status", 0, recording.status)
    checks.equal(f"{what}: output", f"{name} {count}\n".encode(), recording.stdout)
    checks.equal(f"{what}: messages", b"", recording.stderr)
    checks.equal(f"{what}: complete", True, recording.report["complete"])
    checks.equal(f"{what}: lost events", 0, recording.report["quality"]["lost_events"])
    caller = "short_worker" if name == "short" else "worker"
    checks.equal(f"{what}: allocations and frees", figures, step_figures(recording, caller))
    check_invariants(checks, what, recording.report)


# ---- many threads in little memory


class MemoryGroup:
    """A control group of either version; `reason` says why there is none."""

    def __init__(self, limit_bytes):
        self.reason = None
        try:
            self.make(limit_bytes)
        except OSError as error:
            self.reason = f"cannot limit memory by a control group: {error}"

    def make(self, limit_bytes):
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            groups = [line.rstrip("\n").split(":", 2) for line in file]
        own = next((path for _, names, path in groups if "memory" in names.split(",")), None)
        if own is not None:
            base, limit, self.peak = ("/sys/fs/cgroup/memory" + own, "memory.limit_in_bytes",
                                      "memory.max_usage_in_bytes")
        else:
            own = next((path for number, _, path in groups if number == "0"), "/")
            base, limit, self.peak = "/sys/fs/cgroup" + own, "memory.max", "memory.peak"
        self.path = os.path.join(base, f"seep-test-{os.getpid()}")
        os.mkdir(self.path)
        try:
            self.write(limit, limit_bytes)
        except OSError:
            os.rmdir(self.path)
            raise

    def write(self, name, value):
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as file:
            file.write(str(value))

    def enter(self):
        self.write("cgroup.procs", os.getpid())

    def peak_bytes(self):
        try:
            with open(os.path.join(self.path, self.peak), encoding="utf-8") as file:
                return int(file.read())
        except FileNotFoundError:  # of an older kernel
            return 0

    def close(self):
        os.rmdir(self.path)


group = MemoryGroup(512 * MIB)
if group.reason:
    print(f"SKIP: 2000 threads in 512 MiB: {group.reason}")
    recording = record([target("crowd"), "threads", "2000"])
    check_crowd("2000 threads", recording, "threads", 2000, (4000, 4000))
else:
    recording = record([target("crowd"), "threads", "2000"], preexec_fn=group.enter)
    print(f"2000 threads in 512 MiB: {group.peak_bytes() / MIB:.0f} MiB at the peak, of which "
          f"{recording.report['quality']['recorder_peak_resident_bytes'] / MIB:.0f} the recorder's")
    check_crowd("2000 threads in 512 MiB", recording, "threads", 2000, (4000, 4000))
    group.close()

recording = record([target("crowd"), "short", "10000"])
check_crowd("10000 short threads", recording, "short", 10000, (10000, 10000))

# More threads at once than may have rings: 64 MiB of a process at most.
recording = record([target("crowd"), "threads", "3900"])
checks.equal("3900 threads: output", (0, b"threads 3900\n"), (recording.status, recording.stdout))
quality = recording.report["quality"]
if quality["lost_events"] != 0:
    checks.equal("3900 threads: complete", False, recording.report["complete"])
# Two calls of malloc and free, and what pthread_create asks of the loader.
lost = quality["lost_events"]
allocations, frees = step_figures(recording, "worker")
checks.true("3900 threads: recorded and lost",
            allocations + frees <= 4 * 3900 <= allocations + frees + lost,
            f"{allocations} and {frees}, lost {lost}")
check_invariants(checks, "3900 threads", recording.report)

# ---- limits that seep itself was started with


def limited(kind, soft_bytes):
    """For preexec_fn: of the hard limit nothing is taken away."""
    def limit():
        resource.setrlimit(kind, (soft_bytes, resource.getrlimit(kind)[1]))
    return limit


PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24
libc = ctypes.CDLL(None)


def bound(kind, bytes_count):
    """For preexec_fn: a limit that cannot be raised again, whoever runs the tests."""
    def bind():
        libc.prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
        resource.setrlimit(kind, (bytes_count, bytes_count))
    return bind


def check_bound(what, option, kind, bytes_count, shown):
    """The recorder makes do with what it may have, and the program has its limit as it was."""
    limit = bound(kind, bytes_count)
    if run([SEEP, "--version"], preexec_fn=limit).returncode != 0:
        print(f"{what}: a seep with sanitizers cannot run so")
        return
    recording = record(["sh", "-c", f"ulimit {option}; exec \"$0\" threads 20", target("crowd")],
                       preexec_fn=limit)
    checks.equal(f"{what}: output", (0, f"{shown}\nthreads 20\n".encode(), b""),
                 (recording.status, recording.stdout, recording.stderr))
    checks.equal(f"{what}: complete", True, recording.report["complete"])
    process = next(process for process in recording.report["processes"]
                   if process["executable"].endswith("/crowd"))
    checks.equal(f"{what}: events", 20 + 40, process["totals"]["allocations"])


check_bound("4 GB of addresses", "-v", resource.RLIMIT_AS, 4000000 << 10, 4000000)
check_bound("files of 100 MiB", "-f", resource.RLIMIT_FSIZE, 100 * MIB, 100 * MIB // 512)

# With room for few rings only, what more threads do is counted.
recording = record([target("crowd"), "threads", "100"], preexec_fn=bound(resource.RLIMIT_FSIZE, 20 * MIB))
checks.equal("few rings: output", (0, b"threads 100\n"), (recording.status, recording.stdout))
allocations, frees = step_figures(recording, "worker")
checks.equal("few rings: recorded and lost", 400,
             allocations + frees + recording.report["quality"]["lost_events"])
check_invariants(checks, "few rings", recording.report)

# The recording is larger than the limit, which still holds for the program.
recording = record(["sh", "-c", "ulimit -f; exec \"$0\" threads 10", target("crowd")],
                   preexec_fn=limited(resource.RLIMIT_FSIZE, 1024))
checks.equal("file size: output", (0, b"2\nthreads 10\n"), (recording.status, recording.stdout))
checks.true("file size: the recording is larger", os.path.getsize(recording.path) > 1024)
checks.equal("file size: complete", True, recording.report["complete"])

# A limit on a program's data is none on what recording takes in it. A seep that was built with
# sanitizers needs more than the limit for itself.
recording = record([target("crowd"), "threads", "100"],
                   preexec_fn=limited(resource.RLIMIT_DATA, 40 * MIB))
if recording.status == -signal.SIGABRT and not os.path.exists(recording.path):
    print("data: a seep with sanitizers cannot run so")
else:
    check_crowd("data", recording, "threads", 100, (200, 200))

# Of a limited address space recording takes a small part: threads that find no room there tell
# nothing, and each of their calls is counted.
recording = record([target("crowd"), "address_space", "300"])
checks.equal("address space: output", (0, b"address_space 300\n"),
             (recording.status, recording.stdout))
allocations, frees = step_figures(recording, "worker")
checks.true("address space: some threads are recorded", allocations > 0)
checks.equal("address space: recorded and lost", 4 * 300,
             allocations + frees + recording.report["quality"]["lost_events"])
checks.equal("address space: complete", False, recording.report["complete"])
check_invariants(checks, "address space", recording.report)

# ---- the recorder is stopped while threads work


CALLS = 300000  # of each thread: more than all rings hold


def check_stopped_recorder(what, options, stop, go_on):
    """All work is done while it stands still, and every event is recorded or counted."""
    counted = Counted(4, CALLS)
    recording, process = start(counted.command, options, stdout=-1)
    wait_until(f"{what}: work", lambda: counted.done(0) > 1000)
    stop(process)
    wait_until(f"{what}: the end of all work",
               lambda: all(counted.done(thread) >= counted.calls for thread in range(4)))
    go_on(process)
    checks.equal(f"{what}: output", counted.output, process.stdout.read())
    process.stdout.close()
    checks.equal(f"{what}: status", 7, process.wait(TIMEOUT_S))
    report = recording.report
    totals, quality = report["processes"][0]["totals"], report["quality"]
    # Two mallocs, a realloc that counts as both, and two frees; the output's buffer; its words of
    # threads come from the loader.
    sites = [site for site in recording.process()["sites"]
             if matches("..work_0", site["stack"]) or matches("..work_1", site["stack"]) or
             matches("..work_2", site["stack"]) or matches("..work_3", site["stack"])]
    births = sum(site["allocations"] for site in sites)
    wanted = 4 * CALLS // 5 * 3
    checks.true(f"{what}: recorded and lost", births <= wanted <= births + quality["lost_events"],
                f"{births} of {wanted}, lost {quality['lost_events']}")
    checks.equal(f"{what}: complete", quality["lost_events"] == 0, report["complete"])
    checks.true(f"{what}: figures", totals["allocations"] > 0)
    check_invariants(checks, what, report)
    counted.forget(recording)
    return quality["lost_events"]


def send_stop(process):
    process.send_signal(signal.SIGSTOP)
    wait_until("the stop", lambda: state_of(process.pid) == "T")


def send_continue(process):
    process.send_signal(signal.SIGCONT)


check_stopped_recorder("recorder stopped, dropping", ["--on-full=drop"], send_stop,
                       send_continue)
if IS_LONG:  # it is waited for, for two seconds
    lost = check_stopped_recorder("recorder stopped", [], send_stop, send_continue)
    checks.true("recorder stopped: losses", lost > 0)

# ---- ^Z and fg in a shell


class Shell:
    """An interactive bash on a terminal of its own."""

    def __init__(self):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = clean_environment()
            environment.update(PS1="ready> ", TERM="dumb")
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)

    def expect(self, text):
        while text not in self.seen:
            readable, _, _ = select.select([self.fd], [], [], TIMEOUT_S)
            try:
                self.seen += os.read(self.fd, 4096).decode(errors="replace") if readable else ""
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                readable = []
            if not readable:
                raise AssertionError(f'waited for "{text}", saw:\n{self.seen}')
        self.seen = self.seen.split(text, 1)[1]

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        self.type("exit\n")
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def check_shell():
    """Both stop, the shell has the terminal; fg goes on as if nothing had been, and nothing is lost:
    the program stood still as well."""
    counted = Counted(2, 2000000)
    path = new_path()
    shell = Shell()
    shell.expect("ready> ")
    shell.type(f"{SEEP} run -q -o {path} -- {' '.join(counted.command)}\n")
    for calls in (1000, 500000):
        wait_until("work", lambda limit=calls: counted.done(0) > limit)
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.expect("ready> ")
        checks.equal("^Z: the program stands still", "T", state_of(counted.pid))
        shell.type("fg\n")
    shell.expect(f"done 2 {counted.calls}")
    shell.expect("ready> ")
    shell.type("echo status $?\n")
    shell.expect("status 7")
    shell.close()
    recording = Recording(path)
    checks.equal("^Z: complete", True, recording.report["complete"])
    checks.equal("^Z: seep info", 0, seep("info", path).returncode)
    for thread in range(2):
        counted.check_thread(checks, "^Z", recording, thread, counted.calls)


try:
    for end in pty.openpty():
        os.close(end)
    has_terminal = shutil.which("bash") is not None
except OSError:
    has_terminal = False
if has_terminal:
    check_shell()
else:
    print("SKIP: ^Z and fg: there is no bash or no pseudo-terminal")
checks.finish()
