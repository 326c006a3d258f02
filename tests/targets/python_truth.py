# A program whose objects, garbage and size classes are known: it writes down what the interpreter
# itself says of them, stops itself, and, let go on, what a collection finds. Usage: FILE
# 40 + 40 nodes in pairs, 20 lists, 10 dicts with a node each and 5 closures are garbage: 165 objects
# of these (nodes keep their dictionaries apart up to 3.10), beside what the start left.
import array
import collections
import gc
import os
import signal
import sys
import weakref

gc.disable()


class Node:
    def __init__(self, value):
        self.value = value
        self.next = None


class Slotted:
    __slots__ = ("first", "second", "__weakref__")

    def __init__(self, first, second):
        self.first = first
        self.second = second


class Mapping(dict):
    pass


class Numbered(list):
    pass


class Pair(tuple):
    pass


kept = [Node(i) for i in range(2000)]
slotted = [Slotted(i, str(i)) for i in range(1000)]
table = {f"k{i}": (i, float(i), [i]) for i in range(1000)}
numbers = {i * 7 for i in range(500)}
queue = collections.deque(Node(i) for i in range(200))
mappings = [Mapping(a=i) for i in range(50)] + [Numbered([i]) for i in range(50)]
pairs = [Pair((i, [i])) for i in range(50)]
for pair in pairs:
    pair.note = "attribute"
weak = [weakref.ref(node) for node in kept[:50]]
large = [b"x" * 600 for _ in range(100)]
texts = ["\u4e2d" * (i % 50 + 1) for i in range(200)]
generators = [(node for node in kept) for _ in range(20)]
for generator in generators:
    next(generator)
functions = [lambda i=i: kept[i] for i in range(50)]
ordered = collections.OrderedDict((i, i) for i in range(100))


def make_garbage():
    for i in range(40):
        first = Node(i)
        second = Node(i)
        first.next = second
        second.next = first
    for i in range(20):
        items = []
        items.append(items)
    for i in range(10):
        table_of_itself = {}
        table_of_itself["self"] = table_of_itself
        table_of_itself["payload"] = [i, Node(i)]
    for i in range(5):
        def closure():
            return closure


def write_truth(path):
    known = gc.get_objects()
    with open(path + ".tracked", "w", encoding="utf-8") as out:
        out.writelines([f"{id(one):x} {type(one).__name__}\n" for one in known])
    seen = set()
    names = []
    pending = list(known)
    while pending:
        one = pending.pop()
        if id(one) not in seen:
            seen.add(id(one))
            names.append(f"{id(one):x} {type(one).__name__}\n")
            pending.extend(gc.get_referents(one))
    with open(path + ".all", "w", encoding="utf-8") as out:
        out.writelines(names)


make_garbage()
write_truth(sys.argv[1])
sys.stderr.flush()
sys._debugmallocstats()
sys.stderr.flush()
os.kill(os.getpid(), signal.SIGSTOP)
gc.set_debug(gc.DEBUG_SAVEALL)
gc.collect()
with open(sys.argv[1] + ".garbage", "w", encoding="utf-8") as found:
    found.writelines([f"{id(one):x} {type(one).__name__}\n" for one in gc.garbage])
