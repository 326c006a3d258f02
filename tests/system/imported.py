#!/usr/bin/env python3
"""`seep import`: what we export comes back with the same totals; files of the tools themselves have
the totals that those tools tell; damaged files get one line and status 2."""
import gzip
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from expecting import expect, is_failed
from recorded import SCRATCH, SEEP, clean_environment, run

DEMO = os.path.abspath("./examples/demo")
KEYS = ("allocations", "frees", "allocated_bytes", "freed_bytes", "live_blocks", "live_bytes",
        "peak_bytes")


def seep(*arguments):
    return run([SEEP, *arguments], cwd=SCRATCH, env=clean_environment())


def report(recording):
    done = seep("report", "--json", "--limit=0", recording)
    expect(f"{recording}: report", (done.returncode, done.stderr), (0, b""))
    return json.loads(done.stdout)


def imported(path, name):
    target = os.path.join(SCRATCH, name)
    done = seep("import", "-o", target, path)
    expect(f"{name}: status", (done.returncode, done.stdout.decode().strip()), (0, target))
    return report(target), done.stderr.decode()


def place_of(found, key):
    """Function and line of the site with most of a figure."""
    site = max(found["processes"][0]["sites"], key=lambda site: site[key])
    return site["stack"][0]["function"], site["stack"][0]["line"]


def check_round_trips(recording, totals):
    for form in ("heaptrack", "dhat", "massif"):
        path = os.path.join(SCRATCH, f"demo.{form}")
        expect(f"{form}: export", seep("export", f"--format={form}", "-o", path, recording).returncode,
               0)
        found, notes = imported(path, f"{form}.seep")
        back = found["processes"][0]["totals"]
        if form == "massif":
            expect("massif: says what it lacks", ("does not count calls" in notes, found["complete"]),
                   (True, False))
            expect("massif: live and peak", (back["live_bytes"], back["peak_bytes"]),
                   (totals["live_bytes"], totals["peak_bytes"]))
        else:
            expect(f"{form}: notes", (notes, found["complete"]), ("", True))
            expect(f"{form}: totals", [back[key] for key in KEYS], [totals[key] for key in KEYS])
        expect(f"{form}: the peak", place_of(found, "peak_bytes"), ("rebuild_index()", 64))
        expect(f"{form}: the rest", place_of(found, "live_bytes"), ("open_session(int)", 34))
    heaptrack = report(os.path.join(SCRATCH, "heaptrack.seep"))["processes"][0]["totals"]
    expect("heaptrack: temporary", heaptrack["temporary_allocations"],
           totals["temporary_allocations"])


def check_doors(recording):
    """Other commands take them; names of sites are those of our own recordings."""
    dhat = os.path.join(SCRATCH, "dhat.seep")
    done = seep("diff", "--json", recording, dhat)
    expect("diff", done.returncode, 0)
    changed = [row for process in json.loads(done.stdout)["sites"]
               for row in [process] if row["state"] in ("grown", "shrunk")]
    expect("diff: nothing grew", changed, [])
    leaks = json.loads(seep("leaks", "--json", dhat).stdout)
    expect("leaks are not known", leaks["processes"][0]["scan"]["done"], False)
    expect("check is inconclusive", seep("check", dhat).returncode, 3)
    expect("check of a peak", seep("check", "--max-peak=1k", dhat).returncode, 1)


def check_packed():
    with open(os.path.join(SCRATCH, "demo.heaptrack"), "rb") as file:
        plain = file.read()
    wanted = report(os.path.join(SCRATCH, "heaptrack.seep"))["processes"]
    with gzip.open(os.path.join(SCRATCH, "packed.gz"), "wb") as file:
        file.write(plain)
    expect("gzip", imported(os.path.join(SCRATCH, "packed.gz"), "gz.seep")[0]["processes"], wanted)
    if shutil.which("zstd"):
        run(["zstd", "-q", "-f", "demo.heaptrack", "-o", "packed.zst"], cwd=SCRATCH)
        expect("zstd", imported(os.path.join(SCRATCH, "packed.zst"), "zst.seep")[0]["processes"],
               wanted)
    for name in ("packed.gz", "packed.zst"):
        path = os.path.join(SCRATCH, name)
        if not os.path.exists(path):
            continue
        with open(path, "rb") as file:
            packed = file.read()
        with open(path, "wb") as file:
            file.write(packed[:-4])
        found, notes = imported(path, "cut.seep")
        expect(f"{name}: says that it is cut off", ("cut off" in notes, found["complete"]),
               (True, False))
    sized = re.sub(rb"(?m)^s (.*)$", lambda found: b"s %x %s" % (len(found[1]), found[1]), plain)
    sized = sized.replace(b"v 10400 2\n", b"v 10600 3\n", 1)
    expect("version 3 was made", sized != plain, True)
    with open(os.path.join(SCRATCH, "sized"), "wb") as file:
        file.write(sized)
    expect("version 3", imported(os.path.join(SCRATCH, "sized"), "sized.seep")[0]["processes"],
           wanted)


