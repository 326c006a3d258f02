#!/usr/bin/python3
"""Pythons that cannot be read, or not wholly: the reason is said, no figure is made up, and what is
known without knowing Python is there."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed
from graphed import report
from pythons import builds

SEEP = os.path.abspath("./seep")
STOP = "import os, signal; kept = [object() for i in range(10000)]; " \
       "os.kill(os.getpid(), signal.SIGSTOP)"
PYTHON = "/usr/bin/python3"


def look(command, environment=None):
    """The report on a program that stops itself; None: such processes cannot be looked at."""
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "refused.seep")
        child = subprocess.Popen(command, env={**os.environ, **(environment or {})})
        os.waitpid(child.pid, os.WUNTRACED)
        done = subprocess.run([SEEP, "snapshot", str(child.pid), "-o", recording],
                              capture_output=True, text=True, timeout=120, check=False)
        child.kill()
        child.wait()
        if "not permitted" in done.stderr:
            return None
        expect(f"{command[0]}: looked at", (done.returncode, done.stderr), (0, ""))
        return report(recording)["processes"][0]


def check(name, process, reason):
    """Nothing of Python's but the reason."""
    python = process["python"]
    expect(f"{name}: reason: {python['refused']}", reason in (python["refused"] or ""), True)
    expect(f"{name}: figures", (python["arenas"], python["types"], python["garbage"]),
           (None, [], {"objects": None, "bytes": None, "types": [], "cycles": [],
            "start_objects": None, "start_bytes": None}))


def check_padded(name, process):
    """Arenas are as they are always; of the objects in them nothing is said."""
    python = process["python"]
    expect(f"{name}: note: {python['note']}", "padded by a debug allocator" in python["note"], True)
    expect(f"{name}: blocks", python["arenas"]["live_blocks"] > 10000, True)
    expect(f"{name}: types", python["types"], [])


def check_no_python():
    """The name alone makes no interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "python3.11")
        shutil.copy("/bin/sh", path)
        process = look([path, "-c", "kill -STOP $$"])
    expect("no Python: said of it", process["python"], None)


def check_recorded():
    """What needs no Python is told all the same: here each object is a block of malloc's."""
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "refused.seep")
        done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording, "--", PYTHON, "-c",
                               "kept = [object() for i in range(10000)]"],
                              env={**os.environ, "PYTHONMALLOC": "malloc"}, capture_output=True,
                              text=True, timeout=120, check=False)
        expect("recorded: run", (done.returncode, done.stderr), (0, ""))
        process = report(recording)["processes"][0]
    check("recorded", process, "PYTHONMALLOC=malloc")
    expect("recorded: allocations", process["totals"]["allocations"] > 10000, True)
    expect("recorded: sites", len(process["sites"]) > 0, True)


def check_end():
    """What runs in the background of a shell ignores SIGINT. That the end of an interpreter begins
    is seen there from 3.9 to 3.12; else it says why it is not."""
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "refused.seep")
        done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording, "--", PYTHON, "-c",
                               "kept = [object() for i in range(10000)]"],
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
                              capture_output=True, text=True, timeout=120, check=False)
        expect("end: run", (done.returncode, done.stderr), (0, ""))
        process = report(recording)["processes"][0]
    version = process["python"]["version"] or ""
    if version.split(".")[:2] not in (["3", "9"], ["3", "10"], ["3", "11"], ["3", "12"]):
        check("unseen end", process, "where SIGINT is ignored")
        return
    objects = [row["count"] for row in process["python"]["types"] if row["name"] == "object"]
    expect(f"end: {version}", (process["python"]["refused"], sum(objects) >= 10000), (None, True))


def check_build(path, reason):
    """Recorded: no Python functions on stacks, with the reason; what C asks malloc for is there."""
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(folder, "refused.seep")
        done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording, "--", path, "-c",
                               "kept = [object() for i in range(10000)]"],
                              capture_output=True, text=True, timeout=120, check=False)
        expect(f"{path}: run", (done.returncode, done.stderr), (0, ""))
        document = report(recording)
    process = document["processes"][0]
    check(f"{path}, recorded", process, reason)
    expect(f"{path}: allocations", process["totals"]["allocations"] > 100, True)
    expect(f"{path}: sites", len(process["sites"]) > 0, True)
    expect(f"{path}: Python functions", [site for site in process["sites"] for frame in site["stack"]
                                         if frame["kind"] == "python"], [])


def main():
    seen = set()
    if not os.path.exists(PYTHON):
        print(f"SKIP: there is no {PYTHON}")
        return 77
    process = look([PYTHON, "-c", STOP], {"PYTHONMALLOC": "malloc"})
    if process is None:
        print("SKIP: the memory of other processes cannot be read here")
        return 77
    check("malloc", process, "PYTHONMALLOC=malloc")
    check_padded("debug", look([PYTHON, "-c", STOP], {"PYTHONMALLOC": "debug"}))
    check_padded("-X dev", look([PYTHON, "-X", "dev", "-c", STOP]))
    check_no_python()
    check_recorded()
    check_end()
    for path, (minor, micro), is_debug, is_free_threaded in builds():
        reason = "free-threaded" if is_free_threaded else "debug build" if is_debug else \
            f"version 3.{minor}" if minor == 7 or minor > 14 else None
        name = f"3.{minor}.{micro} ({reason})"
        if reason is not None and name not in seen:
            check(name, look([path, "-c", STOP]), reason)
            check_build(path, reason)
            seen.add(name)
    print("refused: " + ", ".join(sorted(seen)))
    return is_failed()


sys.exit(main())
