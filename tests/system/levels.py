#!/usr/bin/env python3
"""Snapshots are taken where a process reaches a level: of its heap, of its memory, of a limit, and at
its peak. tests/targets/levels.c takes 256 KiB for each byte that it is told to."""
import json
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import TIMEOUT_S, Checks, new_path, record, seep, start, target, wait_until

ON_REQUEST, AT_LEVEL, AT_PEAK = 2, 5, 8  # snapshot.h
DONE = 0
BLOCK_BYTES = 256 * 1024

checks = Checks()


class Session:
    """The target, told byte by byte what to do."""

    def __init__(self, *levels, command=None):
        self.recording, self.process = start(
            command or [target("levels")], options=[f"--snapshot-at={level}" for level in levels],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.tell(".")
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="utf-8") as file:
            self.pid = file.read().split()[0]

    def tell(self, what):
        for byte in what.encode():
            self.process.stdin.write(bytes([byte]))
            self.process.stdin.flush()
            checks.equal("it answers", bytes([byte]), self.process.stdout.read(1))

    def ask(self):
        """The number of a snapshot on request. Behind it the recorder knows all that was told."""
        return int(seep("snapshot", self.pid).stdout.decode().split()[0].split(":")[1])

    def settle(self):
        """What is due by now has been taken: the recorder has come round once more."""
        self.ask()
        self.ask()

    def tell_and_wait(self, told, what):
        """Until a snapshot came that nobody asked for, while it does that or behind it."""
        before, asked = self.ask(), 0
        self.tell(told)

        def has_come():
            nonlocal asked
            asked += 1
            return self.ask() > before + asked
        wait_until(what, has_come)

    def end(self):
        self.process.communicate()
        checks.equal("it ended as it would", 0, self.process.returncode)
        return [fields for _, fields in self.recording.dump("snapshot")
                if fields["reason"] in (AT_LEVEL, AT_PEAK)]


if record([target("ends"), "exit"]).dump("snapshot")[0][1]["end"] != DONE:
    print("processes cannot be held and read here")
    sys.exit(77)

# ---- of the heap: each once

session = Session("1m", "heap=2m")
session.settle()
session.tell("+++++")  # 1.25 MiB
session.settle()
session.tell("-+++++")  # again: not another one
session.settle()
session.tell("++++")  # 2.25 MiB
session.settle()
found = session.end()
checks.equal("heap: snapshots", [(AT_LEVEL, DONE)] * 2,
             [(fields["reason"], fields["end"]) for fields in found])
checks.equal("heap: blocks", [5, 9], [fields["block_count"] for fields in found])

# ---- at the peak: the last one stays

session = Session("peak")
for _ in range(6):
    session.tell("+")
    session.settle()
session.tell("-++")
session.settle()
found = session.end()
checks.equal("peak: one", [(AT_PEAK, DONE)],
             [(fields["reason"], fields["end"]) for fields in found])
checks.equal("peak: blocks", [6], [fields["block_count"] for fields in found])
graph = seep("graph", f"{session.recording.path}@snapshot:{found[0]['id']}")
checks.equal("peak: it can be looked at", 0, graph.returncode)
for command in ("graph", "leaks"):
    at_peak = seep(command, "--json", f"{session.recording.path}@peak")
    checks.equal(f"peak: {command} FILE@peak", 0, at_peak.returncode)
    found_blocks = json.loads(at_peak.stdout)["processes"][0]
    if command == "graph":
        checks.equal("peak: blocks of FILE@peak", 6, found_blocks["blocks"])
    else:
        checks.equal("peak: scan of FILE@peak", True, found_blocks["scan"]["done"])
checks.equal("peak: types of FILE@peak", 0,
             seep("report", "--by=type", f"{session.recording.path}@peak").returncode)
none = record([target("ends"), "exit"]).path
for arguments in (["graph"], ["leaks"], ["report", "--by=type"], ["export", "--format=dot"]):
    refused = seep(*arguments, f"{none}@peak")
    checks.equal(f"no peak: {arguments}: status", 2, refused.returncode)
    checks.true(f"no peak: {arguments}: says what helps", b"--snapshot-at=peak" in refused.stderr,
                refused.stderr)
