#!/usr/bin/python3
"""`seep check` as a pipeline calls it: verdicts, exit statuses, the files that it writes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed

SEEP = os.path.abspath("./seep")
DEMO = os.path.abspath("./examples/demo")
SCHEMA = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "schema")
PEAK = 9535312  # what the comment of examples/demo.cpp says, and the C++ library's own block
LIVE = 2220704


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
    """A recording without its end passes nothing, wherever it was torn, nor do others beside it."""
    with open(recording, "rb") as file:
        whole = file.read()
    torn = f"{folder}/torn.seep"
    for part in (whole[:200], *(whole[: len(whole) * eighth // 8] for eighth in range(1, 8))):
        with open(torn, "wb") as file:
            file.write(part)
        expect_verdict(3, "inconclusive (the recording was not finished)", "--max-peak=1G", torn)
        expect_verdict(3, "inconclusive (the recording was not finished)", "--max-peak=1G",
                       recording, torn)
        expect_verdict(1, "fail (peak)", "--max-peak=1", recording, torn)


def check_trouble(folder):
    for arguments in ([], [f"{folder}/none.seep"], ["--max-peak=x", "a.seep"], ["--"],
                      ["a.seep", "--", "true"], ["--tolerance=many", "a.seep"],
                      ["--new-leaks-only", "a.seep"], ["--leak-kinds=lost", "a.seep"], ["--nosuch"],
                      ["--error-exitcode=256", "a.seep"],
                      ["--", "/nonexistent/program"], [folder + "/empty"]):
        done = subprocess.run([SEEP, "check", *arguments], capture_output=True, text=True,
                              timeout=120, check=False)
        expect(f"{arguments}: status", done.returncode, 2)
        expect(f"{arguments}: message", done.stderr.startswith("seep: "), True)
        expect(f"{arguments}: last line", done.stderr.splitlines()[-1],
               "seep check: inconclusive (trouble)")


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


NOISY = """
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
static void *volatile sink;
static size_t percent;
__attribute__((noinline)) static void *buffer_new(size_t bytes)
{
    void *buffer = malloc(bytes);
    memset(buffer, 1, bytes);
    return buffer;
}
__attribute__((noinline)) static void *cache_fill(size_t bytes)
{
    return malloc(bytes);
}
static void *work(void *argument)
{
    void *buffer = buffer_new(200000 * percent / 100);
    for (int i = 0; i < 200; i++)
        free(sink = malloc(100 + i));
    free(buffer);
    return argument;
}
int main(int count, char **arguments)
{
    pthread_t threads[4];
    percent = 90 + atoi(arguments[1]) % 21;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    void *buffer = buffer_new(4000000 * percent / 100);
    if (count > 2)
        free(cache_fill(3000000));
    free(buffer);
    return 0;
}
"""


def build(folder, name, source, *flags, compiler="cc"):
    path = f"{folder}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.c", "w", encoding="utf-8") as file:
        file.write(source)
    built = subprocess.run([compiler, "-g", "-O1", *flags, "-o", path, f"{path}.c", "-lpthread"],
                           capture_output=True, text=True, check=False)
    return path if built.returncode == 0 else None


def check_noise(folder):
    """Twenty runs of a threaded program whose peak varies by 10 % either way pass, one of a program
    that holds more fails, at the function that asks for it. Numbers of runs, not chance, make the
    noise: each run is told how much it shall need."""
    program = build(folder, "noisy", NOISY)
    if not program:
        print("no C compiler: noise not tried")
        return
    with open(f"{folder}/turns.sh", "w", encoding="utf-8") as file:
        file.write(f"""n=$(($(cat {folder}/turn 2>/dev/null || echo 0) + 8))
