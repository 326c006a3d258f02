#!/usr/bin/python3
"""Types, members and containers: all that the targets' comments say."""

import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from graphed import TARGETS, ask, check_schema, expect, is_failed, seep
from graphed import record as record_program


def graph(recording, *arguments):
    expect(f"the same again: {arguments}", *(seep("graph", "--json", *arguments, recording).stdout
                                             for _ in range(2)))
    return ask(recording, *arguments)["processes"][0]


def record(folder, name):
    return record_program(folder, f"{TARGETS}/{name}")


def report_by_type(recording, *arguments):
    done = seep("report", "--json", "--by=type", *arguments, recording)
    expect(f"report {arguments}", (done.returncode, done.stderr), (0, ""))
    document = json.loads(done.stdout)
    check_schema(document, "report")
    return document["processes"][0]["by"]


def check_report(folder, recording, process):
    """What `seep graph` says of types, `seep report --by=type` says too; nothing is lost of it."""
    by = report_by_type(recording)
    expect("the same types", by["rows"], process["types"])
    expect("all bytes", sum(row["bytes"] for row in by["rows"]) + by["unknown"]["bytes"],
           process["bytes"])
    expect("of no type", by["unknown"]["bytes"], 72 + 88)
    expect("none left out", (by["omitted"]["count"], by["omitted"]["bytes"]), (0, 0))
    two = report_by_type(recording, "--limit=2", "--sort=live-blocks")
    expect("those with most blocks of the largest", len(two["rows"]), 2)
    expect("what was left out", (two["omitted"]["count"], two["omitted"]["bytes"]),
           (len(by["rows"]) - 2, sum(row["bytes"] for row in by["rows"]) -
            sum(row["bytes"] for row in two["rows"])))
    expect("in order", [row["bytes"] for row in report_by_type(recording, "--sort=live")["rows"]],
           sorted((row["bytes"] for row in by["rows"]), reverse=True))
    expect("of one function's sites",
           [row["name"] for row in report_by_type(recording, "--function=^make_item$")["rows"]
            if row["blocks"] == 46], ["item"])
    text = seep("report", "--by=type", recording).stdout
    expect("as text", "By type, at snapshot" in text and " item (dwarf)" in text, True)
    for arguments in (["--sort=peak"], ["--at=peak"], ["--tree"], ["--growth"], ["--function=("]):
        expect(f"{arguments}", seep("report", "--by=type", *arguments, recording).returncode, 2)
    without = record_program(tempfile.mkdtemp(dir=folder), f"{TARGETS}/typed", "--no-scan")
    done = seep("report", "--by=type", without)
    expect("no snapshot", (done.returncode, done.stdout), (2, ""))
    expect("what to do", "seep snapshot PID" in done.stderr, True)


def types_of(process):
    return {row["name"]: row for row in process["types"]}


def expect_types(process, wanted):
    found = types_of(process)
    for name, facts in wanted.items():
        row = found.get(name)
        expect(f"type {name}", row and tuple(row[key] for key in ("blocks", "source",
                                                                    "confidence")), facts)


def path_of(process):
    return [(step["name"], step["member"], step["type"]) for step in process["paths"][0]["path"]]


def check_c(folder):
    recording = record(folder, "typed")
    process = graph(recording)
    check_report(folder, recording, process)
    expect_types(process, {
        "item": (46, "dwarf", "sure"),
        "leaf": (31, "dwarf", "sure"),
        "table": (1, "dwarf", "sure"),
        "entry *[]": (1, "dwarf", "sure"),
        "entry": (25, "dwarf", "sure"),
        "value": (25, "site", "likely"),
        "thread_state": (1, "dwarf", "sure"),
        "job[]": (1, "dwarf", "likely"),
        "ring_node": (4, "dwarf", "sure"),
        "packet": (1, "dwarf", "sure"),
        "long int[]": (1, "dwarf", "likely"),
        "char[]": (1, "dwarf", "unsure"),
    })
    retained = {name: types_of(process)[name]["retained_bytes"] for name in ("table", "packet")}
    expect("retained", retained, {"table": 16 + 16 * 8 + 25 * 24 + 15 * 40,
                                  "packet": 8 + 5 * 16 + 5 * 48})
    expect("bytes without a type", process["bytes"] -
           sum(row["bytes"] for row in process["types"]), 72 + 88)
    why = graph(recording, "--why=entry")
    expect("entries", sum(path["blocks"] for path in why["paths"]), 25)
    expect("way to entries", path_of(why)[:2] + [path_of(why)[2][0]],
           [("server", "db[1].dict", "server"), ("fill_server", "buckets", "table"), "fill_server"])
    expect("entries' bucket", path_of(why)[2][2], "entry *[]")
    why = graph(recording, "--why=job\\[\\]")
    expect("way to jobs", path_of(why), [("current", None, "thread_state *"),
                                         ("main", "jobs", "thread_state"),
                                         ("main", None, "job[]")])
    expect("kind", [root["kind"] for root in why["roots"] if root["name"] == "current"], ["tls"])
    why = graph(recording, "--why=char\\[\\]")
    expect("way to the name", path_of(why), [("list", None, "item *"),
                                             ("make_item", "name", "item"), ("main", None, "char[]")])
    text = seep("graph", "--why=value", recording).stdout
    expect("by members", "known_values[" in text, True)
    text = seep("graph", "--why=char\\[\\]", recording).stdout
    expect("by members of a list", "list->...->name" in text, True)
    only = graph(recording, "--type=ring_node")
    expect("only rings", [(row["name"], row["blocks"]) for row in only["types"]], [("ring_node", 4)])
    expect("only rings' sites", sorted(site["blocks"] for site in only["sites"]), [1, 3])
    expect("only another module", graph(recording, "--module=libc.so")["types"], [])


