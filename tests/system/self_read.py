#!/usr/bin/env python3
"""Processes that nobody without privileges may stop or look at (PR_SET_DUMPABLE) read themselves: the
findings are those of the usual way, to the unit, where they end and while they run, in place and by a
copy, and where process_vm_readv is refused to everybody, too. Whoever of them dies meanwhile, no
figure is wrong and nothing stays behind."""
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import BUILD, SCRATCH, SEEP, TARGETS, TIMEOUT_S, Checks, clean_environment, new_path, \
    seep, target, wait_until

REFUSE = os.path.join(BUILD, "tests/helpers/refuse")
NOBODY = 65534
CASES = ("nine", "edges", "nested", "root_global", "root_stack", "root_tls", "root_key",
         "root_plugin_tls", "root_context", "thread_stack", "thread_tls", "thread_key", "thread_lost",
         "thread_argument", "thread_result", "thread_register", "thread_vector_register",
         "end_last_thread", "end_exec", "clean")
HIDDEN = f'LD_PRELOAD="$LD_PRELOAD:{target("hidden.so")}" '
# A leak check by ptrace of a seep with sanitizers would be refused as well.
ENVIRONMENT = dict(clean_environment(), ASAN_OPTIONS="detect_leaks=0")
USER = {}
checks = Checks()

if os.geteuid() == 0:
    USER = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    os.chmod(SCRATCH, 0o777)


def as_user(command, **options):
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False,
                          env=ENVIRONMENT, stdin=subprocess.DEVNULL, **USER, **options)


def is_possible():
    try:
        return as_user([SEEP, "--version"]).returncode == 0 and \
            as_user([target("waits"), "0"]).returncode == 0
    except OSError:
        return False


def leaks(path):
    return json.loads(seep("leaks", "--json", path).stdout)["processes"]


# ---- where they end --------------------------------------------------------------------------

FIGURES = ("kind", "fingerprint", "blocks", "bytes", "indirect_blocks", "indirect_bytes", "cycle")


def findings(path):
    """By case: was it complete, what was lost and where from; and who read it."""
    found, readers = {}, set()
    for process in leaks(path):
        arguments = process["arguments"] or []
        if len(arguments) > 1 and arguments[1] in CASES:
            scan = process["scan"]
            found.setdefault(arguments[1], (
                scan["done"], scan["note"], scan["missing_threads"], scan["unsure_blocks"],
                process["summary"],
                sorted(tuple(leak[figure] for figure in FIGURES) for leak in process["leaks"])))
            readers.add(scan["self_read"])
    return found, readers


def record_cases(begin, wrapper=(), options=()):
    path = new_path()
    lines = [f'{begin}"{target("lost")}" {name} "{TARGETS}"' for name in CASES]
    made = as_user([*wrapper, SEEP, "run", "-q", "-o", path, *options, "--", "/bin/sh", "-c",
                    "\n".join([*lines, "true"])])
    checks.equal(f"{begin} {wrapper}: status", (0, b""), (made.returncode, made.stderr))
    return path


def check_ends():
    usual, readers = findings(record_cases(""))
    checks.equal("the usual way: all cases", len(CASES), len(usual))
    checks.equal("the usual way: read by", {False}, readers)
    ways = {"hidden": (), "hidden, --stop=signal": ()}
    if as_user([REFUSE, "ptrace", "true"]).returncode == 0:
        ways["hidden, process_vm_readv refused"] = [REFUSE, "ptrace,process_vm_readv"]
    for what, wrapper in ways.items():
        found, readers = findings(record_cases(
            HIDDEN, wrapper, ["--stop=signal"] if "--stop" in what else []))
        checks.equal(f"{what}: read by", {True}, readers)
        for name in CASES:
            checks.equal(f"{what}: {name}", usual[name], found.get(name))


# ---- while they run --------------------------------------------------------------------------

QUIET = ["interrupted", "0", "visible", "0", "children", "0"]
_turns = []


def start_waiting(blocks, begin=HIDDEN, name="waits"):
    """Under a name of its own, so that it can be told from what others run."""
    _turns.append(name)
    program = os.path.join(SCRATCH, f"w{os.getpid()}-{len(_turns)}")
    os.symlink(target(name), program)
    path = new_path()
    # pylint: disable=consider-using-with
    process = subprocess.Popen([SEEP, "run", "-q", "-o", path, "--", "/bin/sh", "-c",
                                f"{begin}exec {program} {blocks}"], env=ENVIRONMENT,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, **USER)
    pid = process.stdout.readline().split()[1].decode()
    return path, process, pid, os.path.basename(program)


def start_asking(pid):
    return subprocess.Popen([SEEP, "snapshot", pid], env=ENVIRONMENT, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **USER)


def called(name):
    """Processes with this name: the program, and what stands in for it."""
    found = set()
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                if entry.isdigit() and f" ({name}) " in file.read():
                    found.add(int(entry))
        except OSError:
            pass
    return found


