/* Sorts by numbers, in a few passes over all of them instead of some twenty comparisons of each:
 * for tables of tens of thousands, which qsort would take milliseconds for.
 *
 * A radix sort from the lowest digit up (Knuth, The Art of Computer Programming, volume 3, 5.2.5);
 * digits in which no two keys differ cost nothing. */
#ifndef SEEP_BASE_KEY_SORT_H
#define SEEP_BASE_KEY_SORT_H

#include <stddef.h>
#include <stdint.h>

struct sort_key {
    uint64_t key;
    uint32_t position; /* of what the key is of, in the caller's array */
};

/* Equal keys stay in their order. */
void key_sort(struct sort_key *keys, size_t count);

#endif
