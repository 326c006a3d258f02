#include "heap/id_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void id_set_clear(struct id_set *set)
{
    free(set->words);
    *set = (struct id_set){0};
}

void id_set_add(struct id_set *set, uint32_t id)
{
    size_t word = id / 64;
    if (word >= set->word_count) {
        size_t old_count = set->word_count;
        set->words = memory_grow(set->words, &set->word_count, word + 1, sizeof *set->words);
        memset(&set->words[old_count], 0, (set->word_count - old_count) * sizeof *set->words);
    }
    set->words[word] |= (uint64_t)1 << id % 64;
}

void id_set_fill(struct id_set *set, uint32_t count)
{
    if (count == 0)
        return;
    id_set_add(set, count - 1);
    memset(set->words, 0xff, count / 64 * sizeof *set->words);
    if (count % 64 != 0)
        set->words[count / 64] = ((uint64_t)1 << count % 64) - 1;
}

void id_set_remove(struct id_set *set, uint32_t id)
{
    if (id / 64 < set->word_count)
        set->words[id / 64] &= ~((uint64_t)1 << id % 64);
}

bool id_set_has(const struct id_set *set, uint32_t id)
{
    return id / 64 < set->word_count && (set->words[id / 64] >> id % 64 & 1);
}

uint32_t id_set_count(const struct id_set *set)
{
    uint32_t count = 0;
    for (size_t word = 0; word < set->word_count; word++)
        count += (uint32_t)__builtin_popcountll(set->words[word]);
    return count;
}

bool id_set_next(const struct id_set *set, uint32_t *id)
{
    size_t word = *id / 64;
    if (word >= set->word_count)
        return false;
    uint64_t bits = set->words[word] & ~(uint64_t)0 << *id % 64;
    while (bits == 0) {
        if (++word >= set->word_count)
            return false;
        bits = set->words[word];
    }
    *id = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits);
    return true;
}
