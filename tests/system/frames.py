#!/usr/bin/env python3
"""What hangs from a stack is named by the thread and by the function and line of the frame whose slot
holds it: of threads that wait, of the one that asked for the snapshot, on a stack of a handler's own;
by every way to hold a process, and of one that a copy was read of."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SOURCE, TIMEOUT_S, Checks, record, seep, start, target

checks = Checks()


def line_of(text):
    with open(os.path.join(SOURCE, "tests/targets/frames.c"), encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if f"/* {text} */" in line)


WANTED = {
    2002: f'stack of thread "worker", in handle_request at frames.c:{line_of("waits here")}',
    3003: f'stack of thread "worker", in outer at frames.c:{line_of("calls inner here")}',
    4004: 'stack of thread "handler", in on_signal at frames.c:',
    5005: f'stack of thread "handler", in handle at frames.c:{line_of("raises")}',
}
ASKS = {1001: f'stack of thread "frames", in hold at frames.c:{line_of("takes it here")}'}


def holders(instant):
    """By size of the block: the name of the root that holds it, without the thread's number."""
    found = {}
    graph = json.loads(seep("graph", "--json", "--limit=0", instant).stdout)
    for root in graph["processes"][0]["roots"]:
        if root["kind"] == "stack" and root["retained_blocks"] == 1:
            name, tid = root["name"].split(" (tid ")
            number, rest = tid.split(")", 1)
            checks.true("the thread's number", number.isdigit(), root["name"])
            found[root["retained_bytes"]] = name + rest
    return found


def check_holders(what, instant, wanted, is_copied):
    scan = json.loads(seep("leaks", "--json", instant).stdout)["processes"][0]["scan"]
    if not scan["done"]:
        print(f"{what}: not scanned here: {scan['note']}")
        return
    checks.equal(f"{what}: copied", is_copied, scan["copied"])
    found = holders(instant)
    for size, name in wanted.items():
        checks.true(f"{what}: {size} bytes", found.get(size, "").startswith(name),
                    f"expected {name!r}, got {found.get(size)!r}")


for way in ("ptrace", "signal"):
    # What libc left in a register would hold the same block, and neither would hold it alone.
    options = [f"--stop={way}", "--no-root-registers"]
    recording = record([target("frames"), "0"], options=options)
    checks.equal(f"{way}: status", 0, recording.status)
    check_holders(way, f"{recording.path}@mark:held", {**WANTED, **ASKS}, False)

    recording, process = start([target("frames"), "80", "wait"], options=options,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = process.stdout.readline().split()[0].decode()
    checks.equal(f"{way}: asked for", 0, seep("snapshot", pid).returncode)
    process.communicate(b"\n", timeout=TIMEOUT_S)
    check_holders(f"{way}, a copy", f"{recording.path}@snapshot:0", WANTED, True)
checks.finish()