checks.true("peak: it is listed", " peak" in seep("info", session.recording.path).stdout.decode())

# ---- of memory, and of a limit

session = Session("rss=16m")
session.settle()
# 16 MiB, and what a process needs: it comes before the last of them
session.tell_and_wait("+" * 64, "a snapshot at 16 MiB in memory")
found = session.end()
checks.equal("rss: snapshots", [(AT_LEVEL, DONE)],
             [(fields["reason"], fields["end"]) for fields in found])

session = Session("limit=50%", command=["/bin/sh", "-c", "ulimit -d 32768; exec \"$0\"",
                                        target("levels")])
session.settle()
session.tell_and_wait("+" * 64, "a snapshot at half of the limit")  # 16 MiB of 32
found = session.end()
checks.equal("limit: snapshots", [(AT_LEVEL, DONE)],
             [(fields["reason"], fields["end"]) for fields in found])

# ---- by a signal to seep

# The target would die of it. The shell is read as it stands, and the other one by a copy of it.
recording, process = start(["/bin/sh", "-c", f'"{target("waits")}" 80; exit 5'],
                           options=["--snapshot-signal=USR2"], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE)
process.stdout.readline()


def count_requested():
    found = json.loads(seep("info", "--json", recording.path).stdout)["snapshots"]
    return len([each for each in found if (each["taken"], each["result"]) == ("request", "done")])


for wanted in (2, 4):
    process.send_signal(signal.SIGUSR2)
    wait_until(f"{wanted} snapshots", lambda: count_requested() >= wanted)
process.communicate(b"\n", timeout=TIMEOUT_S)
checks.equal("a signal: status", 5, process.returncode)
checks.equal("a signal: snapshots", 4, count_requested())
checks.equal("a signal: of both", [0, 0, 1, 1], sorted(
    each["process_id"] for each in json.loads(seep("info", "--json", recording.path).stdout)[
        "snapshots"] if each["taken"] == "request"))
for wrong in ("KILL", "CHLD", "61", "0", "RTMIN+99", "x"):
    finished = seep("run", f"--snapshot-signal={wrong}", "--", "true")
    checks.equal(f"{wrong}: status", 125, finished.returncode)
    checks.true(f"{wrong}: message", b"--snapshot-signal" in finished.stderr, finished.stderr)
for right in ("RTMIN+1", "SIGUSR1", "12"):
    finished = seep("run", "-q", "-o", new_path(), f"--snapshot-signal={right}", "--", "true")
    checks.equal(f"{right}: status", 0, finished.returncode)

# ---- at intervals, of all

# Large ones are read one after the other: the second has its turn, too. They wait without a time
# limit: what begins anew whenever a process was stopped would never be over. (What a shell runs in
# the background reads /dev/null, which is what `<&0` means there.)
LARGE = "import sys; large = b'x' * (80 << 20); print('ready', flush=True); sys.stdin.readline()"
recording, process = start(["/bin/sh", "-c",
                            'exec 3<&0; "$1" -c "$0" <&3 & "$1" -c "$0" <&3 & wait', LARGE,
                            sys.executable],
                           options=["--snapshot-every=1ms", "--snapshot-at=peak", "--python=off"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for _ in range(2):
    process.stdout.readline()


def processes_at_intervals():
    found = json.loads(seep("info", "--json", recording.path).stdout)["snapshots"]
    return {each["process_id"] for each in found
            if (each["taken"], each["result"]) == ("interval", "done")}


wait_until("snapshots of both and of their shell", lambda: len(processes_at_intervals()) >= 3)
process.communicate(b"\n\n", timeout=TIMEOUT_S)
checks.equal("of all: status", 0, process.returncode)

# ---- what is no level

for wrong in ("peaks", "rss=", "limit=120%", "limit=", "x"):
    finished = seep("run", f"--snapshot-at={wrong}", "--", "true")
    checks.equal(f"{wrong}: status", 125, finished.returncode)
    checks.true(f"{wrong}: message", b"--snapshot-at" in finished.stderr, finished.stderr)
checks.finish()
