#!/usr/bin/env python3
"""Behind a seccomp filter a thread that waits for room in its ring cannot sleep, but it waits for the
recorder as long as others do: one that gets no processor for half a second and more loses nothing."""
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import TIMEOUT_S, Checks, start, state_of, target, wait_until

TRIES = 5
SPIN_S = 0.6   # for so long the thread is seen to wait
LIMIT_S = 1.5  # a recorder that is stopped for longer, on a loaded machine, may be given up

checks = Checks()


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return int(file.read().split()[0])


def processor_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def flood_at_stopped_recorder():
    """For how long the recorder was stopped, how the program ended, and what was lost."""
    recording, process = start([target("sandboxed"), "flood_later"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    checks.equal("ready", b"ready\n", process.stdout.readline())
    child = child_of(process.pid)
    begin = time.monotonic()
    process.send_signal(signal.SIGSTOP)
    wait_until("the stop", lambda: state_of(process.pid) == "T")
    process.stdin.write(b"x")
    process.stdin.flush()
    wait_until("a full ring", lambda: processor_s(child) >= SPIN_S or state_of(child) == "Z")
    process.send_signal(signal.SIGCONT)
    stopped_s = time.monotonic() - begin
    output, _ = process.communicate(timeout=TIMEOUT_S)
    checks.equal("status", 0, process.returncode)
    checks.equal("output", b"alive\n", output)
    return stopped_s, recording.report["quality"]["lost_events"]


tries = [flood_at_stopped_recorder()]
while len(tries) < TRIES and (tries[-1][0] > LIMIT_S or tries[-1][1] != 0):
    tries.append(flood_at_stopped_recorder())
in_time = [lost for stopped_s, lost in tries if stopped_s <= LIMIT_S]
checks.true("nothing lost", not in_time or min(in_time) == 0, tries)
checks.finish()
