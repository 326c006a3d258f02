#!/usr/bin/python3
"""Images of CPython and PyPy processes, replayed beside what those said of themselves: each version, also
where it is not installed."""

import glob
import gzip
import os
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed

WALK = os.path.abspath("./tests/helpers/python_walk")
# Fewer where each takes its time.
RUNS = int(os.environ.get("DAMAGED_RUNS", "25"))
DATA = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "tests", "data")


def read(lines):
    """Of each kind of line, what it is of: {"garbage": {"7f...": "Node"}, "class": {...}}."""
    kinds = {}
    for line in lines:
        kind, rest = line.rstrip("\n").split(" ", 1)
        name, text = rest.split(" ", 1)
        kinds.setdefault(kind, {})[name] = text
    return kinds


def check(image):
    name = os.path.basename(image)
    done = subprocess.run([WALK, "--replay", image], capture_output=True, text=True, timeout=120,
                          check=False)
    expect(f"{name}: status", (done.returncode, done.stderr), (0, ""))
    seen = read(done.stdout.splitlines())
    with gzip.open(image.replace(".image", ".truth"), "rt", encoding="utf-8") as lines:
        truth = read(lines)
    expect(f"{name}: refused", seen.get("refused"), None)
    objects = {address.rstrip("+"): kind for address, kind in seen.get("object", {}).items()}
    expect(f"{name}: objects that the collector knows", len(truth["tracked"]) > 1000, True)
    wrong = [(address, kind, objects.get(address)) for address, kind in truth["tracked"].items()
             if objects.get(address, "").rsplit(".", 1)[-1] != kind and objects.get(address) != kind]
    expect(f"{name}: of another type", wrong[:3], [])
    expect(f"{name}: garbage", sorted(seen.get("garbage", {})), sorted(truth["garbage"]))
    expect(f"{name}: nodes of it", list(seen["garbage"].values()).count("Node"), 24)
    for size, figures in truth["class"].items():
        pools, used = map(int, figures.split())
        found = list(map(int, seen["class"].get(size, "0 0 0").split()))
        expect(f"{name}: class {size}", (found[0], abs(found[1] - used) <= 3), (pools, True))


def check_damaged(image, seed, runs):
    """Whatever stands in the memory: it is read to an end, and by several threads to the same end as
    by one."""
    done = subprocess.run([WALK, "--damage", image, str(seed), str(runs)], capture_output=True,
                          text=True, timeout=600, check=False)
    expect(f"{os.path.basename(image)}: damaged, by seed {seed}: {done.stderr[-2000:]}",
           (done.returncode, done.stdout.endswith(f" of {runs}\n")), (0, True))
    expect(f"{os.path.basename(image)}: differences", done.stdout.split(" ", 1)[0], "0")


def check_pypy(image):
    """Old objects of each type, by its number, and their references."""
    name = os.path.basename(image)
    done = subprocess.run([WALK, "--replay", image], capture_output=True, text=True, timeout=120,
                          check=False)
    expect(f"{name}: status", (done.returncode, done.stderr), (0, ""))
    counts, nodes, all_objects, differing = {}, 0, 0, 0
    for line in done.stdout.splitlines():
        place, *words = line.split(" ", 6)
        expect(f"{name}: refused", place == "refused", False)
        if place in ("old", "old+", "large", "large+"):
            count, references = counts.get(words[1], (0, 0))
            counts[words[1]] = (count + 1, references + int(words[3]))
            nodes += words[5] == "Node"
    with gzip.open(image.replace(".image", ".truth"), "rt", encoding="utf-8") as lines:
        for line in lines:
            _, number, count, references = line.split()
            found = counts.get(number, (0, 0))
            all_objects += int(count)
            differing += max(abs(found[0] - int(count)), abs(found[1] - int(references)))
    expect(f"{name}: objects", all_objects > 10000, True)
    expect(f"{name}: of {all_objects}, {differing} differ", differing <= all_objects // 200, True)
    expect(f"{name}: nodes", nodes, 100)


images = sorted(glob.glob(os.path.join(DATA, "python-*.image")))
expect("images", len(images) >= 6, True)
for path in images:
    check(path)
    check_damaged(path, 0, RUNS)
pypy_images = sorted(glob.glob(os.path.join(DATA, "pypy-*.image")))
expect("images of PyPy", len(pypy_images) >= 1, True)
for path in pypy_images:
    check_pypy(path)
    check_damaged(path, 0, RUNS)
images += pypy_images
print("replayed: " + ", ".join(os.path.basename(path) for path in images))
sys.exit(is_failed())
