#!/usr/bin/env python3
"""`seep symbolize`: a recording of a stripped program, given names afterwards, must equal one of the
program as it was built; whatever form the debug information has and wherever it lies. And it must
not take names from a file that is not the one."""
import json
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import SCRATCH, SEEP, clean_environment, run, seep

SOURCE = r"""
#include <cstdlib>
static void *kept[10];
static inline __attribute__((always_inline)) void *innermost(size_t size) { return malloc(size); }
static inline __attribute__((always_inline)) void *inner(size_t size)
{
    return innermost(size + 1);
}
namespace app {
template <class T> struct cache {
    struct row { T key; char text[100]; };
    row *rows[20];
    __attribute__((noinline)) void fill(int n)
    {
        for (int i = 0; i < n; i++)
            rows[i] = new row{i, ""};
    }
};
}
__attribute__((noinline)) static void keep(int i)
{
    kept[i] = inner(100 + i);
}
int main(int argc, char **)
{
    for (int i = 0; i < 10; i++)
        keep(i);
    auto *cache = new app::cache<int>;
    cache->fill(20 * argc);
    int *numbers = new int[1000]();
    free(kept[0]);
    return numbers[3];
}
"""

CXX = os.environ.get("CXX", "c++")
failures = []


def short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "..."


def expect(name, wanted, got):
    if wanted != got:
        failures.append(name)
        print(f"FAIL: {name}: expected {short(wanted)}, got {short(got)}")


