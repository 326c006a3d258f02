#!/bin/sh
# Every JSON report in tests/golden must satisfy its schema, and the schema must be one that can say
# no: it refuses reports that have been spoilt.
set -u
top=${srcdir:-.}
python=/usr/bin/python3
"$python" -c 'import jsonschema' 2>/dev/null || {
    echo "python3-jsonschema is not there"
    exit 77
}

"$python" - "$top/schema" "$top"/tests/golden/report-*.json <<'END'
import copy, json, sys
import jsonschema

folder, *files = sys.argv[1:]
failures = []

def validator_of(report):
    name = report["schema"].replace("/", "-")
    with open(f"{folder}/{name}.json") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)

def paths_of(value, path=()):
    """The path of everything inside, without the path of the whole."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield path + (key,)
        if isinstance(inner, (dict, list)):
            yield from paths_of(inner, path + (key,))

def spoil(report, path):
    """The report without a key, or with a value of a type that nothing has."""
    spoilt = copy.deepcopy(report)
    holder = spoilt
    for key in path[:-1]:
        holder = holder[key]
    if isinstance(holder, dict):
        del holder[path[-1]]
    else:
        holder[path[-1]] = 1.5
    return spoilt

if not files:
    failures.append("no golden reports")
for path in files:
    with open(path) as file:
        report = json.load(file)
    validator = validator_of(report)
    for error in validator.iter_errors(report):
        failures.append(f"{path}: {error.json_path}: {error.message}")

# One of each shape is enough, in the report that holds them all.
with open(next(file for file in files if file.endswith("report-cxx.json"))) as file:
    report = json.load(file)
validator = validator_of(report)
shapes = set()
for path in paths_of(report):
    shape = tuple(0 if isinstance(key, int) else key for key in path)
    if shape in shapes:
        continue
    shapes.add(shape)
    if validator.is_valid(spoil(report, path)):
        failures.append("accepted without " + ".".join(map(str, path)))

for failure in failures:
    print("FAIL:", failure)
print(f"{len(files)} reports, {len(shapes)} ways to spoil one")
sys.exit(bool(failures))
END
