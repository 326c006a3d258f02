#!/usr/bin/env python3
"""Under other allocators the same is lost, to the block and byte: their metadata and free memory, full
of addresses of blocks, are no roots, and nothing of their own counts as lost."""
import glob
import json
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SEEP, TARGETS, Checks, clean_environment, record, run, seep, target

LIBRARIES = ("libtcmalloc.so.4", "libtcmalloc_minimal.so.4", "libjemalloc.so.2", "libmimalloc.so.2")
CASES = ("clean", "nine", "edges", "nested", "shared_tail", "root_global", "root_stack",
         "root_mapping", "thread_stack", "thread_tls")
checks = Checks()


def find_lost(case, library=None):
    environment = clean_environment()
    if library:
        environment["LD_PRELOAD"] = library
    made = record([target("lost"), case, TARGETS], env=environment)
    process = json.loads(seep("leaks", "--json", made.path).stdout)["processes"][0]
    if not process["scan"]["done"]:
        return process["scan"]["reason"]
    return {kind: (process["summary"][kind]["blocks"], process["summary"][kind]["bytes"])
            for kind in ("definite", "indirect", "possible")}


wanted = {case: find_lost(case) for case in CASES}
if isinstance(wanted["clean"], str):
    print(f"this system lets nobody look into processes: {wanted['clean']}")
    sys.exit(77)
checks.equal("clean", (0, 0), wanted["clean"]["definite"])
checks.equal("nine", (3, 323), wanted["nine"]["definite"])
# Not "**": folders of /usr/lib can lead back into themselves.
found = [path for library in LIBRARIES
         for path in (glob.glob(f"/usr/lib*/*/{library}") + glob.glob(f"/usr/lib*/{library}"))[:1]]
if not found:
    print("none of " + " ".join(LIBRARIES) + " is here")
    sys.exit(77)
for library in found:
    environment = {**clean_environment(), "LD_PRELOAD": library}
    if run([SEEP, "--version"], env=environment).returncode != 0:
        print(f"{library}: a seep with sanitizers cannot run so")
        sys.exit(77)
    for case in CASES:
        checks.equal(f"{library}: {case}", wanted[case], find_lost(case, library))
checks.finish()
