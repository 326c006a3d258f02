#include "analysis/late_calls.h"

#include <stdlib.h>

#include "base/memory.h"
#include "recording/recording_copy.h"

/* ---- what to ask ---- */

static bool can_be_asked(const struct late_calls *calls, const struct symbolizer_module *modules,
                         uint32_t frame)
{
    const struct profile_frame *about = &calls->profile->frames[frame];
    return about->kind == RECORDING_FRAME_NATIVE && about->module_plus_1 && !about->is_tail_call &&
           modules[about->module_plus_1 - 1].path;
}

static struct symbol_batch_frame batch_frame(const struct profile *profile, uint32_t id)
{
    const struct profile_frame *frame = &profile->frames[id];
    return (struct symbol_batch_frame){id, frame->module_plus_1 - 1, frame->offset};
}

static void add_pair(struct late_calls *calls, uint32_t caller, uint64_t callee_key,
                     const struct symbol_batch_callee *callee)
{
    bool is_new;
    if (calls->profile->frames[caller].is_exact)
        return;
    hash_map_put(&calls->seen, callee_key << 32 | caller, &is_new);
    if (!is_new)
        return;
    calls->pairs = memory_grow(calls->pairs, &calls->pair_capacity, calls->pair_count + 1,
                               sizeof *calls->pairs);
    calls->pairs[calls->pair_count++] = (struct symbol_batch_pair){
        .caller = batch_frame(calls->profile, caller), .callee = *callee};
}

static void add_birth(struct late_calls *calls, const struct symbolizer_module *modules,
                      uint32_t node, enum function_kind function)
{
    uint32_t caller = calls->profile->nodes[node].frame;
    if (node && function != FUNCTION_NONE && function != FUNCTION_CUSTOM &&
        can_be_asked(calls, modules, caller))
        add_pair(calls, caller, function, &(struct symbol_batch_callee){.function = function});
}

/* Callees that allocate are numbers below FUNCTION_KIND_COUNT among the keys. */
void late_calls_list(struct late_calls *calls, const struct symbolizer_module *modules)
{
    const struct profile *profile = calls->profile;
    for (size_t i = 1; i < profile->node_count; i++) {
        const struct profile_node *node = &profile->nodes[i];
        uint32_t caller = profile->nodes[node->parent].frame;
        if (!node->parent || !can_be_asked(calls, modules, caller) ||
            !can_be_asked(calls, modules, node->frame))
            continue;
        struct symbol_batch_callee callee = {true, batch_frame(profile, node->frame),
                                             FUNCTION_NONE};
        callee.frame.offset -= !profile->frames[node->frame].is_exact;
        add_pair(calls, caller, (uint64_t)node->frame + FUNCTION_KIND_COUNT, &callee);
    }
    for (size_t i = 0; i < profile->site_count; i++)
        add_birth(calls, modules, profile->sites[i].stack_node, profile->sites[i].function);
    for (size_t i = 0; i < profile->mapping_count; i++)
        add_birth(calls, modules, (uint32_t)profile->mappings[i].stack_node_id,
                  (enum function_kind)profile->mappings[i].function);
}

void late_calls_clear(struct late_calls *calls)
{
    free(calls->pairs);
    hash_map_clear(&calls->seen);
    hash_index_clear(&calls->frames);
}

/* ---- what was found ---- */

static bool is_frame_of(const void *context, uint32_t position, const void *wanted)
{
    const struct late_frame *frame = &((const struct late_names *)context)->frames[position];
    const struct symbolizer_tail_call *call = wanted;
    return frame->offset == call->offset && frame->is_exact == call->is_exact &&
           frame->module == (uint32_t)call->module;
}

static uint64_t hash_of(const struct symbolizer_tail_call *call)
{
    return hash_mix(call->offset ^ (uint64_t)call->module << 48);
}

bool late_calls_find_frame(const struct late_calls *calls, const struct symbolizer_tail_call *call,
                           uint32_t *id)
{
    uint32_t position = hash_index_find(&calls->frames, hash_of(call), call, is_frame_of,
                                        calls->names);
    if (position != HASH_INDEX_NONE)
        *id = calls->names->frames[position].id;
    return position != HASH_INDEX_NONE;
}

static uint32_t frame_of(struct late_calls *calls, const struct symbolizer_tail_call *call)
{
    struct late_names *names = calls->names;
    uint32_t id;
    if (late_calls_find_frame(calls, call, &id))
        return id;
    hash_index_add(&calls->frames, hash_of(call), (uint32_t)names->frame_count);
    names->frames = memory_grow(names->frames, &calls->frame_capacity, names->frame_count + 1,
                                sizeof *names->frames);
    id = (uint32_t)(calls->profile->frame_count + names->frame_count);
    names->frames[names->frame_count++] = (struct late_frame){id, (uint32_t)call->module,
                                                              call->offset, call->is_exact};
    return id;
}

void late_calls_take(void *context, const struct symbol_batch_pair *pair,
                     const struct symbolizer_tail_call *found, size_t count)
{
    struct late_calls *calls = context;
    struct late_names *names = calls->names;
    for (size_t i = 0; i < count; i++)
        if (found[i].module < 0 || (size_t)found[i].module >= calls->profile->module_count)
            return;
    names->tail_calls = memory_grow(names->tail_calls, &calls->tail_call_capacity,
                                    names->tail_call_count + 1, sizeof *names->tail_calls);
    names->tail_calls[names->tail_call_count++] = (struct late_tail_calls){
        .caller_frame = pair->caller.id,
        .callee_frame_plus_1 = pair->callee.is_frame ? pair->callee.frame.id + 1 : 0,
        .function = pair->callee.function,
        .first_frame = names->tail_frame_count,
        .frame_count = count};
    names->tail_frames = memory_grow(names->tail_frames, &calls->tail_frame_capacity,
                                     names->tail_frame_count + count, sizeof *names->tail_frames);
    for (size_t i = 0; i < count; i++)
        names->tail_frames[names->tail_frame_count++] = frame_of(calls, &found[i]);
}

struct symbol_batch_frame *late_calls_frames(const struct late_calls *calls)
{
    const struct late_names *names = calls->names;
    struct symbol_batch_frame *frames = memory_allocate_zeroed(names->frame_count, sizeof *frames);
    for (size_t i = 0; i < names->frame_count; i++) {
        const struct late_frame *frame = &names->frames[i];
        frames[i] = (struct symbol_batch_frame){frame->id, frame->module,
                                                frame->offset - !frame->is_exact};
    }
    return frames;
}

/* ---- into a recording ---- */

void late_calls_add(const struct late_names *names, struct recording_copy *copy)
{
    for (size_t i = 0; i < names->frame_count; i++) {
        const struct late_frame *frame = &names->frames[i];
        recording_copy_add(copy, RECORDING_frame,
                           &(struct recording_frame){frame->id, RECORDING_FRAME_NATIVE,
                                                     (uint64_t)frame->module + 1, frame->offset,
                                                     frame->is_exact});
    }
    for (size_t i = 0; i < names->tail_call_count; i++) {
        const struct late_tail_calls *calls = &names->tail_calls[i];
        recording_copy_add(copy, RECORDING_tail_calls,
                           &(struct recording_tail_calls){
                               calls->caller_frame,
                               calls->callee_frame_plus_1,
                               calls->function,
                               {names->tail_frames + calls->first_frame, calls->frame_count}});
    }
}
