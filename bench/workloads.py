"""The table of workloads: what is run under each peer.

To add one: a row in WORKLOADS; a program of our own is a file in bench/workloads/ and a name in
bench/local.mk. Sizes are chosen so that the small ones run a tenth of a second or so untraced.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from typing import Callable

import inputs

PYTHON = "/usr/bin/python3"


@dataclasses.dataclass
class Workload:
    name: str
    # command(bench, size): what to run
    command: Callable
    small: int
    full: int
    needs: Callable = lambda bench: None  # what is not installed, or None
    times: Callable = lambda size: 1  # how often in a row
    # beside(bench): runs while the command does and ends it; see measure.run
    beside: Callable | None = None
    environment: dict = dataclasses.field(default_factory=dict)
    unit: str = "event"  # what the added time is divided by: event, start, second, ...
    # units(size): how many of them, unless events are counted
    units: Callable | None = None


def own(program, *arguments):
    """A program of bench/workloads, whose last argument is the size."""
    return lambda bench, size: [bench.program(program), *arguments, str(size)]


def needs(*names):
    def missing(_bench):
        lacking = [name for name in names if shutil.which(name) is None]
        return ", ".join(lacking) or None

    return missing


def compiler_proper():
    """The path of cc1; None without gcc."""
    try:
        found = subprocess.run(
            ["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return found if os.path.isabs(found) else None


def command_cc1(bench, size):
    source = bench.input(f"generated-{size}.c", lambda path: inputs.write_c_source(path, size))
    return [compiler_proper(), "-quiet", "-O2", source, "-o", os.devnull]


def command_sqlite(bench, size):
    script = bench.input(f"script-{size}.sql", lambda path: inputs.write_sql_script(path, size))
    return ["sqlite3", "-batch", ":memory:", f".read {script}"]


def command_jq(bench, size):
    file = bench.input(f"objects-{size}.json", lambda path: inputs.write_json_file(path, size))
    work = 'group_by(.name[0:5]) | map({n: length, t: (map(.tags[]) | unique | join(","))})'
    return ["jq", work, file]


def command_python(bench, size):
    return [PYTHON, bench.source("workloads/objects.py"), str(size)]


def command_shell_loop(_bench, size):
    return ["sh", "-c", f"i=0; while [ $i -lt {size} ]; do /bin/true; i=$((i + 1)); done"]


def shell_in(folder, script):
    """Without what a make that we may run in tells its children."""
    return ["env", "-u", "MAKEFLAGS", "-u", "MFLAGS", "-u", "MAKELEVEL", "sh", "-c", f"cd '{folder}' && {script}"]


def command_configure(bench, size):
    script = bench.input(f"configure-{size}/configure", lambda path: inputs.write_configure(path, size))
    work = "rm -rf work && mkdir work && cd work && ../configure -q"
    return shell_in(os.path.dirname(script), work)


def command_make(bench, size):
    makefile = bench.input(f"project-{size}/Makefile", lambda path: inputs.write_project(path, size))
    return shell_in(os.path.dirname(makefile), "make -s clean && make -s -j2")


# ---- redis: the server is the target, the client runs beside it --------------------------------------


def redis_socket(bench):
    return bench.scratch("redis.sock")


def command_redis(bench, _size):
    return [
        "redis-server",
        *("--port", "0", "--unixsocket", redis_socket(bench)),
        *("--save", "", "--appendonly", "no", "--dir", bench.scratch("")),
    ]


def redis_client(bench, *arguments):
    return subprocess.run(
        ["redis-cli", "-s", redis_socket(bench), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    ).stdout


def drive_redis(bench):
    deadline = time.monotonic() + 30
    while b"PONG" not in redis_client(bench, "ping"):
        if time.monotonic() > deadline:
            print("bench: redis-server does not answer", file=sys.stderr)
            return None
        time.sleep(0.02)
    begin = time.monotonic()
    for tests in ("set,get,incr", "lpush,rpop,sadd,hset,zadd", "lrange_100,mset"):
        subprocess.run(
            ["redis-benchmark", "-s", redis_socket(bench), "-q", "-c", "20", "-P", "16"]
            + ["-r", "10000", "-n", str(bench.size_of("redis") // 10), "-t", tests],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    redis_client(bench, "shutdown", "nosave")
    return begin


WORKLOADS = [
    Workload("tight-5", own("call_depth", "5"), 1_000_000, 20_000_000),
    Workload("tight-30", own("call_depth", "30"), 1_000_000, 20_000_000),
    Workload("random-1", own("random_sizes", "1"), 1_000_000, 20_000_000),
    Workload("random-2", own("random_sizes", "2"), 1_000_000, 20_000_000),
    Workload("random-4", own("random_sizes", "4"), 1_000_000, 20_000_000),
    Workload("handoff", own("handoff", "2"), 500_000, 10_000_000),
    Workload("containers", own("containers"), 75, 2_000),
    Workload("parser", own("parser"), 1_000, 40_000),
    Workload("stacks", own("distinct_stacks"), 17, 20),
    Workload(
        "cc1",
        command_cc1,
        50,
        1_000,
        needs=lambda bench: None if compiler_proper() else "gcc",
    ),
    Workload("sqlite", command_sqlite, 10_000, 100_000, needs=needs("sqlite3")),
    Workload(
        "python",
        command_python,
        30,
        60,
        needs=needs(PYTHON),
        environment={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"},
    ),
    Workload(
        "redis",
        command_redis,
        100_000,
        2_000_000,
        needs=needs("redis-server", "redis-benchmark", "redis-cli"),
        beside=drive_redis,
    ),
    Workload("jq", command_jq, 6_000, 30_000, needs=needs("jq")),
    Workload("idle", lambda bench, size: ["sleep", str(size)], 1, 10, unit="second", units=int),
    Workload("start", lambda bench, size: ["/bin/true"], 20, 200, unit="start", times=int, units=int),
    Workload("shell-loop", command_shell_loop, 100, 1_000, unit="start", units=int),
    Workload("forks", own("forks"), 300, 3_000, unit="start", units=int),
    Workload(
        "configure",
        command_configure,
        4,
        40,
        needs=needs("autoconf", "autoheader", "gcc"),
        unit="check",
        units=int,
    ),
    Workload("make", command_make, 10, 100, needs=needs("make", "cc", "ar"), unit="file", units=int),
]
