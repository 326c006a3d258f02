#!/usr/bin/python3
"""Exports read back: the totals in each format are those of `seep report --json`.

The readers of this test are small ones of its own; those of the formats themselves are asked too
where they are installed.
"""

import csv
import gzip
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed

SEEP = os.path.abspath("./seep")
DEMO = os.path.abspath("./examples/demo")
GO_PPROF = "/usr/lib/go-1.19/pkg/tool/linux_amd64/pprof"  # where Debian has it


def run(*command):
    return subprocess.run(command, capture_output=True, timeout=120, check=False)


def export(form, recording, *options):
    done = run(SEEP, "export", f"--format={form}", *options, recording)
    expect(f"{form}: status and stderr", (done.returncode, done.stderr), (0, b""))
    return done.stdout


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def fields(data):
    """(number, value) of each field of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value


def varints(data):
    at, numbers = 0, []
    while at < len(data):
        number, at = varint(data, at)
        numbers.append(number)
    return numbers


def check_pprof(data, totals):
    message = list(fields(gzip.decompress(data)))
    strings = [value.decode() for number, value in message if number == 6]
    expect("pprof: first string", strings[0], "")
    types = [strings[dict(fields(value))[1]] for number, value in message if number == 1]
    locations = {dict(fields(value))[1]: value for number, value in message if number == 4}
    functions = {dict(fields(value))[1]: value for number, value in message if number == 5}
    sums = dict.fromkeys(types, 0)
    names = set()
    for number, value in message:
        if number != 2:
            continue
        sample = dict(fields(value))
        for name, figure in zip(types, varints(sample[2]), strict=True):
            sums[name] += figure
        for location in varints(sample[1]):
            for field, line in fields(locations[location]):
                if field == 4:
                    function = dict(fields(functions[dict(fields(line))[1]]))
                    names.add(strings[function[2]])
    expect("pprof: sums", sums, {
        "alloc_objects": totals["allocations"], "alloc_space": totals["allocated_bytes"],
        "inuse_objects": totals["live_blocks"], "inuse_space": totals["live_bytes"],
        "peak_objects": 302, "peak_space": totals["peak_bytes"],
        "temporary_objects": totals["temporary_allocations"]})
    expect("pprof: a function", "open_session(int)" in names, True)


def check_speedscope(data, totals):
    document = json.loads(data)
    frames = document["shared"]["frames"]
    for profile in document["profiles"]:
        expect("speedscope: weights", sum(profile["weights"]), profile["endValue"])
        expect("speedscope: samples", len(profile["samples"]), len(profile["weights"]))
        expect("speedscope: frames", all(0 <= frame < len(frames) for sample in profile["samples"]
                                         for frame in sample), True)
    ends = {profile["name"]: profile["endValue"] for profile in document["profiles"]}
    expect("speedscope: live", ends["bytes not freed"], totals["live_bytes"])
    expect("speedscope: first is live", document["profiles"][0]["name"], "bytes not freed")


def check_folded(data, total):
    lines = data.decode().splitlines()
    expect("folded: sum", sum(int(line.rsplit(" ", 1)[1]) for line in lines), total)
    expect("folded: a stack", sum("main;answer(int);open_session(int) 2048000" in line
                                  for line in lines), 1)


def check_flamegraph(data, totals):
    tree = xml.etree.ElementTree.fromstring(data)
    space = "{http://www.w3.org/2000/svg}"
    titles = [title.text for title in tree.iter(space + "title")]
    expect("flamegraph: all", any(title.startswith("all: ") and f"({totals['live_bytes']} bytes)"
                                  in title for title in titles), True)
    expect("flamegraph: a frame", any(title.startswith("open_session(int) at demo.cpp:34: ")
                                      for title in titles), True)
    shares = [(float(frame.get("data-x")), float(frame.get("data-w")))
              for frame in tree.iter(space + "g")]
    expect("flamegraph: inside", all(x >= 0 and x + w <= 1.00001 for x, w in shares), True)


def check_callgrind(data, totals):
    lines = data.decode().splitlines()
    summary = next(line for line in lines if line.startswith("summary:")).split()[1:]
    own, is_call = [0] * 6, False
    for line in lines:
        if line.startswith("calls="):
            is_call = True
        elif re.match(r"\d+( \d+){6}$", line):
            if not is_call:
                own = [a + int(b) for a, b in zip(own, line.split()[1:])]
            is_call = False
    expect("callgrind: own costs are the summary", own, [int(word) for word in summary])
    expect("callgrind: live", own[0], totals["live_bytes"])
    expect("callgrind: allocations", own[4], totals["allocations"])


def check_massif(data, totals):
    text = data.decode()
    heaps = [int(number) for number in re.findall(r"mem_heap_B=(\d+)", text)]
    expect("massif: highest", max(heaps), totals["peak_bytes"])
    expect("massif: last", heaps[-1], totals["live_bytes"])
    expect("massif: trees", re.findall(r"heap_tree=(peak|detailed)", text), ["peak", "detailed"])


def check_gperftools(data, totals):
    text = data.decode()
    head = [int(number) for number in re.findall(r"\d+", text.splitlines()[0])]
    expect("gperftools: head", head, [totals["live_blocks"], totals["live_bytes"],
                                      totals["allocations"], totals["allocated_bytes"]])
    expect("gperftools: library", f" {DEMO}\n" in text, True)


def check_csv(data, totals):
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    for key in ("live_bytes", "allocations", "allocated_bytes", "temporary_allocations"):
        expect(f"csv: {key}", sum(int(row[key]) for row in rows), totals[key])
    expect("csv: a stack", any(row["function"] == "open_session(int)" and row["line"] == "34"
                               for row in rows), True)


def check_sqlite(data, totals, folder):
    """Read back by the database itself, with what joins the tables."""
    with open(f"{folder}/demo.db", "wb") as file:
        file.write(data)
    database = sqlite3.connect(f"{folder}/demo.db")

    def ask(question):
        return database.execute(question).fetchall()

    expect("sqlite: whole", ask("PRAGMA integrity_check"), [("ok",)])
    expect("sqlite: references", ask("PRAGMA foreign_key_check"), [])
    for key in ("allocations", "allocated_bytes", "live_bytes", "peak_bytes"):
        expect(f"sqlite: {key}", ask(f"SELECT sum({key}) FROM sites"), [(totals[key],)])
        expect(f"sqlite: {key} of the process", ask(f"SELECT {key} FROM processes"), [(totals[key],)])
    expect("sqlite: leaks", ask("SELECT sum(blocks), sum(bytes) FROM leaks WHERE kind = 'definite'"),
           [(100, 100000)])
    expect("sqlite: a stack", ask("""SELECT function, line FROM stacks JOIN frames ON frame_id = frames.id
        WHERE site_id = (SELECT site_id FROM stacks JOIN frames ON frame_id = frames.id
                         WHERE depth = 0 AND function = 'open_session(int)') AND depth < 3
        ORDER BY depth""")[0], ("open_session(int)", 34))
    expect("sqlite: samples", ask("SELECT max(heap_peak_bytes) FROM samples"), [(totals["peak_bytes"],)])
    database.close()


def check_pages(recording):
    """What report writes by --format is what its other doors give."""
    page = run(SEEP, "report", "--format=html", "--sort=live", recording)
    expect("report html", (page.returncode, page.stdout == export("html", recording)), (0, True))
    expect("report json", run(SEEP, "report", "--format=json", recording).stdout
           == run(SEEP, "report", "--json", recording).stdout, True)
    expect("report text", run(SEEP, "report", "--format=text", recording).stdout
           == run(SEEP, "report", recording).stdout, True)
    refused = run(SEEP, "report", "--format=html", "--tree", recording)
    expect("a page of trees alone", (refused.returncode, refused.stdout,
                                     b"not with --by, --tree" in refused.stderr), (2, b"", True))


def check_dhat(data, totals):
    document = json.loads(data)
    points = document["pps"]
    for key, name in (("tb", "allocated_bytes"), ("tbk", "allocations"), ("gb", "peak_bytes"),
                      ("gbk", "peak_blocks"), ("eb", "live_bytes"), ("ebk", "live_blocks")):
        expect(f"dhat: {key}", sum(point[key] for point in points), totals[name])
    expect("dhat: at least", all(point["mb"] >= max(point["gb"], point["eb"]) and point["fs"]
                                 for point in points), True)
    expect("dhat: frames", all(0 <= number < len(document["ftbl"])
                               for point in points for number in point["fs"]), True)
    expect("dhat: a frame", any(frame.endswith("open_session(int) (demo.cpp:34)")
                                for frame in document["ftbl"]), True)
    expect("dhat: times", 0 < document["tg"] <= document["te"], True)


def check_heaptrack(data, totals):
    """Plays the events, as heaptrack does."""
    sizes, live, peak, calls, temporary, last = [], 0, 0, 0, 0, None
    for line in data.decode().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "a":
            sizes.append(int(rest.split()[0], 16))
        elif kind == "+":
            last = int(rest, 16)
            calls += 1
            live += sizes[last]
            peak = max(peak, live)
        elif kind == "-":
            temporary += last == int(rest, 16)
            live -= sizes[int(rest, 16)]
            last = None
    expect("heaptrack: calls, temporary, peak, live", (calls, temporary, peak, live),
           (totals["allocations"], totals["temporary_allocations"], totals["peak_bytes"],
            totals["live_bytes"]))


def check_valgrind(data, totals):
    del totals
    root = xml.etree.ElementTree.fromstring(data)
    leaks = [(error.findtext("kind"), error.findtext("xwhat/leakedbytes"),
              error.findtext("xwhat/leakedblocks"), error.findtext("stack/frame/fn"),
              error.findtext("stack/frame/line")) for error in root.findall("error")]
    expect("valgrind: leaks", leaks,
           [("Leak_DefinitelyLost", "100000", "100", "remember_caller(int)", "43")])
    expect("valgrind: protocol", root.findtext("protocolversion"), "4")


def check_openmetrics(data, totals):
    text = data.decode()
    expect("openmetrics: end", text.endswith("\n# EOF\n"), True)
    expect("openmetrics: peak",
           f'seep_heap_peak_bytes{{process="0",program="demo"}} {totals["peak_bytes"]}\n' in text,
           True)


def check_leaked(folder, recording):
    """What was lost, of a process that was scanned, in the formats that have a metric."""
    lines = export("folded", recording, "--metric=leaked").decode().splitlines()
    expect("leaked", [line.rsplit(";", 1)[1] for line in lines], ["remember_caller(int) 100000"])
    profiles = json.loads(export("speedscope", recording, "--metric=leaked"))["profiles"]
    expect("leaked: speedscope", [(profile["name"], profile["endValue"]) for profile in profiles],
           [("bytes leaked", 100000)])
    expect("leaked: flamegraph", b"(100000 bytes)"
           in export("flamegraph", recording, "--metric=leaked"), True)
    killed = f"{folder}/killed.seep"
    run(SEEP, "run", "-q", "-o", killed, "sh", "-c", "kill -KILL $$")
    for words, options in ((b"was not scanned (killed)", ["--format=folded", killed]),
                           (b"has no metric \"leaked\"", ["--format=pprof", recording])):
        done = run(SEEP, "export", "--metric=leaked", *options)
        expect("leaked: refused", (done.returncode, words in done.stderr), (2, True))


def as_heaptrack(number):
    """Bytes as heaptrack prints them."""
    for unit in ("B", "K", "M", "G"):
        if number < 1000:
            break
        number /= 1000
    return f"{number:.2f}{unit}" if unit != "B" else f"{number}B"


def check_heaptrack_print(folder, totals):
    shown = run("heaptrack_print", "--disable-builtin-suppressions", "-f", f"{folder}/heaptrack")
    text = shown.stdout.decode()
    expect("heaptrack_print", shown.returncode, 0)
    for what, number in (("calls to allocation functions", totals["allocations"]),
                         ("temporary memory allocations", totals["temporary_allocations"])):
        expect(f"heaptrack_print: {what}", f"\n{what}: {number} (" in text, True)
    for what, number in (("peak heap memory consumption", totals["peak_bytes"]),
                         ("total memory leaked", totals["live_bytes"])):
        expect(f"heaptrack_print: {what}", f"\n{what}: {as_heaptrack(number)}\n" in text, True)
    expect("heaptrack_print: a place", re.search(r"open_session\(int\)\n\s+at \S*demo.cpp:34\n", text)
           is not None, True)


def check_judged(folder, recording):
    """As seep check writes them of the same recording."""
    for form in ("sarif", "junit"):
        path = f"{folder}/checked.{form}"
        expect(f"check: {form}", run(SEEP, "check", f"--{form}={path}", recording).returncode, 1)
        with open(path, "rb") as file:
            written = file.read()
        expect(f"{form}: the same as seep check's", export(form, recording), written)
        with open(f"{folder}/{form}", "wb") as out:
            out.write(written)


def check_readers(folder, totals):
    """What the formats' own programs make of them."""
    if shutil.which("xmllint"):
        for form in ("valgrind", "flamegraph", "junit"):
            shown = run("xmllint", "--nonet", "--noout", f"{folder}/{form}")
            expect(f"xmllint: {form}", (shown.returncode, shown.stderr), (0, b""))
    if os.access(GO_PPROF, os.X_OK):
        shown = run(GO_PPROF, "-symbolize=none", "-unit=B", "-sample_index=inuse_space", "-top",
                    f"{folder}/pprof")
        expect("pprof", (shown.returncode, f"Total samples = {totals['live_bytes']}B".encode()
                         in shown.stdout), (0, True))
    if shutil.which("heaptrack_print"):
        check_heaptrack_print(folder, totals)
    if shutil.which("ms_print"):
        shown = run("ms_print", f"{folder}/massif")
        expect("ms_print", (shown.returncode, b"rebuild_index() (demo.cpp:64)" in shown.stdout),
               (0, True))
    if shutil.which("callgrind_annotate"):
        shown = run("callgrind_annotate", f"{folder}/callgrind")
        expect("callgrind_annotate", (shown.returncode, b"2,220,704 (100.0%)" in shown.stdout),
               (0, True))
    if shutil.which("google-pprof"):
        shown = run("google-pprof", "--text", "--inuse_objects", DEMO, f"{folder}/gperftools")
        expect("google-pprof", (shown.returncode, b"Total: 601 objects" in shown.stdout
                                and b"open_session" in shown.stdout), (0, True))
    if shutil.which("promtool"):
        shown = subprocess.run(["promtool", "check", "metrics"], capture_output=True, check=False,
                               input=open(f"{folder}/openmetrics", "rb").read())
        expect("promtool", shown.returncode, 0)


