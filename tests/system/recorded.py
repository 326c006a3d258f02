"""Shared by the system tests: records a command with the seep of the build tree, and reads what
came of it as JSON and as dump. Everything lies in one temporary folder, gone at the end."""
import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

BUILD = os.getcwd()
SOURCE = os.path.abspath(os.environ.get("srcdir") or
                         os.path.join(os.path.dirname(__file__), "../.."))
SEEP = os.path.join(BUILD, "seep")
TARGETS = os.path.join(BUILD, "tests/targets")
IS_LONG = bool(os.environ.get("SEEP_LONG_TESTS"))
TIMEOUT_S = 300  # of a command that hangs; nothing waits this long otherwise

SCRATCH = tempfile.mkdtemp(prefix="seep-test-")
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


def clean_environment():
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("SEEP_") and
                   name not in ("CI", "NO_COLOR", "LD_PRELOAD", "XDG_RUNTIME_DIR")}
    environment.update(LC_ALL="C", TMPDIR=SCRATCH, XDG_CONFIG_HOME=SCRATCH + "/config")
    return environment


def target(name):
    return os.path.join(TARGETS, name)


def run(command, **options):
    """Runs a command to its end. Returns the CompletedProcess, with bytes."""
    options.setdefault("env", clean_environment())
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, **options)


def seep(*arguments, **options):
    return run([SEEP, *arguments], **options)


class Recording:
    """A recording file and how the run that made it ended."""

    def __init__(self, path, finished=None):
        self.path = path
        self.finished = finished
        self._report = None

    @property
    def status(self):
        return self.finished.returncode

    @property
    def stdout(self):
        return self.finished.stdout

    @property
    def stderr(self):
        return self.finished.stderr

    @property
    def report(self):
        if self._report is None:
            read = seep("report", "--json", "--limit", "0", self.path)
            if read.returncode != 0:
                raise AssertionError(f"seep report: {read.stderr.decode()}")
            self._report = json.loads(read.stdout)
        return self._report

    def process(self, index=0):
        return self.report["processes"][index]

    def dump(self, *kinds):
        """The records as (kind, {field: text, number or list})."""
        read = seep("dump", *(f"--kind={kind}" for kind in kinds), self.path)
        if read.returncode != 0:
            raise AssertionError(f"seep dump: {read.stderr.decode()}")
        return [parse_record(line) for line in read.stdout.decode().splitlines()]


FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|<[^>]*>|\S*)')


def parse_record(line):
    kind, _, rest = line.partition(" ")
    fields = {}
    for name, value in FIELD.findall(rest):
        if value.startswith("["):
            words = value[1:-1].replace(",", " ").split()
            fields[name] = [int(word) if word.isdigit() else word for word in words]
        elif value.startswith('"'):
            fields[name] = value[1:-1]
        else:
            fields[name] = int(value) if value.isdigit() else value
    return kind, fields


_counter = [0]


def new_path(suffix=".seep"):
    _counter[0] += 1
    return os.path.join(SCRATCH, f"{_counter[0]}{suffix}")


def record(command, options=(), **run_options):
    path = new_path()
    finished = seep("run", "-q", "-o", path, *options, "--", *command, **run_options)
    return Recording(path, finished)


def start(command, options=(), **popen_options):
    """`seep run` in the background: the recording to be, and the process."""
    recording = Recording(new_path())
    process = subprocess.Popen([SEEP, "run", "-q", "-o", recording.path, *options, "--", *command],
                               env=clean_environment(), **popen_options)
    return recording, process


def wait_until(what, is_true):
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} never came")
        os.sched_yield()


def state_of(pid):
    """The letter that the kernel has for the state of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


def function_name(frame):
    """Of a frame, without the parameters and templates of C++ and without local namespaces."""
    name = frame["function"] or "?"
    name = name.replace("(anonymous namespace)::", "")
    return re.sub(r"[(<].*", "", name)


def names_of(stack):
    return [function_name(frame) for frame in stack if not frame["inlined"]]


def matches(selector, stack):
    """`a<b<c`: the innermost frames are these. `..a`: a is somewhere on the stack. `*`: any."""
    names = names_of(stack)
    if selector == "*":
        return True
    if selector.startswith(".."):
        return selector[2:] in names
    wanted = selector.split("<")
    return names[:len(wanted)] == wanted


class Checks:
    """Counts failures and prints each with what it is about."""

    def __init__(self):
        self.failures = 0
        self.passed = 0

    def equal(self, what, wanted, got):
        self.true(what, wanted == got, f"expected {wanted!r}, got {got!r}")

    def true(self, what, is_true, detail=""):
        if is_true:
            self.passed += 1
            return
        self.failures += 1
        print(f"FAIL: {what}{': ' if detail else ''}{detail}", flush=True)

    def finish(self):
        print(f"{self.passed} held, {self.failures} failed")
        raise SystemExit(1 if self.failures else 0)


def check_invariants(checks, what, report):
    """What holds for every recording: sums, in blocks and in bytes, of totals and of sites."""
    for process in report["processes"]:
        if not process["observed"]:
            continue
        name = f"{what}: process {process['id']}"
        totals = process["totals"]
        for born, unit in (("allocations", "blocks"), ("allocated_bytes", "bytes")):
            gone = "frees" if unit == "blocks" else "freed_bytes"
            checks.equal(f"{name}: inherited + {born} = live + {gone}",
                         totals["inherited_" + unit] + totals[born],
                         totals["live_" + unit] + totals[gone])
        for key in ("allocations", "frees", "allocated_bytes", "freed_bytes", "inherited_blocks",
                    "inherited_bytes", "live_blocks", "live_bytes", "peak_blocks", "peak_bytes",
                    "temporary_allocations"):
            checks.equal(f"{name}: {key} of all sites", totals[key],
                         sum(site[key] for site in process["sites"]))
