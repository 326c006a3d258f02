#!/usr/bin/env python3
"""Processes that may not be stopped by ptrace, because a filter, a tracer or an option refuses it, are
held by a signal; where process_vm_readv is refused too, they are read another way; what somebody else
has stopped is read as it stands. The findings are those of the usual way, to the unit, and the
process sees nothing of it."""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import BUILD, SEEP, TARGETS, Checks, Recording, clean_environment, new_path, record, \
    run, seep, start, state_of, target, wait_until

REFUSE = os.path.join(BUILD, "tests/helpers/refuse")
checks = Checks()

CASES = ("nine", "edges", "nested", "root_global", "root_stack", "root_tls", "root_key",
         "root_plugin_tls", "root_context", "thread_stack", "thread_tls", "thread_key", "thread_lost",
         "thread_replaced", "thread_argument", "thread_result", "thread_register",
         "thread_vector_register", "end_last_thread", "end_exec", "clean")


def script():
    lost = target("lost")
    lines = [f'"{lost}" {name} "{TARGETS}"' for name in CASES]
    return ["/bin/sh", "-c", "\n".join([*lines, "true"])]


def findings(path):
    """By case: is it done and complete, and the summary."""
    report = json.loads(seep("leaks", "--json", path).stdout)
    found = {}
    for process in report["processes"]:
        arguments = process["arguments"] or []
        if len(arguments) > 1 and arguments[1] in CASES:
            found.setdefault(arguments[1], (process["scan"]["done"], process["scan"]["note"],
                                            process["scan"]["missing_threads"],
                                            process["summary"]))
    return found


def record_under(wrapper, *options):
    path = new_path()
    # A leak check by ptrace of a seep with sanitizers would be refused as well.
    environment = dict(clean_environment(), ASAN_OPTIONS="detect_leaks=0")
    finished = run([*wrapper, SEEP, "run", "-q", "-o", path, *options, "--", *script()],
                   env=environment)
    return Recording(path, finished)


usual = findings(record(script(), options=["--stop=ptrace"]).path)
checks.equal("the usual way: all cases", len(CASES), len(usual))


def check_same(what, recording):
    checks.equal(f"{what}: status", 0, recording.status)
    found = findings(recording.path)
    for name in CASES:
        checks.equal(f"{what}: {name}", usual[name], found.get(name))


check_same("as it waits, where it has one thread", record(script()))
check_same("--stop=signal", record(script(), options=["--stop=signal"]))
refusing = run([REFUSE, "ptrace", "true"])
if refusing.returncode == 0:
    check_same("ptrace refused", record_under([REFUSE, "ptrace"]))
    check_same("ptrace and process_vm_readv refused",
               record_under([REFUSE, "ptrace,process_vm_readv"]))
    refused = record_under([REFUSE, "ptrace"], "--stop=ptrace")
    checks.equal("--stop=ptrace, refused: done", {False},
                 {done for done, *_ in findings(refused.path).values()})
if shutil.which("strace") and run(["strace", "-o", "/dev/null", "true"]).returncode == 0:
    check_same("under strace", record_under(["strace", "-f", "-o", "/dev/null"]))

# A snapshot that takes seconds to be written: the process waits meanwhile, and then for its next one.
SLOW_DISK = ["strace", "-o", "/dev/null", "-e", "trace=pwrite64", "-e",
             "inject=pwrite64:delay_enter=200000:when=1..20"]
if shutil.which("strace") and run([*SLOW_DISK, "true"]).returncode == 0:
    path = new_path()
    waited = run([*SLOW_DISK, SEEP, "run", "-q", "-o", path, "--scan-budget=600s", "--",
                  target("web"), "500000"], env=dict(clean_environment(), ASAN_OPTIONS="detect_leaks=0"))
    checks.equal("slow disk: status", 0, waited.returncode)
    snapshots = json.loads(seep("info", "--json", path).stdout)["snapshots"]
    checks.equal("slow disk: snapshots", [("before-exit", "done", None), ("exit", "done", None)],
                 [(taken["taken"], taken["result"], taken["note"]) for taken in snapshots])


# ---- while it runs ---------------------------------------------------------------------------

QUIET = ["interrupted", "0", "visible", "0", "children", "0"]