def scanned(path):
    return [(process["scan"], process["summary"]) for process in leaks(path)
            if process["scan"]["done"]]


def check_running(blocks):
    """The last figures are those of a process that everybody may look at."""
    figures = {}
    for what, begin in (("usual", ""), ("hidden", HIDDEN)):
        path, process, pid, name = start_waiting(blocks, begin)
        instants = []
        for number in range(3):
            answer = as_user([SEEP, "snapshot", pid])
            instants.append(answer.stdout.decode().split()[0])
            checks.equal(f"{what}, {blocks}: snapshot {number}", (0, b""),
                         (answer.returncode, answer.stderr))
            wait_until("nothing stays behind", lambda: len(called(name)) == 1)
        output, _ = process.communicate(b"\n", timeout=TIMEOUT_S)
        checks.equal(f"{what}, {blocks}: what it sees", QUIET, output.decode().split())
        for number, instant in enumerate(instants):
            (scan, summary), = scanned(f"{path}@{instant}")
            figures[what] = summary
            checks.equal(f"{what}, {blocks}: {number}: scan",
                         (True, None, 0, 0, blocks > 64, what == "hidden"),
                         (scan["complete"], scan["note"], scan["missing_threads"],
                          scan["unreadable_bytes"], scan["copied"], scan["self_read"]))
            checks.equal(f"{what}, {blocks}: {number}: lost", {"blocks": 1, "bytes": 699},
                         summary["definite"])
    checks.equal(f"{blocks}: as usual", figures["usual"], figures["hidden"])
    text = seep("leaks", f"{path}@{instants[0]}").stdout
    checks.true(f"{blocks}: says who read it", "read by itself" in " ".join(text.decode().split()), text)


# ---- deaths ----------------------------------------------------------------------------------


def check_after(what, path):
    """There is an answer, or a word that there is none; never a wrong figure."""
    found = seep("leaks", "--json", path)
    checks.equal(f"{what}: seep leaks", 0, found.returncode)
    for process in json.loads(found.stdout)["processes"]:
        lost = process["summary"]["definite"]
        if os.path.basename(process["executable"]).startswith("waits"):
            checks.true(f"{what}: {lost}", lost in (None, {"blocks": 1, "bytes": 699}))


def check_death_of_stand_in(blocks):
    path, process, pid, name = start_waiting(blocks)
    with start_asking(pid) as asking:
        seen = set()
        while not seen and asking.poll() is None:
            seen = called(name) - {int(pid)}
        for other in seen:
            try:
                os.kill(other, signal.SIGKILL)
            except OSError:
                pass
        output, errors = asking.communicate(timeout=TIMEOUT_S)
    checks.true(f"stand-in killed, {blocks}: an answer", asking.returncode in (0, 2),
                (asking.returncode, errors))
    instants = output.decode().split()[:1]
    answer = as_user([SEEP, "snapshot", pid])
    checks.equal(f"stand-in killed, {blocks}: the next", (0, b""),
                 (answer.returncode, answer.stderr))
    instants += answer.stdout.decode().split()[:1]
    output, _ = process.communicate(b"\n", timeout=TIMEOUT_S)
    checks.equal(f"stand-in killed, {blocks}: the program", QUIET, output.decode().split())
    for instant in instants:
        check_after(f"stand-in killed, {blocks}", f"{path}@{instant}")
    check_after(f"stand-in killed, {blocks}", path)


def check_death_of_target(blocks, turn):
    path, process, pid, name = start_waiting(blocks)
    with start_asking(pid) as asking:
        for _ in range(turn * 200):
            os.sched_yield()
        os.kill(int(pid), signal.SIGKILL)
        asking.communicate(timeout=TIMEOUT_S)
    checks.true(f"target killed, {blocks}: an answer", asking.returncode in (0, 2))
    process.communicate(timeout=TIMEOUT_S)
    checks.equal(f"target killed, {blocks}: status", -signal.SIGKILL, process.returncode)
    wait_until("nothing stays behind", lambda: not called(name))
    check_after(f"target killed, {blocks}", path)


def check_death_of_recorder(blocks):
    _, process, pid, name = start_waiting(blocks)
    with start_asking(pid) as asking:
        while len(called(name)) < 2 and asking.poll() is None:
            pass
        process.kill()
        asking.communicate(timeout=TIMEOUT_S)
    wait_until("it goes on alone", lambda: called(name) == {int(pid)})
    output, _ = process.communicate(b"\n", timeout=TIMEOUT_S)
    checks.equal(f"recorder killed, {blocks}: the program", QUIET, output.decode().split())


def main():
    if not is_possible():
        print("the build folder cannot be used by somebody without privileges")
        sys.exit(77)
    check_ends()
    for blocks in (0, 80):
        check_running(blocks)
        check_death_of_stand_in(blocks)
        check_death_of_recorder(blocks)
        for turn in range(3):
            check_death_of_target(blocks, turn)
    checks.finish()


main()
