"""The table of peers: who else runs the workloads, and how.

To add one: a function that says how it wraps a command, and a row in PEERS.
"""

import dataclasses
import glob
import os
import shutil
from typing import Callable


@dataclasses.dataclass
class Wrapped:
    """A command under a peer."""

    command: list
    environment: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Peer:
    name: str
    # wrap(bench, command, recording): the command under this peer, which writes to files whose
    # names begin with `recording`
    wrap: Callable
    needs: Callable = lambda bench: None  # what is not installed, or None
    helpers: tuple = ()  # executables of its own that run beside the target
    # report(bench, file): the command that makes a report of the recording
    report: Callable | None = None
    is_rival: bool = False  # measured with --all only


def find_library(*patterns):
    """The path of an installed library, or None."""
    for folder in ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib"):
        for pattern in patterns:
            found = sorted(glob.glob(os.path.join(folder, pattern)))
            if found:
                return found[0]
    return None


def command_needed(*names):
    def missing(_bench):
        lacking = [name for name in names if shutil.which(name) is None]
        return ", ".join(lacking) or None

    return missing


def library_needed(*patterns):
    return lambda _bench: None if find_library(*patterns) else patterns[0]


def wrap_nothing(_bench, command, _recording):
    return Wrapped(command)


def wrap_count(bench, command, recording):
    return Wrapped(
        command,
        {
            "LD_PRELOAD": bench.program("count_preload.so"),
            "BENCH_COUNT_FILE": recording + ".count",
        },
    )


def seep_environment(bench):
    """With a cache of debug information that is empty when the first round begins."""
    return {"SEEP_CACHE": os.environ.get("SEEP_CACHE", bench.scratch("cache"))}


def wrap_seep(bench, command, recording):
    options = ["--quiet", "-f", "-o", recording + ".seep"]
    return Wrapped([bench.seep, "run", *options, "--", *command], seep_environment(bench))


def wrap_seep_sampled(bench, command, recording):
    options = ["--quiet", "-f", "-o", recording + ".seep", "--sample=512K"]
    return Wrapped([bench.seep, "run", *options, "--", *command], seep_environment(bench))


def wrap_heaptrack(_bench, command, recording):
    return Wrapped(["heaptrack", "-o", recording, *command])


def wrap_heaptrack_raw(_bench, command, recording):
    return Wrapped(["heaptrack", "--raw", "-o", recording, *command])


def wrap_memcheck(_bench, command, recording):
    return Wrapped(["valgrind", "--leak-check=full", f"--log-file={recording}.log", *command])


def wrap_massif(_bench, command, recording):
    return Wrapped(["valgrind", "--tool=massif", f"--massif-out-file={recording}.massif", *command])


def wrap_lsan(_bench, command, recording):
    return Wrapped(
        command,
        {
            "LD_PRELOAD": find_library("liblsan.so.*"),
            "LSAN_OPTIONS": f"exitcode=0:log_path={recording}.lsan",
        },
    )


def wrap_jemalloc(options):
    def wrap(_bench, command, recording):
        return Wrapped(
            command,
            {
                "LD_PRELOAD": find_library("libjemalloc.so.*"),
                "MALLOC_CONF": f"prof:true,prof_final:true,{options},prof_prefix:{recording}.jemalloc",
            },
        )

    return wrap


def wrap_tcmalloc(_bench, command, recording):
    return Wrapped(
        command,
        {
            "LD_PRELOAD": find_library("libtcmalloc.so.*"),
            "HEAPPROFILE": recording + ".tcmalloc",
        },
    )


HEAPTRACK = ("heaptrack_interpret", "bash", "zstd", "gzip", "cat")

PEERS = [
    Peer("untraced", wrap_nothing),
    Peer("count", wrap_count),
    Peer(
        "seep",
        wrap_seep,
        helpers=("seep",),
        report=lambda bench, file: [bench.seep, "report", file],
    ),
    Peer(
        "seep-sampled",
        wrap_seep_sampled,
        helpers=("seep",),
        report=lambda bench, file: [bench.seep, "report", file],
    ),
    Peer(
        "heaptrack",
        wrap_heaptrack,
        needs=command_needed("heaptrack", "heaptrack_print"),
        helpers=HEAPTRACK,
        report=lambda bench, file: ["heaptrack_print", file],
    ),
    Peer(
        "heaptrack-raw",
        wrap_heaptrack_raw,
        needs=command_needed("heaptrack"),
        helpers=HEAPTRACK,
        is_rival=True,
    ),
    Peer("memcheck", wrap_memcheck, needs=command_needed("valgrind"), is_rival=True),
    Peer(
        "massif",
        wrap_massif,
        needs=command_needed("valgrind", "ms_print"),
        report=lambda bench, file: ["ms_print", file],
        is_rival=True,
    ),
    Peer("lsan", wrap_lsan, needs=library_needed("liblsan.so.*"), is_rival=True),
    Peer(
        "jemalloc-sampled",
        wrap_jemalloc("lg_prof_sample:19"),
        needs=library_needed("libjemalloc.so.*"),
        is_rival=True,
    ),
    Peer(
        "jemalloc-full",
        wrap_jemalloc("lg_prof_sample:0"),
        needs=library_needed("libjemalloc.so.*"),
        is_rival=True,
    ),
    Peer("tcmalloc", wrap_tcmalloc, needs=library_needed("libtcmalloc.so.*"), is_rival=True),
]
