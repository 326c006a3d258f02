#!/usr/bin/env python3
"""What programs tell seep and ask it while they run: include/seep.h and LeakSanitizer's interface.
What the targets print is compared with known answers, under `seep run` and alone; and what stands in
the recording afterwards."""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import (BUILD, IS_LONG, SOURCE, Checks, check_invariants, new_path, record, run, seep,
                      target)

checks = Checks()

# Label, status and, of a check, definite, indirect and possible blocks/bytes.
ANSWERS = {
    "modes": """clean 0 0/0 0/0 0/0
                full 0 1/100 1/200 0/0
                nothing_new 0 0/0 0/0 0/0
                new 0 1/300 0/0 1/400
                nothing_changed 0 0/0 0/0 0/0
                changed 0 3/150 0/0 0/0
                less_sure 0 1/400 0/0 0/0
                all 0 6/950 1/200 0/0
                bad -5
                no_counts 0""",
    "threads": "bad_answers 0",
    "begins": "bad_answers 0",
    "in_child": """child_clean 0 0/0 0/0 0/0
                   child 0 1/601 0/0 0/0
                   parent 0 1/600 0/0 0/0
                   vfork 1""",
    "in_handler": "handler 0 700",
    "ends": """constructor 0 0/0 0/0 0/0
               main 0 1/800 0/0 0/0
               atexit 0 1/800 0/0 0/0""",
    # The block that was ignored and freed, and what stands there now; and a block that was moved.
    "ignored": """ignore 0
                  inside 0
                  ignored 0 2/5102 0/0 0/0""",
    "ignoring": """inner 0
                   ignoring_child 0 0/0 0/0 0/0
                   outer 0
                   once_more -1
                   ignoring 0 2/305 0/0 0/0""",
    "roots": """no_root 0 1/100 0/0 0/0
                add 0
                root 0 0/0 0/0 0/0
                still 0 0/0 0/0 0/0
                remove 0
                gone 0 1/100 0/0 0/0
                nonsense 0 1/100 0/0 0/0""",
    "pools": """create 0
                empty 0 0/0 0/0 0/0
                alloc 0
                lost 0 1/60 1/70 0/0
                free 0
                freed 0 1/70 0/0 0/0
                destroy 0
                destroyed 0 0/0 0/0 0/0
                bad -5 -5
                end 0 0/0 0/0 0/0""",
    "marks": """mark 0
                snapshot 0
                unnamed 0
                bad -5 -5""",
    "by_name": """is_recorded 0
                  by_name 0""",
}


def lines_of(text):
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def check_answers():
    for name, answers in ANSWERS.items():
        made = record([target("interface"), name])
        checks.equal(f"{name}: status", 0, made.status)
        checks.equal(f"{name}: said", lines_of(answers), lines_of(made.stdout.decode()))
        checks.equal(f"{name}: said on stderr", b"", made.stderr)
        checks.equal(f"{name}: complete", True, made.report["complete"])


def check_alone():
    """Nobody records: the calls do nothing and say so, whatever stands around them."""
    for name in ANSWERS:
        finished = run([target("interface"), name])
        checks.equal(f"{name} alone: status", 0, finished.returncode)
        statuses = {line.split()[1] for line in lines_of(finished.stdout.decode())
                    if line.split()[0] not in ("bad_answers", "handler", "vfork")}
        checks.equal(f"{name} alone: said", True, statuses <= {"-1"})


def check_no_answer():
    """A recorder that is stopped delays a call, and the call says that there was no answer."""
    # A sampled recording cannot tell what is lost.
    made = record([target("interface"), "in_handler"], ["--sample=1M"])
    checks.equal("sampled: said", ["handler -3 0"], lines_of(made.stdout.decode()))


# ---- marks ---------------------------------------------------------------------------------

# Live, peak and allocated bytes, and frees.
MARKS = {"one": (1000, 1000, 1000, 0), "two": (2000, 3000, 3000, 1),
         "three": (5000, 5000, 6000, 1)}


