#!/usr/bin/env python3
"""Growth of real runs: tests/targets/server, of whose parts one leaks, and redis-server under a
steady load, of which none does. Each takes minutes; runs only with SEEP_LONG_TESTS=1."""
import json
import os
import shutil
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
# pylint: disable=wrong-import-position
from recorded import IS_LONG, Checks, function_name, record, seep, start, target, wait_until

SECONDS, RATE = 60, 100
REDIS_SECONDS = 180
checks = Checks()


def growth_of(recording):
    read = seep("report", "--json", "--growth", recording.path)
    return json.loads(read.stdout)["processes"][0]["growth"]


def growing(rows):
    return [row for row in rows if row["verdict"] == "growing"]


def try_server():
    recording = record([target("server"), str(SECONDS), str(RATE)])
    node = int(recording.stdout.split()[1])
    rows = growing(growth_of(recording))
    checks.equal("server: what grows", ["open_session"],
                 [function_name(next(frame for frame in row["stack"]
                                     if function_name(frame) == "open_session"))
                  for row in rows])
    wanted = 60 * RATE * node
    slope = rows[0]["bytes_per_minute"]
    checks.true("server: its slope", abs(slope - wanted) < wanted / 10, f"{slope}, not {wanted}")
    checks.true("server: the bounds", rows[0]["low"] <= wanted * 1.1 and
                rows[0]["high"] >= wanted * 0.9, f"{rows[0]['low']} .. {rows[0]['high']}")
    if rows[0]["held_by"]:
        checks.equal("server: held by", "g_sessions", rows[0]["held_by"][0]["name"])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def try_redis():
    if not (shutil.which("redis-server") and shutil.which("redis-benchmark")):
        print("redis is not installed: not tried")
        return
    port = free_port()
    client = ["redis-cli", "-p", port]
    recording, process = start(["redis-server", "--port", port, "--save", "", "--appendonly", "no"],
                               stdout=subprocess.DEVNULL)
    wait_until("redis", lambda: subprocess.run([*client, "ping"], capture_output=True,
                                               check=False).stdout == b"PONG\n")
    subprocess.run(["timeout", str(REDIS_SECONDS), "redis-benchmark", "-p", port, "-l", "-q",
                    "-t", "set,get,hset", "-r", "10000", "-d", "200"],
                   stdout=subprocess.DEVNULL, check=False)
    subprocess.run([*client, "shutdown", "nosave"], check=False)
    process.wait(timeout=300)
    checks.equal("redis: what grows", [], growing(growth_of(recording)))


def main():
    if not IS_LONG:
        print("takes minutes: SEEP_LONG_TESTS=1 runs it")
        return 77
    try_server()
    try_redis()
    checks.finish()
    return 0


sys.exit(main())
