#!/usr/bin/python3
"""Within a major version of a schema keys are only added: whatever tests/promise.list holds, a line
for each key that a schema has required, must still be required there. UPDATE_PROMISE=1 adds the keys
that are new; nothing ever takes a line out."""

import json
import os
import sys

TOP = os.environ.get("srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
LIST = os.path.join(TOP, "tests/promise.list")


def keys_of(schema, whole, path, seen):
    """Lines of what is required below a schema: "seep-check 1 results[].budget"."""
    if "$ref" in schema:
        name, found = schema["$ref"], whole
        if name in seen:  # recursion: what it needs is told once
            return
        for part in name.removeprefix("#/").split("/"):
            found = found[part]
        yield from keys_of(found, whole, path, seen | {name})
    for kind in ("oneOf", "anyOf", "allOf"):
        for choice in schema.get(kind, []):
            yield from keys_of(choice, whole, path, seen)
    if isinstance(schema.get("items"), dict):
        yield from keys_of(schema["items"], whole, path + "[]", seen)
    for key in schema.get("required", []):
        yield f"{path}.{key}".lstrip(".")
    for key, inner in schema.get("properties", {}).items():
        yield from keys_of(inner, whole, f"{path}.{key}", seen)


def main():
    found, folder = set(), os.path.join(TOP, "schema")
    for file in sorted(os.listdir(folder)):
        if file.endswith(".json"):
            with open(f"{folder}/{file}", encoding="utf-8") as text:
                schema = json.load(text)
            major = schema["$id"].rpartition(":")[2]
            name = file[: -len(".json")]
            found |= {f"{name} {major} {key}" for key in keys_of(schema, schema, "", frozenset())}
    with open(LIST, encoding="utf-8") as text:
        promised = {line.rstrip("\n") for line in text if line.strip()}
    majors = {" ".join(line.split()[:2]) for line in found}
    broken = sorted(line for line in promised - found if " ".join(line.split()[:2]) in majors)
    for line in broken:
        print(f"FAIL: {line}: was promised")
    if os.environ.get("UPDATE_PROMISE"):
        with open(LIST, "w", encoding="utf-8") as text:
            text.writelines(f"{line}\n" for line in sorted(promised | found))
        promised |= found
    missing = sorted(found - promised)
    for line in missing:
        print(f"{line}: is new; UPDATE_PROMISE=1 promises it")
    print(f"{len(promised)} keys")
    return bool(broken)


sys.exit(main())
