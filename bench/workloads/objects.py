"""objects.py ROUNDS: dictionaries, lists, strings, objects and JSON, for PYTHONMALLOC=malloc."""

import json
import sys


class Item:
    def __init__(self, number):
        self.number = number
        self.name = "item %d" % number
        self.tags = ["tag%d" % (number % tag) for tag in range(1, 6)]


def make_items(count):
    return [Item(number) for number in range(count)]


def index_by_tag(items):
    index = {}
    for item in items:
        for tag in item.tags:
            index.setdefault(tag, []).append(item.name)
    return index


def pass_through_text(index):
    return json.loads(json.dumps(index))


def main():
    total = 0
    for _ in range(int(sys.argv[1])):
        index = index_by_tag(make_items(2000))
        total += sum(len(" ".join(names)) for names in pass_through_text(index).values())
    return 0 if total else 1


sys.exit(main())
