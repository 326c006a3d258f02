#include "graph/type_propagation.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/containers.h"
#include "symbols/demangle.h"

enum {
    WORD_BYTES = 8,
    MOST_ALLOCATOR_FRAMES = 8, /* innermost ones, in which the library's allocator is looked for */
    LEAST_ELEMENT_BYTES = 16,  /* of structs in arrays: any size is a multiple of less */
    MOST_PARTS = 16,           /* of a block */
    MOST_HEADER_BYTES = 64,    /* that allocators of programs put in front */
    VOTES = 3                  /* rounds */
};

static const double SURE_VOTE = 0.9;

/* A part of a block that typed pointers lead to. */
struct part {
    uint64_t offset;
    uint32_t type;
    uint32_t next; /* position + 1 of the block's next one; 0 = none */
    uint8_t confidence;
    bool is_spread;
};

struct propagation {
    const struct type_input *input;
    const struct snapshot *snapshot;
    struct type_table *table;
    struct block_types *types;
    uint8_t *is_queued;
    uint32_t *queue; /* a ring of block_count + 1 */
    size_t head, tail;
    struct part *parts;
    size_t part_count, part_capacity;
    struct hash_map first_part; /* by block: position + 1 */
};

static void enqueue(struct propagation *run, uint32_t block)
{
    if (run->is_queued[block])
        return;
    run->is_queued[block] = 1;
    run->queue[run->tail++] = block;
    if (run->tail > run->snapshot->block_count)
        run->tail = 0;
}

static bool dequeue(struct propagation *run, uint32_t *block)
{
    if (run->head == run->tail)
        return false;
    *block = run->queue[run->head++];
    if (run->head > run->snapshot->block_count)
        run->head = 0;
    run->is_queued[*block] = 0;
    return true;
}

/* ---- does it fit? ---- */

/* How well a type fits a block: -1 = not at all. */
static int judge(struct propagation *run, uint32_t type, uint64_t bytes)
{
    const struct graph_type *item = type_table_get(run->table, type);
    uint64_t offset, own = item ? item->facts.bytes : 0;

    if (!item || own == 0 || bytes < own)
        return -1;
    switch (item->facts.kind) {
    case TYPE_UNKNOWN:
    case TYPE_FUNCTION:
        return -1;
    case TYPE_CHARACTER:
        return TYPE_UNSURE;
    case TYPE_ARRAY:
        if (item->is_memory)
            return bytes % own == 0 ? TYPE_SURE : -1;
        return bytes == own ? TYPE_SURE : TYPE_UNSURE;
    case TYPE_BASE:
        return bytes % own == 0 ? TYPE_LIKELY : -1;
    case TYPE_POINTER:
        return bytes % own == 0 ? TYPE_SURE : -1;
    case TYPE_STRUCT:
    case TYPE_UNION:
    case TYPE_KIND_COUNT:
        break;
    }
    if (bytes == own || (item->is_exact && bytes == own + item->slack))
        return TYPE_SURE;
    if (item->is_exact)
        return -1;
    if (type_table_flexible(run->table, type, &offset) != TYPE_NONE)
        return TYPE_SURE;
    return bytes % own == 0 && own >= LEAST_ELEMENT_BYTES ? TYPE_LIKELY : TYPE_UNSURE;
}

/* What is said of less than a struct gives way to any. */
static uint64_t weight_of(const struct propagation *run, uint32_t type)
{
    const struct graph_type *item = type_table_get(run->table, type);

    if (item->facts.kind == TYPE_CHARACTER)
        return 0;
    if (item->facts.kind == TYPE_BASE)
        return 1;
    return 1 + item->facts.bytes;
}

/* ---- claims ---- */

static void set_type(struct propagation *run, uint32_t block, uint32_t type,
                     enum type_source source, enum type_confidence confidence)
{
    run->types->blocks[block] = (struct block_type){
        .type = type, .source = (uint8_t)source, .confidence = (uint8_t)confidence};
    enqueue(run, block);
}

/* Two types for one block: one that begins with the other says all that this one does. */
static void settle(struct propagation *run, uint32_t block, uint32_t type, enum type_source source,
                   enum type_confidence confidence)
{
    struct block_type *known = &run->types->blocks[block];
    uint64_t new_weight = weight_of(run, type), old_weight = weight_of(run, known->type);

