#!/usr/bin/env python3
"""Programs that no preload can enter, or that would call none of its functions: as the command they
are refused, or run unrecorded with --best-effort; as children of a recorded program they run as if
nothing were there (same output, errors and status, the same number of calls of their own
allocator), and the recording says that they were not seen, and why. What cannot be built here is
left out."""
import os
import shutil
import stat
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import (IS_LONG, SCRATCH, Checks, check_invariants, clean_environment, record, run,
                      target)

checks = Checks()
CC = os.environ.get("CC", "cc").split()
left_out = []

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char *kept = malloc(1000), *text = strdup(argc > 1 ? argv[1] : "none");
    char *entry = getenv("LD_PRELOAD");
    memset(kept, 7, 1000);
    printf("%s %d %s\\n", text, kept[999], entry == NULL ? "no preload" : "a preload");
    fflush(stdout);
    free(text);
    _exit(8);
}
"""
GO = """package main
import "os"
func main() {
    kept := make([][]byte, 0)
    for i := 0; i < 100; i++ { kept = append(kept, make([]byte, 10000)) }
    if _, is := os.LookupEnv("LD_PRELOAD"); is { os.Stdout.WriteString("a preload\\n")
    } else { os.Stdout.WriteString("no preload\\n") }
    os.Exit(8 + len(kept) - 100)
}
"""
# A program whose functions have a prefix, as those of jemalloc do by default.
PREFIXED = """
#include <stdlib.h>
#include <unistd.h>
void *je_malloc(size_t bytes) { return malloc(bytes); }
int main(void) { if (je_malloc(10) == NULL) return 1; _exit(8); }
"""


def path(name):
    return os.path.join(SCRATCH, name)


def build(name, command, source=SOURCE, suffix=".c"):
    """Builds it, and sees whether it runs here at all. None when not."""
    with open(path(name + suffix), "w", encoding="ascii") as file:
        file.write(source)
    environment = clean_environment()
    environment.setdefault("GOCACHE", path("go-cache"))
    environment.setdefault("HOME", SCRATCH)
    try:
        done = run([*command, "-o", path(name), path(name + suffix)], cwd=SCRATCH,
                   env=environment)
        if done.returncode == 0 and run([path(name)]).returncode in (0, 1, 8, 9, 23):
            return path(name)
    except OSError:
        pass
    left_out.append(name)
    return None


def archive(name):
    """A static library that the compiler finds; None without."""
    found = run([*CC, f"-print-file-name={name}"]).stdout.decode().strip()
    return found if os.path.isabs(found) else None


def build_with(name, library):
    """With a static allocator; all of it, so that it replaces malloc."""
    found = archive(library)
    if found is None:
        left_out.append(name)
        return None
    return build(name, [*CC, "-g", "-x", "c"], SOURCE) and relink(name, found)


def relink(name, library):
    command = ["c++", "-x", "c", path(name + ".c"), "-x", "none", "-Wl,--whole-archive", library,
               "-Wl,--no-whole-archive", "-pthread", "-ldl", "-lm", "-o", path(name)]
    if run(command).returncode != 0 or run([path(name)]).returncode != 8:
        left_out.append(name)
        return None
    return path(name)


def setuid():
    if os.geteuid() != 0 or build("setuid", CC) is None:
        return None
    os.chown(path("setuid"), 65534, -1)
    os.chmod(path("setuid"), 0o755 | stat.S_ISUID)
    os.chmod(SCRATCH, 0o755)
    return path("setuid")


def strip(program, name):
    if program is None or shutil.which("strip") is None:
        return None
    shutil.copy(program, path(name))
    return path(name) if run(["strip", path(name)]).returncode == 0 else None


def last(recording, program):
    found = [process for process in recording.report["processes"]
             if os.path.basename(process["executable"]) == os.path.basename(program)]
    return found[0] if found else {"observed": None, "exit": None, "reason": None,
                                   "allocator": None, "totals": {}}


def judge(what, process, reason, exit_, allocator):
    checks.equal(f"{what}: observed", False, process["observed"])
    checks.true(f"{what}: reason", reason in (process["reason"] or ""), process["reason"])
    checks.equal(f"{what}: exit", exit_, process["exit"])
    checks.equal(f"{what}: no figures", {None}, set(process["totals"].values()) or None)
    if allocator is not None:
        checks.equal(f"{what}: allocator", {"name": allocator, "linkage": "static"},
                     process["allocator"])


# How a recorded program comes to start another: by exec, fork and exec, vfork or posix_spawn, a
# shell inside libc, through a script.
WAYS = {
    "sh": ["sh", "-c", '"$0" word; exit $?'],
    "exec": ["sh", "-c", 'exec "$0" word'],
    "spawn": [sys.executable, "-c", "import os, sys; sys.exit(os.waitstatus_to_exitcode(os.waitpid("
              "os.posix_spawn(sys.argv[1], [sys.argv[1], 'word'], os.environ), 0)[1]))"],
    "vfork": [sys.executable, "-c", "import subprocess, sys; "
              "sys.exit(subprocess.run([sys.argv[1], 'word']).returncode)"],
    "env": ["env", "-u", "LD_PRELOAD"],
}
ALL_WAYS = ("sh", "exec", "spawn", "vfork")


def try_program(name, program, reason, allocator=None, ways=("sh", "exec")):
    if program is None:
        return
    arguments = ["word"]
    alone = run([program, *arguments])
    status = {"status": alone.returncode}

    refused = record([program, *arguments])
    checks.equal(f"{name}: refused", 125, refused.status)
    checks.true(f"{name}: says why", reason.split(":")[0] in refused.stderr.decode() and
                refused.stderr.count(b"\n") == 1, refused.stderr)
    checks.true(f"{name}: nothing is left", not os.path.exists(refused.path))

    tried = record([program, *arguments], ["--best-effort"])
    for stream in ("stdout", "stderr"):
        wanted, got = getattr(alone, stream), getattr(tried, stream)
        checks.true(f"{name}, best effort: {stream}", is_same(wanted, got), (wanted, got))
    checks.equal(f"{name}, best effort: status", alone.returncode, tried.status)
    judge(f"{name}, best effort", tried.process(), reason, status, allocator)

    for way in ways:
        what = f"{name} by {way}"
        command = [*WAYS[way], program]
        wanted, got = run(command), record(command)
        for stream in ("stdout", "stderr"):
            checks.true(f"{what}: {stream}",
                        is_same(getattr(wanted, stream), getattr(got, stream)),
                        (getattr(wanted, stream), getattr(got, stream)))
        checks.equal(f"{what}: status", wanted.returncode, got.status)
        judge(what, last(got, program), reason, status, allocator)
        checks.equal(f"{what}: nothing lost", 0, got.report["quality"]["lost_events"])
        check_invariants(checks, what, got.report)


def is_same(wanted, got):
    """Byte for byte; a sanitizer's report names process and addresses, so only that it is there."""
    if b"anitizer" in wanted:
        return b"anitizer" in got and b"runtime does not come first" not in got
    # A program with an allocator of its own sees the entry, as any other that is followed.
    return wanted.replace(b"no preload", b"") == got.replace(b"a preload", b"").replace(
        b"no preload", b"")


