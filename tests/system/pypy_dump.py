"""What gc.dump_rpy_heap wrote of a PyPy, and which of it is no heap."""

import array
import bisect

WORD = 1 << 64


def read_dump(path):
    """Of each object: its type's number, its bytes, how many others it refers to and their sum."""
    numbers = array.array("q")
    with open(path, "rb") as dump:
        numbers.frombytes(dump.read())
    objects, at = {}, 0
    while at < len(numbers):
        address, number, size = numbers[at:at + 3]
        end = at + 3
        while numbers[end] != -1:
            end += 1
        references = numbers[at + 3:end]
        objects[address] = (number, size, len(references), sum(references) % WORD)
        at = end + 1
    return objects


def library_ranges(maps):
    """Its variables, and the part of them that no file backs."""
    ranges = []
    for line in maps:
        words = line.split()
        start, end = (int(part, 16) for part in words[0].split("-"))
        if len(words) > 5 and "libpypy" in words[5]:
            ranges.append((start, end))
        elif ranges and len(words) == 5 and start == ranges[-1][1]:
            ranges.append((start, end))
    return sorted(ranges)


def is_within(ranges, address):
    position = bisect.bisect_right(ranges, (address, WORD)) - 1
    return position >= 0 and address < ranges[position][1]
