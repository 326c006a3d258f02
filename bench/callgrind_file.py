"""Reads what callgrind writes with --compress-strings=no --compress-pos=no.

The format: https://valgrind.org/docs/manual/cl-format.html. Lines ob=, fl= and fn= say where the costs
that follow belong; fi= and fe= name another source file for a while (code inlined from it); after calls=
comes one line with the inclusive cost of those calls.
"""

import collections
import os
import re

COST_LINE = re.compile(r"^[+*-]?\d+ (\d+)$|^\* (\d+)$")


class Costs:
    """self_cost: (object, source file, function) -> instructions, without callees.
    calls: (calling object, called object, called function) -> [calls, instructions, with callees]."""

    def __init__(self):
        self.self_cost = collections.Counter()
        self.calls = collections.defaultdict(lambda: [0, 0])

    def minus(self, other):
        """What is here more than there: two sizes of one program, so its start counts no more."""
        result = Costs()
        for key, cost in self.self_cost.items():
            result.self_cost[key] = cost - other.self_cost[key]
        for key, (count, cost) in self.calls.items():
            before = other.calls.get(key, (0, 0))
            result.calls[key] = [count - before[0], cost - before[1]]
        return result


def read(path):
    costs = Costs()
    where = {"ob": "", "fl": "", "fn": "", "inlined": ""}
    callee, call_count = {}, None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            line = line.rstrip("\n")
            kind, equals, value = line.partition("=")
            match = COST_LINE.match(line)
            if match:
                cost = int(match.group(1) or match.group(2))
                if call_count is None:
                    costs.self_cost[where["ob"], where["inlined"], where["fn"]] += cost
                else:
                    entry = costs.calls[
                        where["ob"], callee.get("ob", where["ob"]), callee["fn"].partition("'")[0]
                    ]
                    entry[0] += call_count
                    entry[1] += cost
                    callee, call_count = {}, None
            elif not equals:
                continue
            elif kind == "calls":
                call_count = int(value.split()[0])
            elif kind in ("cob", "cfn"):
                callee[kind[1:]] = os.path.basename(value) if kind == "cob" else value
            elif kind in ("fi", "fe"):
                where["inlined"] = os.path.basename(value)
            elif kind == "fl":
                where["fl"] = where["inlined"] = os.path.basename(value)
            elif kind == "ob":
                where["ob"] = os.path.basename(value)
            elif kind == "fn":
                where["fn"] = value.partition("'")[0]
                where["inlined"] = where["fl"]
    return costs
