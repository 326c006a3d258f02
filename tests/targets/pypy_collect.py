# A program that has its collector run all the time, for stops in the middle of that: some objects
# stay as they are, and each round makes more of others than the one before, and drops them. A byte is
# written in each round.
import gc
import os


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


def run():
    rounds = 0
    while True:
        pool = [Passing(i) for i in range(10000 + 3000 * (rounds % 40))]
        gc.collect()
        del pool
        gc.collect()
        rounds += 1
        os.write(1, b".")


run()
