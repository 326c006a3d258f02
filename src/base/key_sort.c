#include "base/key_sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    KEY_BITS = 64,
    DIGIT_BITS = 11,
    DIGIT_VALUES = 1 << DIGIT_BITS
};

static unsigned digit_of(uint64_t key, unsigned shift)
{
    return (unsigned)(key >> shift) & (DIGIT_VALUES - 1);
}

static void sort_by_digit(const struct sort_key *from, struct sort_key *to, size_t count,
                          unsigned shift)
{
    size_t starts[DIGIT_VALUES] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++)
        starts[digit_of(from[i].key, shift)]++;
    for (size_t value = 0; value < DIGIT_VALUES; value++) {
        size_t here = starts[value];
        starts[value] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++)
        to[starts[digit_of(from[i].key, shift)]++] = from[i];
}

void key_sort(struct sort_key *keys, size_t count)
{
    struct sort_key *spare = memory_allocate(count * sizeof *spare);
    struct sort_key *from = keys, *to = spare;
    uint64_t different = 0;
    for (size_t i = 0; i < count; i++)
        different |= keys[i].key ^ keys[0].key;
    for (unsigned shift = 0; shift < KEY_BITS; shift += DIGIT_BITS) {
        if (digit_of(different, shift) == 0)
            continue;
        sort_by_digit(from, to, count, shift);
        struct sort_key *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != keys)
        memcpy(keys, from, count * sizeof *keys);
    free(spare);
}
