/* Which memory is to be searched for references to blocks, as what; and which is never a root. */
#ifndef SEEP_SNAPSHOT_ROOT_PLAN_H
#define SEEP_SNAPSHOT_ROOT_PLAN_H

#include "snapshot/block_index.h"
#include "snapshot/range_list.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"

/* Memory whose words are roots. */
struct root_range {
    uint64_t start, end;
    enum snapshot_root_kind kind;
    uint32_t module;
    uint32_t thread;
    uint32_t number;
};

/* A value that is a root: a register, or a word that needed thought. */
struct root_value {
    uint64_t address; /* of the slot */
    uint64_t value;
    enum snapshot_root_kind kind;
    uint32_t thread;
    uint32_t number;
};

struct root_plan {
    const struct snapshot_scan_input *input;
    const struct block_index *index;
    struct word_cache *words;
    struct snapshot *result; /* threads are added, and what is missing */
    struct target_modules modules;

    struct root_range *ranges;
    size_t range_count, range_capacity;
    struct root_value *values;
    size_t value_count, value_capacity;

    struct range_list claimed; /* what is explained: roots of their own, heap, ours, dead stacks */
    struct range_list dead;    /* parts of blocks that hold no references, or not as blocks */
};

void root_plan_init(struct root_plan *plan, const struct snapshot_scan_input *input,
                    const struct block_index *index, struct word_cache *words,
                    struct snapshot *result);
void root_plan_clear(struct root_plan *plan);

/* All of it: modules, threads, regions, then the mappings that are left. */
void root_plan_make(struct root_plan *plan);

/* For the makers of parts. Ranges are claimed as well. */
void root_plan_add_range(struct root_plan *plan, const struct root_range *range);
void root_plan_add_value(struct root_plan *plan, const struct root_value *value);

bool root_plan_is_late(const struct root_plan *plan);

/* The parts, in their order. */
void module_roots_plan(struct root_plan *plan);
void thread_roots_plan(struct root_plan *plan);
void mapping_roots_plan(struct root_plan *plan);

/* glibc keeps the heads of its lists of free memory in a variable, main_arena: they point just in
 * front of free memory, which is the tail of a block. Finds it by its shape in a writable segment
 * of the C library: over a hundred list heads in a row, each empty, or with a neighbour that points
 * back. */
bool allocator_find_main_arena(struct word_cache *words, const struct address_range *segment,
                               struct address_range *arena);
/* Is it still there, where another process has it? It is not before the first call of malloc. */
bool allocator_is_main_arena(struct word_cache *words, const struct address_range *arena);
/* Is it glibc? Its arena is looked for where the last process with this build had it, or by a
 * search; `facts` may be NULL. */
bool allocator_is_libc(const struct target_module *module);
bool allocator_find_in_libc(struct word_cache *words, const struct target_module *module,
                            const struct address_range *segment, struct libc_facts *facts,
                            struct address_range *arena);
/* Where main_arena stands, where all of it is as it should be; its length tells the layout. */
enum {
    ALLOCATOR_ARENA_BYTES = 2200, /* of arenas, up to 2.42 */
    ALLOCATOR_ARENA_BYTES_SHORT = 2112
};
bool allocator_locate_main_arena(struct word_cache *words, const struct target_modules *modules,
                                 struct libc_facts *facts, struct address_range *arena);
/* Is this anonymous mapping a heap of a further arena of glibc's? They begin at multiples of 64 MiB
 * with a head that names the arena, the heap before and the size. */
bool allocator_is_arena_heap(struct word_cache *words, const struct target_mapping *mapping);

#endif
