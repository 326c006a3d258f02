#include "runtimes/cpython/used_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/cpython/containers.h"
#include "runtimes/cpython/frames.h"
#include "snapshot/mapping_search.h"
#include "snapshot/thread_stacks.h"

enum {
    PIECE_BYTES = 1 << 18,
    CHUNK_HEAD_BYTES = 16,
    CHUNK_OVERLAP_BYTES = 8, /* of a chunk in use: the next one's first word is its last */
    HOOK_BYTES = 4096,       /* below the stack pointer of a thread that waits in a hook of ours */
    STACK_CHUNK_HEAD = 24,   /* of Python's own stacks: the chunk before, its bytes, its top */
    STACK_CHUNK_LEAST = 1 << 12,
    STACK_CHUNK_MOST = 1 << 26,
    STACK_CHUNK_SEARCHED = 1 << 20,
    STACK_CHUNKS_MOST = 4096,
    NEXT_FRAME_BYTES =
        1024, /* behind the last frame: one that is being made holds things already */
    STATE_BYTES_MOST = 1 << 20,
    SLOTS_MOST = 1 << 20,
    FREE_LIST_LEAST = 8
};

#define PAGE_BYTES UINT64_C(4096)

/* ---- places of containers that are not in use ---- */

static void add_dead_slots(struct used_memory *memory, uint64_t start, uint64_t count)
{
    if (!obmalloc_is_arena(memory->objects->arenas, start) && count < UINT64_C(1) << 40)
        range_list_add(&memory->dead, start, start + count * 8);
}

static void leave_out_list(struct used_memory *memory, uint64_t list)
{
    const struct cpython *python = memory->objects->python;
    uint64_t items = cpython_field(python, list, CPYTHON_LIST_ITEMS);
    uint64_t used = cpython_field(python, list, CPYTHON_OBJECT_SIZE);
    uint64_t allocated = cpython_field(python, list, CPYTHON_LIST_ALLOCATED);
    if (cpython_is_pointer(items) && used < allocated)
        add_dead_slots(memory, items + used * 8, allocated - used);
}

/* Each block: the one before, 64 items, the next. */
static void leave_out_deque(struct used_memory *memory, uint64_t deque)
{
    const struct cpython *python = memory->objects->python;
    uint64_t left = cpython_field(python, deque, CPYTHON_DEQUE_LEFT);
    uint64_t right = cpython_field(python, deque, CPYTHON_DEQUE_RIGHT);
    uint64_t first = cpython_field(python, deque, CPYTHON_DEQUE_LEFT_INDEX);
    uint64_t last = cpython_field(python, deque, CPYTHON_DEQUE_RIGHT_INDEX);
    if (cpython_is_pointer(left) && first <= CPYTHON_DEQUE_BLOCK_ITEMS)
        add_dead_slots(memory, left + 8, first);
    if (cpython_is_pointer(right) && last < CPYTHON_DEQUE_BLOCK_ITEMS)
        add_dead_slots(memory, right + 16 + last * 8, CPYTHON_DEQUE_BLOCK_ITEMS - 1 - last);
}

static void leave_out_containers(struct used_memory *memory)
{
    struct cpython_objects *objects = memory->objects;
    uint32_t count = cpython_objects_count(objects);
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_objects_is_object(objects, i))
            continue;
        enum cpython_shape shape = objects->types.items[cpython_objects_type(objects, i)].shape;
        if (shape == CPYTHON_SHAPE_LIST)
            leave_out_list(memory, cpython_objects_address(objects, i));
        else if (shape == CPYTHON_SHAPE_DEQUE)
            leave_out_deque(memory, cpython_objects_address(objects, i));
    }
}

/* ---- Python's own stacks ---- */

static bool read_stack_chunk(const struct used_memory *memory, uint64_t address, uint64_t head[3])
{
    return memory_view_read(memory->objects->python->view, address, head, STACK_CHUNK_HEAD) &&
           head[1] >= STACK_CHUNK_LEAST && head[1] <= STACK_CHUNK_MOST &&
           head[1] % STACK_CHUNK_LEAST == 0 && (head[0] == 0 || cpython_is_pointer(head[0])) &&
           head[2] < head[1] / 8;
}

static uint64_t find_stack_chunk(const struct used_memory *memory, uint64_t frame, uint64_t head[3])
{
    uint64_t page = frame & ~(PAGE_BYTES - 1);
    for (uint64_t back = 0; back <= STACK_CHUNK_SEARCHED && back <= page; back += PAGE_BYTES)
        if (read_stack_chunk(memory, page - back, head) && frame - (page - back) < head[1] &&
            frame - (page - back) >= STACK_CHUNK_HEAD)
            return page - back;
    return 0;
}

