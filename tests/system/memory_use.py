#!/usr/bin/python3
"""What all memory is used for: by category it adds up to what the kernel says, what is trimmable is
what malloc_trim(0) gives back, and what is in the way is named with its line. Of programs in C, of
CPython and of PyPy, recorded and not."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
import json

from graphed import SEEP, TARGETS, check_schema, expect, is_failed, report, seep

PYTHON = "/usr/bin/python3"
COMPUTING = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "tests", "targets",
                         "computing.py")
MIB = 1 << 20


class Skipped(Exception):
    pass


def run(folder, *command, environment=None):
    """A recording of it, and what it printed."""
    recording = os.path.join(folder, "app.seep")
    done = subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", "-o", recording, "--", *command],
                          capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, **(environment or {})})
    expect(f"{command}: status", done.returncode, 0)
    return recording, done.stdout


def ask(recording, *arguments):
    process = max(report(recording, *arguments)["processes"],
                  key=lambda one: sum(row["resident_bytes"] for row in one["categories"]))
    if process["memory"] is None or not process["memory"]["measured"]:
        raise Skipped("the memory of programs cannot be looked at here")
    check_sums(process)
    return process


def is_near(found, wanted, share, least=64 << 10):
    return abs(found - wanted) <= max(wanted * share, least)


def check_sums(process):
    figures = process["memory"]["figures"]
    for kind in ("resident_bytes", "virtual_bytes"):
        total = sum(row[kind] for row in process["categories"])
        expect(f"categories are {kind}: {total}, {figures[kind]}",
               is_near(total, figures[kind], 0.02), True)
        for row in process["categories"]:
            parts = sum(part[kind] for part in process["memory"]["parts"]
                        if part["category"] == row["name"])
            expect(f"parts of {row['name']}", parts, row[kind])


def category(process, name):
    return next(row for row in process["categories"] if row["name"] == name)


def part(process, name):
    return next((row for row in process["memory"]["parts"] if row["name"] == name),
                {"count": 0, "virtual_bytes": 0, "resident_bytes": 0})


def settings(process):
    return sorted(advice["setting"] for advice in process["memory"]["advice"])


def lines(site):
    return [(os.path.basename(frame["file"] or ""), frame["line"]) for frame in site["stack"]]


# ---- programs in C: tests/targets/trimmed.c has the figures in its first comment ----

TOUCHED = "block = malloc(bytes)"


def line_of(path, text):
    with open(path, encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


def check_trim(folder, mode):
    recording, printed = run(folder, f"{TARGETS}/trimmed", mode)
    before, after = map(int, printed.split())
    process = ask(recording)
    name = f"{mode}: resident {before}, trimmable {process['trimmable_bytes']}, after {after}"
    expect(f"{name}: as the kernel says",
           is_near(process["memory"]["figures"]["resident_bytes"], before, 0.02, 512 << 10), True)
    # What trims and prints for the first time has pages of its code read in meanwhile.
    expect(f"{name}: what was given back",
           is_near(process["trimmable_bytes"], before - after, 0.05, 1 << 20), True)
    return recording, process


def check_holes(folder):
    recording, process = check_trim(folder, "holes")
    live, free = category(process, "heap_live"), category(process, "heap_free")
    expect("holes: live", is_near(live["resident_bytes"], 400000, 0.05), True)
    expect("holes: free", free["resident_bytes"] > 185 * MIB, True)
    source = os.path.join(os.environ.get("srcdir", "."), "tests", "targets", "trimmed.c")
    touched = ("trimmed.c", line_of(source, TOUCHED))
    holder = process["memory"]["holders"][0]
    # The very first has nothing before it.
    expect("holes: who keeps them", (holder["blocks"], holder["bytes"]), (39, 390000))
    expect("holes: their line", touched in lines(holder), True)
    pins = process["memory"]["pins"]
    expect("holes: the last", [(pin["arena"], pin["bytes"]) for pin in pins], [(0, 10000)] * 4)
    expect("holes: between two", {is_near(pin["free_bytes"], 499 * 10016, 0.01) for pin in pins},
           {True})
    expect("holes: what would help", settings(process), ["malloc_trim(0)"])
    text = seep("report", "--by=category", recording).stdout
    expect(f"holes as text: {text}", "Trimmable" in text and "free heap" in text and
           "touched at " in text, True)


def check_top(folder):
    _, process = check_trim(folder, "top")
    expect("top: behind the last block",
           process["memory"]["figures"]["trimmable_top_bytes"] > 20 * MIB, True)
    expect("top: what would help", settings(process),
           ["MALLOC_TRIM_THRESHOLD_=131072", "malloc_trim(0)"])


def check_arenas(folder):
    _, process = check_trim(folder, "arenas")
    figures = process["memory"]["figures"]
    # One a thread, as far as glibc makes them: 8 for each processor.
    expect(f"arenas: {figures['arenas']}", 1 <= figures["arenas"] <= 8, True)
    expect("arenas: free", figures["arena_free_bytes"] > 14 * MIB, True)
    expect("arenas: stacks", (figures["stack_count"], part(process, "of threads")["count"]), (9, 8))
    if figures["arenas"] >= 2:
        expect("arenas: what would help", settings(process),
               ["MALLOC_ARENA_MAX=2", "malloc_trim(0)"])
    last = [pin for pin in process["memory"]["pins"]
            if pin["arena"] > 0 and pin["bytes"] == 1000 and pin["free_bytes"] > MIB]
    expect("arenas: the last block of each", len(last), figures["arenas"])


def check_idle(folder):
    _, process = check_trim(folder, "idle")
    stacks = part(process, "of threads")
    expect("idle: stacks", (stacks["count"], is_near(stacks["virtual_bytes"], 160 * MIB, 0.01)),
           (20, True))
    expect("idle: hardly there", stacks["resident_bytes"] < 2 * MIB, True)
    expect("idle: nothing to do", settings(process), [])


# ---- CPython ----

FRAGMENTED = """
many = [bytearray(4000) for i in range(50000)]
keep = many[{first}::500]
del many
"""


def check_fragments(folder):
    """100 of 50,000 blocks stay, or the last one: what lies before them is free and stays."""
    path = os.path.join(folder, "fragments.py")
    for first, blocks in ((0, 100), (49999, 1)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(FRAGMENTED.format(first=first))
        recording, _ = run(folder, PYTHON, path)
        process = ask(recording)
        free = category(process, "heap_free")["resident_bytes"]
        expect(f"fragments: free {free}", free >= 185 * MIB, True)
        expect("fragments: trimmable", is_near(process["trimmable_bytes"], free, 0.05), True)
        holder = process["memory"]["holders"][0]
        expect(f"fragments: {holder['blocks']} of {blocks}", abs(holder["blocks"] - blocks) <= 1,
               True)
        expect("fragments: their line", ("fragments.py", 2) in lines(holder), True)
        pins = [pin for pin in process["memory"]["pins"] if pin["arena"] == 0]
        expect(f"fragments: at the end of the heap: {[lines(pin)[:3] for pin in pins]}",
               any(("fragments.py", 2) in lines(pin) for pin in pins), True)


MAPPED = """
import mmap
m = mmap.mmap(-1, 1 << 30)
if {stage} > 0:
    for i in range(0, 64 << 20, 4096): m[i] = 1
