#!/usr/bin/env python3
"""Graphs of many blocks: tests/targets/web.c with BLOCKS blocks (default 4,000,000; graph_scale.py
[BLOCKS]), each with three references. What `seep graph` says must be so; what it took is printed.
Runs only with SEEP_LONG_TESTS=1."""
import json
import os
import resource
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
# pylint: disable=wrong-import-position
from recorded import IS_LONG, Checks, record, seep, target

BLOCK_BYTES, REFERENCES = 32, 3
checks = Checks()


def timed(what, function):
    start = time.monotonic()
    result = function()
    mebibytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{what}: {time.monotonic() - start:.1f} s; largest process so far {mebibytes} MiB",
          flush=True)
    return result


def main():
    if not IS_LONG:
        print("takes minutes: SEEP_LONG_TESTS=1 runs it")
        return 77
    blocks = int(sys.argv[1]) if len(sys.argv) > 1 else 4000000
    recording = timed("recorded", lambda: record([target("web"), str(blocks), str(REFERENCES)],
                                               ["--scan-budget=600s"]))
    read = timed("graph", lambda: seep("graph", "--json", recording.path))
    if b"no process was scanned" in read.stderr:
        print("this system lets nobody look into processes: no snapshot was taken")
        return 77
    checks.equal("status", 0, read.returncode)
    process = json.loads(read.stdout)["processes"][0]
    root = next(root for root in process["roots"] if root["name"] == "web")
    checks.equal("web retains", (blocks, blocks * BLOCK_BYTES),
                 (root["retained_blocks"], root["retained_bytes"]))
    # A few random ones lead to their own block, which is not told.
    checks.true("references", process["edges"] > blocks * REFERENCES - blocks // 1000 - 10,
                str(process["edges"]))
    row = next(row for row in process["types"] if row["name"] == "block")
    checks.equal("type", (blocks, blocks * BLOCK_BYTES), (row["blocks"], row["retained_bytes"]))
    checks.finish()
    return 0


sys.exit(main())
