#!/usr/bin/env python3
"""A disk that is full before or while a program is recorded: the program notices nothing, and what
was written so far can be read and says that it is not all."""
import os
import random
import subprocess
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import (SEEP, TIMEOUT_S, Checks, Recording, check_invariants, clean_environment,
                      new_path, run, seep, target)

DISK_BYTES = 1 << 20


def fill(folder):
    """Takes all room that there is, on our small disk and on no other."""
    if not os.path.ismount(folder):
        raise AssertionError(f"{folder} is no disk of its own")
    with open(os.path.join(folder, "filler"), "ab", buffering=0) as file:
        try:
            for _ in range(2 * DISK_BYTES // 512):
                file.write(bytes(512))
        except OSError:
            return
    raise AssertionError("the disk is larger than it should be")


def wait_until(what, is_true):
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} never came")
        os.sched_yield()


def read_until(process, name):
    while True:
        line = process.stdout.readline().split()
        if not line:
            raise AssertionError(f"the target ended before it was {name}")
        if line[0].decode() == name:
            return


def go_on(process):
    process.stdin.write(b"\n")
    process.stdin.flush()


def has_first_block(path):
    return b" allocated_bytes=123 " in seep("dump", "--kind=site", path).stdout


def check_full_before(checks, folder):
    fill(folder)
    path, witness = os.path.join(folder, "before.seep"), new_path()
    done = seep("run", "-o", path, "--", "touch", witness)
    checks.equal("full before: status", 125, done.returncode)
    checks.equal("full before: what it says",
                 f"seep: cannot write {path}: No space left on device\n", done.stderr.decode())
    checks.true("full before: nothing was started", not os.path.exists(witness))
    checks.equal("full before: what is left", ["filler"], os.listdir(folder))
    os.unlink(os.path.join(folder, "filler"))


def check_full_at_once(checks, folder):
    """There is room for the recording's head, and not for its first records: the command runs."""
    fill(folder)
    with open(os.path.join(folder, "filler"), "ab") as file:
        file.truncate(file.tell() - 4096)
    path = os.path.join(folder, "at_once.seep")
    done = seep("run", "-o", path, "--", "sh", "-c", "echo it ran; exit 7", "sh",
                random.randbytes(20000).hex())
    checks.equal("full at once: status", 7, done.returncode)
    checks.equal("full at once: the command's output", b"it ran\n", done.stdout)
    checks.equal("full at once: what it says",
                 f"seep: cannot write {path}: No space left on device\n", done.stderr.decode())
    checks.equal("full at once: what is left", ["filler"], os.listdir(folder))
    os.unlink(os.path.join(folder, "filler"))


def check_full_during(checks, folder, what, is_room_made, argument):
    recording = Recording(os.path.join(folder, "a.seep"))
    process = subprocess.Popen([SEEP, "run", "-q", "--checkpoint=50ms", "-o", recording.path, "--",
                                target("burst"), "20000", argument], env=clean_environment(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    read_until(process, "ready")
    wait_until("the first checkpoint", lambda: has_first_block(recording.path))
    fill(folder)
    go_on(process)
    read_until(process, "done")
    if is_room_made:
        os.unlink(os.path.join(folder, "filler"))
    go_on(process)
    said = process.communicate(timeout=TIMEOUT_S)[1].decode()
    checks.equal(f"{what}: the command's status", 7, process.returncode)
    report = recording.report
    check_invariants(checks, what, report)
    checks.equal(f"{what}: the first block", 1, sum(site["allocated_bytes"] == 123
                                                    for site in report["processes"][0]["sites"]))
    # What remains of the last page may hold the end, in the journal.
    is_whole = is_room_made or (not argument and report["complete"])
    checks.equal(f"{what}: complete", is_whole, report["complete"])
    checks.equal(f"{what}: finished", is_whole, report["quality"]["finished"])
    if is_whole:
        checks.equal(f"{what}: events", 2 * 20000 + 2, report["quality"]["events"])
        checks.equal(f"{what}: nothing said", "", said)
    else:
        checks.equal(f"{what}: what it says",
                     f"seep: cannot write {recording.path}: No space left on device\n", said)
    for command in ("info", "report", "dump"):
        checks.equal(f"{what}: seep {command}", 0, seep(command, recording.path).returncode)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))


def main():
    checks = Checks()
    folder = new_path(".disk")
    os.mkdir(folder)
    mounted = run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", folder])
    if mounted.returncode != 0:
        print(f"skipped: no small disk to fill: {mounted.stderr.decode().strip()}")
        raise SystemExit(77)
    try:
        check_full_before(checks, folder)
        check_full_at_once(checks, folder)
        check_full_during(checks, folder, "full to the end", False, "")
        # The command stands in the recording and does not compress.
        check_full_during(checks, folder, "full, and much to say", False,
                          random.randbytes(50000).hex())
        check_full_during(checks, folder, "full for a while", True, random.randbytes(50000).hex())
    finally:
        run(["umount", "-l", folder])
    checks.finish()


main()
