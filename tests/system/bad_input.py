#!/usr/bin/env python3
"""What is not there, not allowed, no recording, cut or damaged: one clear line, the promised exit
status, and no harm to a recording that was made before."""
import json
import os
import random
import re
import resource
import shutil
import stat
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import IS_LONG, SCRATCH, Checks, check_invariants, new_path, seep, target

checks = Checks()
READERS = (["report", "--json", "--limit=0"], ["report"], ["info"], ["dump"])
NOBODY = 65534
IS_ROOT = os.geteuid() == 0
HOME = new_path(".folder")
os.mkdir(HOME)


def here(name):
    return os.path.join(HOME, name)


def write(name, data, mode=0o644):
    with open(here(name), "wb") as file:
        file.write(data)
    os.chmod(here(name), mode)


def read(name):
    with open(here(name), "rb") as file:
        return file.read()


def says(what, arguments, status, line, **options):
    """The status, nothing on stdout, and this one line on stderr."""
    done = seep(*arguments, cwd=HOME, **options)
    checks.equal(f"{what}: status", status, done.returncode)
    checks.equal(f"{what}: stdout", b"", done.stdout)
    checks.equal(f"{what}: stderr", f"seep: {line}\n", done.stderr.decode(errors="replace"))


def run_says(what, command, status, line, options=("-o", "good.seep"), **run_options):
    says(what, ["run", *options, "--", *command], status, line, **run_options)


# As somebody who may not read and write everything: root becomes nobody, if nobody can get at seep.
UNPRIVILEGED = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if IS_ROOT else {}
os.chmod(SCRATCH, 0o711)
try:
    HAS_UNPRIVILEGED = seep("--version", **UNPRIVILEGED).returncode == 0
except PermissionError:
    HAS_UNPRIVILEGED = False


made = seep("run", "-q", "-o", "good.seep", "--", target("family"), "malloc", cwd=HOME)
checks.equal("a recording to begin with", 0, made.returncode)
GOOD = read("good.seep")

# ---- commands that cannot be run; the recording of that name stays

write("text", b"hello\n")
write("no_interpreter", b"#!/no/such/interpreter\n", 0o755)
os.mkdir(here("folder"))
run_says("not in PATH", ["no-such-program"], 127, "cannot run no-such-program: no such program in PATH")
run_says("no file", ["./nothing"], 127, "cannot run ./nothing: no such file")
run_says("no folder", ["nothing/nothing"], 127, "cannot run nothing/nothing: no such file")
run_says("not executable", ["./text"], 126, "cannot run ./text: Permission denied")
run_says("a folder", ["./folder"], 126, "cannot run ./folder: Permission denied")
run_says("no interpreter", ["./no_interpreter"], 126,
         "cannot run ./no_interpreter: its interpreter or loader is missing")
STATIC = target("static_child")
run_says("static", [STATIC], 125,
         f"cannot record {STATIC}: it is statically linked, so nothing can be preloaded into it "
         "(--best-effort runs it unrecorded)")
shutil.copy(target("family"), here("setuid"))
os.chmod(here("setuid"), 0o4755)
if IS_ROOT and HAS_UNPRIVILEGED and os.stat(here("setuid")).st_mode & stat.S_ISUID:
    os.chmod(HOME, 0o777)
    run_says("setuid", ["./setuid", "malloc"], 125,
             "cannot record ./setuid: it is setuid, setgid or has capabilities, so the loader "
             "ignores the preload (--best-effort runs it unrecorded)",
             options=("-o", "nobody.seep"), **UNPRIVILEGED)
    checks.true("setuid: no recording", not os.path.exists(here("nobody.seep")))
run_says("no command", [], 125, "run: name the program to record: seep run -- PROGRAM ...")
checks.equal("the recording made before", GOOD, read("good.seep"))
best = seep("run", "-q", "--best-effort", "-o", "unseen.seep", "--", STATIC, cwd=HOME)
checks.true("static, best effort: runs", best.returncode not in (125, 126, 127), best)
best = seep("run", "--best-effort", "-o", "nothing/a.seep", "--", "sh", "-c", "echo it ran; exit 7",
            cwd=HOME)
