#!/usr/bin/python3
"""Makes the images of CPython that tests/system/python_images.py replays: make_python_images.py
PYTHON..., from the build folder. One for each minor version: an image and its truth, compressed."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import tempfile

WALK = os.path.abspath("./tests/helpers/python_walk")
TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)


def make(path):
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
