/* Events that come in the wrong order, put right per address.
 *
 * Stamps of two threads invert by a fraction of a microsecond when a block is handed over without a
 * lock, and events of a thread that sat in a hook come late. So at one address a release may come
 * before its birth (an early release), and a birth before the release of the block that was there
 * before (a displaced block). Either waits for its other half here.
 *
 * The other half must be stamped right up to REPAIR_SLACK_NS. Events of one thread never invert: an
 * event that contradicts its own thread's order belongs to something else. */
#ifndef SEEP_HEAP_REPAIR_H
#define SEEP_HEAP_REPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/waiting_list.h"

#define REPAIR_SLACK_NS    2000u
#define REPAIR_PATIENCE_NS 1000000000u /* an early release waits this long */

/* A zeroed struct is valid and empty. */
struct repair {
    struct waiting_list releases;  /* early releases */
    struct waiting_list displaced; /* blocks whose release has not been seen */
};

void repair_clear(struct repair *repair);

/* The latest birth of a block that a release stamped `release_ns` can have released. */
static inline uint64_t repair_latest_birth_ns(uint64_t release_ns)
{
    return release_ns + REPAIR_SLACK_NS;
}

/* Can a block born then be what a release stamped `release_ns` released? */
static inline bool repair_may_release(uint64_t birth_ns, uint64_t release_ns)
{
    return birth_ns <= repair_latest_birth_ns(release_ns);
}

/* The early release of a block that `thread` gets at this address, or NULL: the first that fits. */
struct waiting *repair_find_release(const struct repair *repair, uint64_t address,
                                    uint64_t birth_ns, uint32_t thread);

/* The displaced block that `thread` releases, or NULL: the latest that fits. */
struct waiting *repair_find_displaced(const struct repair *repair, uint64_t address,
                                      uint64_t release_ns, uint32_t thread);

#endif
