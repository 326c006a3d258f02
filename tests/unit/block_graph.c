#include "block_graph.h"

#include <stdbool.h>
#include <string.h>

enum {
    ROOTS = BLOCK_GRAPH_MOST
};

static void build(const struct block_matrix *matrix, struct snapshot *snapshot)
{
    snapshot_init(snapshot);
    snapshot->end = SNAPSHOT_DONE;
    for (unsigned i = 0; i < matrix->count; i++)
        snapshot_add_block(snapshot, &(struct snapshot_block){.address = 0x1000 + 0x100 * i,
                                                              .bytes = 1u << i,
                                                              .birth_ns = 1000 + i,
                                                              .site = i});
    for (unsigned i = 0; i < matrix->count; i++)
        for (unsigned j = 0; j < matrix->count; j++)
            if (matrix->edges[i] >> j & 1)
                snapshot_add_reference(snapshot, i, j, j,
                                       matrix->starts[i] >> j & 1 ? SNAPSHOT_START
                                                                  : SNAPSHOT_INTERIOR);
    snapshot_end_references(snapshot);
    for (unsigned j = 0; j < matrix->count; j++)
        if (matrix->edges[ROOTS] >> j & 1)
            snapshot_add_root(snapshot,
                              &(struct snapshot_root){.block = j,
                                                      .module = SNAPSHOT_NONE,
                                                      .thread = SNAPSHOT_NONE,
                                                      .reference = matrix->starts[ROOTS] >> j & 1
                                                                       ? SNAPSHOT_START
                                                                       : SNAPSHOT_INTERIOR});
}

static unsigned node_of(char letter, struct block_matrix *matrix)
{
    if (letter == 'R')
        return ROOTS;
    unsigned node = (unsigned)(letter - 'a');
    if (node >= matrix->count)
        matrix->count = node + 1;
    return node;
}

void block_graph_read(const char *text, struct snapshot *snapshot)
{
    struct block_matrix matrix = {0};
    for (const char *at = text; *at; at++) {
        if (*at == ' ')
            continue;
        unsigned from = node_of(*at, &matrix);
        if (at[1] != '>' && at[1] != '?')
            continue;
        unsigned to = node_of(at[2], &matrix);
        matrix.edges[from] |= 1u << to;
        if (at[1] == '>')
            matrix.starts[from] |= 1u << to;
        at += 2;
    }
    build(&matrix, snapshot);
}

uint64_t block_graph_random(uint64_t *seed)
{
    uint64_t value = *seed += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

void block_graph_make_random(uint64_t seed, unsigned count, unsigned links, unsigned roots,
                             struct snapshot *snapshot)
{
    struct block_matrix matrix = {.count = count};
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < count; j++) {
            uint64_t chance = block_graph_random(&seed);
            if (i == j || (chance & 255) >= links)
                continue;
            matrix.edges[i] |= 1u << j;
            matrix.starts[i] |= (uint32_t)(chance >> 8 & 1) << j;
        }
    for (unsigned i = 0; count && i < roots; i++) {
        uint64_t chance = block_graph_random(&seed);
        uint32_t bit = 1u << (chance >> 8) % count;
        matrix.edges[ROOTS] |= bit;
        matrix.starts[ROOTS] |= chance & 1 ? bit : 0;
    }
    build(&matrix, snapshot);
}

void block_graph_get_matrix(const struct snapshot *snapshot, struct block_matrix *matrix)
{
    *matrix = (struct block_matrix){.count = (unsigned)snapshot->block_count};
    for (unsigned i = 0; i < matrix->count; i++)
        for (uint64_t at = snapshot->first_reference[i]; at < snapshot->first_reference[i + 1];
             at++) {
            uint32_t bit = 1u << snapshot->references[at].block;
            matrix->edges[i] |= bit;
            if (snapshot->references[at].kind != SNAPSHOT_INTERIOR)
                matrix->starts[i] |= bit;
        }
    for (size_t i = 0; i < snapshot->root_count; i++) {
        uint32_t bit = 1u << snapshot->roots[i].block;
        matrix->edges[ROOTS] |= bit;
        if (snapshot->roots[i].reference != SNAPSHOT_INTERIOR)
            matrix->starts[ROOTS] |= bit;
    }
}

uint32_t block_graph_close(const uint32_t *edges, unsigned count, uint32_t from)
{
    for (bool is_growing = true; is_growing;) {
        uint32_t before = from;
        for (unsigned i = 0; i < count; i++)
            if (from >> i & 1)
                from |= edges[i];
        is_growing = from != before;
    }
    return from;
}
