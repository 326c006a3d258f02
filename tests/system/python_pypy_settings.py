#!/usr/bin/python3
"""The same work by CPython and by PyPy with other settings: its own choice of a nursery, a set one, a
small one, and no compiler. Each explains itself, alone and beside CPython. The long tests have so
much work that the figures are known: about 9 MB by CPython, 130 MB by PyPy with PYPY_GC_NURSERY=16M,
which are 50 of its library, 16 of the nursery, 52 of old objects, and 6 pieces of code."""

import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from graphed import check_schema, expect, is_failed, seep
from memory_use import MIB, PYTHON, Skipped, ask, category, is_near, part, run, settings

COMPUTING = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "tests", "targets",
                         "computing.py")
IS_LONG = os.environ.get("SEEP_LONG_TESTS") == "1"
FUNCTIONS = "1100" if IS_LONG else "30"
SETTING = "PYPY_GC_NURSERY=4M"
WHY_CODE = "machine code that was made of loops that ran often"


def record(folder, name, *command, nursery=None):
    environment = {"PYPY_GC_NURSERY": nursery} if nursery else {}
    if nursery is None:
        os.environ.pop("PYPY_GC_NURSERY", None)
    recording, printed = run(folder, *command, COMPUTING, FUNCTIONS, environment=environment)
    kept = os.path.join(folder, f"{name}.seep")
    os.rename(recording, kept)
    return kept, printed


def processor_cache_bytes():
    """As /proc/cpuinfo has it; 0: it does not."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        sizes = [line.split(":")[1].split() for line in file if line.startswith("cache size")]
    return int(sizes[0][0]) << 10 if sizes and sizes[0][1:] == ["KB"] else 0


def compare(base, new):
    done = seep("diff", "--json", "--limit=5", base, new)
    document = json.loads(done.stdout)
    check_schema(document, "diff")
    return {(row["name"], row["part"]): row for row in document["memory"]["categories"]}


def squeeze(text):
    return " ".join(text.split())


def check_own_choice(folder, pypy, cpython):
    """Of the machine's own cache, whatever that is."""
    recording, _ = record(folder, "own", pypy)
    process = ask(recording, "--limit=5")
    nursery = process["python"]["pypy"]["nursery"]
    cache = processor_cache_bytes()
    cause = nursery["cause"]
    is_of_cache = cache != 0 and nursery["bytes"] == cache // 2
    expect(f"own choice: {cause}, {nursery['bytes']} of {cache}", "processor's L3 cache of" in cause
           if is_of_cache else cause == "PyPy's own choice", True)
    excess = nursery["bytes"] - (4 << 20)
    text = squeeze(seep("report", recording).stdout)
    # "(PYPY_GC_NURSERY=4M in the environment makes it 48.5 MiB smaller": as it is shown.
    expect("own choice: the saving", (f"({SETTING} in the environment makes it" in text,
                                      f"{excess / MIB:.1f} MiB smaller" in text or excess >= 100 * MIB
                                      and f"{excess / MIB:.0f} MiB smaller" in text),
           (True, True) if excess >= 4 << 20 else (False, False))
    resident = category(process, "gc_nursery")["resident_bytes"]
    if resident >= 8 << 20:
        advice = [row["bytes"] for row in process["memory"]["advice"] if row["setting"] == SETTING]
        expect("own choice: what would help", advice, [resident - (4 << 20)])
        reason = compare(cpython, recording)["gc_nursery", None]["reason"]
        expect(f"own choice: {reason}", (cause in reason, f"({SETTING} has " in reason), (True, True))


