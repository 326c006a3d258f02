#!/usr/bin/env python3
"""Files with damaged debug information, symbols and unwind tables: some hundreds of libraries that a
recorded program loads, and of debug files that `seep symbolize` is given. What may be lost is names:
the program runs as ever, every allocation counts, nothing crashes, and what is not damaged keeps its
names. The damage is the same in every run."""
import json
import os
import random
import shutil
import struct
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import IS_LONG, SCRATCH, Checks, check_invariants, record, run, seep, target

checks = Checks()
HOST = target("host")
LIBRARY_COUNT = 600 if IS_LONG else 300
DEBUG_FILE_COUNT = 400 if IS_LONG else 100
SEED = 20000


def sections_of(data):
    """(name, offset, size) of an ELF file that is whole."""
    table, = struct.unpack_from("<Q", data, 40)
    entry_bytes, count, names_index = struct.unpack_from("<HHH", data, 58)
    entries = [struct.unpack_from("<IIQQQQ", data, table + i * entry_bytes) for i in range(count)]
    names = entries[names_index][4]
    return [(data[names + entry[0]:data.index(b"\0", names + entry[0])].decode(), entry[4],
             entry[5]) for entry in entries if entry[1] not in (0, 8)]


def end_of_loaded(data):
    """What the loader maps ends here."""
    table, = struct.unpack_from("<Q", data, 32)
    entry_bytes, count = struct.unpack_from("<HH", data, 54)
    ends = [0]
    for i in range(count):
        kind, _, offset, _, _, file_bytes = struct.unpack_from("<IIQQQQ", data,
                                                               table + i * entry_bytes)
        ends.append(offset + file_bytes if kind == 1 else 0)
    return max(ends)


class Damage:
    """Damages a file in one of several ways, never what the loader itself needs."""

    def __init__(self, data, is_loaded):
        self.data = data
        self.start = end_of_loaded(data) if is_loaded else 64
        self.sections = [section for section in sections_of(data)
                         if section[2] and (section[1] >= self.start or
                                            section[0] in (".eh_frame", ".eh_frame_hdr"))]

    def of(self, number):
        chance = random.Random(SEED + number)
        ways = (self.bits, self.cut, self.section, self.header, self.ones, self.words)
        data = bytearray(self.data)
        return bytes(ways[number % len(ways)](data, chance))

    def bits(self, data, chance):
        for _ in range(1 + chance.randrange(40)):
            data[chance.randrange(self.start, len(data))] ^= 1 << chance.randrange(8)
        return data

    def cut(self, data, chance):
        return data[:chance.randrange(self.start, len(data))]

    def section(self, data, chance):
        """Noise in one section: mostly debug information, sometimes unwind tables."""
        _, offset, size = chance.choice(self.sections)
        for _ in range(1 + chance.randrange(60)):
            data[offset + chance.randrange(size)] = chance.choice((0, 1, 0x7f, 0x80, 0xff,
                                                                   chance.randrange(256)))
        return data

    def header(self, data, chance):
        """A section header with an offset, size, link or entry size that cannot be."""
        table, = struct.unpack_from("<Q", data, 40)
        entry = table + 64 * chance.randrange(struct.unpack_from("<H", data, 60)[0])
        value = chance.choice((0, 1, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff,
                               len(data) - 1, chance.getrandbits(40)))
        field = chance.choice((8, 24, 32, 48, 56))
        struct.pack_into("<Q", data, entry + field, value)
        return data

    def ones(self, data, chance):
        """A run of lengths that never end."""
        _, offset, size = chance.choice(self.sections)
        start = chance.randrange(size)
        length = min(size - start, 1 + chance.randrange(64))
        data[offset + start:offset + start + length] = b"\xff" * length
        return data

    def words(self, data, chance):
        """Sizes and offsets at the beginning of a section."""
        _, offset, size = chance.choice(self.sections)
        for _ in range(4):
            at = offset + 4 * chance.randrange(1 + min(size, 64) // 4)
            if at + 4 <= len(data):
                struct.pack_into("<I", data, at, chance.getrandbits(32))
        return data


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755)
    return path