def check_entry():
    """Where the loader would complain about it, or nobody reads it, our entry is left out."""
    for name in ("static", "static_pie", "m32", "m32_static", "musl", "musl_static", "go"):
        if os.path.exists(path(name)):
            for way in ("sh", "env"):
                got = record([*WAYS[way], path(name)])
                checks.true(f"{name} by {way}: no entry of ours", b"no preload" in got.stdout,
                            got.stdout)


def check_own_malloc():
    """Under seep its allocator is called exactly as often, and nothing else serves its blocks."""
    program = target("own_malloc")
    try_program("own malloc", program, "its own allocator", "unknown", ALL_WAYS)
    recording = record(["sh", "-c", f"{program}; exit 3"])
    processes = [process for process in recording.report["processes"]
                 if process["executable"] == program]
    checks.equal("own malloc: its fork is not seen either", [False, False],
                 [process["observed"] for process in processes])
    checks.equal("own malloc: exits", [{"status": 9}, {"status": 5}],
                 [process["exit"] for process in processes])
    checks.equal("own malloc: check is inconclusive", False, recording.report["complete"] and
                 all(process["observed"] for process in recording.report["processes"]))


def main():
    try_program("static", build("static", [*CC, "-static"]), "statically linked", ways=ALL_WAYS)
    try_program("static pie", build("static_pie", [*CC, "-static-pie"]), "statically linked",
                ways=("sh",))
    try_program("32-bit", build("m32", [*CC, "-m32"]), "32-bit")
    try_program("32-bit static", build("m32_static", [*CC, "-m32", "-static"]), "32-bit",
                ways=("sh",))
    try_program("musl", build("musl", ["musl-gcc"]), "glibc")
    try_program("musl static", build("musl_static", ["musl-gcc", "-static"]), "statically linked",
                ways=("sh",))
    if IS_LONG:  # its first build compiles all of Go's own library
        try_program("go", build("go", ["go", "build"], GO, ".go"), "statically linked",
                    ways=("sh", "spawn"))
    try_program("setuid", setuid(), "setuid")
    for kind in ("address", "thread", "leak"):
        program = build(kind, [*CC, f"-fsanitize={kind}"])
        try_program(kind, program, "replaces malloc itself", ways=("sh",))
    try_program("static address", build("static_address", [*CC, "-fsanitize=address",
                                                           "-static-libasan"]),
                "AddressSanitizer", "AddressSanitizer", ways=("sh",))
    jemalloc = build_with("jemalloc", "libjemalloc.a")
    try_program("jemalloc", jemalloc, "its own allocator (jemalloc)", "jemalloc")
    try_program("jemalloc, stripped", strip(jemalloc, "jemalloc_stripped"),
                "its own allocator (jemalloc)", "jemalloc", ways=("sh",))
    try_program("tcmalloc", build_with("tcmalloc", "libtcmalloc_minimal.a"),
                "its own allocator (tcmalloc)", "tcmalloc", ("sh",))
    try_program("mimalloc", build_with("mimalloc", "libmimalloc.a"),
                "its own allocator (mimalloc)", "mimalloc")
    try_program("prefixed", build("prefixed", CC, PREFIXED), "its own allocator (jemalloc)",
                "jemalloc")
    check_own_malloc()
    check_entry()
    if left_out:
        print("left out:", *left_out)
    checks.finish()


main()
