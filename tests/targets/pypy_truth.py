# What tests/system/python_pypy.py reads from outside: it makes objects of which all is known, has
# its collector write down the heap, and stops itself. Usage: FILE
import gc
import os
import signal
import sys


class Node:
    def __init__(self, value):
        self.value = value
        self.next = None


def hot(count):
    total = 0
    for i in range(count):
        total += i % 7
    return total


keep = [Node(i) for i in range(5000)]
for i in range(4999):
    keep[i].next = keep[i + 1]
table = {("k", i): [i, None] for i in range(2000)}
named = {"first": Node(1)}
large = [bytearray(300000) for i in range(3)] + [[None] * 40000]
hot(20000)


def inner(depth):
    if depth > 0:
        return inner(depth - 1)
    gc.collect()
    gc.collect()
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    gc.dump_rpy_heap(fd)
    os.close(fd)
    stats = gc.get_stats()
    print(stats._s.nursery_size, stats._s.total_arena_memory, stats._s.total_rawmalloced_memory)
    print(open("/proc/self/maps").read(), end="")
    sys.stdout.flush()
    young = [Node(i) for i in range(20)]
    os.kill(os.getpid(), signal.SIGSTOP)
    return young


inner(3)
