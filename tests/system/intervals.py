#!/usr/bin/env python3
"""What was between two instants of a recording, by known answers: tests/targets/phases.c."""
import json
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import Checks, record, seep, target

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
                          (("--from=mark:one", "--format=html"), "html"),
                          (("--from=mark:one", "--by=thread", "--sort=net"), "not known for them")):
        read = seep("report", *options, recording.path)
        checks.equal(f"{options}: status", 2, read.returncode)
        checks.true(f"{options} are refused", word in read.stderr.decode(), read.stderr.decode())
    for command in (("export", "--format=folded"), ("leaks",), ("graph",)):
        read = seep(*command, f"{recording.path}@+0s")
        checks.equal(f"{command} at a time: {read.stderr.decode()}", 2, read.returncode)


def main():
    recording = record([target("phases")])
    checks.equal("phases ends well", 0, recording.status)
    check_intervals(recording)
    check_refused(recording)
    checks.equal("the end is the whole", recording.process()["totals"],
                 report(recording, "--at=end")["processes"][0]["totals"])
    checks.finish()


main()