    if (known->source == TYPE_SOURCE_VTABLE ||
        type_table_begins_with(run->table, known->type, type))
        return;
    if (type_table_begins_with(run->table, type, known->type)) {
        set_type(run, block, type, source, confidence);
        return;
    }
    if (new_weight <= 1 || (confidence == TYPE_UNSURE && known->confidence > TYPE_UNSURE))
        return;
    if (old_weight <= 1 || (known->confidence == TYPE_UNSURE && confidence > TYPE_UNSURE)) {
        if (new_weight > old_weight)
            set_type(run, block, type, source, confidence);
        return;
    }
    if (new_weight > old_weight)
        set_type(run, block, type, source, TYPE_UNSURE);
    else if (confidence >= known->confidence)
        known->confidence = TYPE_UNSURE;
}

static void claim(struct propagation *run, uint32_t block, uint32_t type, enum type_source source,
                  enum type_confidence most)
{
    struct block_type *known = &run->types->blocks[block];
    const struct graph_type *item = type_table_get(run->table, type);
    int fit = judge(run, type, run->snapshot->blocks[block].bytes);
    enum type_confidence confidence;

    if (fit < 0)
        return;
    /* A size that fits makes up for what was only likely on the way. */
    confidence = fit == TYPE_SURE && most == TYPE_LIKELY && source != TYPE_SOURCE_SITE ? TYPE_SURE
                 : (enum type_confidence)fit < most ? (enum type_confidence)fit
                                                    : most;
    if (item->is_memory && source == TYPE_SOURCE_DWARF)
        source = TYPE_SOURCE_CONTAINER;
    if (known->type == TYPE_NONE)
        set_type(run, block, type, source, confidence);
    else if (known->type != type)
        settle(run, block, type, source, confidence);
    else if (known->confidence < confidence && known->source == source)
        known->confidence = (uint8_t)confidence;
}

/* What begins there is known already, or it is one part too many. */
static bool has_part(struct propagation *run, uint32_t block, uint64_t offset, uint32_t type)
{
    const uint64_t *first = hash_map_find(&run->first_part, block);
    size_t count = 0;

    for (uint64_t at = first ? *first : 0; at != 0; at = run->parts[at - 1].next, count++)
        if (run->parts[at - 1].offset == offset &&
            type_table_begins_with(run->table, run->parts[at - 1].type, type))
            return true;
    return count >= MOST_PARTS;
}

static void add_part(struct propagation *run, uint32_t block, uint64_t offset, uint32_t type,
                     enum type_confidence confidence)
{
    uint64_t *first = hash_map_put(&run->first_part, block, NULL);

    run->parts = memory_grow(run->parts, &run->part_capacity, run->part_count + 1,
                             sizeof *run->parts);
    run->parts[run->part_count] = (struct part){.offset = offset,
                                                .type = type,
                                                .next = (uint32_t)*first,
                                                .confidence = (uint8_t)confidence};
    *first = ++run->part_count;
    enqueue(run, block);
}

static void set_behind(struct propagation *run, uint32_t block, uint32_t type,
                       enum type_source source, enum type_confidence confidence, uint64_t offset)
{
    set_type(run, block, type, source, confidence);
    run->types->blocks[block].header_words = (uint16_t)(offset / WORD_BYTES);
}

/* A pointer behind a block's start. It may be to one of several elements; or allocators of programs
 * put something of their own in front, such as a length, and hand out what is behind; or blocks
 * are made of parts. */
