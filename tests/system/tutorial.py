#!/usr/bin/python3
"""The tutorial on Python's memory: its programs, taken out of its text, are recorded as it says, and
seep says of them what it says there, in its words; figures are not compared."""

import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from graphed import SEEP, expect, is_failed, seep

PYTHON = "/usr/bin/python3.11"
TUTORIAL = os.path.join(os.environ.get("srcdir", "."), "docs/python-memory.md")

# What is asked of each program's recording, and what is in the answer and in the tutorial.
SAID = [
    ("pinned.py", (), ["report"],
     ["Pinned", "live blocks:", "x __main__.keep[i], such as __main__.keep["]),
    ("pinned.py", ("--python=objects",), ["report"],
     ["x object allocated by <module> at pinned.py:4:"]),
    ("holes.py", (), ["report", "--by=category"],
     ["malloc_trim(0) would give back 19", "the last block of the main heap", "holes.py:3",
      "MALLOC_MMAP_THRESHOLD_"]),
    ("cycles.py", (), ["report"],
     ["are kept by cycles alone: Connection 200,",
      "200 x Connection -> (on_close) method -> (__self__) Connection"]),
    ("lines.py", ("--python=objects",), ["report", "--by=python-line"],
     ["lines.py:6 <listcomp>", "lines.py:7 <listcomp>"]),
    ("references.py", ("--python=objects",), ["report"],
     ["Message with 1 reference too many each,", "kept by nothing else",
      "x Message allocated by parse at references.py:12:"]),
    ("lines.py", ("--python=objects",), ["graph", "--why", "Point"],
     ["100,000 Point 5.3 MiB 100.0 % 100,000 list", "100,000 __main__", "__main__.points["]),
]


def programs():
    """By name: the indented blocks that begin with "# NAME.py"."""
    found = {}
    with open(TUTORIAL, encoding="utf-8") as file:
        text = file.read()
    for block in re.findall(r"(?:^(?:    .*)?\n)+", text, re.M):
        lines = [line[4:] for line in block.strip("\n").split("\n")]
        head = re.fullmatch(r"# (\w+\.py)", lines[0])
        if head:
            found[head[1]] = "\n".join(lines) + "\n"
    return found, text


def one_line(text):
    return " ".join(text.split())


def check(folder, name, options, command, wanted, text):
    recording = os.path.join(folder, "a.seep")
    done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording,
                           *options, "--", PYTHON, name],
                          cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    expect(f"{name}: recorded", (done.returncode, done.stderr), (0, ""))
    answer = seep(*command, recording)
    expect(f"{name}: {command}", answer.returncode, 0)
    for words in wanted:
        expect(f"{name}: the tutorial says {words!r}", words in one_line(text), True)
        expect(f"{name}: {command} says {words!r}: {answer.stdout}",
               words in one_line(answer.stdout), True)


def main():
    if not os.path.exists("/usr/bin/python3.11"):
        print("SKIP: the tutorial is of CPython 3.11, which is not here")
        return 77
    found, text = programs()
    expect("programs", sorted(found), ["compute.py", "cycles.py", "holes.py", "lines.py", "pinned.py",
                                         "references.py"])
    with tempfile.TemporaryDirectory() as folder:
        for name, source in found.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(source)
        for name, options, command, wanted in SAID:
            check(folder, name, options, command, wanted, text)
    return 1 if is_failed() else 0


if __name__ == "__main__":
    sys.exit(main())
