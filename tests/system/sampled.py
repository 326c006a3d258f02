#!/usr/bin/env python3
"""Sampled recordings of programs whose figures are known: estimates and their bounds, threads, forks,
reallocs; what cannot be estimated is null; every release of a sample is seen and no other one is taken
for one; and what a call costs the program, in instructions."""
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from recorded import (SCRATCH, SEEP, SOURCE, Checks, check_invariants, matches, record, run, seep,
                      target)

KEYS = ("allocations", "frees", "allocated_bytes", "freed_bytes", "live_blocks", "live_bytes")
MIB = 1 << 20
# What tests/targets/sampled.c says of itself, in the order of KEYS.
WORK = {
    "small": (200000, 180000, 4800000, 4320000, 20000, 480000),
    "medium": (20000, 10000, 20000000, 10000000, 10000, 10000000),
    "enlarge": (10000, 10000, 30000000, 30000000, 0, 0),
    "large": (40, 30, 80 * MIB, 60 * MIB, 10, 20 * MIB),
}
SAMPLE = 32 << 10
SEEDS = range(1, 9)
LEAST_SAMPLES = 100  # of any figure of WORK in all seeds together that is looked at
LOADER = "/lib64/ld-linux-x86-64.so.2"
PRELOAD = "libseep-preload.so"
# Instructions of the preload itself in one malloc and one free, by what is recorded.
MOST_INSTRUCTIONS = {
    "when passed over": (["--sample=1T", "--sample-seed=1"], {"malloc": 35, "free": 35}),
    "of the stack before": ([], {"malloc": 195, "free": 103}),
}


def record_sampled(mode, sample=SAMPLE, seed=1):
    return record([target("sampled"), *mode],
                  [f"--sample={sample}", f"--sample-seed={seed}", "--on-full=wait"])


def site_of(process, function):
    sites = [site for site in process["sites"] if matches(function, site["stack"])]
    return sites[0] if len(sites) == 1 else None


def check_quality(checks, what, report):
    quality = report["quality"]
    for key in ("lost_events", "unknown_frees", "missed_frees", "bad_records"):
        checks.equal(f"{what}: {key}", 0, quality[key])
    checks.equal(f"{what}: complete", True, report["complete"])
    check_invariants(checks, what, report)


def check_bounds(checks, what, figures):
    """Every figure that has bounds lies between them."""
    names = [key[:-4] for key in figures if key.endswith("_low")]
    checks.true(f"{what}: has bounds", set(KEYS) <= set(names), str(names))
    for name in names:
        checks.true(f"{what}: {name} within its bounds",
                    figures[name + "_low"] <= figures[name] <= figures[name + "_high"])


def check_work(checks):
    """Each figure's mean over all seeds is the truth within six deviations of the number of samples, and
    the bounds hold it in nearly all of the recordings. A figure of n samples deviates by 1 / sqrt(n)."""
    sums = {(function, key): 0 for function in WORK for key in KEYS}
    held = judged = 0
    for seed in SEEDS:
        report = record_sampled(["work"], seed=seed).report
        what = f"work, seed {seed}"
        check_quality(checks, what, report)
        checks.equal(f"{what}: sampling", {"bytes_per_sample": SAMPLE}, report["sampling"])
        process = report["processes"][0]
        totals = process["totals"]
        check_bounds(checks, f"{what}: totals", totals)
        checks.equal(f"{what}: reallocations", None, totals["reallocations"])
        checks.equal(f"{what}: failed calls are exact", 1, totals["failed_allocations"])
        checks.equal(f"{what}: mappings are exact", 65536, totals["mapped_bytes"])
        for function, truth in WORK.items():
            site = site_of(process, function)
            checks.true(f"{what}: {function} is a site", site is not None)
            if site is None:
                continue
            check_bounds(checks, f"{what}: {function}", site)
            for key, wanted in zip(KEYS, truth):
                sums[function, key] += site[key]
            judged += 1
            wanted = truth[KEYS.index("allocated_bytes")]
            held += site["allocated_bytes_low"] <= wanted <= site["allocated_bytes_high"]
        large = site_of(process, "large")
        if large is not None:
            checks.equal(f"{what}: large blocks are all seen", list(WORK["large"]),
                         [large[key] for key in KEYS])
    for function, truth in WORK.items():
        for key, bytes_key, wanted in zip(KEYS, ("allocated_bytes", "freed_bytes") * 2 +
                                          ("live_bytes",) * 2, truth):
            samples = truth[KEYS.index(bytes_key)] / SAMPLE * len(SEEDS)
            if samples < LEAST_SAMPLES or function == "large":
                continue
            mean = sums[function, key] / len(SEEDS)
            checks.true(f"{function}: mean of {key}", abs(mean - wanted) < 6 * wanted / samples**0.5,
                        f"{mean} for {wanted}")
    # A quarter of them (large) always hold; of 24 others 5 of 100 do not.
    checks.true("bounds hold the truth", held >= judged - 8, f"{held} of {judged}")


