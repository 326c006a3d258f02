/* How many elements a container of the C++ library has, and what memory of its own. It is counted
 * along the references of a snapshot: a tree by walking it, a list by following it. */
#ifndef SEEP_GRAPH_CONTAINER_SIZES_H
#define SEEP_GRAPH_CONTAINER_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "graph/type_propagation.h"
#include "graph/type_table.h"
#include "snapshot/snapshot.h"

/* How many elements a container has: `owner` has it at `offset`. */
struct container_owner {
    uint32_t block;   /* SNAPSHOT_NONE: a variable */
    uint64_t address; /* of the variable or block */
};

struct container_figures {
    uint64_t elements;
    bool are_known;
    uint64_t blocks, bytes; /* of its own memory */
};

/* Finds references by where they stand. */
struct container_search {
    struct type_table *table;
    const struct snapshot *snapshot;
    const struct block_type *blocks;
    const struct hash_map *roots; /* address of a slot: position in snapshot.roots */
};

/* False: it has no memory (and so no elements). */
bool container_sizes_measure(const struct container_search *search,
                             const struct container_owner *owner, uint64_t offset,
                             uint32_t container, struct container_figures *figures);

#endif
