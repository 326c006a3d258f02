"""The CPythons that tests can ask: the distribution's, all that pyenv has, and those that the
variable SEEP_PYTHONS names, between colons."""

import glob
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import is_failed


def builds():
    """Of each CPython its path, its (minor, micro) version, whether it is a debug build, and whether it
    has no GIL; the distribution's come first."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    named = os.environ.get("SEEP_PYTHONS", "").split(":")
    for path in ["/usr/bin/python3", *sorted(glob.glob("/usr/bin/python3.[0-9]*")),
                 *sorted(glob.glob("/usr/local/bin/python3.[0-9]*")),
                 *sorted(glob.glob(f"{root}/versions/3.*/bin/python3")), *named]:
        if not os.access(path, os.X_OK) or path.endswith("config"):
            continue
        done = subprocess.run([path, "-I", "-c", "import sys, sysconfig; v = sysconfig.get_config_var; "
                               "print(*sys.version_info[:3], sys.implementation.name, "
                               "hasattr(sys, 'gettotalrefcount'), bool(v('Py_GIL_DISABLED')))"],
                              capture_output=True, text=True, timeout=60, check=False)
        words = done.stdout.split()
        if len(words) == 6 and words[3] == "cpython":
            version = (int(words[1]), int(words[2]))
            yield (path, version, words[4] == "True", words[5] == "True")


def interpreters():
    """Their paths by (minor, micro) version, the distribution's first; of each, one."""
    found = {}
    for path, version, is_debug, is_free_threaded in builds():
        if 8 <= version[0] <= 14 and not is_debug and not is_free_threaded:
            found.setdefault(version, path)
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


def named(found):
    """Of each interpreter its name, as 3.11.2, its minor version and its path; the oldest first."""
    return [(f"3.{minor}.{micro}", minor, path) for (minor, micro), path in sorted(found.items())]


def quickest(found):
    """The path of the one whose symbols are quickly read: the distribution's, where there is one."""
    return min(found.values(), key=lambda path: not path.startswith("/usr/bin/"))


def run(walk, look, lacking="no CPython"):
    """What a test returns: look(folder, found) looks at the interpreters that `walk` may read, and
    gives the names of all that it looked at; where that is none, `lacking` says what is not here."""
    found = interpreters_seen_by(walk)
    if not found:
        return 77
    with tempfile.TemporaryDirectory() as folder:
        seen = look(folder, found)
    print("looked at: " + ", ".join(seen))
    if not seen:
        print(f"SKIP: {lacking}")
        return 77
    return is_failed()