class Shop:
    """A folder with a program in it, and one for its debug files."""

    def __init__(self, name):
        self.name = name
        self.folder = os.path.join(SCRATCH, name)
        self.debug = os.path.join(self.folder, "debug")
        os.makedirs(self.debug)
        self.program = os.path.join(self.folder, "program")
        with open(os.path.join(self.folder, "program.cpp"), "w", encoding="ascii") as file:
            file.write(SOURCE)

    def __call__(self, *command):
        done = run(list(command), cwd=self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, *flags, compiler=CXX):
        self(*compiler.split(), "-O2", "-g", "-Wl,--build-id", *flags, "-o", "program",
             "program.cpp")

    def separate(self, to):
        os.makedirs(os.path.dirname(self.path(to)), exist_ok=True)
        self("objcopy", "--only-keep-debug", "program", to)

    def strip(self):
        self("strip", "program")

    def record(self, name):
        done = run([SEEP, "run", "-q", "-o", self.path(name), "./program"], cwd=self.folder)
        expect(f"{self.name}: recording {name}", (0, b""), (done.returncode, done.stderr))

    def symbolize(self, *arguments, status=0):
        done = seep("symbolize", *arguments, cwd=self.folder)
        expect(f"{self.name}: symbolize {' '.join(arguments)}: {done.stderr.decode()}", status,
               done.returncode)
        return done.stdout.decode() + done.stderr.decode()

    def build_id(self):
        lines = self("readelf", "-n", "program").split("\n")
        return next(line.split()[-1] for line in lines if "Build ID" in line)

    def sites(self, name):
        done = seep("report", "--json", "--limit=0", self.path(name))
        report = json.loads(done.stdout)
        sites = report["processes"][0]["sites"]
        return [{key: value for key, value in site.items() if "_time_" not in key}
                for site in sites]

    def bytes(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()


def names_of(sites):
    return {frame["function"] for site in sites for frame in site["stack"]}


def check_equal(shop, *arguments, before_symbolizing=lambda: None):
    """Records the program stripped, too, adds names, and compares."""
    shop.strip()
    shop.record("stripped.seep")
    expect(f"{shop.name}: stripped has no names", False,
           "main" in names_of(shop.sites("stripped.seep")))
    before_symbolizing()
    shop.symbolize(*arguments, "stripped.seep")
    wanted, got = shop.sites("whole.seep"), shop.sites("stripped.seep")
    expect(f"{shop.name}: main is known", True, "main" in names_of(got))
    expect(f"{shop.name}: inlined functions are known", True,
           any(frame["inlined"] and frame["function"].startswith("inner")
               for site in got for frame in site["stack"]))
    expect(f"{shop.name}: equal", wanted, got)


def by_name():
    shop = Shop("by-name")
    shop.build()
    shop.record("whole.seep")
    shop.separate("debug/program.debug")
    check_equal(shop, "--debug-dir=debug")
    before = shop.bytes("stripped.seep")
    text = shop.symbolize("--debug-dir=debug", "stripped.seep")
    expect("nothing new is said", True, "; left as it is" in text)
    shop.symbolize("--all", "--debug-dir=debug", "stripped.seep")
    expect("nothing new changes nothing", before, shop.bytes("stripped.seep"))
    expect("one file is left", [], [name for name in os.listdir(shop.folder) if "tmp" in name])


def everything_else_stays():
    shop = Shop("stays")
    shop.build()
    shop.separate("debug/program.debug")
    shop.strip()
    shop.record("a.seep")
    shop.symbolize("--debug-dir=debug", "-o", "b.seep", "a.seep")
    before = seep("dump", shop.path("a.seep")).stdout.decode().split("\n")
    after = seep("dump", shop.path("b.seep")).stdout.decode().split("\n")
    added = [line for line in after if line not in before]
    expect("what was recorded stays", before[:-1], after[:len(before) - 1])
    expect("only names are added", {"string", "symbol", "module"},
           {line.split(" ")[0] for line in added})
    expect("-o does not touch the other", True, "main" not in names_of(shop.sites("a.seep")))


def by_build_id():
    shop = Shop("by-build-id")
    shop.build()
    shop.record("whole.seep")
    build_id = shop.build_id()
    shop.separate(f"debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug")
    check_equal(shop, "--debug-dir=debug")


def by_content():
    shop = Shop("by-content")
    shop.build()
    shop.record("whole.seep")
    shop.separate("debug/of-last-week.dbg")
    check_equal(shop, "--debug-dir=debug")
    shop.record("stripped.seep.2")
    shop.symbolize("--debug-dir=debug/of-last-week.dbg", "stripped.seep.2")
    expect("a file itself", shop.sites("whole.seep"), shop.sites("stripped.seep.2"))


def by_link():
    shop = Shop("by-link")
    shop.build()
    shop.record("whole.seep")
    shop.separate(".debug/elsewhere.dbg")
    shop.strip()
    shop("objcopy", "--add-gnu-debuglink=.debug/elsewhere.dbg", "program")
    os.rename(shop.path(".debug"), shop.path(".later"))
    check_equal(shop, before_symbolizing=lambda: os.rename(shop.path(".later"),
                                                           shop.path(".debug")))


def from_elsewhere():
    """On another machine: the program is gone, and the recording lies elsewhere."""
    shop = Shop("elsewhere")
    shop.build()
    shop.record("whole.seep")
    shop.separate("debug/program")
    shop.strip()
    shop.record("stripped.seep")
    other = Shop("other-machine")
    shutil.copy(shop.path("stripped.seep"), other.folder)
    shutil.copytree(shop.debug, other.path("symbols"))
    shutil.copy(shop.path("whole.seep"), other.folder)
    shutil.rmtree(shop.folder)
    other.symbolize("--debug-dir=symbols", "stripped.seep")
    expect("from elsewhere: equal", other.sites("whole.seep"), other.sites("stripped.seep"))


def of_the_module_itself():
    """Recorded while the program was not readable by its path: it is there again."""
    shop = Shop("itself")
    shop.build()
    shop.record("whole.seep")
    shutil.copy2(shop.program, shop.path("unstripped"))
    check_equal(shop, before_symbolizing=lambda: os.rename(shop.path("unstripped"), shop.program))


def compressed():
    """By the linker, or by objcopy in the debug file alone; not every tool can do each."""
    for style in ("zlib", "zlib-gnu", "zstd"):
        for flags, options in (([f"-gz={style}"], []),
                               ([], [f"--compress-debug-sections={style}"])):
            shop = Shop(f"compressed-{style}-{len(options)}")
            try:
                shop.build(*flags)
                shop.record("whole.seep")
                shop("objcopy", "--only-keep-debug", *options, "program", "debug/program.debug")
            except RuntimeError:
                print(f"{style}: not everywhere here")
                continue
            check_equal(shop, "--debug-dir=debug")


def split(compiler, *flags):
    shop = Shop("split-" + compiler)
    shop.build("-gsplit-dwarf", *flags, compiler=compiler)
    shop.record("whole.seep")
    shop.separate("debug/program.debug")
    check_equal(shop, "--debug-dir=debug")


def shared_by_dwz():
    shop = Shop("dwz")
    shop.build("-gdwarf-4")
    shop.record("whole.seep")
    shop.separate("debug/program.debug")
    shutil.copy(shop.path("debug/program.debug"), shop.path("debug/other.debug"))
    shop("dwz", "-m", "debug/common.debug", "-M", shop.path("debug/common.debug"),
         "debug/program.debug", "debug/other.debug")
    os.remove(shop.path("debug/other.debug"))
    check_equal(shop, "--debug-dir=debug")


def never_by_another():
    """The right name, but of another build: without the check all lines would be off."""
    shop = Shop("another")
    shop.build("-DNAMES")
    shop.strip()
    shop.record("a.seep")
    other = Shop("another-build")
    other.build("-O0")
    other.separate("debug/program.debug")
    before = shop.bytes("a.seep")
    shutil.copy(other.path("debug/program.debug"), shop.path("debug/program.debug"))
    shutil.copy(other.program, shop.program)
    text = shop.symbolize("--debug-dir=debug", "a.seep")
    expect("it says why", True, "is another file than the process had: its build-id is" in text)
    expect("no names of another build", before, shop.bytes("a.seep"))


def without_build_id():
    shop = Shop("without")
    shop.build("-Wl,--build-id=none")
    shop.separate("debug/program.debug")
    shop.strip()
    shop.record("a.seep")
    before = shop.bytes("a.seep")
    text = shop.symbolize("--debug-dir=debug", "a.seep")
    expect("it says that there is none", True, "has no build-id, so no file" in text)
    expect("no names without a build-id", before, shop.bytes("a.seep"))


def damaged():
    """Whatever stands in a debug file, names may be lost and nothing else."""
    shop = Shop("damaged")
    shop.build()
    shop.separate("whole.debug")
    shop.strip()
    shop.record("a.seep")
    figures = [site["fingerprint"] for site in shop.sites("a.seep")]
    whole = bytearray(shop.bytes("whole.debug"))
    for step in range(1, 20):
        spoilt = bytearray(whole)
        for at in range(2048 + 17 * step, len(spoilt), 97 * step):
            spoilt[at] ^= 0xff
        with open(shop.path("debug/program.debug"), "wb") as file:
            file.write(spoilt)
        shop.symbolize("--debug-dir=debug", "-f", "-o", "b.seep", "a.seep")
        expect(f"damaged {step}: as many sites", len(figures), len(shop.sites("b.seep")))


def torn():
    shop = Shop("torn")
    shop.build()
    shutil.copy2(shop.program, shop.path("unstripped"))
    shop.record("whole.seep")
    shop.separate("debug/program.debug")
    shop.strip()
    shop.record("stripped.seep")
    with open(shop.path("torn.seep"), "wb") as file:
        file.write(shop.bytes("stripped.seep")[:-40])
    shutil.copy(shop.path("torn.seep"), shop.path("other.seep"))
    shop.symbolize("--debug-dir=debug", "torn.seep")
    expect("torn: equal", shop.sites("whole.seep"), shop.sites("torn.seep"))
    report = json.loads(seep("report", "--json", shop.path("torn.seep")).stdout)
    expect("torn: stays incomplete", False, report["complete"])

    # Without having been asked for: from the program itself, which is whole again.
    expect("torn: no names to be had", False, "main" in names_of(shop.sites("other.seep")))
    before = shop.bytes("other.seep")
    shutil.copy2(shop.path("unstripped"), shop.program)
    expect("torn: names at opening", shop.sites("whole.seep"), shop.sites("other.seep"))
    expect("torn: reading changes nothing", before, shop.bytes("other.seep"))


def refused():
    shop = Shop("refused")
    shop.build()
    expect("no file", True, "name the recording" in shop.symbolize(status=2))
    expect("no such file", True, "no.seep" in shop.symbolize("no.seep", status=2))
    expect("no recording", True,
           "is not a seep recording" in shop.symbolize("program.cpp", status=2))
    shop.record("a.seep")
    shop.symbolize("a.seep@peak", status=2)
    before = shop.bytes("program.cpp")
    shop.symbolize("-o", "program.cpp", "a.seep", status=2)
    expect("not over a source", before, shop.bytes("program.cpp"))

    # A recorder at work: `cat` waits for us.
    with subprocess.Popen([SEEP, "run", "-q", "-o", shop.path("busy.seep"), "--checkpoint=10ms",
                           "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=clean_environment()) as recorder:
        recorder.stdin.write(b"x\n")
        recorder.stdin.flush()
        recorder.stdout.readline()  # cat runs, so the recording has its name
        text = ""
        while "nothing usable" in text or not text:  # until the first checkpoint stands there
            text = seep("symbolize", shop.path("busy.seep")).stderr.decode() or "nothing"
        expect("a recorder at work", True, "still being recorded" in text)
        recorder.stdin.close()


def main():
    for tool in ("objcopy", "strip", "readelf", CXX.split()[0]):
        if not shutil.which(tool):
            print(f"{tool} is not there")
            sys.exit(77)
    for case in (by_name, everything_else_stays, by_build_id, by_content, by_link, from_elsewhere,
                 of_the_module_itself, compressed, never_by_another, without_build_id, damaged,
                 torn, refused):
        case()
    split(CXX)
    if shutil.which("clang++"):
        split("clang++", "-gdwarf-5")
    if shutil.which("dwz"):
        shared_by_dwz()
    print("failures:", len(failures))
    sys.exit(bool(failures))


main()
