/* Which blocks of the arenas are objects, of which types: the first step of
 * cpython_objects_read. */
#ifndef SEEP_RUNTIMES_CPYTHON_BLOCK_KINDS_H
#define SEEP_RUNTIMES_CPYTHON_BLOCK_KINDS_H

#include "runtimes/cpython/objects.h"

/* Fills the kinds, places and types of all blocks. Storage is unknown yet. */
void cpython_block_kinds_find(struct cpython_objects *objects, const struct cpython_team *team);

/* Can this be where an object has its count? An address there belongs to a table. Since 3.14
 * references in tables may have tags in their lowest bits; and behind the count stand two bytes
 * that are 0 unless it has overflown. */
bool cpython_is_count_sane(const struct cpython_objects *objects, uint64_t word);

#endif
