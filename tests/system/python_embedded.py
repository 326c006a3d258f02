#!/usr/bin/python3
"""CPython within other programs: loaded late, linked with, linked in statically; on the first thread
and on another one. What is read of it is what it says of itself, and stacks have its functions."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from graphed import SEEP, expect, report, seep
from pythons import named, run

WALK = os.path.abspath("./tests/helpers/python_walk")
TARGET = os.path.abspath("./tests/targets/embedding")
SOURCE = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "tests/targets/embedding.c")
PLACES = """
import json, os, sys, sysconfig
v = sysconfig.get_config_var
folders = [v("LIBDIR"), os.path.join(v("LIBDIR") or "", v("MULTIARCH") or ""), v("LIBPL")]
find = lambda name: next((os.path.join(folder or "", name) for folder in folders
                          if name and os.path.isfile(os.path.join(folder or "", name))), None)
print(json.dumps({"home": sys.prefix, "shared": find(v("INSTSONAME")), "static": find(v("LIBRARY"))}))
"""

# 3000 objects that are kept, 40 cycles of one. A thread stops all of them at once only where the
# signal is its own.
PROGRAM = """
import gc, json, os, signal, threading
gc.disable()
class Node: pass
def make(): return [Node() for _ in range(3000)]
kept = make()
def grow(): return bytearray(1234567)
big = grow()
for i in range(40):
    node = Node()
    node.me = node
del node
truth = {"nodes": sum(type(one) is Node for one in gc.get_objects())}
if os.environ.get("SEEP_STOP"):
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
gc.set_debug(gc.DEBUG_SAVEALL)
gc.collect()
truth["garbage"] = len(gc.garbage)
gc.set_debug(0)
with open(os.environ["SEEP_TRUTH"], "w") as file:
    json.dump(truth, file)
gc.garbage.clear()
"""


def count_of(rows, name):
    return sum(row["count"] for row in rows if row["name"] == name)


def check_python(name, python, truth):
    nodes = (count_of(python["types"], "Node"), count_of(python["garbage"]["types"], "Node"))
    expect(f"{name}: read", (python["refused"], python["note"]), (None, None))
    expect(f"{name}: objects", nodes, (truth["nodes"], 40))
    ways = [(way["text"].split(",")[0], way["count"]) for way in python["paths"]
            if way["type"] == "Node"]
    expect(f"{name}: what keeps them", ways, [("__main__.kept[i]", 3000)])


def look_at(folder, command, environment):
    recording, told = os.path.join(folder, "plain.seep"), os.path.join(folder, "truth.json")
    with subprocess.Popen(command, env={**environment, "SEEP_TRUTH": told, "SEEP_STOP": "1"}) as child:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        expect("it stopped", os.WIFSTOPPED(status), True)
        done = seep("snapshot", "--force", str(child.pid), "-o", recording)
        child.send_signal(18)
        child.wait()
    expect("looked at", (done.returncode, done.stderr), (0, ""))
    with open(told, encoding="utf-8") as file:
        return report(recording)["processes"][0]["python"], json.load(file)


def check_plain(folder, name, command, environment):
    for thread in ("main", "thread"):
        python, truth = look_at(folder, [*command, thread, PROGRAM], environment)
        check_python(f"{name} ({thread})", python, truth)
        expect(f"{name} ({thread}): garbage", python["garbage"]["objects"], truth["garbage"])


def check_recorded(folder, name, command, environment):
    recording = os.path.join(folder, "recorded.seep")
    told = os.path.join(folder, "truth.json")
    done = subprocess.run([SEEP, "run", "-q", "--force", "--scan-budget=120s", "-o", recording, "--",
                           *command, "thread", PROGRAM], capture_output=True, text=True,
                          timeout=300, check=False, env={**environment, "SEEP_TRUTH": told})
    expect(f"{name}: run", (done.returncode, done.stderr), (0, ""))
    process = report(recording, "--limit=0")["processes"][0]
    stacks = [[frame["function"] for frame in site["stack"] if frame["kind"] == "python"]
              for site in process["sites"] if 1234567 <= site["peak_bytes"] < 1234567 + 4096]
    expect(f"{name}: Python on stacks", stacks, [["grow", "<module>"]])
    nodes = count_of(process["python"]["types"], "Node")
    # What was garbage is gone, or in a list that was emptied.
    expect(f"{name}: seen at its end: {nodes}", 3000 <= nodes <= 3040, True)


def build(folder, name, *options):
    """None: there is no compiler, or it cannot be linked here."""
    program = os.path.join(folder, name)
    try:
        done = subprocess.run([os.environ.get("CC", "cc").split()[-1], "-DLINKED", "-o", program,
                               SOURCE, *options, "-lpthread", "-ldl"],
                              capture_output=True, text=True, timeout=300, check=False)
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        print(f"{name}: not built: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return program


def check_library(folder, name, path, is_distribution):
    asked = subprocess.run([path, "-I", "-c", PLACES], capture_output=True, text=True, timeout=60,
                           check=True)
    places = json.loads(asked.stdout)
    environment = {**os.environ, "PYTHONHOME": places["home"]}
    ways = []
    if places["shared"]:
        ways.append(("loaded", [TARGET, places["shared"]]))
    if is_distribution and places["shared"]:
        ways.append(("linked", [build(folder, "linked", places["shared"]), "-"]))
    if is_distribution and places["static"]:
        ways.append(("static", [build(folder, "static", places["static"], "-no-pie",
                                      "-Wl,--export-dynamic", "-lm", "-lz", "-lexpat", "-lutil"), "-"]))
    for way, command in ways:
        if command[0] is None:
            continue
        check_plain(folder, f"{name} {way}", command, environment)
        if is_distribution and way != "linked":
            check_recorded(folder, f"{name} {way}", command, environment)
    return [way for way, command in ways if command[0]]


def look(folder, found):
    return [f"{name} {way}" for name, _, path in named(found)
            for way in check_library(folder, name, path, path.startswith("/usr/bin/"))]


sys.exit(run(WALK, look, "there is no libpython"))