struct stack_tops {
    struct used_memory *memory;
    struct hash_map ends; /* by chunk: where its last frame ends */
};

static void note_top(void *context, const struct cpython_frame *frame)
{
    struct stack_tops *tops = context;
    const struct cpython *python = tops->memory->objects->python;
    const struct cpython_offsets *offsets = &python->offsets;
    uint64_t head[3];
    uint32_t locals = memory_view_half_or_0(python->view,
                                            frame->code + offsets->code_locals_plus_count);
    /* The depth of its stack stands in front of its first line. */
    uint32_t depth = memory_view_half_or_0(python->view,
                                           frame->code + offsets->code_first_line - 4);
    if (memory_view_byte_or_0(python->view, frame->address + offsets->frame_owner) != 0 ||
        locals > SLOTS_MOST || depth > SLOTS_MOST)
        return;
    uint64_t chunk = find_stack_chunk(tops->memory, frame->address, head);
    uint64_t slots = frame->address + offsets->frame_locals_plus;
    bool is_running;
    uint64_t used = cpython_frame_slots(python, frame->address, frame->code, &is_running);
    uint64_t end = slots + ((uint64_t)locals + depth) * 8;
    if (chunk == 0)
        return;
    if (!is_running && offsets->minor < 14 && slots + used * 8 < end)
        range_list_add(&tops->memory->dead, slots + used * 8, end);
    uint64_t *known = hash_map_put(&tops->ends, chunk, NULL);
    if (end > *known)
        *known = end;
}

/* The chunks before a thread's last one say themselves how far they are filled. */
static void leave_out_stacks_of_python(struct used_memory *memory)
{
    struct stack_tops tops = {.memory = memory};
    const struct hash_map_entry *entry;
    size_t position = 0;
    if (memory->objects->python->offsets.minor < 11)
        return;
    cpython_frames_visit(memory->objects->python, note_top, &tops);
    while ((entry = hash_map_next(&tops.ends, &position)) != NULL) {
        uint64_t head[3];
        if (read_stack_chunk(memory, entry->key, head) && entry->value < entry->key + head[1])
            range_list_add(&memory->dead, entry->value + NEXT_FRAME_BYTES, entry->key + head[1]);
    }
    hash_map_clear(&tops.ends);
}

/* ---- the interpreter's own memory ---- */

/* States of interpreters are variables, or blocks of malloc's. */
static void list_interpreter(struct used_memory *memory)
{
    const struct cpython *python = memory->objects->python;
    for (size_t i = 0; i < python->data_count; i++)
        range_list_add(&memory->interpreter, python->data[i].start, python->data[i].end);
    for (size_t i = 0; i < python->interpreter_count; i++) {
        uint64_t state = python->interpreters[i];
        uint64_t bytes = cpython_field(python, state - CHUNK_OVERLAP_BYTES, 0) & ~UINT64_C(7);
        if (bytes < STATE_BYTES_MOST)
            range_list_add(&memory->interpreter, state, state + bytes);
    }
    range_list_sort(&memory->interpreter);
}

bool used_memory_is_interpreter(const struct used_memory *memory, uint64_t address)
{
    return range_list_overlap(&memory->interpreter, address, address + 1) != NULL;
}

/* The type of the list or dictionary, in use or free, that stands in an arena at this address. */
static uint32_t listed_type(const struct cpython_objects *objects, uint64_t address)
{
    struct obmalloc_block block;
    if (!cpython_is_pointer(address) || !obmalloc_is_arena(objects->arenas, address) ||
        !obmalloc_find(objects->arenas, address, &block) ||
        (cpython_objects_kind(objects, block.position) != CPYTHON_BLOCK_OBJECT &&
         cpython_objects_kind(objects, block.position) != CPYTHON_BLOCK_FREE))
        return CPYTHON_NO_TYPE;
    uint32_t type = objects->values[block.position];
    enum cpython_shape shape = objects->types.items[type].shape;
    return shape == CPYTHON_SHAPE_LIST || shape == CPYTHON_SHAPE_DICT ? type : CPYTHON_NO_TYPE;
}

bool used_memory_is_of_free_list(const struct used_memory *memory, uint64_t address,
                                 const uint64_t *words, size_t count, size_t position)
{
    const struct cpython_objects *objects = memory->objects;
    if (!used_memory_is_interpreter(memory, address + position * 8))
        return false;
    uint32_t type = listed_type(objects, words[position]);
    size_t first = position, end = position + 1;
    if (type == CPYTHON_NO_TYPE)
        return false;
    while (first > 0 && position - first < FREE_LIST_LEAST &&
           listed_type(objects, words[first - 1]) == type)
        first--;
    while (end < count && end - first < FREE_LIST_LEAST && listed_type(objects, words[end]) == type)
        end++;
    return end - first >= FREE_LIST_LEAST;
}

