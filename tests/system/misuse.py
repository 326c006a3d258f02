#!/usr/bin/env python3
"""Double and foreign frees, pairs that do not match, wrong sizes: each is reported once, with the
stack of the call and that of the allocation, in JSON and in text; the program ends as it would
alone, with the same words of its C library; and memcheck, where it is there, says the same."""
import re
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import Checks, check_invariants, names_of, record, run, seep, target

checks = Checks()
PROGRAM = target("misuse")
ABORTED = -6

# case: status, kind, function, size, allocated by, count, innermost frames of the call and of the
# allocation. Kinds as memcheck has them stand below.
CASES = {
    "double_free": (0, "double_free", "free", 40, "malloc", 1,
                    ["release", "case_double_free"], ["allocate", "case_double_free"]),
    "double_noticed": (ABORTED, "double_free", "free", 40, "malloc", 1,
                       ["release", "case_double_noticed"], ["allocate", "case_double_noticed"]),
    "foreign": (ABORTED, "foreign_free", "free", None, None, 1, ["release", "case_foreign"], []),
    "foreign_static": (ABORTED, "foreign_free", "free", None, None, 1,
                       ["release", "case_foreign_static"], []),
    "array_free": (0, "mismatch", "free", 33, "operator new[]", 1,
                   ["release", "case_array_free"], ["case_array_free", "main"]),
    "new_free": (0, "mismatch", "free", 8, "operator new", 1,
                 ["release", "case_new_free"], ["case_new_free", "main"]),
    "malloc_delete": (0, "mismatch", "operator delete", 50, "malloc", 1,
                      ["case_malloc_delete", "main"], ["allocate", "case_malloc_delete"]),
    "array_delete": (0, "mismatch", "operator delete", 34, "operator new[]", 1,
                     ["case_array_delete", "main"], ["case_array_delete", "main"]),
    "delete_array": (0, "mismatch", "operator delete[]", 8, "operator new", 1,
                     ["case_delete_array", "main"], ["case_delete_array", "main"]),
    "wrong_size": (0, "wrong_size", "operator delete", 64, "operator new", 1,
                   ["case_wrong_size", "main"], ["case_wrong_size", "main"]),
    "realloc_new": (0, "mismatch", "realloc", 8, "operator new", 1,
                    ["case_realloc_new", "main"], ["case_realloc_new", "main"]),
}
# What memcheck calls it; it does not compare sizes before version 3.22.
MEMCHECK = {"double_free": "Invalid free", "foreign_free": "Invalid free",
            "mismatch": "Mismatched free", "wrong_size": None}


def innermost(stack):
    return names_of(stack)[:2] if stack else []


def judge(name):
    status, kind, function, size, born, count, stack, birth = CASES[name]
    alone = run([PROGRAM, name])
    recording = record([PROGRAM, name], ["--release-stacks"])
    checks.equal(f"{name}: status alone", status, alone.returncode)
    checks.equal(f"{name}: status", status, recording.status)
    checks.equal(f"{name}: errors", alone.stderr, recording.stderr)
    found = recording.process()["misuse"]
    checks.equal(f"{name}: how many", 1, len(found))
    if len(found) != 1:
        return
    misuse = found[0]
    checks.equal(f"{name}: what", (kind, function, size, born, count),
                 (misuse["kind"], misuse["function"], misuse["size"],
                  misuse["allocation_function"], misuse["count"]))
    checks.equal(f"{name}: stack", stack, innermost(misuse["stack"]))
    checks.equal(f"{name}: allocation's stack", birth, innermost(misuse["allocation_stack"]))
    check_invariants(checks, name, recording.report)
    judge_text(name, recording, stack, birth)
    judge_without_stacks(name, kind, function, count)


def judge_text(name, recording, stack, birth):
    text = seep("report", recording.path).stdout.decode()
    lines = [line.strip() for line in text.splitlines()]
    part = "\n".join(lines[-40:])
    for function in {*stack, *birth} - {"main"}:
        checks.true(f"{name}: {function} in the text", function in part, part)
    checks.equal(f"{name}: both stacks in the text", bool(birth), "allocated by" in part)


def judge_without_stacks(name, kind, function, count):
    """The first one comes before anybody asked for stacks: its kind and count are known all the
    same; of a foreign free, that something unknown was freed."""
    plain = record([PROGRAM, name])
    if kind == "foreign_free":
        checks.equal(f"{name}: unknown", 1, plain.report["quality"]["unknown_frees"])
        return
    checks.equal(f"{name}: without stacks", [(kind, function, count)],
                 [(misuse["kind"], misuse["function"], misuse["count"])
                  for misuse in plain.process()["misuse"]])


def judge_memcheck(name):
    kind = CASES[name][1]
    checked = run(["valgrind", "--error-exitcode=99", "--exit-on-first-error=no", PROGRAM, name])
    words = checked.stderr.decode()
    if "Fatal error" in words or "ERROR SUMMARY" not in words:
        return False
    found = re.findall(r"(Invalid free|Mismatched free)\(\)", words)
    wanted = [MEMCHECK[kind]] if MEMCHECK[kind] else []
    if kind == "wrong_size" and "size" in words:
        return True  # a newer one compares sizes in its own words
    checks.equal(f"{name}: memcheck", wanted, found)
    return True


def judge_many():
    """Two sites of a thousand calls: two lines, whatever the number."""
    recording = record([PROGRAM, "many"], ["--release-stacks"])
    checks.equal("many", [("mismatch", 33, 500), ("mismatch", 35, 500)],
                 sorted((misuse["kind"], misuse["size"], misuse["count"])
                        for misuse in recording.process()["misuse"]))
    checks.equal("many: complete", True, recording.report["complete"])


for case in CASES:
    judge(case)
judge_many()
if shutil.which("valgrind") is None:
    print("no valgrind: not compared with memcheck")
elif not all([judge_memcheck(case) for case in CASES]):
    print("valgrind does not run here: not compared")
checks.finish()
