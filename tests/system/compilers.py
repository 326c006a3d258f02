#!/usr/bin/env python3
"""What names a stack survives a rebuild: of the fingerprints of a program built by gcc -O0, builds by
gcc -O1, -O2, -O3 and by clang keep at least 95 %, though functions are inlined, cloned, and end in
jumps. Frames that jumps left out are in the stacks, and marked."""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, SEEP, clean_environment, run

# Forty sites: each of ten modules reaches malloc by four ways, through wrappers that a compiler
# inlines, splits or leaves by a jump.
HEADER = r"""
#include <stdlib.h>
#include <string.h>
struct list { void *items[64]; int count; };
void *checked(size_t size);
void *zeroed(size_t size);
char *copied(const char *text);
void *again(void *old, size_t size);
void keep(struct list *list, void *item);
extern int depth;
"""
LIBRARY = r"""
#include "way.h"
int depth;
void *checked(size_t size)
{
    depth++;
    return malloc(size + (depth < 0));
}
static void clear(char *at, size_t size) { for (size_t i = 0; i < size; i++) at[i] = (char)depth; }
void *zeroed(size_t size)
{
    char *made = checked(size);
    clear(made, size);
    return made;
}
char *copied(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(checked(size), text, size);
}
void *again(void *old, size_t size)
{
    if (size == 0) { free(old); return NULL; }
    return realloc(old, size);
}
void keep(struct list *list, void *item)
{
    list->items[list->count++ % 64] = item;
}
"""
MODULE = r"""
#include "way.h"
struct thing@ { int number; char name[40 + @]; struct thing@ *next; };
static struct thing@ *make@(int number)
{
    struct thing@ *thing = zeroed(sizeof *thing);
    thing->number = number;
    return thing;
}
static struct thing@ *chain@(struct thing@ *before, int number)
{
    struct thing@ *thing = make@(number);
    thing->next = before;
    return thing;
}
static void *buffer@(size_t size) { return checked(size * 2); }
void *open@(size_t size) { return buffer@(size + depth % 2); }
char *label@(int number) { return copied(number & 1 ? "odd" : "even number @"); }
void *grow@(void *old, size_t size) { return again(old, size + @); }
void work@(struct list *list, int number)
{
    struct thing@ *all = NULL;
    for (int i = 0; i < number; i++)
        all = chain@(all, i);
    keep(list, all);
    keep(list, open@((size_t)number));
    keep(list, label@(number));
    keep(list, grow@(NULL, (size_t)number));
}
"""
MODULES = 10
failures = []


def expect(condition, message):
    if not condition:
        failures.append(message)
        print(f"FAIL: {message}")


def write_sources(folder):
    os.makedirs(folder)
    calls = "".join(f"    work{i}(list, n + {i});\n" for i in range(MODULES))
    main = "".join(f"void work{i}(struct list *list, int number);\n" for i in range(MODULES))
    main = f"{HEADER}{main}static struct list all;\nstatic void run(struct list *list, int n)\n" \
           f"{{\n{calls}}}\nint main(int argc, char **argv)\n" \
           f"{{\n    (void)argv;\n    run(&all, argc);\n    return all.count != {4 * MODULES};\n}}\n"
    files = {"way.h": HEADER, "library.c": LIBRARY, "main.c": main}
    files |= {f"module{i}.c": MODULE.replace("@", str(i)) for i in range(MODULES)}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    return [name for name in files if name.endswith(".c")]


def frames_of(folder, sources, compiler):
    """The stack of each fingerprint, as pairs of function and whether its frame was gone; None when
    there is no such compiler."""
    command = compiler.split()
    if shutil.which(command[0]) is None:
        print(f"no {command[0]}: not tried")
        return None
    name = compiler.replace(" ", "")
    built = run([*command, "-g", "-o", name, *sources], cwd=folder)
    if built.returncode != 0:
        print(f"{compiler} cannot build: not tried: {built.stderr.decode()[:200]}")
        return None
    recording = os.path.join(folder, name + ".seep")
    done = run([SEEP, "run", "-q", "-o", recording, "--", f"./{name}"], cwd=folder,
               env=clean_environment())
    expect(done.returncode == 0, f"{compiler}: status {done.returncode}")
    report = json.loads(run([SEEP, "report", "--json", "--limit=0", recording]).stdout)
    return {site["fingerprint"]: [(frame["function"], frame["tail_call"])
                                  for frame in site["stack"]]
            for site in report["processes"][0]["sites"]}


def own_part(frames):
    names = [frame[0] for frame in frames]
    return frames[:names.index("main") + 1] if "main" in names else frames


def main():
    folder = os.path.join(SCRATCH, "compilers")
    sources = write_sources(folder)
    plain = frames_of(folder, sources, "gcc -O0")
    if plain is None:
        sys.exit(77)
    expect(len(plain) == 4 * MODULES, f"gcc -O0: {len(plain)} fingerprints")
    expect(not any(is_gone for frames in plain.values() for _, is_gone in own_part(frames)),
           "gcc -O0: a frame was gone")
    for compiler in ("gcc -O1", "gcc -O2", "gcc -O3", "gcc -O2 -gdwarf-4", "clang -O0", "clang -O1",
                     "clang -O2"):
        found = frames_of(folder, sources, compiler)
        if found is None:
            continue
        kept = [name for name in plain if name in found]
        gone = sum(any(is_gone for _, is_gone in own_part(frames)) for frames in found.values())
        print(f"{compiler}: {len(kept)} of {len(plain)} fingerprints kept; "
              f"jumps in {gone} stacks")
        expect(len(kept) >= 0.95 * len(plain), f"{compiler}: {len(kept)} of {len(plain)} kept")
        if compiler in ("gcc -O2", "clang -O2"):
            expect(gone >= MODULES, f"{compiler}: no frames were gone: nothing is shown by this")
        for name in [name for name in plain if name not in found][:3]:
            print("  not kept:", own_part(plain[name]))
        for name in [name for name in found if name not in plain][:3]:
            print("  new:", own_part(found[name]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
