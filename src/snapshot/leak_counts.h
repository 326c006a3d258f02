/* What is lost at a snapshot, in blocks and bytes by kind, and against what was lost at an earlier
 * one: for programs that ask while they run. Stacks are not looked at, and so no suppressions.
 *
 * Of the time before it is remembered which blocks were lost, and sums by site and kind: 32 bytes
 * for each of them. */
#ifndef SEEP_SNAPSHOT_LEAK_COUNTS_H
#define SEEP_SNAPSHOT_LEAK_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "snapshot/leak_kind.h"
#include "snapshot/snapshot.h"

struct leak_counts {
    uint64_t blocks[LEAK_KIND_COUNT];
    uint64_t bytes[LEAK_KIND_COUNT];
};

enum leak_counts_scope {
    LEAK_COUNTS_ALL,
    LEAK_COUNTS_NEW,    /* what was not lost yet, at least not as surely; of what is reachable, what
                           was not there */
    LEAK_COUNTS_CHANGED /* all of the sites and kinds that have now more or less than then */
};

/* A zeroed struct is that of a process that was never looked at: all is new, and has changed. */
struct leak_history {
    struct hash_map lost;   /* address -> birth_ns << 1 | was not only possible */
    struct hash_map blocks; /* site << 3 | kind -> sum */
    struct hash_map bytes;
    uint64_t time_ns; /* of the snapshot; 0 = none yet */
};

void leak_history_clear(struct leak_history *history);

/* Fills `kind_of`, a byte a block: enum leak_kind; LEAK_KIND_COUNT: the parent's, not to be
 * counted. May take seconds with millions of blocks: `beat` (NULL = nobody) is called now and then.
 */
void leak_counts_judge(const struct snapshot *snapshot, uint8_t *kind_of,
                       void (*beat)(void *context), void *context);

/* Counts what is asked for, and then takes this snapshot into the history. */
void leak_counts_take(const struct snapshot *snapshot, const uint8_t *kind_of,
                      enum leak_counts_scope scope, struct leak_history *history,
                      struct leak_counts *counts);

#endif
