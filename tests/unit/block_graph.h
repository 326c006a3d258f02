/* Snapshots for tests, written as text, and random ones.
 *
 * Blocks are small letters; block 'a' has 1 byte, 'b' 2, 'c' 4 and so on, so that a sum tells what
 * is in it. They are born in the order of their letters and stand at growing addresses. Words:
 * "a>b" a refers to the start of b, "a?b" into its middle; a root is 'R'. A letter alone is a block
 * without references. */
#ifndef SEEP_TESTS_BLOCK_GRAPH_H
#define SEEP_TESTS_BLOCK_GRAPH_H

#include <stdint.h>

#include "snapshot/snapshot.h"

enum {
    BLOCK_GRAPH_MOST = 26
};

/* Clear with snapshot_clear. All roots are of kind GLOBAL. */
void block_graph_read(const char *text, struct snapshot *snapshot);

/* `count` blocks, each pair linked with a chance of `links` / 256, half of the links interior;
 * `roots` roots to any blocks. The same for the same seed. */
void block_graph_make_random(uint64_t seed, unsigned count, unsigned links, unsigned roots,
                             struct snapshot *snapshot);

/* A small generator (splitmix64). */
uint64_t block_graph_random(uint64_t *seed);

/* For oracles: bit j of edges[i]: i refers to j (starts[i]: to its start); the last entry,
 * BLOCK_GRAPH_MOST, is the roots'. */
struct block_matrix {
    unsigned count;
    uint32_t edges[BLOCK_GRAPH_MOST + 1];
    uint32_t starts[BLOCK_GRAPH_MOST + 1];
};
void block_graph_get_matrix(const struct snapshot *snapshot, struct block_matrix *matrix);

/* All blocks that a chain of `edges` leads to from the blocks `from`, those included. */
uint32_t block_graph_close(const uint32_t *edges, unsigned count, uint32_t from);

#endif
