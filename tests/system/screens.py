#!/usr/bin/python3
"""Every figure on the viewer's tables is the one that reports have: the screens are drawn large by a
script, their columns read by their titles, and compared row by row with --json."""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed
from graphed import DEMO, SEEP, record, seep

PYTHON = "/usr/bin/python3"
PROGRAM = """
import gc
gc.disable()
class Node:
    pass
for _ in range(50):
    a, b = Node(), Node()
    a.other, b.other = b, a
keep = [Node() for _ in range(700)]
"""
COLUMNS = {"Live": "live_bytes", "Blocks": "live_blocks", "Peak": "peak_bytes",
           "Peak blk": "peak_blocks", "Allocated": "allocated_bytes", "Calls": "allocations",
           "Temporary": "temporary_allocations", "Freed": "freed_bytes", "Frees": "frees"}
TEXTS = ("State", "Source")
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def has_utf8():
    done = subprocess.run(["locale", "charmap"], env={**os.environ, "LC_ALL": "C.UTF-8"},
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() == "UTF-8"


def show(folder, recordings, *keys):
    """The screen after these keys: its lines."""
    script, saved = f"{folder}/script", f"{folder}/screen"
    with open(script, "w", encoding="utf-8") as out:
        out.write("".join(f"{key}\n" for key in keys) + f":save-display {saved}\n")
    environment = {**os.environ, "SEEP_SCRIPT": script, "LINES": "1000", "COLUMNS": "600",
                   "LC_ALL": "C.UTF-8"}
    done = subprocess.run([SEEP, "view", *recordings], env=environment, capture_output=True,
                          text=True, timeout=300, check=False)
    expect(f"shown after {keys}", (done.returncode, done.stderr), (0, ""))
    with open(saved, encoding="utf-8") as screen:
        lines = screen.read().splitlines()
    os.remove(saved)
    return lines


def read_table(lines):
    """Rows as {title: text}. A figure ends where its title ends, a text begins where that begins."""
    titles = [(found.group().strip("▼▲"), found.start(), found.end())
              for found in re.finditer(r"[▼▲]?Peak blk|\S+", lines[2])]
    rows = []
    for line in lines[3:]:
        if not line.strip():
            break
        row, last = {}, 1
        for number, (title, start, end) in enumerate(titles[:-1]):
            if title in TEXTS:
                end = titles[number + 1][1]
            else:
                start = last
            row[title] = line[start:end].strip()
            last = end
        row["last"] = line[titles[-1][1]:].strip()
        rows.append(row)
    return rows


def fits(text, value):
    """Is it the value, as exactly as it is printed?"""
    if value is None:
        return text in ("", "?", "none")
    words = text.replace(",", "").split()
    sign = -1 if words[0].startswith("-") else 1
    number = words[0].lstrip("+-")
    if len(words) == 1:
        return sign * int(number) == value
    digits = len(number.partition(".")[2])
    unit = UNITS[words[1]]
    return abs(sign * float(number) * unit - value) <= 0.51 * unit / 10 ** digits


def compare(what, rows, wanted, columns):
    """`wanted`: dictionaries in the order of the rows."""
    expect(f"{what}: rows", len(rows), len(wanted))
    for number, (row, figures) in enumerate(zip(rows, wanted)):
        for title, key in columns.items():
            if title in row and not fits(row[title], figures[key]):
                expect(f"{what}: row {number}: {title}", row[title], figures[key])


def report(recording, *options):
    done = seep("report", "--json", "--limit=0", *options, recording)
    expect(f"report {options}", done.returncode, 0)
    return json.loads(done.stdout)["processes"][0]


def check_figures(folder, recording):
    about = report(recording, "--sort=live")
    lines = show(folder, [recording], "key 2")
    rows = read_table(lines)
    compare("sites", rows, about["sites"][:len(rows)], COLUMNS)
    expect("all sites", len(rows), min(len(about["sites"]), 900 if len(rows) >= 900 else 10 ** 9))
    for key, grouping in (("9", "module"), ("8", "thread")):
        wanted = [row["self"] for row in report(recording, "--sort=live", f"--by={grouping}")["by"]["rows"]]
        compare(grouping, read_table(show(folder, [recording], f"key {key}")), wanted, COLUMNS)
    overview = "\n".join(show(folder, [recording], "key 1"))
    totals = about["totals"]
    for label, size, count in (("Heap at its peak", "peak_bytes", "peak_blocks"),
                               ("Heap at the end", "live_bytes", "live_blocks"),
                               ("Allocated", "allocated_bytes", "allocations")):
        found = re.search(rf"{label} +(\S+ \S+)  in (\S+)", overview)
        if not fits(found[1], totals[size]) or not fits(found[2], totals[count]):
            expect(f"overview: {label}", found.groups(), (totals[size], totals[count]))


def check_types(folder, recording):
    rows = [row for row in read_table(show(folder, [recording], "key 7", ":sort type"))
            if row["last"] != "not known"]
    by_type = report(recording, "--by=type")["by"]["rows"]
    wanted = sorted(by_type, key=lambda row: row["name"].encode())
    expect("names of types", [row["last"] for row in rows], [row["name"] for row in wanted])
    compare("types", rows, wanted, {"Retained": "retained_bytes", "Own": "bytes",
                                    "Blocks": "blocks", "Elements": "elements"})


def check_diff(folder, base, new):
    done = json.loads(seep("diff", "--json", "--limit=0", base, new).stdout)
    key = {side: done["metric"][side] for side in ("base", "new")}
    rows = read_table(show(folder, [base, new]))
    wanted = [{"change": site["change"],
               **{side: site[side] and site[side][key[side]] for side in key}}
              for site in done["sites"]]
    compare(f"diff of {os.path.basename(new)}", rows, wanted[:len(rows)],
            {"Change": "change", "Base": "base", "New": "new"})
    expect("states of diff", [row["State"] for row in rows],
           [site["state"] for site in done["sites"]][:len(rows)])
    expect("rows of diff", len(rows) > 0, True)


def read_branches(lines):
    """Rows of the Python screen: by what they are, the other columns."""
    branches = {}
    for line in lines[3:]:
        found = re.match(r"[> ](.{9}) (.{9}) .*?[▾▸·] (.*)", line)
        if found:
            branches.setdefault(found[3].strip(), [text.strip() for text in found.groups()[:2]])
    return branches


def check_python(folder, recording):
    python = report(recording)["python"]
    # Everything is open.
    branches = read_branches(show(folder, [recording], "key 0", "key E"))
    arenas, garbage = python["arenas"], python["garbage"]
    wanted = {"Arenas": (arenas["bytes"], arenas["count"]),
              "live blocks": (arenas["live_bytes"], arenas["live_blocks"]),
              "free pools": (arenas["free_pool_bytes"], None),
              "free between live blocks": (arenas["partly_free_bytes"], None),
              "pools with live blocks": (None, arenas["pools"]),
              "Objects with their storage": (python["objects"]["bytes"],
                                             python["objects"]["count"]),
              "Garbage, kept by cycles alone": (garbage["bytes"], garbage["objects"])}
    for name, (size, count) in wanted.items():
        found = branches.get(name)
        if not found or not fits(found[0], size) or not fits(found[1], count):
            expect(f"python: {name}", found, (size, count))
    nodes = [row for row in python["types"] if row["name"].endswith("Node")]
    expect("nodes", [row["count"] for row in nodes], [800])
    for cycle in garbage["cycles"]:
        found = branches.get(cycle["text"])
        if not found or not fits(found[1], cycle["count"]):
            expect("cycle", found, (cycle["bytes"], cycle["count"]))
        for step in cycle["text"].split(" -> ")[1:]:
            expect("a step of a cycle", f"-> {step}" in branches, True)
    lines = " ".join(line.strip() for line in show(folder, [recording], "key 0", "key E"))
    for size in python["size_classes"]:
        text = f"blocks of {size['size']} B, {size['free_blocks']:,} free, in {size['pools']:,} pool"
        expect(text, text in lines, True)


CATEGORIES = {"heap_live": "live heap", "heap_free": "free heap",
              "heap_overhead": "overhead of the heap", "python_arenas": "Python arenas",
              "gc_nursery": "nursery", "gc_old": "old generation", "jit": "JIT code",
              "stacks": "stacks", "files": "files", "anonymous": "anonymous", "shared": "shared",
              "other": "other"}


def check_categories(folder, recording):
    about = report(recording)
    written = f"{folder}/rows.json"
    show(folder, [recording], "key A", "key E", f":write {written}")
    with open(written, encoding="utf-8") as rows_file:
        rows = json.load(rows_file)["rows"]
    os.remove(written)
    wanted = [(CATEGORIES[row["name"]], row["resident_bytes"], row["virtual_bytes"])
              for row in about["categories"] if row["virtual_bytes"]]
    found = [(row["what"], row["resident_bytes"], row["virtual_bytes"]) for row in rows
             if row["depth"] == 2 and row["virtual_bytes"] is not None]
    expect("categories", sorted(found), sorted(wanted))
    expect("the largest first", [row[1] for row in found],
           sorted((row[1] for row in found), reverse=True))
    parts = [(row["what"], row["resident_bytes"], row["virtual_bytes"]) for row in rows
             if row["depth"] == 3 and row["virtual_bytes"] is not None]
    expect("parts", sorted(parts),
           sorted((part["name"], part["resident_bytes"], part["virtual_bytes"])
                  for part in about["memory"]["parts"]))
    expect("all", (rows[0]["resident_bytes"], rows[0]["virtual_bytes"]),
           tuple(about["memory"]["figures"][key] for key in ("resident_bytes", "virtual_bytes")))
    expect("trimmable", [row["resident_bytes"] for row in rows if "malloc_trim(0) would" in row["what"]],
           [about["trimmable_bytes"]])
    texts = [row["what"] for row in rows]
    for advice in about["memory"]["advice"]:
        expect("advice", any(advice["text"] in text for text in texts), True)


def main():
    if not has_utf8():
        print("the locale C.UTF-8 is not installed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        demo = record(folder, DEMO)
        check_figures(folder, demo)
        check_types(folder, demo)
        check_categories(folder, demo)
        check_diff(folder, f"{demo}@peak", demo)
        program = f"{folder}/program.py"
        with open(program, "w", encoding="utf-8") as out:
            out.write(PROGRAM)
        if os.access(PYTHON, os.X_OK):
            recording = f"{folder}/python.seep"
            subprocess.run([SEEP, "run", "-q", "-o", recording, PYTHON, program], check=True,
                           timeout=300)
            check_figures(folder, recording)
            check_categories(folder, recording)
            check_diff(folder, demo, recording)
            python = report(recording)["python"]
            if python and not python["refused"]:
                check_types(folder, recording)
                check_python(folder, recording)
    return 1 if is_failed() else 0


sys.exit(main())
