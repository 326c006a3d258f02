#include "record/process_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "heap/heap_model.h"
#include "heap/stack_table.h"

enum {
    FEW_BLOCKS = 128,
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    DIGIT_COUNT = 5, /* of addresses: 55 bits */
    LOADER_FRAMES_MAX = 4,
    BEAT_BLOCKS = 1 << 18 /* the heart beats at least this often while blocks are listed */
};

static void beat(const struct process_tree *tree, size_t position)
{
    if (position % BEAT_BLOCKS == 0)
        session_host_beat(tree->host, tree->clock);
}

/* ---- order ---------------------------------------------------------------------------- */

static size_t digit_of(uint64_t address, unsigned digit)
{
    return address >> (digit * DIGIT_BITS) & (DIGITS - 1);
}

static int compare_blocks(const void *left, const void *right)
{
    const struct snapshot_block *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

/* Radix sort, least significant digit first: the process waits for it, and millions of blocks come
 * in no order. Digits are small, so that the places being written to stay in the cache; those that
 * all addresses share (high ones, and the lowest) cost nothing. */
static void sort_blocks(const struct process_tree *tree, struct snapshot_block **blocks,
                        size_t count)
{
    if (count < FEW_BLOCKS) {
        qsort(*blocks, count, sizeof **blocks, compare_blocks);
        return;
    }
    struct snapshot_block *from = *blocks, *to = memory_allocate_large(count, sizeof *to);
    size_t(*places)[DIGITS] = memory_allocate_zeroed(DIGIT_COUNT, sizeof *places);
    for (size_t i = 0; i < count; i++) {
        beat(tree, i);
        for (unsigned digit = 0; digit < DIGIT_COUNT; digit++)
            places[digit][digit_of(from[i].address, digit)]++;
    }
    for (unsigned digit = 0; digit < DIGIT_COUNT; digit++) {
        if (places[digit][digit_of(from[0].address, digit)] == count)
            continue;
        size_t place = 0;
        for (size_t value = 0; value < DIGITS; value++) {
            size_t here = places[digit][value];
            places[digit][value] = place;
            place += here;
        }
        for (size_t i = 0; i < count; i++) {
            beat(tree, i);
            to[places[digit][digit_of(from[i].address, digit)]++] = from[i];
        }
        struct snapshot_block *sorted = to;
        to = from;
        from = sorted;
    }
    *blocks = from;
    free(to);
    free(places);
}

/* ---- what pthread_create takes -------------------------------------------------------- */

enum library {
    LIBRARY_OTHER,
    LIBRARY_LOADER,
    LIBRARY_C
};

struct listing {
    struct process_tree *tree;
    struct snapshot_block *blocks;
    size_t count;
    uint8_t *libraries; /* by module: enum library */
};

static enum library library_of(const char *path)
{
    const char *name = text_file_name(path);
    if (text_starts_with(name, "ld-") || text_starts_with(name, "ld.so"))
        return LIBRARY_LOADER;
    return text_starts_with(name, "libc.so") || text_starts_with(name, "libc-2") ||
                   text_starts_with(name, "libpthread")
               ? LIBRARY_C
               : LIBRARY_OTHER;
}

static enum library library_at(const struct listing *listing, struct stack_id node)
{
    const struct stack_table *stacks = listing->tree->stacks;
    struct frame_id id = stack_table_node_frame(stacks, node);
    if (id.index == STACK_TABLE_NO_FRAME)
        return LIBRARY_OTHER;
    uint32_t module = stack_table_frame(stacks, id).module_id_plus_1;
    return module != 0 ? (enum library)listing->libraries[module - 1] : LIBRARY_OTHER;
}

/* The loader allocates a table for a new thread, called by the C library, which keeps it until
 * another thread gets it. Before the thread is in any list, nothing that can be found refers to it.
 */
static bool is_thread_table(const struct listing *listing, struct stack_id stack)
{
    enum library library = library_at(listing, stack);
    if (library != LIBRARY_LOADER)
        return false;
    for (int i = 0; i < LOADER_FRAMES_MAX && library == LIBRARY_LOADER; i++) {
        stack = stack_table_parent(listing->tree->stacks, stack);
        library = library_at(listing, stack);
    }
    return library == LIBRARY_C;
}

/* ---- all of it ------------------------------------------------------------------------ */

static void add_block(void *context, const struct heap_block *block)
{
    struct listing *listing = context;
    beat(listing->tree, listing->count);
    unsigned flags = block->thread == HEAP_THREAD_INHERITED ? SNAPSHOT_BLOCK_INHERITED : 0;
    if (is_thread_table(listing, block->stack))
        flags |= SNAPSHOT_BLOCK_IGNORED;
    listing->blocks[listing->count++] = (struct snapshot_block){
        .address = block->address,
        .bytes = block->size,
        .birth_ns = block->birth_ns,
        .site = block->site,
        .thread = block->thread < UINT16_MAX ? (uint16_t)block->thread : UINT16_MAX,
        .flags = (uint16_t)flags,
    };
}

struct snapshot_block *process_blocks_list(struct process_tree *tree,
                                           struct recorded_process *process, size_t *count)
{
    struct listing listing = {.tree = tree};
    struct recording_totals totals;
    listing.libraries = memory_allocate_zeroed(tree->modules.count, sizeof *listing.libraries);
    for (size_t i = 0; i < tree->modules.count; i++)
        listing.libraries[i] = (uint8_t)library_of(tree->modules.modules[i].path);
    heap_model_settle(process->model);
    heap_model_totals(process->model, &totals);
    listing.blocks = memory_allocate_large(totals.live_blocks + 1, sizeof *listing.blocks);
    heap_model_visit_blocks(process->model, add_block, &listing);
    sort_blocks(tree, &listing.blocks, listing.count);
    beat(tree, 0);
    annotations_flag_blocks(&process->annotations, listing.blocks, listing.count);
    free(listing.libraries);
    *count = listing.count;
    return listing.blocks;
}
