#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/late_names.h"
#include "analysis/own_code.h"
#include "analysis/profile_loader.h"
#include "base/memory.h"
#include "base/text.h"

static bool visit_string(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    const struct recording_string *string = record;
    if (!profile_loader_is_plausible(string->id, ++loader->string_records))
        return profile_loader_drop(loader);
    loader->strings = profile_loader_grow(loader->strings, &loader->string_count,
                                          &loader->string_capacity, string->id,
                                          sizeof *loader->strings);
    loader->strings[string->id] = arena_copy_text(loader->arena, string->text);
    return true;
}

static const char *find_string(struct profile_loader *loader, uint64_t id)
{
    if (id == 0)
        return NULL;
    if (id < loader->string_count && loader->strings[id])
        return loader->strings[id][0] ? loader->strings[id] : NULL;
    profile_loader_drop(loader);
    return NULL;
}

static bool visit_module(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_module *from = record;
    if (!profile_loader_is_plausible(from->id, ++loader->module_records))
        return profile_loader_drop(loader);
    profile->modules = profile_loader_grow(profile->modules, &profile->module_count,
                                           &loader->module_capacity, from->id,
                                           sizeof *profile->modules);
    struct profile_module *module = &profile->modules[from->id];
    memset(module, 0, sizeof *module);
    module->path = arena_copy_text(loader->arena, from->path);
    module->name = text_file_name(module->path);
    module->has_symbols = (unsigned)(from->has_symbols <= 3 ? from->has_symbols : 0);
    module->is_system = own_code_is_system_module(module->name);
    for (size_t i = 0; i < from->build_id.count && i < sizeof module->build_id / 2; i++)
        snprintf(module->build_id + 2 * i, 3, "%02x", from->build_id.bytes[i]);
    return true;
}

static bool visit_frame(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_frame *from = record;
    if (!profile_loader_is_plausible(from->id, ++loader->frame_records))
        return profile_loader_drop(loader);
    size_t before = profile->frame_count;
    profile->frames = profile_loader_grow(profile->frames, &profile->frame_count,
                                          &loader->frame_capacity, from->id,
                                          sizeof *profile->frames);
    for (size_t i = before; i < profile->frame_count; i++)
        profile->frames[i].kind = RECORDING_FRAME_UNKNOWN;
    struct profile_frame *frame = &profile->frames[from->id];
    memset(frame, 0, sizeof *frame);
    frame->kind = (uint8_t)(from->kind <= RECORDING_FRAME_PYTHON ? from->kind
                                                                 : RECORDING_FRAME_UNKNOWN);
    frame->is_exact = from->is_exact != 0;
    frame->offset = from->offset;
    if (from->module_id_plus_1 <= profile->module_count)
        frame->module_plus_1 = (uint32_t)from->module_id_plus_1;
    else
        profile_loader_drop(loader);
    return true;
}

static void take_late_frames(struct profile_loader *loader)
{
    for (size_t i = 0; loader->names && i < loader->names->frame_count; i++) {
        const struct late_frame *from = &loader->names->frames[i];
        visit_frame(loader, RECORDING_frame,
                    &(struct recording_frame){from->id, RECORDING_FRAME_NATIVE,
                                              (uint64_t)from->module + 1, from->offset,
                                              from->is_exact});
    }
}

static struct profile_location *add_location(struct profile_loader *loader)
{
    struct profile *profile = loader->profile;
    if (profile->location_count >= UINT32_MAX - 1)
        return NULL;
    profile->locations = memory_grow(profile->locations, &loader->location_capacity,
                                     profile->location_count + 1, sizeof *profile->locations);
    struct profile_location *location = &profile->locations[profile->location_count++];
    memset(location, 0, sizeof *location);
    return location;
}

/* What is shown where no symbol is known. */
static const char *name_frame(struct profile_loader *loader, const struct profile_frame *frame)
{
    if (frame->kind == RECORDING_FRAME_OMITTED)
        return arena_print(loader->arena, "[%" PRIu64 " frames omitted]", frame->offset);
    if (frame->module_plus_1)
        return arena_print(loader->arena, "%s+0x%" PRIx64,
                           loader->profile->modules[frame->module_plus_1 - 1].name, frame->offset);
    if (frame->kind == RECORDING_FRAME_PYTHON)
        return "[unknown Python function]";
    if (frame->kind == RECORDING_FRAME_JIT)
        return "[PyPy JIT code]";
    return frame->offset ? arena_print(loader->arena, "0x%" PRIx64, frame->offset) : "[unknown]";
}

static bool visit_symbol(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_symbol *symbol = record;
    const struct recording_list *entries = &symbol->entries;
    if (symbol->frame_id >= profile->frame_count || entries->count % 4)
        return profile_loader_drop(loader);
    struct profile_frame *frame = &profile->frames[symbol->frame_id];
    if (profile->location_count + entries->count / 4 >= UINT32_MAX - 1)
        return profile_loader_drop(loader);
    frame->first_location = (uint32_t)profile->location_count;
    frame->location_count = (uint32_t)(entries->count / 4);
    for (size_t i = 0; i < entries->count; i += 4) {
        const uint64_t *entry = &entries->items[i];
        struct profile_location *location = add_location(loader);
        location->function = find_string(loader, entry[0]);
        location->is_symbolized = location->function != NULL;
        if (!location->function)
            location->function = name_frame(loader, frame);
        location->file = find_string(loader, entry[1]);
        location->line = (uint32_t)(entry[2] <= UINT32_MAX ? entry[2] : 0);
        location->is_inlined = entry[3] == 1 && i + 4 < entries->count;
    }
    return true;
}

