# A program that never rests, for stops at any moment: objects come, most of them die, and some stay
# as they are. A byte is written now and then: it goes on. With the argument "collect" its collector
# runs all the time, for stops in the middle of that: each round makes more objects than the one
# before, and drops them.
import gc
import os
import random
import sys


class Steady:
    def __init__(self, number):
        self.number = number
        self.items = [number, (number, str(number))]


class Passing:
    def __init__(self, number):
        self.number = number
        self.other = None


kept = [Steady(i) for i in range(500)]
table = {"k%d" % i: Steady(i) for i in range(100)}


def churn():
    chance = random.Random(1)
    pool = {}
    rounds = 0
    while True:
        key = chance.randrange(5000)
        draw = chance.random()
        if draw < .6:
            pool[key] = [Passing(i) for i in range(key % 20)]
        elif draw < .7:
            pool[key] = bytearray(key * 40)
        elif draw < .8:
            pool.pop(key, None)
        else:
            pool[key] = {i: (i, str(i), float(i)) for i in range(key % 15)}
        rounds += 1
        if rounds % 512 == 0:
            os.write(1, b".")


def collect():
    rounds = 0
    while True:
        pool = [Passing(i) for i in range(10000 + 3000 * (rounds % 40))]
        gc.collect()
        del pool
        gc.collect()
        rounds += 1
        os.write(1, b".")


if sys.argv[1:] == ["collect"]:
    collect()
churn()
