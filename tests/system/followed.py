#!/usr/bin/env python3
"""Children in places where the usual way to the recorder does not lead: other users, pid and mount
namespaces, no /proc, chroot; programs that no preload can enter, behind scripts too; seep itself as
process 1; odd folders for the session. Much of it only root may do: then it is left out."""
import os
import shutil
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import (SCRATCH, SEEP, Checks, Recording, check_invariants, clean_environment,
                      new_path, record, run, target)

checks = Checks()
WAYS = target("process_ways")
STATIC = target("static_child")


def may(*command):
    """Whether the command, an unshare or the like, is allowed here."""
    try:
        return os.geteuid() == 0 and run([*command, "true"]).returncode == 0
    except FileNotFoundError:
        return False


def names(recording):
    return [os.path.basename(process["executable"]) for process in recording.report["processes"]]


def the_process(recording, name):
    found = [process for process in recording.report["processes"]
             if os.path.basename(process["executable"]) == name]
    return found[-1] if found else {"observed": None, "exit": None, "reason": None, "id": None,
                                    "parent_id": None, "totals": {"live_bytes": None}}


def expect_child(what, recording, output=b"", parent=None):
    """`process_ways child` was run somewhere below, ended with 8 and kept 1000 bytes."""
    child = the_process(recording, "process_ways")
    checks.equal(f"{what}: stderr", b"", recording.stderr)
    checks.equal(f"{what}: stdout", output, recording.stdout)
    checks.equal(f"{what}: observed", True, child["observed"])
    checks.equal(f"{what}: exit", {"status": 8}, child["exit"])
    checks.equal(f"{what}: live", 1000, child["totals"]["live_bytes"])
    checks.equal(f"{what}: complete", True, recording.report["complete"])
    if parent is not None:
        checks.equal(f"{what}: parent", the_process(recording, parent)["id"], child["parent_id"])
    check_invariants(checks, what, recording.report)


# ---- other users and namespaces

def check_other_user():
    os.chmod(SCRATCH, 0o755)
    for what, command in (
            ("setpriv", ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]),
            ("setpriv, unprivileged for good", ["setpriv", "--reuid=65534", "--regid=65534",
                                                "--clear-groups", "--no-new-privs"])):
        if may(*command) and run([*command, WAYS, "child"]).returncode == 8:
            recording = record([*command, WAYS, "child"])
            expect_child(what, recording)
            recording = record([*command, "sh", "-c", f"{WAYS} child; {WAYS} child; exit 3"])
            expect_child(what + ", by a shell", recording, parent="dash" if "dash" in
                         names(recording) else None)
            checks.equal(f"{what}: status", 3, recording.status)


def check_pid_namespaces():
    script = f"{WAYS} child; sh -c 'kill -KILL $$' 2>/dev/null; exit 3"
    for options in (["-p", "-f"], ["-p", "-f", "--mount-proc"], ["-p", "-f", "-n", "-i", "-u"]):
        command = ["unshare", *options]
        if not may(*command):
            continue
        what = " ".join(command)
        recording = record([*command, WAYS, "child"])
        expect_child(what, recording, parent="unshare")
        recording = record([*command, "sh", "-c", script])
        expect_child(what + ", by a shell", recording)
        checks.equal(f"{what}: status", 3, recording.status)
        checks.true(f"{what}: the killed one says so",
                    {"signal": 9} in [process["exit"] for process in recording.report["processes"]],
                    recording.report["processes"])
        pids = [process["pid"] for process in recording.report["processes"]]
        checks.true(f"{what}: pids are the recorder's", min(pids) > 10, pids)
        nested = record([*command, "unshare", *options, WAYS, "child"])
        expect_child(what + ", twice", nested, parent="unshare")
        recording = record([*command, WAYS, "_Fork"])
        checks.equal(f"{what}: a fork in there", 150,
                     recording.report["processes"][-1]["totals"]["inherited_bytes"])


def check_without_proc():
    command = ["unshare", "-m", "sh", "-c"]
    if may("unshare", "-m"):
        recording = record([*command, f"mount -t tmpfs none /proc && {WAYS} child; exit $?"])
        expect_child("no /proc", recording)