def check_heaptrack():
    if not shutil.which("heaptrack") or not shutil.which("heaptrack_print"):
        print("no heaptrack: its own recordings are not tried")
        return
    run(["heaptrack", "-o", "real", DEMO], cwd=SCRATCH, env=clean_environment())
    names = [name for name in os.listdir(SCRATCH) if name.startswith("real.")]
    if len(names) != 1:
        print("heaptrack cannot record here: not tried")
        return
    told = run(["heaptrack_print", "--disable-builtin-suppressions", "-f", names[0]],
               cwd=SCRATCH).stdout.decode()
    found, _ = imported(os.path.join(SCRATCH, names[0]), "real-heaptrack.seep")
    totals = found["processes"][0]["totals"]
    expect("heaptrack: calls",
           f"\ncalls to allocation functions: {totals['allocations']} (" in told, True)
    # To heaptrack each release of a block like its very first one is of a temporary block, when it
    # comes after another release.
    temporary = int(re.search(r"\ntemporary memory allocations: (\d+) ", told)[1])
    expect("heaptrack: temporary", 0 <= temporary - totals["temporary_allocations"] <= 10, True)
    function, line = place_of(found, "peak_bytes")
    expect("heaptrack: a site", (function.partition("(")[0], line), ("rebuild_index", 64))


def check_valgrind(tool, option):
    if not shutil.which("valgrind"):
        print("no valgrind: its own recordings are not tried")
        return
    path = os.path.join(SCRATCH, f"real.{tool}")
    done = run(["valgrind", f"--tool={tool}", f"{option}={path}", DEMO], cwd=SCRATCH,
               env=clean_environment())
    if done.returncode != 0:
        print(f"valgrind --tool={tool} cannot run here: not tried")
        return
    found, notes = imported(path, f"real-{tool}.seep")
    expect(f"{tool}: instructions are no times", "counts of instructions" in notes, True)
    expect(f"{tool}: the peak", place_of(found, "peak_bytes"), ("rebuild_index()", 64))
    if tool == "dhat":
        told = re.search(r"Total: +([\d,]+) bytes in ([\d,]+) blocks", done.stderr.decode())
        totals = found["processes"][0]["totals"]
        expect("dhat: totals", [totals["allocated_bytes"], totals["allocations"]],
               [int(number.replace(",", "")) for number in told.groups()])


# Two points, each of as much as there can be of something.
DHAT_SUM = b"""{"dhatFileVersion": 2, "mode": "heap", "ftbl": ["[root]", "0x1: a", "0x2: b"], "pps": [
    {"tb": 1, "tbk": 1, "%(key)s": 9223372036854775807, "fs": [1]},
    {"tb": 1, "tbk": 1, "%(key)s": 9223372036854775807, "fs": [2]}]}"""


def check_damage():
    """Cut at any place: an answer, and either a recording or one line."""
    bad = {"none": b"", "other": b"hello\n", "raw": b"v 10400 2\nx 5 /bin/true\n",
           "new": b"v 10400 9\n", "other v": b"v 1.0 2.0 3.0\nf 1 2 3\n", "stack": b"v 10400 2\nt 5 0\n", "free": b"v 10400 2\na 8 0\n- 0\n",
           "dhat": b'{"dhatFileVersion":2,"mode":"heap","ftbl":[],"pps":[{"tb":1,"fs":[7]}]}',
           **{f"dhat sum of {key}": DHAT_SUM % {b"key": key.encode()}
              for key in ("tbk", "tb", "gbk", "gb")},
           "heaptrack sum": b"v 10400 2\ns f\ni 1 1\nt 1 0\na 7fffffffffffffff 1\n+ 0\n- 0\n+ 0\n",
           "dhat json": b'{"dhatFileVersion":2,', "massif": b"desc: x\ncmd: y\ntime_unit: ms\nheap_tree=peak\nn1"}
    for form in ("heaptrack", "dhat", "massif"):
        with open(os.path.join(SCRATCH, f"demo.{form}"), "rb") as file:
            whole = file.read()
        for part in range(1, 12):
            bad[f"{form} cut {part}"] = whole[:len(whole) * part // 12 - 3]
    for name, content in bad.items():
        with open(os.path.join(SCRATCH, "bad"), "wb") as file:
            file.write(content)
        done = seep("import", "-f", "-o", "bad.seep", "bad")
        lines = done.stderr.count(b"\n")
        expect(f"bad {name}", (done.returncode in (0, 2), lines <= 1, b"cut" in name.encode() or
                               (done.returncode, lines) == (2, 1)), (True, True, True))
    for what, arguments in (("no file", ["none"]), ("a folder", ["."]), ("no name", []),
                            ("two", ["a", "b"]), ("wrong format", ["--format=dhat", "demo.heaptrack"])):
        expect(what, seep("import", *arguments).returncode, 2)
    first = seep("import", "demo.heaptrack")
    expect("a name of its own", (first.returncode, first.stdout), (0, b"demo.heaptrack.seep\n"))
    expect("it is not replaced", seep("import", "demo.heaptrack").returncode, 2)


def main():
    recording = os.path.join(SCRATCH, "demo.seep")
    done = subprocess.run([SEEP, "run", "-q", "-o", recording, DEMO], check=False,
                          stdout=subprocess.DEVNULL, env=clean_environment())
    expect("run", done.returncode, 0)
    totals = report(recording)["processes"][0]["totals"]
    check_round_trips(recording, totals)
    check_doors(recording)
    check_packed()
    check_heaptrack()
    check_valgrind("dhat", "--dhat-out-file")
    check_valgrind("massif", "--massif-out-file")
    check_damage()
    sys.exit(is_failed())


if __name__ == "__main__":
    main()
