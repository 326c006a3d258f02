#!/usr/bin/python3
"""Python stopped anywhere: in the midst of an allocation, of a dictionary that grows, of a
collection. What stays as it is all the while must be seen as it is, each time, and nothing that
lives is called garbage. Twelve stops of the distribution's python3; with SEEP_LONG_TESTS=1 sixty of
each CPython that is found. An argument says how many, of each."""

import os
import random
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect
from pythons import named, run

WALK = os.path.abspath("./tests/helpers/python_walk")
TARGET = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "tests", "targets",
                      "python_churn.py")
IS_LONG = os.environ.get("SEEP_LONG_TESTS") == "1"
KINDS = ("counts", "cycles")


def walk(pid):
    done = subprocess.run([WALK, str(pid)], capture_output=True, text=True, timeout=300,
                          check=False)
    expect("walked", (done.returncode, done.stderr), (0, ""))
    seen = {"object": {}, "garbage": {}, "refused": None, "torn": 0}
    for line in done.stdout.splitlines():
        kind, rest = line.split(" ", 1)
        words = rest.split(" ", 1)
        if kind in ("object", "garbage"):
            seen[kind][words[0].rstrip("+")] = words[1]
        elif kind == "refused":
            seen["refused"] = rest
        elif kind == "arenas":
            seen["torn"] = int(rest.split()[2])
    return seen


def read_truth(path):
    truth = {"steady": {}, "dead": {}}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            kind, address, name = line.split()
            truth[kind][address] = name
    return truth


def is_of_type(seen, named):
    return seen is not None and seen.rsplit(".", 1)[-1] == named


def judge(name, seen, truth, kind):
    expect(f"{name}: refused", seen["refused"], None)
    wrong = [(address, named, seen["object"].get(address))
             for address, named in {**truth["steady"], **truth["dead"]}.items()
             if not is_of_type(seen["object"].get(address), named)]
    expect(f"{name}: of another type", wrong[:3], [])
    steady = sum(is_of_type(named, "Steady") for named in seen["object"].values())
    expect(f"{name}: Steady", steady, sum(named == "Steady" for named in truth["steady"].values()))
    alive = [(address, named) for address, named in seen["garbage"].items()
             if address in truth["steady"] or is_of_type(named, "Pooled")]
    expect(f"{name}: alive, and called garbage", alive[:3], [])
    if kind == "counts":
        expect(f"{name}: garbage", sorted(set(seen["garbage"].items()) ^
                                          set(truth["dead"].items()))[:3], [])


def start(path, truth, kind):
    child = subprocess.Popen([path, "-I", TARGET, truth, kind], stdout=subprocess.PIPE)
    if not os.read(child.stdout.fileno(), 1):
        expect(f"{path}: it runs", child.wait(), None)
    return child


def spin(rounds):
    for _ in range(rounds):
        pass


def stop_anywhere(child, chance):
    """The target has gone on since the last time, and then for as long as this takes."""
    os.read(child.stdout.fileno(), 65536)
    spin(chance.randrange(100000))
    os.kill(child.pid, signal.SIGSTOP)
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    return os.WIFSTOPPED(status)


def check(folder, path, name, kind, stops):
    truth_path = os.path.join(folder, f"{name}.{kind}")
    chance = random.Random(name + kind)
    child = start(path, truth_path, kind)
    truth = read_truth(truth_path)
    warned = 0
    for number in range(stops):
        if not stop_anywhere(child, chance):
            expect(f"{name} {kind}: stopped", False, True)
            break
        seen = walk(child.pid)
        judge(f"{name} {kind}, stop {number}", seen, truth, kind)
        warned += seen["torn"] > 0
        os.kill(child.pid, signal.SIGCONT)
    child.kill()
    child.communicate()
    print(f"{name} {kind}: {stops} stops, {warned} with a warning")


def look(folder, found):
    stops = int(sys.argv[1]) if len(sys.argv) > 1 else 60 if IS_LONG else 12
    chosen = named(found) if IS_LONG else named(dict([next(iter(found.items()))]))
    for name, _, path in chosen:
        for kind in KINDS:
            check(folder, path, name, kind, stops // len(KINDS))
    return [name for name, _, _ in chosen]


sys.exit(run(WALK, look))
