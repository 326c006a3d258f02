#!/usr/bin/python3
"""Objects that C code alone holds: the variable, the block of malloc's, the stack or the register that
has their address is their root; of a process that was recorded, and of one that was only looked at."""

import ctypes
import os
import platform
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from graphed import SEEP, ask, expect, find, python_of, seep, spell
from pythons import named, quickest, run

WALK = os.path.abspath("./tests/helpers/python_walk")
PLUGIN = os.path.abspath("./tests/targets/tls_plugin.so")

# A variable of libc's that nobody uses holds one object with 1000 others, and a block that nothing
# leads to holds another one with 500: in its last word, right before the block of an object.
# A variable of a library whose name has a plus, where there is it, holds another one with 700.
# A thread-local variable of a library that was loaded late holds one with 300 others in the first
# thread, and one with 200 in another; a register of a thread holds one with 100, which was made in a
# thread that is gone.
# Other values take the places on stacks where the objects were.
HOLDER = """
import ctypes, os, signal, sys, threading, time
take = ctypes.pythonapi.Py_IncRef
take.argtypes, take.restype = [ctypes.py_object], None
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
class OfVariable: pass
class OfBlock: pass
class InVariable:
    def __init__(self): self.items = [OfVariable() for _ in range(1000)]
class InBlock:
    def __init__(self): self.items = [OfBlock() for _ in range(500)]
behind = []
def hold():
    held = InVariable()
    take(held)
    ctypes.c_ulong.in_dll(libc, "re_syntax_options").value = id(held)
    held = InBlock()
    take(held)
    for _ in range(1000):
        block = libc.malloc(6392)
        behind.append(bytes(6300))
        if id(behind[-1]) == block + 6400:
            break
    ctypes.c_size_t.from_address(block + 6384).value = id(held)
hold()
class OfPlus: pass
class InPlus:
    def __init__(self): self.items = [OfPlus() for _ in range(700)]
def hold_by_plus():
    held = InPlus()
    take(held)
    ctypes.c_ulong.in_dll(ctypes.CDLL("libstdc++.so.6"), "_ZSt15future_category").value = id(held)
try:
    hold_by_plus()
except (OSError, ValueError):
    pass
plugin = ctypes.CDLL(sys.argv[2])
class OfLocal: pass
class InLocal:
    def __init__(self): self.items = [OfLocal() for _ in range(300)]
class OfOther: pass
class InOther:
    def __init__(self): self.items = [OfOther() for _ in range(200)]
class OfRegister: pass
class InRegister:
    def __init__(self): self.items = [OfRegister() for _ in range(100)]
plugin.plugin_keep_by_thread.argtypes, plugin.plugin_keep_by_thread.restype = [ctypes.c_void_p], None
plugin.plugin_keep_in_register.argtypes = [ctypes.c_uint64]
def hold_by_local(kind):
    held = kind()
    take(held)
    plugin.plugin_keep_by_thread(id(held))
def hold_by_register():
    held = InRegister()
    take(held)
    plugin.plugin_keep_in_register(id(held) ^ (2 ** 64 - 1))
there = threading.Event()
def stay():
    hold_by_local(InOther)
    there.set()
    time.sleep(100000)
hold_by_local(InLocal)
threading.Thread(target=stay, daemon=True).start()
there.wait()
passing = threading.Thread(target=hold_by_register)
passing.start()
passing.join()
def many(*numbers): return sum(sorted(numbers))
def deep(left): return many(*range(left)) + (deep(left - 1) if left else 0)
deep(100)
if sys.argv[1] == 'stop':
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def check_variable(name, recording):
    """The name comes from libc's exports."""
    graph = ask(recording)["processes"][0]
    root = find(graph["roots"], "re_syntax_options")
    expect(f"{name}: a variable: {root}", (root.get("kind"), root["retained_bytes"] >= 1000 * 32,
                                           os.path.basename(root.get("module") or "")[:5]),
           ("global", True, "libc.") if root.get("module") else ("global", True, ""))
    ways = ask(recording, "--why", "OfVariable")["processes"][0]["paths"]
    expect(f"{name}: all are held by it",
           sum(way["blocks"] for way in ways if way["path"][0]["name"] == "re_syntax_options"), 1000)
    texts = python_of(recording)["paths"]
    expect(f"{name}: in words: {texts}",
           [text["count"] for text in texts if text["type"].rsplit(".")[-1] == "OfVariable" and
            text["text"].startswith("(C variable re_syntax_options of libc")], [1000])


