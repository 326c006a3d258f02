/* Puts frames that are gone back into the stacks (RECORDING_tail_calls): between two frames of the
 * tree, and above the innermost frames of blocks by their allocation function.
 *
 * The tree is written anew in the order of its ids, what is put in before what stands on it, so
 * that callers keep smaller ids. What is put in twice below one caller is one node. */
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/late_names.h"
#include "analysis/profile_loader.h"
#include "base/hash_map.h"
#include "base/memory.h"

enum {
    MAX_FRAMES = 16 /* between two; more is no chain that we wrote */
};

struct profile_tail_calls {
    struct hash_map lists;  /* key of what they stand between -> position in `counts` + 1 */
    const uint32_t **items; /* frames, innermost first */
    uint32_t *counts;
    size_t count, item_capacity, count_capacity;
    uint32_t *new_nodes; /* by the recording's node id; NULL = as they were */
    size_t old_node_count;
    struct hash_map put_in; /* caller's node << 32 | frame -> node */
    size_t node_capacity;
};

/* Functions are numbers below FUNCTION_KIND_COUNT, frames come behind them. */
static uint64_t key_of(uint64_t caller_frame, uint64_t callee)
{
    return callee << 32 | caller_frame;
}

static uint64_t key_of_frames(uint64_t caller_frame, uint64_t callee_frame)
{
    return key_of(caller_frame, callee_frame + FUNCTION_KIND_COUNT);
}

static bool visit_tail_calls(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    struct profile_tail_calls *tails = loader->tail_calls;
    const struct recording_tail_calls *from = record;
    const size_t frame_count = loader->profile->frame_count;
    uint32_t frames[MAX_FRAMES];
    bool is_of_frame = from->callee_frame_id_plus_1 != 0;
    if (from->caller_frame_id >= frame_count || from->callee_frame_id_plus_1 > frame_count ||
        from->allocation_function >= FUNCTION_KIND_COUNT || from->frames.count > MAX_FRAMES)
        return profile_loader_drop(loader);
    for (size_t i = 0; i < from->frames.count; i++) {
        if (from->frames.items[i] >= frame_count)
            return profile_loader_drop(loader);
        frames[i] = (uint32_t)from->frames.items[i];
        loader->profile->frames[frames[i]].is_tail_call = true;
    }
    uint64_t key = is_of_frame
                       ? key_of_frames(from->caller_frame_id, from->callee_frame_id_plus_1 - 1)
                       : key_of(from->caller_frame_id, from->allocation_function);
    *hash_map_put(&tails->lists, key, NULL) = tails->count + 1;
    tails->items = memory_grow(tails->items, &tails->item_capacity, tails->count + 1,
                               sizeof *tails->items);
    tails->counts = memory_grow(tails->counts, &tails->count_capacity, tails->count + 1,
                                sizeof *tails->counts);
    tails->items[tails->count] = arena_copy(loader->arena, frames,
                                            from->frames.count * sizeof *frames);
    tails->counts[tails->count++] = (uint32_t)from->frames.count;
    return true;
}

static void take_late_tail_calls(struct profile_loader *loader)
{
    const struct late_names *names = loader->names;
    for (size_t i = 0; names && i < names->tail_call_count; i++) {
        const struct late_tail_calls *from = &names->tail_calls[i];
        visit_tail_calls(loader, RECORDING_tail_calls,
                         &(struct recording_tail_calls){
                             from->caller_frame,
                             from->callee_frame_plus_1,
                             from->function,
                             {names->tail_frames + from->first_frame, from->frame_count}});
    }
}

static uint32_t add_node(struct profile_loader *loader, uint32_t parent, uint32_t frame)
{
    struct profile *profile = loader->profile;
    uint32_t id = (uint32_t)profile->node_count;
    profile->nodes = profile_loader_grow(profile->nodes, &profile->node_count,
                                         &loader->node_capacity, id, sizeof *profile->nodes);
    profile->nodes[id] = (struct profile_node){parent, frame};
    return id;
}

/* The node to stand on, for what `key` says stands upon `parent`. */
static uint32_t put_in(struct profile_loader *loader, uint32_t parent, uint64_t key)
{
    struct profile_tail_calls *tails = loader->tail_calls;
    const uint64_t *position = hash_map_find(&tails->lists, key);
    for (uint32_t i = position ? tails->counts[*position - 1] : 0; i-- > 0;) {
        uint32_t frame = tails->items[*position - 1][i];
        bool is_new;
        uint64_t *node = hash_map_put(&tails->put_in, (uint64_t)parent << 32 | frame, &is_new);
        if (is_new && loader->profile->node_count < UINT32_MAX - 1)
            *node = add_node(loader, parent, frame);
        if (*node)
            parent = (uint32_t)*node;
    }
    return parent;
}

static void write_anew(struct profile_loader *loader)
{
    struct profile *profile = loader->profile;
    struct profile_tail_calls *tails = loader->tail_calls;
    struct profile_node *old = profile->nodes;
    tails->old_node_count = profile->node_count;
    tails->new_nodes = memory_allocate_zeroed(profile->node_count, sizeof *tails->new_nodes);
    profile->nodes = NULL;
    profile->node_count = loader->node_capacity = 0;
    add_node(loader, 0, old[0].frame);
    for (size_t i = 1; i < tails->old_node_count; i++) {
        uint32_t parent = tails->new_nodes[old[i].parent];
        if (old[i].parent)
            parent = put_in(loader, parent, key_of_frames(old[old[i].parent].frame, old[i].frame));
        tails->new_nodes[i] = add_node(loader, parent, old[i].frame);
    }
    free(old);
}

void profile_load_tail_calls(struct profile_loader *loader)
{
    loader->tail_calls = memory_allocate_zeroed(1, sizeof *loader->tail_calls);
    profile_loader_visit(loader, RECORDING_tail_calls, visit_tail_calls);
    take_late_tail_calls(loader);
    if (loader->tail_calls->count)
        write_anew(loader);
}

size_t profile_loader_node_count(const struct profile_loader *loader)
{
    return loader->tail_calls->new_nodes ? loader->tail_calls->old_node_count
                                         : loader->profile->node_count;
}

uint32_t profile_loader_find_node(struct profile_loader *loader, uint32_t node,
                                  enum function_kind function)
{
    struct profile_tail_calls *tails = loader->tail_calls;
    if (!tails->new_nodes || !node)
        return node;
    node = tails->new_nodes[node];
    return function == FUNCTION_NONE
               ? node
               : put_in(loader, node, key_of(loader->profile->nodes[node].frame, function));
}

void profile_loader_forget_tail_calls(struct profile_loader *loader)
{
    struct profile_tail_calls *tails = loader->tail_calls;
    if (!tails)
        return;
    hash_map_clear(&tails->lists);
    hash_map_clear(&tails->put_in);
    free(tails->items);
    free(tails->counts);
    free(tails->new_nodes);
    free(tails);
    loader->tail_calls = NULL;
}
