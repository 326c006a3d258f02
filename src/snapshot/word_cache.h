/* Single words of a target's memory, wherever they are: pages that were read are kept, so that a
 * walk along lists, tables and vtables does not ask the kernel for each word. For a target that
 * stands still. */
#ifndef SEEP_SNAPSHOT_WORD_CACHE_H
#define SEEP_SNAPSHOT_WORD_CACHE_H

#include "snapshot/target_memory.h"

struct word_cache;

/* `memory` is borrowed. Caller owns. */
struct word_cache *word_cache_create(const struct target_memory *memory);
void word_cache_destroy(struct word_cache *cache);

bool word_cache_read(struct word_cache *cache, uint64_t address, uint64_t *word);
bool word_cache_read_bytes(struct word_cache *cache, uint64_t address, void *bytes, size_t count);

#endif
