#!/usr/bin/python3
"""Python's objects in the graph: what holds them, by the names of the program, what they retain,
and the blocks of malloc's that belong to them; of processes that were recorded, also with each
object's birth, and of those that were only looked at."""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed
from graphed import CLOSURE_HELD, check_schema, find, spell
from pythons import interpreters

SEEP = os.path.abspath("./seep")

# 100 lists of 30 nodes, each with 2000 bytes of its own: 6,000,000 bytes that `cache` retains.
HOLDER = """
import gc, os, signal, sys
gc.disable()
class Node:
    __slots__ = ("value", "data", "next", "__weakref__")
    def __init__(self, value):
        self.value, self.data, self.next = value, bytearray(1990), None
class Loose: pass
class Kept: pass
cache = {'k%d' % i: [Node(j) for j in range(30)] for i in range(100)}
head = None
for i in range(50):
    one = Kept()
    one.following = head
    head = one
del one
for i in range(7):
    loose = Loose(); loose.self = loose
del loose
""" + CLOSURE_HELD


def ask(recording, *arguments):
    done = subprocess.run([SEEP, "graph", "--json", *arguments, recording], capture_output=True,
                          text=True, timeout=120, check=False)
    expect(f"graph {arguments}", (done.returncode, done.stderr), (0, ""))
    document = json.loads(done.stdout)
    check_schema(document, "graph")
    return document["processes"][0]


def check_graph(name, recording, is_held_in_frame):
    graph = ask(recording)
    nodes = find(graph["types"], "Node")
    expect(f"{name}: nodes", (nodes["blocks"], nodes["source"]), (3000, "python"))
    expect(f"{name}: they retain {nodes['retained_bytes']}",
           6_000_000 <= nodes["retained_bytes"] <= 6_700_000, True)
    expect(f"{name}: main", find(graph["roots"], "__main__").get("kind"), "python")
    main = find(graph["roots"], "__main__")["retained_bytes"]
    expect(f"{name}: main retains {main}", 6_000_000 <= main <= 7_500_000, True)
    ways = ask(recording, "--why", "Node")["paths"]
    expect(f"{name}: ways to nodes", ways[0]["blocks"], 3000)
    spelt = spell(ways[0]["path"])
    expect(f"{name}: a way: {spelt}", spelt.startswith("__main__.cache['k") and
           spelt.endswith("]") and spelt.count("[") == 2, True)
    ways = ask(recording, "--why", "Kept")["paths"]
    expect(f"{name}: the list's head", spell(ways[0]["path"]).startswith("__main__.head"), True)
    ways = ask(recording, "--why", "complex")["paths"]
    wanted = "work().rows.cell_contents[" if is_held_in_frame else \
        "__main__.kept.__closure__[0].cell_contents["
    expect(f"{name}: rows: {[spell(way['path']) for way in ways]}",
           any(spell(way["path"]).startswith(wanted) for way in ways), True)
    lost = ask(recording, "--why", "Loose")["paths"]
    expect(f"{name}: garbage", {way["path"][0]["name"] for way in lost}, {"lost"})


def check_report(name, recording):
    """The report's table of types tells the same, where there is a graph."""
    done = subprocess.run([SEEP, "report", "--json", recording], capture_output=True, text=True,
                          timeout=120, check=False)
    document = json.loads(done.stdout)
    check_schema(document, "report")
    row = find(document["processes"][0]["python"]["types"], "Node")
    retained = find(ask(recording)["types"], "Node")["retained_bytes"]
    expect(f"{name}: report: retained", row["retained_bytes"], retained)


def check_stopped(folder, path, name):
    recording = os.path.join(folder, f"{name}.stopped.seep")
    child = subprocess.Popen([path, "-c", HOLDER, "stop"])
    os.waitpid(child.pid, os.WUNTRACED)
    done = subprocess.run([SEEP, "snapshot", str(child.pid), "-o", recording], capture_output=True,
                          text=True, timeout=120, check=False)
    child.kill()
    child.wait()
    if "not permitted" in done.stderr:
        return False
    expect(f"{name}: looked at", (done.returncode, done.stderr), (0, ""))
    check_graph(f"{name} stopped", recording, True)
    check_report(f"{name} stopped", recording)
    return True


def check_recorded(folder, path, name, *options):
    recording = os.path.join(folder, f"{name}.seep")
    done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording,
                           "--force", *options, "--", path, "-c",
                           HOLDER, "go"], capture_output=True, text=True, timeout=120, check=False)
    expect(f"{name}: run", (done.returncode, done.stderr), (0, ""))
    check_graph(f"{name} {options}", recording, False)
    if options:
        graph = ask(recording)
        # An interpreter that learns comes to the first few by another way through C.
        stacks = [{(frame["function"] or "").rsplit(".", 1)[-1] for frame in site["stack"]}
                  for site in graph["sites"] if site["type"] == "Node" and site["blocks"] >= 2990]
        expect(f"{name}: births of nodes: {stacks}", len(stacks) == 1 and "<module>" in stacks[0],
               True)
    leaks = subprocess.run([SEEP, "leaks", "--json", recording], capture_output=True, text=True,
                           timeout=120, check=False)
    expect(f"{name}: leaks", leaks.returncode, 0)


def main():
    found = interpreters()
    if not found:
        print("SKIP: there is no CPython from 3.8 on")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        for (minor, micro), path in sorted(found.items()):
            name = f"3.{minor}.{micro}"
            if not check_stopped(folder, path, name):
                print("SKIP: the memory of other processes cannot be read here")
                return 77
            check_recorded(folder, path, name)
            check_recorded(folder, path, name, "--python=objects")
    return is_failed()


sys.exit(main())
