#include "record/process_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "heap/heap_model.h"
#include "heap/stack_table.h"
#include "record/block_sort.h"

enum {
    LOADER_FRAMES_MAX = 4,
    BEAT_BLOCKS = 1 << 18 /* the heart beats at least this often while blocks are listed */
};

static void beat_once(void *context)
{
    const struct process_tree *tree = context;
    session_host_beat(tree->host, tree->clock);
}

static void beat(struct process_tree *tree, size_t position)
{
    if (position % BEAT_BLOCKS == 0)
        beat_once(tree);
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
    block_sort(&listing.blocks, listing.count, 0, beat_once, tree);
    beat(tree, 0);
    annotations_flag_blocks(&process->annotations, listing.blocks, listing.count);
    free(listing.libraries);
    *count = listing.count;
    return listing.blocks;
}
