/* Pools: memory of which a program's own allocator gives objects (include/seep.h). Their objects
 * are blocks like others, with stacks. The block that such memory lies in is set aside meanwhile,
 * so that nothing is counted twice: it is released when the pool is made, and born again, with the
 * stack that it had, when that is gone. What objects are still in it then are released.
 *
 * What stands in front of a pool's first object is the allocator's own: its references count. */
#ifndef SEEP_RECORD_POOLS_H
#define SEEP_RECORD_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "heap/heap_model.h"
#include "snapshot/snapshot_scan.h"

struct pool {
    uint64_t start, bytes;
    uint64_t lowest; /* of all objects that it ever had; its end: none */
    bool has_parent;
    struct heap_block parent; /* at `start`, set aside */
    struct hash_map objects;  /* by address */
};

/* A zeroed struct has none. */
struct pools {
    struct pool *items;
    size_t count, capacity;
    struct hash_map places; /* start -> position */
};

/* Of whom, when, and by which thread something is told. */
struct pool_teller {
    struct pools *pools;
    struct heap_model *model; /* to which all events before were applied */
    uint64_t time_ns;
    uint32_t thread;
};

void pools_clear(struct pools *pools);
/* For the child of a fork. `to` has none. */
void pools_copy(struct pools *to, const struct pools *from);

/* One of this start that is there already goes first, and pools in a pool that goes go before it.
 */
void pools_make(const struct pool_teller *teller, uint64_t start, uint64_t bytes);
void pools_remove(const struct pool_teller *teller, uint64_t start);

void pools_bear(const struct pool_teller *teller, uint64_t start, uint64_t object, uint64_t bytes,
                struct stack_id stack);
void pools_release(const struct pool_teller *teller, uint64_t start, uint64_t object);

/* What of the pool at this position holds references of its own. */
struct address_range pools_head(const struct pools *pools, size_t position);

#endif