CONTAINERS = {
    "app::cache.table": ("std::unordered_map<long int, app::Session>", 1000, 1001),
    "app::names": ("std::map<int, std::string>", 300, 300),
    "app::numbers": ("std::set<long int>", 200, 200),
    "app::ordered": ("std::multimap<int, long int>", 30, 30),
    "app::parts": ("std::unordered_set<long int>", 70, 71),
    "app::sessions": ("std::list<app::Session>", 50, 50),
    "app::forward": ("std::forward_list<long int>", 40, 40),
    "app::queue": ("std::deque<double>", 490, 9),
    "app::text": ("std::string", 10000, 1),
    "app::shapes": ("std::vector<app::Shape*>", 60, 1),
    "app::grid": ("std::vector<std::vector<int>>", 20, 1),
    "app::reserved": ("std::vector<long int>", 0, 1),
}
INNER_CONTAINERS = {
    "1,000 x std::unordered_map<long int, app::Session> node.second.user": ("std::string", 1000),
    "50 x std::list<app::Session> node.lines": ("std::vector<int>", 50),
    "20 x std::vector<std::vector<int>>": ("std::vector<int>", 20),
}


def check_cxx(folder):
    recording = record(folder, "typed_cxx")
    process = graph(recording)
    found = {row["name"]: row for row in process["containers"]}
    for name, wanted in CONTAINERS.items():
        row = found.get(name)
        expect(name, row and (row["type"], row["elements"], row["blocks"]), wanted)
    for name, wanted in INNER_CONTAINERS.items():
        row = found.get(name)
        expect(name, row and (row["type"], row["count"]), wanted)
    expect("ints in the grid", found["20 x std::vector<std::vector<int>>"]["elements"], 2190)
    expect_types(process, {
        "app::Square": (40, "vtable", "sure"),
        "app::Square[]": (1, "vtable", "sure"),
        "app::Circle": (20, "vtable", "sure"),
        "app::Plain": (1, "dwarf", "sure"),
        "std::shared_ptr<app::Node> object": (10, "container", "sure"),
        "std::shared_ptr<app::Plain> control block": (1, "container", "sure"),
        "std::map<int, std::string> node": (300, "container", "sure"),
        "std::list<app::Session> node": (50, "container", "sure"),
        "std::deque<double> chunk": (8, "container", "sure"),
        "std::unordered_map<long int, app::Session> buckets": (1, "container", "sure"),
    })
    expect("elements of a type",
           types_of(process)["std::map<int, std::string> node"]["elements"], 300)
    why = graph(recording, "--why=app::Circle")
    expect("way to circles", path_of(why),
           [("app::shapes", None, "std::vector<app::Shape*>"),
            (path_of(why)[1][0], path_of(why)[1][1], "std::vector<app::Shape*>"),
            ("app::fill_pointers()", None, "app::Circle")])
    expect("circles", (why["paths"][0]["blocks"], why["paths"][0]["path"][1]["member"][0]), (20, "["))
    text = seep("graph", recording).stdout
    expect("suspect's container", "app::cache.table" in text.split("Roots")[0], True)


def check_stripped(folder):
    process = graph(record(folder, "typed_cxx_stripped"))
    expect_types(process, {
        "app::Square": (41, "vtable", "sure"),  # whether it is of three is not known
        "app::Circle": (20, "vtable", "sure"),
        "std::shared_ptr<app::Node> object": (10, "container", "sure"),
    })
    expect("strings by shape", types_of(process)["std::string"]["confidence"], "likely")


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_c(folder)
        check_cxx(folder)
        check_stripped(folder)
    return is_failed()


sys.exit(main())
