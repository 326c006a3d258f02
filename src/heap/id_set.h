/* A set of small ids as a bit map: added and removed in a step, walked in order of id. */
#ifndef SEEP_HEAP_ID_SET_H
#define SEEP_HEAP_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is a valid empty set. */
struct id_set {
    uint64_t *words;
    size_t word_count;
};

void id_set_clear(struct id_set *set);
void id_set_add(struct id_set *set, uint32_t id);
/* All ids below `count`, of an empty set. */
void id_set_fill(struct id_set *set, uint32_t count);
void id_set_remove(struct id_set *set, uint32_t id);
bool id_set_has(const struct id_set *set, uint32_t id);
uint32_t id_set_count(const struct id_set *set);

/* The smallest id >= *id that is in the set, in *id. Start with 0; go on with *id + 1. */
bool id_set_next(const struct id_set *set, uint32_t *id);

#endif
