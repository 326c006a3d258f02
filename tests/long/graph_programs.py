#!/usr/bin/env python3
"""Object graphs of programs that people run, with debug information: what keeps their memory must be
named as their authors would name it.

redis-server with 200,000 keys: the database's dictionary, by variable and member, and its share as
MEMORY STATS has it. sqlite3 with a large table in memory: the page cache. A C++ program of ours:
classes, and the sizes of its containers. The sources of the first two come from Debian; where there
is no network they are left out. Runs only with SEEP_LONG_TESTS=1; arguments choose among them."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../system")]
# pylint: disable=wrong-import-position
from packages import apt_environment, shell, unpack
from recorded import (IS_LONG, SCRATCH, SEEP, Checks, clean_environment, new_path, record, seep,
                      start, target, wait_until)

KEYS = 200000
REDIS_BUILD = "make -j2 MALLOC=libc OPTIMIZATION=-O2 BUILD_TLS=no USE_SYSTEMD=no redis-server redis-cli"
SQLITE_BUILD = "./configure --disable-tcl --disable-shared --disable-readline CFLAGS='-g -O2' && make sqlite3"
SQLITE_ROWS = 300000
SQL = f"""CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, number INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SQLITE_ROWS})
INSERT INTO t SELECT i, 'value number ' || i || ' of a large table', i * 7 FROM n;
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size();
.shell {SEEP} snapshot $PPID >/dev/null
.quit
"""
checks = Checks()


def graph(path, *arguments):
    text = seep("graph", *arguments, path).stdout.decode()
    print("\n".join(text.splitlines()[:14]), flush=True)
    done = seep("graph", "--json", "--limit=0", *arguments, path)
    checks.equal(f"graph {arguments}", 0, done.returncode)
    return json.loads(done.stdout)["processes"][0]


def build(package, command, environment):
    folder = unpack(package, environment)
    if folder and shell(command, folder)[0] == 0:
        return folder
    print(f"{package}: cannot be fetched or built here")
    return None


def spell(path):
    """"server.db[0].dict->ht_table[0]": names and members of a path."""
    return path[0]["name"] + "".join("->" * (i > 0) + "." * (i == 0) + (step["member"] or "")
                                     for i, step in enumerate(path))


def check_redis(environment):
    folder = build("redis", REDIS_BUILD, environment)
    if not folder:
        return False
    socket = os.path.join(SCRATCH, "redis.socket")
    recording, process = start([f"{folder}/src/redis-server", "--port", "0", "--unixsocket", socket,
                                "--save", "", "--appendonly", "no", "--enable-debug-command", "yes"],
                               stdout=subprocess.DEVNULL)

    def ask(*words):
        return subprocess.run([f"{folder}/src/redis-cli", "-s", socket, *words], check=False,
                              capture_output=True, text=True, timeout=120,
                              env=clean_environment()).stdout

    wait_until("redis' answer", lambda: os.path.exists(socket) and "PONG" in ask("PING"))
    checks.equal("populated", "OK\n", ask("DEBUG", "POPULATE", str(KEYS), "key", "100"))
    lines = ask("MEMORY", "STATS").split()
    stats = dict(zip(lines, lines[1:]))
    ask("SHUTDOWN", "NOSAVE")
    process.wait(120)
    found = graph(recording.path)
    suspect = found["suspects"][0]
    path = spell(suspect["path"])
    checks.true("the dictionary's name", "server" in path and "db[0].dict->ht_table[0]" in
                path.replace(".db->[0]", ".db[0]"), path)
    checks.true("in words", "(server.db[0].dict->ht_table[0])" in suspect["text"], suspect["text"])
    # What the keys take, by redis' own account: entries and the table, and names with values.
    own = (int(stats["overhead.hashtable.main"]) + int(stats["dataset.bytes"])) / \
        int(stats["total.allocated"])
    print(f"redis: {suspect['share']:.4f} of the heap by seep, {own:.4f} by MEMORY STATS")
    checks.true("its share", abs(suspect["share"] - own) < 0.05 * own, f"{suspect['share']} {own}")
    why = graph(recording.path, "--why=dictEntry")["paths_by_kind"][0]
    checks.true("why entries live", why["kind"] == "global" and why["share"] > 0.99, str(why))
    return True


def check_sqlite(environment):
    folder = build("sqlite3", SQLITE_BUILD, environment)
    if not folder:
        return False
    path = new_path()
    done = subprocess.run([SEEP, "run", "-q", "-o", path, f"{folder}/sqlite3", ":memory:"],
                          input=SQL, capture_output=True, text=True, timeout=300, check=False,
                          env=clean_environment())
    checks.equal("sqlite3's status", 0, done.returncode)
    pages = int(done.stdout.split()[0])
    found = graph(path, "--process=0")
    suspect = found["suspects"][0]
    print(f"sqlite3: {suspect['retained_bytes']} bytes by seep, {pages} in pages by itself")
    checks.true("the page cache", "pcache1AllocPage" in suspect["text"] and
                "globalDb" in suspect["text"], suspect["text"])
    # Each page has a header of its own.
    checks.true("its size", pages <= suspect["retained_bytes"] < 1.1 * pages,
                f"{suspect['retained_bytes']} {pages}")
    return True


def check_cxx():
    found = graph(record([target("typed_cxx")]).path)
    containers = {row["name"]: row["elements"] for row in found["containers"]}
    types = {row["name"]: row["blocks"] for row in found["types"]}
    checks.equal("containers", (1000, 300, 200), tuple(
        containers.get(f"app::{name}") for name in ("cache.table", "names", "numbers")))
    checks.equal("classes", (20, 50), (types.get("app::Circle"),
                                       types.get("std::list<app::Session> node")))


def main():
    if not IS_LONG:
        print("fetches and builds programs: SEEP_LONG_TESTS=1 runs it")
        return 77
    check_cxx()
    environment = apt_environment("bookworm")  # the versions whose names are asserted
    if shell("apt-get update -qq", SCRATCH, environment)[0] != 0:
        print("no package sources can be had here: redis and sqlite3 were not tried")
    else:
        for name, check in (("redis", check_redis), ("sqlite3", check_sqlite)):
            if name in (sys.argv[1:] or [name]):
                check(environment)
    checks.finish()
    return 0


sys.exit(main())