def check_marks():
    """FILE@mark:NAME: everything as it was then, and what came afterwards is not in it."""
    path = record([target("interface"), "marks"]).path
    for name, figures in MARKS.items():
        finished = seep("report", "--json", f"{path}@mark:{name}")
        checks.equal(f"mark {name}: status", 0, finished.returncode)
        report = json.loads(finished.stdout)
        process = report["processes"][0]
        totals = process["totals"]
        checks.equal(f"mark {name}: instant", f"mark:{name}", report["instant"])
        checks.equal(f"mark {name}: figures", figures,
                     (totals["live_bytes"], totals["peak_bytes"], totals["allocated_bytes"],
                      totals["frees"]))
        for key in ("live_bytes", "peak_bytes", "allocated_bytes", "frees"):
            checks.equal(f"mark {name}: {key} of sites", totals[key],
                         sum(site[key] for site in process["sites"]))
        check_invariants(checks, f"mark {name}", report)
    pools = record([target("interface"), "pools"])
    for name, live in (("full", 3000 + 40 + 50 + 60 + 70), ("less", 3000 + 40 + 50 + 70),
                       ("none", 3000 + 4096)):
        report = json.loads(seep("report", "--json", f"{pools.path}@mark:{name}").stdout)
        checks.equal(f"pools {name}: live", live, report["processes"][0]["totals"]["live_bytes"])
    totals = pools.process()["totals"]
    checks.equal("pools: live at the end", 0, totals["live_bytes"])
    check_invariants(checks, "pools", pools.report)
    finished = seep("diff", "--json", f"{path}@mark:one", f"{path}@mark:two")
    checks.equal("marks: diff", [("grown", 1000)],
                 [(site["state"], site["change"])
                  for site in json.loads(finished.stdout)["sites"]])
    finished = seep("leaks", "--json", f"{path}@mark:three")
    process = json.loads(finished.stdout)["processes"][0]
    checks.equal("mark three: leaks", {"blocks": 1, "bytes": 3000}, process["summary"]["definite"])
    for command, instant in (("report", "mark:nosuch"), ("leaks", "mark:one"),
                             ("report", "mark:")):
        checks.equal(f"{command} at {instant}", 2,
                     seep(command, f"{path}@{instant}").returncode)
    said = seep("info", path).stdout.decode()
    checks.true("info names marks", all(f"mark:{name} after" in said for name in MARKS), said)


# ---- other allocators ----------------------------------------------------------------------

def check_family(program):
    """--allocator: the family's blocks instead of what it takes from malloc itself."""
    made = record([target(program)], ["--allocator=arena_"])
    checks.equal(f"{program}: status", (0, b""), (made.status, made.stderr))
    sites = made.process()["sites"]
    custom = [site for site in sites if site["allocation_function"] == "custom allocator"]
    checks.equal(f"{program}: allocations", 6 + 100, sum(site["allocations"] for site in custom))
    checks.equal(f"{program}: live", 100 + 200 + 400 + 100000,
                 sum(site["live_bytes"] for site in custom))
    checks.equal(f"{program}: stacks", {"work", "use"},
                 {site["stack"][0]["function"] for site in custom})
    checks.equal(f"{program}: malloc's own", 500,
                 sum(site["live_bytes"] for site in sites
                     if site["allocation_function"] == "malloc"))
    checks.equal(f"{program}: unknown frees", 0, made.report["quality"]["unknown_frees"])
    checks.equal(f"{program}: misuse", 0, made.report["quality"].get("misuse", 0))
    check_invariants(checks, program, made.report)
    checks.equal(f"{program}: definite", {"blocks": 1, "bytes": 200},
                 leaks(made.path)["summary"]["definite"])
    plain = record([target(program)])
    checks.true(f"{program}: without the option",
                all(site["allocation_function"] != "custom allocator"
                    for site in plain.process()["sites"]))


def check_family_memory():
    """What an allocator of --allocator maps is heap: what stands there outside of blocks refers to
    nothing. Without the option it is the program's memory, and its words are roots."""
    for options, lost in ((["--allocator=slab_"], (1, 123)), ([], (0, 0))):
        summary = leaks(record([target("slab_user")], options).path)["summary"]
        checks.equal(f"slab_user {options}: definite", {"blocks": lost[0], "bytes": lost[1]},
                     summary["definite"])


def check_early_memory():
    """What was mapped before, outside of any call of the allocator, is heap once it held an object."""
    for options, lost in ((["--allocator=early_"], (1, 125)), ([], (0, 0))):
        summary = leaks(record([target("slab_user"), "early"], options).path)["summary"]
        checks.equal(f"slab_user early {options}: definite", {"blocks": lost[0], "bytes": lost[1]},
                     summary["definite"])


def check_family_options():
    for prefixes in (["", "x"], ["a", "b", "c", "d", "e"]):
        options = [f"--allocator={prefix}" for prefix in prefixes]
        finished = seep("run", "-q", "-o", new_path(), *options, "--", "true")
        checks.equal(f"{options}: status", 125, finished.returncode)
    made = record([target("family_user")],
                  ["--allocator=arena_", "--allocator=nobody_", "--allocator=arina"])
    checks.equal("a family that nobody has", (0, b""), (made.status, made.stderr))
    said = ("--allocator=nobody_, --allocator=arina recorded nothing: no program or library here "
            "calls such a function of another one")
    checks.equal("a family that nobody has: JSON", said, made.process()["reason"])
    checks.true("a family that nobody has: complete", made.report["complete"])
    checks.true("a family that nobody has: text",
                said in " ".join(seep("report", made.path).stdout.decode().split()))
    made = record(["sh", "-c", f"{target('family_user')}; true"], ["--allocator=arena"])
    checks.equal("a family that a child calls", None, made.process()["reason"])