static void claim_behind(struct propagation *run, uint32_t block, uint32_t type,
                         enum type_source source, enum type_confidence most, uint64_t offset,
                         bool counts_as_start)
{
    const struct graph_type *item = type_table_get(run->table, type);
    const struct block_type *known = &run->types->blocks[block];
    uint64_t bytes = run->snapshot->blocks[block].bytes, own = item ? item->facts.bytes : 0;
    bool is_struct = item && item->facts.kind == TYPE_STRUCT && own >= LEAST_ELEMENT_BYTES;
    int fit;

    if (own == 0 || offset % WORD_BYTES != 0 || offset > bytes || own > bytes - offset ||
        item->is_memory || (known->type == type && known->header_words * WORD_BYTES == offset))
        return;
    if (!counts_as_start && is_struct && bytes % own == 0 && offset % own == 0) {
        claim(run, block, type, source, most < TYPE_LIKELY ? most : TYPE_LIKELY);
        return;
    }
    fit = judge(run, type, bytes - offset);
    if (!counts_as_start && fit > TYPE_UNSURE)
        fit = offset <= MOST_HEADER_BYTES && fit == TYPE_SURE ? TYPE_LIKELY : TYPE_UNSURE;
    if (fit > (int)most)
        fit = (int)most;
    if (known->type == TYPE_NONE && offset / WORD_BYTES <= UINT16_MAX && fit >= 0 &&
        (is_struct || counts_as_start))
        set_behind(run, block, type, source, (enum type_confidence)fit, offset);
    else if (is_struct && !has_part(run, block, offset, type))
        add_part(run, block, offset, type, most);
}

/* ---- spreading ---- */

/* What the pointer at an offset of a typed block points to. */
static uint32_t pointee_at(struct propagation *run, const struct block_type *of, uint64_t bytes,
                           uint64_t offset)
{
    const struct graph_type *item = type_table_get(run->table, of->type);
    uint64_t own = item->facts.bytes, start;
    uint32_t element;

    if (offset < (uint64_t)of->header_words * WORD_BYTES || own == 0)
        return TYPE_NONE;
    offset -= (uint64_t)of->header_words * WORD_BYTES;
    bytes -= (uint64_t)of->header_words * WORD_BYTES;
    if (item->facts.kind == TYPE_POINTER)
        return type_table_target(run->table, of->type);
    if (item->facts.kind == TYPE_ARRAY && item->is_memory) {
        element = type_table_target(run->table, of->type);
        return element ? type_table_pointee(run->table, element, offset % own) : TYPE_NONE;
    }
    if (offset >= own) {
        element = type_table_flexible(run->table, of->type, &start);
        item = type_table_get(run->table, element);
        if (item && item->facts.bytes > 0 && offset >= start)
            return type_table_pointee(run->table, element, (offset - start) % item->facts.bytes);
        if (bytes % own != 0 || of->confidence == TYPE_UNSURE)
            return TYPE_NONE;
        offset %= own;
    }
    return type_table_pointee(run->table, of->type, offset);
}

static void spread_reference(struct propagation *run, uint32_t block, uint64_t position,
                             uint32_t type, enum type_source source,
                             enum type_confidence confidence)
{
    const struct snapshot_reference *reference = &run->snapshot->references[position];
    uint64_t offset;

    if (type == TYPE_NONE)
        return;
    if (reference->kind == SNAPSHOT_START)
        claim(run, reference->block, type, source, confidence);
    else if (snapshot_find_fact(run->snapshot, SNAPSHOT_FACT_OFFSET, block, reference->slot,
                                &offset))
        claim_behind(run, reference->block, type, source, confidence, offset,
                     snapshot_counts_as_start((enum snapshot_reference_kind)reference->kind));
}

static void spread_part(struct propagation *run, uint32_t block, const struct part *part)
{
    const struct snapshot *snapshot = run->snapshot;
    uint64_t end = part->offset + type_table_get(run->table, part->type)->facts.bytes;
    uint64_t first = part->offset / WORD_BYTES;

    for (uint64_t i = snapshot_first_reference_from(snapshot, block, first);
         i < snapshot->first_reference[block + 1]; i++) {
        uint64_t at = (uint64_t)snapshot->references[i].slot * WORD_BYTES;

        if (at >= end || snapshot->references[i].slot == SNAPSHOT_FAR_SLOT)
            return;
        spread_reference(run, block, i,
                         type_table_pointee(run->table, part->type, at - part->offset),
                         TYPE_SOURCE_DWARF, (enum type_confidence)part->confidence);
    }
}

static void spread_parts(struct propagation *run, uint32_t block)
{
    const uint64_t *first = hash_map_find(&run->first_part, block);

    for (uint64_t at = first ? *first : 0; at != 0; at = run->parts[at - 1].next) {
        struct part part = run->parts[at - 1];

        if (part.is_spread)
            continue;
        run->parts[at - 1].is_spread = true;
        spread_part(run, block, &part);
    }
}

