#!/usr/bin/env python3
"""A thread that waits for room in its ring takes no signals meanwhile: handlers would tell more than
can be kept until there is room again. They come afterwards, and nothing is lost."""
import select
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import TIMEOUT_S, Checks, start, state_of, target, wait_until

TRIES = 5  # a recorder that is stopped for too long, on a loaded machine, is not waited for
GLIBC, PARK = (32, 33), 61

checks = Checks()


def held_signals(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        masks = [line.split()[1] for line in file if line.startswith("SigBlk:")]
    return {number for number in range(1, 65) if int(masks[0], 16) >> (number - 1) & 1}


def storm_at_stopped_recorder():
    """Which signals were held while the recorder was stopped, how it ended, and what was lost."""
    recording, process = start([target("signals"), "timer_while_mapping_later"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = int(process.stdout.readline().split()[1])
    process.send_signal(signal.SIGSTOP)
    wait_until("the stop", lambda: state_of(process.pid) == "T")
    process.stdin.write(b"x")
    process.stdin.flush()
    held = set()

    def is_held_or_done():
        seen = held_signals(pid)
        if signal.SIGALRM in seen and not seen.intersection(GLIBC):  # a start of a thread holds all
            held.update(seen)
        return bool(held) or select_line(process)
    wait_until("a full ring", is_held_or_done)
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=TIMEOUT_S)
    return held, process.returncode, output, recording.report["quality"]["lost_events"]


def select_line(process):
    return bool(select.select([process.stdout], [], [], 0)[0])


for _ in range(TRIES):
    held, status, output, lost = storm_at_stopped_recorder()
    checks.equal("status", 0, status)
    checks.equal("handlers ran", [b"handled"], output.split()[:1])
    checks.true("the recorder's signal comes", PARK not in held, held)
    if signal.SIGALRM in held and lost == 0:
        break
checks.true("signals wait", signal.SIGALRM in held, held)
checks.equal("lost", 0, lost)
checks.finish()