/* Names that were found after the recording replace those that stand in it. */
static void take_late_names(struct profile_loader *loader)
{
    struct profile *profile = loader->profile;
    const struct late_names *names = loader->names;
    for (size_t i = 0; names && i < names->name_count; i++) {
        const struct late_name *name = &names->names[i];
        if (name->frame >= profile->frame_count ||
            profile->location_count + name->location_count >= UINT32_MAX - 1)
            continue;
        struct profile_frame *frame = &profile->frames[name->frame];
        frame->first_location = (uint32_t)profile->location_count;
        frame->location_count = name->location_count;
        for (uint32_t at = 0; at < name->location_count; at++) {
            const struct late_location *from = &names->locations[name->first_location + at];
            struct profile_location *location = add_location(loader);
            location->is_symbolized = *from->function != '\0';
            location->function = location->is_symbolized
                                     ? arena_copy_text(loader->arena, from->function)
                                     : name_frame(loader, frame);
            location->file = *from->file ? arena_copy_text(loader->arena, from->file) : NULL;
            location->line = from->line;
            location->is_inlined = from->is_inlined;
        }
    }
}

/* Every frame has at least one location; modules know how many have a name. */
static bool complete_frames(struct profile_loader *loader, struct error *error)
{
    struct profile *profile = loader->profile;
    for (size_t i = 0; i < profile->frame_count; i++) {
        struct profile_frame *frame = &profile->frames[i];
        if (!frame->location_count) {
            struct profile_location *location = add_location(loader);
            if (!location)
                return error_set(error, "cannot load %s: more than 4 billion locations",
                                 profile->info.path);
            location->function = name_frame(loader, frame);
            frame->first_location = (uint32_t)(profile->location_count - 1);
            frame->location_count = 1;
        }
        if (frame->module_plus_1) {
            struct profile_module *module = &profile->modules[frame->module_plus_1 - 1];
            uint32_t last = frame->first_location + frame->location_count - 1;
            module->frame_count++;
            module->unsymbolized_frame_count += !profile->locations[last].is_symbolized;
        }
    }
    return true;
}

/* Up to `id`, without frames. Mostly it is one, and there is room. */
static void add_nodes(struct profile_loader *loader, uint64_t id)
{
    struct profile *profile = loader->profile;
    size_t before = profile->node_count;
    if (id == before && id < loader->node_capacity) {
        profile->node_count++;
        return;
    }
    if (id == before)
        profile->nodes = profile_loader_make_room(loader, profile->nodes, &loader->node_capacity,
                                                  sizeof *profile->nodes);
    profile->nodes = profile_loader_grow(profile->nodes, &profile->node_count,
                                         &loader->node_capacity, id, sizeof *profile->nodes);
    for (size_t i = before; i < profile->node_count; i++)
        profile->nodes[i].frame = UINT32_MAX;
}

static bool visit_node(void *context, const void *record, const struct recording_bytes *rest)
{
    (void)rest;
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_stack_node *from = record;
    if (from->id == 0 || !profile_loader_is_plausible(from->id, ++loader->node_records))
        return profile_loader_drop(loader);
    if (from->id >= profile->node_count)
        add_nodes(loader, from->id);
    struct profile_node *node = &profile->nodes[from->id];
    *node = (struct profile_node){.frame = UINT32_MAX};
    if (from->parent_id < from->id)
        node->parent = (uint32_t)from->parent_id;
    else
        profile_loader_drop(loader);
    if (from->frame_id < profile->frame_count)
        node->frame = (uint32_t)from->frame_id;
    else
        profile_loader_drop(loader);
    return true;
}

/* Nodes without a frame (gaps in the ids, refused references) get one that says so. */
static void complete_nodes(struct profile_loader *loader)
{
    struct profile *profile = loader->profile;
    profile->nodes = profile_loader_grow(profile->nodes, &profile->node_count,
                                         &loader->node_capacity, 0, sizeof *profile->nodes);
    profile->nodes[0] = (struct profile_node){0};
    uint32_t unknown = (uint32_t)profile->frame_count;
    profile->frames = profile_loader_grow(profile->frames, &profile->frame_count,
                                          &loader->frame_capacity, unknown,
                                          sizeof *profile->frames);
    profile->frames[unknown].kind = RECORDING_FRAME_UNKNOWN;
    for (size_t i = 0; i < profile->node_count; i++)
        if (profile->nodes[i].frame >= unknown)
            profile->nodes[i].frame = unknown;
}

/* Where functions of Python are known, those of the interpreter that runs them say nothing. */
static void judge_interpreters(struct profile *profile)
{
    size_t i = 0;
    while (i < profile->frame_count && profile->frames[i].kind != RECORDING_FRAME_PYTHON)
        i++;
    for (size_t j = 0; i < profile->frame_count && j < profile->module_count; j++)
        profile->modules[j].is_system |= own_code_is_interpreter_module(profile->modules[j].path);
}

bool profile_load_code(struct profile_loader *loader, struct error *error)
{
    profile_loader_visit(loader, RECORDING_string, visit_string);
    profile_loader_visit(loader, RECORDING_module, visit_module);
    for (size_t i = 0; i < loader->profile->module_count; i++)
        if (!loader->profile->modules[i].path)
            loader->profile->modules[i].path = loader->profile->modules[i].name = "[unknown]";
    profile_loader_visit(loader, RECORDING_frame, visit_frame);
    take_late_frames(loader);
    profile_loader_visit_numbers(loader, RECORDING_stack_node, visit_node);
    complete_nodes(loader);
    judge_interpreters(loader->profile);
    profile_load_tail_calls(loader);
    profile_loader_visit(loader, RECORDING_symbol, visit_symbol);
    take_late_names(loader);
    if (!complete_frames(loader, error))
        return false;
    own_code_note(loader->profile);
    return true;
}
