#!/usr/bin/env python3
"""Runs the programs of tests/targets whose opening comment holds known answers, and compares every
figure that stands there.

known_answers.py [NAME...]: these targets; all of them without a name.

In the comment, below the line "Known answers", one block a run:

  run [--seep-option...] ARGUMENT...     the target's arguments; seep's own options in brackets
    status 3 | signal 9                  how `seep run` ends (default: status 0)
    output TEXT                          standard output, spaces and newlines as one space
    quality lost_events=1 complete=false (default: all zero, complete)
    processes 2                          how many (default: 1)
    process 1 exit=status:0 parent=0 ... the next lines are about process 1 (default: 0)
    totals allocations=3 ...
    site SELECTOR[/FUNCTION] frees=1 ... sums over sites; sites=N counts them
    depth SELECTOR frames=9 inner=6 omitted=4 NAME=3
                                         of one stack: frames kept, kept above what is left out,
                                         left out, and of those kept the ones called NAME
    sizes SELECTOR 64:3 128:1            blocks by the upper bound of their bucket
    lifetimes SELECTOR 1000000:5         blocks that lived for at least so many ns
    threads SELECTOR 5 7                 allocations by thread, sorted
    mapping SELECTOR[/FUNCTION] live_bytes=4096 count=1
    misuse KIND FUNCTION count=1         (default: none)
  program NAME                           what is run from here on (default: as the source is called)
    runs 3/20                            how often: in `make check` / in `./test all`

SELECTOR is explained in recorded.py. FUNCTION has dashes for spaces: operator-new. A value is a
number or a sum of products of numbers, of $NAMEs, for which the target printed "NAME NUMBER", and of
%lost, the lost events; `>=5` and `<=5` are bounds. Figures of a site are the report's and `events`,
which are births and frees.
"""
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import (IS_LONG, SOURCE, Checks, check_invariants, matches, names_of,
                      new_path, record, target)

QUALITY_ZEROS = ("lost_events", "unknown_frees", "missed_frees", "failed_unwinds", "bad_records",
                 "dropped_records", "truncated_stacks")


# A block whose birth or release was lost.
BROKEN_BY_LOSSES = ("unknown_frees", "missed_frees")


class Run:
    def __init__(self, program, options, arguments):
        self.program = program
        self.options = options
        self.arguments = arguments
        self.status = 0
        self.output = None
        self.quality = {}
        self.process_count = 1
        self.facts = []  # (process, kind, words)
        self.times = (1, 1)


def comment_of(path):
    with open(path, encoding="utf-8") as source:
        text = source.read()
    comment = text.partition("*/")[0]
    return [line.strip().lstrip("*").strip() for line in comment.splitlines()]


def parse_run(program, line):
    inside = re.search(r"\[([^\]]*)\]", line)
    rest = re.sub(r"\[[^\]]*\]", "", line)
    return Run(program, inside.group(1).split() if inside else [], rest.split()[1:])


def parse_answers(path):
    lines = comment_of(path)
    starts = [at for at, line in enumerate(lines) if line.startswith("Known answers")]
    if not starts:
        return []
    runs, process = [], 0
    program = os.path.splitext(os.path.basename(path))[0]
    for line in lines[starts[0] + 1:]:
        words = line.split()
        if not words:
            continue
        if words[0] == "run":
            runs.append(parse_run(program, line))
            process = 0
            continue
        if words[0] == "program":
            program = words[1]
            continue
        now = runs[-1]
        if words[0] == "status":
            now.status = int(words[1])
        elif words[0] == "signal":
            now.status = -int(words[1])
        elif words[0] == "output":
            now.output = words[1:]
        elif words[0] == "quality":
            now.quality.update(word.split("=", 1) for word in words[1:])
        elif words[0] == "processes":
            now.process_count = int(words[1])
        elif words[0] == "runs":
            now.times = tuple(int(times) for times in words[1].split("/"))
        elif words[0] == "process":
            process = int(words[1])
            now.facts.append((process, "process", words[2:]))
        elif words[0] in JUDGES:
            now.facts.append((process, words[0], words[1:]))
        else:
            raise ValueError(f"{path}: no such fact: {line}")
    return runs


