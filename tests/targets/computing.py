# Computes and keeps nearly nothing: small functions that are each made once and run often. Usage:
# FUNCTIONS
import sys

SOURCE = """
def f(n):
    t = 0
    for k in range(n):
        if k %% %d == 0: t += k * %d
        elif k & 1: t ^= k + %d
        else: t -= len(str(k))
    return t
"""


class Body:
    def __init__(self, place):
        self.place = place
        self.speed = 0.0


def move(rounds):
    bodies = [Body(float(i)) for i in range(5)]
    for _ in range(rounds):
        for one in bodies:
            for other in bodies:
                one.speed += (other.place - one.place) * 1e-6
        for one in bodies:
            one.place += one.speed
    return sum(one.place for one in bodies)


move(500)
total = 0
for i in range(int(sys.argv[1])):
    names = {}
    exec(SOURCE % (i % 7 + 2, i, i), names)
    total += names["f"](5000)
print(total)
