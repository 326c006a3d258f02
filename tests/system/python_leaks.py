#!/usr/bin/python3
"""References that nobody holds, in each CPython that there is: none after an import of much; those
that a program leaks, each with its surplus; none that stands in a C struct, a C variable or on a
stack."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect
from graphed import SEEP, python_of
from pythons import named, quickest, run

WALK = os.path.abspath("./tests/helpers/python_walk")

IMPORTS = """
import argparse, ast, asyncio, collections, contextlib, copy, csv, ctypes, dataclasses, datetime
import decimal, email, enum, functools, glob, gzip, hashlib, heapq, html, http.client, inspect, io
import itertools, json, logging, math, os, pathlib, pickle, platform, queue, random, re, shutil
import signal, socket, struct, subprocess, tempfile, textwrap, threading, time, traceback, typing
import unittest, urllib.request, uuid, warnings, weakref, xml.etree.ElementTree, zipfile
"""

STOP = """
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
"""

# Py_IncRef is an extension that forgets; what hold() takes is held where C code may hold it. At the
# end other values take the places on stacks where the last objects were.
LEAKS = """
import ctypes
take = ctypes.pythonapi.Py_IncRef
take.argtypes, take.restype = [ctypes.py_object], None
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
class Node:
    def __init__(self, number): self.number = [number]; self.me = self
class Slotted:
    __slots__ = ("one", "two")
class Leaked: pass
class Held: pass
def leak(objects, times):
    for one in objects:
        for _ in range(times): take(one)
def hold():
    for _ in range(20):
        held = Held()
        take(held)
        ctypes.c_size_t.from_address(libc.malloc(64) + 24).value = id(held)
    held = Held()
    take(held)
    ctypes.c_ulong.in_dll(libc, "re_syntax_options").value = id(held)
def all_of_it():
    leak([[number] for number in range(300)], 3)
    leak(["text %d" % number for number in range(100)], 2)
    leak([Slotted() for _ in range(50)], 4)
    leak([Leaked], 50)
    leak([None, dict], 7)
    hold()
kept = [Node(number) for number in range(40)]
def leak_kept(): leak(kept, 5)
all_of_it()
leak_kept()
def many(*numbers): return sum(sorted(numbers))
def deep(left): return many(*range(left)) + (deep(left - 1) if left else 0)
deep(100)
"""


def look_at(folder, path, code):
    """Of a process that nobody recorded."""
    recording = os.path.join(folder, "a.seep")
    with subprocess.Popen([path, "-c", code + STOP]) as child:
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED)
        done = subprocess.run([SEEP, "snapshot", "--force", str(child.pid), "-o", recording],
                              capture_output=True, text=True, timeout=300, check=False)
        child.kill()
    expect("looked at", (done.returncode, done.stderr), (0, ""))
    return python_of(recording, "--limit=60")


def by_surplus(leaks, name):
    """How many objects of a type have which surplus; and how many nothing else keeps."""
    groups = [group for group in leaks["groups"] if group["type"].rsplit(".", 1)[-1] == name]
    return ({group["surplus"]: group["count"] for group in groups},
            sum(group["alone"] for group in groups))


def check_group(name, leaks, kind, count, surplus, is_kept=False):
    """What a stack or a block still has from before may hide a reference, or an object of many."""
    found, alone = by_surplus(leaks, kind)
    expect(f"{name}: {kind}: at most this surplus: {found}", max(found, default=0), surplus)
    expect(f"{name}: {kind}: not more objects: {found}", sum(found.values()) <= count, True)
    few = max(2, count // 50)
    expect(f"{name}: {kind}: nearly all exactly: {found}", found.get(surplus, 0) >= count - few, True)
    expect(f"{name}: {kind}: kept by nothing else: {alone}",
           alone == 0 if is_kept else alone >= count - few, True)


def check_leaks(name, python):
    leaks = python["reference_leaks"]
    expect(f"{name}: looked for", leaks["reason"], None)
    check_group(name, leaks, "list", 300, 3)
    check_group(name, leaks, "str", 100, 2)
    check_group(name, leaks, "Slotted", 50, 4)
    check_group(name, leaks, "Node", 40, 5, True)
    classes = [group for group in leaks["groups"] if group["type"] == "type"]
    expect(f"{name}: the class: {classes}",
           [(group["example"], group["count"], group["path"]) for group in classes],
           [("Leaked", 1, "__main__.Leaked")])
    expect(f"{name}: its surplus: {classes}", 47 <= classes[0]["surplus"] <= 50, True)
    nodes = [group for group in leaks["groups"] if group["type"] == "Node"]
    expect(f"{name}: what keeps nodes: {nodes}", nodes[0]["path"].split("[")[0], "__main__.kept")
    kinds = {group["type"].rsplit(".", 1)[-1] for group in leaks["groups"]}
    expect(f"{name}: nothing else", sorted(kinds), ["Node", "Slotted", "list", "str", "type"])
    retained = sum(group["retained_bytes"] for group in leaks["groups"] if group["type"] == "list")
    expect(f"{name}: lists keep what is in them: {retained}", retained >= 298 * 72, True)


def check_lines(folder, path):
    """Recorded, with each object's stack."""
    recording = os.path.join(folder, "wrapped.seep")
    program = os.path.join(folder, "leaks.py")
    with open(program, "w", encoding="utf-8") as file:
        file.write(LEAKS)
    done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "--python=objects", "-o",
                           recording, "--", path, program],
                          capture_output=True, text=True, timeout=300, check=False)
    expect("run", (done.returncode, done.stderr), (0, ""))
    python = python_of(recording, "--limit=60")
    check_leaks("recorded", python)
    line = 1 + LEAKS[:LEAKS.index("Slotted() for")].count("\n")
    groups = [group for group in python["reference_leaks"]["groups"] if group["type"] == "Slotted"]
    stack = [frame for site in groups[0]["sites"][:1] for frame in site["stack"]]
    lines = [(frame["function"], frame["line"]) for frame in stack if frame["kind"] == "python"]
    expect(f"where they were made: {lines}", ("all_of_it", line) in lines, True)
    expect("what C code did", [frame for frame in stack if frame["kind"] == "native"] != [], True)
    text = subprocess.run([SEEP, "report", recording], capture_output=True, text=True, timeout=300,
                          check=False).stdout
    expect(f"as text: {text}", " ".join(text.split()).count("references too many each") >= 4, True)


def look(folder, found):
    for name, _, path in named(found):
        python = look_at(folder, path, IMPORTS)
        expect(f"{name}: no leaks of imports", python["reference_leaks"]["groups"], [])
        expect(f"{name}: and that was looked at", python["reference_leaks"]["objects"], 0)
        expect(f"{name}: objects that are not judged",
               python["reference_leaks"]["unjudged_objects"] > 100, True)
        check_leaks(name, look_at(folder, path, LEAKS))
    check_lines(folder, quickest(found))
    return [name for name, _, _ in named(found)]


sys.exit(run(WALK, look))
