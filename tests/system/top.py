#!/usr/bin/env python3
"""seep top: what a program does while it is recorded, to the byte; who cannot be looked at and why;
and recorders and targets that end while somebody looks. tests/targets/levels.c takes 256 KiB for
each byte that it is told to."""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SEEP, SOURCE, Checks, clean_environment, seep, start, target, \
    wait_until

BLOCK_BYTES = 256 * 1024
TIMEOUT_S = 300

checks = Checks()


def reports_in(text):
    """JSON objects that stand one after the other."""
    decoder, found = json.JSONDecoder(), []
    text = text.decode().strip()
    while text:
        report, end = decoder.raw_decode(text)
        found.append(report)
        text = text[end:].lstrip()
    return found


def validate(report):
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError:
        return
    name = report["schema"].replace("/", "-")
    with open(f"{SOURCE}/schema/{name}.json", encoding="utf-8") as file:
        validator = jsonschema.Draft202012Validator(json.load(file))
    checks.equal(f"{name}: schema", [], [error.message for error in validator.iter_errors(report)])


class Target:
    """The recorded program, told byte by byte what to do."""

    def __init__(self):
        self.recording, self.recorder = start([target("levels")], stdin=subprocess.PIPE,
                                              stdout=subprocess.PIPE)
        self.tell(".")
        with open(f"/proc/{self.recorder.pid}/task/{self.recorder.pid}/children",
                  encoding="utf-8") as file:
            self.pid = int(file.read().split()[0])

    def tell(self, what):
        for byte in what.encode():
            self.recorder.stdin.write(bytes([byte]))
            self.recorder.stdin.flush()
            checks.equal("it answers", bytes([byte]), self.recorder.stdout.read(1))

    def end(self):
        self.recorder.communicate(timeout=TIMEOUT_S)
        checks.equal("it ended as it would", 0, self.recorder.returncode)


class Looking:
    """A seep top that prints a report after the other; the interval is short, and each is waited for."""

    def __init__(self, pid, count=100000):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [SEEP, "top", "--json", f"--count={count}", "--interval=20ms", str(pid)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())

    def next(self):
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line == b"}\n":
                return json.loads(b"".join(lines))
        return None

    def next_with(self, what, is_wanted):
        """The first one of that kind."""
        while (report := self.next()) is not None:
            if is_wanted(report):
                return report
        checks.equal(f"a report: {what}", True, False)
        return None

    def end(self):
        rest, errors = self.process.communicate(timeout=TIMEOUT_S)
        return reports_in(rest), errors.decode(), self.process.returncode


def live_bytes(report):
    return report["processes"][0]["totals"]["live_bytes"]


def blocks_site(report):
    """What main took; the rest is libc's."""
    found = [site for site in report["processes"][0]["sites"]
             if site["stack"] and site["stack"][0]["module"].endswith("/levels")]
    return found[0] if found else None


# ---- what it tells

session = Target()
session.tell("+++")
wait_until("its events are told",
           lambda: live_bytes(reports_in(seep("top", "--json", str(session.pid)).stdout)[0]) >=
           3 * BLOCK_BYTES)
first = reports_in(seep("top", "--json", str(session.pid)).stdout)[0]
validate(first)
checks.equal("schema", "seep/top", first["schema"])
checks.equal("it is live", (True, True, "now"),
             (first["live"], first["complete"], first["instant"]))
checks.equal("the recording", os.path.realpath(session.recording.path), first["recording"])
checks.equal("it runs", {"running": True}, first["processes"][0]["exit"])
checks.equal("what is live", 3 * BLOCK_BYTES, blocks_site(first)["live_bytes"])
checks.equal("three blocks", (3, 0), (blocks_site(first)["allocations"],
                                      blocks_site(first)["frees"]))
checks.equal("the first has no speed", (None, None, None),
             (first["processes"][0]["interval_ns"], blocks_site(first)["per_second"],
              blocks_site(first)["grown"]))
checks.equal("too short to tell what grows", None, first["processes"][0]["growing_sites"])

looking = Looking(session.pid)
before = looking.next()
session.tell("++")
after = looking.next_with("that has them",
                          lambda report: live_bytes(report) == live_bytes(before) + 2 * BLOCK_BYTES)
if after:
    validate(after)
    checks.equal("grown since the first", {"blocks": 2, "bytes": 2 * BLOCK_BYTES},
                 blocks_site(after)["grown"])
    checks.equal("there is a speed", True, after["processes"][0]["interval_ns"] > 0)
