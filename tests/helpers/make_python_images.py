#!/usr/bin/python3
"""Makes the images of CPython and PyPy that tests/system/python_images.py replays: make_python_images.py
PYTHON..., from the build folder. One for each minor version: an image and its truth, compressed."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "system"))
# pylint: disable=wrong-import-position
from pypy_dump import is_within, library_ranges, read_dump

WALK = os.path.abspath("./tests/helpers/python_walk")
TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)


def make_pypy(path):
    """Its truth: of each type of old objects, by its number, how many there are, and how many
    references they have together. Those among the variables of its library are none."""
    version = subprocess.run([path, "-c", "import sys; print('%d.%d.%d' % "
                              "sys.pypy_version_info[:3])"],
                             capture_output=True, text=True, check=True).stdout.strip()
    base = os.path.join(TESTS, "data", "pypy-" + version)
    with tempfile.TemporaryDirectory() as folder:
        dump = os.path.join(folder, "dump")
        shutil.copy(os.path.join(TESTS, "targets", "pypy_image.py"), folder)
        child = subprocess.Popen([path, "-I", "-S", "pypy_image.py", "dump"], cwd=folder,
                                 env={"PYPY_GC_NURSERY": "256k"})
        os.waitpid(child.pid, os.WUNTRACED)
        with open(f"/proc/{child.pid}/maps", encoding="utf-8") as maps:
            ranges = library_ranges(maps)
        subprocess.run([WALK, str(child.pid), base + ".image"], check=True,
                       stdout=subprocess.DEVNULL)
        child.kill()
        child.communicate()
        types = {}
        for address, (number, _, references, _) in read_dump(dump).items():
            if not is_within(ranges, address):
                count, all_references = types.get(number, (0, 0))
                types[number] = (count + 1, all_references + references)
        with gzip.open(base + ".truth", "wt", encoding="utf-8") as out:
            out.writelines("type %d %d %d\n" % (number, *figures)
                           for number, figures in sorted(types.items()))


def make(path):
    done = subprocess.run([path, "-c", "import sys; print(sys.implementation.name)"],
                          capture_output=True, text=True, check=True)
    if done.stdout.strip() == "pypy":
        make_pypy(path)
        return
    version = subprocess.run([path, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
                             capture_output=True, text=True, check=True).stdout.strip()
    base = os.path.join(TESTS, "data", "python-" + version)
    with tempfile.TemporaryDirectory() as folder:
        truth = os.path.join(folder, "truth")
        shutil.copy(os.path.join(TESTS, "targets", "python_image.py"), folder)
        # Nothing of this machine's surroundings is to be in its memory.
        child = subprocess.Popen([path, "-I", "-S", "python_image.py", "truth"], cwd=folder, env={},
                                 stderr=subprocess.PIPE, text=True)
        os.waitpid(child.pid, os.WUNTRACED)
        subprocess.run([WALK, str(child.pid), base + ".image"], check=True,
                       stdout=subprocess.DEVNULL)
        os.kill(child.pid, signal.SIGCONT)
        _, errors = child.communicate()
        with open(truth, encoding="utf-8") as lines, gzip.open(base + ".truth", "wt",
                                                              encoding="utf-8") as out:
            out.write(lines.read())
            for line in errors.splitlines():
                words = line.split()
                if len(words) == 5 and all(word.isdigit() for word in words):
                    out.write("class %s %s %s\n" % (words[1], words[2], words[3]))


os.makedirs(os.path.join(TESTS, "data"), exist_ok=True)
for python in sys.argv[1:]:
    make(python)
