#!/usr/bin/env python3
"""What the viewer tells of the flame graph and of leaks is what report --json and leaks --json say, on
tests/targets/lost.c. Also: --screen begins with that screen, and what S has written silences the
leak for `seep leaks` too."""
import json
import os
import re
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SEEP, TARGETS, Checks, clean_environment, new_path, record, run, target

ROWS, COLUMNS = 40, 200
KINDS = ("definite", "indirect", "possible", "reachable", "suppressed")
checks = Checks()


def view(path, *steps, options=(), rows=ROWS, columns=COLUMNS):
    """Plays the steps; every "save" of them gives a screen, as a list of lines."""
    folder = new_path("screens")
    os.mkdir(folder)
    lines, saved = [], []
    for step in steps:
        if step == "save":
            saved.append(os.path.join(folder, f"screen{len(saved)}"))
            step = f":save-display {saved[-1]}"
        lines.append(step)
    script = os.path.join(folder, "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    environment = clean_environment()
    environment.update(SEEP_SCRIPT=script, LINES=str(rows), COLUMNS=str(columns), TERM="dumb")
    finished = run([SEEP, "view", *options, path], env=environment, cwd=folder)
    checks.equal("the viewer ends well", (0, ""), (finished.returncode, finished.stderr.decode()))
    screens = []
    for name in saved:
        with open(name, encoding="utf-8") as file:
            screens.append(file.read().split("\n"))
    return screens


def read_json(*arguments):
    finished = run([SEEP, *arguments])
    checks.equal(f"{arguments[0]} ends well", 0, finished.returncode)
    return json.loads(finished.stdout)["processes"][0]


def size(count):
    """Bytes as they are shown."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 99 * 1024 else f"{count / 1024:.0f} KiB"


# ---- leaks ----

def rows_of(screen):
    """Headings as {kind: (bytes, blocks)}, leaks as sorted (kind, bytes, blocks, with it)."""
    headings, leaks = {}, []
    for line in screen:
        found = re.match(r"^[ >]([-+. ]) ?\s*(\w+)\s+([\d.]+ \S+)\s+([\d,]+)(?:\s+([\d.]+ K?i?B))?\s",
                         line)
        if not found:
            continue
        mark, kind, bytes_, blocks, indirect = found.groups()
        if mark != " ":
            headings[kind] = (bytes_, blocks)
        else:
            leaks.append(("definite" if kind == "cycle" else kind, bytes_, blocks, indirect or ""))
    return headings, sorted(leaks)


def check_leaks(path, options=()):
    process = read_json("leaks", "--json", "--kinds=all", "--limit=0", *options, path)
    screen, = view(path, "key E", "save", options=["--screen=leaks", *options])
    headings, leaks = rows_of(screen)
    for kind in KINDS:
        told = process["summary"][kind]
        checks.equal(f"sum of {kind}", (size(told["bytes"]), f"{told['blocks']:,}"), headings[kind])
    wanted = sorted((leak["kind"], size(leak["bytes"]), f"{leak['blocks']:,}",
                     size(leak["indirect_bytes"]) if leak["indirect_bytes"] else "")
                    for leak in process["leaks"])
    checks.equal("leaks", wanted, leaks)
    return process


def check_suppressing(path):
    """The first definite leak is suppressed, for the viewer and for whoever else reads the file."""
    file = new_path("known.supp")
    view(path, "key 5 Home E Down", f":suppress lsan {file}", "save")
    before = read_json("leaks", "--json", "--kinds=all", path)["summary"]
    after = check_leaks(path, [f"--suppressions={file}"])["summary"]
    checks.equal("suppressed blocks", True,
                 after["suppressed"]["blocks"] > before["suppressed"]["blocks"])
    checks.equal("blocks in all", sum(before[kind]["blocks"] for kind in KINDS),
                 sum(after[kind]["blocks"] for kind in KINDS))


# ---- flame graph ----

def path_of_largest(process):
    """From the root down: at each step the first child, which is the largest."""
    nodes = process["tree"]["nodes"]
    path = [nodes[0]]
    while True:
        children = [node for node in nodes if node["parent_id"] == path[-1]["id"]]
        if not children:
            return path
        path.append(children[0])


def check_cell(node, whole, figures, name):
    live = node["inclusive"]["live_bytes"]
    shown = name.split("  ")[0].strip()
    if node["function"] is not None or node["parent_id"] is None:
        checks.equal("function", node["function"] or "all", shown)
    else:  # a place in a module without symbols
        checks.true("no function", "+0x" in shown, shown)
    wanted = f"{size(live)} live, {100 * live / whole:.1f} % of all"
    itself = node["self"]["live_bytes"]
    if itself:
        wanted += f"; itself {size(itself)}"
    wanted += f"; {node['inclusive']['allocations']:,} calls"
    checks.equal(f"figures of {node['function']}", wanted, figures.strip())


def check_flame(path, direction, turn):
    process = read_json("report", "--json", direction, "--sort=live", path)
    steps = ["key 4", turn, "key Home", "save"] if turn else ["key 4", "save"]
    wanted = path_of_largest(process)
    for _ in wanted[1:]:
        steps += ["key Down", "save"]
    screens = view(path, *steps)
    whole = wanted[0]["inclusive"]["live_bytes"]
    checks.equal("a cell for each", len(wanted), len(screens))
    for node, screen in zip(wanted, screens):
        check_cell(node, whole, screen[ROWS - 5], screen[ROWS - 4])


def main():
    recording = record([target("lost"), "nine", TARGETS])
    check_leaks(recording.path)
    check_suppressing(recording.path)
    cycle = record([target("lost"), "cycle", TARGETS])
    check_leaks(cycle.path)
    check_flame(cycle.path, "--tree", None)
    check_flame(recording.path, "--bottom-up", "key x")
    checks.finish()


main()
