#!/usr/bin/env python3
"""A large process is not copied where that is refused or there is no room for it: it is read as it
stands, and the findings are the same. And memory that another process changes while it is read does
no harm."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import BUILD, SCRATCH, SEEP, TIMEOUT_S, Checks, Recording, clean_environment, \
    new_path, record, run, seep, target

REFUSE = os.path.join(BUILD, "tests/helpers/refuse")
BLOCKS = 96  # MiB
checks = Checks()


def look(what, command, wrapper=(), is_copied=False):
    """Takes a snapshot of the target while it waits."""
    recording = Recording(new_path())
    process = subprocess.Popen([*wrapper, SEEP, "run", "-q", "-o", recording.path, "--", *command],
                               env=clean_environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    line = process.stdout.readline().split()
    if len(line) < 2:
        process.communicate(timeout=TIMEOUT_S)
        print(f"{what}: not to be had here")
        return
    answer = seep("snapshot", line[1].decode())
    process.communicate(b"\n", timeout=TIMEOUT_S)
    if b"Operation not permitted" in answer.stderr:
        print(f"{what}: processes cannot be held here")
        return
    checks.equal(f"{what}: snapshot", (0, b""), (answer.returncode, answer.stderr))
    instant = answer.stdout.decode().split()[0]
    found = json.loads(seep("leaks", "--json", f"{recording.path}@{instant}").stdout)
    process = [each for each in found["processes"] if each["scan"]["done"]][0]
    checks.equal(f"{what}: copied", is_copied, process["scan"]["copied"])
    checks.equal(f"{what}: lost", {"blocks": 1, "bytes": 699}, process["summary"]["definite"])
    checks.equal(f"{what}: possible", 0, process["summary"]["possible"]["blocks"])


WAITS = [target("waits"), str(BLOCKS)]
look("there is room", WAITS, is_copied=True)
look("its environment is gone", [*WAITS, "titled"], is_copied=True)
if run([REFUSE, "plain_clone", "true"]).returncode == 0:
    look("clone refused", [REFUSE, "plain_clone", *WAITS])

# ---- a control group with less room than half of it

MEMORY = "/sys/fs/cgroup/memory"


def own_group():
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, group = line.rstrip("\n").split(":", 2)
            if controllers == "memory":
                return MEMORY + group, "memory.limit_in_bytes"
            if controllers == "" and os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
                return "/sys/fs/cgroup" + group, "memory.max"
    return None, None


def try_group():
    parent, limit = own_group()
    if parent is None:
        return
    group = f"{parent}/seep-test-{os.getpid()}"
    try:
        os.mkdir(group)
    except OSError:
        return
    try:
        with open(f"{group}/{limit}", "w", encoding="ascii") as file:
            file.write(str((BLOCKS + 32) << 20))
        look("a limited group", ["/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"',
                                 "sh", *WAITS])
    except OSError as error:
        print(f"a limited group: {error}")
    finally:
        os.rmdir(group)


try_group()

# ---- a system that promises no more than it has


def try_overcommit():
    strict, memory = os.path.join(SCRATCH, "strict"), os.path.join(SCRATCH, "meminfo")
    with open(strict, "w", encoding="ascii") as file:
        file.write("2\n")
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = [line for line in file if not line.startswith(("CommitLimit", "Committed_AS"))]
    with open(memory, "w", encoding="ascii") as file:
        file.writelines([*lines, "CommitLimit: 1048576 kB\n", "Committed_AS: 1040000 kB\n"])
    mount = (f"mount --bind {strict} /proc/sys/vm/overcommit_memory && "
             f"mount --bind {memory} /proc/meminfo")
    if run(["unshare", "-m", "sh", "-c", mount]).returncode != 0:
        print("strict overcommit: nothing can be put over /proc here")
        return
    look("strict overcommit", WAITS, ["unshare", "-m", "sh", "-c", mount + ' && exec "$@"', "sh"])


try_overcommit()

# ---- memory that somebody else writes to

made = record([target("shared"), "30"])
checks.equal("shared memory: status", 0, made.status)
if b"lost 0" in made.stdout:
    counted = json.loads(seep("leaks", "--json", made.path).stdout)["processes"][0]
    checks.true("shared memory: 700 bytes are lost in each check", not counted["scan"]["done"],
                counted["summary"])
checks.finish()