def has_plus():
    """Is there the variable that HOLDER uses, of a library with such a name?"""
    try:
        ctypes.c_ulong.in_dll(ctypes.CDLL("libstdc++.so.6"), "_ZSt15future_category")
        return True
    except (OSError, ValueError):
        return False


def check_plus(name, recording):
    texts = [(text["count"], text["text"].split(")")[0]) for text in python_of(recording)["paths"]
             if text["type"].rsplit(".")[-1] == "OfPlus"]
    expect(f"{name}: a library with a plus: {texts}",
           [(count, text.startswith("(C variable std::future_category of libstdc++.so"))
            for count, text in texts], [(700, True)] if has_plus() else [])


def check_block(name, recording, is_recorded):
    ways = ask(recording, "--why", "OfBlock")["processes"][0]["paths"]
    expect(f"{name}: all in the block", sum(way["blocks"] for way in ways), 500)
    root, holder = ways[0]["path"][0], ways[0]["path"][1]
    if not is_recorded:
        expect(f"{name}: what holds it", root["name"], "blocks of malloc's")
        return
    expect(f"{name}: nothing leads to the block: {spell(ways[0]['path'])}", root["name"], "lost")
    graph = ask(recording, "--limit=0")["processes"][0]
    sites = [site for site in graph["sites"] if site["retained_bytes"] >= 500 * 32 and
             site["bytes"] == 6392 * site["blocks"]]
    expect(f"{name}: the block {holder} has a site", len(sites), 1)
    names = [frame["function"] for frame in sites[0]["stack"]]
    expect(f"{name}: which is where it was allocated: {names}", "hold" in names, True)


def check_thread_local(name, recording):
    """Each thread's is a root of its own; the name is that of the variable."""
    for kind, count in (("OfLocal", 300), ("OfOther", 200)):
        ways = ask(recording, "--why", kind)["processes"][0]["paths"]
        expect(f"{name}: {kind} by a thread-local variable: {[spell(way['path']) for way in ways]}",
               sum(way["blocks"] for way in ways
                   if way["path"][0]["name"] == "kept_by_thread"), count)
        texts = [(text["count"], text["text"]) for text in python_of(recording)["paths"]
                 if text["type"].rsplit(".")[-1] == kind]
        expect(f"{name}: {kind}: {texts}",
               [(number, text.startswith("(thread-local C variable kept_by_thread of tls_plugin.so)"))
                for number, text in texts], [(count, True)])
    root = find(ask(recording, "--limit=0")["processes"][0]["roots"], "kept_by_thread")
    expect(f"{name}: a thread-local root: {root}", root.get("kind"), "tls")


def check_register(name, recording):
    if platform.machine() != "x86_64":
        return
    ways = ask(recording, "--why", "OfRegister")["processes"][0]["paths"]
    expect(f"{name}: by a register: {[spell(way['path']) for way in ways]}",
           [(way["blocks"], way["path"][0]["name"].startswith("registers of thread"))
            for way in ways], [(100, True)])
    texts = [(text["count"], text["text"]) for text in python_of(recording)["paths"]
             if text["type"].rsplit(".")[-1] == "OfRegister"]
    expect(f"{name}: by a register: {texts}",
           [(number, text.startswith("(registers of thread")) for number, text in texts],
           [(100, True)])


def look_at(folder, path):
    recording = os.path.join(folder, "stopped.seep")
    with subprocess.Popen([path, "-c", HOLDER, "stop", PLUGIN]) as child:
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED)
        done = seep("snapshot", "--force", str(child.pid), "-o", recording)
        child.kill()
    expect("looked at", (done.returncode, done.stderr), (0, ""))
    return recording


def record(folder, path):
    recording = os.path.join(folder, "recorded.seep")
    done = subprocess.run([SEEP, "run", "-q", "--force", "--scan-budget=120s", "-o", recording, "--",
                           path, "-c", HOLDER, "go", PLUGIN], capture_output=True, text=True, timeout=300,
                          check=False)
    expect("run", (done.returncode, done.stderr), (0, ""))
    return recording


def look(folder, found):
    for name, _, path in named(found):
        recording = look_at(folder, path)
        check_variable(name, recording)
        check_plus(name, recording)
        check_block(name, recording, False)
        check_thread_local(name, recording)
        check_register(name, recording)
    recording = record(folder, quickest(found))
    check_variable("recorded", recording)
    check_block("recorded", recording, True)
    check_thread_local("recorded", recording)
    check_register("recorded", recording)
    return [name for name, _, _ in named(found)]


sys.exit(run(WALK, look))
