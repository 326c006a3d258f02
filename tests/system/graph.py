#!/usr/bin/python3
"""The object graph of examples/demo.cpp: its sessions hang from one variable, in a list; what
remember_caller() forgot hangs from nothing."""

import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from graphed import DEMO, ask, check_schema, expect, is_failed, record, seep


def main():
    with tempfile.TemporaryDirectory() as folder:
        recording = record(folder, DEMO)
        document = ask(recording)
        process = document["processes"][0]
        roots = {root["name"]: root for root in process["roots"]}
        expect("blocks", (process["blocks"], process["bytes"]), (601, 2220704))
        expect("sessions", (roots["sessions"]["kind"], roots["sessions"]["retained_blocks"],
                            roots["sessions"]["retained_bytes"], roots["sessions"]["module"]),
               ("global", 500, 500 * 4096, DEMO))
        expect("lost", (roots["lost"]["kind"], roots["lost"]["retained_blocks"],
                        roots["lost"]["retained_bytes"]), ("lost", 100, 100000))
        site = process["sites"][0]
        expect("site", (site["stack"][0]["function"], site["blocks"], site["bytes"],
                        site["retained_bytes"]), ("open_session(int)", 500, 2048000, 2048000))
        module = process["modules"][0]
        expect("module", (module["name"], module["blocks"], module["retained_bytes"]),
               (DEMO, 600, 2148000))
        suspect = process["suspects"][0]
        expect("suspect", (suspect["retained_bytes"], round(suspect["share"], 3),
                           suspect["path"][0]["name"]), (2048000, 0.922, "sessions"))
        expect("suspect's words", suspect["text"].startswith("sessions in demo retains 2.0 MiB"),
               True)
        why = ask(recording, "--why=^open_session")
        paths = why["processes"][0]["paths"]
        expect("why", [(path["blocks"], path["share"],
                        [(step["name"], step["type"]) for step in path["path"]]) for path in paths],
               [(500, 1.0, [("sessions", "Session *"), ("open_session(int)", "Session")])])
        kind = why["processes"][0]["paths_by_kind"][0]
        expect("by kind", (kind["kind"], kind["blocks"], kind["bytes"], kind["share"],
                           kind["different_paths"], kind["path_blocks"], kind["path"][0]["name"]),
               ("global", 500, 2048000, 1.0, 1, 500, "sessions"))
        types = {row["name"]: row for row in process["types"]}
        expect("type", (types["Session"]["source"], types["Session"]["confidence"],
                        types["Session"]["blocks"], types["Session"]["retained_bytes"]),
               ("dwarf", "sure", 500, 2048000))
        expect("type of the site", process["sites"][0]["type"], "Session")
        text = seep("graph", "--why=remember_caller", recording).stdout
        expect("why lost", "100.0 %" in text and "    lost\n" in text, True)
        text = seep("graph", recording).stdout
        drawn = seep("graph", "--tree", recording + "@end").stdout
        expect("tree", "  sessions in demo\n" in drawn and "    500 x Session\n" in drawn, True)
        tree = ask(recording, "--tree")
        nodes = tree["processes"][0]["tree"]
        expect("tree's nodes", [(node["parent"], node["kind"], node["name"], node["retained_blocks"])
                                for node in nodes[:2]],
               [(None, "root", "sessions", 500), (0, "blocks", "Session", 500)])
        expect("held by", [(node["parent"], node["kind"], node["name"], node["chain"])
                           for node in why["processes"][0]["held_by"]],
               [(None, "blocks", "Session", 500), (0, "root", "sessions", None)])
        expect("instant", tree["instant"], "snapshot:0")
        expect("the same by its number", seep("graph", "--tree", recording + "@snapshot:0").stdout,
               drawn)
        expect("text", "  sessions in demo\n" in text, True)
        expect("the same again", seep("graph", recording).stdout, text)
        difference = json.loads(seep("diff", "--json", f"{recording}@snapshot:0",
                                     f"{recording}@snapshot:1").stdout)
        check_schema(difference, "diff")
        sessions = [root for root in difference["roots"] if root["name"] == "sessions"][0]
        expect("difference", (sessions["change"], sessions["survived"], sessions["added"]["blocks"],
                              sessions["freed"]["blocks"]),
               (0, {"blocks": 500, "bytes": 2048000}, 0, 0))
        by_type = {row["name"]: row for row in difference["types"]}
        expect("difference by type", tuple(by_type["Session"][key] for key in (
            "state", "base_blocks", "new_bytes", "survived")),
               ("same", 500, 2048000, {"blocks": 500, "bytes": 2048000}))
        expect("a snapshot and an end",
               seep("diff", f"{recording}@snapshot:0", recording).returncode, 2)
        for arguments in (["--why=("], ["--snapshot=77"], ["--at=peak"], ["--at=snapshot:x"], ["--process=9"]):
            expect(f"{arguments}", seep("graph", *arguments, recording).returncode, 2)
    return is_failed()


sys.exit(main())
