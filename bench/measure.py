"""Runs a command and measures it, with all the processes that it starts.

A keeper process is put between us and the command. It adopts orphans (PR_SET_CHILD_SUBREAPER), and
reaps everything, so the rusage of its children is that of the whole tree, helpers included. While it
waits it looks at the tree now and then and remembers the largest resident size (VmHWM) that each
process had: rusage cannot tell the target's from the helper's.
"""

import ctypes
import dataclasses
import json
import os
import resource
import signal
import struct
import sys
import time

COUNTERS = 65536  # as in bench/count_preload.c
COUNTER_BYTES = 64
FIRST_LOOK_SECONDS = 0.004
LOOK_SECONDS = 0.02
PR_SET_CHILD_SUBREAPER = 36


@dataclasses.dataclass
class Usage:
    """What a command took. Peaks are None where the command was too short to be looked at."""

    wall_seconds: float
    cpu_seconds: float
    failure: str | None  # why it failed, in a few words
    target_peak_bytes: int | None
    helper_peak_bytes: int | None


# ---- the tree of processes ----------------------------------------------------------------------


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def parents():
    """pid -> pid of its parent, of all processes."""
    result = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            # "PID (NAME) STATE PARENT ...", and NAME may hold anything
            fields = read_text(f"/proc/{name}/stat").rpartition(")")[2].split()
            if len(fields) > 1:
                result[int(name)] = int(fields[1])
    return result


def descendants(ancestor):
    parent_of = parents()
    found, grew = {ancestor}, True
    while grew:
        more = {pid for pid, parent in parent_of.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return found - {ancestor}


def peak_bytes(pid):
    for line in read_text(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def executable_name(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


class Peaks:
    """The largest resident size of any target process, and of any helper."""

    def __init__(self, helpers):
        self.helpers = helpers
        self.target = self.helper = 0

    def look(self):
        for pid in descendants(os.getpid()):
            name, peak = executable_name(pid), peak_bytes(pid)
            if name in self.helpers:
                self.helper = max(self.helper, peak)
            elif name:
                self.target = max(self.target, peak)


# ---- the keeper -----------------------------------------------------------------------------------


def describe_failure(status):
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"status {os.WEXITSTATUS(status)}" if os.WEXITSTATUS(status) else None


class Keeper:
    """Runs in the process between us and the command."""

    def __init__(self, helpers, limit_seconds):
        self.peaks = Peaks(helpers)
        self.deadline = time.monotonic() + limit_seconds
        self.failure = None
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])

    def start(self, command, environment, log):
        return os.posix_spawnp(
            command[0],
            command,
            environment,
            setsigmask=(),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            ],
        )

    def reap(self, main_pid):
        """Reaps what has ended; False when there is nothing left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == main_pid:
                self.failure = self.failure or describe_failure(status)

    def end_all(self):
        self.failure = "too slow"
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def wait_for_all(self, main_pid):
        look_seconds = FIRST_LOOK_SECONDS
        while self.reap(main_pid):
            if signal.sigtimedwait([signal.SIGCHLD], look_seconds) is None:
                self.peaks.look()
                look_seconds = LOOK_SECONDS
            if time.monotonic() > self.deadline:
                self.end_all()

    def run(self, command, environment, times, log):
        begin = time.monotonic()
        for _ in range(times):
            self.wait_for_all(self.start(command, environment, log))
        end = time.monotonic()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "begin": begin,
            "end": end,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "failure": self.failure,
            "target_peak_bytes": self.peaks.target or None,
            "helper_peak_bytes": self.peaks.helper or None,
        }


def run(command, environment, helpers=(), times=1, beside=None, log=os.devnull, limit_seconds=600):
    """Measures `command`, run `times` times one after the other.

    `helpers` are the names of executables that belong to the tool and not to the target. `beside` is
    called here while the command runs, such as the client of a server that ends it: it returns the
    instant (time.monotonic) from which the wall time counts, and what it takes is not measured."""
    reader, writer = os.pipe()
    keeper_pid = os.fork()
    if keeper_pid == 0:
        status = 1
        try:
            os.close(reader)
            keeper = Keeper(set(helpers), limit_seconds)
            os.write(writer, json.dumps(keeper.run(command, environment, times, log)).encode())
            status = 0
        except OSError as trouble:
            print(f"bench: {command[0]}: {trouble}", file=sys.stderr)
        finally:
            os._exit(status)
    os.close(writer)
    begin = beside() if beside else None
    with os.fdopen(reader, "rb") as answers:
        answer = answers.read()
    os.waitpid(keeper_pid, 0)
    if not answer:
        return Usage(0.0, 0.0, "not run", None, None)
    facts = json.loads(answer)
    wall = facts.pop("end") - (begin or facts["begin"])
    del facts["begin"]
    return Usage(wall_seconds=wall, **facts)


# ---- counting events -------------------------------------------------------------------------------


def make_count_file(path):
    with open(path, "wb") as file:
        file.truncate(COUNTERS * COUNTER_BYTES)


def read_count_file(path):
    """The events of all threads; line 0 holds the number of lines taken."""
    with open(path, "rb") as file:
        lines = min(struct.unpack("<Q", file.read(8))[0], COUNTERS - 1)
        file.seek(COUNTER_BYTES)
        words = file.read(lines * COUNTER_BYTES)
    return sum(struct.unpack_from("<Q", words, line * COUNTER_BYTES)[0] for line in range(lines))
