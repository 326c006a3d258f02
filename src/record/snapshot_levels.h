/* Levels at which a snapshot of a process is taken unasked, as `--snapshot-at` names them: of its
 * heap, of its memory, of the share of its limits that it uses, and wherever its heap was largest.
 */
#ifndef SEEP_RECORD_SNAPSHOT_LEVELS_H
#define SEEP_RECORD_SNAPSHOT_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum snapshot_level_kind {
    SNAPSHOT_LEVEL_HEAP,     /* value: live bytes */
    SNAPSHOT_LEVEL_RESIDENT, /* value: bytes in memory */
    SNAPSHOT_LEVEL_LIMIT,    /* value: per cent of the nearest limit, 1 to 100 */
    SNAPSHOT_LEVEL_PEAK      /* the highest yet: again and again; only the last one is kept */
};

struct snapshot_level {
    enum snapshot_level_kind kind;
    uint64_t value;
};

enum {
    SNAPSHOT_LEVELS_MOST = 32
};

/* The first snapshot at a peak is taken from this heap on, the next ones each time that it was
 * larger by a share. The heap doubles between any eight of them, so that all together cost no
 * more than about ten times the last one, however large it becomes. */
#define SNAPSHOT_PEAK_FROM_BYTES (UINT64_C(64) << 10)
#define SNAPSHOT_PEAK_STEP_SHARE 10 /* one in so many bytes */

/* What a process has now. What no level asks for may be 0. */
struct snapshot_level_figures {
    uint64_t heap_bytes;
    uint64_t resident_bytes;
    unsigned limit_percent;
};

/* What it has reached before; zeroed: nothing. */
struct snapshot_levels_reached {
    uint32_t set;        /* of positions of levels; each is reached once */
    uint64_t peak_bytes; /* of the heap, when the last snapshot at a peak was taken; 0 = none */
};

/* "64M", "heap=64M", "rss=3G", "limit=90%", "peak". */
bool snapshot_level_parse(const char *text, struct snapshot_level *level, struct error *error);

/* Does any of them ask for that? */
bool snapshot_levels_have(const struct snapshot_level *levels, size_t count,
                          enum snapshot_level_kind kind);

/* True when a level is reached that was not before. *is_peak: none but the highest heap yet; after
 * the snapshot reached->peak_bytes is what it showed. */
bool snapshot_levels_check(const struct snapshot_level *levels, size_t count,
                           const struct snapshot_level_figures *figures,
                           struct snapshot_levels_reached *reached, bool *is_peak);

#endif
