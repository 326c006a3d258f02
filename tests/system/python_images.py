#!/usr/bin/python3
"""Images of CPython processes, replayed beside what those said of themselves: each version, also
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
    """Whatever stands in the memory: it is read to an end."""
    done = subprocess.run([WALK, "--damage", image, str(seed), str(runs)], capture_output=True,
                          text=True, timeout=600, check=False)
    expect(f"{os.path.basename(image)}: damaged, by seed {seed}: {done.stderr[-2000:]}",
           (done.returncode, done.stdout.endswith(f" of {runs}\n")), (0, True))


images = sorted(glob.glob(os.path.join(DATA, "python-*.image")))
expect("images", len(images) >= 6, True)
for path in images:
    check(path)
    check_damaged(path, 1, 24)
print("replayed: " + ", ".join(os.path.basename(path) for path in images))
sys.exit(is_failed())