b = bytearray(256 << 20) if {stage} > 1 else bytes(256 << 20)
"""


def check_mapped(folder):
    """What is asked for is not there before it is touched: bytes come from calloc, a bytearray is
    filled."""
    for stage, mapped, filled in ((0, 0, 0), (1, 64, 0), (2, 64, 256)):
        recording, _ = run(folder, PYTHON, "-c", MAPPED.format(stage=stage))
        process = ask(recording)
        shared, live = category(process, "shared"), category(process, "heap_live")
        expect(f"mapped {stage}: virtual", is_near(shared["virtual_bytes"], 1024 * MIB, 0.01), True)
        expect(f"mapped {stage}: resident {shared['resident_bytes']}",
               is_near(shared["resident_bytes"], mapped * MIB, 0.02, MIB), True)
        expect(f"mapped {stage}: block", live["virtual_bytes"] >= 256 * MIB, True)
        expect(f"mapped {stage}: of it {live['resident_bytes']}",
               is_near(live["resident_bytes"], filled * MIB, 0.02, 3 * MIB), True)


THREADED = """
import os, signal, threading
ready = threading.Barrier(21)
def work():
    x = [0] * 1000
    ready.wait()
    threading.Event().wait()
for i in range(20): threading.Thread(target=work, daemon=True).start()
ready.wait()
os.kill(os.getpid(), signal.SIGSTOP)
"""


def check_threads_by_pid(folder):
    """Nobody recorded it: 20 stacks of 8 MiB and what arenas may grow into are addresses, no more."""
    recording = os.path.join(folder, "plain.seep")
    with subprocess.Popen([PYTHON, "-c", THREADED]) as child:
        os.waitpid(child.pid, os.WUNTRACED)
        done = seep("snapshot", str(child.pid), "-o", recording)
        child.kill()
    if done.returncode != 0:
        raise Skipped(done.stderr.strip())
    process = ask(recording)
    figures, stacks = process["memory"]["figures"], part(process, "of threads")
    expect("by PID: stacks", (stacks["count"], is_near(stacks["virtual_bytes"], 160 * MIB, 0.01)),
           (20, True))
    reserves = part(process, "reserved by arenas of threads")
    expect(f"by PID: reserves {reserves['count']}", (1 <= reserves["count"] <= 16,
                                                     reserves["resident_bytes"]), (True, 0))
    expect("by PID: of 64 MiB each", is_near(reserves["virtual_bytes"],
                                             reserves["count"] * 64 * MIB, 0.02), True)
    expect("by PID: hardly there", figures["resident_bytes"] < 30 * MIB, True)
    expect("by PID: blocks that nobody recorded", figures["unrecorded_blocks"] > 20, True)
    expect("by PID: arenas", category(process, "python_arenas")["resident_bytes"] > 0, True)


def check_numbers(folder):
    """2,000,000 numbers in a list: an array of 16 MB, and int objects in arenas."""
    recording, _ = run(folder, PYTHON, "-c", "x = [i * i for i in range(2000000)]")
    process = ask(recording)
    arenas = category(process, "python_arenas")
    expect(f"numbers: {arenas}", is_near(arenas["resident_bytes"], 2000000 * 32, 0.1, 0), True)
    expect("numbers: live", category(process, "heap_live")["resident_bytes"] > 15 * MIB, True)


# ---- two interpreters ----

def check_interpreters(folder):
    """The same work: libpypy, a nursery of 16 MiB, arenas and code are what PyPy has more of."""
    pypy = shutil.which("pypy3")
    if pypy is None:
        print("there is no pypy3: two interpreters were not compared")
        return
    base, _ = run(folder, PYTHON, COMPUTING, "200")
    os.rename(base, f"{folder}/cpython.seep")
    new, _ = run(folder, pypy, COMPUTING, "200", environment={"PYPY_GC_NURSERY": "16M"})
    process = ask(new)
    expect("PyPy: files", category(process, "files")["resident_bytes"] > 30 * MIB, True)
    done = seep("diff", "--json", f"{folder}/cpython.seep", new)
    document = json.loads(done.stdout)
    check_schema(document, "diff")
    memory = document["memory"]
    expect("which", (memory["base"]["implementation"], memory["new"]["implementation"]),
           ("CPython", "PyPy"))
    changes = [abs(row["change"]) for row in memory["categories"]]
    expect("the largest first", changes, sorted(changes, reverse=True))
    expect("together", sum(row["change"] for row in memory["categories"]), memory["change"])
    if process["python"] is None or process["python"]["implementation"] != "PyPy" or \
            category(process, "gc_nursery")["virtual_bytes"] == 0:
        print(f"this PyPy was not read: {process['python']}")
        return
    rows = {(row["name"], row["part"]): row for row in memory["categories"]}
    nursery, files = rows["gc_nursery", None], rows["files", None]
    expect("nursery", (is_near(nursery["change"], 16 * MIB, 0.05),
                       "PYPY_GC_NURSERY=16M" in nursery["reason"]), (True, True))
    expect(f"files: {files['reason']}", "libpypy" in files["reason"], True)
    expect("arenas", rows["gc_old", None]["change"] > MIB, True)
    code = rows["jit", None]
    expect(f"code: {code['reason']}", (code["new_bytes"] > 0, "of 1.0 MiB" in code["reason"]),
           (True, True))
    text = seep("diff", f"{folder}/cpython.seep", new).stdout
    expect("as text", all(word in text for word in ("PyPy 7", "GC arenas", "Nursery", "JIT code")),
           True)


def main():
    checks = (check_holes, check_top, check_arenas, check_idle, check_fragments, check_mapped,
              check_threads_by_pid, check_numbers, check_interpreters)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for check in checks:
        with tempfile.TemporaryDirectory() as folder:
            if not os.path.exists(PYTHON) and check not in checks[:4]:
                print(f"there is no {PYTHON}: not {check.__name__}")
                continue
            try:
                check(folder)
            except Skipped as skipped:
                print(f"SKIP: {skipped}")
                return 1 if is_failed() else 77
    return 1 if is_failed() else 0


if __name__ == "__main__":
    sys.exit(main())
