#include "snapshot/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/memory_use.h"
#include "snapshot/python_heap.h"

void snapshot_init(struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){0};
}

static void clear_objects(struct snapshot_objects *objects)
{
    if (objects == NULL)
        return;
    for (size_t i = 0; i < objects->type_count; i++)
        free(objects->type_names[i]);
    for (size_t i = 0; i < objects->label_count; i++)
        free(objects->label_texts[i]);
    free(objects->type_names);
    free(objects->label_texts);
    free(objects->types);
    free(objects->labels);
    free(objects);
}

void snapshot_clear(struct snapshot *snapshot)
{
    free(snapshot->blocks);
    free(snapshot->first_reference);
    free(snapshot->references);
    free(snapshot->roots);
    for (size_t i = 0; i < snapshot->module_count; i++)
        free(snapshot->modules[i].path);
    free(snapshot->modules);
    free(snapshot->threads);
    free(snapshot->frames);
    for (size_t i = 0; i < snapshot->class_count; i++)
        free(snapshot->classes[i].name);
    free(snapshot->classes);
    for (size_t i = 0; i < SNAPSHOT_FACT_KIND_COUNT; i++)
        free(snapshot->facts[i].items);
    if (snapshot->memory) {
        memory_use_clear(snapshot->memory);
        free(snapshot->memory);
    }
    clear_objects(snapshot->objects);
    if (snapshot->python) {
        python_heap_clear(snapshot->python);
        free(snapshot->python);
    }
    free(snapshot->first_content);
    free(snapshot->contents);
    snapshot_init(snapshot);
}

bool snapshot_is_complete(const struct snapshot *snapshot)
{
    return snapshot->end == SNAPSHOT_DONE && snapshot->unreadable_bytes == 0 &&
           snapshot->missing_threads == 0 && snapshot->unsure_blocks == 0 &&
           snapshot->roots_off == 0 && snapshot->note[0] == '\0';
}

void snapshot_add_block(struct snapshot *snapshot, const struct snapshot_block *block)
{
    snapshot->blocks = memory_grow(snapshot->blocks, &snapshot->block_capacity,
                                   snapshot->block_count + 1, sizeof *snapshot->blocks);
    snapshot->blocks[snapshot->block_count++] = *block;
}

/* Rows are filled as their references come: between calls, the last row that has begun is the one
 * that first_reference has `row_capacity` for. */
static void begin_rows(struct snapshot *snapshot)
{
    if (snapshot->first_reference)
        return;
    snapshot->row_capacity = snapshot->block_count + 1;
    snapshot->first_reference = memory_allocate_large(snapshot->row_capacity,
                                                      sizeof *snapshot->first_reference);
    /* Ends of rows that have not begun yet. */
    for (size_t i = 0; i < snapshot->row_capacity; i++)
        snapshot->first_reference[i] = UINT64_MAX;
    snapshot->first_reference[0] = 0;
}

bool snapshot_is_repetition(const struct snapshot_reference *last, uint32_t to,
                            enum snapshot_reference_kind kind)
{
    return kind <= SNAPSHOT_INTERIOR && last->block == to && last->kind == (unsigned)kind;
}

void snapshot_append_reference(struct snapshot *snapshot, uint32_t to, uint64_t slot,
                               enum snapshot_reference_kind kind)
{
    snapshot->references = memory_grow(snapshot->references, &snapshot->reference_capacity,
                                       snapshot->reference_count + 1, sizeof *snapshot->references);
    snapshot->references[snapshot->reference_count++] = (struct snapshot_reference){
        .block = to,
        .slot = slot < SNAPSHOT_FAR_SLOT ? (unsigned)slot & SNAPSHOT_FAR_SLOT : SNAPSHOT_FAR_SLOT,
        .kind = (unsigned)kind & 0xf,
    };
}

/* Of this block, and of those before it that refer to nothing. */
static void begin_row(struct snapshot *snapshot, uint32_t block)
{
    uint64_t *row = snapshot->first_reference;
    for (size_t i = block; row[i] == UINT64_MAX; i--)
        row[i] = snapshot->reference_count;
}

void snapshot_add_reference(struct snapshot *snapshot, uint32_t from, uint32_t to, uint64_t slot,
                            enum snapshot_reference_kind kind)
{
    begin_rows(snapshot);
    if (from == to || from >= snapshot->block_count)
        return;
    begin_row(snapshot, from);
    if (snapshot->reference_count <= snapshot->first_reference[from] ||
        !snapshot_is_repetition(&snapshot->references[snapshot->reference_count - 1], to, kind))
        snapshot_append_reference(snapshot, to, slot, kind);
}

