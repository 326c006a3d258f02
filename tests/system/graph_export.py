#!/usr/bin/python3
"""What `seep export` writes of an object graph is read back: a heap snapshot's retained sizes are
worked out anew, from its nodes and edges alone, and must be those of `seep graph`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from graphed import DEMO, TARGETS, ask, expect, is_failed, record, seep


class HeapSnapshot:
    """As DevTools reads it: rows of the fields that `meta` names."""

    def __init__(self, text):
        document = json.loads(text)
        meta = document["snapshot"]["meta"]
        expect("order of keys", list(document),
               ["snapshot", "nodes", "edges", "trace_function_infos", "trace_tree", "samples",
                "locations", "strings"])
        self.strings = document["strings"]
        self.functions = self.rows(document["trace_function_infos"],
                                   meta["trace_function_info_fields"])
        self.nodes = self.rows(document["nodes"], meta["node_fields"])
        self.trace_tree = document["trace_tree"]
        edges = self.rows(document["edges"], meta["edge_fields"])
        expect("node_count", len(self.nodes), document["snapshot"]["node_count"])
        expect("edge_count", len(edges), document["snapshot"]["edge_count"])
        expect("edges of all nodes", sum(node["edge_count"] for node in self.nodes), len(edges))
        expect("ids differ", len({node["id"] for node in self.nodes}), len(self.nodes))
        width = len(meta["node_fields"])
        self.targets, at = [], 0
        for node in self.nodes:
            row = edges[at:at + node["edge_count"]]
            at += node["edge_count"]
            self.targets.append([edge["to_node"] // width for edge in row])
            expect("whole rows", [edge for edge in row if edge["to_node"] % width], [])
        for node in self.nodes:
            node["name"] = self.strings[node["name"]]

    @staticmethod
    def rows(numbers, fields):
        width = len(fields)
        expect("whole rows", len(numbers) % width, 0)
        return [dict(zip(fields, numbers[i:i + width])) for i in range(0, len(numbers), width)]

    def reached(self, without=None):
        seen, stack = {0}, [0]
        while stack:
            for target in self.targets[stack.pop()]:
                if target not in seen and target != without:
                    seen.add(target)
                    stack.append(target)
        return seen

    def retained(self, name):
        """What is not reached without the node of this name."""
        found = [i for i, node in enumerate(self.nodes) if node["name"] == name]
        expect(f"nodes named {name}", len(found), 1)
        lost = self.reached() - self.reached(found[0])
        return sum(self.nodes[i]["self_size"] for i in lost)

    def stack_of(self, node):
        """Functions, outermost first, of the node's place in the trace tree."""
        def find(tree, above):
            path = above + [self.strings[self.functions[tree[1]]["name"]]]
            if tree[0] == node["trace_node_id"]:
                return path
            children = tree[4]
            for i in range(0, len(children), 5):
                found = find(children[i:i + 5], path)
                if found:
                    return found
            return None
        return find(self.trace_tree, [])


def check_heapsnapshot(recording):
    text = seep("export", "--format=heapsnapshot", recording).stdout
    snapshot = HeapSnapshot(text)
    expect("all is reached", len(snapshot.reached()), len(snapshot.nodes))
    expect("sizes", sum(node["self_size"] for node in snapshot.nodes), 2220704)
    expect("sessions", snapshot.retained("sessions in demo"), 500 * 4096)
    expect("lost", snapshot.retained("lost"), 100000)
    session = next(node for node in snapshot.nodes if node["self_size"] == 4096)
    expect("its type", session["name"], "Session")
    stack = [name.split("(")[0] for name in snapshot.stack_of(session)]
    expect("an allocation stack", stack[-3:], ["main", "answer", "open_session"])
    again = HeapSnapshot(seep("export", "--format=heapsnapshot", recording + "@snapshot:1").stdout)
    ids = {node["id"] for node in snapshot.nodes if node["self_size"] == 4096}
    expect("ids stay", {node["id"] for node in again.nodes if node["self_size"] == 4096}, ids)


