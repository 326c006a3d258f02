/* What the processes of a recording use their memory for: of each, at the newest snapshot that was
 * asked for, else at the one before its destructors, else at the newest; and what can be done about
 * it. */
#ifndef SEEP_ANALYSIS_MEMORY_USES_H
#define SEEP_ANALYSIS_MEMORY_USES_H

#include "analysis/profile.h"
#include "analysis/site_numbers.h"
#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/memory_use.h"

#define MEMORY_NO_SITE SITE_NUMBERS_NONE

/* A setting, or a call, that would have kept memory from staying. */
struct memory_advice {
    const char *setting; /* "MALLOC_ARENA_MAX=2"; of the environment, or a call; "" = none */
    uint64_t bytes;      /* that it is about */
    char *text;          /* why; owned */
};

struct process_memory {
    uint32_t process; /* position in profile.processes */
    uint64_t snapshot_id;
    uint64_t time_ns;
    struct memory_use use;
    uint32_t *pin_sites;    /* beside use.pins: positions in profile.sites, or MEMORY_NO_SITE */
    uint32_t *holder_sites; /* beside use.holders */
    struct memory_advice *advice; /* by bytes */
    size_t advice_count, advice_capacity;
};

/* A zeroed struct is empty. */
struct memory_uses {
    struct process_memory *items; /* by process; those that were measured, or tried to be */
    size_t count, capacity;
};

/* False with *error: the recording is damaged there. */
bool memory_uses_find(struct memory_uses *uses, const struct profile *profile,
                      struct recording_reader *reader, struct error *error);
void memory_uses_clear(struct memory_uses *uses);

/* Of the process at this position; NULL: it has no snapshot that tells of it. */
const struct process_memory *memory_uses_of(const struct memory_uses *uses, uint32_t process);

/* What people call a category: "live heap". */
const char *memory_category_title(enum memory_category category);

/* The largest first, by what is resident. */
void memory_sort_categories(const struct memory_use *use,
                            enum memory_category order[MEMORY_CATEGORY_COUNT]);

/* The line of code that a site is told by: of Python where there is one, else as places are. NULL:
 * not known. Borrowed from the profile. */
const struct profile_location *memory_site_location(const struct profile *profile, uint32_t site);

/* What PyPy's nursery has beyond the 4 MiB that do for most programs (MEMORY_NURSERY_SETTING),
 * where that is much; else 0. */
#define MEMORY_NURSERY_SETTING "PYPY_GC_NURSERY=4M"
uint64_t memory_nursery_excess(uint64_t nursery_bytes);

/* Free bytes of the main heap that would go back if this many of its pins, from the heap's end on,
 * were freed; 0 pins: what lies behind the last block. */
uint64_t memory_pinned_bytes(const struct memory_use *use, size_t pins);

#endif
