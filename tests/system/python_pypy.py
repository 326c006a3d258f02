#!/usr/bin/python3
"""PyPy's heap from outside, beside what its own collector says of it (gc.dump_rpy_heap)."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from graphed import expect, is_failed, python_of
from pypy_dump import is_within, library_ranges, read_dump

SEEP = os.path.abspath("./seep")
WALK = os.path.abspath("./tests/helpers/python_walk")
TARGETS = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "tests", "targets")
IS_LONG = os.environ.get("SEEP_LONG_TESTS") == "1"


class Stopped:
    """A program that stops itself; waited for without a clock."""

    def __init__(self, arguments, nursery="4M"):
        self.child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True,
                                      env={**os.environ, "PYPY_GC_NURSERY": nursery})
        _, status = os.waitpid(self.child.pid, os.WUNTRACED)
        self.is_stopped = os.WIFSTOPPED(status)

    def end(self):
        self.child.kill()
        return self.child.communicate()[0]


def walk(pid):
    done = subprocess.run([WALK, str(pid)], capture_output=True, text=True, timeout=300,
                          check=False)
    expect("walked", (done.returncode, done.stderr), (0, ""))
    seen = {"objects": {}, "refused": None}
    for line in done.stdout.splitlines():
        kind, rest = line.split(" ", 1)
        words = rest.split(" ", 5)
        if kind in ("heap", "unsure"):
            seen[kind] = tuple(map(int, words))
        elif kind == "refused":
            seen["refused"] = rest
        else:
            seen["objects"][int(words[0], 16)] = (kind, int(words[1]), int(words[2]),
                                                  int(words[3]), int(words[4], 16), words[5])
    return seen


def check_truth(folder, pypy):
    dump = os.path.join(folder, "dump")
    stopped = Stopped([pypy, f"{TARGETS}/pypy_truth.py", dump])
    expect("stopped", stopped.is_stopped, True)
    seen = walk(stopped.child.pid)
    recording = os.path.join(folder, "plain.seep")
    done = subprocess.run([SEEP, "snapshot", str(stopped.child.pid), "-o", recording],
                          capture_output=True, text=True, timeout=120, check=False)
    expect("looked at", (done.returncode, done.stderr), (0, ""))
    lines = stopped.end().splitlines()
    nursery, in_arenas, large = map(int, lines[0].split())
    ranges = library_ranges(lines[1:])
    truth = {address: said for address, said in read_dump(dump).items()
             if not is_within(ranges, address)}
    expect("refused", seen["refused"], None)
    expect("objects in the dump", len(truth) > 30000, True)
    missing = [said for address, said in truth.items() if address not in seen["objects"]]
    expect(f"not seen, of {len(truth)}: {missing[:3]}", len(missing) <= len(truth) // 200, True)
    wrong = [(said, seen["objects"][address]) for address, said in truth.items()
             if address in seen["objects"] and seen["objects"][address][1] != said[0]]
    expect("of another type", wrong[:3], [])
    differing = [(said, seen["objects"][address]) for address, said in truth.items()
                 if address in seen["objects"] and seen["objects"][address][3:5] != said[2:4]]
    expect(f"with other references: {differing[:3]}", len(differing) <= len(truth) // 1000, True)
    dead = [address for address, said in truth.items() if address in seen["objects"] and
            not seen["objects"][address][0].endswith("+")]
    expect(f"alive, and not reached: {len(dead)}", len(dead) <= len(truth) // 1000, True)
    print(f"{len(truth)} objects: {len(missing)} not seen, {len(differing)} with other references, "
          f"{len(dead)} not reached")
    arenas, used, own_used, large_bytes, _, nursery_bytes = seen["heap"]
    expect("bytes in arenas", used, own_used)
    expect("nursery", nursery_bytes, nursery)
    expect(f"arenas: {arenas}", abs(used - in_arenas) <= in_arenas // 50, True)
    expect(f"large: {large_bytes} of {large}", abs(large_bytes - large) <= large // 20, True)
    check_report(recording)


def count_of(rows, name):
    return sum(row["count"] for row in rows if row["name"] == name)


def check_report(recording):
    python = python_of(recording, "--limit=0")
    expect("what it is", (python["implementation"], python["version"][:4], python["refused"]),
           ("PyPy", "7.3.", None))
    types = python["types"]
    expect("nodes", count_of(types, "Node"), 5021)
    expect("lists", count_of(types, "W_ListObject") >= 2000, True)
    expect("tuples", count_of(types, "W_SpecialisedTupleObject_oo") >= 2000, True)
    ways = {(path["type"], path["text"].split(",")[0]): path["count"] for path in python["paths"]}
    expect("what holds nodes", ways.get(("Node", "__main__.keep[i]")), 5000)
    expect("by a variable", ways.get(("Node", "inner().young[i]")), 20)
    expect("by a key", [path["text"] for path in python["paths"] if path["type"] == "Node" and
                        path["count"] == 1], ["__main__.named[k], such as __main__.named['first']"])
    expect("nursery", (python["pypy"]["nursery"]["bytes"], python["pypy"]["nursery"]["cause"]),
           (4 << 20, "PYPY_GC_NURSERY=4M"))
    jit = python["pypy"]["jit"]
    hot = [row for row in jit["functions"] if row["text"].startswith("hot (pypy_truth.py:")]
    expect("compiled", [row["count"] >= 1 and row["bytes"] > 100 for row in hot], [True])
    expect("its code", jit["code_bytes"] >= 1 << 20, True)
    expect("its data apart", (count_of(jit["types"], "JitCellToken") >= 1,
                              count_of(types, "JitCellToken")), (True, 0))
    stack = python["pypy"]["stacks"][0]["text"]
    frames = [frame.split(" (")[0] for frame in stack.split(" < ")][:5]
    expect(f"stack: {stack}", frames, ["inner"] * 4 + ["<module>"])
    with open(f"{TARGETS}/pypy_truth.py", encoding="utf-8") as source:
        line = next(i for i, text in enumerate(source, 1) if "SIGSTOP" in text)
    expect("line", stack.split(" < ")[0], f"inner (pypy_truth.py:{line})")
    text = subprocess.run([SEEP, "report", recording], capture_output=True, text=True, timeout=120,
                          check=False).stdout
    expect("as text", [word for word in ("Nursery", "PYPY_GC_NURSERY=4M", "hot (pypy_truth.py")
                       if word not in text], [])


HOLDER = """
class Node: pass
cache = {'k%d' % i: [Node() for j in range(3)] for i in range(100)}
"""


def check_wrapped(folder, pypy):
    """One that just ends, all of whose objects are young."""
    recording = os.path.join(folder, "wrapped.seep")
    done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording, "--",
                           pypy, "-c", HOLDER],
                          capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, "PYPY_GC_NURSERY": "64M"})
    expect("run", (done.returncode, done.stderr), (0, ""))
    python = python_of(recording, "--limit=0")
    expect("it is PyPy", python and python["implementation"], "PyPy")
    if not python:
        return
    expect("young nodes", count_of(python["types"], "Node"), 300)
    expect("what holds them", [path["text"] for path in python["paths"] if path["type"] == "Node"],
           ["__main__.cache[k][i], such as __main__.cache['k0'][0]"])
    expect("what would help", (python["pypy"]["nursery"]["bytes"], python["pypy"]["nursery"]["setting"]),
           (64 << 20, "PYPY_GC_NURSERY"))


def check_stops(pypy, stops):
    """At any moment: what stays is there, all of it, and no block is taken for what it is not."""
    chance = random.Random(7)
    child = subprocess.Popen([pypy, f"{TARGETS}/pypy_churn.py"], stdout=subprocess.PIPE,
                             env={**os.environ, "PYPY_GC_NURSERY": "512k"})
    os.read(child.stdout.fileno(), 1)
    unsure = 0
    for number in range(stops):
        os.read(child.stdout.fileno(), 65536)
        for _ in range(chance.randrange(100000)):
            pass
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        seen = walk(child.pid)
        check_steady(f"stop {number}", seen)
        blocks, pages, moved, _ = seen.get("unsure", (0, 0, 0, 0))
        expect(f"stop {number}: neither free nor objects", (blocks <= 2, pages <= 1), (True, True))
        unsure += blocks + pages + moved > 0
        os.kill(child.pid, signal.SIGCONT)
    child.kill()
    child.communicate()
    print(f"{stops} stops, {unsure} within a change")


def check_steady(what, seen):
    expect(f"{what}: refused", seen["refused"], None)
    steady = [said[0] for said in seen["objects"].values() if said[5] == "Steady"]
    expect(f"{what}: Steady, and reached",
           (len(steady), len([1 for place in steady if place.endswith("+")])), (600, 600))


def check_collecting(pypy, place, stops):
    """Within a collection, because it stops itself there: while young objects are moved, while
    what lives is marked, and while what is dead is swept."""
    child = subprocess.Popen(
        [pypy, f"{TARGETS}/pypy_churn.py", "collect"], stdout=subprocess.PIPE,
        env={**os.environ, "PYPY_GC_NURSERY": "512k", "COLLECTOR_STOP": place,
             "LD_PRELOAD": os.path.abspath("./tests/targets/collector_stop.so")})
    os.read(child.stdout.fileno(), 1)
    in_minor = 0
    for number in range(stops):
        os.kill(child.pid, signal.SIGUSR1)
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        expect(f"{place} {number}: stopped", os.WIFSTOPPED(status), True)
        if not os.WIFSTOPPED(status):
            return
        seen = walk(child.pid)
        check_steady(f"{place} {number}", seen)
        blocks, pages, moved, is_collecting = seen["unsure"]
        expect(f"{place} {number}: neither free nor objects", (blocks <= 2, pages <= 1),
               (True, True))
        in_minor += moved > 0 or is_collecting
        os.kill(child.pid, signal.SIGCONT)
    child.kill()
    child.communicate()
    print(f"{place}: {stops} stops, {in_minor} seen to be within a minor collection")


def can_read_others():
    stopped = Stopped(["/bin/sh", "-c", "kill -STOP $$"])
    done = subprocess.run([WALK, str(stopped.child.pid)], capture_output=True, timeout=60,
                          check=False)
    stopped.end()
    return done.returncode == 0


def main():
    pypy = shutil.which("pypy3")
    if pypy is None or os.uname().machine != "x86_64":
        print("SKIP: there is no pypy3 for x86-64")
        return 77
    if not can_read_others():
        print("SKIP: the memory of other processes cannot be read here")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        check_truth(folder, pypy)
        check_wrapped(folder, pypy)
    for place in ("arena", "chunk", "release"):
        check_collecting(pypy, place, 20 if IS_LONG else 4)
    check_stops(pypy, int(sys.argv[1]) if len(sys.argv) > 1 else 60 if IS_LONG else 8)
    return is_failed()


sys.exit(main())
