#!/usr/bin/env python3
"""The recorder is killed at any moment, alone or together with the target: the target runs on as if
nothing had been there, and what was recorded until then is read, named, and said to be torn."""
import ctypes
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from counted import Counted
from recorded import (IS_LONG, SCRATCH, TIMEOUT_S, Checks, Recording, check_invariants, matches,
                      seep, start, target, wait_until)

checks = Checks()
PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None, use_errno=True)
checks.equal("this test gets the orphans", 0, libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def reap_orphans(what):
    """The statuses of all children that are left, by pid: nothing may stay behind."""
    statuses = {}
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return statuses
        if pid != 0:
            statuses[pid] = os.waitstatus_to_exitcode(status)
        os.sched_yield()
    checks.true(f"{what}: nobody stays behind", False)
    return statuses


def check_torn(what, path):
    """Reads a recording whose writer was killed. None when it was killed before it told anything."""
    recording = Recording(path)
    for command in ("info", "dump", "report"):
        checks.equal(f"{what}: seep {command}", 0, seep(command, path).returncode)
    report = recording.report
    checks.equal(f"{what}: complete", False, report["complete"])
    checks.equal(f"{what}: finished", False, report["quality"]["finished"])
    check_invariants(checks, what, report)
    if not any(process["observed"] for process in report["processes"]):
        return None
    for key in ("unknown_frees", "missed_frees", "bad_records"):
        checks.equal(f"{what}: {key}", 0, report["quality"][key])
    return recording


def is_finished(path):
    """Was it killed when all was written, and only memory was to be given back?"""
    return os.path.exists(path) and Recording(path).report["quality"]["finished"]


# ---- the recorder alone

figures = {"before the target": 0, "no recording yet": 0, "nothing told yet": 0, "torn": 0,
           "after the end": 0}


def wait_for_moment(process, counted):
    """Some moment of a run: early ones by the clock, others by what the target has done."""
    if random.random() < 0.3:
        select.select([], [], [], random.uniform(0, 0.1))
        return
    calls = random.uniform(0, 1.1) * counted.calls
    wait_until("the moment", lambda: counted.done(0) >= calls or process.poll() is not None)


def kill_recorder():
    counted = Counted(random.choice((1, 2, 4)), random.choice((5000, 50000, 500000)))
    recording, process = start(counted.command, [f"--checkpoint={random.choice((20, 5000))}ms"],
                               stdout=subprocess.PIPE)
    wait_for_moment(process, counted)
    process.send_signal(signal.SIGKILL)
    are_calls_done = counted.done(0) == counted.calls
    what = f"recorder killed, {' '.join(counted.command[2:])}, done {counted.done(0)}"
    output = process.stdout.read()
    process.stdout.close()
    process.wait(TIMEOUT_S)
    statuses = reap_orphans(what)
    has_started = counted.pid != 0
    # The recorder may have had its status already.
    is_reaped = are_calls_done and counted.pid not in statuses
    if has_started and process.returncode == -signal.SIGKILL and not is_reaped:
        checks.equal(f"{what}: the target's status", 7, statuses.get(counted.pid))
    checks.equal(f"{what}: output", counted.output if has_started else b"", output)
    checks.true(f"{what}: seep's status", process.returncode in (7, -signal.SIGKILL),
                process.returncode)
    if process.returncode == 7 or is_finished(recording.path):
        figures["after the end"] += 1
        checks.equal(f"{what}: complete", True, recording.report["complete"])
        checks.true(f"{what}: it had ended", are_calls_done)
    elif not has_started:
        figures["before the target"] += 1
    elif not os.path.exists(recording.path):
        figures["no recording yet"] += 1
    elif check_torn(what, recording.path) is None:
        figures["nothing told yet"] += 1
    else:
        figures["torn"] += 1
        for thread in range(counted.threads):
            counted.check_thread(checks, what, recording, thread, 0)
    counted.forget(recording)
    left = [name for name in os.listdir(SCRATCH) if name.startswith("seep-")]
    for name in left:  # the folder of a session whose recorder was killed
        shutil.rmtree(os.path.join(SCRATCH, name))


for _ in range(200 if IS_LONG else 6):
    kill_recorder()
print("recorders killed:", ", ".join(f"{value} {key}" for key, value in figures.items()))

# ---- target and recorder together

KEPT_S = 10  # what is older than this must be in the recording


class Doomed:
    """A recorded target that does little, and what it had done when."""

    def __init__(self, lifetime_s, pause_us, options=()):
        # A program of its own, which is not there any more when the recording is read.
        self.program = os.path.join(SCRATCH, f"doomed-{random.randrange(1 << 60):x}")
        shutil.copy(target("counted"), self.program)
        self.counted = Counted(random.choice((1, 2, 4)), 1 << 40, pause_us, self.program)
        self.recording, self.process = start(self.counted.command, options)
        self.begin = time.monotonic()
        self.lifetime_s = lifetime_s
        self.history = []

    def look(self):
        self.history.append((time.monotonic(), [self.counted.done(thread)
                                                for thread in range(self.counted.threads)]))

    def is_due(self):
        return time.monotonic() - self.begin >= self.lifetime_s

    def kill(self):
        victims = [self.process.pid, self.counted.pid]
        random.shuffle(victims)
        # Or it would have ended well by its turn, as soon as the target has ended.
        os.kill(self.process.pid, signal.SIGSTOP)
        for victim in victims:
            os.kill(victim, signal.SIGKILL)

    def check(self, what, until):
        """All that was done at `until` is there, with names, on a machine that has no more than the
        recording."""
        self.process.wait(TIMEOUT_S)
        reap_orphans(what)
        os.unlink(self.program)
        elsewhere = os.path.join(SCRATCH, "elsewhere")
        os.mkdir(elsewhere)
        path = shutil.move(self.recording.path, os.path.join(elsewhere, "copy.seep"))
        seen = [done for moment, done in self.history if moment <= until]
        recording = check_torn(what, path)
        checks.true(f"{what}: something is told", recording is not None)
        if recording is not None:
            for thread, done in enumerate(seen[-1] if seen else []):
                self.counted.check_thread(checks, what, recording, thread, done)
                site = next(site for site in recording.process()["sites"]
                            if matches(f"work_{thread}", site["stack"]))
                frame = site["stack"][0]
                checks.true(f"{what}: the line of work_{thread}",
                            (frame["file"] or "").endswith("counted.c") and frame["line"],
                            frame)
        shutil.rmtree(elsewhere)
        self.counted.forget()


def kill_both_after_checkpoints():
    """What was done before two checkpoints is there, whatever the time that they take."""
    doomed = Doomed(0, 100, ["--checkpoint=50ms"])

    def dump(kind):
        return seep("dump", f"--kind={kind}", doomed.recording.path).stdout

    def are_all_named():
        names = dump("string")
        return all(b"work_%d" % thread in names for thread in range(doomed.counted.threads))

    wait_until("names", are_all_named)
    doomed.look()
    # Each checkpoint says how much each process had done.
    first = dump("quality").count(b"\n")
    wait_until("two checkpoints", lambda: dump("quality").count(b"\n") >= first + 2)
    until = time.monotonic()
    doomed.kill()
    doomed.check("both killed after checkpoints", until)


def kill_both_by_the_clock(count):
    """As it is for people: with the default distance of checkpoints, at any moment."""
    running = [Doomed(random.uniform(KEPT_S + 1, KEPT_S + 12), 1000) for _ in range(count)]
    while running:
        for doomed in running:
            doomed.look()
        for doomed in [doomed for doomed in running if doomed.is_due()]:
            until = time.monotonic() - KEPT_S
            doomed.kill()
            running.remove(doomed)
            doomed.process.wait(TIMEOUT_S)
            ended.append((doomed, until))
        select.select([], [], [], 0.05)


for _ in range(3):
    kill_both_after_checkpoints()
if IS_LONG:
    ended = []
    for _ in range(5):
        kill_both_by_the_clock(10)
    for doomed, until in ended:
        doomed.check(f"both killed after {doomed.lifetime_s:.1f} s", until)
checks.finish()
