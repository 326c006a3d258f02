#include "graph/type_variables.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static uint32_t add_variable(struct block_types *types, const struct typed_variable *variable)
{
    types->variables = memory_grow(types->variables, &types->variable_capacity,
                                   types->variable_count + 1, sizeof *types->variables);
    types->variables[types->variable_count] = *variable;
    return (uint32_t)types->variable_count++;
}

/* The variable before in the same module, if the word is still its. */
static bool is_within(const struct type_claims *run, uint32_t variable, uint64_t address)
{
    const struct typed_variable *known = variable == TYPE_NO_VARIABLE
                                             ? NULL
                                             : &run->types->variables[variable];
    const struct graph_type *type = known ? type_table_get(run->table, known->type) : NULL;

    return type && address >= known->start && address - known->start < type->facts.bytes;
}

/* The last variable of a module and kind of root, since slots come by address. */
struct last_variable {
    uint32_t variable;
    uint32_t module;
    uint8_t kind;
};

static void find_global(struct type_claims *run, uint32_t position, struct last_variable *last)
{
    const struct snapshot_root *root = &run->snapshot->roots[position];
    const struct snapshot_module *module = &run->snapshot->modules[root->module];
    bool is_thread_local = root->kind == SNAPSHOT_ROOT_TLS;
    uint64_t bias = is_thread_local ? 0 : module->bias;
    uint64_t address = is_thread_local ? root->number : root->address;
    struct type_variable found;

    if (last->module != root->module || last->kind != root->kind ||
        !is_within(run, last->variable, address)) {
        *last = (struct last_variable){TYPE_NO_VARIABLE, root->module, root->kind};
        if (type_table_find_variable(run->table, root->module, address - bias, is_thread_local,
                                     &found))
            last->variable = add_variable(
                run->types, &(struct typed_variable){found.name, found.start + bias, found.type});
    }
    run->types->variable_of_root[position] = last->variable;
}

/* ---- frames ---- */

struct frame_locals {
    bool is_known;
    uint32_t module; /* of the snapshot */
    struct type_locals locals;
};

static uint32_t module_of_frame(const struct type_claims *run, const struct profile_frame *frame)
{
    const char *path = frame->module_plus_1
                           ? run->input->profile->modules[frame->module_plus_1 - 1].path
                           : NULL;

    for (uint32_t i = 0; path && i < run->snapshot->module_count; i++)
        if (strcmp(run->snapshot->modules[i].path, path) == 0)
            return i;
    return SNAPSHOT_NONE;
}

static void find_locals(struct type_claims *run, uint32_t frame_id, struct frame_locals *found)
{
    const struct profile_frame *frame;
    struct type_service *service;

    found->is_known = true;
    if (frame_id >= run->input->profile->frame_count)
        return;
    frame = &run->input->profile->frames[frame_id];
    found->module = module_of_frame(run, frame);
    service = type_table_service(run->table, found->module);
    if (service)
        type_service_find_locals(service, frame->offset - !frame->is_exact, &found->locals);
}

/* Frames are listed innermost first, each from its stack pointer on: the next one's is where this
 * one's caller stood before the call, and variables are told from there. */
static void find_local(struct type_claims *run, uint32_t position, struct frame_locals *frames)
{
    const struct snapshot *snapshot = run->snapshot;
    const struct snapshot_root *root = &snapshot->roots[position];
    const struct snapshot_thread *thread = &snapshot->threads[root->thread];

    for (uint32_t i = 0; i + 1 < thread->frame_count; i++) {
        const struct snapshot_frame *frame = &snapshot->frames[thread->first_frame + i];
        struct frame_locals *found = &frames[thread->first_frame + i];

        if (root->address < frame[0].address || root->address >= frame[1].address)
            continue;
        if (!found->is_known)
            find_locals(run, frame->frame_id, found);
        for (size_t j = 0; j < found->locals.count; j++) {
            const struct type_local *local = &found->locals.items[j];
            uint64_t start = frame[1].address + (uint64_t)local->offset;

            if (root->address < start || root->address - start >= local->bytes)
                continue;
            run->types->variable_of_root[position] = add_variable(
                run->types, &(struct typed_variable){
                                memory_duplicate_text(local->name), start,
                                type_table_resolve(run->table, found->module, local->type)});
            return;
        }
        return;
    }
}

void type_variables_find(struct type_claims *run)
{
    const struct snapshot *snapshot = run->snapshot;
    struct frame_locals *frames = memory_allocate_zeroed(snapshot->frame_count, sizeof *frames);
    struct last_variable last = {.variable = TYPE_NO_VARIABLE, .module = SNAPSHOT_NONE};

    for (uint32_t i = 0; i < snapshot->root_count; i++) {
        const struct snapshot_root *root = &snapshot->roots[i];

        run->types->variable_of_root[i] = TYPE_NO_VARIABLE;
        if ((root->kind == SNAPSHOT_ROOT_GLOBAL || root->kind == SNAPSHOT_ROOT_TLS) &&
            root->module < snapshot->module_count)
            find_global(run, i, &last);
        else if (root->kind == SNAPSHOT_ROOT_STACK && root->thread < snapshot->thread_count)
            find_local(run, i, frames);
    }
    for (size_t i = 0; i < snapshot->frame_count; i++)
        type_locals_clear(&frames[i].locals);
    free(frames);
}

uint64_t block_types_root_offset(const struct snapshot *snapshot, const struct block_types *types,
                                 uint32_t root)
{
    const struct snapshot_root *slot = &snapshot->roots[root];
    uint64_t address = slot->kind == SNAPSHOT_ROOT_TLS ? slot->number : slot->address;

    return address - types->variables[types->variable_of_root[root]].start;
}

void type_variables_claim(struct type_claims *run)
{
    const struct snapshot *snapshot = run->snapshot;

    for (uint32_t i = 0; i < snapshot->root_count; i++) {
        const struct snapshot_root *root = &snapshot->roots[i];
        uint32_t variable = run->types->variable_of_root[i], type;
        uint64_t offset;

        if (variable == TYPE_NO_VARIABLE)
            continue;
        type = type_table_pointee(run->table, run->types->variables[variable].type,
                                  block_types_root_offset(snapshot, run->types, i));
        if (type == TYPE_NONE)
            continue;
        if (root->reference == SNAPSHOT_START)
            type_claims_add(run, root->block, type, TYPE_SOURCE_DWARF, TYPE_SURE);
        else if (snapshot_find_fact(snapshot, SNAPSHOT_FACT_ROOT_OFFSET, i, 0, &offset))
            type_claims_add_behind(run, root->block, type, TYPE_SOURCE_DWARF, TYPE_SURE, offset,
                                   snapshot_counts_as_start(root->reference));
    }
}
