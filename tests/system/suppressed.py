#!/usr/bin/env python3
"""Known leaks, as people keep lists of them: what suppresses, what has expired, was exceeded or is not
used, in text and JSON; files with mistakes, by name and line, in both grammars; what a program itself
says (__lsan_default_suppressions); and lists that seep makes, given to the tools whose grammar it is."""
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, Checks, new_path, record, run, seep

checks = Checks()

# What is lost: 3 blocks of 100, 200 that hold 300, 400; and 500, possibly.
PROGRAM = """
#include <stdlib.h>
#include <string.h>
static void *inside;
static __attribute__((noinline)) void wipe(void)
{
    char space[16384];
    memset(space, 0, sizeof space);
    __asm__ volatile("" : : "r"(space) : "memory");
}
__attribute__((noinline)) void lose_some(void)
{
    for (int i = 0; i < 3; i++)
        *(void *volatile *)calloc(1, 100) = NULL;
}
__attribute__((noinline)) void lose_pair(void)
{
    void *volatile *pair = calloc(1, 200);
    *pair = calloc(1, 300);
}
__attribute__((noinline)) void lose_one(void)
{
    *(void *volatile *)calloc(1, 400) = NULL;
}
__attribute__((noinline)) void keep_inside(void)
{
    inside = (char *)calloc(1, 500) + 100;
}
int main(void)
{
    lose_some();
    lose_pair();
    lose_one();
    keep_inside();
    wipe();
    return 0;
}
"""

LSAN = """# seep: reason="ticket 7" expires=2020-01-01
leak:lose_some
# seep: expires=2999-12-31 max-bytes=100
leak:lose_one
# seep: reason="by design" expires=2999-01-01
leak:lose_pair

leak:nothing_like_it
"""
VALGRIND = """{
   inside
   Memcheck:Leak
   match-leak-kinds: possible
   fun:calloc
   fun:keep_inside
}
{
   of another tool
   Helgrind:Race
   fun:lose_one
}
# seep: expires=2020-01-01
{
   long ago
   Memcheck:Leak
   fun:calloc
   fun:lose_one
}
{
   for another kind
   Memcheck:Leak
   match-leak-kinds: reachable
   ...
   fun:lose_one
}
"""
# (file, line, name): state, blocks, bytes
STATES = {("lsan", 2, "lose_some"): ("expired", 0, 0), ("lsan", 4, "lose_one"): ("exceeded", 1, 400),
          ("lsan", 6, "lose_pair"): ("used", 2, 500), ("lsan", 8, "nothing_like_it"): ("unused", 0, 0),
          ("valgrind", 1, "inside"): ("used", 1, 500), ("valgrind", 14, "long ago"): ("expired", 0, 0),
          ("valgrind", 20, "for another kind"): ("unused", 0, 0)}
WORDS = ["expired on 2020-01-01: lose_some (", "ticket 7", "400 B in 1 block, more than 100 B",
         "500 B in 2 blocks: lose_pair (", "by design", "unused: nothing_like_it (",
         "500 B in 1 block: inside (", "expired on 2020-01-01: long ago (", "unused: for another kind ("]

# A file, and the line of the mistake in it.
MISTAKES = [("leak:x\nleek:y\n", 2), ("\n# why\nleak:x\nrace:y\n", 4), ("leak:\n", 1),
            ("leak:x\n{\n", 2), ("# seep: expires=2026-13-01\nleak:x\n", 1),
            ("leak:y\n# seep: max-bytes=much\nleak:x\n", 2), ("# seep: color=red\nleak:x\n", 1),
            ("{\nname\nMemcheck:Leak\nfun:x\n", 1), ("{\nname\nMemcheck:Leak\nfun:x\nfoo:y\n}\n", 5),
            ("{\nname\nMemcheck:Leak\nmatch-leak-kinds: definit\nfun:x\n}\n", 4),
            ("{\nname\nLeak\nfun:x\n}\n", 3), ("{\nname\nMemcheck:Leak\n...\n}\n", 1),
            ("{\nname\nMemcheck:Leak\nfun:x\n}\nleak:x\n", 6),
            ("# seep: expires=soon\n{\nname\nMemcheck:Leak\nfun:x\n}\n", 1)]


def write(text, suffix=".supp"):
    path = new_path(suffix)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def build(source, *options):
    program = new_path("")
    built = run(["cc", "-g", "-O0", "-fno-builtin", *options, "-x", "c", "-o", program, "-"],
                input=source.encode())
    return program if built.returncode == 0 else None


def report(path, *options):
    finished = seep("leaks", "--json", *options, path)
    checks.equal(f"seep leaks {options}: status", 0, finished.returncode)
    return json.loads(finished.stdout)


def sums(document):
    return {kind: (sum_["blocks"], sum_["bytes"]) for kind, sum_ in
            document["processes"][0]["summary"].items() if kind != "mapping_only"}


