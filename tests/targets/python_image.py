# What an image of each CPython is made from (tests/helpers/make_python_images.py): it says what its
# objects are, stops itself, and then what a collection finds. Usage: FILE
import gc
import posix
import sys

gc.disable()


class Node:
    def __init__(self, value):
        self.value = value
        self.next = None


class Slotted:
    __slots__ = ("first", "second")

    def __init__(self, first, second):
        self.first = first
        self.second = second


class Mapping(dict):
    pass


kept = [Node(i) for i in range(100)]
slotted = [Slotted(i, str(i)) for i in range(50)]
table = {f"k{i}": (i, float(i), [i]) for i in range(50)}
numbers = {i * 7 for i in range(30)}
mappings = [Mapping(a=i) for i in range(10)]
texts = ["\u4e2d" * (i % 5 + 1) for i in range(20)]
generators = [(node for node in kept) for _ in range(5)]
for generator in generators:
    next(generator)
functions = [lambda i=i: kept[i] for i in range(10)]


def make_garbage():
    for i in range(12):
        first = Node(i)
        second = Node(i)
        first.next = second
        second.next = first
    for i in range(6):
        items = []
        items.append(items)


make_garbage()
with open(sys.argv[1], "w") as out:
    known = gc.get_objects()
    out.writelines(["tracked %x %s\n" % (id(one), type(one).__name__) for one in known
                    if one is not out])
    out.flush()
    del known
    sys._debugmallocstats()
    sys.stderr.flush()
    posix.kill(posix.getpid(), 19)
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    out.writelines(["garbage %x %s\n" % (id(one), type(one).__name__) for one in gc.garbage])