def check_all_roots(recording):
    """Also where variables that retain nothing alone hold what others hold too."""
    process = ask(recording, "--limit=0")["processes"][0]
    snapshot = HeapSnapshot(seep("export", "--format=heapsnapshot", recording).stdout)
    expect("all bytes", sum(snapshot.nodes[i]["self_size"] for i in snapshot.reached()),
           process["bytes"])
    for root in process["roots"]:
        name = root["name"]
        place = os.path.basename(root["module"] or "")
        if place and not name.endswith(f" of {place}"):
            name += " in " + place
        expect(f"what {name} retains", snapshot.retained(name), root["retained_bytes"])


def check_dot(recording):
    for options in ([], ["--focus=open_session"], ["--limit=3"]):
        text = seep("export", "--format=dot", *options, recording).stdout
        expect(f"dot {options}", "sessions in demo" in text or options == ["--limit=3"], True)
        if shutil.which("dot"):
            plain = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True,
                                   timeout=120, check=False)
            expect(f"dot reads it {options}", (plain.returncode, plain.stderr), (0, ""))
            nodes = [line for line in plain.stdout.splitlines() if line.startswith("node ")]
            if not options:
                expect("nodes of dot", len(nodes) > 5, True)
        else:
            print("graphviz is not installed: its reading was not tried")
    text = seep("export", "--format=dot", recording).stdout
    expect("types in dot", "Session" in text, True)
    expect("retained in dot", "retained=2048000" in text, True)


def check_graphml(recording):
    name = "{http://graphml.graphdrawing.org/xmlns}"
    root = xml.etree.ElementTree.fromstring(
        seep("export", "--format=graphml", recording).stdout)
    nodes = {}
    for node in root.iter(name + "node"):
        nodes[node.get("id")] = {data.get("key"): data.text for data in node.iter(name + "data")}
    blocks = [node for node in nodes.values() if node["kind"] == "block"]
    expect("blocks of GraphML", (len(blocks), sum(int(node["bytes"]) for node in blocks)),
           (601, 2220704))
    expect("retained of GraphML", [node["retained"] for node in nodes.values()
                                   if node["name"] == "sessions in demo"], ["2048000"])
    expect("types of GraphML", len([node for node in blocks if node["name"] == "Session"]), 500)
    edges = [edge for edge in root.iter(name + "edge")
             if edge.get("source") not in nodes or edge.get("target") not in nodes]
    expect("edges that lead nowhere", edges, [])


def check_flamegraph(recording):
    root = xml.etree.ElementTree.fromstring(
        seep("export", "--format=graph-flamegraph", recording).stdout)
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    expect("flame graph", [title for title in titles if title.startswith("sessions in demo")],
           ["sessions in demo retains 500 blocks: 2.0 MiB (2048000 bytes), 92.22 %"])
    expect("types in it", any("Session" in title for title in titles), True)


def check_page(recording):
    text = seep("export", "--format=html", recording).stdout
    expect("types in the page's suspects",
           ('"sessions: Session *"' in text, "a Session of " in text), (True, True))


def main():
    with tempfile.TemporaryDirectory() as folder:
        recording = record(folder, DEMO)
        ask(recording)
        check_heapsnapshot(recording)
        for target in ("typed", "typed_cxx"):
            check_all_roots(record(folder, f"{TARGETS}/{target}"))
        check_dot(recording)
        check_graphml(recording)
        check_flamegraph(recording)
        check_page(recording)
        for arguments in (["--focus=("], ["--focus=nobody_is_called_so"], ["--at=snapshot:9"],
                          ["--process=7"]):
            expect(f"{arguments}", seep("export", "--format=dot", *arguments,
                                        recording).returncode, 2)
        expect("a snapshot is a time for a heap's format",
               seep("export", "--format=folded", recording + "@snapshot:0").returncode, 0)
        expect("one that there is not",
               seep("export", "--format=folded", recording + "@snapshot:9").returncode, 2)
    return is_failed()


sys.exit(main())
