#!/usr/bin/env python3
"""The viewer on a program that runs: seep top and seep run --live, by keys that a pipe feeds it step by
step, and once in a terminal. tests/targets/levels.c takes 256 KiB for each byte that it is told to."""
import os
import pty
import select
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, SEEP, TIMEOUT_S, clean_environment, new_path, target, wait_until
from watching import Target, Viewer, checks, start_target


def top(session):
    return Viewer([SEEP, "top", "--interval=20ms", str(session.pid)])


# ---- what it shows

session = start_target()
session.tell("+++")
viewer = top(session)
seen = viewer.screen_with("768 KiB")
checks.true("it is live", "live" in seen.splitlines()[0], seen)
checks.true("the process", f"levels (pid {session.pid})" in seen, seen)
checks.true("it is too early to tell what grows", "what grows is not known yet" in seen, seen)
viewer.do("key m")
session.tell("++")
seen = viewer.screen_with("+512 KiB since")
checks.true("a row of what has grown", "+512 KiB  " in seen, seen)

# What was opened and closed stays so.
closed = viewer.screen("key 3", "key C")
session.tell("+")
after = viewer.screen_with("1.5 MiB")
checks.equal("the tree's rows", len([line for line in closed.splitlines() if "_start" in line or "main" in line]),
             len([line for line in after.splitlines() if "_start" in line or "main" in line]))

# ---- paused, and views that stand still

paused = viewer.screen("key L", "key Space")
checks.true("paused", "paused" in paused.splitlines()[0], paused)
viewer.do("key Space", "key Enter")
checks.true("a stack stands still", "stands still" in viewer.screen().splitlines()[0])
viewer.do("key Esc")

# ---- a snapshot, for the screens that need one

checks.true("no graph yet", "no snapshot" in viewer.screen("key 6"))
viewer.do("key c")
viewer.screen_with("snapshot:0 of process")
graph = viewer.screen(":refresh", "key 6")
checks.true("the graph", "What retains what, at snapshot:0" in graph, graph)
viewer.do("key L")

# ---- the program ends: the view stays

session.recorder.stdin.close()
session.recorder.stdout.read()
session.recorder.wait(TIMEOUT_S)
seen = viewer.screen_with("ended")
checks.true("what it held then", "1.5 MiB" in seen, seen)
checks.true("other screens too", "exit 0" in viewer.screen("key 1") or
            "Heap at the end" in viewer.screen("key 1"))
checks.equal("q", (0, ""), viewer.end("key q"))

# ---- the recorder is killed, with a screen that is too small

session = start_target()
viewer = top(session)
viewer.screen("resize 5 20")
session.recorder.kill()
session.recorder.communicate(timeout=TIMEOUT_S)
viewer.do(":refresh")
seen = viewer.screen("resize 30 120")
checks.true("killed", "unfinished" in seen, seen)
checks.equal("killed: q", (0, ""), viewer.end("key q"))

# ---- quitting leaves both alone

session = start_target()
checks.equal("it is left alone: q", (0, ""), top(session).end("key q"))
session.tell("+")
session.recorder.communicate(timeout=TIMEOUT_S)
checks.equal("it is left alone", 0, session.recorder.returncode)

# ---- run --live: the program's streams are no terminal, and stay what they are

path = new_path()
viewer = Viewer([SEEP, "run", "-q", "--live", "-o", path, "--", target("levels")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
session = Target(viewer.process, pid=0)
session.tell("++++")
viewer.screen_with("1.0 MiB")
viewer.do("key q")
session.tell("+")  # it runs on
viewer.process.stdin.close()
viewer.process.stdin = None
status, errors = viewer.end()
checks.equal("run --live: status", 0, status)
checks.true("run --live: it runs on", "runs on and is recorded" in errors or errors == "", errors)
checks.true("run --live: the recording", os.path.exists(path))

failing = Viewer([SEEP, "run", "-q", "--live", "-o", new_path(), "--", "/bin/sh", "-c",
                  "read line; exit 7"], stdin=subprocess.PIPE)
failing.screen()
failing.process.stdin.write(b"\n")
failing.process.stdin.close()
failing.process.stdin = None
checks.equal("run --live: the program's status", 7, failing.end("key q")[0])
missing = subprocess.run([SEEP, "run", "--live", "-o", new_path(), "--", "/no/such/program"],
                         env=dict(clean_environment(), SEEP_SCRIPT="/dev/null"), check=False,
                         capture_output=True, timeout=TIMEOUT_S)
checks.equal("run --live: no such program", (127, True),
             (missing.returncode, b"no such file" in missing.stderr))

# ---- and in a terminal, where what the program writes is kept until the view is left

try:
    pid, terminal = pty.fork()
except OSError as error:
    print(f"no terminal to look on in: {error}")
    checks.finish()
if pid == 0:
    os.environ.update(clean_environment(), TERM="xterm", LC_ALL="C.UTF-8")
    os.environ.pop("SEEP_SCRIPT", None)
    os.execv(SEEP, [SEEP, "run", "--live", "-o", new_path(), "--", "/bin/sh", "-c",
                    "echo said; sleep 1000 & echo $! >" + SCRATCH + "/sleeper; wait $!; exit 5"])
output, has_quit = b"", False
wait_until("the program has begun", lambda: os.path.exists(SCRATCH + "/sleeper") and
           os.path.getsize(SCRATCH + "/sleeper") > 0)
with open(SCRATCH + "/sleeper", encoding="utf-8") as file:
    sleeper = int(file.read())
while True:
    if not select.select([terminal], [], [], TIMEOUT_S)[0]:
        checks.equal("the terminal", "something", "nothing more")
        break
    try:
        read = os.read(terminal, 65536)
    except OSError:
        read = b""
    if not read:
        break
    output += read
    if not has_quit and b"live" in output and b"Calls/s" in output:
        checks.true("kept while the view is shown", b"said\r\n" not in output)
        os.write(terminal, b"q")
        has_quit = True
    if has_quit and b"runs on and is recorded" in output and sleeper:
        os.kill(sleeper, signal.SIGTERM)
        sleeper = 0
_, status = os.waitpid(pid, 0)
checks.equal("in a terminal: status", 5, os.waitstatus_to_exitcode(status))
checks.true("what it wrote", b"said\r\n" in output, output[-500:])
checks.true("the summary comes last", output.rfind(b"seep") > output.rfind(b"said\r\n"),
            output[-500:])
checks.finish()
