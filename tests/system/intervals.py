#!/usr/bin/env python3
"""What was between two instants of a recording, by known answers: tests/targets/phases.c."""
import csv
import gzip
import io
import json
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import Checks, clean_environment, new_path, record, seep, target

checks = Checks()

# From, to; by function: blocks before, allocated, freed, after; net and survived bytes. The end is
# that of the process, whose snapshot tells what survived.
ANSWERS = {
    ("mark:one", "mark:two"): {
        "first": (100, 0, 0, 100, 0, None),
        "second": (0, 50, 20, 30, 3000, None),
    },
    ("mark:two", "mark:three"): {
        "first": (100, 0, 60, 40, -600, None),
        "second": (30, 0, 0, 30, 0, None),
        "third": (0, 5, 0, 5, 5000, None),
    },
    ("mark:one", "end"): {
        "first": (100, 0, 60, 40, -600, 0),
        "second": (0, 50, 30, 20, 2000, 2000),
        "third": (0, 5, 0, 5, 5000, 5000),
    },
    ("mark:two", None): {
        "first": (100, 0, 60, 40, -600, 0),
        "second": (30, 0, 10, 20, -1000, 0),
        "third": (0, 5, 0, 5, 5000, 5000),
    },
    (None, "mark:three"): {
        "first": (0, 100, 60, 40, 400, None),
        "second": (0, 50, 20, 30, 3000, None),
        "third": (0, 5, 0, 5, 5000, None),
    },
}


def report(recording, *options):
    read = seep("report", "--json", "--limit=0", *options, recording.path)
    checks.equal(f"report {options}: {read.stderr.decode()}", 0, read.returncode)
    return json.loads(read.stdout)


def by_function(process):
    rows = {}
    for site in process["sites"]:
        function = site["stack"][0]["function"]
        rows[function] = (site["inherited_blocks"], site["allocations"], site["frees"],
                          site["live_blocks"], site["net_bytes"], site["survived_bytes"])
    return rows


def check_sums(process, label):
    """What was there and came is what is there and went; and totals are the sums of sites."""
    totals = process["totals"]
    for one, two in (("blocks", ("allocations", "frees")),
                     ("bytes", ("allocated_bytes", "freed_bytes"))):
        before, after = totals[f"inherited_{one}"], totals[f"live_{one}"]
        checks.equal(f"{label}: {one}", before + totals[two[0]], after + totals[two[1]])
        checks.equal(f"{label}: net {one}", after - before, totals[f"net_{one}"])
    for key in ("allocations", "frees", "allocated_bytes", "freed_bytes", "live_bytes",
                "inherited_bytes", "net_bytes"):
        checks.equal(f"{label}: {key}", sum(site[key] for site in process["sites"]), totals[key])


def check_intervals(recording):
    for (start, end), answer in ANSWERS.items():
        label = f"{start} to {end}"
        options = [f"--{word}={name}" for word, name in (("from", start), ("to", end)) if name]
        read = report(recording, *options)
        process = read["processes"][0]
        rows = by_function(process)
        for function, row in answer.items():
            found = rows.get(function)
            if start is None:
                found, row = found and found[:4], row[:4]
            checks.equal(f"{label}: {function}", row, found)
        if start:
            check_sums(process, label)
        checks.equal(f"{label}: survivors", end in ("end", None),
                     read["interval"]["survivors_unknown"] is None)
        checks.equal(f"{label}: no peak", None, process["totals"]["peak_bytes"])


