#!/usr/bin/env python3
"""Stacks of Python programs, of each CPython on this machine: what seep says of a stack is what Python
itself says of it, on the main thread and on another, with C where C is; arenas are arenas; objects are
blocks on request; lines sum up; workers have the same fingerprints; and a build that is not
understood is said to be none."""
import glob
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, SOURCE, Checks, check_invariants, record, run, seep

checks = Checks()
PROGRAM = os.path.join(SOURCE, "tests/system/python_stacks.py")
SAID = ("import sys, sysconfig; print(sys.implementation.name, *sys.version_info[:2], "
        "bool(sysconfig.get_config_var('Py_DEBUG')), "
        "bool(sysconfig.get_config_var('Py_GIL_DISABLED')))")


def find_pythons():
    """By version: an executable that is a plain CPython, and debug builds."""
    plain, debug = {}, []
    places = ["/usr/bin/python3", shutil.which("python3") or "", *glob.glob("/usr/bin/python3.*"),
              *glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))]
    for path in places:
        if not path or not os.access(path, os.X_OK):
            continue
        asked = run([path, "-c", SAID])
        words = asked.stdout.decode().split()
        if asked.returncode != 0 or len(words) != 5 or words[0] != "cpython":
            continue
        version = int(words[1]), int(words[2])
        if words[3] == "True":
            debug.append(path)
        elif words[4] == "False" and (3, 8) <= version <= (3, 14):
            plain.setdefault((version, words[0]), path)
    return [(f"{key[0][0]}.{key[0][1]}", path) for key, path in sorted(plain.items())], debug


def python_of(stack):
    return [[frame["function"], frame["line"]] for frame in stack if frame["kind"] == "python"]


def sites_of(report, size, process=0):
    return [site for site in report["processes"][process]["sites"]
            if site["allocated_bytes"] // max(site["allocations"], 1) in range(size, size + 64)]


def judge_stacks(version, report, truth):
    sites = sites_of(report, 1234567)
    checks.equal(f"{version}: stacks", sorted(truth),
                 sorted(python_of(site["stack"]) for site in sites))
    for site in sites:
        names = [frame["function"] for frame in site["stack"]]
        checks.true(f"{version}: nothing of the evaluation is left",
                    "_PyEval_EvalFrameDefault" not in names, str(names))
        kinds = [frame["kind"] for frame in site["stack"]]
        place = next(i for i, name in enumerate(names) if name == "keyf")
        checks.equal(f"{version}: C behind the key", ["python", "native"], kinds[place:place + 2])
        checks.true(f"{version}: Python frames have files",
                    all(frame["file"] and not frame["module"] for frame in site["stack"]
                        if frame["kind"] == "python"))
    checks.equal(f"{version}: guessed stacks", 0, report["quality"]["approximate_stacks"])
    checks.equal(f"{version}: unknown frees", 0, report["quality"]["unknown_frees"])


def judge_arenas(version, report):
    arenas = [mapping for mapping in report["processes"][0]["mappings"]
              if mapping["function"] == "Python arena"]
    checks.equal(f"{version}: arenas are one row", 1, len(arenas))
    if arenas:
        checks.equal(f"{version}: of nobody", [], arenas[0]["stack"])
        checks.equal(f"{version}: what is in them", "objects inside not traced; --python=objects",
                     arenas[0]["note"])


def judge_workers(version, report):
    found = [{site["fingerprint"] for site in sites_of(report, 3456789, process)}
             for process in range(1, len(report["processes"]))]
    checks.equal(f"{version}: workers", 2, len(found))
    checks.true(f"{version}: do the same", len(found) == 2 and found[0] == found[1] != set(),
                str(found))


def judge_lines(version, recording, truth):
    read = seep("report", "--json", "--by=python-line", "--process=0", recording.path)
    checks.equal(f"{version}: by line", 0, read.returncode)
    line = truth[0][0][1]
    rows = json.loads(read.stdout)["processes"][0]["by"]["rows"]
    row = next((row for row in rows if row["name"] == f"python_stacks.py:{line} grab"), None)
    checks.true(f"{version}: the line of the buffers",
                row is not None and row["line"] == line and
                row["self"]["allocated_bytes"] >= 2 * 1234567, str(rows[:3]))


def judge_objects(version, report, truth):
    checks.equal(f"{version}: stacks of objects' program", sorted(truth),
                 sorted(python_of(site["stack"]) for site in sites_of(report, 1234567)))
    items = [site for site in report["processes"][0]["sites"]
             if site["allocation_function"] == "PyObject_Malloc" and site["allocations"] == 20000]
    checks.equal(f"{version}: objects", 1, len(items))
    for site in items:
        names = [name for name, _ in python_of(site["stack"])]
        checks.equal(f"{version}: made by", "make", [n for n in names if n != "<listcomp>"][0])
    checks.equal(f"{version}: objects' unknown frees", 0, report["quality"]["unknown_frees"])


def record_program(name, python, options):
    said = os.path.join(SCRATCH, "said.json")
    recording = record([python, PROGRAM, said], ["--no-scan", *options])
    checks.equal(f"{name}: status", 0, recording.status)
    check_invariants(checks, name, recording.report)
    with open(said, encoding="utf-8") as text:
        return recording, json.load(text)


def judge(version, python):
    recording, truth = record_program(version, python, [])
    judge_stacks(version, recording.report, truth)
    judge_arenas(version, recording.report)
    judge_workers(version, recording.report)
    judge_lines(version, recording, truth)


def judge_with_objects(python):
    recording, truth = record_program("objects", python, ["--python=objects"])
    judge_objects("objects", recording.report, truth)


def judge_off(python):
    recording = record([python, PROGRAM, os.path.join(SCRATCH, "said.json")],
                       ["--no-scan", "--python=off"])
    kinds = {frame["kind"] for process in recording.report["processes"]
             for site in process["sites"] for frame in site["stack"]}
    checks.true("off: no Python", "python" not in kinds, str(kinds))


def judge_debug(python):
    recording = record([python, "-c", "pass"], ["--no-scan"])
    problems = recording.report["quality"]["problems"]
    checks.equal("a debug build: status", 0, recording.status)
    checks.true("a debug build is said to be one",
                any(problem["kind"] == "no_python" and "debug build" in problem["text"]
                    for problem in problems), str(problems))


def main():
    pythons, debug = find_pythons()
    if not pythons:
        print("no CPython of a version that is known")
        sys.exit(77)
    for version, python in pythons:
        judge(version, python)
    judge_with_objects(pythons[-1][1])
    judge_off(pythons[-1][1])
    for python in debug[:1]:
        judge_debug(python)
    print("with", *(version for version, _ in pythons))
    checks.finish()


main()
