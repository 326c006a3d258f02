/* Loading is a handful of passes, one a kind of record, in the order in which they refer to each
 * other, so that every reference can be checked when it is read. Nothing is allocated per record:
 * arrays double, texts and lists go into the arena.
 *
 * Ids are dense where the writer is ours, so tables are arrays indexed by id. A forged id may not
 * make such an array larger than the file warrants: an id must be below a small multiple of the
 * records seen so far (is_plausible). */
#include "config.h"

#include "analysis/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/fingerprint.h"
#include "analysis/own_code.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "base/text.h"
#include "recording/record_codec.h"

struct profile_memory {
    struct arena *arena;
};

/* Finds the record that a later one replaces. As long as the keys of a table come in ascending
 * order, as a compacted recording has them, none can come twice and they are only noted; the first
 * that does not ascend makes a hash map of them all. */
struct key_table {
    uint64_t *keys; /* by position */
    size_t count, capacity;
    struct hash_map positions;
    bool is_indexed;
};

struct loader {
    struct profile *profile;
    struct arena *arena;
    struct recording_reader *reader;

    const char **strings; /* by id; NULL = no such record */
    size_t string_count, string_capacity, string_records;

    size_t module_capacity, module_records;
    size_t frame_capacity, frame_records;
    size_t location_capacity;
    size_t node_capacity, node_records;
    size_t process_capacity, site_capacity, thread_capacity;
    size_t sample_capacity, mapping_capacity, misuse_capacity, mark_capacity;

    struct key_table keys; /* of the table that is being filled */
    bool has_end;
    struct recording_end end;
};

static bool is_plausible(uint64_t id, size_t records)
{
    return id < 4 * (uint64_t)records + 65536 && id < UINT32_MAX - 1;
}

static bool drop(struct loader *loader)
{
    loader->profile->dropped_records++;
    return true; /* go on */
}

/* Grows an array so that position `id` exists; what is new is zero. */
static void *grow_to(void *items, size_t *count, size_t *capacity, uint64_t id, size_t item_bytes)
{
    if (id < *count)
        return items;
    items = memory_grow(items, capacity, (size_t)id + 1, item_bytes);
    memset((char *)items + *count * item_bytes, 0, ((size_t)id + 1 - *count) * item_bytes);
    *count = (size_t)id + 1;
    return items;
}

static void key_table_clear(struct key_table *table)
{
    free(table->keys);
    hash_map_clear(&table->positions);
    *table = (struct key_table){0};
}

/* The key's position; a new one gets the next. */
static size_t key_table_find(struct key_table *table, uint64_t key, bool *is_new)
{
    *is_new = true;
    if (!table->is_indexed && table->count && key <= table->keys[table->count - 1]) {
        table->is_indexed = true;
        for (size_t i = 0; i < table->count; i++)
            *hash_map_put(&table->positions, table->keys[i], NULL) = i;
    }
    if (table->is_indexed) {
        uint64_t *position = hash_map_put(&table->positions, key, is_new);
        if (!*is_new)
            return (size_t)*position;
        *position = table->count;
    }
    table->keys = memory_grow(table->keys, &table->capacity, table->count + 1, sizeof *table->keys);
    table->keys[table->count] = key;
    return table->count++;
}

/* ---- what a decoded record points to moves into the arena ---- */

static struct recording_text_list copy_text_list(struct arena *arena,
                                                 const struct recording_text_list *list)
{
    const char **items = arena_allocate(arena, (list->count + 1) * sizeof *items);
    for (size_t i = 0; i < list->count; i++)
        items[i] = arena_copy_text(arena, list->items[i]);
    items[list->count] = NULL;
    return (struct recording_text_list){items, list->count};
}

static void own_field(struct arena *arena, const struct record_field *field, void *place)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
    case RECORD_FIELD_SIGNED:
        break;
    case RECORD_FIELD_TEXT: {
        const char **text = place;
        *text = *text && **text ? arena_copy_text(arena, *text) : "";
        break;
    }
    case RECORD_FIELD_BYTES: {
        struct recording_bytes *bytes = place;
        if (bytes->count)
            bytes->bytes = arena_copy(arena, bytes->bytes, bytes->count);
        break;
    }
    case RECORD_FIELD_UNSIGNED_LIST: {
        struct recording_list *list = place;
        if (list->count)
            list->items = arena_copy(arena, list->items, list->count * sizeof *list->items);
        break;
    }
    case RECORD_FIELD_TEXT_LIST:
        *(struct recording_text_list *)place = copy_text_list(arena, place);
        break;
    }
}

