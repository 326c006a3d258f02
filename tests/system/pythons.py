"""The CPythons that tests can ask: the distribution's, all that pyenv has, and those that the
variable SEEP_PYTHONS names, between colons."""

import glob
import os
import subprocess


def interpreters():
    """Their paths by (minor, micro) version, the distribution's first; of each, one."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found = {}
    named = os.environ.get("SEEP_PYTHONS", "").split(":")
    for path in ["/usr/bin/python3", *sorted(glob.glob("/usr/bin/python3.[0-9]*")),
                 *sorted(glob.glob("/usr/local/bin/python3.[0-9]*")),
                 *sorted(glob.glob(f"{root}/versions/3.*/bin/python3")), *named]:
        if not os.access(path, os.X_OK) or path.endswith("config"):
            continue
        done = subprocess.run([path, "-I", "-c", "import sys; print(*sys.version_info[:3], "
                               "sys.implementation.name)"],
                              capture_output=True, text=True, timeout=60, check=False)
        words = done.stdout.split()
        if len(words) == 4 and words[3] == "cpython" and 8 <= int(words[1]) <= 14:
            found.setdefault((int(words[1]), int(words[2])), path)
    return found


def can_read_others(walk):
    """May the program `walk` look into a process that is not its child?"""
    child = subprocess.Popen(["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE)
    done = subprocess.run([walk, str(child.pid)], capture_output=True, timeout=60, check=False)
    child.communicate(b"\n")
    return done.returncode == 0


def interpreters_seen_by(walk):
    """The interpreters; none, and why as the last line, where they cannot be looked at."""
    found = interpreters()
    if not found:
        print("SKIP: there is no CPython from 3.8 on")
        return {}
    if not can_read_others(walk):
        print("SKIP: the memory of other processes cannot be read here")
        return {}
    return found
