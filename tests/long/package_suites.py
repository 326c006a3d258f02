#!/usr/bin/env python3
"""The test suites of small C packages, alone and twice recorded: they end alike, both recordings find
the same leaks, each of which is judged in package_suites.verdicts, and the time is stated. The sources come from Debian; where there is no network, or
the package source has none, nothing is tried. Takes many minutes; runs only with SEEP_LONG_TESTS=1.

With names as arguments only these are tried."""
import fnmatch
import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../system")]
# pylint: disable=wrong-import-position
from packages import apt_environment, shell, unpack
from recorded import IS_LONG, SCRATCH, SEEP, Checks, new_path, seep

OPTIONS = "./configure --disable-shared --disable-dependency-tracking CFLAGS='-g -O2'"
CONFIGURE = "{ [ -x configure ] || autoreconf -fi; } && " + OPTIONS
RECONFIGURE = "autoreconf -fi && " + OPTIONS  # what is there is older than Debian's patches
AUTOTOOLS = (CONFIGURE + " && make -j2 && make check TESTS=", "make check")
CMAKE = ("cmake -B b -DCMAKE_BUILD_TYPE=RelWithDebInfo . && make -C b -j2", "make -C b test")
SUITES = {
    "jansson": AUTOTOOLS,
    "expat": ("cd expat && " + CONFIGURE + " --without-docbook && make -j2 && make -j2 check TESTS=",
              "make -C expat check"),
    "libyaml": AUTOTOOLS,
    "cjson": CMAKE,
    "xz-utils": AUTOTOOLS,
    "zlib": ("CFLAGS='-g -O2' ./configure --static && make -j2", "make teststatic"),
    "lz4": ("make -j2 CFLAGS='-g -O2' && make -j2 -C tests frametest fullbench",
            "tests/frametest -i200 -s1 && make -C tests test-lz4-basic"),
    "jq": (RECONFIGURE + " --disable-docs --without-oniguruma && make -j2",
           "NO_VALGRIND=1 tests/jqtest && NO_VALGRIND=1 tests/mantest"),
    # Not testapi: it seeds its tables by chance, and so its runs differ by themselves.
    "libxml2": (RECONFIGURE + " --without-python --without-lzma && make -j2 && "
                "make runtest testchar testdict",
                "./runtest; ./testchar && ./testdict"),
    "pcre2": (CONFIGURE + " && make -j2 pcre2test pcre2grep",
              "srcdir=. ./RunTest && srcdir=. ./RunGrepTest"),
}
VERDICTS = os.path.join(HERE, "package_suites.verdicts")
checks = Checks()


def leaks_of(path):
    """What is definitely lost: blocks and bytes by program and fingerprint; and what was not
    scanned, by reason."""
    report = json.loads(seep("leaks", "--json", "--limit=0", "--kinds=definite,indirect",
                             path).stdout)
    found, not_scanned = {}, {}
    for process in report["processes"]:
        program = os.path.basename(process["executable"] or "?")
        if not process["scan"]["done"]:
            reason = process["scan"]["reason"]
            not_scanned[reason] = not_scanned.get(reason, 0) + 1
        for leak in process["leaks"]:
            if leak["kind"] == "definite":
                key = program, leak["fingerprint"]
                blocks, size, _ = found.get(key, (0, 0, None))
                found[key] = (blocks + leak["blocks"], size + leak["bytes"],
                              " < ".join(frame["function"] or "?" for frame in leak["stack"][:4]))
    return found, not_scanned


def read_verdicts():
    """(program, what is on the stack, verdict)."""
    with open(VERDICTS, encoding="utf-8") as file:
        return [tuple(part.strip() for part in line.split("|")) for line in file
                if line.strip() and not line.startswith("#")]


def verdict_on(verdicts, program, stack):
    for judged, functions, verdict in verdicts:
        if fnmatch.fnmatch(program, judged) and functions in stack:
            return verdict
    return None


def try_suite(package, environment, verdicts):
    build, test = SUITES[package]
    folder = unpack(package, environment)
    if not folder:
        print(f"{package}: its source cannot be had here")
        return
    if shell(build, folder)[0] != 0:
        with open(os.path.join(SCRATCH, "log"), encoding="utf-8", errors="replace") as log:
            print(f"{package}: does not build here: {log.read()[-400:]}")
        return
    shell(test, folder)  # what it builds on the way
    alone, alone_s = shell(test, folder)
    runs = []
    for _ in range(2):
        path = new_path()
        status, seconds = shell(test, folder, prefix=[SEEP, "run", "-q", "-o", path, "--"])
        checks.equal(f"{package}: status", alone, status)
        totals = json.loads(seep("report", "--json", "--limit=1", path).stdout)
        checks.equal(f"{package}: events lost", 0, totals["quality"]["lost_events"])
        runs.append((leaks_of(path), seconds, len(totals["processes"]),
                     totals["quality"]["events"]))
        os.unlink(path)
    (first, not_scanned), seconds, processes, events = runs[0]
    second = runs[1][0][0]
    checks.equal(f"{package}: leaks of both runs", {key: value[:2] for key, value in first.items()},
                 {key: value[:2] for key, value in second.items()})
    print(f"{package}: {alone_s:.1f} s alone, {seconds:.1f} and {runs[1][1]:.1f} s recorded; "
          f"{processes} processes, {events} events; not scanned: {not_scanned or 'none'}")
    for (program, fingerprint), (blocks, size, stack) in sorted(first.items()):
        verdict = verdict_on(verdicts, program, stack)
        checks.true(f"{package}: {program} {fingerprint} is judged", verdict, stack)
        print(f"    {program} {fingerprint}: {size} bytes in {blocks} blocks: {stack}: {verdict}")
    sys.stdout.flush()


def main():
    if not IS_LONG:
        print("takes minutes: SEEP_LONG_TESTS=1 runs it")
        return 77
    environment = apt_environment()
    if shell("apt-get update -qq", SCRATCH, environment)[0] != 0:
        print("no package sources can be had here")
        return 77
    verdicts = read_verdicts()
    for package in sys.argv[1:] or SUITES:
        try_suite(package, environment, verdicts)
    checks.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
