#!/usr/bin/env python3
"""What seep calls lost, against what tests/targets/lost.c and lost_cxx.cpp leave behind: kinds, blocks
and bytes, to the unit; each kind of root on and off; stacks; ways to end. Then the same cases with
memcheck and, where the compiler has it, LeakSanitizer: each difference stands in
tests/system/leaks.differences with its reason, and no other may be there.

All cases are recorded in one session, since each is a process of its own."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import IS_LONG, SOURCE, TARGETS, Checks, new_path, record, run, seep, target

KINDS = ("definite", "indirect", "possible", "reachable")
checks = Checks()


def expect(what, got, wanted):
    checks.equal(what, wanted, got)


# Sizes of the blocks of each kind; None: libc's own are among them.
CASES = {
    "nine": ([104, 105, 114], [106, 115], [107, 109, 110, 111, 112, 113], [101, 102, 103, 108]),
    "edges": ([200, 201], [], [202], [0]),
    "cycle": ([300], [301], [], []),
    "self": ([302], [], [], []),
    "nested": ([303], [304, 305], [], []),
    "cycle_from_cycle": ([308], [306, 307, 309], [], []),
    "shared_tail": ([310, 312], [311, 313, 314, 315], [], []),
    "tree": ([316], [317, 318, 319, 320, 321, 322], [], []),
    "long_list": ([32], [32] * 99999, [], []),
    "root_global": ([], [], [], [400]),
    "root_stack": ([], [], [], [401]),
    "root_tls": ([], [], [], [402]),
    "root_key": ([], [], [], [403]),
    "root_far_key": ([], [], [], [404, 512]),
    "root_mapping": ([], [], [], [405]),
    "root_plugin": ([], [], [], None),
    "root_plugin_tls": ([], [], [], None),
    "root_context": ([], [], [], [409]),
    "root_handler": ([], [], [], [410, 411]),
    "root_tree": ([24], [24] * 19 + [413] * 20, [], None),
    "plugin_closed": ([408], [], [], None),
    "thread_stack": ([], [], [], None),
    "thread_tls": ([], [], [], None),
    "thread_key": ([], [], [], None),
    "thread_plugin_tls": ([], [], [], None),
    "thread_lost": ([504], [], [], None),
    "thread_replaced": ([508] * 19, [], [], None),
    "thread_argument": ([], [], [], None),
    "thread_result": ([], [], [], None),
    "thread_register": ([], [], [], None),
    "thread_vector_register": ([], [], [], None),
    "end_exit": ([600], [], [], [601]),
    "end_atexit": ([602], [], [], []),
    "end_immediately": ([604], [], [], []),
    "end_quickly": ([605], [], [], []),
    "end_last_thread": ([606], [], [], None),
    "end_exec": ([609], [], [], []),
    "end_err": ([], [], [], [614]),
    "end_fork": ([], [], [], [610]),
    "returned": ([613], [], [], []),
    "clean": ([], [], [], [612]),
}
# What is compared with other tools each time, not only in long tests.
FEW = ("nine", "edges", "shared_tail")
NOT_SCANNED = {"end_killed": "killed", "end_crashed": "crashed"}

# With this kind of root off, this block of the case is lost. (The thread-local variables of a plugin
# stand in a block of the heap, which the thread's table holds.)
OFF = {
    "globals": [("root_global", 400), ("clean", 612)],
    "stacks": [("root_stack", 401), ("thread_stack", 500)],
    "tls": [("root_tls", 402), ("thread_tls", 501), ("root_plugin_tls", 407),
            ("thread_plugin_tls", 503)],
    "keys": [("root_key", 403), ("thread_key", 502)],
    "threads": [("thread_result", 506)],
    "mappings": [("root_mapping", 405)],
    "registers": [("thread_register", 507), ("thread_vector_register", 507)],
}


def summary_of(process):
    return {kind: (entry["blocks"], entry["bytes"]) if entry else None
            for kind, entry in process["summary"].items()}


def case_of(process):
    arguments = process["arguments"] or []
    return arguments[1] if len(arguments) > 1 else ""


def leaks(path, *options):
    finished = seep("leaks", "--json", *options, path)
    expect(f"seep leaks {' '.join(options)}", finished.returncode, 0)
    return json.loads(finished.stdout)


def check_case(name, process):
    expect(f"{name}: done", process["scan"]["done"], True)
    if not process["scan"]["done"]:
        return
    found = summary_of(process)
    for kind, sizes in zip(KINDS, CASES[name]):
        if sizes is not None:
            expect(f"{name}: {kind}", found[kind], (len(sizes), sum(sizes)))
    expect(f"{name}: suppressed", found["suppressed"][0] <= 8, True)


def functions_of(leak):
    return [frame["function"] for frame in leak["stack"]]


def check_details(by_case):
    """Stacks, cycles, and what hangs from a leak."""
    cycle = by_case["cycle"]["leaks"]
    expect("cycle: kinds", [leak["kind"] for leak in cycle], ["definite", "indirect"])
    expect("cycle: is one", [leak["cycle"] for leak in cycle], [True, False])
    expect("cycle: offsets", [step["offset"] for step in cycle[0]["cycle_path"]["steps"]],
                 [0, 16])
    expect("cycle: what hangs", (cycle[0]["indirect_blocks"], cycle[0]["indirect_bytes"]),
                 (1, 301))
    expect("cycle: stack", functions_of(cycle[0])[:3], ["make", "cycle", "main"])
    expect("cycle: line", cycle[0]["stack"][1]["file"].endswith("tests/targets/lost.c"), True)
    tree = [leak for leak in by_case["tree"]["leaks"] if leak["kind"] == "definite"]
    expect("tree: what hangs", [(leak["indirect_blocks"], leak["indirect_bytes"])
                                      for leak in tree], [(6, 1917)])
    expect("self: no cycle of several", by_case["self"]["leaks"][0]["cycle"], False)
    lost = by_case["thread_lost"]["leaks"][0]
    expect("thread_lost: by one thread, not the first", (lost["several_threads"], lost["thread"]["id"]),
           (False, 1))
    expect("thread_lost: its number", lost["thread"]["tid"] != by_case["thread_lost"]["pid"], True)
    expect("thread_lost: its age", lost["age_ns"] == lost["least_age_ns"] > 0, True)
    long_list = by_case["long_list"]["leaks"]
    expect("long_list: ages", {leak["age_ns"] >= leak["least_age_ns"] > 0 for leak in long_list},
           {True})
    expect("long_list: by one thread", {leak["thread"]["id"] for leak in long_list}, {0})
    closed = by_case["plugin_closed"]["leaks"][0]
    expect("plugin_closed: stack", functions_of(closed)[:3], ["make", "plugin_closed", "main"])


def record_cases():
    names = [*CASES, *NOT_SCANNED]
    lost = target("lost")
    script = "\n".join(f'"{lost}" {name} "{TARGETS}"' for name in names)
    return record(["/bin/sh", "-c", script + f'\n"{target("lost_cxx")}"\ntrue'])


def way_of(seen):
    return [(step["name"], step["member"], step["type"]) for step in seen["path"]]


def check_last_seen():
    """Where blocks were last held that are lost at the exit: the newest snapshot that saw some."""
    recording = record([target("last_held")])
    report = leaks(recording.path, "--at=snapshot:3", "--limit=0")
    lost = {leak["bytes"]: leak for leak in report["processes"][0]["leaks"]}
    expect("last seen: leaks", sorted(lost), [50, 77, 240])
    values = lost[240]["last_seen"]
    expect("last seen: values", (lost[240]["blocks"], values["instant"], values["blocks"]),
           (6, "snapshot:1", 2))
    expect("last seen: values, by", way_of(values),
           [("list", "first", "struct"), ("put", "value", "node"), ("new_value", None, "value")])
    kept = lost[50]["last_seen"]
    expect("last seen: kept", (kept["instant"], kept["blocks"], way_of(kept)[0][0]),
           ("snapshot:2", 1, "kept"))
    expect("last seen: lost at once", lost[77]["last_seen"], None)
    then = leaks(recording.path, "--at=snapshot:1")["processes"][0]["leaks"]
    expect("last seen: from an earlier one", [(leak["bytes"], leak["last_seen"] and (
        leak["last_seen"]["instant"], leak["last_seen"]["blocks"])) for leak in then],
           [(160, ("snapshot:0", 4)), (77, None)])
    text = seep("leaks", "--at=snapshot:3", recording.path).stdout.decode()
    expect("last seen: text", [line for line in (
        "2 of them last held at snapshot:1, ", "by list.first > node > value",
        "last held at snapshot:2, before the exit, by kept") if line not in " ".join(text.split())],
           [])
    # Without globals, list.first holds nothing at either instant.
    blind = leaks(recording.path, "--at=snapshot:3", "--no-root-globals", "--limit=0")
    expect("last seen: without globals", {leak["last_seen"] is None for leak in
                                          blind["processes"][0]["leaks"]}, {True})


def check_birth(path, process):
    """Of a thread its name or number, and its tid."""
    text = " ".join(seep("leaks", path).stdout.decode().split())
    tid = process["leaks"][0]["thread"]["tid"]
    expect("thread_lost: text", re.findall(rf"old, of thread \S+ \(tid {tid}\)", text) != [], True)


def check_roots(path):
    for roots, cases in OFF.items():
        report = leaks(path, f"--no-root-{roots}", "--kinds=definite", "--limit=0")
        by_case = {case_of(process): process for process in report["processes"]}
        for name, size in cases:
            lost = [leak["bytes"] for leak in by_case[name]["leaks"]]
            expect(f"{name} without {roots}: {size} is among {lost}", size in lost, True)
    report = leaks(path, "--roots=global", "--kinds=definite")
    by_case = {case_of(process): process for process in report["processes"]}
    expect("--roots=global: held", by_case["root_global"]["leaks"], [])
    expect("--roots=global: lost", len(by_case["root_stack"]["leaks"]), 1)
    expect("--roots: by the names of many", leaks(path, "--roots=globals,stacks,tls", "--limit=0"),
           leaks(path, "--roots=global,stack,tls", "--limit=0"))
    every = "globals,stacks,registers,tls,keys,threads,regions,mappings"
    expect("--roots: all of them", leaks(path, f"--roots={every}"), leaks(path))
    expect("--roots=none", leaks(path, "--roots=none"), leaks(path, *(
        f"--no-root-{word}" for word in every.split(","))))
    expect("--roots: another word", seep("leaks", "--roots=globals,heap", path).returncode, 2)
    only = record([target("lost"), "root_global"], options=["--roots=stacks"])
    found = summary_of(leaks(only.path)["processes"][0])
    expect("recorded with --roots=stacks", found["definite"], (1, 400))


# What is possible without pointers of that shape.
SHAPES = {"newarray": [56], "multipleinheritance": [48], "length64": [200], "stdstring": []}


def check_heuristics(path):
    def possible(words, file=path):
        report = leaks(file, f"--heuristics={words}", "--kinds=possible", "--limit=0")
        process, = [process for process in report["processes"]
                    if process["executable"].endswith("lost_cxx")]
        return sorted(leak["bytes"] for leak in process["leaks"])
    for off, sizes in SHAPES.items():
        expect(f"without {off}", possible(",".join(word for word in SHAPES if word != off)), sizes)
        expect(f"with {off} alone", possible(off),
               sorted(size for word in SHAPES if word != off for size in SHAPES[word]))
    every = sorted(size for sizes in SHAPES.values() for size in sizes)
    expect("--heuristics=none", possible("none"), every)
    expect("--heuristics=all", possible("all"), [])
    expect("--heuristics=new", seep("leaks", "--heuristics=new", path).returncode, 2)
    without = record([target("lost_cxx")], options=["--no-heuristics"])
    expect("recorded without", possible("all", without.path), every)


def check_statuses(path):
    expect("status", seep("leaks", path).returncode, 0)
    expect("status with leaks", seep("leaks", "--error-exitcode=23", path).returncode, 23)
    supp = new_path("all.supp")
    with open(supp, "w", encoding="utf-8") as file:
        file.write("leak:lost\n# seep: reason=none\nleak:no_such_function\n")
    suppressed = leaks(path, f"--suppressions={supp}")
    expect("all suppressed", sum(len(process["leaks"]) for process in
                                       suppressed["processes"]), 0)
    expect("uses", [use["state"] for use in suppressed["suppressions"]
                          if use["file"]], ["used", "unused"])
    with open(supp, "w", encoding="utf-8") as file:
        file.write("leak:x\nleek:y\n")
    finished = seep("leaks", f"--suppressions={supp}", path)
    expect("syntax error", finished.returncode, 2)
    expect("syntax error: place", f"{supp}:2: " in finished.stderr.decode(), True)
    first = next(process for process in leaks(path)["processes"] if case_of(process) == "tree")
    instant = first["scan"]["instant"]
    named = leaks(f"{path}@{instant}")
    expect("FILE@snapshot:N", [(case_of(process), process["summary"])
                               for process in named["processes"]], [("tree", first["summary"])])
    expect("instant", named["instant"], instant)
    expect("--at", leaks(path, f"--at={instant}")["processes"], named["processes"])
    since = leaks(path, f"--new-since={instant}", f"--at={instant}")
    expect("nothing is new since itself", since["processes"][0]["leaks"], [])
    for word in ("snapshot:99999", "snapshot:x", "peak"):
        expect(f"@{word}", seep("leaks", f"{path}@{word}").returncode, 2)
    again = [seep("leaks", "--json", "--kinds=all", path).stdout for _ in range(2)]
    expect("the same bytes", again[0] == again[1], True)
    generated = seep("leaks", "--gen-suppressions=lsan", path).stdout
    with open(supp, "wb") as file:
        file.write(generated)
    silenced = leaks(path, f"--suppressions={supp}")
    expect("generated suppressions", [leak for process in silenced["processes"]
                                            for leak in process["leaks"]], [])
    generated = seep("leaks", "--gen-suppressions=valgrind", path).stdout
    with open(supp, "wb") as file:
        file.write(generated)
    silenced = leaks(path, f"--suppressions={supp}")
    expect("generated suppressions for Valgrind",
                 [leak for process in silenced["processes"] for leak in process["leaks"]], [])


# ---- the others -----------------------------------------------------------------------------

def read_differences():
    """{(tool, case, kind): (seep's, the tool's)}, in blocks/bytes; "any": it is left to chance."""
    differences = {}
    with open(os.path.join(SOURCE, "tests/system/leaks.differences"), encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                tool, case, kind, ours, theirs = words
                differences[tool, case, kind] = ours, theirs
    return differences


def text_of(sum_):
    return f"{sum_[0]}/{sum_[1]}"


def memcheck(name):
    finished = run(["valgrind", "--leak-check=full", "--show-leak-kinds=none",
                    "--trace-children=no", target("lost"), name, TARGETS])
    output = finished.stderr.decode(errors="replace")
    words = {"definite": "definitely lost", "indirect": "indirectly lost",
             "possible": "possibly lost"}
    found = {}
    for kind, word in words.items():
        matches = re.findall(word + r": ([0-9,]+) bytes in ([0-9,]+) blocks", output)
        pair = matches[-1] if matches else ("0", "0")
        found[kind] = int(pair[1].replace(",", "")), int(pair[0].replace(",", ""))
    return found


def build_with_lsan():
    program = new_path("lost_lsan")
    command = ["gcc", "-std=gnu11", "-g", "-O0", "-fno-builtin", "-fsanitize=leak", "-o", program,
               os.path.join(SOURCE, "tests/targets/lost.c"), "-pthread", "-ldl"]
    if not shutil.which("gcc") or run(command).returncode != 0:
        return None
    if b"leak of 300" in run([program, "clean"]).stderr or \
            b"Direct leak of 316" not in run([program, "tree"]).stderr:
        return None
    return program


def lsan(program, name):
    output = run([program, name, TARGETS]).stderr.decode(errors="replace")
    found = {}
    for kind, word in (("definite", "Direct"), ("indirect", "Indirect")):
        entries = re.findall(word + r" leak of (\d+) byte\(s\) in (\d+) object", output)
        found[kind] = sum(int(blocks) for _, blocks in entries), sum(int(size) for size, _ in entries)
    return found


def compare(tool, by_case, find, names):
    differences = read_differences()
    for name in names:
        ours = summary_of(by_case[name])
        for kind, theirs in find(name).items():
            expected = differences.get((tool, name, kind))
            found = text_of(ours[kind]), text_of(theirs)
            if expected:
                expect(f"{tool}: {name}: {kind}", found[0], expected[0])
                expect(f"{tool}: {name}: {kind}, theirs", expected[1] in ("any", found[1]), True)
            else:
                expect(f"{tool}: {name}: {kind}", found[0], found[1])


def main():
    recording = record_cases()
    path = recording.path
    report = leaks(path, "--limit=0")
    by_case = {}
    for process in report["processes"]:
        by_case.setdefault(case_of(process), process)
    for name in CASES:
        check_case(name, by_case[name])
    for name, reason in NOT_SCANNED.items():
        process = by_case[name]
        expect(f"{name}: scan", (process["scan"]["done"], process["scan"]["reason"]),
                     (False, reason))
        expect(f"{name}: summary", set(process["summary"].values()), {None})
    cxx = [process for process in report["processes"]
           if process["executable"].endswith("lost_cxx")][0]
    found = summary_of(cxx)
    expect("lost_cxx", [found[kind] for kind in KINDS[:3]], [(1, 40), (0, 0), (0, 0)])
    check_details(by_case)
    check_birth(path, by_case["thread_lost"])
    check_last_seen()
    check_roots(path)
    check_heuristics(path)
    check_statuses(path)
    left_out = ("end_exec", "end_fork", "long_list")  # of several processes; too long for others
    names = [name for name in CASES if IS_LONG and name not in left_out or name in FEW]
    # It needs the loader's symbols, and says so at once where these are not.
    if shutil.which("valgrind") and run(["valgrind", "-q", "true"]).returncode == 0:
        compare("memcheck", by_case, memcheck, names)
    program = build_with_lsan() if IS_LONG else None  # an old word on a stack may change its mind
    if program:
        compare("lsan", by_case, lambda name: lsan(program, name), names)
    checks.finish()


main()
