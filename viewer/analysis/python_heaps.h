/* Heaps of Python interpreters in a recording: of each process that had one, at the newest snapshot
 * at which it could be read (or, if it never could, the oldest, which says why not). */
#ifndef SEEP_ANALYSIS_PYTHON_HEAPS_H
#define SEEP_ANALYSIS_PYTHON_HEAPS_H

#include "analysis/profile.h"
#include "analysis/site_numbers.h"
#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/python_heap.h"

struct process_python {
    uint32_t process; /* position in profile.processes */
    uint64_t snapshot_id;
    uint64_t time_ns;
    struct python_heap heap;
    uint32_t *sites; /* beside heap.sites: positions in profile.sites, or SITE_NUMBERS_NONE */
};

/* A zeroed struct is empty. */
struct python_heaps {
    struct process_python *items; /* by process; those that have Python */
    size_t count, capacity;
};

/* False with *error: the recording is damaged there. */
bool python_heaps_find(struct python_heaps *heaps, const struct profile *profile,
                       struct recording_reader *reader, struct error *error);
void python_heaps_clear(struct python_heaps *heaps);

/* Of the process at this position; NULL: it had no Python, or no snapshot. */
const struct process_python *python_heaps_of(const struct python_heaps *heaps, uint32_t process);

/* The round number that no pinned arena's live blocks reach: 10, 100, ... */
uint64_t python_pinned_limit(const struct python_heap *heap);

#endif