static void spread_block(struct propagation *run, uint32_t block)
{
    const struct snapshot *snapshot = run->snapshot;
    struct block_type of = run->types->blocks[block];
    enum type_source source = of.source == TYPE_SOURCE_SITE ? TYPE_SOURCE_SITE : TYPE_SOURCE_DWARF;

    for (uint64_t i = snapshot->first_reference[block];
         of.type != TYPE_NONE && i < snapshot->first_reference[block + 1]; i++)
        if (snapshot->references[i].slot != SNAPSHOT_FAR_SLOT)
            spread_reference(run, block, i,
                             pointee_at(run, &of, snapshot->blocks[block].bytes,
                                        (uint64_t)snapshot->references[i].slot * WORD_BYTES),
                             source, (enum type_confidence)of.confidence);
    spread_parts(run, block);
}

static void spread(struct propagation *run)
{
    uint32_t block;

    while (dequeue(run, &block))
        spread_block(run, block);
}

/* ---- classes ---- */

static uint32_t type_of_class(struct propagation *run, const struct snapshot_class *class)
{
    char *mangled, *name;
    uint32_t type;

    if (!*class->name)
        return TYPE_NONE;
    /* A type's name alone is not demangled; that of its type information is. */
    mangled = memory_print_text("_ZTS%s", class->name);
    name = demangle_name(mangled);
    static const char in_front[] = "typeinfo name for ";
    bool is_known = text_starts_with(name, in_front);
    type = is_known
               ? containers_type_of_class(run->table, class->module, name + sizeof in_front - 1)
               : TYPE_NONE;
    free(name);
    free(mangled);
    return type;
}

static void seed_classes(struct propagation *run)
{
    const struct snapshot *snapshot = run->snapshot;
    const struct snapshot_facts *facts = &snapshot->facts[SNAPSHOT_FACT_CLASS];
    uint32_t *types = memory_allocate_zeroed(snapshot->class_count, sizeof *types);

    for (size_t i = 0; i < snapshot->class_count; i++)
        types[i] = type_of_class(run, &snapshot->classes[i]);
    for (size_t i = 0; i < facts->count; i++) {
        const struct snapshot_fact *fact = &facts->items[i];
        const struct graph_type *item = type_table_get(run->table, types[fact->value]);
        uint64_t bytes = snapshot->blocks[fact->owner].bytes - (uint64_t)fact->slot * WORD_BYTES;

        if (!item || run->types->blocks[fact->owner].type != TYPE_NONE)
            continue;
        set_type(run, fact->owner, types[fact->value],
                 item->is_memory ? TYPE_SOURCE_CONTAINER : TYPE_SOURCE_VTABLE,
                 item->facts.bytes && bytes % item->facts.bytes ? TYPE_LIKELY : TYPE_SURE);
        run->types->blocks[fact->owner].header_words = (uint16_t)fact->slot;
    }
    free(types);
}

/* ---- variables ---- */

static uint32_t add_variable(struct block_types *types, const struct typed_variable *variable)
{
    types->variables = memory_grow(types->variables, &types->variable_capacity,
                                   types->variable_count + 1, sizeof *types->variables);
    types->variables[types->variable_count] = *variable;
    return (uint32_t)types->variable_count++;
}

/* The variable before in the same module, if the word is still its. */
static bool is_within(const struct propagation *run, uint32_t variable, uint64_t address)
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

static void find_global(struct propagation *run, uint32_t position, struct last_variable *last)
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

static uint32_t module_of_frame(const struct propagation *run, const struct profile_frame *frame)
{
    const char *path = frame->module_plus_1
                           ? run->input->profile->modules[frame->module_plus_1 - 1].path
                           : NULL;

    for (uint32_t i = 0; path && i < run->snapshot->module_count; i++)
        if (strcmp(run->snapshot->modules[i].path, path) == 0)
            return i;
    return SNAPSHOT_NONE;
}

static void find_locals(struct propagation *run, uint32_t frame_id, struct frame_locals *found)
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
static void find_local(struct propagation *run, uint32_t position, struct frame_locals *frames)
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

static void find_variables(struct propagation *run)
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

