/* An order of which only the parts are made that are looked at: what is shown of a million rows is
 * a page somewhere.
 *
 * Items are numbers with keys. Where a position is asked for, what stands before it and behind it
 * is divided again and again, as in quicksort, but only the side with the position goes on; what
 * was divided is remembered. Where there are many, the pivot is chosen close to the position, so
 * that nearly all of them are done with after one round of comparisons, which the processor
 * foretells (Floyd and Rivest, "Expected time bounds for selection", CACM 18, 1975). */
#ifndef SEEP_ANALYSIS_PARTIAL_ORDER_H
#define SEEP_ANALYSIS_PARTIAL_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct partial_key {
    uint64_t first; /* ascending */
    uint32_t second;
    uint32_t item;
};

struct partial_order {
    struct partial_key *keys; /* filled by who makes the order */
    size_t count;
    /* Of items with the same keys: which comes first? Never neither of two. */
    bool (*is_before)(const void *context, uint32_t a, uint32_t b);
    const void *context;
    struct partial_order_part *parts; /* the last one is the end */
    size_t part_count, part_capacity;
};

/* Room for so many items, of which none is there yet. */
void partial_order_init(struct partial_order *order, size_t capacity);
void partial_order_clear(struct partial_order *order);

/* All `count` keys are there. `is_sorted`: they are in order already. */
void partial_order_begin(struct partial_order *order, bool is_sorted);

/* The item at a position below `count`. */
uint32_t partial_order_at(struct partial_order *order, size_t position);

#endif
