#!/usr/bin/env python3
"""Allocations, frees and bytes equal Valgrind's "total heap usage", to the unit, for real programs
whose heap does not depend on chance. A few in `make check`, all in `./test all`. Prints a table.

Both sides get the environment that Valgrind makes (it adds LD_LIBRARY_PATH, GLIBCPP_FORCE_NEW and
GLIBCXX_FORCE_NEW). What still differs, and why:

  LD_PRELOAD   Each side's own library stands there, under names of different lengths: programs that copy
               their environment allocate so many bytes more (gawk once, perl and bash twice). Here that
               length is multiplied by the number of copies, and must be the whole difference; but for
               what depends on the digits of the process id, which gawk and bash keep as text.
  realloc      Valgrind counts a realloc that fails as a free and an allocation; seep counts what happened.
               The row "realloc that fails" shows it: one call, one block, and the size that was refused.
  TLS          seep keeps a pointer in TLS, so there is one module with TLS more, and glibc's table of
               them, which each thread allocates, has 16 bytes more: 4 threads in "constructors and exit".
  cc1          allocates one block of 32 KiB more in every other run, depending on where it was loaded;
               a library that does nothing but count says the same.
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import IS_LONG, SOURCE, Checks, clean_environment, new_path, record, run, target

if not shutil.which("valgrind"):
    print("SKIP: valgrind is not installed")
    sys.exit(77)

checks = Checks()
TEXT = os.path.join(SOURCE, "src/record/process_tree.c")
SCHEMA = os.path.join(SOURCE, "schema/seep-report.json")
SQL = """
create table t (a, b);
with recursive c (x) as (select 1 union all select x + 1 from c where x < 3000)
insert into t select x, hex(x) from c;
create index i on t (b);
select count(*) from t where b like '3%';
"""
PYTHON = "d = {i: str(i) for i in range(2000)}; print(len(d), sum(map(len, d.values())))"
C_SOURCE = """
struct list { struct list *next; int value; };
static int sum(const struct list *at) { int s = 0; for (; at; at = at->next) s += at->value; return s; }
int total(struct list *lists, int count) {
    int s = 0;
    for (int i = 0; i < count; i++) s += sum(&lists[i]) * (i % 3 ? 2 : 5);
    return s;
}
"""


def write(name, text):
    path = new_path(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def find_compiler():
    found = run(["gcc", "-print-prog-name=cc1"]) if shutil.which("gcc") else None
    path = found.stdout.decode().strip() if found and found.returncode == 0 else ""
    return path if os.path.isabs(path) else "no-cc1"


# name, command, is it short, copies of LD_PRELOAD
ROWS = [
    ("sort", ["sort", TEXT], True, 0),
    ("xz", ["xz", "-c", "-T1", "-0", TEXT], True, 0),
    ("perl", ["perl", "-e", "my %h; $h{$_} = $_ x 3 for 1 .. 2000; print scalar keys %h"], True, 2),
    ("gawk", ["gawk", "{ n[$1]++ } END { for (k in n) s += n[k]; print s }", TEXT], False, 1),
    ("bash", ["bash", "--norc", "-c", "for i in {1..99}; do a[$i]=$i; done; echo ${a[*]}"], False, 2),
    ("ls", ["ls", "-l", "/usr/bin"], False, 0),
    ("sqlite3", ["sqlite3", ":memory:", SQL], False, 0),
    ("jq", ["jq", "-c", ".", SCHEMA], False, 0),
    ("python3", ["/usr/bin/python3", "-I", "-S", "-E", "-c", PYTHON], False, 0),
    ("cc1", [find_compiler(), "-quiet", "-O1", "-o", "/dev/null", write(".c", C_SOURCE)], False, 0),
    ("strdup", [target("family"), "strdup"], False, 0),
    ("C++ containers", [target("cxx"), "containers"], False, 0),
    ("constructors and exit", [target("before_and_after_main")], False, 0),
    ("realloc that fails", [target("family"), "realloc_fails"], False, 0),
]
# What else Valgrind may have more: calls and bytes.
ALSO_POSSIBLE = {
    "realloc that fails": [((1, 1), 2 ** 63 - 64)],  # what family.c asks for
    "constructors and exit": [((0, 0), -16 * 4)],
    "cc1": [((0, 0), 0), ((1, 0), 32768), ((-1, 0), -32768)],
}
PID_DIGITS = 4


def base_environment():
    environment = clean_environment()
    environment.update(PYTHONHASHSEED="0", PYTHONMALLOC="malloc", PERL_HASH_SEED="0",
                       PERL_PERTURB_KEYS="0", TZ="UTC")
    return environment


def environment_of(output):
    return dict(line.split("=", 1) for line in output.decode().splitlines() if "=" in line)


def by_valgrind(command):
    log = new_path(".log")
    finished = run(["valgrind", "--run-libc-freeres=no", "--run-cxx-freeres=no", "--leak-check=no",
                    "--log-file=" + log, *command], env=base_environment())
    with open(log, encoding="utf-8", errors="replace") as file:
        found = re.search(r"total heap usage: ([\d,]+) allocs, ([\d,]+) frees, ([\d,]+) bytes",
                          file.read())
    if not found:
        raise AssertionError(f"valgrind says nothing of {command[0]}")
    return finished, tuple(int(number.replace(",", "")) for number in found.groups())


def by_seep(command, environment):
    recording = record(command, env=environment)
    totals = recording.process()["totals"]
    checks.equal(f"{command[0]}: complete", True, recording.report["complete"])
    return recording, (totals["allocations"], totals["frees"], totals["allocated_bytes"])


def judge(name, row, valgrind, ours, longer):
    """Is the difference what it must be?"""
    calls = tuple(a - b for a, b in zip(valgrind[:2], ours[:2]))
    more_bytes = valgrind[2] - ours[2]
    if name in ALSO_POSSIBLE:
        checks.true(name, (calls, more_bytes) in ALSO_POSSIBLE[name], f"{calls} {more_bytes}")
        return
    checks.equal(f"{name}: allocations and frees", (0, 0), calls)
    copies = row[3]
    slack = PID_DIGITS if copies else 0
    checks.true(f"{name}: bytes", abs(more_bytes - copies * longer) <= slack,
                f"{more_bytes} more, not {copies} times {longer}")


def main():
    theirs = environment_of(run(["valgrind", "-q", "env"], env=base_environment()).stdout)
    environment = {key: value for key, value in theirs.items() if key != "LD_PRELOAD"}
    ours = environment_of(record(["env"], env=environment).stdout)
    longer = len(theirs["LD_PRELOAD"]) - len(ours["LD_PRELOAD"])
    form = "{:22} {:>12} {:>12} {:>20}   {:>12} {:>12} {:>20}"
    print(form.format("program", "allocations", "frees", "bytes (valgrind)", "allocations", "frees",
                      "bytes (seep)"))
    for row in ROWS:
        name, command, is_short = row[:3]
        if not (is_short or IS_LONG) or not shutil.which(command[0]):
            continue
        finished, valgrind = by_valgrind(command)
        recording, seep = by_seep(command, environment)
        print(form.format(name, *valgrind, *seep), flush=True)
        checks.equal(f"{name}: status", finished.returncode, recording.status)
        checks.true(f"{name}: output", finished.stdout == recording.stdout)
        judge(name, row, valgrind, seep, longer)
    checks.finish()


try:
    main()
except subprocess.TimeoutExpired as late:
    print(f"FAIL: {late}")
    sys.exit(1)