def check_words(checks):
    recording = record_sampled(["work"])
    text = seep("report", recording.path).stdout.decode()
    for words in ("sampled events, nothing lost", "figures of the heap are estimates",
                  "from one block in 32.0 KiB", " blocks seen", " KiB to "):
        checks.true(f"seep report says {words!r}", " ".join(words.split()) in
                    " ".join(text.split()), text)
    exact = record([target("sampled"), "fork"]).report
    checks.equal("without --sample: sampling", None, exact["sampling"])
    checks.true("without --sample there are no bounds",
                not [key for key in exact["processes"][0]["totals"] if key.endswith("_low")])


def check_near(checks, what, wanted, got, samples):
    """Within eight deviations."""
    checks.true(what, abs(got - wanted) <= 8 * wanted / samples**0.5, f"{got} for {wanted}")


def check_threads(checks):
    report = record_sampled(["threads"], sample=8192).report
    check_quality(checks, "threads", report)
    site = site_of(report["processes"][0], "handed_over")
    checks.true("threads: handed_over is a site", site is not None)
    if site is not None:
        samples = 80000 * 400 / 8192
        check_near(checks, "threads: allocations", 80000, site["allocations"], samples)
        check_near(checks, "threads: freed by another", 60000, site["frees"], samples * 3 / 4)
        check_near(checks, "threads: live", 20000, site["live_blocks"], samples / 4)
        # Only the last of each thread was freed without another of that thread in between.
        checks.true("threads: no temporary ones", site["temporary_allocations"] < 2000)


def check_fork(checks):
    report = record_sampled(["fork"], sample=8192).report
    check_quality(checks, "fork", report)
    checks.equal("fork: processes", 2, len(report["processes"]))
    parent, child = report["processes"]
    here, there, own = site_of(parent, "kept"), site_of(child, "kept"), site_of(child, "own")
    checks.true("fork: three sites", None not in (here, there, own))
    if None in (here, there, own):
        return
    samples = 16000 * 800 / 8192
    check_near(checks, "fork: kept by the parent", 16000, here["live_blocks"], samples)
    for unit in ("blocks", "bytes"):
        checks.equal(f"fork: the child inherits all {unit}", here["live_" + unit],
                     there["inherited_" + unit])
        checks.equal(f"fork: with the same bounds of {unit}",
                     [here[f"live_{unit}_{end}"] for end in ("low", "high")],
                     [there[f"inherited_{unit}_{end}"] for end in ("low", "high")])
    check_near(checks, "fork: the child frees half of them", 8000, there["frees"], samples / 2)
    check_near(checks, "fork: the child's own", 4000, own["live_blocks"], 4000 * 1600 / 8192)


# Programs, and whether they do the same in each run.
PROGRAMS = [(("family", mode), True) for mode in
            ("malloc_zero", "malloc_fails", "realloc_grows", "realloc_shrinks", "realloc_null",
             "realloc_zero", "realloc_fails", "reallocarray", "posix_memalign", "aligned_alloc",
             "free_sized")]
PROGRAMS += [(("cxx", mode), True) for mode in
             ("plain", "array", "aligned", "own_class", "handler", "bad_alloc",
              "throwing_constructor", "containers")]
PROGRAMS += [(("processes", mode), True) for mode in
             ("fork", "grandchild", "vfork_exec", "fork_exec")]
