#!/usr/bin/env python3
"""`seep doctor`: what it says of this system and of programs of all kinds, how it ends, that its
JSON satisfies its schema; and that `seep run` does what it says of a program."""
import ctypes
import json
import os
import resource
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, SEEP, SOURCE, clean_environment, run, seep, target

CC = os.environ.get("CC", "cc").split()
HELLO = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n"
failures = []

try:
    import jsonschema
except ImportError:
    jsonschema = None


def expect(name, wanted, got):
    if wanted != got:
        failures.append(name)
        print(f"FAIL: {name}: expected {wanted!r}, got {got!r}")


def path(name):
    return os.path.join(SCRATCH, name)


def build(name, *flags, source=HELLO):
    with open(path(name + ".c"), "w", encoding="ascii") as file:
        file.write(source)
    done = run([*CC, *flags, "-o", path(name), path(name + ".c")], cwd=SCRATCH)
    return done.returncode == 0


def doctor(*arguments, **options):
    """The exit status, and the checks by name (of the program, if there is one)."""
    done = seep("doctor", "--json", *arguments, **options)
    expect(f"doctor {arguments}: stderr", b"", done.stderr)
    report = json.loads(done.stdout)
    if jsonschema:
        with open(os.path.join(SOURCE, "schema/seep-doctor.json"), encoding="utf-8") as file:
            jsonschema.Draft202012Validator(json.load(file)).validate(report)
    part = report["program"] or report
    names = [check["name"] for check in part["checks"]]
    expect(f"doctor {arguments}: names", len(names), len(set(names)))
    expect(f"doctor {arguments}: status", int(report["state"] == "missing"), done.returncode)
    return done.returncode, {check["name"]: check for check in part["checks"]}


def check_system():
    status, checks = doctor(cwd=SCRATCH)
    expect("this system", 0, status)
    expect("this system's trial", "/bin/true was recorded", checks["recording"]["value"])
    expect("what is well has nothing to be mended", [],
           [name for name, check in checks.items()
            if check["state"] == "ok" and (check["limits"] or check["fix"])])
    text = seep("doctor", cwd=SCRATCH).stdout.decode()
    expect("a line a check", len(checks),
           sum(line.split(" ")[0] in ("ok", "limited", "missing") for line in text.split("\n")))
    expect("no colour in a pipe", False, "\033" in text)
    expect("nothing is left", [], [name for name in os.listdir(SCRATCH) if "seep-doctor" in name])


def limited(name, check, *shell):
    """Under `ulimit`, and with other environments."""
    if run(["sh", "-c", " ".join(shell) + ' && exec "$0" --version', SEEP]).returncode != 0:
        print(f"{name}: a seep with sanitizers cannot run so")
        return
    done = run(["sh", "-c", " ".join(shell) + ' && exec "$0" doctor --json', SEEP], cwd=SCRATCH)
    report = json.loads(done.stdout)
    found = {each["name"]: each for each in report["checks"]}[check]
    expect(f"{name}: state", "limited", found["state"])
    expect(f"{name}: says what it limits", True, bool(found["limits"] and found["fix"]))


def check_limits():
    limited("few files", "open_files", "ulimit -n 64")
    limited("a cache that is off", "cache", "export SEEP_CACHE=off")
    limited("a cache that all can write to", "cache",
            "mkdir -p all && chmod 0777 all && export SEEP_CACHE=$PWD/all")
    limited("a cache that cannot be made", "cache", "export SEEP_CACHE=/dev/null/cache")
    limited("few addresses", "address_space", "ulimit -S -v 900000")
    limited("no terminal", "terminal", "unset TERM")
    limited("an unknown terminal", "terminal", "export TERM=no-such-thing")


def check_bound():
    """Limits that seep cannot raise: doctor says what they cost, and `seep run` does with them."""
    def bind():
        ctypes.CDLL(None).prctl(24, 24, 0, 0, 0)  # PR_CAPBSET_DROP of CAP_SYS_RESOURCE
        resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 20, 100 << 20))
    done = run([SEEP, "doctor", "--json"], cwd=SCRATCH, preexec_fn=bind)
    found = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    expect("bound files: doctor", (0, "limited", "limited", "ok"),
           (done.returncode, found["shared_memory"]["state"], found["file_size"]["state"],
            found["recording"]["state"]))
    expect("bound files: fewer threads", True, "for 48 threads" in found["shared_memory"]["value"])


