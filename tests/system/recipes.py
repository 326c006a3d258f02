#!/usr/bin/python3
"""The recipes of contrib/, each run by the tool that it is for: a test that leaks fails, one that does
not passes. Tools that are not there are passed over."""

import glob
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import recorded

CONTRIB = os.path.join(recorded.SOURCE, "contrib")
CLEAN = "#include <stdlib.h>\nint main(void) { free(malloc(100)); return 0; }\n"
LEAKING = """#include <stdlib.h>
static void *volatile sink;
__attribute__((noinline)) static void lose(void) { sink = malloc(100); sink = NULL; }
int main(void) { lose(); return 0; }
"""
checks = recorded.Checks()
passed_over = []


def folder_of(name, files):
    folder = os.path.join(recorded.SCRATCH, name)
    for path, content in files.items():
        whole = os.path.join(folder, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(content)
    return folder


def environment(**more):
    found = {name: value for name, value in recorded.clean_environment().items()
             if not name.startswith("MAKE")}  # their make is not a part of ours
    tools = os.path.join(recorded.SCRATCH, "bin")
    os.makedirs(tools, exist_ok=True)
    link = os.path.join(tools, "seep")
    if not os.path.exists(link):
        with open(link, "w", encoding="utf-8") as file:  # a link would hide the build's folder
            file.write(f'#!/bin/sh\nexec {recorded.SEEP} "$@"\n')
        os.chmod(link, 0o755)
    found.update(PATH=tools + ":" + os.environ["PATH"], **more)
    return found


def run(command, folder, **more):
    return recorded.run(command, cwd=folder, env=environment(**more))


def has(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    passed_over.extend(missing)
    return not missing


def try_ctest():
    folder = folder_of("ctest", {"tidy.c": CLEAN, "leaking.c": LEAKING, "CMakeLists.txt": f"""
cmake_minimum_required(VERSION 3.10)
project(recipe C)
set(MEMORYCHECK_TYPE Valgrind)
set(MEMORYCHECK_COMMAND {CONTRIB}/ctest/seep-memcheck)
include(CTest)
add_compile_options(-g)
add_executable(tidy tidy.c)
add_executable(leaking leaking.c)
add_test(NAME tidy COMMAND tidy)
add_test(NAME leaking COMMAND leaking)
"""})
    built = run(["sh", "-c", "cmake -B build . && cmake --build build"], folder)
    checks.true("cmake", built.returncode == 0, (built.stdout + built.stderr).decode()[-1500:])
    done = run(["ctest", "-T", "memcheck"], folder + "/build")
    output = done.stdout.decode()
    checks.true("ctest: the leak is counted", "Memory Leak - 1" in output, output[-2000:])


def try_meson():
    folder = folder_of("meson", {"tidy.c": CLEAN, "leaking.c": LEAKING, "meson.build": """
project('recipe', 'c')
test('tidy', executable('tidy', 'tidy.c'))
test('leaking', executable('leaking', 'leaking.c'))
add_test_setup('memory', exe_wrapper: [find_program('seep'), 'check', '--'])
"""})
    made = run(["meson", "setup", "build"], folder)
    checks.true("meson setup", made.returncode == 0, (made.stdout + made.stderr).decode()[-1500:])
    for how in (["--wrapper", "seep check --"], ["--setup", "memory"]):
        done = run(["meson", "test", "-C", "build", *how], folder)
        logs = glob.glob(f"{folder}/build/meson-logs/testlog*.json")
        newest = max(logs, key=os.path.getmtime)
        with open(newest, encoding="utf-8") as file:
            results = {entry["name"].split(":")[-1].strip(): entry["returncode"]
                       for entry in map(json.loads, file)}
        checks.equal(f"meson {how[0]}", (1, {"tidy": 0, "leaking": 1}),
                     (done.returncode, results))


def try_automake():
    folder = folder_of("automake", {"tidy.c": CLEAN, "leaking.c": LEAKING, "configure.ac": """
AC_INIT([recipe], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
""", "Makefile.am": "check_PROGRAMS = tidy leaking\nTESTS = $(check_PROGRAMS)\n"})
    prepared = run(["sh", "-c", "autoreconf -fi && ./configure -q"], folder)
    checks.equal("autoreconf, configure", 0, prepared.returncode)
    done = run(["make", "check"], folder)
    checks.equal("automake: without seep", 0, done.returncode)
    run(["sh", "-c", "rm -f *.log *.trs"], folder)
    done = run(["make", "check", "LOG_COMPILER=seep", "LOG_FLAGS=check --"], folder)
    lines = [line for line in done.stdout.decode().splitlines() if line[:5] in ("PASS:", "FAIL:")]
    checks.equal("automake", ["FAIL: leaking", "PASS: tidy"], sorted(lines))


def try_cargo():
    folder = folder_of("cargo", {"Cargo.toml": """
[package]
name = "recipe"
version = "0.1.0"
edition = "2018"
""", ".cargo/config.toml": """
[target.'cfg(target_os = "linux")']
runner = ["seep", "check", "--"]
""", "src/bin/tidy.rs": "fn main() { println!(\"{}\", vec![1; 100].len()); }\n",
                                 "src/bin/leaking.rs": """
fn main() {
    let lost = Box::into_raw(Box::new([0u8; 1000]));
    println!("{}", lost.is_null());
}
"""})
    results = [run(["cargo", "run", "--offline", "-q", "--bin", name], folder,
                   CARGO_TARGET_DIR=folder + "/target") for name in ("tidy", "leaking")]
    if results[0].returncode not in (0, 1, 3):
        print(f"cargo does not build here: {results[0].stderr.decode()[-300:]}")
        return
    for done, words in zip(results, ("seep check: pass", "seep check: fail (leaked)")):
        checks.true(f"cargo: {words}", words in done.stderr.decode(), done.stderr.decode()[-500:])


def try_pytest():
    folder = folder_of("pytest", {"test_recipe.py": """
def test_list():
    assert len(list(range(1000))) == 1000
"""})
    command = ["--", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = run(["seep", "check", "--max-peak=1GiB", *command], folder)
    checks.equal("pytest", (0, True), (done.returncode, b"1 passed" in done.stdout))
    done = run(["seep", "check", "--max-peak=1MiB", *command], folder)
    checks.equal("pytest: over its budget", 1, done.returncode)


def make_programs(name):
    folder = folder_of(name, {"tidy.c": CLEAN, "leaking.c": LEAKING})
    for program in ("tidy", "leaking"):
        built = run(["cc", "-g", "-O1", "-o", program, f"{program}.c"], folder)
        checks.equal(f"{name}: {program}", 0, built.returncode)
    return folder


def try_github():
    import yaml
    with open(f"{CONTRIB}/github/action.yml", encoding="utf-8") as file:
        action = yaml.safe_load(file)
    step = action["runs"]["steps"][0]
    folder = make_programs("github")
    for program, status, verdict in (("tidy", 0, "pass"), ("leaking", 1, "fail")):
        output = f"{folder}/{program}.output"
        done = run(["bash", "-eo", "pipefail", "-c", step["run"]], folder, RUNNER_TEMP=folder,
                   GITHUB_OUTPUT=output, GITHUB_STEP_SUMMARY=f"{folder}/{program}.md",
                   GITHUB_WORKSPACE=folder, SEEP_CHECK_COMMAND=f"./{program}",
                   SEEP_CHECK_OPTIONS="--max-leaked=0 --only=tidy --only=leaking")
        checks.equal(f"github: {program}", status, done.returncode)
        with open(output, encoding="utf-8") as file:
            outputs = dict(line.rstrip("\n").split("=", 1) for line in file)
        checks.equal(f"github: verdict of {program}", verdict, outputs["verdict"])
        with open(outputs["sarif"], encoding="utf-8") as file:
            results = json.load(file)["runs"][0]["results"]
        checks.equal(f"github: results of {program}", bool(status), len(results) > 0)
        if status:
            place = results[0]["locations"][0]["physicalLocation"]
            checks.equal("github: file", "leaking.c", place["artifactLocation"]["uri"])
            checks.true("github: annotation", b"::error file=leaking.c,line=3," in done.stdout,
                        done.stdout.decode())


def try_gitlab():
    import yaml
    with open(f"{CONTRIB}/gitlab/seep.gitlab-ci.yml", encoding="utf-8") as file:
        job = yaml.safe_load(file)[".seep-check"]
    folder = make_programs("gitlab")
    reports = job["artifacts"]["reports"]
    done = run(["sh", "-ec", "\n".join(job["script"])], folder, CI_PROJECT_DIR=folder,
               SEEP_CHECK_COMMAND="exec ./leaking", SEEP_CHECK_OPTIONS="")
    checks.equal("gitlab: status", 1, done.returncode)
    with open(f"{folder}/{reports['codequality']}", encoding="utf-8") as file:
        issues = json.load(file)
    checks.equal("gitlab: places", {("leaking.c", 3)},
                 {(issue["location"]["path"], issue["location"]["lines"]["begin"])
                  for issue in issues})
    suites = xml.etree.ElementTree.parse(f"{folder}/{reports['junit']}").getroot()
    checks.equal("gitlab: junit", "1", suites.get("failures"))
    with open(f"{folder}/{reports['metrics']}", encoding="utf-8") as file:
        checks.true("gitlab: metrics", 'seep_check_leaked_bytes{program="leaking"} 100' in
                    file.read())


def has_module(name):
    try:
        __import__(name)
        return True
    except ImportError:
        passed_over.append(f"python3-{name}")
        return False


def main():
    if has("cmake", "ctest", "make"):
        try_ctest()
    if has("meson", "ninja"):
        try_meson()
    if has("autoreconf", "make"):
        try_automake()
    if has("cargo"):
        try_cargo()
    if has_module("pytest"):
        try_pytest()
    if has_module("yaml"):
        try_github()
        try_gitlab()
    if passed_over:
        print("not there: " + ", ".join(sorted(set(passed_over))))
    checks.finish()


main()
