#!/usr/bin/env python3
"""seep top without a process: nobody who is recorded, one, or several of which one is chosen by keys,
filter and mouse, or none. In a process namespace of its own, so that no other session is in the list.
tests/targets/levels.c takes 256 KiB for each byte that it is told to."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SEEP, TIMEOUT_S
from watching import Viewer, checks, start_target

if not os.environ.get("SEEP_TEST_ALONE"):
    alone = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if os.geteuid() != 0:
        alone[1:1] = ["--user", "--map-root-user"]
    try:
        done = subprocess.run([*alone, "true"], capture_output=True, timeout=TIMEOUT_S, check=False)
        is_possible = done.returncode == 0
    except OSError:
        is_possible = False
    if not is_possible:
        print("no process namespace can be made here")
        sys.exit(77)
    os.environ["SEEP_TEST_ALONE"] = "1"
    os.execvp(alone[0], [*alone, sys.executable, *sys.argv])


def choose():
    return Viewer([SEEP, "top", "--interval=20ms"])


def title(screen):
    return screen.splitlines()[0].strip()


# ---- nobody

status, errors = choose().end()
checks.equal("nobody: status", 2, status)
checks.true("nobody: why", "no program is recorded now" in errors, errors)

# ---- one: nothing needs to be chosen

first = start_target()
viewer = choose()
checks.true("one: its screen", "Live" in viewer.screen() and
            f"levels (pid {first.pid})" in viewer.screen(), viewer.screen())
checks.equal("one: q", (0, ""), viewer.end("key q"))

# ---- several, in the order of their recorders

sessions = [first, start_target(), start_target()]
viewer = choose()
seen = viewer.screen()
checks.equal("the title", "Programs that are recorded now", title(seen))
pids = [line.split("(pid ")[1].split(")")[0] for line in seen.splitlines() if "(pid " in line]
checks.equal("all of them", [str(session.pid) for session in sessions], pids)
checks.true("the first is selected", seen.splitlines()[2].startswith("> "), seen)
checks.true("the last, by keys", viewer.screen("key Down Down Down").splitlines()[4]
            .startswith("> "), seen)
checks.true("the first, by keys", viewer.screen("key Home").splitlines()[2].startswith("> "))
seen = viewer.screen("key End Up", "key Enter")
checks.true("the second", f"levels (pid {sessions[1].pid})" in seen, seen)
checks.equal("the second: q", (0, ""), viewer.end("key q"))

# ---- a filter

viewer = choose()
seen = viewer.screen("key \\", f"type (PID {sessions[2].pid})")
checks.equal("while it is typed", f"Programs that are recorded now: 1 of 3 with \"(PID {sessions[2].pid})\"",
             title(seen))
checks.true("one is left", f"(pid {sessions[2].pid})" in seen.splitlines()[2] and
            "(pid" not in seen.splitlines()[3], seen)
seen = viewer.screen("key Enter", "key Esc")
checks.equal("Esc takes it away", "Programs that are recorded now", title(seen))
checks.true("and keeps the row", seen.splitlines()[4].startswith("> "), seen)
seen = viewer.screen("key \\", "type no such program", "key Enter", "key Enter")
checks.true("none has that text", "None has that text" in seen, seen)
seen = viewer.screen("key Esc", "key \\", "type levels", "key Esc")
checks.equal("left while it is typed", "Programs that are recorded now", title(seen))
seen = viewer.screen("key \\", f"type (pid {sessions[2].pid})", "key Enter", "key Enter")
checks.true("the filtered one", f"levels (pid {sessions[2].pid})" in seen, seen)
checks.equal("the filtered one: q", (0, ""), viewer.end("key q"))

# ---- the mouse: the first click selects, the second chooses; beside the rows nothing happens

viewer = choose()
seen = viewer.screen("click 4 20", "click 20 5", "click 1 1", "wheel-down 3 1", "wheel-up 3 1")
checks.true("clicked", seen.splitlines()[3].startswith("> "), seen)
seen = viewer.screen("click 4 20")
checks.true("clicked twice", f"levels (pid {sessions[1].pid})" in seen, seen)
checks.equal("clicked twice: q", (0, ""), viewer.end("key q"))

# ---- none of them, small windows, and steps that make no sense

for key in ("key Esc", "key q", "key Q", "key C-c"):
    checks.equal(f"{key}: nothing is chosen", (0, ""), choose().end(key))
checks.equal("the script's end", (0, ""), choose().end("key Down"))
for size in ("1 1", "2 10", "4 300", "1000 1000"):
    checks.equal(f"a window of {size}", (0, ""),
                 choose().end(f"resize {size}", "key Down \\", "type x", "key Esc Esc"))
status, errors = choose().end(":sort live")
checks.true("an unknown command", status == 2 and "is no command" in errors, errors)

for session in sessions:
    session.recorder.stdin.close()
    session.recorder.stdout.read()
    session.recorder.wait(TIMEOUT_S)
checks.finish()