def check_without_preload():
    os.mkdir(path("alone"))
    shutil.copy(SEEP, path("alone/seep"))
    done = run([path("alone/seep"), "doctor", "--json"], cwd=SCRATCH)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    if checks["preload"]["state"] == "ok":
        print("a seep is installed: not tried without the library")
        return
    expect("without the library: status", 1, done.returncode)
    expect("without the library", "missing", checks["preload"]["state"])


def check_programs():
    status, checks = doctor(target("family"))
    expect("a program: status", 0, status)
    expect("a program", ["ok"] * 6, [check["state"] for check in checks.values()])
    expect("a program: symbols", "functions and lines", checks["symbols"]["value"])

    status, checks = doctor("sh")
    expect("in PATH", 0, status)
    with open(path("script"), "w", encoding="ascii") as file:
        file.write("#!/bin/sh -e\ntrue\n")
    os.chmod(path("script"), 0o755)
    status, checks = doctor(path("script"))
    expect("a script", True, "it runs the script" in checks["kind"]["value"])

    build("stripped", "-s", "-Wl,--build-id=none")
    status, checks = doctor(path("stripped"))
    expect("stripped: status", 0, status)
    expect("stripped", ("limited", "none"),
           (checks["symbols"]["state"], checks["build_id"]["value"]))

    status, checks = doctor(path("stripped.c"))
    expect("no program", (1, "missing"), (status, checks["kind"]["state"]))
    expect("no such program", 2, seep("doctor", "no-such-program-here").returncode)
    expect("a word too many", 2, seep("doctor", "sh", "sh").returncode)


def check_refused(name, check, reason):
    """What doctor says of it, and what `seep run` does."""
    status, checks = doctor(path(name))
    expect(f"{name}: status", 1, status)
    expect(f"{name}: state", "missing", checks[check]["state"])
    expect(f"{name}: why", True, reason in checks["recordable"]["value"])
    done = seep("run", "-o", path("a.seep"), path(name), cwd=SCRATCH)
    expect(f"{name}: run", 125, done.returncode)
    expect(f"{name}: run says why", True, reason in done.stderr.decode())
    done = seep("run", "-q", "--best-effort", "-o", path("a.seep"), path(name), cwd=SCRATCH)
    expect(f"{name}: best effort", (0, b"hello\n", b""),
           (done.returncode, done.stdout, done.stderr))


def check_child(name, reason):
    """Started by a recorded program, it runs as if nothing was there."""
    done = seep("run", "-q", "-o", path("a.seep"), "sh", "-c", path(name) + "; true", cwd=SCRATCH)
    expect(f"{name} as a child", (0, b"hello\n", b""), (done.returncode, done.stdout, done.stderr))
    info = json.loads(seep("info", "--json", path("a.seep")).stdout)
    child = info["processes"][-1]
    expect(f"{name} as a child: not observed", (False, True),
           (child["observed"], reason in json.dumps(child)))


def check_unusual():
    if build("static", "-static"):
        check_refused("static", "kind", "statically linked")
    build("own", source=HELLO.replace("int main", "#include <stdlib.h>\nvoid *je_malloc(size_t n)"
                                      " { return NULL + n; }\nint main"))
    check_refused("own", "allocator", "its own allocator")

    # A library that is called like AddressSanitizer's, and ends what preloads something before it.
    build("libasan.so.8", "-shared", "-fPIC", source="""
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void start(void)
{
    if (getenv("LD_PRELOAD") && *getenv("LD_PRELOAD"))
        exit(fprintf(stderr, "the runtime does not come first\\n"));
}
""")
    build("sanitized", "-L" + SCRATCH, "-Wl,--no-as-needed", "-l:libasan.so.8",
          "-Wl,-rpath," + SCRATCH)
    check_refused("sanitized", "allocator", "built with AddressSanitizer, which replaces malloc")
    check_child("sanitized", "built with a sanitizer")

    # The real ones, where the compiler has them.
    for kind in ("address", "thread", "leak"):
        name = "with-" + kind
        if build(name, "-fsanitize=" + kind) and \
                run([path(name)], env=clean_environment()).stdout == b"hello\n":
            check_refused(name, "allocator", "Sanitizer, which replaces malloc")
            check_child(name, "built with a sanitizer")


def main():
    check_system()
    check_limits()
    check_bound()
    check_without_preload()
    if not shutil.which(CC[0]):
        print("no compiler: no programs")
    else:
        check_programs()
        check_unusual()
    print("failures:", len(failures))
    sys.exit(bool(failures))


main()
