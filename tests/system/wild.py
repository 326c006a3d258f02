#!/usr/bin/env python3
"""Targets that run wild, whose own tables are spoilt, or that die while somebody looks at them: there is
an answer or a clear word that there is none, and the recording can be read."""
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SEEP, Checks, clean_environment, seep, start, target

checks = Checks()


def start_wild(*arguments, options=()):
    recording, process = start([target("wild"), *arguments], options=list(options),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return recording, process, int(process.stdout.readline().split()[1])


def check_recording(what, recording):
    found = seep("leaks", "--json", recording.path)
    checks.equal(f"{what}: seep leaks", 0, found.returncode)
    for process in json.loads(found.stdout)["processes"]:
        if not process["scan"]["done"]:
            checks.equal(f"{what}: no figures", None, process["summary"]["definite"])
    if any(process["scan"]["done"] for process in json.loads(found.stdout)["processes"]):
        checks.equal(f"{what}: seep graph", 0, seep("graph", recording.path).returncode)


for way in ("ptrace", "signal"):
    for arguments in ((), ("links",)):
        what = f"{way} {' '.join(arguments)}"
        recording, process, pid = start_wild(*arguments, options=[f"--stop={way}"])
        for _ in range(3):
            asked = seep("snapshot", str(pid))
            checks.true(f"{what}: an answer", asked.returncode in (0, 2), asked.returncode)
            checks.true(f"{what}: in words", asked.stdout if asked.returncode == 0 else asked.stderr)
        process.communicate(timeout=120)
        checks.equal(f"{what}: status", 0, process.returncode)
        check_recording(what, recording)

    # Killed while somebody looks: at another moment each time, as chance has it.
    for turn in range(4):
        what = f"{way}: killed, {turn}"
        recording, process, pid = start_wild(options=[f"--stop={way}"])
        with subprocess.Popen([SEEP, "snapshot", str(pid)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=clean_environment()) as asking:
            for _ in range(turn * 200):
                os.sched_yield()
            os.kill(pid, signal.SIGKILL)
            output, errors = asking.communicate(timeout=120)
        checks.true(f"{what}: an answer", asking.returncode in (0, 2), asking.returncode)
        checks.true(f"{what}: in words", output or errors)
        process.communicate(timeout=120)
        checks.equal(f"{what}: status", -signal.SIGKILL, process.returncode)
        check_recording(what, recording)

checks.finish()
