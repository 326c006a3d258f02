# What an image of PyPy is made from (tests/helpers/make_python_images.py): its collector writes down
# the heap, and it stops itself. Usage: FILE
import gc
import posix
import sys


class Node:
    def __init__(self, value):
        self.value = value
        self.next = None


kept = [Node(i) for i in range(100)]
table = {("k", i): [i] for i in range(50)}


def stop():
    gc.collect()
    gc.collect()
    fd = posix.open(sys.argv[1], posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC, 0o600)
    gc.dump_rpy_heap(fd)
    posix.close(fd)
    posix.kill(posix.getpid(), 19)


stop()