# ---- LeakSanitizer's interface -------------------------------------------------------------

LSAN_ANSWERS = {
    "constructor": "constructor 0",
    "lost": """clean 0
               lost 1
               again 1""",
    "interior": """interior 0
                   gone 1""",
    "ignored": "ignored 0",
    "disabled": """disabled 0
                   enabled 1""",
    "region": """region 0
                 no_region 1""",
    "threads": "threads 20",
    "ends": "atexit 1",
    "final": "",
    "suppressed": "",
}


def leaks(path):
    finished = seep("leaks", "--json", path)
    checks.equal(f"seep leaks {path}", 0, finished.returncode)
    return json.loads(finished.stdout)["processes"][0]


def check_lsan():
    for name, answers in LSAN_ANSWERS.items():
        made = record([target("lsan_interface"), name])
        checks.equal(f"lsan {name}: status", 0, made.status)
        checks.equal(f"lsan {name}: said", lines_of(answers), lines_of(made.stdout.decode()))
        checks.equal(f"lsan {name}: said on stderr", b"", made.stderr)
        if name == "suppressed":
            summary = leaks(made.path)["summary"]
            checks.equal("lsan suppressed: kinds", [(1, 700), (1, 800), (2, 1100)],
                         [(summary[kind]["blocks"], summary[kind]["bytes"])
                          for kind in ("definite", "indirect", "suppressed")])
        if name != "final":
            continue
        # The check that a program makes itself takes the place of the one at exit, and is made once.
        process = leaks(made.path)
        checks.equal("lsan final: instant", "snapshot", process["scan"]["reason"])
        checks.equal("lsan final: definite", {"blocks": 1, "bytes": 100},
                     process["summary"]["definite"])
        checks.equal("lsan final: indirect", {"blocks": 1, "bytes": 200},
                     process["summary"]["indirect"])
    for name in LSAN_ANSWERS:
        finished = run([target("lsan_interface"), name])
        checks.equal(f"lsan {name} alone: status", 0, finished.returncode)


# What a program tells its leak checks by functions of its own: with each of these, is one block found
# that is lost?
TOLD = [("", 1),
        ("int __lsan_is_turned_off(void) { return 1; }", 0),
        ("int __lsan_is_turned_off(void) { return 0; }", 1),
        ('const char *__lsan_default_options(void) { return "a=1:detect_leaks=0"; }', 0),
        ('const char *__lsan_default_options(void) { return "detect_leaks=1 b=0"; }', 1)]
