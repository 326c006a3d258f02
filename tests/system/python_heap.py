#!/usr/bin/python3
"""Python's heap from outside, beside what the interpreter says of itself: for the distribution's
python3 and every CPython that pyenv has."""

import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect
from graphed import python_of
from pythons import named, run

SEEP = os.path.abspath("./seep")
WALK = os.path.abspath("./tests/helpers/python_walk")
TARGETS = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "tests", "targets")


class Stopped:
    """A program that stops itself; waited for without a clock."""

    def __init__(self, path, arguments, environment=None):
        self.child = subprocess.Popen([path, *arguments], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, **(environment or {})})
        _, status = os.waitpid(self.child.pid, os.WUNTRACED)
        self.is_stopped = os.WIFSTOPPED(status)

    def walk(self):
        done = subprocess.run([WALK, str(self.child.pid)], capture_output=True, text=True,
                              timeout=120, check=False)
        expect("walked", (done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def go_on(self):
        os.kill(self.child.pid, signal.SIGCONT)
        _, errors = self.child.communicate(timeout=120)
        return errors

    def end(self):
        self.child.kill()
        self.child.communicate()


def read_truth(path):
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split(" ", 1) for line in lines)


def read_classes(errors):
    """The table of sys._debugmallocstats: class, size, pools, blocks in use, free blocks."""
    classes = {}
    for line in errors.splitlines():
        words = line.split()
        if len(words) == 5 and all(word.isdigit() for word in words):
            classes[int(words[1])] = tuple(map(int, words[2:]))
    return classes


class Seen:
    def __init__(self, lines):
        self.objects, self.tracked, self.garbage, self.classes = {}, set(), {}, {}
        self.refused = None
        for line in lines:
            kind, rest = line.split(" ", 1)
            if kind == "object":
                address, name = rest.split(" ", 1)
                self.objects[address.rstrip("+")] = name
                if address.endswith("+"):
                    self.tracked.add(address[:-1])
            elif kind == "garbage":
                address, name = rest.split(" ", 1)
                self.garbage[address] = name
            elif kind == "class":
                size, *figures = map(int, rest.split())
                self.classes[size] = tuple(figures)
            elif kind == "refused":
                self.refused = rest


def is_same_name(seen, named):
    return seen == named or seen.rsplit(".", 1)[-1] == named


def check_classes(name, seen, errors):
    """The print itself makes and frees a few blocks."""
    truth = read_classes(errors)
    expect(f"{name}: classes", sorted(seen.classes), sorted(truth))
    for size, (pools, used, free) in truth.items():
        found = seen.classes.get(size, (0, 0, 0))
        expect(f"{name}: class {size}", (found[0], abs(found[1] - used) <= 3,
                                         abs(found[2] - free) <= 3), (pools, True, True))


def check_truth(folder, path, name):
    truth = os.path.join(folder, name)
    stopped = Stopped(path, [f"{TARGETS}/python_truth.py", truth])
    expect(f"{name}: stopped", stopped.is_stopped, True)
    seen = Seen(stopped.walk())
    errors = stopped.go_on()
    expect(f"{name}: refused", seen.refused, None)
    everything = read_truth(truth + ".all")
    wrong = [(address, named, seen.objects[address]) for address, named in everything.items()
             if address in seen.objects and not is_same_name(seen.objects[address], named)]
    expect(f"{name}: of another type", wrong[:3], [])
    missing = [named for address, named in everything.items() if address not in seen.objects]
    expect(f"{name}: not seen: {missing[:5]}", len(missing) <= len(everything) // 1000, True)
    tracked = read_truth(truth + ".tracked")
    expect(f"{name}: the collector knows", sorted(set(tracked) - seen.tracked)[:3], [])
    garbage = read_truth(truth + ".garbage")
    # Every file of truth is open for a moment; what it is made of is not there any more.
    expect(f"{name}: garbage", sorted(seen.garbage.items())[:5] if set(seen.garbage) != set(garbage)
           else [], [])
    expect(f"{name}: nodes of garbage", sum(named == "Node" for named in seen.garbage.values()), 90)
    check_classes(name, seen, errors)


def check_refusals(path):
    stop = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    stopped = Stopped(path, ["-c", stop], {"PYTHONMALLOC": "malloc"})
    refused = Seen(stopped.walk()).refused or ""
    stopped.end()
    expect(f"without arenas: {refused}", "PYTHONMALLOC=malloc" in refused, True)
    stopped = Stopped("/bin/sh", ["-c", "kill -STOP $$"])
    expect("no Python", Seen(stopped.walk()).refused, "no CPython")
    stopped.end()


def count_of(rows, name):
    return sum(row["count"] for row in rows if row["name"] == name)


HOLDER = """
import gc
class Node: pass
class Pair: pass
gc.disable()
cache = {'k%d' % i: [Node() for j in range(3)] for i in range(100)}
for i in range(7):
    a = Pair(); b = Pair(); a.other = b; b.other = a
del a, b
"""


def check_wrapped(folder, path, name):
    """A program that just ends: it is looked at before its interpreter takes itself apart."""
    recording = os.path.join(folder, f"{name}.seep")
    done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording, "--",
                           path, "-c", HOLDER],
                          capture_output=True, text=True, timeout=120, check=False,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    expect(f"{name}: run", (done.returncode, done.stderr), (0, ""))
    python = python_of(recording)
    if not python:
        expect(f"{name}: it is Python", python, "an object")
        return
    expect(f"{name}: read", (python["implementation"], python["version"], python["refused"]),
           ("CPython", name, None))
    expect(f"{name}: nodes", count_of(python["types"], "Node"), 300)
    expect(f"{name}: garbage", count_of(python["garbage"]["types"], "Pair"), 14)
    expect(f"{name}: cycles", [cycle["count"] for cycle in python["garbage"]["cycles"] if
                               cycle["text"] == "Pair -> (other) Pair -> (other) Pair"], [7])
    expect(f"{name}: what holds nodes",
           [path["text"].split(",")[0] for path in python["paths"] if path["type"] == "Node"],
           ["__main__.cache[k][i]"])
    expect(f"{name}: an example", [path["text"].split("such as ")[1] for path in python["paths"]
                                   if path["type"] == "Node"], ["__main__.cache['k0'][0]"])
    text = subprocess.run([SEEP, "report", recording], capture_output=True, text=True, timeout=120,
                          check=False).stdout
    expect(f"{name}: as text", f"CPython {name}, at snapshot 0" in text, True)


PINNING = """
import os, signal
many = [object() for i in range(1500000)]
kept = many[::10000]
del many
os.kill(os.getpid(), signal.SIGSTOP)
"""


def check_plain(folder, path, name):
    """One that nobody records: 150 objects keep about as many KiB times 160."""
    recording = os.path.join(folder, f"{name}.plain.seep")
    stopped = Stopped(path, ["-c", PINNING])
    done = subprocess.run([SEEP, "snapshot", str(stopped.child.pid), "-o", recording],
                          capture_output=True, text=True, timeout=120, check=False)
    stopped.end()
    expect(f"{name}: looked at", (done.returncode, done.stderr), (0, ""))
    python = python_of(recording)
    pinned = python["arenas"]["pinned"]
    expect(f"{name}: bytes pinned: {pinned['bytes']}", pinned["bytes"] >= 18 << 20, True)
    expect(f"{name}: by few", pinned["live_blocks"] <= 400, True)
    expect(f"{name}: of this type", count_of(pinned["types"], "object") >= 130, True)
    expect(f"{name}: held by", pinned["paths"][0]["text"].split("[")[0], "__main__.kept")
    expect(f"{name}: nothing is lost for sure", subprocess.run(
        [SEEP, "leaks", recording], capture_output=True, text=True, timeout=120,
        check=False).stdout.count("not scanned"), 1)


STARTED = """
import gc, os, signal
gc.disable()
class Own: pass
def leave(count):
    for i in range(count):
        one = Own(); one.self = one
if {count}: leave({count})
os.kill(os.getpid(), signal.SIGSTOP)
found = gc.collect()
open({path!r}, "w").write(str(found))
"""


def check_start_garbage(folder, path, name):
    """What importing the standard library leaves is marked; all together is what a collection
    finds, with 30,000 cycles of the program's own (and their classes' dictionaries) beside it."""
    for count in (0, 30000):
        truth = os.path.join(folder, f"{name}.collected")
        recording = os.path.join(folder, f"{name}.start.seep")
        stopped = Stopped(path, ["-c", STARTED.format(count=count, path=truth)])
        done = subprocess.run([SEEP, "snapshot", str(stopped.child.pid), "-o", recording],
                              capture_output=True, text=True, timeout=120, check=False)
        expect(f"{name}: started, looked at", (done.returncode, done.stderr), (0, ""))
        stopped.go_on()
        with open(truth, encoding="utf-8") as text:
            collected = int(text.read())
        garbage = python_of(recording)["garbage"]
        own = sum(row["count"] for row in garbage["types"] if row["name"] == "Own")
        expect(f"{name}: own garbage", own, count)
        expect(f"{name}: all garbage", garbage["objects"], collected)
        expect(f"{name}: of the start, beside {count}: {garbage['start_objects']}",
               0 <= garbage["objects"] - garbage["start_objects"] - count <= count, True)
        own_cycles = [cycle["count"] for cycle in garbage["cycles"]]
        expect(f"{name}: cycles of the program", own_cycles, [count] if count else [])


def look(folder, found):
    for name, _, path in named(found):
        check_truth(folder, path, name)
        check_wrapped(folder, path, name)
        check_plain(folder, path, name)
        check_start_garbage(folder, path, name)
    check_refusals(next(iter(found.values())))
    return [name for name, _, _ in named(found)]


sys.exit(run(WALK, look))
