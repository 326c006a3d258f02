#!/usr/bin/env python3
"""What others read, read by the programs that people read it with: ajv for every JSON output and its
schema, speedscope in a browser for its profiles, the command line of Firefox's profiler for folded
stacks and for DHAT's JSON. They come from npm, so this is one of the long tests
(SEEP_LONG_TESTS), and without a network it is not done.

The readers of a plain Debian (pprof, ms_print, xmllint, promtool, ...) are asked in export.py,
check.py and graph_export.py."""
import base64
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed
from recorded import SCRATCH, SEEP, clean_environment, run

DEMO = os.path.abspath("./examples/demo")
PACKAGES = ("ajv-cli@5.0.0", "ajv-formats@2.1.1", "speedscope@1.25.0",
            "@firefox-devtools/profiler-cli@0.10.0")
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")


def skip(why):
    print(why)
    sys.exit(77)


def path(name):
    return os.path.join(SCRATCH, name)


def write(name, *command):
    done = subprocess.run([SEEP, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, cwd=SCRATCH, env=clean_environment())
    with open(path(name), "wb") as file:
        file.write(done.stdout)
    return done


def validate(name, schema, draft="draft2020"):
    """By ajv: the file must be valid; and without one of its keys it must not be."""
    command = [path("node_modules/.bin/ajv"), "validate", f"--spec={draft}", "--strict=false", "-c",
               "ajv-formats", "-s", schema, "-d"]
    done = run([*command, name], cwd=SCRATCH)
    expect(f"ajv: {name}", (done.returncode, done.stderr.decode()[:500]), (0, ""))
    with open(path(name), encoding="utf-8") as file:
        document = json.load(file)
    del document[list(document)[0]]
    with open(path("spoilt.json"), "w", encoding="utf-8") as file:
        json.dump(document, file)
    expect(f"ajv: {name} without its first key", run([*command, "spoilt.json"],
                                                     cwd=SCRATCH).returncode, 1)


def check_json():
    outputs = {"report": ["report", "--json", "demo.seep"], "leaks": ["leaks", "--json", "demo.seep"],
               "graph": ["graph", "--json", "demo.seep"],
               "diff": ["diff", "--json", "demo.seep", "demo.seep"],
               "check": ["check", "--json", "--max-leaked=1", "demo.seep"],
               "info": ["info", "--json", "demo.seep"], "dump": ["dump", "--json", "demo.seep"],
               "doctor": ["doctor", "--json"]}
    for name, command in outputs.items():
        write(f"{name}.schema.json", "help", "schema", name)
        write(f"{name}.json", *command)
        validate(f"{name}.json", f"{name}.schema.json")


def check_speedscope(totals):
    done = write("demo.speedscope.json", "export", "--format=speedscope", "demo.seep")
    expect("speedscope", done.returncode, 0)
    release = path("node_modules/speedscope/dist/release")
    # Its schema is of an older draft, and names nothing that must be there.
    checked = run([path("node_modules/.bin/ajv"), "validate", "--spec=draft7", "--strict=false", "-s",
                   f"{release}/file-format-schema.json", "-d", "demo.speedscope.json"], cwd=SCRATCH)
    expect("speedscope: its schema", (checked.returncode, checked.stderr.decode()[:500]), (0, ""))
    browser = next(filter(shutil.which, BROWSERS), None)
    if browser is None:
        print("no browser: speedscope itself is not asked")
        return
    with open(path("profile.js"), "w", encoding="ascii") as file:
        text = base64.b64encode(done.stdout).decode()
        file.write(f'speedscope.loadFileFromBase64("demo.speedscope.json", "{text}")')
    shown = run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--allow-file-access-from-files", "--virtual-time-budget=20000", "--dump-dom",
                 f"--user-data-dir={path('browser')}",
                 f"file://{release}/index.html#localProfilePath={path('profile.js')}"], cwd=SCRATCH)
    page = re.sub(r"<[^>]*>", " ", re.sub(r"<style.*?</style>", "", shown.stdout.decode()))
    for key in ("allocations", "temporary_allocations", "frees"):
        expect(f"speedscope: {key}", f" {totals[key]:,} " in page, True)
    for key in ("live_bytes", "peak_bytes"):
        unit = next(unit for unit in (2 ** 30, 2 ** 20, 2 ** 10) if totals[key] >= unit)
        number = f"{totals[key] / unit:.2f} {({2 ** 30: 'GB', 2 ** 20: 'MB', 2 ** 10: 'KB'})[unit]}"
        expect(f"speedscope: {key} as {number}", number in page, True)


def ask_firefox(name, thread):
    """The sum of all functions by themselves, in a thread of an imported file."""
    program = [path("node_modules/.bin/profiler-cli")]
    environment = {**clean_environment(), "PROFILER_CLI_SESSION_DIR": path("sessions"),
                   "PROFILER_CLI_NO_SYMBOLICATE": "1"}
    loaded = run([*program, "load", name, "--session", "one"], cwd=SCRATCH, env=environment)
    expect(f"profiler-cli: {name}: {loaded.stderr[-300:]}", loaded.returncode, 0)
    asked = run([*program, "thread", "functions", "--thread", thread, "--json", "--session", "one"],
                cwd=SCRATCH, env=environment)
    run([*program, "stop", "one"], cwd=SCRATCH, env=environment)
    expect(f"profiler-cli: {name}, {thread}: {asked.stderr[-300:]}", asked.returncode, 0)
    functions = json.loads(asked.stdout or b'{"functions": []}')["functions"]
    return sum(function["selfSamples"] for function in functions)


def check_firefox(totals):
    if run([path("node_modules/.bin/profiler-cli"), "--version"], cwd=SCRATCH).returncode != 0:
        print("profiler-cli does not run on this node: not asked")
        return
    write("demo.dhat.json", "export", "--format=dhat", "demo.seep")
    for thread, key in (("t-0", "allocated_bytes"), ("t-2", "peak_bytes"), ("t-3", "live_bytes")):
        expect(f"profiler-cli: DHAT's {key}", ask_firefox("demo.dhat.json", thread), totals[key])
    for metric, key in (("live", "live_bytes"), ("allocated", "allocated_bytes"),
                        ("allocations", "allocations")):
        write(f"{metric}.folded.txt", "export", "--format=folded", f"--metric={metric}", "demo.seep")
        expect(f"profiler-cli: folded {metric}", ask_firefox(f"{metric}.folded.txt", "t-0"),
               totals[key])


def main():
    if not os.environ.get("SEEP_LONG_TESTS"):
        skip("long: only with SEEP_LONG_TESTS")
    if not shutil.which("npm"):
        skip("no npm: the readers are not asked")
    installed = run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix",
                     SCRATCH, *PACKAGES], cwd=SCRATCH)
    if installed.returncode != 0:
        skip("npm cannot install the readers: no network?")
    done = run([SEEP, "run", "-q", "-o", "demo.seep", DEMO], cwd=SCRATCH, env=clean_environment())
    expect("run", done.returncode, 0)
    write("report.json", "report", "--json", "demo.seep")
    with open(path("report.json"), encoding="utf-8") as file:
        totals = json.load(file)["processes"][0]["totals"]
    check_json()
    check_speedscope(totals)
    check_firefox(totals)
    sys.exit(is_failed())


if __name__ == "__main__":
    main()
