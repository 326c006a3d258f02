#!/usr/bin/python3
"""`seep check` as a pipeline calls it: verdicts, exit statuses, the files that it writes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

SEEP = os.path.abspath("./seep")
DEMO = os.path.abspath("./examples/demo")
SCHEMA = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "schema")
PEAK = 9535312  # what the comment of examples/demo.cpp says, and the C++ library's own block
LIVE = 2220704
failures = 0


def expect(what, found, wanted):
    global failures
    if found != wanted:
        print(f"FAIL: {what}: {found!r}, not {wanted!r}")
        failures += 1


def check(*arguments, environment=None):
    done = subprocess.run([SEEP, "check", *arguments], capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, **(environment or {})})
    last = done.stderr.strip().splitlines()[-1:]
    expect(f"{arguments}: last line", bool(last) and last[0].startswith("seep check: "), True)
    return done, last[0] if last else ""


def expect_verdict(status, words, *arguments):
    done, last = check(*arguments)
    expect(f"{arguments}: status", done.returncode, status)
    expect(f"{arguments}: verdict", last, f"seep check: {words}")
    return done


def check_budgets(recording):
    expect_verdict(0, "pass", f"--max-peak={PEAK}", recording)
    done = expect_verdict(1, "fail (peak)", f"--max-peak={PEAK - 1}", recording)
    expect("peak: place", "rebuild_index() at demo.cpp:64" in done.stdout, True)
    done = expect_verdict(1, "fail (live)", "--max-peak=1G", f"--max-live={LIVE - 1}", recording)
    expect("live: lines", [line[:4] for line in done.stdout.splitlines() if line[0] != " "],
           ["pass", "FAIL"])
    expect("live: place", "open_session(int) at demo.cpp:34" in done.stdout, True)
    expect_verdict(1, "fail (temporary)", "--max-temporary=50000", recording)
    expect_verdict(0, "pass", "--max-temporary=50001", "--max-allocations=50602", recording)
    expect_verdict(9, "fail (heap)", "--max-heap=1", "--error-exitcode=9", recording)
    expect_verdict(3, "inconclusive (no process was judged)", "--max-heap=1G", "--skip=demo",
                   recording)
    expect_verdict(4, "inconclusive (no process was judged)", "--max-heap=1G", "--skip=*/demo",
                   "--inconclusive-exitcode=4", recording)


def check_torn(folder, recording):
    """A recording without its end passes nothing."""
    with open(recording, "rb") as file:
        whole = file.read()
    with open(f"{folder}/torn.seep", "wb") as file:
        file.write(whole[: len(whole) * 3 // 4])
    done, last = check("--max-peak=1G", f"{folder}/torn.seep")
    expect("torn: status", done.returncode in (2, 3), True)
    expect("torn: verdict", last.startswith("seep check: inconclusive ("), True)


def check_trouble(folder):
    for arguments in ([], [f"{folder}/none.seep"], ["--max-peak=x", "a.seep"], ["--"],
                      ["a.seep", "--", "true"], ["--tolerance=many", "a.seep"],
                      ["--new-leaks-only", "a.seep"], ["--leak-kinds=lost", "a.seep"],
                      ["--", "/nonexistent/program"], [folder + "/empty"]):
        done = subprocess.run([SEEP, "check", *arguments], capture_output=True, text=True,
                              timeout=120, check=False)
        expect(f"{arguments}: status", done.returncode, 2)
        expect(f"{arguments}: message", done.stderr.startswith("seep: "), True)


def check_command(folder):
    temporary = f"{folder}/tmp"
    os.mkdir(temporary)
    done, last = check("--max-live=1G", "--", DEMO, environment={"TMPDIR": temporary})
    expect("command: status", (done.returncode, last), (0, "seep check: pass"))
    expect("command: its output", "demo: 500 requests answered\n" in done.stdout, True)
    expect("command: nothing left behind", os.listdir(temporary), [])
    kept = f"{folder}/kept.seep"
    expect_verdict(1, "fail (live)", "--max-live=1k", "-o", kept, "--", DEMO)
    expect("command: kept", os.path.exists(kept), True)
    expect_verdict(7, "pass", "--max-live=1G", "--", "sh", "-c", "exit 7")
    expect_verdict(0, "pass", "--max-live=1G", "--verdict-only", "--", "sh", "-c", "exit 7")
    expect_verdict(7, "fail (heap)", "--max-heap=0", "--", "sh", "-c", "exit 7")
    expect_verdict(-signal.SIGKILL, "pass", "--max-live=1G", "--", "sh", "-c", "kill -9 $$")


def check_baseline(folder, recording):
    """The same program passes; one that holds more fails, at the function that holds it."""
    expect_verdict(0, "pass", f"--baseline={recording}", "--max-live=1G", "--max-peak=1G",
                   recording)
    os.mkdir(f"{folder}/grown")
    source = f"{folder}/grown/demo.cpp"
    top = os.environ.get("srcdir", ".")
    with open(f"{top}/examples/demo.cpp", encoding="utf-8") as file:
        text = file.read()
    # Shifted lines, another folder, and sessions that hold twice as much.
    text = "\n\n\n" + text.replace("char state[4096", "char state[8192")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    built = subprocess.run(["c++", "-g", "-O0", "-o", f"{folder}/grown/demo", source],
                           capture_output=True, text=True, check=False)
    if built.returncode != 0:
        print("no C++ compiler: baseline of a grown program not tried")
        return
    grown = f"{folder}/grown/demo.seep"
    subprocess.run([SEEP, "run", "-q", "-o", grown, f"{folder}/grown/demo"], check=True,
                   stdout=subprocess.DEVNULL, timeout=120)
    done = expect_verdict(1, "fail (live)", f"--baseline={recording}", "--max-live=1G", "--json",
                          grown)
    result = json.loads(done.stdout)["results"][0]
    expect("grown: figures", (result["baseline"], result["value"]), (LIVE, LIVE + 500 * 4096))
    expect("grown: place", result["culprit"]["function"], "open_session(int)")
    expect("grown: findings", [(finding["state"], finding["baseline_bytes"], finding["bytes"])
                               for finding in result["findings"]], [("known", 2048000, 4096000)])
    expect_verdict(0, "pass", f"--baseline={recording}", "--max-live=1G", "--tolerance=93%", grown)
    expect_verdict(0, "pass", f"--baseline={recording}", "--max-live=1G", "--min-delta=2MB", grown)


def check_files(folder, recording):
    summary = f"{folder}/step.md"
    done, _ = check(f"--max-peak={PEAK - 1}", "--max-live=1G", "--json",
                    f"--junit={folder}/o.xml", f"--sarif={folder}/o.sarif",
                    f"--gitlab={folder}/o.gitlab", f"--markdown={folder}/o.md", recording)
    document = json.loads(done.stdout)
    expect("json: verdict", (document["verdict"], document["results"][0]["value"]), ("fail", PEAK))
    try:
        import jsonschema
        with open(f"{SCHEMA}/seep-check.json", encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        expect("json: schema", [error.message for error in validator.iter_errors(document)], [])
    except ImportError:
        print("python3-jsonschema is not there: the schema was not tried")
    suites = xml.etree.ElementTree.parse(f"{folder}/o.xml").getroot()
    cases = suites.findall("testsuite/testcase")
    expect("junit: cases", [(case.get("name"), case.find("failure") is not None)
                            for case in cases], [("peak", True), ("live", False)])
    expect("junit: counts", (suites.get("tests"), suites.get("failures")), ("2", "1"))
    with open(f"{folder}/o.sarif", encoding="utf-8") as file:
        run = json.load(file)["runs"][0]
    expect("sarif: rule", [result["ruleId"] for result in run["results"]], ["seep/peak"])
    expect("sarif: rules", run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]]["id"],
           "seep/peak")
    expect("sarif: line", run["results"][0]["locations"][0]["physicalLocation"]["region"],
           {"startLine": 64})
    with open(f"{folder}/o.gitlab", encoding="utf-8") as file:
        expect("gitlab: an array", isinstance(json.load(file), list), True)
    with open(f"{folder}/o.md", encoding="utf-8") as file:
        expect("markdown: rows", file.read().count("\n| "), 3)
    done, _ = check("--max-peak=1", "--github", recording,
                    environment={"GITHUB_STEP_SUMMARY": summary})
    lines = [line for line in done.stdout.splitlines() if line.startswith("::")]
    expect("github: annotations", len(lines), 1)
    expect("github: words", "::error " in lines[0] and "title=seep peak::demo%3A" not in lines[0],
           True)
    with open(summary, encoding="utf-8") as file:
        expect("github: summary", file.read().startswith("### seep check: fail (peak)"), True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        recording = f"{folder}/demo.seep"
        subprocess.run([SEEP, "run", "-q", "-o", recording, DEMO], check=True, timeout=120,
                       stdout=subprocess.DEVNULL)
        os.mkdir(f"{folder}/empty")
        check_budgets(recording)
        check_torn(folder, recording)
        check_trouble(folder)
        check_command(folder)
        check_baseline(folder, recording)
        check_files(folder, recording)
    return failures != 0


sys.exit(main())