def check_chroot():
    """The library is not there: the entry is left out, the reason said, and nobody complains."""
    root = os.path.join(SCRATCH, "root")
    if not may("chroot", "/"):
        return
    os.makedirs(root)
    for name in (WAYS, *loaded_files(WAYS)):
        os.makedirs(root + os.path.dirname(name), exist_ok=True)
        shutil.copy(name, root + name)
    recording = record([sys.executable, "-c", f"""
import os
os.chroot({root!r}); os.chdir("/")
os.spawnv(os.P_WAIT, {WAYS!r}, [{WAYS!r}, "child"])
os.posix_spawn({WAYS!r}, [{WAYS!r}, "child"], os.environ)
os.wait()
"""])
    checks.equal("chroot: stderr", b"", recording.stderr)
    children = [process for process in recording.report["processes"]
                if os.path.basename(process["executable"]) == "process_ways"]
    checks.equal("chroot: children", 2, len(children))
    for child in children:
        checks.equal("chroot: exit", {"status": 8}, child["exit"])
        checks.equal("chroot: observed", False, child["observed"])
        checks.true("chroot: reason", "cannot be read" in (child["reason"] or ""), child["reason"])


def loaded_files(program):
    listed = run(["ldd", program]).stdout.decode().split()
    return [word for word in listed if word.startswith("/")]


# ---- programs that cannot be entered

def check_unfollowable():
    inner, outer = os.path.join(SCRATCH, "inner"), os.path.join(SCRATCH, "outer")
    for path, interpreter in ((inner, STATIC), (outer, inner)):
        with open(path, "w", encoding="ascii") as script:
            script.write(f"#! {interpreter}\n")
        os.chmod(path, 0o755)
    cases = [("a script of a static interpreter", outer, "statically", 7)]
    if os.geteuid() == 0:
        setuid = os.path.join(SCRATCH, "setuid_child")
        shutil.copy(WAYS, setuid)
        os.chown(setuid, 65534, -1)
        os.chmod(setuid, 0o755 | stat.S_ISUID)
        cases.append(("a setuid program", setuid, "setuid", 8))
    for what, program, reason, status in cases:
        recording = record(["sh", "-c", f"{program} child; exit 3"])
        child = recording.report["processes"][-1]
        checks.equal(f"{what}: status", 3, recording.status)
        checks.equal(f"{what}: stderr", b"", recording.stderr)
        checks.equal(f"{what}: observed", False, child["observed"])
        checks.true(f"{what}: reason", reason in (child["reason"] or ""), child["reason"])
        checks.true(f"{what}: exit", child["exit"] == {"status": status}, child["exit"])


def check_environments():
    for what, command in (("env -i", ["env", "-i", WAYS, "child"]),
                          ("env -u", ["env", "-u", "LD_PRELOAD", WAYS, "child"]),
                          ("nohup nice", ["nohup", "nice", WAYS, "child"]),
                          ("setsid", ["setsid", "-w", WAYS, "child"]),
                          ("xargs", ["xargs", WAYS, "child"])):
        recording = record(command)
        child = the_process(recording, "process_ways")
        checks.equal(f"{what}: observed", True, child["observed"])
        checks.equal(f"{what}: exit", {"status": 8}, child["exit"])


# ---- seep as process 1

def check_process_1():
    """Orphans come to it and are reaped; a signal that killed the command shows as 128 + number."""
    unshare = ["unshare", "-p", "-f", "--mount-proc"]
    if not may(*unshare):
        return
    script = ("(sleep 0.01 & exit 0); while ls -d /proc/[0-9]*/comm | xargs cat 2>/dev/null |"
              " grep -q sleep; do :; done;"
              "grep -l 'State:.Z' /proc/[0-9]*/status | wc -l; kill -TERM $$")
    path = new_path()
    finished = run([*unshare, SEEP, "run", "-q", "-o", path, "--", "sh", "-c", script])
    checks.equal("process 1: status", 128 + 15, finished.returncode)
    checks.equal("process 1: zombies", b"0\n", finished.stdout)
    recording = Recording(path, finished)
    checks.equal("process 1: the command", {"signal": 15}, recording.process()["exit"])


# ---- where the session's folder lies