/* Makes `record` (a copy of the struct that a visit got, or zeroes) independent of the reader. */
static void own_record(struct loader *loader, enum recording_kind kind, void *record)
{
    const struct record_kind *description = record_kind_find(kind);
    for (size_t i = 0; i < description->field_count; i++)
        own_field(loader->arena, &description->fields[i],
                  (char *)record + description->fields[i].offset);
}

/* ---- code: strings, modules, frames, symbols, stacks ---- */

static bool visit_string(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    const struct recording_string *string = record;
    if (!is_plausible(string->id, ++loader->string_records))
        return drop(loader);
    loader->strings = grow_to(loader->strings, &loader->string_count, &loader->string_capacity,
                              string->id, sizeof *loader->strings);
    loader->strings[string->id] = arena_copy_text(loader->arena, string->text);
    return true;
}

static const char *find_string(struct loader *loader, uint64_t id)
{
    if (id == 0)
        return NULL;
    if (id < loader->string_count && loader->strings[id])
        return loader->strings[id][0] ? loader->strings[id] : NULL;
    drop(loader);
    return NULL;
}

static bool visit_module(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_module *from = record;
    if (!is_plausible(from->id, ++loader->module_records))
        return drop(loader);
    profile->modules = grow_to(profile->modules, &profile->module_count, &loader->module_capacity,
                               from->id, sizeof *profile->modules);
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
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_frame *from = record;
    if (!is_plausible(from->id, ++loader->frame_records))
        return drop(loader);
    size_t before = profile->frame_count;
    profile->frames = grow_to(profile->frames, &profile->frame_count, &loader->frame_capacity,
                              from->id, sizeof *profile->frames);
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
        drop(loader);
    return true;
}

static struct profile_location *add_location(struct loader *loader)
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
static const char *name_frame(struct loader *loader, const struct profile_frame *frame)
{
    if (frame->kind == RECORDING_FRAME_OMITTED)
        return arena_print(loader->arena, "[%" PRIu64 " frames omitted]", frame->offset);
    if (frame->module_plus_1)
        return arena_print(loader->arena, "%s+0x%" PRIx64,
                           loader->profile->modules[frame->module_plus_1 - 1].name, frame->offset);
    return frame->offset ? arena_print(loader->arena, "0x%" PRIx64, frame->offset) : "[unknown]";
}

