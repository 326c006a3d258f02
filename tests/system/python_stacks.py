"""A stack of Python and C in turns, for tests/system/python.py. It writes to the file that it is
given what Python says of its own stack, at two allocations of 1234567 bytes: on the main thread and on
another one. On the main thread these are grab, keyf, leaf, leaf, leaf, __init__, gen and <module>,
with C at least between keyf and leaf (sorted) and between __init__ and gen (the call of a class).

Then it makes 20000 objects of Item, and two children that do the same."""
import json
import os
import sys
import threading
import traceback

kept, told = [], []


def stack():
    return [[frame.name, frame.lineno] for frame in reversed(traceback.extract_stack()[:-1])]


def grab():
    kept.append((bytearray(1234567), told.append(stack())))


def keyf(number):
    if number == 2:
        grab()
    return number


def leaf(depth):
    if depth > 0:
        return leaf(depth - 1)
    return sorted([3, 1, 2], key=keyf)


class Caller:
    def __init__(self):
        self.sorted = leaf(2)


def gen():
    yield Caller()


for caller in gen():
    pass
thread = threading.Thread(target=leaf, args=(1,))
thread.start()
thread.join()


class Item:
    __slots__ = ()


def make():
    return [Item() for _ in range(20000)]


def work():
    kept.append(bytearray(3456789))


items = make()
for child in range(2):
    if os.fork() == 0:
        work()
        os._exit(0)
    os.wait()

with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump(told, out)