void snapshot_add_rows(struct snapshot *snapshot, uint32_t first, uint32_t row_count,
                       const uint64_t *starts, const struct snapshot_reference *references,
                       size_t count)
{
    begin_rows(snapshot);
    begin_row(snapshot, first);
    for (uint32_t i = 0; i < row_count; i++)
        snapshot->first_reference[first + i] = snapshot->reference_count + starts[i];
    snapshot->references = memory_grow(snapshot->references, &snapshot->reference_capacity,
                                       snapshot->reference_count + count,
                                       sizeof *snapshot->references);
    if (count > 0)
        memcpy(snapshot->references + snapshot->reference_count, references,
               count * sizeof *references);
    snapshot->reference_count += count;
}

void snapshot_end_references(struct snapshot *snapshot)
{
    begin_rows(snapshot);
    uint64_t *row = snapshot->first_reference;
    for (size_t i = snapshot->block_count + 1; i-- > 0 && row[i] == UINT64_MAX;)
        row[i] = snapshot->reference_count;
}

void snapshot_add_root(struct snapshot *snapshot, const struct snapshot_root *root)
{
    snapshot->roots = memory_grow(snapshot->roots, &snapshot->root_capacity,
                                  snapshot->root_count + 1, sizeof *snapshot->roots);
    snapshot->roots[snapshot->root_count++] = *root;
}

uint32_t snapshot_add_module(struct snapshot *snapshot, const struct snapshot_module *module)
{
    snapshot->modules = memory_grow(snapshot->modules, &snapshot->module_capacity,
                                    snapshot->module_count + 1, sizeof *snapshot->modules);
    struct snapshot_module *added = &snapshot->modules[snapshot->module_count];
    *added = *module;
    added->path = memory_duplicate_text(module->path ? module->path : "");
    return (uint32_t)snapshot->module_count++;
}

uint32_t snapshot_add_thread(struct snapshot *snapshot, const struct snapshot_thread *thread)
{
    snapshot->threads = memory_grow(snapshot->threads, &snapshot->thread_capacity,
                                    snapshot->thread_count + 1, sizeof *snapshot->threads);
    struct snapshot_thread *added = &snapshot->threads[snapshot->thread_count];
    *added = *thread;
    added->first_frame = (uint32_t)snapshot->frame_count;
    added->frame_count = 0;
    return (uint32_t)snapshot->thread_count++;
}

void snapshot_add_frame(struct snapshot *snapshot, uint64_t address, uint32_t frame_id)
{
    if (snapshot->thread_count == 0)
        return;
    snapshot->frames = memory_grow(snapshot->frames, &snapshot->frame_capacity,
                                   snapshot->frame_count + 1, sizeof *snapshot->frames);
    snapshot->frames[snapshot->frame_count++] = (struct snapshot_frame){.address = address,
                                                                        .frame_id = frame_id};
    snapshot->threads[snapshot->thread_count - 1].frame_count++;
}

void snapshot_add_frames(struct snapshot *snapshot, uint32_t thread,
                         const struct snapshot_frame *frames, uint32_t count)
{
    if (thread >= snapshot->thread_count || count == 0)
        return;
    snapshot->frames = memory_grow(snapshot->frames, &snapshot->frame_capacity,
                                   snapshot->frame_count + count, sizeof *snapshot->frames);
    memcpy(snapshot->frames + snapshot->frame_count, frames, count * sizeof *frames);
    snapshot->threads[thread].first_frame = (uint32_t)snapshot->frame_count;
    snapshot->threads[thread].frame_count = count;
    snapshot->frame_count += count;
}

uint32_t snapshot_add_class(struct snapshot *snapshot, const struct snapshot_class *class)
{
    snapshot->classes = memory_grow(snapshot->classes, &snapshot->class_capacity,
                                    snapshot->class_count + 1, sizeof *snapshot->classes);
    struct snapshot_class *added = &snapshot->classes[snapshot->class_count];
    *added = *class;
    added->name = memory_duplicate_text(class->name ? class->name : "");
    return (uint32_t)snapshot->class_count++;
}

