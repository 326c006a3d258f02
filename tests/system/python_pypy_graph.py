#!/usr/bin/python3
"""PyPy's objects in the graph: what holds them, by the names of the program, what they retain, and
the blocks of malloc's that belong to them; of a process that was recorded, and of one that was only
looked at."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from graphed import CLOSURE_HELD, ask, check_schema, expect, find, is_failed, seep, spell

# 100 lists of 30 nodes, each with 2000 bytes of its own: 6,000,000 bytes that `cache` retains, and
# that a loop has touched until it was compiled. `numbers` are 800,000 bytes of malloc's, `large` is
# too large for an arena.
HOLDER = """
import array, gc, os, signal, sys
class Node:
    def __init__(self, value):
        self.value, self.data, self.next = value, bytearray(1990), None
class Kept: pass
class Owner: pass
class Loose: pass
cache = {'k%d' % i: [Node(j) for j in range(30)] for i in range(100)}
for round in range(30):
    for row in cache.values():
        for node in row:
            node.value += 1
del row, node
owner = Owner()
owner.numbers = array.array('d', [0.5]) * 100000
large = bytearray(3000000)
head = None
for i in range(50):
    one = Kept()
    one.following = head
    head = one
del one
lost = [Loose() for i in range(500)]
if sys.argv[2] == 'old':
    gc.collect()
del lost
""" + CLOSURE_HELD
ENVIRONMENT = {**os.environ, "PYPY_GC_NURSERY": "4M"}


def graph_of(recording, *arguments):
    return ask(recording, *arguments)["processes"][0]


def check_ways(name, recording, is_held_in_frame):
    for type_name, count, start in (
            ("Node", 3000, "__main__.cache['k"), ("Kept", 50, "__main__.head"),
            ("W_ComplexObject", 1000,
             "work().rows." if is_held_in_frame else "__main__.kept.closure[0]."),
            ("W_ArrayTyped", 1, "__main__.owner.numbers")):
        ways = graph_of(recording, "--why", type_name)["paths"]
        expect(f"{name}: ways to {type_name}", ways[0]["blocks"], count)
        spelt = spell(ways[0]["path"])
        expect(f"{name}: a way to {type_name}: {spelt}", spelt.startswith(start), True)


def check_graph(name, recording, is_held_in_frame):
    graph = graph_of(recording, "--limit=0")
    nodes = find(graph["types"], "Node")
    expect(f"{name}: nodes", (nodes["blocks"], nodes["source"]), (3000, "python"))
    expect(f"{name}: they retain {nodes['retained_bytes']}",
           6_000_000 <= nodes["retained_bytes"] <= 6_500_000, True)
    main = find(graph["roots"], "__main__")
    expect(f"{name}: main", main.get("kind"), "python")
    expect(f"{name}: main retains {main['retained_bytes']}",
           9_000_000 <= main["retained_bytes"] <= 11_000_000, True)
    check_ways(name, recording, is_held_in_frame)
    return graph


def check_report(name, recording):
    """The report's table of types tells the same, and both tell of the same objects."""
    done = seep("report", "--json", "--limit=0", recording)
    document = json.loads(done.stdout)
    check_schema(document, "report")
    python = document["processes"][0]["python"]
    graph = graph_of(recording, "--limit=0")["types"]
    for type_name in ("Node", "W_BytearrayObject"):
        told = find(python["types"], type_name)
        seen = find(graph, type_name)
        expect(f"{name}: report: {type_name}", (told["count"], told["retained_bytes"]),
               (seen["blocks"], seen["retained_bytes"]))
    text = seep("report", "--by=type", recording).stdout
    expect(f"{name}: by type", any("Node (python)" in line for line in text.splitlines()), True)


def check_stopped(folder, pypy, age):
    """Nothing is known of malloc's blocks, and what is young and dead is not told of."""
    recording = os.path.join(folder, f"stopped.{age}.seep")
    child = subprocess.Popen([pypy, "-c", HOLDER, "stop", age], env=ENVIRONMENT)
    os.waitpid(child.pid, os.WUNTRACED)
    done = seep("snapshot", str(child.pid), "-o", recording)
    child.kill()
    child.wait()
    if "not permitted" in done.stderr:
        print("SKIP: the memory of other processes cannot be read here")
        sys.exit(77)
    expect("looked at", (done.returncode, done.stderr), (0, ""))
    graph = check_graph(f"stopped, {age}", recording, True)
    loose = find(graph["types"], "Loose")["blocks"]
    expect("what nothing refers to", loose, 500 if age == "old" else None)
    if age == "old":
        ways = graph_of(recording, "--why", "Loose")["paths"]
        expect("it is lost", {way["path"][0]["name"] for way in ways}, {"lost"})
    check_report(f"stopped, {age}", recording)


def check_recorded(folder, pypy):
    recording = os.path.join(folder, "recorded.seep")
    done = subprocess.run([os.path.abspath("./seep"), "run", "-q", "--scan-budget=120s",
                           "-o", recording, "--", pypy,
                           "-c", HOLDER, "go", "young"], capture_output=True, text=True,
                          timeout=120, check=False, env=ENVIRONMENT)
    expect("run", (done.returncode, done.stderr), (0, ""))
    graph = check_graph("recorded", recording, False)
    check_report("recorded", recording)
    heap = find(graph["types"], "GC memory beside objects")
    expect("arenas", (heap["blocks"] is not None and heap["blocks"] >= 2, heap.get("source")),
           (True, "python"))
    # The nursery is 4 MiB, and arenas of 512 KiB are not empty.
    expect(f"beside objects: {heap.get('bytes')}", (1 << 20) <= heap["bytes"] <= (12 << 20), True)
    owner = graph_of(recording, "--block", "Owner")["block"]
    expect("what is malloc's", owner["retained_bytes"] >= 800_000, True)
    places = graph_of(recording, "--why", "GcArray of Char")["paths"]
    expect("a large one", any(spell(way["path"]).startswith("__main__.large") for way in places),
           True)


def main():
    pypy = shutil.which("pypy3")
    if pypy is None or os.uname().machine != "x86_64":
        print("SKIP: there is no pypy3 for x86-64")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        check_stopped(folder, pypy, "old")
        check_stopped(folder, pypy, "young")
        check_recorded(folder, pypy)
    return is_failed()


sys.exit(main())
