/* Tells what a stopped process's memory is used for. */
#ifndef SEEP_SNAPSHOT_MEMORY_MEASURE_H
#define SEEP_SNAPSHOT_MEMORY_MEASURE_H

#include "base/hash_map.h"
#include "snapshot/libc_facts.h"
#include "snapshot/memory_use.h"
#include "snapshot/python_heap.h"
#include "snapshot/residency.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_memory.h"

/* Everything is borrowed during the call. */
struct memory_measure_input {
    const struct residency *residency;
    const struct target_memory *memory;  /* of the same instant: the process, or its copy */
    const struct snapshot_block *blocks; /* live ones, by address; none where nobody recorded */
    size_t block_count;
    bool has_foreign_allocator;       /* the allocator is not glibc's */
    struct address_ranges own;        /* seep's own memory in the process */
    struct address_ranges heap;       /* mappings that an allocator made */
    struct libc_facts *libc;          /* may be NULL */
    const struct python_heap *python; /* NULL: nobody looked */
};

/* `use` is initialised, and filled. */
void memory_measure(const struct memory_measure_input *input, struct memory_use *use);

/* For what fills it piece by piece. A category is given to each address once: what was given first
 * stays. */
struct memory_painter {
    const struct memory_measure_input *input;
    struct memory_use *use;
    struct range_list taken; /* sorted between the steps, in which pieces do not overlap */
    struct hash_map parts;   /* positions in use->parts, by a hash of category and name */

    /* What was asked for last. */
    struct address_range clear; /* nothing in it is taken */
    size_t clear_position;      /* in `taken`, of where it was found */
    struct residency_stretch stretch;
    const char *last_names[MEMORY_CATEGORY_COUNT]; /* by where they stand */
    size_t last_positions[MEMORY_CATEGORY_COUNT];
};

/* What of [start, end) is not taken gets the category, and is counted to this part; `name` NULL =
 * none. It is not taken by that: memory_painter_take does so. */
struct memory_amount memory_painter_paint(struct memory_painter *painter, uint64_t start,
                                          uint64_t end, enum memory_category category,
                                          const char *name);
void memory_painter_take(struct memory_painter *painter, uint64_t start, uint64_t end);
/* One more of what the part counts. */
void memory_painter_count(struct memory_painter *painter, enum memory_category category,
                          const char *name, uint64_t count);

/* The heap of glibc, chunk by chunk: memory_heap.c. */
void memory_heap_paint(struct memory_painter *painter, const struct target_modules *modules,
                       struct word_cache *words);

#endif