static void seed_variables(struct propagation *run)
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
            claim(run, root->block, type, TYPE_SOURCE_DWARF, TYPE_SURE);
        else if (snapshot_find_fact(snapshot, SNAPSHOT_FACT_ROOT_OFFSET, i, 0, &offset))
            claim_behind(run, root->block, type, TYPE_SOURCE_DWARF, TYPE_SURE, offset,
                         snapshot_counts_as_start(root->reference));
    }
}

/* ---- sites ---- */

/* The innermost functions of a site's stack, inlined ones too. */
static size_t find_functions(const struct profile *profile, uint32_t node, const char **functions)
{
    size_t count = 0;

    for (; node != 0; node = profile->nodes[node].parent) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];

        for (uint32_t i = 0; i < frame->location_count; i++) {
            if (count == MOST_ALLOCATOR_FRAMES)
                return count;
            functions[count++] = profile->locations[frame->first_location + i].function;
        }
    }
    return count;
}

static uint32_t type_of_site(struct propagation *run, const struct profile_site *site)
{
    const char *functions[MOST_ALLOCATOR_FRAMES];
    size_t count = find_functions(run->input->profile, site->stack_node, functions);
    uint32_t type = TYPE_NONE;

    for (size_t i = 0; i < count && type == TYPE_NONE; i++)
        type = containers_type_of_allocator(run->table, functions[i], functions + i + 1,
                                            count - i - 1);
    return type;
}

#define SITE_NOT_ASKED UINT32_MAX

static void seed_sites(struct propagation *run)
{
    const struct profile *profile = run->input->profile;
    uint32_t *types = memory_allocate(profile->site_count * sizeof *types);

    memset(types, 0xff, profile->site_count * sizeof *types);
    for (uint32_t i = 0; i < run->snapshot->block_count; i++) {
        uint32_t site = run->input->site_of_block[i];

        if (site >= profile->site_count || run->types->blocks[i].type != TYPE_NONE)
            continue;
        if (types[site] == SITE_NOT_ASKED)
            types[site] = type_of_site(run, &profile->sites[site]);
        if (types[site] == TYPE_NONE)
            continue;
        if (type_table_get(run->table, types[site])->facts.bytes > 0)
            claim(run, i, types[site], TYPE_SOURCE_CONTAINER, TYPE_SURE);
        else
            set_type(run, i, types[site], TYPE_SOURCE_CONTAINER, TYPE_SURE);
    }
    free(types);
}

/* What pointers say that look like those of strings and vectors. */
static void seed_shapes(struct propagation *run)
{
    static const enum snapshot_fact_kind kinds[] = {SNAPSHOT_FACT_LENGTH, SNAPSHOT_FACT_ROOT_LENGTH,
                                                    SNAPSHOT_FACT_FILLED,
                                                    SNAPSHOT_FACT_ROOT_FILLED};
    const struct snapshot *snapshot = run->snapshot;

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < snapshot->facts[kinds[k]].count; i++) {
            const struct snapshot_fact *fact = &snapshot->facts[kinds[k]].items[i];
            uint32_t block = SNAPSHOT_NONE;

            if (kinds[k] >= SNAPSHOT_FACT_ROOT_OFFSET)
                block = snapshot->roots[fact->owner].block;
            else
                block = snapshot_find_reference(snapshot, fact->owner, fact->slot);
            if (block == SNAPSHOT_NONE || run->types->blocks[block].type != TYPE_NONE)
                continue;
            set_type(run, block,
                     k < 2 ? containers_plain_string(run->table)
                           : containers_plain_vector(run->table),
                     TYPE_SOURCE_CONTAINER, k < 2 ? TYPE_LIKELY : TYPE_UNSURE);
        }
}

/* ---- votes ---- */

struct vote {
    uint32_t site, type;
    uint16_t header_words;
    uint64_t count;
};

static int compare_votes(const void *left, const void *right)
{
    const struct vote *a = left, *b = right;

    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return a->type < b->type ? -1 : a->type > b->type;
}

static struct vote *count_votes(struct propagation *run, size_t *count)
{
    struct hash_map positions = {0};
    struct vote *votes = NULL;
    size_t capacity = 0;