def check_refused(recording):
    for options, word in ((("--from=mark:two", "--to=mark:one"), "is later than"),
                          (("--from=end", "--to=start"), "is later than"),
                          (("--from=yesterday",), "there is no instant"),
                          (("--from=start", "--at=end"), "not with --at"),
                          (("--from=mark:one", "--by=thread", "--sort=net"), "not known for them")):
        read = seep("report", *options, recording.path)
        checks.equal(f"{options}: status", 2, read.returncode)
        checks.true(f"{options} are refused", word in read.stderr.decode(), read.stderr.decode())
    for command in (("leaks",), ("graph",), ("export", "--format=dot")):
        read = seep(*command, f"{recording.path}@+0s")
        checks.equal(f"{command} at a time: {read.stderr.decode()}", 2, read.returncode)
    between = ("--from=mark:one", "--to=mark:two")
    for format_name, why in (("massif", "whole recording"), ("heaptrack", "lifetimes"),
                             ("dhat", "lifetimes"), ("valgrind", "at snapshots"),
                             ("openmetrics", "peaks"), ("dot", "at snapshots"),
                             ("graphml", "at snapshots"), ("heapsnapshot", "at snapshots")):
        read = seep("export", f"--format={format_name}", *between, recording.path)
        checks.equal(f"{format_name} of an interval: status", 2, read.returncode)
        checks.true(f"{format_name} of an interval: why", why in read.stderr.decode(),
                    read.stderr.decode())
        checks.equal(f"{format_name} of an interval: nothing is written", b"", read.stdout)
    for command in (("export", "--format=folded", "--metric=peak", *between, recording.path),
                    ("diff", "--metric=peak", *between, recording.path, recording.path)):
        read = seep(*command)
        checks.equal(f"{command[0]}: no peak of an interval", (2, True),
                     (read.returncode, b"not known" in read.stderr))


def by_stack(text):
    """Folded stacks: the figure of each innermost function."""
    return {line.rpartition(" ")[0].split(";")[-1]: int(line.rpartition(" ")[2])
            for line in text.splitlines()}


def check_exports(recording):
    between = ("--from=mark:one", "--to=mark:two")

    def export(format_name, *options):
        read = seep("export", f"--format={format_name}", *options, recording.path)
        checks.equal(f"{format_name} {options}: {read.stderr.decode()}", 0, read.returncode)
        return read.stdout.decode(errors="replace")

    checks.equal("folded: what was allocated", {"second": 5000}, by_stack(export("folded", *between)))
    checks.equal("folded: what was live then", {"first": 1000, "second": 3000},
                 by_stack(export("folded", "--metric=live", *between)))
    checks.equal("folded: what was freed", {"second": 2000},
                 by_stack(export("folded", "--metric=freed", *between)))
    checks.equal("folded at a mark", by_stack(export("folded", "--at=mark:one")),
                 by_stack(export("folded", "--to=mark:one", "--metric=live")))
    rows = list(csv.DictReader(io.StringIO(export("csv", *between))))
    checks.equal("csv", {"first": ("100", "0", "1000", "", ""), "second": ("30", "50", "3000", "", "")},
                 {row["function"]: (row["live_blocks"], row["allocations"], row["live_bytes"],
                                    row["peak_bytes"], row["temporary_allocations"]) for row in rows})
    costs = export("callgrind", *between)
    checks.true("callgrind", "events: LiveB LiveN AllocB AllocN\nsummary: 4000 130 5000 50\n" in costs,
                costs[:600])
    profiles = json.loads(export("speedscope", *between))["profiles"]
    checks.equal("speedscope: first what was allocated, also what was live", (5000, True),
                 (profiles[0]["endValue"], 4000 in [one["endValue"] for one in profiles]))
    checks.true("gperftools", export("gperftools", *between).startswith(
        "heap profile:    130:     4000 [    50:     5000] @"))
    page = export("html", *between)
    checks.true("html: it says so", "<p>Between mark:one (" in page)
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    totals = data["processes"][0]["totals"]
    checks.equal("html: totals", (None, None, 4000, 5000, 50),
                 tuple(totals[key] for key in ("peak_bytes", "temporary_allocations", "live_bytes",
                                               "allocated_bytes", "allocations")))
    checks.equal("html: what is not known is no column", [],
                 [which for which in data["columns"] if not data["metrics"][which]["is_known"]])
    checks.equal("html: neither leaks nor memory", (None, None),
                 (data["processes"][0]["leaks"], data["processes"][0]["memory"]))
    path = new_path(".pb.gz")
    export("pprof", "-o", path, *between)
    with gzip.open(path) as file:
        packed = file.read()
    checks.equal("pprof: no types of peaks", (True, False, False),
                 tuple(name in packed for name in (b"alloc_space", b"peak_space",
                                                   b"temporary_objects")))


