"""A server in Python that answers 20000 requests and keeps too much of them: a session of every fourth,
and the body of every tenth. A session refers to itself, so those that it drops wait for Python's
collector of cycles. With an argument it waits for a line before it ends.

    seep run -o sessions.seep python3 examples/sessions.py"""
import json
import sys

sessions = {}
bodies = []


class Session:
    def __init__(self, user):
        self.user = user
        self.pages = [user] * 20
        self.me = self


def answer(number):
    request = json.loads('{"user": "u%d", "body": "%s"}' % (number, "x" * 2000))
    session = Session(request["user"])
    if number % 4 == 0:
        sessions[number] = session
    if number % 10 == 0:
        bodies.append(request["body"])


for index in range(20000):
    answer(index)
print(len(sessions), "sessions")
if len(sys.argv) > 1:
    input()