def check_errors(folder, recording):
    """One line and status 2; what stood in the wanted file stays there."""
    kept = f"{folder}/kept"
    with open(kept, "w", encoding="utf-8") as out:
        out.write("kept")
    for what, words, options in (
            ("no format", b"which format?", []),
            ("unknown format", b"--format", ["--format=nosuch"]),
            ("bad expression", b"", ["--format=csv", "--function=(", "-o", kept]),
            ("no process", b"has no process 7", ["--format=csv", "--process=7", "-o", kept]),
            ("filtered massif", b"cannot be filtered", ["--format=massif", "--function=a", "-o", kept]),
            ("filtered heaptrack", b"cannot be filtered", ["--format=heaptrack", "--file=a", "-o", kept]),
            ("filtered sarif", b"cannot be filtered", ["--format=sarif", "--file=a", "-o", kept]),
            ("no such folder", b"No such file", ["--format=csv", "-o", f"{folder}/none/x"]),
            ("full disk", b"No space", ["--format=csv", "-o", "-"])):
        with open("/dev/full" if what == "full disk" else "/dev/null", "wb") as out:
            done = subprocess.run([SEEP, "export", *options, recording], stdout=out,
                                  stderr=subprocess.PIPE, timeout=120, check=False)
        expect(f"{what}: status", done.returncode, 2)
        expect(f"{what}: message", words in done.stderr and done.stderr.count(b"\n") <= 2, True)
    with open(kept, encoding="utf-8") as file:
        expect("kept", file.read(), "kept")
    expect("no parts left", [name for name in os.listdir(folder) if name.endswith(".part")], [])