class Answers:
    """One recording against one Run."""

    def __init__(self, checks, name, recording, wanted):
        self.checks, self.name = checks, name
        self.recording, self.wanted = recording, wanted
        words = recording.stdout.decode(errors="replace").split()
        self.printed = {word: words[at + 1] for at, word in enumerate(words[:-1])
                        if words[at + 1].isdigit()}
        self.dumped = None

    def value(self, text):
        text = text.replace("%lost", str(self.recording.report["quality"]["lost_events"]))
        text = re.sub(r"\$(\w+)", lambda found: self.printed[found.group(1)], text)
        if not re.fullmatch(r"[0-9+*()-]+", text):
            raise ValueError(f"{self.name}: not a number: {text}")
        return eval(text)  # digits and operators alone

    def compare(self, what, text, got):
        what = f"{self.name}: {what}"
        if text in ("true", "false", "null"):
            self.checks.equal(what, {"true": True, "false": False, "null": None}[text], got)
        elif text[:2] == ">=":
            self.checks.true(what, got >= self.value(text[2:]), f"{got} is not {text}")
        elif text[:2] == "<=":
            self.checks.true(what, got <= self.value(text[2:]), f"{got} is not {text}")
        else:
            self.checks.equal(what, self.value(text), got)

    def compare_all(self, what, words, figures):
        for word in words:
            key, text = re.split("=", word, maxsplit=1)
            self.compare(f"{what}: {key}", text, figures[key])

    def records(self, kind):
        if self.dumped is None:
            self.dumped = self.recording.dump()
        return [fields for of, fields in self.dumped if of == kind]

    def stack_of(self, node):
        """The stack of a node in the dump, as the report has stacks."""
        if not hasattr(self, "nodes"):
            self.nodes = {each["id"]: each for each in self.records("stack_node")}
            self.texts = {each["id"]: each["text"] for each in self.records("string")}
            self.symbols = {each["frame_id"]: each["entries"] for each in self.records("symbol")}
        stack = []
        while node:
            entries = self.symbols.get(self.nodes[node]["frame_id"], [0, 0, 0, 0])
            for at in range(0, len(entries), 4):
                stack.append({"function": self.texts.get(entries[at]),
                              "inlined": bool(entries[at + 3])})
            node = self.nodes[node]["parent_id"]
        return stack

    def dumped_sites(self, process, selector):
        return [site for site in self.records("site") if site["process_id"] == process and
                matches(selector, self.stack_of(site["stack_node_id"]))]

    # ---- one method a kind of fact

    def judge_process(self, process, words):
        about = self.recording.process(process)
        for word in words:
            key, text = word.split("=", 1)
            if key == "exit":
                kind, _, number = text.partition(":")
                self.checks.equal(f"{self.name}: exit", {kind: self.value(number) if number
                                                         else True}, about["exit"])
            elif key == "executable":
                self.checks.equal(f"{self.name}: executable", text,
                                  os.path.basename(about["executable"]))
            elif key == "reason":
                self.checks.true(f"{self.name}: reason", text in (about["reason"] or ""),
                                 about["reason"])
            else:
                key = {"parent": "parent_id"}.get(key, key)
                self.compare(f"process {process}: {key}", text, about[key])

    def judge_totals(self, process, words):
        self.compare_all(f"process {process}", words, self.recording.process(process)["totals"])

    def judge_site(self, process, words):
        selector, _, function = words[0].partition("/")
        found = [site for site in self.recording.process(process)["sites"]
                 if matches(selector, site["stack"]) and
                 (not function or site["allocation_function"].replace(" ", "-") == function)]
        keys = [word.split("=")[0] for word in words[1:]]
        figures = {key: sum(site[key] for site in found) for key in keys
                   if key not in ("sites", "events")}
        figures["sites"] = len(found)
        figures["events"] = sum(site["allocations"] + site["frees"] for site in found)
        self.compare_all(f"process {process}: {words[0]}", words[1:], figures)

    def judge_depth(self, process, words):
        sites = [site for site in self.recording.process(process)["sites"]
                 if matches(words[0], site["stack"])]
        self.checks.equal(f"{self.name}: sites of {words[0]}", 1, len(sites))
        stack = [frame for frame in sites[0]["stack"] if not frame["inlined"]]
        gaps = [at for at, frame in enumerate(stack) if frame["kind"] == "unknown"]
        omitted = sum(int(re.search(r"\d+", stack[at]["function"]).group()) for at in gaps)
        figures = {"frames": len(stack) - len(gaps), "inner": gaps[0] if gaps else len(stack),
                   "omitted": omitted}
        for word in words[1:]:
            name = word.split("=")[0]
            figures.setdefault(name, names_of(stack).count(name))
        self.compare_all(words[0], words[1:], figures)

    def judge_sizes(self, process, words):
        found = {}
        for site in self.dumped_sites(process, words[0]):
            pairs = site["size_histogram"]
            for at in range(0, len(pairs), 2):
                found[2 ** pairs[at]] = found.get(2 ** pairs[at], 0) + pairs[at + 1]
        wanted = dict(tuple(map(int, word.split(":"))) for word in words[1:])
        self.checks.equal(f"{self.name}: sizes of {words[0]}", wanted, found)

    def judge_lifetimes(self, process, words):
        for word in words[1:]:
            bound, _, count = word.partition(":")
            got = 0
            for site in self.dumped_sites(process, words[0]):
                pairs = site["lifetime_histogram"]
                got += sum(pairs[at + 1] for at in range(0, len(pairs), 2)
                           if 2 ** pairs[at] >= int(bound))
            self.compare(f"{words[0]} that lived for {bound} ns", count, got)

    def judge_threads(self, process, words):
        found = {}
        for site in self.dumped_sites(process, words[0]):
            for at in range(0, len(site["threads"]), 7):
                thread, allocations = site["threads"][at:at + 2]
                found[thread] = found.get(thread, 0) + allocations
        self.checks.equal(f"{self.name}: threads of {words[0]}",
                          sorted(self.value(word) for word in words[1:]), sorted(found.values()))

    def judge_mapping(self, process, words):
        selector, _, function = words[0].partition("/")
        found = [site for site in self.recording.process(process)["mappings"]
                 if matches(selector, site["stack"]) and
                 (not function or site["function"] == function)]
        keys = [word.split("=")[0] for word in words[1:]]
        figures = {key: sum(site[key] for site in found) for key in keys}
        self.compare_all(f"process {process}: {words[0]}", words[1:], figures)

    def judge_misuse(self, process, words):
        found = [each for each in self.recording.process(process)["misuse"]
                 if each["kind"] == words[0] and each["function"].replace(" ", "-") == words[1]]
        self.compare_all(f"process {process}: misuse {words[0]}", words[2:],
                         {"count": sum(each["count"] for each in found)})

    def judge_quality(self):
        report, wanted = self.recording.report, dict(self.wanted.quality)
        lost = report["quality"]["lost_events"]
        self.compare("complete", wanted.pop("complete", "false" if lost else "true"),
                     report["complete"])
        self.compare("finished", wanted.pop("finished", "true"), report["quality"]["finished"])
        for key in QUALITY_ZEROS:
            wanted.setdefault(key, "0" if not lost or key not in BROKEN_BY_LOSSES else ">=0")
        for key, text in wanted.items():
            self.compare(f"quality: {key}", text, report["quality"][key])

    def judge(self):
        self.checks.equal(f"{self.name}: status", self.wanted.status, self.recording.status)
        if self.recording.stderr:
            print(f"{self.name}: stderr: {self.recording.stderr.decode(errors='replace')}")
        if self.wanted.output is not None:
            self.checks.equal(f"{self.name}: output", self.wanted.output,
                              self.recording.stdout.decode().split())
        if not os.path.exists(self.recording.path):
            self.checks.true(f"{self.name}: a recording", False)
            return
        self.judge_quality()
        check_invariants(self.checks, self.name, self.recording.report)
        processes = self.recording.report["processes"]
        self.checks.equal(f"{self.name}: processes", self.wanted.process_count, len(processes))
        if self.wanted.process_count != len(processes):
            return
        for process, kind, words in self.wanted.facts:
            JUDGES[kind](self, process, words)
        for process in processes:
            is_told = any(kind == "misuse" and of == process["id"]
                          for of, kind, _ in self.wanted.facts)
            has_lost = self.recording.report["quality"]["lost_events"] != 0
            self.checks.true(f"{self.name}: misuse",
                             is_told or has_lost or not process["misuse"], process["misuse"])


