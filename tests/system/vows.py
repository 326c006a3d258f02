#!/usr/bin/env python3
"""What a program sees of itself, prints and returns is the same under seep as without it."""
import difflib
import os
import re
import signal
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, SEEP, Checks, clean_environment, new_path, record, run, target

checks = Checks()


def describe(wanted, got):
    wanted, got = (text.decode(errors="replace").splitlines() for text in (wanted, got))
    return "\n" + "\n".join(list(difflib.unified_diff(wanted, got, "alone", "recorded",
                                                      lineterm="", n=0))[:20])


def compare(what, command, **options):
    """Runs the command alone and under seep: output, errors and status are the same."""
    alone = run(command, **options)
    recording = record(command, **options)
    for stream, wanted, got in (("stdout", alone.stdout, recording.stdout),
                                ("stderr", alone.stderr, recording.stderr)):
        checks.true(f"{what}: {stream}", wanted == got, describe(wanted, got))
    checks.equal(f"{what}: status", alone.returncode, recording.status)
    return recording


# ---- all that a program can see

recording = compare("visible", [target("visible")])
checks.true("visible: it did print", recording.stdout.count(b"\n") > 1000)
checks.equal("visible: nothing lost", True, recording.report["complete"])


def change_everything():
    """What a parent can hand on, as unusual as can be."""
    os.umask(0o027)
    os.nice(1)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGRTMIN + 3})
    os.dup2(1, 57, inheritable=True)


compare("visible to an unusual parent", [target("visible")], preexec_fn=change_everything)
compare("visible without an environment", [target("visible")],
        env={"TMPDIR": SCRATCH, "HOME": SCRATCH})
compare("visible with few descriptors", ["sh", "-c", 'ulimit -n 20; exec "$0"', target("visible")])
compare("visible with one left", ["sh", "-c", 'ulimit -n 4; exec "$0" inner', target("visible")])

# ---- the environment's own LD_PRELOAD

library = target("plugin_a.so")
environment = clean_environment()
environment["LD_PRELOAD"] = library
# A seep that was built with AddressSanitizer would not start behind another library.
environment["ASAN_OPTIONS"] = "verify_asan_link_order=0:" + environment.get("ASAN_OPTIONS", "")
compare("visible with another preload", [target("visible"), "inner"], env=environment)
entry = record(["sh", "-c", 'echo "$LD_PRELOAD"'], env=environment).stdout.decode().strip()
checks.true("the user's preload stays, behind ours",
            re.fullmatch(r"[^: ]*/libseep-preload\.so:" + re.escape(library), entry), entry)
entry = record(["sh", "-c", 'echo "$LD_PRELOAD"']).stdout.decode().strip()
checks.true("one entry without the user's", re.fullmatch(r"[^: ]*/libseep-preload\.so", entry),
            entry)
entry = record(["sh", "-c", 'LD_PRELOAD= sh -c \'echo "$LD_PRELOAD"\'']).stdout.decode().strip()
checks.true("ours comes back when it was taken out",
            re.fullmatch(r"[^: ]*/libseep-preload\.so", entry), entry)

# ---- libraries that only their caller's own search path leads to

PRIVATE = """
#include <stdlib.h>
void *private_allocate(void) { return malloc(60); }
"""
OUTER = """
#include <dlfcn.h>
void *outer_allocate(const char *name)
{
    void *library = dlopen(name, RTLD_NOW);
    void *(*allocate)(void) = library ? (void *(*)(void))dlsym(library, "private_allocate") : 0;
    return allocate ? allocate() : 0;
}
"""
MAIN = """
#include <stdio.h>
void *outer_allocate(const char *name);
int main(void) { puts(outer_allocate("libprivate_of_outer.so") ? "found" : "not found"); return 0; }
"""


def build_privately():
    """main, beside it a library, and below that one's folder another. None without a compiler."""
    folder = os.path.join(SCRATCH, "privately")
    os.makedirs(folder + "/inner")
    compiler = [*os.environ.get("CC", "cc").split(), "-g", "-O0"]
    shared = ["-shared", "-fPIC"]
    for source, name, flags in (
            (PRIVATE, "inner/libprivate_of_outer.so", shared),
            (OUTER, "libouter.so", [*shared, "-Wl,--enable-new-dtags,-rpath,$ORIGIN/inner"]),
            (MAIN, "main", ["-L" + folder, "-louter", "-Wl,--enable-new-dtags,-rpath,$ORIGIN"])):
        text = os.path.join(folder, "source.c")
        with open(text, "w", encoding="ascii") as file:
            file.write(source)
        if run([*compiler, text, "-o", os.path.join(folder, name), *flags, "-ldl"]).returncode:
            return None
    return os.path.join(folder, "main")


privately = build_privately()
checks.true("a program with a private library was built", privately)
if privately:
    recording = compare("a caller's own RUNPATH", [privately])
    checks.equal("a caller's own RUNPATH: found", b"found\n", recording.stdout)
    checks.equal("a caller's own RUNPATH: recorded", 1,
                 sum(site["allocations"] for site in recording.process()["sites"]
                     if site["stack"][0]["function"] == "private_allocate"))

# ---- how programs end

for status in (0, 1, 2, 77, 124, 125, 126, 127, 128, 130, 255):
    checks.equal(f"status {status}", status, record(["sh", "-c", f"exit {status}"]).status)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGKILL,
               signal.SIGSEGV, signal.SIGPIPE, signal.SIGTERM, signal.SIGUSR1, signal.SIGRTMIN + 5):
    checks.equal(f"signal {number}", -int(number),
                 record(["sh", "-c", f"kill -{int(number)} $$"]).status)

# ---- what it reads and writes

big = os.urandom(1 << 20)
checks.true("input and output, all bytes", record(["cat"], input=big).stdout == big)
path = new_path(".out")
with open(path, "wb") as out:
    subprocess.run([SEEP, "run", "-q", "-o", new_path(), "--", "sh", "-c", "echo one; echo two >&2"],
                   stdout=out, stderr=subprocess.STDOUT, env=clean_environment(), check=False)
with open(path, "rb") as out:
    checks.equal("one file for both", b"one\ntwo\n", out.read())
closed = record(["sh", "-c", "echo x 2>/dev/null; echo $? >&2"], preexec_fn=lambda: os.close(1))
checks.equal("a closed output stays closed", b"1\n", closed.stderr)

# ---- what is left behind

recording = record(["true"])
mode = stat.S_IMODE(os.stat(recording.path).st_mode)
checks.equal("nobody else reads the recording", 0o600, mode)
left = [name for name in os.listdir(SCRATCH) if name.startswith("seep-")]
checks.equal("no session folder is left", [], left)
checks.finish()