static bool visit_symbol(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_symbol *symbol = record;
    const struct recording_list *entries = &symbol->entries;
    if (symbol->frame_id >= profile->frame_count || entries->count % 4)
        return drop(loader);
    struct profile_frame *frame = &profile->frames[symbol->frame_id];
    if (profile->location_count + entries->count / 4 >= UINT32_MAX - 1)
        return drop(loader);
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

/* Every frame has at least one location; modules know how many have a name. */
static bool complete_frames(struct loader *loader, struct error *error)
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

static bool visit_node(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_stack_node *from = record;
    if (from->id == 0 || !is_plausible(from->id, ++loader->node_records))
        return drop(loader);
    size_t before = profile->node_count;
    profile->nodes = grow_to(profile->nodes, &profile->node_count, &loader->node_capacity, from->id,
                             sizeof *profile->nodes);
    for (size_t i = before; i < profile->node_count; i++)
        profile->nodes[i].frame = UINT32_MAX;
    struct profile_node *node = &profile->nodes[from->id];
    *node = (struct profile_node){.frame = UINT32_MAX};
    if (from->parent_id < from->id)
        node->parent = (uint32_t)from->parent_id;
    else
        drop(loader);
    if (from->frame_id < profile->frame_count)
        node->frame = (uint32_t)from->frame_id;
    else
        drop(loader);
    return true;
}

/* Nodes without a frame (gaps in the ids, refused references) get one that says so. */
static void complete_nodes(struct loader *loader)
{
    struct profile *profile = loader->profile;
    profile->nodes = grow_to(profile->nodes, &profile->node_count, &loader->node_capacity, 0,
                             sizeof *profile->nodes);
    profile->nodes[0] = (struct profile_node){0};
    uint32_t unknown = (uint32_t)profile->frame_count;
    profile->frames = grow_to(profile->frames, &profile->frame_count, &loader->frame_capacity,
                              unknown, sizeof *profile->frames);
    profile->frames[unknown].kind = RECORDING_FRAME_UNKNOWN;
    for (size_t i = 0; i < profile->node_count; i++)
        if (profile->nodes[i].frame >= unknown)
            profile->nodes[i].frame = unknown;
}

/* ---- processes and what belongs to them ---- */

static bool visit_process(void *context, enum recording_kind kind, const void *record)
{
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    struct recording_process about = *(const struct recording_process *)record;
    own_record(loader, kind, &about);
    bool is_new;
    size_t position = key_table_find(&loader->keys, about.id, &is_new);
    profile->processes = grow_to(profile->processes, &profile->process_count,
                                 &loader->process_capacity, position, sizeof *profile->processes);
    profile->processes[position].about = about;
    return true;
}

static int compare_processes(const void *left, const void *right)
{
    const struct profile_process *a = left, *b = right;
    return (a->about.id > b->about.id) - (a->about.id < b->about.id);
}

uint32_t profile_find_process(const struct profile *profile, uint64_t process_id)
{
    if (process_id < profile->process_count &&
        profile->processes[process_id].about.id == process_id)
        return (uint32_t)process_id;
    size_t low = 0, high = profile->process_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (profile->processes[middle].about.id < process_id)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < profile->process_count && profile->processes[low].about.id == process_id;
    return (uint32_t)(is_found ? low : profile->process_count);
}

static bool visit_totals(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    const struct recording_totals *totals = record;
    uint32_t process = profile_find_process(loader->profile, totals->process_id);
    if (process == loader->profile->process_count)
        return drop(loader);
    loader->profile->processes[process].totals = *totals;
    loader->profile->processes[process].has_totals = true;
    return true;
}

static bool visit_quality(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    const struct recording_quality *quality = record;
    uint32_t process = profile_find_process(loader->profile, quality->process_id);
    if (process == loader->profile->process_count)
        return drop(loader);
    loader->profile->processes[process].quality = *quality;
    loader->profile->processes[process].has_quality = true;
    return true;
}

/* Finds or makes the place of (process, id) in a table that keeps one record each. False: there is
 * no such process, or the id is beyond what a recording can hold. */
static bool find_place(struct loader *loader, uint64_t process_id, uint64_t id, uint32_t *process,
                       size_t *position, bool *is_new)
{
    enum {
        ID_BITS = 40,
        MAX_PROCESSES = 1 << (64 - ID_BITS)
    };
    *process = profile_find_process(loader->profile, process_id);
    if (*process == loader->profile->process_count || *process >= MAX_PROCESSES || id >> ID_BITS ||
        loader->keys.count >= UINT32_MAX - 1)
        return false;
    *position = key_table_find(&loader->keys, (uint64_t)*process << ID_BITS | id, is_new);
    return true;
}

static uint32_t check_node(struct loader *loader, uint64_t node)
{
    if (node < loader->profile->node_count)
        return (uint32_t)node;
    drop(loader);
    return 0;
}

static enum function_kind check_function(uint64_t function)
{
    return function < FUNCTION_KIND_COUNT ? (enum function_kind)function : FUNCTION_NONE;
}

/* Lists whose length is not a multiple of their group lose the rest. */
static void own_list(struct loader *loader, struct recording_list *list, size_t group)
{
    if (list->count % group) {
        list->count -= list->count % group;
        drop(loader);
    }
    list->items = arena_copy(loader->arena, list->items, list->count * sizeof *list->items);
}

static bool visit_site(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_site *from = record;
    uint32_t process;
    size_t position;
    bool is_new;
    if (!find_place(loader, from->process_id, from->id, &process, &position, &is_new))
        return drop(loader);
    if (is_new) {
        profile->sites = memory_grow(profile->sites, &loader->site_capacity,
                                     profile->site_count + 1, sizeof *profile->sites);
        profile->site_count++;
    }
    struct profile_site *site = &profile->sites[position];
    site->figures = *from;
    own_list(loader, &site->figures.size_histogram, 2);
    own_list(loader, &site->figures.lifetime_histogram, 2);
    own_list(loader, &site->figures.threads, 7);
    site->process = process;
    site->stack_node = check_node(loader, from->stack_node_id);
    site->function = check_function(from->allocation_function);
    return true;
}

static bool visit_thread(void *context, enum recording_kind kind, const void *record)
{
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_thread *from = record;
    uint32_t process;
    size_t position;
    bool is_new;
    if (!find_place(loader, from->process_id, from->id, &process, &position, &is_new))
        return drop(loader);
    profile->threads = grow_to(profile->threads, &profile->thread_count, &loader->thread_capacity,
                               position, sizeof *profile->threads);
    profile->threads[position] = *from;
    own_record(loader, kind, &profile->threads[position]);
    profile->threads[position].process_id = process;
    return true;
}

static bool visit_mapping(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_mapping_site *from = record;
    uint32_t process;
    size_t position;
    bool is_new;
    if (!find_place(loader, from->process_id, from->id, &process, &position, &is_new))
        return drop(loader);
    profile->mappings = grow_to(profile->mappings, &profile->mapping_count,
                                &loader->mapping_capacity, position, sizeof *profile->mappings);
    struct recording_mapping_site *mapping = &profile->mappings[position];
    *mapping = *from;
    mapping->process_id = process;
    mapping->stack_node_id = check_node(loader, from->stack_node_id);
    mapping->function = check_function(from->function);
    return true;
}

static bool visit_sample(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_sample *from = record;
    uint32_t process = profile_find_process(profile, from->process_id);
    if (process == profile->process_count || profile->sample_count >= UINT32_MAX - 1)
        return drop(loader);
    profile->samples = memory_grow(profile->samples, &loader->sample_capacity,
                                   profile->sample_count + 1, sizeof *profile->samples);
    profile->samples[profile->sample_count] = *from;
    profile->samples[profile->sample_count++].process_id = process;
    return true;
}

static bool visit_misuse(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    struct recording_misuse misuse = *(const struct recording_misuse *)record;
    uint32_t process = profile_find_process(profile, misuse.process_id);
    if (process == profile->process_count || profile->misuse_count >= UINT32_MAX - 1)
        return drop(loader);
    misuse.process_id = process;
    misuse.stack_node_id = check_node(loader, misuse.stack_node_id);
    misuse.allocation_stack_node_id = check_node(loader, misuse.allocation_stack_node_id);
    misuse.function = check_function(misuse.function);
    misuse.allocation_function = check_function(misuse.allocation_function);
    profile->misuses = memory_grow(profile->misuses, &loader->misuse_capacity,
                                   profile->misuse_count + 1, sizeof *profile->misuses);
    profile->misuses[profile->misuse_count++] = misuse;
    return true;
}

static bool visit_mark(void *context, enum recording_kind kind, const void *record)
{
    struct loader *loader = context;
    struct profile *profile = loader->profile;
    profile->marks = memory_grow(profile->marks, &loader->mark_capacity, profile->mark_count + 1,
                                 sizeof *profile->marks);
    struct recording_mark *mark = &profile->marks[profile->mark_count++];
    *mark = *(const struct recording_mark *)record;
    own_record(loader, kind, mark);
    return true;
}

/* ---- things that stand once ---- */

static bool visit_session(void *context, enum recording_kind kind, const void *record)
{
    struct loader *loader = context;
    loader->profile->session = *(const struct recording_session *)record;
    own_record(loader, kind, &loader->profile->session);
    return true;
}

static bool visit_recorder(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    ((struct loader *)context)->profile->recorder = *(const struct recording_recorder *)record;
    return true;
}

static bool visit_end(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct loader *loader = context;
    loader->has_end = true;
    loader->end = *(const struct recording_end *)record;
    return true;
}

/* ---- order: by process, then as the header says ----
 *
 * Sites are sorted by a radix sort over (process, live bytes descending, the fingerprint's upper
 * half), a byte a round, least significant first; rounds in which all bytes are equal, which is
 * most of them, are skipped. What is equal then, which is rare, is sorted in full. */

struct site_key {
    uint64_t smallness;   /* ~live_bytes: ascending is descending */
    uint32_t fingerprint; /* its upper half */
    uint32_t process;
    uint32_t position;
};

enum {
    KEY_BYTES = offsetof(struct site_key, position)
};

/* Sorts `from` into `to` by the byte at `offset` of the keys (least significant first, as this
 * processor has them). `counts` says how often each value occurs. */
static void sort_by_byte(const struct site_key *from, struct site_key *to, size_t count,
                         size_t offset, const uint32_t counts[256])
{
    uint32_t starts[256], sum = 0;
    const unsigned char *bytes = (const unsigned char *)from + offset;
    for (size_t value = 0; value < 256; value++) {
        starts[value] = sum;
        sum += counts[value];
    }
    for (size_t i = 0; i < count; i++)
        to[starts[bytes[i * sizeof *from]]++] = from[i];
}

/* Returns the sorted keys: `keys` or `spare`. */
static struct site_key *sort_keys(struct site_key *keys, struct site_key *spare, size_t count)
{
    static const struct {
        size_t offset, bytes;
    } parts[] = {{offsetof(struct site_key, fingerprint), 4},
                 {offsetof(struct site_key, smallness), 8},
                 {offsetof(struct site_key, process), 4}};
    uint32_t(*counts)[256] = memory_allocate_zeroed(KEY_BYTES, sizeof *counts);
    for (size_t i = 0; i < count; i++)
        for (size_t offset = 0; offset < KEY_BYTES; offset++)
            counts[offset][((const unsigned char *)&keys[i])[offset]]++;
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        for (size_t byte = 0; byte < parts[part].bytes; byte++) {
            size_t offset = parts[part].offset + byte;
            if (counts[offset][((const unsigned char *)keys)[offset]] == count)
                continue;
            sort_by_byte(keys, spare, count, offset, counts[offset]);
            struct site_key *sorted = spare;
            spare = keys;
            keys = sorted;
        }
    }
    free(counts);
    return keys;
}

