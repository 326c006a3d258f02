# A program that never rests, for stops at any moment: objects come and go, and some of it stays as
# it is, which is written down. Usage: FILE cycles|counts
#   counts   the collector is off, and what comes and goes is freed by counts alone: garbage is what
#            was made in the beginning, and nothing else
#   cycles   garbage comes, and is collected
# Each line of the file: steady|dead ADDRESS TYPE. A byte is written now and then: it goes on.
import gc
import os
import random
import sys


class Steady:
    def __init__(self, number):
        self.number = number
        self.items = [number, (number, str(number))]


class Dead:
    __slots__ = ("other",)


class Pooled:
    def __init__(self, number):
        self.number = number
        self.other = None


class Lost(Pooled):
    pass


kept = [Steady(i) for i in range(500)]
table = {"k%d" % i: Steady(i) for i in range(100)}
gc.collect()
if sys.argv[2] == "counts":
    gc.disable()


def make_dead():
    first = Dead()
    second = Dead()
    first.other = second
    second.other = first
    return [id(first), id(second)]


def write_truth(path):
    with open(path, "w") as out:
        for one in kept + list(table.values()):
            out.write("steady %x Steady\n" % id(one))
            out.write("steady %x list\n" % id(one.items))
        out.write("steady %x list\n" % id(kept))
        out.write("steady %x dict\n" % id(table))
        if sys.argv[2] == "counts":
            for _ in range(40):
                out.writelines(["dead %x Dead\n" % address for address in make_dead()])


def make_lost(number):
    first = Lost(number)
    second = Lost([number])
    first.other = second
    second.other = first


def churn(with_cycles):
    chance = random.Random(1)
    pool = {}
    rounds = 0
    while True:
        key = chance.randrange(5000)
        draw = chance.random()
        if draw < .3 and with_cycles:
            make_lost(key)
        elif draw < .6:
            pool[key] = [Pooled(i) for i in range(key % 20)]
        elif draw < .8:
            pool.pop(key, None)
        else:
            pool[key] = {i: (i, str(i), float(i)) for i in range(key % 15)}
        rounds += 1
        if rounds % 512 == 0:
            os.write(1, b".")


write_truth(sys.argv[1])
churn(sys.argv[2] == "cycles")