def start_waiting(*options, blocks=0):
    recording, process = start([target("waits"), str(blocks)], options=list(options), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    pid = process.stdout.readline().split()[1].decode()
    return recording, process, pid


def end_waiting(process):
    output, _ = process.communicate(b"\n", timeout=60)
    return output.decode().split()


def sites_of_waits(path, number):
    report = json.loads(seep("leaks", "--json", f"{path}@snapshot:{number - 1}").stdout)
    process = report["processes"][0]
    return process["scan"], process["summary"]["definite"], process["summary"]["possible"]


for way in ("ptrace", "signal"):
    recording, process, pid = start_waiting(f"--stop={way}")
    for number in (1, 2, 3):
        asked = seep("snapshot", pid)
        checks.equal(f"{way}: snapshot {number}", 0, asked.returncode)
    checks.equal(f"{way}: what the program sees", QUIET, end_waiting(process))
    for number in (1, 2, 3):
        scan, definite, possible = sites_of_waits(recording.path, number)
        checks.equal(f"{way}: {number}: complete", (True, None, 0),
                     (scan["done"], scan["note"], scan["missing_threads"]))
        checks.equal(f"{way}: {number}: lost", (1, 699), (definite["blocks"], definite["bytes"]))
        checks.equal(f"{way}: {number}: possible", 0, possible["blocks"])

# A large one goes on while a copy of it is read.
for way in ("ptrace", "signal"):
    recording, process, pid = start_waiting(f"--stop={way}", blocks=80)
    for number in (1, 2, 3):
        checks.equal(f"copied, {way}: snapshot {number}", 0, seep("snapshot", pid).returncode)
    checks.equal(f"copied, {way}: what the program sees", QUIET, end_waiting(process))
    for number in (1, 2, 3):
        scan, definite, possible = sites_of_waits(recording.path, number)
        checks.equal(f"copied, {way}: {number}: complete", (True, None, 0),
                     (scan["done"], scan["note"], scan["missing_threads"]))
        checks.equal(f"copied, {way}: {number}: copied", True, scan["copied"])
        checks.true(f"copied, {way}: {number}: resident", scan["resident_bytes"] > 80 << 20)
        checks.equal(f"copied, {way}: {number}: lost", (1, 699),
                     (definite["blocks"], definite["bytes"]))
        checks.equal(f"copied, {way}: {number}: possible", 0, possible["blocks"])

# Stopped by a signal: by both ways, and it stays stopped.
for way in ("auto", "signal"):
    recording, process, pid = start_waiting(f"--stop={way}")
    os.kill(int(pid), signal.SIGSTOP)

    def is_stopped():
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"
    wait_until("it stops", is_stopped)
    checks.equal(f"SIGSTOP, {way}: snapshot", 0, seep("snapshot", pid).returncode)
    checks.true(f"SIGSTOP, {way}: is stopped still", is_stopped())
    os.kill(int(pid), signal.SIGCONT)
    end_waiting(process)
    scan, definite, _ = sites_of_waits(recording.path, 1)
    checks.equal(f"SIGSTOP, {way}: done", True, scan["done"])
    checks.equal(f"SIGSTOP, {way}: lost", (1, 699), (definite["blocks"], definite["bytes"]))

# Under a debugger: as it stands where that has stopped it; where it runs, by the signal alone.


class Debugger:
    """gdb, attached to a process and told by lines what to do."""

    def __init__(self, pid):
        self.process = subprocess.Popen(
            ["gdb", "-q", "-nx", "-ex", "set debuginfod enabled off",
             "-ex", "handle SIG61 nostop noprint pass", "-p", pid],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=clean_environment())

    def tell(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def is_traced_by(pid, tracer):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return f"\nTracerPid:\t{tracer}\n" in file.read()


def are_all_in(pid, letters):
    return all(state_of(f"{pid}/task/{tid}") in letters for tid in os.listdir(f"/proc/{pid}/task"))


def can_attach():
    """gdb is there, and may attach to what is not its child."""
    if shutil.which("gdb") is None:
        return False
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        probe = run(["gdb", "-q", "-nx", "-batch", "-p", str(other.pid), "-ex", "info inferiors"],
                    stdin=subprocess.DEVNULL)
        other.stdin.close()
    return f"process {other.pid}".encode() in probe.stdout


for way in ("auto", "signal") if can_attach() else ():
    recording, process, pid = start_waiting(f"--stop={way}")
    debugger = Debugger(pid)
    wait_until("gdb attaches", lambda: debugger.process.poll() is not None or
               (is_traced_by(pid, debugger.process.pid) and are_all_in(pid, "t")))
    checks.equal(f"gdb, {way}: stopped: snapshot", 0, seep("snapshot", pid).returncode)
    checks.true(f"gdb, {way}: is stopped still", are_all_in(pid, "t"))
    debugger.tell("continue")
    wait_until("it runs on", lambda: are_all_in(pid, "SR"))
    checks.true(f"gdb, {way}: is traced", is_traced_by(pid, debugger.process.pid))
    answer = seep("snapshot", pid)
    checks.equal(f"gdb, {way}: running: snapshot", 0 if way == "signal" else 2, answer.returncode)
    checks.true(f"gdb, {way}: what helps", way == "signal" or b"--stop=signal" in answer.stderr,
                answer.stderr)
    checks.true(f"gdb, {way}: who is in the way", way == "signal" or
                f"(gdb, process {debugger.process.pid}, traces it)".encode() in answer.stderr,
                answer.stderr)
    wait_until("it still runs", lambda: are_all_in(pid, "SR"))
    end_waiting(process)  # gdb itself interrupts its calls
    checks.equal(f"gdb, {way}: status", 0, process.returncode)
    debugger.end()
    for number in (1, 2) if way == "signal" else (1,):
        scan, definite, _ = sites_of_waits(recording.path, number)
        checks.equal(f"gdb, {way}: {number}: done", True, scan["done"])
        checks.equal(f"gdb, {way}: {number}: lost", (1, 699), (definite["blocks"], definite["bytes"]))

# A debugger that came later, and lets it run: one that sleeps is read as it sleeps.
for _ in range(1) if can_attach() else ():
    recording, process = start(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b"on\n")
    process.stdin.flush()
    checks.equal("cat: begins", b"on\n", process.stdout.readline())
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="utf-8") as file:
        pid = file.read().split()[0]
    debugger = Debugger(pid)
    wait_until("gdb attaches", lambda: debugger.process.poll() is not None or
               (is_traced_by(pid, debugger.process.pid) and are_all_in(pid, "t")))
    debugger.tell("continue")
    wait_until("it sleeps", lambda: are_all_in(pid, "S"))
    answer = seep("snapshot", pid)
    checks.equal(f"asleep under gdb: {answer.stderr}", 0, answer.returncode)
    process.stdin.close()
    checks.equal("asleep under gdb: status", 0, process.wait(timeout=60))
    process.stdout.close()
    debugger.end()
    info = json.loads(seep("info", "--json", recording.path).stdout)
    checks.equal("asleep under gdb: nobody held it", 0, info["snapshots"][0]["stop_ns"])
    scan = json.loads(seep("leaks", "--json",
                           f"{recording.path}@snapshot:0").stdout)["processes"][0]["scan"]
    checks.equal("asleep under gdb: scanned", (True, "read as it slept, since it cannot be stopped: its "
                                               "registers are not known"), (scan["done"], scan["note"]))

# A debugger that came later, and lets it run: one that allocates gets its handler then.
for _ in range(1) if can_attach() else ():
    recording, process = start([target("churns")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pid = process.stdout.readline().split()[1].decode()
    debugger = Debugger(pid)
    wait_until("gdb attaches", lambda: debugger.process.poll() is not None or
               (is_traced_by(pid, debugger.process.pid) and are_all_in(pid, "t")))
    debugger.tell("continue")
    wait_until("it runs on", lambda: not are_all_in(pid, "t"))
    for number in (1, 2):
        answer = seep("snapshot", pid)
        checks.equal(f"churns under gdb: snapshot {number}: {answer.stderr.decode()}", 0,
                     answer.returncode)
    process.stdin.close()
    checks.equal("churns under gdb: status", 0, process.wait(timeout=60))
    process.stdout.close()
    debugger.end()
    report = json.loads(seep("info", "--json", recording.path).stdout)
    checks.equal("churns under gdb: snapshots",
                 [("request", "done", None)] * 2 + [("call", "done", None),
                                                    ("before-exit", "done", None),
                                                    ("exit", "done", None)],
                 [(taken["taken"], taken["result"], taken["note"]) for taken in report["snapshots"]])
    for number in range(5):
        scan = json.loads(seep("leaks", "--json", f"{recording.path}@snapshot:{number}").stdout)
        checks.equal(f"churns under gdb: {number}: lost", {"blocks": 1, "bytes": 699},
                     scan["processes"][0]["summary"]["definite"])

checks.finish()