checks.equal("no folder, best effort: status", 7, best.returncode)
checks.equal("no folder, best effort: runs", b"it ran\n", best.stdout)
checks.true("no folder, best effort: one line",
            re.fullmatch(rb"seep: [^\n]*nothing/a\.seep[^\n]*: the command runs unrecorded\n",
                         best.stderr), best.stderr)
run_says("best effort, and no command", ["./nothing"], 127, "cannot run ./nothing: no such file",
         options=("--best-effort", "-o", "unseen.seep"))

# ---- where no recording can be written: nothing is started, and what is there stays

WITNESS = ["touch", "started"]
write("empty", b"")
os.mkfifo(here("fifo"))
os.mkdir(here("shared"))
os.chmod(here("shared"), 0o1777)
for name, leads_to in (("to_text", "text"), ("to_good", "good.seep"), ("to_nothing", "nothing")):
    os.symlink(here(leads_to), here("shared/" + name))
for what, path, trouble in (
        ("text", "text", "cannot write text: it is not a seep recording (--force replaces it)"),
        ("empty", "empty", "cannot write empty: it is not a seep recording (--force replaces it)"),
        ("a folder", "folder", "cannot write folder: it is not a regular file"),
        ("a pipe", "fifo", "cannot write fifo: it is not a regular file"),
        ("a device", "/dev/full", "cannot write /dev/full: it is not a regular file"),
        ("no name", "", 'run: --output: it needs a value ("seep help run" lists the options)'),
        *((f"a link to {name}", f"shared/to_{name}",
           f"cannot write shared/to_{name}: it is a symbolic link in a folder that others can write")
          for name in ("text", "good", "nothing"))):
    run_says(f"output to {what}", WITNESS, 125, trouble, options=("-o", path))
no_folder = seep("run", "-o", "nothing/a.seep", "--", *WITNESS, cwd=HOME)
checks.equal("no folder: status", 125, no_folder.returncode)
checks.true("no folder: one line", re.fullmatch(rb"seep: [^\n]*nothing/a\.seep[^\n]*: No such file or "
                                                rb"directory\n", no_folder.stderr), no_folder.stderr)
os.mkdir(here("forbidden"))
shutil.copy(here("good.seep"), here("forbidden/mine.seep"))
os.chmod(here("forbidden/mine.seep"), 0o600)
os.chmod(here("forbidden"), 0o555)
if HAS_UNPRIVILEGED:
    refused = seep("run", "-o", "forbidden/a.seep", "--", *WITNESS, cwd=HOME, **UNPRIVILEGED)
    checks.equal("forbidden folder: status", 125, refused.returncode)
    checks.true("forbidden folder: one line",
                re.fullmatch(rb"seep: [^\n]*forbidden/a\.seep[^\n]*: Permission denied\n",
                             refused.stderr), refused.stderr)
