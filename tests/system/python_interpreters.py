#!/usr/bin/python3
"""Several interpreters in one process, with a GIL for all or each with its own: the objects, the
garbage and the ways of all of them, as each says it of itself."""

import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from graphed import expect, report, seep
from pythons import named, run

WALK = os.path.abspath("./tests/helpers/python_walk")

# Each has 1000 objects that are kept and 50 cycles of one; the first one has half of each. What is lost is
# what gc.collect() says: up to 3.9 gc.garbage is the first interpreter's list in all of them.
PROGRAM = """
import json, os, signal, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
FIRST = '''
import gc, json
gc.disable()
class Node: pass
kept = [Node() for _ in range(%d)]
for _ in range(%d):
    node = Node()
    node.me = node
del node
nodes = sum(type(one) is Node for one in gc.get_objects())
'''
LAST = '''
gc.set_debug(gc.DEBUG_SAVEALL)
lost = gc.collect()
with open("%s", "a") as file:
    file.write(json.dumps([nodes, lost]) + chr(10))
gc.set_debug(0)
gc.garbage.clear()
'''
path, kind = sys.argv[1:]
exec(FIRST % (500, 25))
made = []
for _ in range(2):
    made.append(interpreters.create(kind) if kind else interpreters.create())
    interpreters.run_string(made[-1], FIRST % (1000, 50))
os.kill(os.getpid(), signal.SIGSTOP)
for one in made:
    interpreters.run_string(one, LAST % path)
exec(LAST % path)
"""


def count_of(rows, name):
    return sum(row["count"] for row in rows if row["name"] == name)


def look_at(folder, path, kind):
    """None: this version has no interpreters of that kind."""
    recording, told = os.path.join(folder, "plain.seep"), os.path.join(folder, "truth")
    open(told, "w", encoding="utf-8").close()
    with subprocess.Popen([path, "-c", PROGRAM, told, kind], stderr=subprocess.DEVNULL) as child:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            child.returncode = status
            return None
        done = seep("snapshot", "--force", str(child.pid), "-o", recording)
        child.send_signal(signal.SIGCONT)
        expect("went on", child.wait(), 0)
    expect("looked at", (done.returncode, done.stderr), (0, ""))
    with open(told, encoding="utf-8") as file:
        truth = [json.loads(line) for line in file]
    return report(recording, "--limit=0")["processes"][0]["python"], truth


def check(name, python, truth):
    expect(f"{name}: read", (python["refused"], python["note"]), (None, None))
    expect(f"{name}: all told", len(truth), 3)
    expect(f"{name}: objects", count_of(python["types"], "Node"), sum(nodes for nodes, _ in truth))
    expect(f"{name}: garbage of the program", count_of(python["garbage"]["types"], "Node"), 125)
    # Up to 3.8 all interpreters have one collector, and the first that is asked finds everything.
    lost = [truth[0][1]] if name.startswith("3.8.") else [lost for _, lost in truth]
    expect(f"{name}: all garbage", python["garbage"]["objects"], sum(lost))
    ways = sorted((way["count"], way["text"].split(",")[0]) for way in python["paths"]
                  if way["type"] == "Node")
    expect(f"{name}: what keeps them: {ways}",
           [(count, text.split(": ")[-1], text.startswith("interpreter ")) for count, text in ways],
           [(500, "__main__.kept[i]", False), (1000, "__main__.kept[i]", True),
            (1000, "__main__.kept[i]", True)])
    expect(f"{name}: each by its own name", len({text for _, text in ways}), 3)


def look(folder, found):
    seen = []
    for version, minor, path in named(found):
        for kind in [""] if minor < 13 else ["legacy", "isolated"]:
            name = f"{version} {kind}".strip()
            answer = look_at(folder, path, kind)
            if answer is not None:
                check(name, *answer)
                seen.append(name)
    return seen


sys.exit(run(WALK, look, "no CPython here makes interpreters"))
