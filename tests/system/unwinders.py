#!/usr/bin/env python3
"""Every stack that the target's own rules find is the one that libunwind finds with the full tables,
and those that the rules cannot do arrive with libunwind's."""
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import (TARGETS, Checks, Recording, check_invariants, matches, names_of, new_path,
                      seep, target)

checks = Checks()
NOTE = re.compile(r"libunwind agrees on (\d+) of (\d+) stacks")


def compare(label, command, at_least, **options):
    """Records the command with both unwinders."""
    path = new_path()
    finished = seep("run", "--summary=/dev/null", "--compare-unwinders", "-o", path, "--", *command,
                    **options)
    recording = Recording(path, finished)
    said = finished.stderr.decode(errors="replace")
    checks.equal(f"{label}: status", 0, finished.returncode)
    found = NOTE.search(said)
    equal, compared = map(int, found.groups()) if found else (0, 0)
    checks.true(f"{label}: libunwind agrees", equal == compared >= at_least, said)
    checks.equal(f"{label}: no unwind failed", 0, recording.report["quality"]["failed_unwinds"])
    checks.true(f"{label}: complete", recording.report["complete"],
                recording.report["quality"]["problems"])
    check_invariants(checks, label, recording.report)
    return recording


# ---- stacks of all kinds, with and without frame pointers

HAND_WRITTEN = ("by_hand_framed", "by_hand_pushed", "by_hand_other_register", "by_hand_expression",
                "by_hand_busy_rbp")


def allocations(recording, selector):
    return sum(site["allocations"] for site in recording.process()["sites"]
               if matches(selector, site["stack"]))


for level in ("o0", "o2"):
    name = f"unwound_{level}"
    recorded = compare(name, [target(name), TARGETS], 400)
    checks.true(f"{name}: some need libunwind",
                os.uname().machine != "x86_64" or recorded.report["quality"]["remote_unwinds"] > 0)
    # Each call allocates twice: 3 rounds on the first thread, one on each of 4 others.
    for function in HAND_WRITTEN if os.uname().machine == "x86_64" else ():
        for caller, wanted in (("main", 6), ("run_thread", 8)):
            stack = f"allocate<{function}<by_hand<{caller}"
            checks.equal(f"{name}: {stack}", wanted, allocations(recorded, stack))
    levels = "<".join(["coroutine_level"] * 6)
    checks.equal(f"{name}: a coroutine", 6, allocations(recorded, f"allocate<{levels}<mapped_body"))
    checks.equal(f"{name}: a coroutine's end", 6, allocations(recorded, "allocate<mapped_body"))
    checks.equal(f"{name}: beside a coroutine", 6,
                 allocations(recorded, "allocate<mapped_coroutine<main"))
    for plugin in ("plugin_a", "plugin_b"):
        stack = f"{plugin}_allocate<{plugin}_work<use<libraries<main"
        checks.equal(f"{name}: {stack}", 20, allocations(recorded, stack))
    # Also across a handler's own stack, of which libunwind gets the bytes, but not those of the
    # stack that it interrupted: nothing can be compared there.
    across = [site for site in recorded.process()["sites"]
              if matches("..signals_on_other_stack", site["stack"]) and
              matches("..check_in_handler", site["stack"])]
    checks.true(f"{name}: stacks across a handler's own", len(across) >= 2, len(across))
    for site in recorded.process()["sites"]:
        names = names_of(site["stack"])
        if "main" in names:
            checks.equal(f"{name}: the end of {names}", "_start", names[-1])

# ---- around the depth limit and far beyond

OMITTED = re.compile(r"(\d+) frames omitted")


def depth_of(site):
    """Of all frames that were there, also those that are left out."""
    omitted = [int(found.group(1)) for found in
               (OMITTED.search(frame["function"] or "") for frame in site["stack"]) if found]
    kept = sum(not frame["inlined"] for frame in site["stack"]) - len(omitted)
    return kept + sum(omitted), omitted


for level, limits in ("o0", (256,)), ("o2", (256, 16)):
    for limit in limits:
        name = f"depths_{level} of {limit}"
        path = new_path()
        finished = seep("run", "--summary=/dev/null", "--compare-unwinders",
                        f"--stack-depth={limit}", "-o", path, "--", target(f"depths_{level}"))
        recorded = Recording(path, finished)
        checks.equal(f"{name}: status", 0, finished.returncode)
        found = NOTE.search(finished.stderr.decode(errors="replace"))
        checks.true(f"{name}: libunwind agrees", found and found.group(1) == found.group(2),
                    finished.stderr)
        surplus, cut = {}, 0
        for site in recorded.process()["sites"]:
            if names_of(site["stack"])[0] != "allocate":
                continue
            way, depth = divmod(site["allocated_bytes"] // site["allocations"], 5000)
            frames, omitted = depth_of(site)
            cut += bool(omitted)
            surplus.setdefault(way, set()).add(
                frames - depth if site["allocated_bytes"] % site["allocations"] == 0 else None)
            if omitted and (omitted[0] % (limit // 4) or
                            not limit // 2 < frames - omitted[0] <= limit):
                surplus.setdefault("cut", set()).add((frames, omitted[0]))
        checks.equal(f"{name}: frames beside those that the sizes tell, by way",
                     {way: 1 for way in range(1, 8)}, {way: len(of) for way, of in surplus.items()})
        checks.true(f"{name}: many are cut", cut > 300, cut)

# ---- the other targets that have stacks of their own

for words in (["before_and_after_main"], ["cxx", "bad_alloc"], ["cxx", "throwing_constructor"],
              ["cxx_static", "containers"], ["deep", "251"], ["deep", "252"], ["deep", "700"], ["plugins", "reused"],
              ["plugins", "cxx_static"], ["signals", "fault"], ["signals", "nested"],
              ["signals", "timer_while_computing"], ["threads", "short"]):
    compare(" ".join(words), [target(words[0]), *words[1:]], 1)

# ---- programs of others, where they are there

for words in (["python3", "-c", "import json, re, threading\n"
               "each = [threading.Thread(target=json.dumps, args=([[1]],)) for _ in range(4)]\n"
               "[thread.start() for thread in each]"],
              ["perl", "-e", "print sort { $a <=> $b } 3, 2, 1"], ["sqlite3", ":memory:", "select 1"],
              ["bash", "-c", "true; (true)"], ["g++", "--version"]):
    program = shutil.which(words[0], path="/usr/bin:/bin")
    if program:
        compare(words[0], [program, *words[1:]], 10)
checks.finish()