/* ---- stacks of threads ---- */

static struct address_range find_stack(const struct used_memory *memory,
                                       const struct thread_stack *stacks, size_t count, uint64_t sp)
{
    for (size_t i = 0; i < count; i++)
        if (sp >= stacks[i].range.start && sp < stacks[i].range.end)
            return stacks[i].range;
    const struct target_mapping *mapping = mapping_search(memory->process->mappings, sp);
    return mapping == NULL || strcmp(mapping->path, "[stack]") != 0
               ? (struct address_range){0, 0}
               : (struct address_range){mapping->start, mapping->end};
}

static void plan_stacks(struct used_memory *memory)
{
    size_t count;
    struct thread_stack *stacks = thread_stacks_list(memory->process->mappings, memory->modules,
                                                     memory->words, NULL, &count);
    for (size_t i = 0; i < memory->process->thread_count; i++) {
        const struct stopped_thread *thread = &memory->process->threads[i];
        uint64_t sp = thread->sp;
        struct address_range stack = find_stack(memory, stacks, count, sp);
        if (sp == 0 || stack.end == 0)
            continue;
        if (thread->is_seep_code)
            sp = sp - stack.start > HOOK_BYTES ? sp - HOOK_BYTES : stack.start;
        range_list_add(&memory->dead, stack.start, sp);
        range_list_add(&memory->stacks, sp, stack.end);
    }
    for (size_t i = 0; i < count; i++)
        if (stacks[i].is_kept)
            range_list_add(&memory->dead, stacks[i].range.start, stacks[i].range.end);
    free(stacks);
    range_list_sort(&memory->stacks);
}

/* ---- reading ---- */

struct reading {
    struct used_memory *memory;
    used_memory_found found;
    void *context;
    uint64_t *words;
    bool is_done;
    uint64_t run_start, run_end; /* of chunks in use */
};

static bool is_over(struct reading *reading)
{
    const struct clock *clock = &reading->memory->process->clock;
    if (reading->memory->deadline_ns != 0 && clock->now_ns != NULL &&
        clock->now_ns(clock->context) > reading->memory->deadline_ns)
        reading->memory->is_late = true;
    return reading->is_done || reading->memory->is_late;
}

static void read_touched(struct reading *reading, uint64_t start, uint64_t end)
{
    const struct target_memory *memory = reading->memory->process->memory;
    while (start < end && !is_over(reading)) {
        size_t count = end - start < PIECE_BYTES ? (size_t)(end - start) : PIECE_BYTES;
        size_t got = memory->read(memory->context, start, reading->words, count);
        if (got < count) {
            reading->memory->is_unreadable = true;
            return;
        }
        reading->is_done = !reading->found(reading->context, start, reading->words, count / 8);
        start += count;
    }
}

/* Whole words of what is not dead, as far as anybody ever touched it. */
static void read_range(struct reading *reading, uint64_t start, uint64_t end)
{
    const struct target_memory *memory = reading->memory->process->memory;
    struct address_range gap;
    start = (start + 7) & ~UINT64_C(7);
    end &= ~UINT64_C(7);
    while (start < end && range_list_gap(&reading->memory->dead, start, end, &gap) &&
           !is_over(reading)) {
        uint64_t from = gap.start, touched_start = from, touched_end = gap.end;
        while (from < gap.end && !is_over(reading)) {
            if (memory->find_touched != NULL &&
                !memory->find_touched(memory->context, from, gap.end, &touched_start, &touched_end))
                break;
            read_touched(reading, touched_start, touched_end);
            from = touched_end > from ? touched_end : gap.end;
        }
        start = gap.end;
    }
}

static bool is_wanted(const struct target_mapping *mapping)
{
    return mapping->flags & TARGET_MAPPING_READ && mapping->flags & TARGET_MAPPING_WRITE &&
           !(mapping->flags & TARGET_MAPPING_SHARED);
}

/* Of a mapping what is neither a stack nor a heap. */
static void read_mapping(struct reading *reading, const struct target_mapping *mapping)
{
    struct address_range gap, inner;
    for (uint64_t at = mapping->start;
         range_list_gap(&reading->memory->stacks, at, mapping->end, &gap); at = gap.end)
        for (uint64_t from = gap.start;
             range_list_gap(&reading->memory->heaps, from, gap.end, &inner); from = inner.end)
            read_range(reading, inner.start, inner.end);
}

