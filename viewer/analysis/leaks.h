/* The leaks of one process at the instant of a snapshot, by kind and site.
 *
 * Kinds are memcheck's (leak_kind.h), with two differences that make them the same each time: what
 * is lost together has its oldest block as leader (leak_leaders.h), and a suppressed block takes
 * along everything lost that hangs from it. Blocks that a forked process has from its parent are
 * not its own to lose: they hold others, and are not counted. */
#ifndef SEEP_ANALYSIS_LEAKS_H
#define SEEP_ANALYSIS_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "analysis/suppressions.h"
#include "snapshot/leak_kind.h"
#include "snapshot/snapshot.h"

#define LEAKS_NO_SITE         UINT32_MAX
#define LEAKS_NO_THREAD       UINT32_MAX
#define LEAKS_SEVERAL_THREADS (UINT32_MAX - 1)

struct leak_sum {
    uint64_t blocks;
    uint64_t bytes;
};

/* Blocks of one kind and site. */
struct leak {
    enum leak_kind kind;
    uint32_t site;            /* position in profile.sites, or LEAKS_NO_SITE: not known */
    uint64_t blocks, bytes;   /* of these themselves */
    uint64_t indirect_blocks; /* definite: what is lost with them */
    uint64_t indirect_bytes;
    uint64_t cycles;      /* definite: how many of the blocks stand for a lost cycle */
    uint32_t cycle_block; /* the oldest of those */
    uint32_t first_block; /* the oldest block; positions in the snapshot */
    uint64_t address;     /* of the oldest block */
    uint64_t oldest_ns;   /* when that was born, since the session began */
    uint64_t newest_ns;   /* the same of the youngest */
    uint32_t thread;      /* that allocated all of them, as in recording_thread.id; or
                             LEAKS_NO_THREAD: none that is known, LEAKS_SEVERAL_THREADS */
    size_t suppression;   /* suppressed: the entry for the oldest block, or
                             LEAKS_NO_SUPPRESSION: it hangs from suppressed ones */
};

#define LEAKS_NO_SUPPRESSION SIZE_MAX

enum leak_use_state {
    LEAK_USE_UNUSED,
    LEAK_USE_USED,
    LEAK_USE_EXPIRED, /* its day has come: it suppresses nothing */
    LEAK_USE_EXCEEDED /* it would have suppressed more than it may: it suppresses nothing */
};

/* What an entry of the suppressions did. */
struct leak_use {
    enum leak_use_state state;
    struct leak_sum sum; /* with LEAK_USE_EXCEEDED: what it would have suppressed */
};

struct leaks_options {
    const struct suppressions *suppressions; /* NULL = none */
    struct leak_use *uses; /* by entry; zeroed by the caller, who may pass it on from process to
                              process: sums add up. NULL: nobody asks */
    uint64_t roots_off; /* kinds of roots that do not count, beside those that the scan left out */
    bool are_blocks_told;         /* fill leak_of_block */
    const struct snapshot *since; /* only what was not lost at this earlier snapshot of the process;
                                     NULL = everything */
};

struct leaks {
    struct leak_sum kinds[LEAK_KIND_COUNT]; /* every block is counted once */
    struct leak_sum
        mapping_only;   /* of the reachable ones: what only mappings hold that are not heap */
    struct leak *items; /* by kind, then by bytes with what is lost with them, then by
                           blocks, then by fingerprint */
    size_t count;
    uint32_t *leak_of_block; /* by block of the snapshot: position in items + 1, 0 = none of
                                them. NULL: nobody asked */
};

/* `process` is a position, `snapshot` one of its with end SNAPSHOT_DONE. Entries are expired when
 * they were at the time of the recording. Clear after use. */
void leaks_find(const struct profile *profile, uint32_t process, const struct snapshot *snapshot,
                const struct leaks_options *options, struct leaks *leaks);
/* What is leaked: definite and indirect. */
struct leak_sum leaks_leaked(const struct leaks *leaks);
void leaks_clear(struct leaks *leaks);

#endif