session.tell("-")
fewer = looking.next_with("that has them no more",
                          lambda report: blocks_site(report) and
                          blocks_site(report)["live_bytes"] == 0)
if fewer:
    checks.equal("shrunk since the first", {"blocks": -3, "bytes": -3 * BLOCK_BYTES},
                 blocks_site(fewer)["grown"])

# ---- whoever else asks

everything = reports_in(seep("top", "--json", str(session.recorder.pid)).stdout)
checks.equal("by the recorder's number", [session.pid],
             [process["pid"] for process in everything[0]["processes"]])
sessions = json.loads(seep("top", "--json").stdout)
validate(sessions)
mine = [entry for entry in sessions["sessions"] if entry["recorder_pid"] == session.recorder.pid]
checks.equal("the list", [{"recorder_pid": session.recorder.pid, "pid": session.pid,
                           "command": [target("levels")],
                           "recording": os.path.realpath(session.recording.path),
                           "pids": [session.pid]}], mine)
checks.equal("the list as text", True,
             f"{target('levels')}  (pid {session.pid})" in seep("top").stdout.decode())
text = seep("top", "--count=2", "--interval=1ms", "--sort=live", str(session.pid)).stdout.decode()
checks.equal("as text", [True, True], [f"levels (pid {session.pid}), running" in text,
                                       "since the first look" in text])
hidden = json.loads(seep("top", "--json", env=dict(clean_environment(), CI="1")).stdout)
checks.equal("no arguments under CI", {1}, {len(entry["command"]) for entry in hidden["sessions"]
                                            if entry["command"]})
asked = seep("snapshot", str(session.pid))
checks.equal("a snapshot beside it", 0, asked.returncode)

# ---- the program ends

session.end()
rest, errors, status = looking.end()
checks.equal("the last report: status", (0, ""), (status, errors))
checks.equal("the last report", (False, "end", {"status": 0}),
             (rest[-1]["live"], rest[-1]["instant"], rest[-1]["processes"][0]["exit"])
             if rest else None)
validate(rest[-1])
checks.equal("the recording is whole", True, session.recording.report["complete"])

# ---- who cannot be looked at

sleeper = subprocess.Popen(["sleep", "1000"])  # pylint: disable=consider-using-with
unrecorded = seep("top", str(sleeper.pid))
checks.equal("not recorded", (2, b"", True),
             (unrecorded.returncode, unrecorded.stdout,
              b"start it with seep run" in unrecorded.stderr))
sleeper.kill()
sleeper.wait()
checks.equal("gone", (2, True), (seep("top", str(sleeper.pid)).returncode,
                                 b"there is no process" in seep("top", str(sleeper.pid)).stderr))
for wrong in ("0", "x", "-1", "99999999999999999999"):
    checks.equal(f"no number: {wrong}", 2, seep("top", "--", wrong).returncode)
if os.geteuid() == 0 and shutil.which("setpriv"):
    session = Target()
    other = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SEEP,
                            "top", str(session.pid)], capture_output=True, check=False,
                           timeout=TIMEOUT_S, env=dict(clean_environment(), TMPDIR="/tmp"))
    if b"exec" not in other.stderr:
        checks.equal("another user's", 2, other.returncode)
    session.end()

# ---- the recorder is killed

session = Target()
session.tell("++++")
looking = Looking(session.pid)
held = live_bytes(looking.next_with("all four",
                                    lambda report: live_bytes(report) >= 4 * BLOCK_BYTES))
session.recorder.kill()
rest, errors, status = looking.end()
checks.equal("killed: status", 0, status)
checks.equal("killed: the last report", (False, False, held),
             (rest[-1]["live"], rest[-1]["complete"], live_bytes(rest[-1]))
             if rest else None)
checks.equal("killed: it cannot be looked at", 2, seep("top", str(session.pid)).returncode)
session.recorder.communicate(timeout=TIMEOUT_S)

# ---- the target is killed

session = Target()
session.tell("+")
looking = Looking(session.pid)
looking.next()
os.kill(session.pid, signal.SIGKILL)
rest, errors, status = looking.end()
checks.equal("target killed: status", (0, ""), (status, errors))
checks.equal("target killed", {"signal": 9},
             rest[-1]["processes"][0]["exit"] if rest else None)
session.recorder.communicate(timeout=TIMEOUT_S)

# ---- several look at once, and the recorder is asked by all of them

session = Target()
session.tell("++")
lookers = [Looking(session.pid, count=5) for _ in range(3)]
for looker in lookers:
    rest, errors, status = looker.end()
    checks.equal("one of three", (0, "", 5), (status, errors, len(rest)))
session.end()

checks.finish()