    *count = 0;
    for (uint32_t i = 0; i < run->snapshot->block_count; i++) {
        const struct block_type *of = &run->types->blocks[i];
        uint64_t *position;
        bool is_new;

        /* That some text was of one site says nothing of the rest. */
        if (run->input->site_of_block[i] == UINT32_MAX || of->type == TYPE_NONE ||
            of->source == TYPE_SOURCE_SITE || weight_of(run, of->type) <= 1)
            continue;
        position = hash_map_put(&positions, (uint64_t)run->input->site_of_block[i] << 32 | of->type,
                                &is_new);
        if (is_new) {
            *position = *count;
            votes = memory_grow(votes, &capacity, *count + 1, sizeof *votes);
            votes[(*count)++] = (struct vote){run->input->site_of_block[i], of->type,
                                              of->header_words, 0};
        }
        votes[*position].count++;
    }
    hash_map_clear(&positions);
    if (*count > 0)
        qsort(votes, *count, sizeof *votes, compare_votes);
    return votes;
}

/* By site: the type that most of its typed blocks have. */
static struct block_type *elect(struct propagation *run)
{
    size_t site_count = run->input->profile->site_count, count;
    struct block_type *elected = memory_allocate_zeroed(site_count, sizeof *elected);
    struct vote *votes = count_votes(run, &count);

    for (size_t i = 0; i < count;) {
        uint32_t site = votes[i].site;
        uint64_t most = votes[i].count, all = 0;
        uint32_t type = votes[i].type;
        uint16_t header_words = votes[i].header_words;

        for (; i < count && votes[i].site == site; i++)
            all += votes[i].count;
        if (site < site_count && 2 * most > all)
            elected[site] = (struct block_type){
                .type = type,
                .source = TYPE_SOURCE_SITE,
                .header_words = header_words,
                .confidence = most > 1 && (double)most >= SURE_VOTE * (double)all ? TYPE_LIKELY
                                                                                  : TYPE_UNSURE};
    }
    free(votes);
    return elected;
}

static bool vote(struct propagation *run)
{
    struct block_type *elected = elect(run);
    bool is_any = false;

    for (uint32_t i = 0; i < run->snapshot->block_count; i++) {
        uint32_t site = run->input->site_of_block[i];
        const struct block_type *of = site < run->input->profile->site_count ? &elected[site]
                                                                             : NULL;

        if (!of || of->type == TYPE_NONE || run->types->blocks[i].type != TYPE_NONE)
            continue;
        if (of->header_words > 0)
            claim_behind(run, i, of->type, TYPE_SOURCE_SITE, (enum type_confidence)of->confidence,
                         (uint64_t)of->header_words * WORD_BYTES, true);
        else if (type_table_get(run->table, of->type)->facts.bytes > 0)
            claim(run, i, of->type, TYPE_SOURCE_SITE, (enum type_confidence)of->confidence);
        else
            set_type(run, i, of->type, TYPE_SOURCE_SITE, (enum type_confidence)of->confidence);
        is_any = is_any || run->types->blocks[i].type != TYPE_NONE;
    }
    free(elected);
    return is_any;
}

/* ---- all ---- */

void block_types_find(const struct type_input *input, struct block_types *types)
{
    const struct snapshot *snapshot = input->snapshot;
    struct propagation run = {
        .input = input, .snapshot = snapshot, .table = input->table, .types = types};

    *types = (struct block_types){0};
    types->blocks = memory_allocate_zeroed_large(snapshot->block_count, sizeof *types->blocks);
    types->variable_of_root = memory_allocate_large(snapshot->root_count, sizeof(uint32_t));
    run.is_queued = memory_allocate_zeroed(snapshot->block_count, 1);
    run.queue = memory_allocate_large(snapshot->block_count + 1, sizeof *run.queue);
    seed_classes(&run);
    find_variables(&run);
    seed_variables(&run);
    spread(&run);
    seed_sites(&run);
    spread(&run);
    seed_shapes(&run);
    for (int round = 0; round < VOTES && vote(&run); round++)
        spread(&run);
    free(run.is_queued);
    free(run.queue);
    free(run.parts);
    hash_map_clear(&run.first_part);
}

void block_types_clear(struct block_types *types)
{
    free(types->blocks);
    for (size_t i = 0; i < types->variable_count; i++)
        free(types->variables[i].name);
    free(types->variables);
    free(types->variable_of_root);
    *types = (struct block_types){0};
}
