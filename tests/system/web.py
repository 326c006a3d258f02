#!/usr/bin/python3
"""Retained sizes of tests/targets/web.c, which are known for each block where one refers to one, and
for all of them together where they refer to each other at random."""
import json
import os
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from recorded import Checks, record, seep, target

BLOCKS, BLOCK_BYTES = 2000, 32
GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
checks = Checks()


def graph(recording, *arguments):
    read = seep("graph", "--json", *arguments, recording.path)
    if b"no process was scanned" in read.stderr:
        print("this system lets nobody look into processes: no snapshot was taken")
        sys.exit(77)
    checks.equal("graph's status", 0, read.returncode)
    return json.loads(read.stdout)["processes"][0]


def check_whole(what, recording):
    process = graph(recording)
    root = next(root for root in process["roots"] if root["name"] == "web")
    checks.equal(f"{what}: web retains", (BLOCKS, BLOCKS * BLOCK_BYTES),
                 (root["retained_blocks"], root["retained_bytes"]))
    row = next(row for row in process["types"] if row["name"] == "block")
    checks.equal(f"{what}: type", (BLOCKS, BLOCKS * BLOCK_BYTES, BLOCKS * BLOCK_BYTES),
                 (row["blocks"], row["bytes"], row["retained_bytes"]))
    why = graph(recording, "--why=block")
    checks.equal(f"{what}: all hang from", [("web", BLOCKS)],
                 [(root["name"], root["retained_blocks"]) for root in why["roots"]
                  if root["name"] == "web"])
    checks.equal(f"{what}: by ways from", {"web"},
                 {path["path"][0]["name"] for path in why["paths"]})


def check_each(recording):
    """One behind the other: the first retains all, the last itself."""
    root = xml.etree.ElementTree.fromstring(
        seep("export", "--format=graphml", recording.path).stdout)
    nodes = [{data.get("key"): data.text for data in node.iter(GRAPHML + "data")}
             for node in root.iter(GRAPHML + "node")]
    found = sorted(int(node["retained"]) for node in nodes
                   if node["kind"] == "block" and int(node["bytes"]) == BLOCK_BYTES)
    checks.equal("a chain: blocks", BLOCKS, len(found))
    checks.equal("a chain: retained by each", [], [
        (i, retained) for i, retained in enumerate(found) if retained != BLOCK_BYTES * (i + 1)][:3])


def main():
    chain = record([target("web"), str(BLOCKS), "1"])
    check_whole("a chain", chain)
    check_each(chain)
    check_whole("a web", record([target("web"), str(BLOCKS), "3"]))
    checks.finish()


main()