def check_set(folder, pypy, cpython):
    recording, printed = record(folder, "set", pypy, nursery="16M")
    process = ask(recording, "--limit=5")
    nursery = process["python"]["pypy"]["nursery"]
    expect("set: nursery", (nursery["bytes"], nursery["cause"]), (16 << 20, "PYPY_GC_NURSERY=16M"))
    text = squeeze(seep("report", recording).stdout)
    expect("set: the saving", f"({SETTING} in the environment makes it 12.0 MiB smaller" in text,
           True)
    rows = compare(cpython, recording)
    expect("set: nursery's change", is_near(rows["gc_nursery", None]["change"], 16 * MIB, 0.05), True)
    expect("set: code", WHY_CODE in rows["jit", None]["reason"], True)
    jit = process["python"]["pypy"]["jit"]
    loops = {row["text"].split(" (")[0]: row["count"] for row in jit["functions"]}
    expect(f"set: loops: {loops}", loops.get("f", 0) >= int(FUNCTIONS) // 2, True)
    if IS_LONG:
        expect(f"set: resident {process['memory']['figures']['resident_bytes']}",
               is_near(process["memory"]["figures"]["resident_bytes"], 130 * MIB, 0.15), True)
        expect("set: files", is_near(part(process, "libpypy3.9-c.so")["resident_bytes"] or
                                     category(process, "files")["resident_bytes"], 52 * MIB, 0.15),
               True)
        expect("set: old", is_near(category(process, "gc_old")["resident_bytes"], 52 * MIB, 0.35),
               True)
        expect("set: code of 1 MiB", is_near(jit["code_bytes"], 6 * MIB, 0.2), True)
    return printed, process


def check_small(folder, pypy):
    recording, printed = record(folder, "small", pypy, nursery="4M")
    process = ask(recording, "--limit=5")
    nursery = process["python"]["pypy"]["nursery"]
    expect("small: nursery", (nursery["bytes"], nursery["cause"]), (4 << 20, SETTING))
    expect("small: nothing to save", SETTING in settings(process), False)
    text = squeeze(seep("report", recording).stdout)
    expect("small: no hint", "in the environment makes it" in text, False)
    return printed


def check_no_compiler(folder, pypy, with_compiler):
    recording, printed = record(folder, "no-jit", pypy, "--jit", "off", nursery="16M")
    process = ask(recording, "--limit=5")
    jit = process["python"]["pypy"]["jit"]
    expect("no compiler", (jit["code_bytes"], jit["functions"],
                           category(process, "jit")["virtual_bytes"]), (0, [], 0))
    text = squeeze(seep("report", recording).stdout)
    expect("no compiler, in words", "JIT no code was made" in text, True)
    row = compare(recording, os.path.join(folder, "set.seep"))["jit", None]
    expect(f"no compiler: {row['reason']}", (row["base_bytes"], row["change"] >= 64 << 10,
                                             "(--jit off makes none)" in row["reason"]),
           (0, True, True))
    resident = [one["memory"]["figures"]["resident_bytes"] for one in (process, with_compiler)]
    expect(f"no compiler: resident {resident}", resident[0] < resident[1], True)
    return printed


def check_all(folder, pypy):
    cpython, printed = record(folder, "cpython", PYTHON)
    process = ask(cpython, "--limit=5")
    resident = process["memory"]["figures"]["resident_bytes"]
    # seep's own megabyte is in it.
    expect(f"CPython: resident {resident}", 7 * MIB <= resident <= 13 * MIB, True)
    outputs = {printed}
    check_own_choice(folder, pypy, cpython)
    printed, with_compiler = check_set(folder, pypy, cpython)
    outputs |= {printed, check_small(folder, pypy), check_no_compiler(folder, pypy, with_compiler)}
    expect("the same was computed", len(outputs), 1)


def main():
    pypy = shutil.which("pypy3")
    if pypy is None or os.uname().machine != "x86_64" or not os.path.exists(PYTHON):
        print(f"SKIP: there are not both of {PYTHON} and a pypy3 for x86-64")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        try:
            check_all(folder, pypy)
        except Skipped as skipped:
            print(f"SKIP: {skipped}")
            return 1 if is_failed() else 77
    return is_failed()


sys.exit(main())