def check_diff(recording):
    def compare(*options):
        read = seep("diff", "--json", *options)
        checks.equal(f"diff {options}: {read.stderr.decode()}", 0, read.returncode)
        return json.loads(read.stdout)

    path = recording.path
    told = compare(f"{path}@mark:one", f"{path}@mark:two")
    changes = {site["stack"][0]["function"]: site["change"] for site in told["sites"]}
    checks.equal("two marks", {"second": 3000}, changes)
    calls = compare("--metric=allocations", f"{path}@mark:one", f"{path}@mark:two")
    checks.equal("another metric", ({"second": 50}, "allocations"),
                 ({site["stack"][0]["function"]: site["change"] for site in calls["sites"]},
                  calls["metric"]["new"]))
    told = compare(f"{path}@start", f"{path}@end")
    checks.equal("from a time: nothing was there, nor is its peak known", (0, None),
                 (told["totals"]["base"]["live_bytes"], told["totals"]["base"]["peak_bytes"]))
    checks.equal("to the end", recording.process()["totals"]["live_bytes"],
                 told["totals"]["new"]["live_bytes"])
    told = compare("--from=mark:one", "--to=mark:two", path, path)
    checks.equal("the same interval of two recordings", (0, 5000, "allocated_bytes"),
                 (len(told["sites"]), told["totals"]["new"]["allocated_bytes"],
                  told["metric"]["new"]))


def write_rows(recording, *steps):
    """What `w` writes after these steps of a script, as JSON."""
    rows, script = new_path(".json"), new_path(".keys")
    with open(script, "w", encoding="utf-8") as file:
        file.write("\n".join((*steps, f":write {rows}")) + "\n")
    environment = dict(clean_environment(), SEEP_SCRIPT=script, LC_ALL="C.UTF-8")
    shown = seep("view", recording.path, env=environment)
    checks.equal(f"view {steps}: {shown.stderr.decode()}", 0, shown.returncode)
    with open(rows, encoding="utf-8") as file:
        return json.load(file)


def check_viewer(recording):
    """The screens show what the report tells, row by row."""
    keys = ("net_bytes", "net_blocks", "live_bytes", "live_blocks", "allocated_bytes",
            "allocations", "freed_bytes", "frees")
    for start, end in (("mark:one", "mark:two"), ("mark:two", "end")):
        shown = write_rows(recording, f":from {start}", f":to {end}", ":view sites")
        told = report(recording, f"--from={start}", f"--to={end}")["processes"][0]["sites"]
        checks.equal(f"{start} to {end}: rows", [[site[key] for key in keys] for site in told],
                     [[row[key] for key in keys] for row in shown["rows"]])
        checks.equal(f"{start} to {end}: fingerprints", [site["fingerprint"] for site in told],
                     [row["fingerprint"] for row in shown["rows"]])
        checks.true(f"{start} to {end}: said so", shown["from"].startswith(start) and
                    shown["to"].startswith(end), shown["to"])
        if end == "end":
            checks.equal("survivors", [site["survived_bytes"] for site in told],
                         [row["survived_bytes"] for row in shown["rows"]])
        for by, view in (("function", ":by function"), ("module", ":view modules")):
            shown = write_rows(recording, f":from {start}", f":to {end}", view)
            told = report(recording, f"--from={start}", f"--to={end}", f"--by={by}")
            checks.equal(f"{start} to {end} by {by}",
                         [[row["name"]] + [row["self"][key] for key in keys]
                          for row in told["processes"][0]["by"]["rows"]],
                         [[row["name"]] + [row[key] for key in keys] for row in shown["rows"]])
    marked = write_rows(recording, ":cursor mark:two", "key m", ":cursor mark:one", "key m",
                        ":view sites")
    named = write_rows(recording, ":from mark:one", ":to mark:two", ":view sites")
    checks.equal("marks of the cursor, in either order", named, marked)
    at_mark = write_rows(recording, ":at mark:two", ":view sites")
    told = report(recording, "--at=mark:two", "--sort=live")["processes"][0]["sites"]
    checks.equal("the state at a mark", [site["live_bytes"] for site in told],
                 [row["live_bytes"] for row in at_mark["rows"]])
    cleared = write_rows(recording, ":at mark:two", "key M", ":view sites")
    checks.equal("without marks", write_rows(recording, ":view sites"), cleared)


def main():
    recording = record([target("phases")])
    checks.equal("phases ends well", 0, recording.status)
    check_intervals(recording)
    check_refused(recording)
    check_exports(recording)
    check_diff(recording)
    check_viewer(recording)
    checks.equal("the end is the whole", recording.process()["totals"],
                 report(recording, "--at=end")["processes"][0]["totals"])
    checks.finish()


main()