static void end_run(struct reading *reading)
{
    read_range(reading, reading->run_start, reading->run_end);
    reading->run_start = reading->run_end = 0;
}

static void take_chunk(void *context, const struct glibc_chunk *chunk)
{
    struct reading *reading = context;
    if (chunk->state != GLIBC_CHUNK_USED)
        return;
    if (reading->run_end != chunk->address + CHUNK_OVERLAP_BYTES) {
        end_run(reading);
        reading->run_start = chunk->address + CHUNK_HEAD_BYTES;
    }
    reading->run_end = chunk->address + chunk->bytes + CHUNK_OVERLAP_BYTES;
}

static void find_heap(struct used_memory *memory)
{
    struct glibc_heap *heap = &memory->heap;
    const struct snapshot *native = memory->process->native;
    const struct glibc_heap_input input = {
        .memory = memory->process->memory,
        .mappings = memory->process->mappings,
        .modules = memory->modules,
        .words = memory->words,
        .blocks = native != NULL ? native->blocks : NULL,
        .block_count = native != NULL ? native->block_count : 0,
    };
    if (memory->has_heap)
        return;
    memory->has_heap = true;
    glibc_heap_read(heap, &input);
    for (size_t i = 0; heap->is_found && i < heap->region_count; i++)
        range_list_add(&memory->heaps, heap->regions[i].start, heap->regions[i].end);
    range_list_sort(&memory->heaps);
}

/* ---- all of it ---- */

void used_memory_plan(struct used_memory *memory)
{
    const struct obmalloc *arenas = memory->objects->arenas;
    for (size_t i = 0; i < arenas->arena_count; i++)
        range_list_add(&memory->dead, arenas->arenas[i].address,
                       arenas->arenas[i].address + arenas->arena_bytes);
    list_interpreter(memory);
    leave_out_containers(memory);
    leave_out_stacks_of_python(memory);
    plan_stacks(memory);
    range_list_sort(&memory->dead);
}

void used_memory_clear(struct used_memory *memory)
{
    range_list_clear(&memory->stacks);
    range_list_clear(&memory->heaps);
    range_list_clear(&memory->interpreter);
    range_list_clear(&memory->dead);
    glibc_heap_clear(&memory->heap);
}

void used_memory_begin(struct used_memory *memory, uint64_t patience_ns)
{
    const struct clock *clock = &memory->process->clock;
    memory->is_late = memory->is_unreadable = false;
    memory->deadline_ns = clock->now_ns != NULL ? clock->now_ns(clock->context) + patience_ns : 0;
}

void used_memory_visit_stacks(struct used_memory *memory, used_memory_found found, void *context)
{
    struct reading reading = {.memory = memory, .found = found, .context = context};
    reading.words = memory_allocate(PIECE_BYTES);
    for (size_t i = 0; i < memory->process->thread_count; i++) {
        const struct stopped_thread *thread = &memory->process->threads[i];
        size_t count = thread->vector_registers != NULL ? thread->vector_register_bytes / 8 : 0;
        found(context, 0, thread->registers, thread->register_count);
        if (count > PIECE_BYTES / 8)
            count = PIECE_BYTES / 8;
        if (count > 0)
            memcpy(reading.words, thread->vector_registers, count * 8);
        found(context, 0, reading.words, count);
    }
    for (size_t i = 0; i < memory->stacks.count; i++)
        read_range(&reading, memory->stacks.items[i].start, memory->stacks.items[i].end);
    free(reading.words);
}

void used_memory_visit_rest(struct used_memory *memory, used_memory_found found, void *context)
{
    const struct target_mappings *mappings = memory->process->mappings;
    struct reading reading = {.memory = memory, .found = found, .context = context};
    const struct glibc_heap *heap = &memory->heap;
    reading.words = memory_allocate(PIECE_BYTES);
    find_heap(memory);
    for (size_t i = 0; i < mappings->count; i++)
        if (is_wanted(&mappings->items[i]) && mappings->items[i].path[0] != '\0')
            read_mapping(&reading, &mappings->items[i]);
    for (size_t i = 0; heap->is_found && i < heap->region_count && !is_over(&reading); i++) {
        if (!glibc_heap_visit(heap, &heap->regions[i], memory->process->memory, take_chunk,
                              &reading))
            memory->is_unreadable = true;
        end_run(&reading);
    }
    for (size_t i = 0; i < mappings->count; i++)
        if (is_wanted(&mappings->items[i]) && mappings->items[i].path[0] == '\0')
            read_mapping(&reading, &mappings->items[i]);
    free(reading.words);
}
