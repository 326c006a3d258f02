#!/usr/bin/python3
"""One block as `seep graph --block` shows it: its links, members and words, where the recording has
them; all that tests/targets/worded.c says."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from graphed import TARGETS, ask, expect, is_failed, record, seep

MEMBERS = [("name", 0, '"north \\"4\\""'), ("number", 16, "-7"), ("flags", 20, "c8 00 01 ff"),
           ("load", 24, "0.5"), ("place.x", 32, "-1"), ("place.y", 40, "40000000000")]
WORDS = b'north "4"'.ljust(16, b"\0") + (-7).to_bytes(4, "little", signed=True) + bytes([200, 0, 1, 255])


def block_of(recording, word, *options):
    return ask(recording, f"--block={word}", *options)["processes"][0]["block"]


def check_station(recording):
    plain = seep("graph", "--why=station", recording)
    expect("why", plain.returncode, 0)
    found = block_of(recording, "station")
    members = {member["member"]: member for member in found["members"]}
    expect("type and size", (found["type"], found["bytes"], found["retained_blocks"],
                             found["retained_bytes"]), ("station", 176, 2, 352))
    expect("way", [link["name"] for link in found["way"]], ["station in worded", "this block"])
    expect("referents", [(link["slot"], link["name"].split()[0]) for link in found["referents"]],
           [("+48 next", "station"), ("+56 middle", "station")])
    for name, offset, value in MEMBERS:
        expect(name, (members[name]["offset"], members[name]["value"]), (offset, value))
    for name, place in (("next", 0), ("middle", 24)):
        expect(name, (members[name]["block"], members[name]["block_offset"]),
               (found["referents"][0]["address"], place))
    expect("act", (members["act"]["block"], os.path.basename(members["act"]["module"])),
           (None, "worded"))
    expect("none", (members["none"]["value"], members["none"]["block"]), ("null", None))
    expect("tail", [members[f"tail[{i}]"]["value"] for i in range(12)],
           [str(i + 1) for i in range(12)])
    words = bytes.fromhex(found["words"])
    expect("words", (len(words), words[:24], words[-8:]),
           (176, WORDS, (12).to_bytes(8, "little")))
    second = block_of(recording, members["next"]["block"])
    expect("by its address", (second["address"], second["members"][0]["value"]),
           (members["next"]["block"], '"south"'))
    middle = f"{int(second['address'], 16) + 24:#x}"
    expect("by an address within", block_of(recording, middle)["address"], second["address"])


def check_text(recording):
    lines = seep("graph", "--block=station", recording).stdout
    for line in ("  +16 number                    -7 (int)\n",
                 "  +32 place.x                   -1 (long int)\n", "Words: 176 bytes\n",
                 '  0000  6e 6f 72 74 68 20 22 34  22 00 00 00 00 00 00 00  north "4".......\n'):
        expect(f"text: {line!r}", line in lines, True)
    text = seep("graph", "--block=^main$", recording).stdout  # that retains most: `plain`
    expect("equal rows", text.endswith(
        "Words: the first 256 of 1,000 bytes\n"
        "  0000  61 62 61 62 61 62 61 62  61 62 61 62 61 62 61 62  abababababababab\n  *\n"
        "  00f0  61 62 61 62 61 62 61 62  61 62 61 62 61 62 61 62  abababababababab\n"), True)


def check_limits(folder):
    """What is kept is what was asked for, and without being asked nothing is."""
    few = block_of(record(folder, f"{TARGETS}/worded", "--contents=20"), "station")
    expect("twenty bytes", few["words"], WORDS[:20].hex())
    expect("members of them", [member["value"] for member in few["members"]][:4],
           ['"north \\"4\\""', "-7", None, None])
    expect("pointers without words",
           [member["block"] for member in few["members"] if member["member"] == "next"],
           [few["referents"][0]["address"]])
    recording = record(folder, f"{TARGETS}/worded")
    none = block_of(recording, "station")
    expect("nothing", (none["words"], {member["value"] for member in none["members"]}),
           (None, {None}))
    expect("what to do", "not kept (seep run --contents keeps them)" in
           seep("graph", "--block=station", recording).stdout, True)
    with open(recording, "rb") as file:
        expect("no trace of it", b"south" in file.read(), False)
    for word in ("0x10", "nobody_is_called_so", "("):
        expect(f"--block={word}", seep("graph", f"--block={word}", recording).returncode, 2)
    done = seep("run", "-q", "--contents=2M", "-o", f"{folder}/x.seep", "/bin/true")
    expect("too many", (done.returncode, "at most 1 MiB" in done.stderr), (125, True))


def main():
    with tempfile.TemporaryDirectory() as folder:
        recording = record(folder, f"{TARGETS}/worded", "--contents")
        check_station(recording)
        check_text(recording)
        check_limits(folder)
    return is_failed()


sys.exit(main())
