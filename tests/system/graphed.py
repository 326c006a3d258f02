"""Shared by the tests of graphs: asks `seep graph` about a program, against the schema."""
import json
import os
import subprocess
import sys

from expecting import expect, is_failed  # pylint: disable=unused-import

SEEP = os.path.abspath("./seep")
DEMO = os.path.abspath("./examples/demo")
TARGETS = os.path.abspath("./tests/targets")
SCHEMA = os.path.join(os.path.abspath(os.environ.get("srcdir", ".")), "schema")

# The end of a Python program: a closure holds 1,000 numbers, and with "stop" it stops meanwhile.
CLOSURE_HELD = """
def work(count):
    rows = [complex(i, 1) for i in range(count)]
    def inner():
        return rows
    if sys.argv[1] == 'stop':
        os.kill(os.getpid(), signal.SIGSTOP)
    return inner
kept = work(1000)
"""


def seep(*arguments):
    return subprocess.run([SEEP, *arguments], capture_output=True, text=True, timeout=300,
                          check=False)


def record(folder, program, *options):
    recording = f"{folder}/{os.path.basename(program)}.seep"
    subprocess.run([SEEP, "run", "-q", "--scan-budget=120s", *options, "-o", recording, program], check=True,
                   timeout=120, stdout=subprocess.DEVNULL)
    return recording


def shorten(value, most):
    """The same with lists of at most so many."""
    if isinstance(value, dict):
        return {key: shorten(one, most) for key, one in value.items()}
    if isinstance(value, list):
        return [shorten(one, most) for one in value[:most]]
    return value


def check_schema(document, name="graph"):
    """Of long lists their first: the others are made alike, and a validator takes its time."""
    try:
        import jsonschema
    except ImportError:
        print("python3-jsonschema is not there: the schema was not tried")
        return
    with open(f"{SCHEMA}/seep-{name}.json", encoding="utf-8") as file:
        validator = jsonschema.Draft202012Validator(json.load(file))
    expect("schema", [error.message for error in validator.iter_errors(shorten(document, 100))], [])


def ask(recording, *arguments):
    """What `seep graph --json` says; ends the test where nobody may look into processes."""
    done = seep("graph", "--json", *arguments, recording)
    if "no process was scanned" in done.stderr:
        print("this system lets nobody look into processes: no snapshot was taken")
        sys.exit(77)
    expect(f"status of {arguments}", (done.returncode, done.stderr), (0, ""))
    document = json.loads(done.stdout)
    check_schema(document)
    return document


def report(recording, *arguments):
    """What `seep report --json` says."""
    done = seep("report", "--json", *arguments, recording)
    expect("report", (done.returncode, done.stderr), (0, ""))
    document = json.loads(done.stdout)
    check_schema(document, "report")
    return document


def python_of(recording, *arguments):
    """What it says of the Python of the first process."""
    return report(recording, *arguments)["processes"][0]["python"]


def find(rows, name):
    """The one row of this name, or one that fits nothing."""
    found = [row for row in rows if row["name"] == name]
    return found[0] if len(found) == 1 else {"blocks": None, "retained_bytes": -1, "source": found}


def spell(path):
    """A way as people write it; blocks of malloc's behind objects are left out."""
    return "".join(element["name"] if at == 0 else "" for at, element in enumerate(path)) + \
        "".join(element["member"] or "" for element in path)
