/* Claims on blocks: that this one is of that type, as somebody said who is more or less sure. A
 * block whose type changes is queued, so that its own pointers are followed anew. */
#ifndef SEEP_GRAPH_TYPE_CLAIMS_H
#define SEEP_GRAPH_TYPE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "graph/type_propagation.h"

/* A part of a block that typed pointers lead to. */
struct type_part {
    uint64_t offset;
    uint32_t type;
    uint32_t next; /* position + 1 of the block's next one; 0 = none */
    uint8_t confidence;
    bool is_spread;
};

struct type_claims {
    const struct type_input *input;
    const struct snapshot *snapshot;
    struct type_table *table;
    struct block_types *types;
    uint8_t *is_queued;
    uint32_t *queue; /* a ring of block_count + 1 */
    size_t head, tail;
    struct type_part *parts;
    size_t part_count, part_capacity;
    struct hash_map first_part; /* by block: position + 1 */
};

/* The next block whose type has changed; false: none. */
bool type_claims_next(struct type_claims *run, uint32_t *block);

/* How much a type says: at most 1 of one that says less than a struct does. */
uint64_t type_claims_weight(const struct type_claims *run, uint32_t type);

/* Without asking whether it fits. */
void type_claims_set(struct type_claims *run, uint32_t block, uint32_t type,
                     enum type_source source, enum type_confidence confidence);

/* A pointer to the block's start says so; at most as sure as `most`. */
void type_claims_add(struct type_claims *run, uint32_t block, uint32_t type,
                     enum type_source source, enum type_confidence most);

/* A pointer behind a block's start. It may be to one of several elements; or allocators of programs
 * put something of their own in front, such as a length, and hand out what is behind; or blocks
 * are made of parts. */
void type_claims_add_behind(struct type_claims *run, uint32_t block, uint32_t type,
                            enum type_source source, enum type_confidence most, uint64_t offset,
                            bool counts_as_start);

#endif