TELLING = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);
__attribute__((weak)) void __lsan_register_root_region(const void *, size_t);
static __attribute__((noinline)) void wipe(void)
{
    char space[16384];
    memset(space, 0, sizeof space);
    __asm__ volatile("" : : "r"(space) : "memory");
}
static __attribute__((noinline)) void lose(void)
{
    for (int i = 0; i < 3; i++)
        *(void *volatile *)malloc(100) = NULL;
}
static __attribute__((noinline)) void keep(void)
{
    void **place = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    place[5] = calloc(1, 321);
    mprotect(place, 4096, PROT_READ);
    if (__lsan_register_root_region != 0)
        __lsan_register_root_region(place, 4096);
}
int main(void)
{
    lose();
    keep();
    wipe();
    printf("%d\\n", __lsan_do_recoverable_leak_check ? __lsan_do_recoverable_leak_check() : -1);
    return 0;
}
"""


def build_telling(told, *more):
    program = new_path("")
    built = run(["cc", "-g", "-O0", "-fno-builtin", *more, "-x", "c", "-o", program, "-"],
                input=(TELLING + told).encode())
    checks.equal(f"{told}: built", 0, built.returncode)
    return program


def check_what_is_told():
    ways = {"exported": (["-rdynamic", "-s"], True), "in the file's symbols": ([], True),
            "at a fixed place": (["-no-pie"], True), "stripped": (["-s"], False)}
    for told, found in TOLD:
        for way, (options, is_seen) in ways.items():
            made = record([build_telling(told, *options)])
            checks.equal(f"told {told}, {way}", f"{found if is_seen else 1}\n".encode(), made.stdout)
    # A name that ends in the one that is looked for, and one of the file's own, are not it.
    other = "int not__lsan_is_turned_off(void) { return 1; }"
    made = record([build_telling(other + " static int __lsan_is_turned_off(void) { return 1; } "
                                 "int (*volatile kept)(void) = __lsan_is_turned_off;")])
    checks.equal("told by other names", b"1\n", made.stdout)


def check_regions():
    """A block that a region holds, with such roots and without, when recorded and when judged."""
    program = build_telling("")

    def lost(options=(), reading=()):
        made = record([program], options=options)
        report = json.loads(seep("leaks", "--json", *reading, made.path).stdout)
        return 321 in [leak["bytes"] for leak in report["processes"][0]["leaks"]
                       if leak["kind"] == "definite"]
    checks.equal("regions: on", False, lost())
    checks.equal("regions: off when judged", True, lost(reading=["--no-root-regions"]))
    checks.equal("regions: off when recorded", True, lost(options=["--no-root-regions"]))
    checks.equal("regions: alone", False, lost(reading=["--roots=region"]))


def check_package():
    """What pkg-config says of the header is where it gets installed, and nothing to link with."""
    with open(os.path.join(BUILD, "include/seep.pc"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    checks.equal("seep.pc: the header's folder", ["Cflags: -I${includedir}"],
                 [line for line in lines if line.startswith("Cflags")])
    checks.equal("seep.pc: nothing is left to be filled in", [],
                 [line for line in lines if "@" in line])
    checks.true("seep.pc: a name and a version", any(line.startswith("Name: seep") for line in lines)
                and any(line.startswith("Version: ") for line in lines), lines)
    checks.equal("seep.pc: no libraries", [], [line for line in lines if line.startswith("Libs")
                                               and line.split(":")[1].strip()])


def check_real_lsan():
    """LeakSanitizer itself says the same of the same program."""
    program = new_path("")
    built = run(["cc", "-fsanitize=leak", "-g", "-O0", "-fno-builtin", "-o", program,
                 os.path.join(SOURCE, "tests/targets/lsan_interface.c")])
    if built.returncode != 0:
        print("cc has no LeakSanitizer: not compared")
        return
    for name, answers in LSAN_ANSWERS.items():
        finished = run([program, name])
        if b"LeakSanitizer has encountered a fatal error" in finished.stderr:
            print("LeakSanitizer cannot work here: not compared")
            return
        checks.equal(f"real lsan {name}: said", lines_of(answers),
                     lines_of(finished.stdout.decode()))


# ---- the header ----------------------------------------------------------------------------

PROGRAM = """#include <dlfcn.h>
#include "seep.h"
#include <stdio.h>
int main(void)
{
    struct seep_leak_counts counts;
    printf("%d %d\\n", seep_leak_check(SEEP_CHECK_FULL, &counts), seep_snapshot("x"));
    return 0;
}
"""
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Werror"]
COMPILERS = [
    ["cc", "-x", "c", "-std=c99", "-pedantic-errors"],
    ["cc", "-x", "c", "-std=gnu17", "-O2", "-fno-pie", "-no-pie"],
    ["cc", "-x", "c", "-static"],
    ["c++", "-x", "c++", "-std=c++98", "-pedantic-errors", "-Wno-long-long"],
    ["c++", "-x", "c++", "-std=c++20", "-pedantic-errors", "-Wold-style-cast"],
    ["clang", "-x", "c", "-std=c11", "-pedantic-errors"],
    ["clang++", "-x", "c++", "-std=c++17", "-pedantic-errors"],
]


def check_header():
    """It compiles alone, without a word, and its programs link with nothing."""
    for compiler in COMPILERS:
        name = " ".join(compiler)
        if shutil.which(compiler[0]) is None:
            continue
        program = new_path("")
        flags = STRICT if "-static" not in compiler else []
        built = run([*compiler, *flags, f"-I{SOURCE}/include", "-o", program, "-"],
                    input=PROGRAM.encode())
        if "-static" in compiler and built.returncode != 0:
            continue  # no static library here
        checks.equal(f"{name}: built", (0, b""), (built.returncode, built.stderr))
        if built.returncode != 0:
            continue
        checks.equal(f"{name}: alone", b"-1 -1\n", run([program]).stdout)
        if "-static" not in compiler:
            checks.equal(f"{name}: recorded", b"0 0\n", record([program]).stdout)


def check_example():
    """examples/leak_test.c does what its first comment says."""
    program = new_path("")
    built = run(["cc", "-g", f"-I{SOURCE}/include", os.path.join(SOURCE, "examples/leak_test.c"),
                 "-o", program])
    checks.equal("example: built", (0, b""), (built.returncode, built.stderr))
    checks.equal("example: alone", 0, run([program]).returncode)
    made = record([program])
    checks.equal("example: said", (1, b"lost 2 blocks, 64 bytes\n"), (made.status, made.stdout))


check_answers()
check_alone()
check_no_answer()
check_marks()
check_family("family_user")
check_family("family_user_bound")
check_family_memory()
check_early_memory()
check_family_options()
check_lsan()
check_what_is_told()
check_regions()
check_package()
check_header()
check_example()
if IS_LONG:
    check_real_lsan()
checks.finish()