def main():
    with tempfile.TemporaryDirectory() as folder:
        recording = f"{folder}/demo.seep"
        done = run(SEEP, "run", "-q", "-o", recording, DEMO)
        expect("run", done.returncode, 0)
        report = json.loads(run(SEEP, "report", "--json", recording).stdout)
        totals = report["processes"][0]["totals"]
        checks = {"pprof": check_pprof, "speedscope": check_speedscope,
                  "flamegraph": check_flamegraph, "callgrind": check_callgrind,
                  "massif": check_massif, "gperftools": check_gperftools, "csv": check_csv,
                  "openmetrics": check_openmetrics, "dhat": check_dhat,
                  "heaptrack": check_heaptrack, "valgrind": check_valgrind}
        for form, check in checks.items():
            data = export(form, recording)
            expect(f"{form}: the same again", export(form, recording) == data, True)
            check(data, totals)
            with open(f"{folder}/{form}", "wb") as out:
                out.write(data)
        check_folded(export("folded", recording), totals["live_bytes"])
        check_folded(export("folded", recording, "--metric=allocated", "--function=answer"),
                     2048000 + 100000 + 50000 * 64)
        if b"|sqlite|" in run(SEEP, "export", "--help").stdout:
            check_sqlite(export("sqlite", recording), totals, folder)
        else:
            print("built without SQLite: its export is not tried")
        check_pages(recording)
        check_leaked(folder, recording)
        check_judged(folder, recording)
        check_readers(folder, totals)
        check_errors(folder, recording)
    return is_failed()


sys.exit(main())