void snapshot_add_fact(struct snapshot *snapshot, enum snapshot_fact_kind kind, uint32_t owner,
                       uint64_t slot, uint64_t value)
{
    struct snapshot_facts *facts = &snapshot->facts[kind];
    if (slot >= SNAPSHOT_FAR_SLOT)
        return;
    facts->items = memory_grow(facts->items, &facts->capacity, facts->count + 1,
                               sizeof *facts->items);
    facts->items[facts->count++] = (struct snapshot_fact){
        .owner = owner, .slot = (uint32_t)slot, .value = value};
}

bool snapshot_find_fact(const struct snapshot *snapshot, enum snapshot_fact_kind kind,
                        uint32_t owner, uint32_t slot, uint64_t *value)
{
    const struct snapshot_facts *facts = &snapshot->facts[kind];
    uint64_t wanted = (uint64_t)owner << 32 | slot;
    size_t low = 0, high = facts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct snapshot_fact *fact = &facts->items[middle];
        if (((uint64_t)fact->owner << 32 | fact->slot) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == facts->count || facts->items[low].owner != owner || facts->items[low].slot != slot)
        return false;
    *value = facts->items[low].value;
    return true;
}

uint64_t snapshot_first_reference_from(const struct snapshot *snapshot, uint32_t block,
                                       uint64_t slot)
{
    uint64_t low = snapshot->first_reference[block], high = snapshot->first_reference[block + 1];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (snapshot->references[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t snapshot_find_reference(const struct snapshot *snapshot, uint32_t block, uint64_t slot)
{
    uint64_t at = snapshot_first_reference_from(snapshot, block, slot);
    return at < snapshot->first_reference[block + 1] && snapshot->references[at].slot == slot
               ? snapshot->references[at].block
               : SNAPSHOT_NONE;
}

uint32_t snapshot_find_block(const struct snapshot *snapshot, uint64_t address)
{
    size_t low = 0;
    size_t high = snapshot->objects != NULL ? snapshot->objects->first_block
                                            : snapshot->block_count;
    for (size_t i = high; i < snapshot->block_count; i++)
        if (address - snapshot->blocks[i].address < snapshot->blocks[i].bytes)
            return (uint32_t)i;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snapshot->blocks[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return SNAPSHOT_NONE;
    const struct snapshot_block *block = &snapshot->blocks[low - 1];
    uint64_t bytes = block->bytes > 0 ? block->bytes : 1;
    return address - block->address < bytes ? (uint32_t)(low - 1) : SNAPSHOT_NONE;
}

const char *snapshot_shape_name(enum snapshot_reference_kind kind)
{
    static const char *const names[] = {[SNAPSHOT_STRING] = "stdstring",
                                        [SNAPSHOT_LENGTH] = "length64",
                                        [SNAPSHOT_NEW_ARRAY] = "newarray",
                                        [SNAPSHOT_INHERITANCE] = "multipleinheritance"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : NULL;
}

const char *snapshot_root_kind_name(enum snapshot_root_kind kind)
{
    static const char *const names[] = {"global", "stack",  "register", "tls",   "key",
                                        "thread", "region", "mapping",  "python"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

unsigned snapshot_reason_rank(enum snapshot_reason reason)
{
    switch (reason) {
    case SNAPSHOT_AT_REQUEST:
    case SNAPSHOT_AT_CALL:
        return 5;
    case SNAPSHOT_AT_BEFORE_EXIT:
        return 4;
    case SNAPSHOT_AT_EXIT:
        return 2;
    default:
        return 3;
    }
}

const char *snapshot_reason_name(enum snapshot_reason reason)
{
    static const char *const names[] = {"exit",  "before-exit", "request", "call", "interval",
                                        "level", "exec",        "crash",   "peak"};
    return (size_t)reason < sizeof names / sizeof *names ? names[reason] : "unknown";
}

const char *snapshot_end_name(enum snapshot_end end)
{
    static const char *const names[] = {"done", "killed", "crashed", "exec",
                                        "off",  "failed", "budget"};
    return (size_t)end < sizeof names / sizeof *names ? names[end] : "unknown";
}

void snapshot_register_name(uint64_t number, char *name, size_t name_bytes)
{
    /* The order of struct user_regs_struct. */
    static const char *const general[] = {
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11",      "r10", "r9",
        "r8",  "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip", "cs",
    };
    if (number >= SNAPSHOT_VECTOR_REGISTERS)
        snprintf(name, name_bytes, "vector register state+%u",
                 (unsigned)(number - SNAPSHOT_VECTOR_REGISTERS) * 8);
    else if (number < sizeof general / sizeof *general)
        snprintf(name, name_bytes, "%s", general[number]);
    else
        snprintf(name, name_bytes, "register %u", (unsigned)number);
}
