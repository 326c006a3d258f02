#!/usr/bin/env python3
"""Processes are held and scanned where they end, whatever way they end; those that are not say why.
On request they are scanned while they run, and notice nothing."""
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import Checks, record, seep, start, target, wait_until

AT_EXIT, BEFORE_EXIT, ON_REQUEST, AT_INTERVAL, BEFORE_EXEC, AT_CRASH = 0, 1, 2, 4, 6, 7  # snapshot.h
DONE, KILLED, CRASHED, OFF = 0, 1, 2, 4

checks = Checks()


def snapshots(recording, process=0):
    """(reason, end) of each of a process, in their order."""
    return [(fields["reason"], fields["end"]) for _, fields in recording.dump("snapshot")
            if fields["process_id"] == process]


def summary_of(recording, process=0):
    read = seep("leaks", "--json", recording.path)
    checks.equal("seep leaks: status", 0, read.returncode)
    return json.loads(read.stdout)["processes"][process]["summary"]


def definite(recording, process=0):
    found = summary_of(recording, process)["definite"]
    return found["blocks"], found["bytes"]


if record([target("ends"), "exit"]).dump("snapshot")[0][1]["end"] not in (DONE,):
    print("processes cannot be held and read here")
    sys.exit(77)

# ---- how a process ends

BOTH = [(BEFORE_EXIT, DONE), (AT_EXIT, DONE)]
for way, wanted in (("return", BOTH), ("exit", BOTH), ("threads", BOTH),
                    ("quick_exit", [(AT_EXIT, DONE)]), ("_exit", [(AT_EXIT, DONE)]),
                    ("handler", [(AT_EXIT, DONE)]), ("exec", [(BEFORE_EXEC, DONE)])):
    recording = record([target("ends"), way])
    checks.equal(f"{way}: status", 0, recording.status)
    checks.equal(f"{way}: snapshots", wanted, snapshots(recording))
    checks.equal(f"{way}: leaks", (1, 100), definite(recording))
recording = record([target("ends"), "last-thread"])
checks.equal("last-thread: status", 0, recording.status)
checks.equal("last-thread: snapshots", (AT_EXIT, DONE), snapshots(recording)[-1])
checks.equal("last-thread: leaks", (1, 100), definite(recording))

# ---- not scanned

for way, wanted in (("kill", KILLED), ("abort", CRASHED), ("segv", CRASHED), ("term", KILLED)):
    recording = record([target("ends"), way])
    checks.equal(f"{way}: snapshots", [(AT_EXIT, wanted)],
                 snapshots(recording))
    checks.equal(f"{way}: no figures", None, summary_of(recording)["definite"])
for way, number in (("abort", signal.SIGABRT), ("segv", signal.SIGSEGV), ("term", signal.SIGTERM)):
    recording = record([target("ends"), way], options=["--scan-on-crash"])
    checks.equal(f"{way}, scanned: status", -number, recording.status)
    checks.equal(f"{way}, scanned: snapshots", [(AT_CRASH, DONE)], snapshots(recording))
    checks.equal(f"{way}, scanned: leaks", (1, 100), definite(recording))
recording = record([target("ends"), "kill"], options=["--scan-on-crash"])
checks.equal("kill: is not scanned", [(AT_EXIT, KILLED)], snapshots(recording))
recording = record([target("ends"), "fork-lose"], options=["--scan-forks"])
checks.equal("fork, scanned: of the child", BOTH, snapshots(recording, 1))
checks.equal("fork, scanned: leaks", (1, 100), definite(recording, 1))
checks.equal("fork, scanned: leaks of the parent", (1, 100), definite(recording))

recording = record([target("ends"), "fork"])
checks.equal("fork: snapshots", BOTH, snapshots(recording))
checks.equal("fork: of the child", [(AT_EXIT, OFF)], snapshots(recording, 1))
recording = record([target("ends"), "exit"], options=["--no-scan"])
checks.equal("switched off", [(AT_EXIT, OFF)], snapshots(recording))

# ---- while it runs

recording, session = start([target("ends"), "wait"], options=["--wait=tree"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
checks.equal("it begins", b"ready\n", session.stdout.readline())
with open(f"/proc/{session.pid}/task/{session.pid}/children", encoding="utf-8") as file:
    pid = file.read().split()[0]
for number in range(3):
    asked = seep("snapshot", pid)
    checks.equal("seep snapshot: status", 0, asked.returncode)
    checks.true("seep snapshot: what it says",
                asked.stdout.decode().startswith(f"snapshot:{number} of process {pid}: "),
                asked.stdout.decode())
session.communicate(b"x")
checks.equal("it was not interrupted", 0, session.returncode)
checks.equal("on request", [(ON_REQUEST, DONE)] * 3 + BOTH, snapshots(recording))
checks.equal("leaks on request", (1, 100), definite(recording))

for what, number in (("nobody", "999999999"), ("not recorded", str(os.getpid())), ("no", "x")):
    checks.equal(f"seep snapshot: {what}", 2, seep("snapshot", number).returncode)

# ---- at intervals: the newest are kept

recording, session = start([target("ends"), "wait"],
                           options=["--snapshot-every=1ms", "--keep-snapshots=2"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
session.stdout.readline()
with open(f"/proc/{session.pid}/task/{session.pid}/children", encoding="utf-8") as file:
    pid = file.read().split()[0]
wait_until("a sixth snapshot",
           lambda: int(seep("snapshot", pid).stdout.decode().split()[0].split(":")[1]) > 5)
session.communicate(b"x")
checks.equal("it was not interrupted either", 0, session.returncode)
kept = [reason for reason, _ in snapshots(recording) if reason == AT_INTERVAL]
checks.equal("the newest two", 2, len(kept))
checks.finish()