echo $n >{folder}/turn
exec {program} $n $1
""")
    baseline = f"--baseline={folder}/noisy.txt"
    runner = ["--", "sh", f"{folder}/turns.sh"]
    expect_verdict(0, "pass", baseline, "--update-baseline", "--repeat=8", "--only=noisy", *runner)
    for _ in range(20):
        expect_verdict(0, "pass", baseline, "--max-peak=1G", "--max-leaked=0", "--only=noisy",
                       *runner)
    done = expect_verdict(1, "fail (peak)", baseline, "--only=noisy", "--json", *runner, "more")
    result = json.loads(done.stdout)["results"][0]
    expect("noise: culprit", result["culprit"]["function"], "cache_fill")
    expect("noise: finding", [(finding["state"], finding["bytes"]) for finding in
                              result["findings"]][:1], [("new", 3000000)])
    # Against one run nothing is known of noise; over several here it is.
    single = f"--baseline={folder}/single.txt"
    expect_verdict(0, "pass", single, "--update-baseline", "--only=noisy", "--", program, "0")
    expect_verdict(1, "fail (peak)", single, "--only=noisy", "--", program, "20")
    expect_verdict(0, "pass", single, "--only=noisy", "--repeat=4", *runner)
    done = expect_verdict(1, "fail (heap)", "--repeat=3", "--max-heap=4300000", "--only=noisy",
                          "--json", "--", "sh", f"{folder}/turns.sh", "more")
    runs = json.loads(done.stdout)["results"][0]["runs"]
    expect("repeat: runs", (runs["count"], runs["least"] <= runs["mean"] <= runs["most"]),
           (3, True))


LEAKS = """
#include <stdlib.h>
static void *volatile sink;
__attribute__((noinline)) static void leak_old(void) { sink = malloc(1000); }
__attribute__((noinline)) static void leak_new(void) { sink = malloc(500); }
int main(int count, char **arguments)
{
    (void)arguments;
    leak_old();
    if (count > 1)
        leak_new();
    sink = NULL;
    return 0;
}
"""


def check_text_baseline(folder):
    program = build(folder, "leaks/prog", LEAKS)
    if not program:
        return
    text = f"{folder}/leaks.txt"
    expect_verdict(1, "fail (leaked)", "--", program)
    expect_verdict(0, "pass", f"--baseline={text}", "--update-baseline", "--", program)
    with open(text, encoding="utf-8") as file:
        first = file.read()
    lines = first.splitlines()
    expect("text: sorted", lines[3:], sorted(lines[3:]))
    expect("text: the leak", [line.split("  # ")[1] for line in lines if "definite=1000" in line],
           ["leak_old at prog.c"])
    expect_verdict(0, "pass", f"--baseline={text}", "--", program)
    expect_verdict(0, "pass", f"--baseline={text}", "--new-leaks-only", "--", program)
    done = expect_verdict(1, "fail (leaked)", f"--baseline={text}", "--new-leaks-only", "--json",
                          "--", program, "x")
    result = json.loads(done.stdout)["results"][0]
    expect("new leak", (result["value"], result["culprit"]["function"],
                        sorted(finding["state"] for finding in result["findings"])),
           (500, "leak_new", ["known", "new"]))
    # The same program again changes nothing in the file, in another folder neither.
    other = build(folder, "elsewhere/prog", "\n\n" + LEAKS)
    expect_verdict(0, "pass", f"--baseline={text}", "--update-baseline", "--", other)
    with open(text, encoding="utf-8") as file:
        expect("text: unchanged", file.read(), first)
    # A leak that is mended goes from the file when it is updated.
    expect_verdict(0, "pass", f"--baseline={folder}/two.txt", "--update-baseline", "--", program,
                   "x")
    done = expect_verdict(0, "pass", f"--baseline={folder}/two.txt", "--json", "--", program)
    states = [finding["state"] for result in json.loads(done.stdout)["results"]
              for finding in result["findings"]]
    expect("fixed", states.count("fixed"), 1)
    expect_verdict(0, "pass", f"--baseline={folder}/two.txt", "--update-baseline", "--", program)
    with open(f"{folder}/two.txt", encoding="utf-8") as file:
        expect("text: mended", "leak_new" in file.read(), False)
    # Nothing else is replaced, and a program that fails updates nothing.
    recording = f"{folder}/leaks.seep"
    subprocess.run([SEEP, "run", "-q", "-o", recording, program], check=True, timeout=120)
    expect_verdict(2, "inconclusive (trouble)", f"--baseline={recording}", "--update-baseline",
                   "--", program)
    expect_verdict(7, "pass", f"--baseline={folder}/never.txt", "--update-baseline", "--", "sh",
                   "-c", "exit 7")
    expect("never written", os.path.exists(f"{folder}/never.txt"), False)
    # JSON of the recording does as well as the recording.
    for command in ("report", "leaks"):
        with open(f"{folder}/{command}.json", "wb") as file:
            subprocess.run([SEEP, command, "--json", recording], check=True, stdout=file,
                           timeout=120)
    both = [f"--baseline={folder}/report.json", f"--baseline={folder}/leaks.json"]
    expect_verdict(0, "pass", *both, "--new-leaks-only", recording)
    expect_verdict(1, "fail (leaked)", *both, "--new-leaks-only", "--", program, "x")
    expect_verdict(0, "pass", both[0], recording)
    done = check("--json", recording)[0]
    with open(f"{folder}/check.json", "w", encoding="utf-8") as file:
        file.write(done.stdout)
    expect_verdict(0, "pass", f"--baseline={folder}/check.json", "--new-leaks-only", recording)
    # A baseline of another program compares nothing.
    expect_verdict(3, "inconclusive (the baseline has none of the processes)",
                   f"--baseline={text}", "--", "sh", "-c", ":")


def check_scopes_and_files(folder, recording):
    """Flags are stronger than the environment, that than .seep.conf, that than the budget file."""
    expect_verdict(0, "pass", "--budget=*demo.cpp: peak 10M", recording)
    done = expect_verdict(1, "fail (live)", "--budget=open_session*: live 1M, leaked 1G",
                          "--budget=rebuild*: live 0", recording)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    expect("scope: lines", [" of open_session* " in line for line in lines], [True])
    tree = f"{folder}/tree"
    os.makedirs(f"{tree}/below")
    os.mkdir(f"{tree}/.git")
    with open(f"{tree}/budgets", "w", encoding="utf-8") as file:
        file.write("heap 1  # of everything\nrebuild_index: live 0\n")
    with open(f"{tree}/.seep.conf", "w", encoding="utf-8") as file:
        file.write("[check]\nbudget-file = budgets\n")
    home = {"HOME": folder, "XDG_CONFIG_HOME": folder}

    def status(arguments, options=None):
        environment = {**os.environ, **home, **({"SEEP_OPTIONS": options} if options else {})}
        return subprocess.run([SEEP, "check", *arguments, recording], cwd=f"{tree}/below",
                              capture_output=True, env=environment, timeout=120,
                              check=False).returncode

    expect("budget file", status([]), 1)
    expect("without files", status(["--no-config", "--max-heap=1G"]), 0)
    with open(f"{tree}/.seep.conf", "a", encoding="utf-8") as file:
        file.write("max-heap = 1G\n")
    expect("over the budget file: .seep.conf", status([]), 0)
    expect("over .seep.conf: SEEP_OPTIONS", status([], "max-heap=1"), 1)
    expect("over SEEP_OPTIONS: flags", status(["--max-heap=1G"], "max-heap=1"), 0)
    with open(f"{tree}/.seep.conf", "a", encoding="utf-8") as file:
        file.write("junit = /tmp/never\n")
    expect("files overwrite nothing", status([]), 2)


FAMILY = """
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void *volatile sink;
__attribute__((noinline)) static void leak(size_t bytes) { sink = malloc(bytes); sink = NULL; }
__attribute__((noinline)) static void hold(size_t bytes) { free(sink = malloc(bytes)); }
static int work(size_t bytes)
{
    leak(bytes);
    hold(100000);
    return 0;
}
int main(int count, char **arguments)
{
    if (count > 1)
        return work((size_t)atoi(arguments[1]));
    for (int i = 1; i <= 3; i++) {
        char number[] = {(char)('0' + i), '0', '0', '\\0'};
        pid_t pid = fork();
        if (pid == 0) {
            execl(arguments[0], arguments[0], number, NULL);
            _exit(9);
        }
        if (pid < 0 || waitpid(pid, NULL, 0) < 0)
            return 1;
    }
    return work(1000);
}
"""


def check_trees(folder):
    """A parent that leaks 1000 bytes and three children with 100, 200 and 300: each passes what
    the tree fails. All have their peak 100000 bytes above what they leak."""
    program = build(folder, "family", FAMILY)
    if not program:
        print("no C compiler: trees not tried")
        return
    recording = f"{folder}/family.seep"
    subprocess.run([SEEP, "run", "-q", "-o", recording, program], check=True, timeout=120)
    sums = {"live": 1600, "leaked": 1600, "leaked-per-site": 1600, "allocations": 8,
            "temporary": 4}
    exact = [f"--max-{name}={value}" for name, value in sums.items()]
    expect_verdict(0, "pass", *exact, recording)
    expect_verdict(1, "fail (leaked)", "--max-leaked=999", "--per=process", recording)
    done = expect_verdict(0, "pass", "--per=tree", "--json", *exact, recording)
    document = json.loads(done.stdout)
    expect("tree: json", document["per"], "tree")
    expect("tree: values", {result["budget"]: (result["least_value"], result["value"])
                            for result in document["results"]},
           {name: (value, value) for name, value in sums.items()})
    expect("tree: processes", [result["processes"] for result in document["results"]],
           [[0, 1, 2, 3]] * len(sums))
    for name, value in sums.items():
        done = expect_verdict(1, f"fail ({name})", "--per=tree", f"--max-{name}={value - 1}",
                              recording)
        expect(f"tree: {name}", f"{name} in 4 processes " in done.stdout, True)
    expect_verdict(1, "fail (leaked)", "--per=tree", "--budget=leak: leaked 1599", recording)
    expect_verdict(0, "pass", "--per=tree", "--budget=leak: leaked 1600", recording)
    # The largest has its peak at 101000 bytes; the parent is there while each child is at its own.
    expect_verdict(1, "fail (heap)", "--per=tree", "--max-heap=100999", recording)
    expect_verdict(3, "inconclusive (an upper bound: the processes need not have peaked at once)",
                   "--per=tree", "--max-heap=101000", recording)
    expect_verdict(0, "pass", "--per=tree", "--max-heap=404600", recording)
    for name in ("benchmark", "bencher"):  # bounds are no measurement
        check("--per=tree", "--max-heap=1", "--max-live=1", f"--{name}={folder}/tree.{name}",
              recording)
    with open(f"{folder}/tree.benchmark", encoding="utf-8") as file:
        expect("tree: benchmark", json.load(file),
               [{"name": "family (tree): live", "unit": "bytes", "value": 1600}])
    for arguments in (["--max-growth=1M/min"], ["--budget=leak: peak 1M"],
                      ["--budget=leak: growth 1M/min"], [f"--baseline={recording}"]):
        expect_verdict(2, "inconclusive (trouble)", "--per=tree", *arguments, recording)


STATIC = "#include <stdlib.h>\nint main(void) { return malloc(1) == NULL; }\n"
BUSY = """
#include <stdlib.h>
static void *volatile sink;
int main(void)
{
    for (int i = 0; i < 2000000; i++) {
        sink = malloc(i % 100);
        free(sink);
    }
    return 0;
}
"""
OWN = """
#include <stddef.h>
static char heap[1 << 20];
static size_t used;
void *malloc(size_t bytes) { used += (bytes + 15) / 16 * 16; return heap + used - bytes; }
void free(void *block) { (void)block; }
void *je_malloc(size_t bytes) { return malloc(bytes); }
int mallctl(void) { return 0; }
int main(void) { return malloc(10) == NULL; }
"""


def check_causes_of_3(folder, recording):
    """Whatever was not measured passes nothing. Each row: what the last line says, and how."""
    def seep_run(name, *arguments):
        path = f"{folder}/{name}.seep"
        subprocess.run([SEEP, "run", "-q", "-o", path, *arguments], check=False, timeout=120,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return path

    with open(recording, "rb") as file:
        whole = file.read()
    torn = f"{folder}/half.seep"
    with open(torn, "wb") as file:
        file.write(whole[: len(whole) * 9 // 10])
    rows = [("not finished", ["--max-peak=1G", torn]),
            ("not scanned", [seep_run("unscanned", "--no-scan", "--", DEMO)]),
            ("not scanned", ["--verdict-only", "--", "sh", "-c", "kill -9 $$"]),
            ("sampled", ["--max-peak=1G", seep_run("sampled", "--sample=4k", "--", DEMO)]),
            ("not scanned", ["--allow-sampled", f"{folder}/sampled.seep"]),
            ("no process was judged", ["--skip=demo", recording]),
            ("the baseline has none of the processes",
             [f"--baseline={recording}", "--only=true", "--", "/bin/true"])]
    static = build(folder, "static", STATIC, "-static")
    if static:
        rows += [("not observed", ["--max-peak=1G", "--", static]),
                 ("not observed", ["--max-peak=1G", "--", "sh", "-c", f"{static}; true"])]
        seep_run("static_run", "--best-effort", "--", static)
        rows.append(("not observed", ["--max-peak=1G", f"{folder}/static_run.seep"]))
    own = build(folder, "own", OWN, "-fno-builtin")
    if own:
        rows.append(("not observed", ["--max-peak=1G", "--", own]))
    busy = build(folder, "busy", BUSY)
    if busy:  # more events than rings hold, while the recorder is stopped
        rows.append(("events were lost", ["--max-peak=1T", seep_run(
            "lost", "--on-full=drop", "--", "sh", "-c",
            f"kill -STOP $PPID; {busy}; kill -CONT $PPID")]))
    if os.geteuid() == 0 and own:
        setuid = build(folder, "setuid", STATIC)
        os.chown(setuid, 65534, 65534)
        os.chmod(setuid, 0o4755)
        rows.append(("not observed", ["--max-peak=1G", "--", setuid]))
    for words, arguments in rows:
        done, last = check(*arguments)
        expect(f"{arguments}: status", done.returncode, 3)
        expect(f"{arguments}: {last}", last.startswith("seep check: inconclusive ("), True)
        expect(f"{arguments}: why", words in last, True)
    # More is not less: what is over its limit fails in spite of all doubts.
    expect_verdict(1, "fail (peak)", "--max-peak=1", f"{folder}/sampled.seep")


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
    if shutil.which("xmllint"):
        schema = os.path.join(os.path.dirname(os.path.abspath(__file__)), "junit.xsd")
        read = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", schema,
                               f"{folder}/o.xml"], capture_output=True, check=False)
        expect("junit: schema", (read.returncode, read.stderr.count(b"\n")), (0, 1))
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
    check_trackers(folder, recording)
    done, _ = check("--max-peak=1", "--github", recording,
                    environment={"GITHUB_STEP_SUMMARY": summary})
    lines = [line for line in done.stdout.splitlines() if line.startswith("::")]
    expect("github: annotations", len(lines), 1)
    expect("github: words", "::error " in lines[0] and "title=seep peak::demo%3A" not in lines[0],
           True)
    with open(summary, encoding="utf-8") as file:
        expect("github: summary", file.read().startswith("### seep check: fail (peak)"), True)


def check_trackers(folder, recording):
    check("--max-peak=1G", "--max-allocations=1000000", f"--benchmark={folder}/o.benchmark",
          f"--bencher={folder}/o.bencher", f"--openmetrics={folder}/o.prom", recording)
    with open(f"{folder}/o.benchmark", encoding="utf-8") as file:
        expect("benchmark", json.load(file)[0],
               {"name": "demo: peak", "unit": "bytes", "value": PEAK})
    with open(f"{folder}/o.bencher", encoding="utf-8") as file:
        expect("bencher", json.load(file), {"demo": {"peak-bytes": {"value": PEAK},
                                                     "allocations": {"value": 50602}}})
    with open(f"{folder}/o.prom", encoding="utf-8") as file:
        text = file.read()
    expect("openmetrics", f'seep_check_peak_bytes{{program="demo"}} {PEAK}\n' in text, True)
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, timeout=60, check=False)
        expect(f"promtool: {done.stderr}", done.returncode, 0)


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
        check_noise(folder)
        check_text_baseline(folder)
        check_scopes_and_files(folder, recording)
        check_trees(folder)
        check_causes_of_3(folder, recording)
        check_files(folder, recording)
    return is_failed()


sys.exit(main())