static bool are_equal(const struct site_key *a, const struct site_key *b)
{
    return a->smallness == b->smallness && a->fingerprint == b->fingerprint &&
           a->process == b->process;
}

static int compare_equal_keys(const void *left, const void *right, void *context)
{
    const struct profile *profile = context;
    const struct profile_site *a = &profile->sites[((const struct site_key *)left)->position];
    const struct profile_site *b = &profile->sites[((const struct site_key *)right)->position];
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    return (a->figures.id > b->figures.id) - (a->figures.id < b->figures.id);
}

static void sort_equal_keys(struct profile *profile, struct site_key *keys, size_t count)
{
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count && are_equal(&keys[start], &keys[end]);)
            end++;
        if (end - start > 1)
            qsort_r(keys + start, end - start, sizeof *keys, compare_equal_keys, profile);
    }
}

/* Copying is faster than moving in place: its reads do not wait for each other. */
static void permute_sites(struct profile *profile, const struct site_key *keys)
{
    enum {
        AHEAD = 8
    };
    size_t count = profile->site_count;
    struct profile_site *sorted = memory_allocate(count * sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            const char *soon = (const char *)&profile->sites[keys[i + AHEAD].position];
            for (size_t line = 0; line < sizeof *sorted; line += 64)
                __builtin_prefetch(soon + line);
        }
        sorted[i] = profile->sites[keys[i].position];
    }
    free(profile->sites);
    profile->sites = sorted;
}

