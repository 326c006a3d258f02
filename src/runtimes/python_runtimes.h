/* Heaps of Python interpreters, read from a stopped process. */
#ifndef SEEP_RUNTIMES_PYTHON_RUNTIMES_H
#define SEEP_RUNTIMES_PYTHON_RUNTIMES_H

#include "base/clock.h"
#include "snapshot/python_heap.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_memory.h"

struct snapshot;

struct python_runtimes_input {
    const struct target_memory *memory; /* borrowed, as all of it */
    const struct target_mappings *mappings;
    struct clock clock; /* to say how long it took; now_ns NULL: that is not known */
    uint64_t resident_bytes, peak_resident_bytes; /* of the process; 0 = not known */
    const char *nursery_setting;    /* its PYPY_GC_NURSERY; "" = none, NULL = not known */
    uint64_t processor_cache_bytes; /* as /proc/cpuinfo has it; 0 = not known */
    const struct snapshot *native;  /* its blocks of malloc's, scanned; NULL = not known */
    const struct stopped_thread *threads; /* whose stacks and registers hold objects, too */
    size_t thread_count;
    size_t read_threads; /* of ours; 0 = as many as are worth it. The answer is always the same */
};

/* What there is of Python in the process: `heap` is cleared and filled; not present where there is
 * none. Cannot fail: what cannot be read is said in it. */
void python_runtimes_read(const struct python_runtimes_input *input, struct python_heap *heap);

#endif