limited = seep("run", "-o", "limited.seep", "--", *WITNESS, cwd=HOME,
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
checks.equal("no room for anything: status", 125, limited.returncode)
checks.true("no room for anything: one line",
            re.fullmatch(rb"seep: [^\n]*: File too large\n", limited.stderr), limited.stderr)
checks.true("nothing was started", not os.path.exists(here("started")))
checks.equal("what was there: text", b"hello\n", read("text"))
checks.equal("what was there: a recording", GOOD, read("good.seep"))
checks.equal("what was there: nothing", False, os.path.exists(here("nothing")))

# ---- what is no recording

shutil.copy(target("family"), here("program"))
write("zeroes", bytes(100000))
write("magic", b"SEEPREC\n")
for what, path, trouble in (
        ("nothing", "nothing", "No such file or directory"),
        ("below a file", "text/a.seep", "Not a directory"),
        ("text", "text", "it is not a seep recording"),
        ("empty", "empty", "it is not a seep recording"),
        ("zeroes", "zeroes", "it is not a seep recording"),
        ("a program", "program", "it is not a seep recording"),
        ("a folder", "folder", "it is not a regular file"),
        ("a pipe", "fifo", "it is not a regular file"),
        ("endless", "/dev/zero", "it is not a regular file")):
    for reader in READERS:
        says(f"{reader[0]} of {what}", [*reader, path], 2, f"{path}: {trouble}")
os.chmod(here("text"), 0)
os.chmod(here("good.seep"), 0)
for reader in READERS if HAS_UNPRIVILEGED else ():
    says(f"{reader[0]} of what may not be read", [*reader, "good.seep"], 2,
         "good.seep: Permission denied", **UNPRIVILEGED)
os.chmod(here("good.seep"), 0o600)

# ---- recordings that were cut or damaged: read as far as they are whole, or one line


def chunk_ends(data):
    ends = [32]
    while data[ends[-1]:ends[-1] + 4] == b"SCHK":
        ends.append(ends[-1] + 40 + struct.unpack_from("<I", data, ends[-1] + 8)[0])
    return ends


def judge_damaged(work):
    what, data, readers = work
    path = new_path()
    with open(path, "wb") as file:
        file.write(data)
    for reader in readers:
        done = seep(*reader, path)
        said = done.stderr.decode(errors="replace")
        checks.true(f"{what}: {reader[0]}: status", done.returncode in (0, 2),
                    f"{done.returncode}: {said}")
        checks.true(f"{what}: {reader[0]}: at most a line", said.count("\n") <= 1, said)
        if done.returncode == 2:
            checks.true(f"{what}: {reader[0]}: a line", path in said and not done.stdout, said)
        elif "--json" in reader:
            judge_report(what, json.loads(done.stdout))
    os.unlink(path)


def judge_report(what, report):
    checks.equal(f"{what}: complete", False, report["complete"])
    problems = [problem["text"] for problem in report["quality"]["problems"]]
    # Before the first checkpoint there is nothing yet that adds up, and it says so.
    if not any("does not add up" in text for text in problems):
        check_invariants(checks, what, report)


def damaged_of(name, data, random_count):
    """Cut after each chunk, and cut or changed at random; some go to all readers."""
    ends = [end for end in chunk_ends(data) if end < len(data)]
    cuts = {end: READERS[:1] for end in ends}
    cuts.update((random.choice(ends) + by, READERS) for by in (-1, 0, 1, 20, 39, 40, 41))
    cuts.update((random.randrange(len(data)), READERS[:1]) for _ in range(random_count))
    for cut, readers in sorted(cuts.items()):
        if cut >= len(data):  # behind the end: nothing was cut
            continue
        yield f"{name} cut after {cut} bytes", data[:cut], readers
    for number in range(random_count):
        changed = bytearray(data)
        at = [random.randrange(len(data)) for _ in range(random.choice((1, 1, 2, 20)))]
        for place in at:
            changed[place] ^= random.randrange(1, 256)
        if bytes(changed) != data:
            yield (f"{name} changed at {sorted(at)}", bytes(changed),
                   READERS if number % 5 == 0 else READERS[:1])


# A finished one, and a journal, copied by its target.
write("copy", b'for i in 1 2 3 4 5 6; do ls / >/dev/null; done\n'
              b'until [ "$(wc -c <journal.seep)" -gt 3000 ]; do ls / >/dev/null; done\n'
              b'cat journal.seep >torn.seep\n')
copied = seep("run", "-q", "--checkpoint=10ms", "-o", "journal.seep", "--", "sh", "copy", cwd=HOME)
checks.equal("the journal: status", 0, copied.returncode)
random_count = 1000 if IS_LONG else 15
everything = [*damaged_of("finished", GOOD, random_count),
              *damaged_of("journal", read("torn.seep"), random_count)]
with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
    list(pool.map(judge_damaged, everything))
checks.finish()
