/* Which type is each block of?
 *
 * Four sources, the surest first. Objects of C++ classes say it themselves (snapshot.h). Variables
 * have types, by debug information; the type of a pointer is that of what it points to, so types
 * spread from variables, and frames' variables, through the members of what was typed before: a
 * worklist, over each reference about once. void pointers and unions end it. The library's
 * allocator of containers is asked for a type by name, which stands in the stack that allocated.
 * And blocks of one site are mostly of one type: those that are typed vote for the others.
 *
 * Where a typed pointer leads into a block, that much of it is of this type, whatever the rest is.
 *
 * A block has the size of its type, or that of several; what does not fit is not believed, and what
 * fits but not well is less sure. Where two types claim a block the larger wins, and is not sure.
 * The order of all this is that of roots and blocks, so that the result is always the same. */
#ifndef SEEP_GRAPH_TYPE_PROPAGATION_H
#define SEEP_GRAPH_TYPE_PROPAGATION_H

#include <stdint.h>

#include "analysis/profile.h"
#include "graph/type_table.h"
#include "snapshot/snapshot.h"

enum type_source {
    TYPE_SOURCE_NONE = 0,
    TYPE_SOURCE_VTABLE,
    TYPE_SOURCE_DWARF,
    TYPE_SOURCE_CONTAINER,
    TYPE_SOURCE_SITE,
    TYPE_SOURCE_PYTHON, /* the interpreter whose object it is */
    TYPE_SOURCE_COUNT
};

enum type_confidence {
    TYPE_UNSURE = 0,
    TYPE_LIKELY = 1,
    TYPE_SURE = 2
};

struct block_type {
    uint32_t type; /* of the table; TYPE_NONE = not known */
    uint8_t source;
    uint8_t confidence;
    uint16_t header_words; /* in front of the first element */
};

/* A variable that has roots: global, thread-local, or of a frame. */
struct typed_variable {
    char *name;     /* owned */
    uint64_t start; /* address of the process; of thread-local ones the offset in the segment */
    uint32_t type;
};

#define TYPE_NO_VARIABLE UINT32_MAX

struct block_types {
    struct block_type *blocks;
    struct typed_variable *variables;
    size_t variable_count, variable_capacity;
    uint32_t *variable_of_root; /* by position in snapshot.roots; TYPE_NO_VARIABLE = none */
};

/* What is borrowed outlives the result. `site_of_block` are positions in profile.sites, or
 * UINT32_MAX. */
struct type_input {
    const struct profile *profile;
    const struct snapshot *snapshot;
    const uint32_t *site_of_block;
    struct type_table *table;
};

void block_types_find(const struct type_input *input, struct block_types *types);
void block_types_clear(struct block_types *types);

/* Where a root's word is in its variable. */
uint64_t block_types_root_offset(const struct snapshot *snapshot, const struct block_types *types,
                                 uint32_t root);

#endif