def sum_of(process, is_wanted):
    return sum(site["allocations"] for site in process["sites"]
               if any(is_wanted(frame) for frame in site["stack"]))


def check_loaded(first, count, whole):
    """A program that loads them all, and one whole library at the end."""
    folder = os.path.join(SCRATCH, f"libraries{first}")
    os.mkdir(folder)
    damage = Damage(whole, True)
    paths = [write(os.path.join(folder, f"{number}.so"), damage.of(number))
             for number in range(first, first + count)]
    paths.append(write(os.path.join(folder, "whole.so"), whole))
    alone = run([HOST, *paths])
    recording = record([HOST, *paths])
    what = f"libraries {first} to {first + count - 1}"
    checks.equal(f"{what}: output", alone.stdout, recording.stdout)
    checks.equal(f"{what}: errors", alone.stderr, recording.stderr)
    checks.equal(f"{what}: status", alone.returncode, recording.status)
    check_invariants(checks, what, recording.report)
    process = recording.process()
    loaded = int(alone.stdout)
    checks.equal(f"{what}: lost", 0, recording.report["quality"]["lost_events"])
    checks.true(f"{what}: each was called", loaded > count * 0.9, loaded)
    checks.equal(f"{what}: allocations", loaded,
                 sum(site["allocations"] for site in process["sites"]
                     if site["allocated_bytes"] == 40 * site["allocations"]))
    checks.equal(f"{what}: the whole one has its names", 1,
                 sum_of(process, lambda frame: frame["function"] == "plugin_a_work" and
                        frame["line"] and (frame["module"] or "").endswith("whole.so")))
    named = sum_of(process, lambda frame: frame["function"] == "use" and
                   frame["file"] is not None and frame["file"].endswith("host.c"))
    checks.true(f"{what}: so have most callers", named > loaded * 0.8, (named, loaded))
    shutil.rmtree(folder)


def check_symbolized(whole):
    """A stripped program, recorded once, and debug files for it of which each is damaged."""
    folder = os.path.join(SCRATCH, "symbolized")
    os.makedirs(os.path.join(folder, "debug"))
    program, debug = os.path.join(folder, "program"), os.path.join(folder, "debug/program.debug")
    shutil.copy(HOST, program)
    if shutil.which("objcopy") is None or shutil.which("strip") is None:
        print("no objcopy or strip: not tried with debug files")
        return
    for command in (["objcopy", "--only-keep-debug", program, debug], ["strip", program]):
        checks.equal(command[0], 0, run(command).returncode)
    library = write(os.path.join(folder, "library.so"), whole)
    recording = record([program, library])
    original, totals = read(recording.path), recording.process()["totals"]
    damage = Damage(read(debug), False)
    for number in range(DEBUG_FILE_COUNT):
        write(debug, damage.of(number))
        write(recording.path, original)
        done = seep("symbolize", "--debug-dir", os.path.join(folder, "debug"), recording.path)
        what = f"debug file {number}"
        checks.true(f"{what}: status", done.returncode in (0, 2), done)
        checks.true(f"{what}: no more than some lines", done.stderr.count(b"\n") < 10, done.stderr)
        after = json.loads(seep("report", "--json", recording.path).stdout)["processes"][0]
        checks.equal(f"{what}: totals", totals, after["totals"])
        checks.equal(f"{what}: the library's names stay", 1,
                     sum_of(after, lambda frame: frame["function"] == "plugin_a_work"))


library_bytes = read(target("plugin_a.so"))
for begin in range(0, LIBRARY_COUNT, 100):
    check_loaded(begin, 100, library_bytes)
check_symbolized(library_bytes)
checks.finish()