def check_folders():
    spaced = os.path.join(SCRATCH, "with space")
    colon = os.path.join(SCRATCH, "with:colon")
    deep = os.path.join(SCRATCH, "d" * 100)
    for path in (spaced, colon, deep):
        os.mkdir(path)
    command = ["sh", "-c", f"{WAYS} child; exit 3"]
    for what, value in (("a space", spaced), ("a colon", colon), ("a long name", deep),
                        ("a folder that is not there", SCRATCH + "/no"), ("a relative one", "."),
                        ("nothing", "")):
        for variable in ("TMPDIR", "XDG_RUNTIME_DIR"):
            environment = clean_environment()
            environment[variable] = value
            recording = record(command, env=environment)
            expect_child(f"{variable} is {what}", recording)
    checks.equal("folders are removed", [],
                 [name for name in os.listdir(deep) if name.startswith("seep-")])
    if may("unshare", "-m"):
        path = new_path()
        mount = f"mount -t tmpfs -o noexec,mode=1777 none {colon} && exec \"$@\""
        environment = clean_environment()
        environment["TMPDIR"] = spaced + "/../" + os.path.basename(deep)
        mount = mount.replace(colon, deep)
        finished = run(["unshare", "-m", "sh", "-c", mount, "sh", SEEP, "run", "-q", "-o", path,
                        "--", *command], env=environment)
        expect_child("a folder mounted noexec", Recording(path, finished))


def check_folder_removed():
    """Children that begin later cannot find it: they run, are not seen, and it is said."""
    script = ("import os, shutil, subprocess\n"
              "folder = os.path.dirname(os.environ['LD_PRELOAD'].split(':')[0])\n"
              "shutil.rmtree(folder)\n"
              f"raise SystemExit(subprocess.run([{WAYS!r}, 'child']).returncode)\n")
    recording = record([sys.executable, "-c", script])
    child = the_process(recording, "process_ways")
    checks.equal("folder removed: status", 8, recording.status)
    checks.equal("folder removed: stderr", b"", recording.stderr)
    checks.equal("folder removed: observed", False, child["observed"])
    checks.equal("folder removed: exit", {"status": 8}, child["exit"])


def check_strangers():
    """Who is not of the session gets nothing at the door."""
    script = """
import array, os, socket, subprocess, sys
door = os.path.dirname(os.environ["LD_PRELOAD"].split(":")[0]) + "/door"
ask = '''
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1])
print(len(socket.recv_fds(s, 4, 1)[1]))
'''
subprocess.run([sys.executable, "-c", ask, door])
with open(sys.argv[1], "w") as pipe: pipe.write(door)
open(sys.argv[2]).read()
"""
    ask = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(5);"
           "s.connect(sys.argv[1]); print(len(socket.recv_fds(s, 4, 1)[1]))")
    there, back = os.path.join(SCRATCH, "there"), os.path.join(SCRATCH, "back")
    os.mkfifo(there)
    os.mkfifo(back)
    with subprocess.Popen([SEEP, "run", "-q", "-o", new_path(), "--", sys.executable, "-c", script,
                           there, back], env=clean_environment(), stdout=subprocess.PIPE) as seep:
        with open(there, encoding="utf-8") as pipe:
            door = pipe.read()
        stranger = run([sys.executable, "-c", ask, door])
        with open(back, "w", encoding="utf-8"):
            pass
        checks.equal("a child gets the memory", b"1\n", seep.stdout.read())
    checks.equal("a stranger gets nothing", b"0\n", stranger.stdout)


# ---- older glibc

def check_old_glibc():
    """A library that finds no dlsym and no _dl_find_object does all the same."""
    folder = os.path.join(SCRATCH, "old")
    os.mkdir(folder)
    shutil.copy(SEEP, folder)
    shutil.copy(os.path.join(os.getcwd(), "tests/old/libseep-preload.so"), folder)
    command = [os.path.join(folder, "seep"), "run", "-q", "-o"]

    path = new_path()
    expect_child("old glibc", Recording(path, run([*command, path, "--", "sh", "-c",
                                                   f"{WAYS} child; exit 3"])))
    path = new_path()
    recording = Recording(path, run([*command, path, "--", target("family"), "malloc"]))
    modules = {os.path.basename(frame["module"] or "?") for site in recording.process()["sites"]
               for frame in site["stack"]}
    checks.true("old glibc: modules are known", "?" not in modules and "family" in modules, modules)
    checks.equal("old glibc: unwinding", 0, recording.report["quality"]["failed_unwinds"])
    path = new_path()
    recording = Recording(path, run([*command, path, "--", target("plugins"), "both"]))
    modules = {os.path.basename(frame["module"] or "?") for site in recording.process()["sites"]
               for frame in site["stack"]}
    checks.true("old glibc: plugins are known", any("plugin_" in module for module in modules),
                modules)


check_environments()
check_old_glibc()
check_unfollowable()
check_folders()
check_folder_removed()
check_strangers()
check_other_user()
check_pid_namespaces()
check_without_proc()
check_chroot()
check_process_1()
checks.finish()
