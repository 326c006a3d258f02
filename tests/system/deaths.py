#!/usr/bin/env python3
"""The target is killed, the recorder is killed, the recorder stands still: what is recorded all the
same, and what is said of the rest."""
import ctypes
import os
import random
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from counted import Counted
from recorded import (IS_LONG, TIMEOUT_S, Checks, check_invariants, seep, start, state_of, target,
                      wait_until)

checks = Checks()
PR_SET_CHILD_SUBREAPER = 36


# ---- the target is killed at any moment: every call that had returned is in the report

def kill_counted(threads, calls):
    """Kills counted.c when its first thread has done so many calls."""
    what = f"{threads} threads killed after {calls} calls"
    counted = Counted(threads)
    recording, process = start(counted.command)
    wait_until("progress", lambda: counted.done(0) >= calls)
    os.kill(counted.pid, signal.SIGKILL)
    checks.equal(f"{what}: status", -signal.SIGKILL, process.wait(TIMEOUT_S))
    check_invariants(checks, what, recording.report)
    checks.equal(f"{what}: exit", {"signal": 9}, recording.process()["exit"])
    checks.equal(f"{what}: complete", True, recording.report["complete"])
    for key in ("unknown_frees", "missed_frees", "bad_records"):
        checks.equal(f"{what}: {key}", 0, recording.report["quality"][key])
    for thread in range(threads):
        counted.check_thread(checks, what, recording, thread, counted.done(thread))
    counted.forget(recording)


for _ in range(200 if IS_LONG else 10):
    kill_counted(random.choice((1, 1, 2, 4)), int(10 ** random.uniform(0, 5)))

# ---- a program that waits for a line before and after its work


class Burst:
    def __init__(self, rounds, *options):
        self.rounds = rounds
        self.recording, self.seep = start([target("burst"), str(rounds)], options,
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.told = {}
        self.read_until("ready")

    def read_until(self, name):
        while name not in self.told:
            line = self.seep.stdout.readline().split()
            if not line:
                raise AssertionError(f"burst ended before it was {name}")
            self.told[line[0].decode()] = int(line[1])

    def go_on(self):
        self.seep.stdin.write(b"\n")
        self.seep.stdin.flush()

    def stop_recorder(self):
        os.kill(self.seep.pid, signal.SIGSTOP)
        wait_until("the stop", lambda: state_of(self.seep.pid) == "T")

    def work(self):
        self.go_on()
        self.read_until("done")


def count_sleeps(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(next(line for line in file if line.startswith("voluntary_")).split()[1])


def check_losses(what, burst):
    """The recorder comes back; every call was either recorded or counted as lost."""
    os.kill(burst.seep.pid, signal.SIGCONT)
    burst.go_on()
    checks.equal(f"{what}: status", 7, burst.seep.wait(TIMEOUT_S))
    quality = burst.recording.report["quality"]
    checks.equal(f"{what}: complete", False, burst.recording.report["complete"])
    checks.true(f"{what}: losses", quality["lost_events"] > 0)
    # The word of its end may be lost, too.
    checks.true(f"{what}: recorded and lost events",
                quality["events"] + quality["lost_events"] - 2 * burst.rounds - 2 in (0, 1),
                f"{quality['events']} and {quality['lost_events']} of {2 * burst.rounds + 2}")
    check_invariants(checks, what, burst.recording.report)


# ---- the recorder stands still

burst = Burst(200000, "--on-full=drop")
burst.stop_recorder()
burst.work()
check_losses("dropping", burst)

if IS_LONG:
    burst = Burst(200000)
    burst.stop_recorder()
    burst.work()
    checks.equal("stopped: calls that took long", 1, burst.told["long_calls"])
    checks.true("stopped: the longest", 1000000 < burst.told["longest"] < 2600000,
                burst.told["longest"])
    check_losses("stopped", burst)

# ---- the recorder is killed

libc = ctypes.CDLL(None, use_errno=True)
checks.equal("this test gets the orphans", 0, libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def has_first_block(path):
    read = seep("dump", "--kind=site", path)
    return b" allocated_bytes=123 " in read.stdout


def check_killed_recorder(what, is_stopped):
    """is_stopped: the target waits for it with a full ring when it dies."""
    burst = Burst(200000, "--checkpoint=50ms")
    wait_until("the first checkpoint", lambda: has_first_block(burst.recording.path))
    if is_stopped:
        burst.stop_recorder()
        wait_until("the line", lambda: state_of(burst.told["pid"]) == "S")
        sleeps = count_sleeps(burst.told["pid"])
        burst.go_on()  # it sleeps again when its ring is full
        wait_until("the full ring", lambda: count_sleeps(burst.told["pid"]) > sleeps)
    os.kill(burst.seep.pid, signal.SIGKILL)
    if not is_stopped:
        burst.go_on()
    burst.read_until("done")
    burst.go_on()
    checks.equal(f"{what}: the target's status", 7,
                 os.waitstatus_to_exitcode(os.waitpid(burst.told["pid"], 0)[1]))
    checks.equal(f"{what}: rounds", burst.rounds, burst.told["rounds"])
    if IS_LONG:
        checks.equal(f"{what}: calls that took long", 0, burst.told["long_calls"])
    burst.seep.wait(TIMEOUT_S)
    report = burst.recording.report
    checks.equal(f"{what}: complete", False, report["complete"])
    checks.equal(f"{what}: finished", False, report["quality"]["finished"])
    checks.true(f"{what}: figures", report["processes"][0]["totals"]["allocations"] > 0)
    checks.equal(f"{what}: running", {"running": True}, report["processes"][0]["exit"])
    check_invariants(checks, what, report)
    for command in ("info", "dump", "report"):
        checks.equal(f"{what}: seep {command}", 0, seep(command, burst.recording.path).returncode)


check_killed_recorder("recorder killed", False)
check_killed_recorder("recorder killed while it is waited for", True)
checks.finish()