JUDGES = {
    "process": Answers.judge_process,
    "totals": Answers.judge_totals,
    "site": Answers.judge_site,
    "depth": Answers.judge_depth,
    "sizes": Answers.judge_sizes,
    "lifetimes": Answers.judge_lifetimes,
    "threads": Answers.judge_threads,
    "mapping": Answers.judge_mapping,
    "misuse": Answers.judge_misuse,
}


def judge_run(work):
    checks, wanted = work
    name = wanted.program
    label = " ".join([name, *wanted.options, *wanted.arguments])
    folder = new_path(".folder")
    os.mkdir(folder)
    recording = record([target(name), *wanted.arguments], wanted.options, cwd=folder)
    try:
        Answers(checks, label, recording, wanted).judge()
    except (AssertionError, KeyError, ValueError) as trouble:
        checks.true(label, False, repr(trouble))
    if os.path.exists(recording.path):
        os.unlink(recording.path)


def main():
    folder = os.path.join(SOURCE, "tests/targets")
    names = sys.argv[1:]
    work, checks = [], Checks()
    for file in sorted(os.listdir(folder)):
        name, suffix = os.path.splitext(file)
        if suffix not in (".c", ".cpp") or (names and name not in names):
            continue
        for wanted in parse_answers(os.path.join(folder, file)):
            work += [(checks, wanted)] * wanted.times[IS_LONG]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(judge_run, work))
    checks.true("there are known answers", work)
    checks.finish()


main()
