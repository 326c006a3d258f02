/* Disjoint address ranges, each with a value; ranges can be carved out anywhere.
 *
 * A treap (Seidel, Aragon: Randomized Search Trees, 1996): a binary search tree by start whose
 * priorities are random, so its depth stays logarithmic whatever the target maps. The priorities
 * come from a generator of the map's own, so the same calls give the same tree. */
#ifndef SEEP_HEAP_INTERVAL_MAP_H
#define SEEP_HEAP_INTERVAL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    uint64_t start;
    uint64_t end;
    uint32_t value;
};

struct interval_node;

/* A zeroed struct is a valid empty map. */
struct interval_map {
    struct interval_node *nodes; /* from 1; 0 is "none" */
    size_t node_count;
    size_t node_capacity;
    uint32_t root;
    uint32_t free_node; /* chained through `left` */
    size_t count;
    uint64_t random;
};

void interval_map_clear(struct interval_map *map);

/* start < end, and nothing stands there. */
void interval_map_add(struct interval_map *map, uint64_t start, uint64_t end, uint32_t value);

/* Takes out what lies in [start, end), calling `removed` for each part, in order. With
 * `is_split` a part came out of the middle of its range, of which two pieces remain; with
 * `is_whole` nothing of its range remains. */
typedef void (*interval_removed)(void *context, const struct interval *part, bool is_whole,
                                 bool is_split);
void interval_map_carve(struct interval_map *map, uint64_t start, uint64_t end,
                        interval_removed removed, void *context);

/* The range that the address is in; NULL = none. Borrowed until the map changes. */
const struct interval *interval_map_find(const struct interval_map *map, uint64_t address);

/* Calls `visit` for each range, by address. */
typedef void (*interval_visit)(void *context, const struct interval *interval);
void interval_map_visit(const struct interval_map *map, interval_visit visit, void *context);

uint64_t interval_map_own_bytes(const struct interval_map *map);

#endif