static void order_sites(struct profile *profile)
{
    size_t count = profile->site_count;
    struct fingerprint_table *table = fingerprint_table_create(profile);
    struct site_key *keys = memory_allocate_zeroed(count, sizeof *keys);
    struct site_key *spare = memory_allocate_zeroed(count, sizeof *spare);
    for (size_t i = 0; i < count; i++) {
        struct profile_site *site = &profile->sites[i];
        site->fingerprint = fingerprint_of_stack(table, site->function, site->stack_node);
        keys[i] = (struct site_key){~site->figures.live_bytes, (uint32_t)(site->fingerprint >> 32),
                                    site->process, (uint32_t)i};
    }
    fingerprint_table_destroy(table);
    if (count) {
        struct site_key *sorted = sort_keys(keys, spare, count);
        sort_equal_keys(profile, sorted, count);
        permute_sites(profile, sorted);
    }
    free(keys);
    free(spare);
    for (size_t i = count; i-- > 0;) {
        struct profile_process *process = &profile->processes[profile->sites[i].process];
        process->first_site = (uint32_t)i;
        process->site_count++;
    }
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_threads(const void *left, const void *right)
{
    const struct recording_thread *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    return order ? order : compare_numbers(a->id, b->id);
}

static int compare_samples(const void *left, const void *right)
{
    const struct recording_sample *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    return order ? order : compare_numbers(a->time_ns, b->time_ns);
}

static int compare_mappings(const void *left, const void *right)
{
    const struct recording_mapping_site *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    if (!order)
        order = compare_numbers(b->live_bytes, a->live_bytes);
    return order ? order : compare_numbers(a->id, b->id);
}

static int compare_misuses(const void *left, const void *right)
{
    const struct recording_misuse *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    if (!order)
        order = compare_numbers(a->time_ns, b->time_ns);
    return order ? order : compare_numbers(a->kind, b->kind);
}

static int compare_marks(const void *left, const void *right)
{
    const struct recording_mark *a = left, *b = right;
    int order = compare_numbers(a->time_ns, b->time_ns);
    return order ? order : strcmp(a->name, b->name);
}

static void sort(void *items, size_t count, size_t item_bytes,
                 int (*compare)(const void *, const void *))
{
    if (count)
        qsort(items, count, item_bytes, compare);
}

/* Fills first_x and x_count of the processes from a sorted table; record.process_id is a position
 * there, and an id again afterwards. */
#define LINK_TO_PROCESSES(profile, items, count, first)                                            \
    for (size_t i = (profile)->count; i-- > 0;) {                                                  \
        struct profile_process *process = &(profile)->processes[(profile)->items[i].process_id];   \
        process->first = (uint32_t)i;                                                              \
        process->count++;                                                                          \
        (profile)->items[i].process_id = process->about.id;                                        \
    }

static void order_tables(struct profile *profile)
{
    order_sites(profile);
    sort(profile->threads, profile->thread_count, sizeof *profile->threads, compare_threads);
    sort(profile->samples, profile->sample_count, sizeof *profile->samples, compare_samples);
    sort(profile->mappings, profile->mapping_count, sizeof *profile->mappings, compare_mappings);
    sort(profile->misuses, profile->misuse_count, sizeof *profile->misuses, compare_misuses);
    sort(profile->marks, profile->mark_count, sizeof *profile->marks, compare_marks);
    LINK_TO_PROCESSES(profile, threads, thread_count, first_thread)
    LINK_TO_PROCESSES(profile, samples, sample_count, first_sample)
    LINK_TO_PROCESSES(profile, mappings, mapping_count, first_mapping)
    LINK_TO_PROCESSES(profile, misuses, misuse_count, first_misuse)
}

/* ---- the whole ---- */

/* The last instant that anything speaks of: how long a run without an end record lasted at least.
 */
static uint64_t last_instant(const struct profile *profile)
{
    uint64_t last = 0;
    for (size_t i = 0; i < profile->process_count; i++)
        if (profile->processes[i].about.end_ns > last)
            last = profile->processes[i].about.end_ns;
    for (size_t i = 0; i < profile->sample_count; i++)
        if (profile->samples[i].time_ns > last)
            last = profile->samples[i].time_ns;
    for (size_t i = 0; i < profile->site_count; i++)
        if (profile->sites[i].figures.last_ns > last)
            last = profile->sites[i].figures.last_ns;
    return last;
}

static bool is_whole(const struct loader *loader)
{
    const struct profile *profile = loader->profile;
    if (!profile->is_finished || profile->info.is_torn || !loader->end.is_complete ||
        profile->dropped_records)
        return false;
    for (size_t i = 0; i < profile->process_count; i++)
        if (profile->processes[i].quality.lost_events || profile->processes[i].quality.bad_records)
            return false;
    return true;
}

/* A chunk with malformed content is damage like any other: what was read before it stands. */
static void load_kind(struct loader *loader, enum recording_kind kind, recording_visit visit)
{
    struct error error;
    struct recording_info *info = &loader->profile->info;
    key_table_clear(&loader->keys);
    if (recording_reader_visit(loader->reader, kind, visit, loader, &error))
        return;
    info->is_torn = true;
    if (!info->damage[0])
        snprintf(info->damage, sizeof info->damage, "%.*s", (int)sizeof info->damage - 1,
                 error.message);
}

static bool load_code(struct loader *loader, struct error *error)
{
    load_kind(loader, RECORDING_string, visit_string);
    load_kind(loader, RECORDING_module, visit_module);
    for (size_t i = 0; i < loader->profile->module_count; i++)
        if (!loader->profile->modules[i].path)
            loader->profile->modules[i].path = loader->profile->modules[i].name = "[unknown]";
    load_kind(loader, RECORDING_frame, visit_frame);
    load_kind(loader, RECORDING_stack_node, visit_node);
    complete_nodes(loader);
    load_kind(loader, RECORDING_symbol, visit_symbol);
    return complete_frames(loader, error);
}

static void load_processes(struct loader *loader)
{
    struct profile *profile = loader->profile;
    load_kind(loader, RECORDING_process, visit_process);
    sort(profile->processes, profile->process_count, sizeof *profile->processes, compare_processes);
    load_kind(loader, RECORDING_totals, visit_totals);
    load_kind(loader, RECORDING_quality, visit_quality);
    load_kind(loader, RECORDING_thread, visit_thread);
    load_kind(loader, RECORDING_site, visit_site);
    load_kind(loader, RECORDING_sample, visit_sample);
    load_kind(loader, RECORDING_mapping_site, visit_mapping);
    load_kind(loader, RECORDING_misuse, visit_misuse);
    load_kind(loader, RECORDING_mark, visit_mark);
    order_tables(profile);
}

struct profile *profile_load(struct recording_reader *reader, const struct profile_options *options,
                             struct error *error)
{
    (void)options;
    struct profile *profile = memory_allocate_zeroed(1, sizeof *profile);
    profile->memory = memory_allocate_zeroed(1, sizeof *profile->memory);
    profile->memory->arena = arena_create();
    profile->info = *recording_reader_info(reader);
    profile->info.path = arena_copy_text(profile->memory->arena, profile->info.path);
    struct loader loader = {.profile = profile, .arena = profile->memory->arena, .reader = reader};

    own_record(&loader, RECORDING_session, &profile->session);
    load_kind(&loader, RECORDING_session, visit_session);
    load_kind(&loader, RECORDING_recorder, visit_recorder);
    load_kind(&loader, RECORDING_end, visit_end);
    bool is_loaded = load_code(&loader, error);
    if (is_loaded) {
        load_processes(&loader);
        profile->is_finished = loader.has_end && !profile->info.is_torn;
        profile->is_complete = is_whole(&loader);
        profile->duration_ns = loader.has_end ? loader.end.duration_ns : last_instant(profile);
    }
    key_table_clear(&loader.keys);
    free(loader.strings);
    if (!is_loaded) {
        profile_destroy(profile);
        return NULL;
    }
    return profile;
}

void profile_destroy(struct profile *profile)
{
    if (!profile)
        return;
    free(profile->processes);
    free(profile->sites);
    free(profile->threads);
    free(profile->samples);
    free(profile->mappings);
    free(profile->misuses);
    free(profile->marks);
    free(profile->frames);
    free(profile->locations);
    free(profile->nodes);
    free(profile->modules);
    arena_destroy(profile->memory->arena);
    free(profile->memory);
    free(profile);
}

void profile_visit_stack(const struct profile *profile, uint32_t node, profile_visit_location visit,
                         void *context)
{
    if (node >= profile->node_count)
        return;
    for (; node; node = profile->nodes[node].parent) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
        for (uint32_t i = 0; i < frame->location_count; i++)
            if (!visit(context, frame, &profile->locations[frame->first_location + i]))
                return;
    }
}

const char *profile_function_name(enum function_kind function)
{
    static const char *const names[] = {
#define FUNCTION_KIND_NAME(number, name, text) [number] = text,
        FUNCTION_KINDS(FUNCTION_KIND_NAME)
#undef FUNCTION_KIND_NAME
    };
    return function < FUNCTION_KIND_COUNT ? names[function] : names[FUNCTION_NONE];
}

const struct recording_thread *profile_find_thread(const struct profile *profile, uint32_t process,
                                                   uint64_t thread_id)
{
    if (process >= profile->process_count)
        return NULL;
    const struct profile_process *owner = &profile->processes[process];
    const struct recording_thread *threads = profile->threads + owner->first_thread;
    size_t low = 0, high = owner->thread_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (threads[middle].id < thread_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < owner->thread_count && threads[low].id == thread_id ? &threads[low] : NULL;
}