PROGRAMS += [(("plugins", mode), True) for mode in ("both", "deep_bound", "cxx")]
PROGRAMS += [(("threads", "short"), False), (("processes", "fork_threads"), False), (("threads", "handed_on"), False),
             (("threads_handoff", "20000"), False), (("signals", "nested"), False),
             (("signals", "timer_while_computing"), False), (("storms", "allocating"), False),
             (("closing", "all_descriptors"), False), (("closing", "memory_limited"), False)]


def check_program(checks, program, is_same):
    """With a sample in each byte every block of more than some bytes is one, so figures are nearly those of
    a full recording; with fewer samples the ways of events are mixed with calls that are passed over."""
    name, *arguments = program
    full = record([target(name), *arguments])
    for sample in (1, 300, 20000):
        recording = record([target(name), *arguments], [f"--sample={sample}", "--sample-seed=7"])
        what = f"{' '.join(program)}, a sample in {sample} bytes"
        checks.equal(f"{what}: status", full.status, recording.status)
        checks.equal(f"{what}: output", is_same and full.stdout, is_same and recording.stdout)
        check_invariants(checks, what, recording.report)
        checks.equal(f"{what}: unknown frees", 0, recording.report["quality"]["unknown_frees"])
        for was, process in zip(full.report["processes"], recording.report["processes"]):
            before, now = was["totals"], process["totals"]
            if sample != 1 or not is_same or before["allocations"] is None:
                continue
            for key in ("allocations", "frees", "live_blocks", "inherited_blocks"):
                checks.true(f"{what}: {key}", abs(now[key] - before[key]) <= 3 + before[key] * 0.02,
                            f"{now[key]} for {before[key]}")
            checks.equal(f"{what}: failed", before["failed_allocations"],
                         now["failed_allocations"])


def check_programs(checks):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda row: check_program(checks, *row), PROGRAMS))


# As in bench/instructions: the exec hooks take LD_PRELOAD from Valgrind's own environment.
WRAPPER = """library=$LD_PRELOAD
unset LD_PRELOAD
exec valgrind -q --tool=callgrind --compress-strings=no --compress-pos=no \
    --callgrind-out-file="$0" "$LOADER" --preload "$library" "$@"
"""


def count_instructions(pairs, options):
    sys.path.insert(0, os.path.join(SOURCE, "bench"))
    import callgrind_file  # pylint: disable=import-outside-toplevel,import-error
    out = os.path.join(SCRATCH, "callgrind.out")
    recording = record(["sh", "-c", f"LOADER={LOADER}; {WRAPPER}", out, target("sampled"), "pairs",
                        str(pairs)], options)
    if recording.status != 0:
        raise AssertionError(recording.stderr.decode())
    return callgrind_file.read(out)


def check_costs(checks, what, options, most):
    pairs = 5000
    costs = count_instructions(2 * pairs, options).minus(count_instructions(pairs, options))
    for function, limit in most.items():
        calls = sum(count for (caller, callee, called), (count, _) in costs.calls.items()
                    if callee == PRELOAD and caller != PRELOAD and called == function)
        checks.equal(f"calls of {function}", pairs, calls)
        per_call = sum(cost for (place, _, name), cost in costs.self_cost.items()
                       if place == PRELOAD and name == function) / pairs
        print(f"{function}: {per_call:.1f} instructions of the preload, {what}")
        checks.true(f"instructions of a {function} {what}", per_call <= limit,
                    f"{per_call} > {limit}")
    elsewhere = sum(cost for (place, _, name), cost in costs.self_cost.items()
                    if place == PRELOAD and name not in most) / pairs
    checks.true(f"the preload does nothing else {what}", elsewhere < 2, str(elsewhere))


def check_instructions(checks):
    if shutil.which("valgrind") is None or not os.path.exists(LOADER):
        print("valgrind is not there: instructions are not counted")
        return
    for what, (options, most) in MOST_INSTRUCTIONS.items():
        check_costs(checks, what, options, most)


def main():
    if not os.path.exists(SEEP):
        print("seep is not built")
        raise SystemExit(77)
    checks = Checks()
    check_work(checks)
    check_words(checks)
    check_threads(checks)
    check_fork(checks)
    check_programs(checks)
    check_instructions(checks)
    checks.finish()


main()