def check_states(path):
    files = {"lsan": write(LSAN), "valgrind": write(VALGRIND)}
    options = [f"--suppressions={file}" for file in files.values()]
    document = report(path, *options)
    names = {file: name for name, file in files.items()}
    found = {(names[use["file"]], use["line"], use["name"]):
             (use["state"], use["blocks"], use["bytes"])
             for use in document["suppressions"] if use["file"] in names}
    checks.equal("states", STATES, found)
    checks.equal("dates", {"2020-01-01", "2999-12-31", "2999-01-01", None},
                 {use["expires"] for use in document["suppressions"] if use["file"] in names})
    checks.equal("what is left", {"definite": (4, 700), "indirect": (0, 0), "possible": (0, 0),
                                  "reachable": (0, 0), "suppressed": (3, 1000)}, sums(document))
    text = " ".join(seep("leaks", *options, path).stdout.decode().split())
    checks.equal("text", [], [words for words in WORDS if words not in text])
    # From the file's side nothing changes: what has expired makes a status like any leak.
    for name, status in (("lsan", 9), ("valgrind", 9)):
        checks.equal(f"{name}: --error-exitcode", status,
                     seep("leaks", f"--suppressions={files[name]}", "--error-exitcode=9",
                          path).returncode)
    every = write("leak:lose_*\n")
    checks.equal("all suppressed: --error-exitcode", 0, seep(
        "leaks", f"--suppressions={every}", "--error-exitcode=9", path).returncode)
    checks.equal("seep check", (1, 0), tuple(seep(
        "check", f"--suppressions={file}", path).returncode for file in (files["lsan"], every)))


def check_mistakes(path):
    for text, line in MISTAKES:
        file = write(text)
        for command in ("leaks", "check"):
            finished = seep(command, f"--suppressions={file}", path)
            checks.equal(f"{command}: {text!r}: status", 2, finished.returncode)
            checks.true(f"{command}: {text!r}: place", f"{file}:{line}: " in finished.stderr.decode(),
                        finished.stderr)
            if command == "leaks":
                checks.equal(f"{text!r}: nothing is told of leaks", b"", finished.stdout)
    for name in (new_path(), SCRATCH):
        checks.equal(f"{name}: status", 2, seep("leaks", f"--suppressions={name}", path).returncode)
    checks.equal("an empty file is none", 0, seep("leaks", f"--suppressions={write('')}",
                                                  path).returncode)


def check_own_words():
    """What the program says itself counts like a file, with its mistakes too."""
    said = 'const char *__lsan_default_suppressions(void) { return "%s"; }'
    program = build(PROGRAM + said % r"leak:lose_pair\nleak:lose_some\nleak:unused\n")
    document = report(record([program]).path)
    checks.equal("said by the program", {"definite": (1, 400), "indirect": (0, 0),
                                         "possible": (1, 500), "reachable": (0, 0),
                                         "suppressed": (5, 800)}, sums(document))
    wrong = record([build(PROGRAM + said % r"leak:lose_pair\nlose_some\n")]).path
    for command, status in (("leaks", 2), ("check", 3)):
        finished = seep(command, wrong)
        checks.equal(f"{command}: said wrongly", status, finished.returncode)
        checks.true(f"{command}: said wrongly: place",
                    b"__lsan_default_suppressions():2: " in finished.stderr, finished.stderr)


def check_made_for_others(path, program):
    """Lists that seep makes silence the leaks in those tools, too."""
    lists = {}
    for grammar in ("lsan", "valgrind"):
        made = seep("leaks", f"--gen-suppressions={grammar}", "--limit=0", path)
        lists[grammar] = write(made.stdout.decode())
        checks.equal(f"{grammar}: in seep", {"suppressed": (7, 1700)}, {
            kind: sum_ for kind, sum_ in sums(report(
                path, f"--suppressions={lists[grammar]}")).items() if sum_ != (0, 0)})
    memcheck = ["valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite,possible",
                "--error-exitcode=9"]
    if shutil.which("valgrind") and run([*memcheck, program]).returncode == 9:
        finished = run([*memcheck, f"--suppressions={lists['valgrind']}", program])
        checks.equal("memcheck: status", 0, finished.returncode)
        lost = re.findall(r"(?:definitely|possibly) lost: (\d+)", finished.stderr.decode())
        checks.equal("memcheck: lost", ["0", "0"], lost)
    else:
        print("valgrind is not here, or does not work: not compared")
    with_lsan = build(PROGRAM, "-fsanitize=leak")
    if with_lsan and b"detected memory leaks" in run([with_lsan]).stderr:
        environment = dict(os.environ, LSAN_OPTIONS=f"suppressions={lists['lsan']}")
        finished = run([with_lsan], env=environment)
        checks.equal("LeakSanitizer: status", 0, finished.returncode)
        checks.true("LeakSanitizer: leaks", b"SUMMARY" not in finished.stderr, finished.stderr)
    else:
        print("LeakSanitizer is not here, or does not work: not compared")


def main():
    program = build(PROGRAM) if shutil.which("cc") else None
    if program is None:
        print("SKIP: there is no compiler")
        sys.exit(77)
    path = record([program]).path
    check_states(path)
    check_mistakes(path)
    check_own_words()
    check_made_for_others(path, program)
    checks.finish()


main()
