#!/usr/bin/env python3
"""Where /proc shows users their own processes only (hidepid=2), and a process may not be looked at
(PR_SET_DUMPABLE), its recorder finds nothing of it there. What ends with one thread still reads itself,
with the findings that it has elsewhere; of others it is said that they were not scanned, and why.

Needs to be root in a mount and pid namespace of its own: skipped where there is none."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, SEEP, TARGETS, TIMEOUT_S, Checks, clean_environment, new_path, run, \
    seep, target

INSIDE = "inside"
ENTER = "mount --make-rprivate / && mount -t proc -o hidepid=2 proc /proc && exec \"$@\""
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
ENVIRONMENT = dict(clean_environment(), ASAN_OPTIONS="detect_leaks=0")
HIDDEN = f'LD_PRELOAD="$LD_PRELOAD:{target("hidden.so")}" exec '
ALONE = ("nine", "edges", "shared_tail", "root_stack", "root_tls", "end_exit", "end_immediately")
WITH_OTHERS = ("thread_lost", "thread_stack")
checks = Checks()


def enter():
    """This test again, in there; skipped where there is no way in."""
    way = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", ENTER, "sh"]
    try:
        is_open = os.geteuid() == 0 and run([*way, "true"]).returncode == 0
    except FileNotFoundError:
        is_open = False
    if not is_open:
        print("SKIP: a /proc of its own cannot be mounted here")
        sys.exit(77)
    sys.exit(subprocess.run([*way, sys.executable, *sys.argv, INSIDE], check=False,
                            timeout=TIMEOUT_S).returncode)


def as_nobody(command):
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False,
                          env=ENVIRONMENT, stdin=subprocess.DEVNULL, **NOBODY)


def scanned(case, begin):
    """How it was scanned, and what was found."""
    path = new_path()
    made = as_nobody([SEEP, "run", "-q", "-o", path, "--", "/bin/sh", "-c",
                      f'{begin}"{target("lost")}" {case} "{TARGETS}"'])
    checks.equal(f"{case}: nothing is said", b"", made.stderr)
    process = json.loads(seep("leaks", "--json", path).stdout)["processes"][-1]
    return process["scan"], process["summary"]


def check_running():
    """While it runs nobody knows of its threads: that is said to who asks."""
    with subprocess.Popen([SEEP, "run", "-q", "-o", new_path(), "--", "/bin/sh", "-c",
                           f'{HIDDEN}"{target("waits")}" 0'], env=ENVIRONMENT, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, **NOBODY) as process:
        pid = process.stdout.readline().split()[1].decode()
        answer = as_nobody([SEEP, "snapshot", pid])
        checks.equal("running: status", 2, answer.returncode)
        checks.true("running: the reason", b"hidepid" in answer.stderr, answer.stderr)
        process.communicate(b"\n", timeout=TIMEOUT_S)
        checks.equal("running: it goes on", 0, process.returncode)


def main():
    if sys.argv[-1] != INSIDE:
        enter()
    os.chmod(SCRATCH, 0o777)
    try:
        is_usable = as_nobody([SEEP, "--version"]).returncode == 0
    except OSError:
        is_usable = False
    if not is_usable:
        print("SKIP: the build folder cannot be used by somebody without privileges")
        sys.exit(77)
    for case in ALONE:
        _, usual = scanned(case, "exec ")
        scan, found = scanned(case, HIDDEN)
        checks.equal(f"{case}: done, and read by itself", (True, True),
                     (scan["done"], scan["self_read"]))
        checks.equal(f"{case}: as usual", usual, found)
    for case in WITH_OTHERS:
        scan, found = scanned(case, HIDDEN)
        checks.equal(f"{case}: not scanned", (False, "failed"), (scan["done"], scan["reason"]))
        checks.true(f"{case}: the reason", "hidepid" in (scan["note"] or ""), scan["note"])
        checks.equal(f"{case}: no figures", {None}, set(found.values()))
    check_running()
    checks.finish()


main()
