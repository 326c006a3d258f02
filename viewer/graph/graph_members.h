/* A block's words as what its type makes of them: members with their values.
 *
 * Structs and arrays are taken apart down to numbers, pointers and texts; containers of the C++
 * library stay whole and tell how many elements they have. What the type does not cover, and what
 * was not kept of the block, has no member or no value. */
#ifndef SEEP_GRAPH_GRAPH_MEMBERS_H
#define SEEP_GRAPH_GRAPH_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph/process_graph.h"

enum {
    GRAPH_MEMBERS_MOST = 512,        /* of more the rest is counted */
    GRAPH_MEMBERS_MOST_ELEMENTS = 64 /* of an array within a block */
};

struct graph_member {
    char *path;  /* owned: "db[0].dict"; "" = the block as a whole, or no name is known */
    char *type;  /* owned: "dict *", "long int" */
    char *value; /* owned: "12", "\"text\"", "300 elements"; NULL = not kept */
    uint64_t offset, bytes;
    bool is_pointer;
    uint32_t block;        /* that it points to, or SNAPSHOT_NONE */
    uint64_t block_offset; /* so far behind its start */
    uint32_t module;       /* that it points into: position in snapshot.modules, or SNAPSHOT_NONE */
};

struct graph_members {
    struct graph_member *items; /* by offset */
    size_t count, capacity;
    uint64_t omitted;
};

/* `bytes` are the first `count` of the block. Clear after use; nothing when its type is not known.
 */
void graph_members_find(const struct process_graph *graph, uint32_t block, const uint8_t *bytes,
                        size_t count, struct graph_members *members);
void graph_members_clear(struct graph_members *members);

#endif
