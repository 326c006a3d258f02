/* All words outside of the arenas are looked at for the addresses of what nobody is known to hold.
 * What they are part of says who holds it. A word in what another object keeps apart from itself,
 * or in another object, is that object's, and known by its edges: these places are left out once
 * all are found, since only few words need to be asked about. */
#include "runtimes/cpython/holders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "runtimes/cpython/watched.h"
#include "snapshot/mapping_search.h"
#include "snapshot/thread_locals.h"

enum {
    PLACES_MOST = 1 << 20,
    CHUNK_HEAD = 8, /* before a block of glibc's: its bytes, and flags in the lowest bits */
    CHUNK_FLAGS = 7,
    CHUNK_LEAST = 32,
    CHUNK_UNIT = 16
};

#define CHUNK_MOST (UINT64_C(1) << 40)

struct search {
    struct cpython_holders *holders;
    struct used_memory *memory;
    struct cpython_watched watched;
    struct thread_locals locals;
    struct cpython_holder *places;
    size_t count, capacity;
    bool is_of_stacks;
    uint8_t *is_owned; /* by place: it is part of an object, or of its storage */
};

/* ---- whose memory is it? ---- */

static const struct target_module *find_module(const struct used_memory *memory, uint64_t address)
{
    for (size_t i = 0; i < memory->modules->count; i++) {
        const struct target_module *module = &memory->modules->items[i];
        for (size_t j = 0; j < module->writable_count; j++)
            if (address >= module->writable[j].start && address < module->writable[j].end)
                return module;
    }
    return NULL;
}

/* The thread whose stack pointer is the last one before the address. */
static const struct stopped_thread *find_thread(const struct used_memory *memory, uint64_t address)
{
    const struct stopped_thread *found = NULL;
    for (size_t i = 0; i < memory->process->thread_count; i++) {
        const struct stopped_thread *thread = &memory->process->threads[i];
        if (thread->sp <= address && thread->sp != 0 && (found == NULL || thread->sp > found->sp))
            found = thread;
    }
    return found;
}

static bool is_heap(const struct used_memory *memory, uint64_t address)
{
    const struct target_mapping *mapping = mapping_search(memory->process->mappings, address);
    return range_list_overlap(&memory->heaps, address, address + 1) != NULL ||
           (mapping != NULL && strcmp(mapping->path, "[heap]") == 0);
}

static uint32_t native_block(const struct used_memory *memory, uint64_t address)
{
    const struct snapshot *native = memory->process->native;
    return native == NULL ? SNAPSHOT_NONE : snapshot_find_block(native, address);
}

/* The interpreter's own ones count as what it keeps elsewhere. */
static struct cpython_holder place_of_local(const struct used_memory *memory, uint64_t address,
                                            const struct thread_local_block *block)
{
    const struct target_module *module = &memory->modules->items[block->module];
    bool is_interpreter = module->writable_count > 0 &&
                          used_memory_is_interpreter(memory, module->writable[0].start);
    return (struct cpython_holder){.kind = is_interpreter ? CPYTHON_HELD_BY_INTERPRETER
                                                          : CPYTHON_HELD_BY_LOCAL,
                                   .address = address,
                                   .offset = address - block->range.start,
                                   .module = module};
}

static struct cpython_holder place_at(const struct search *search, uint64_t address)
{
    const struct used_memory *memory = search->memory;
    const struct thread_local_block *local = thread_locals_find(&search->locals, address);
    if (local != NULL)
        return place_of_local(memory, address, local);
    struct cpython_holder place = {.address = address, .kind = CPYTHON_HELD_BY_MEMORY};
    place.module = find_module(memory, address);
    if (search->is_of_stacks) {
        place.kind = CPYTHON_HELD_BY_STACK;
        place.module = NULL;
        place.thread = find_thread(memory, address);
    } else if (used_memory_is_interpreter(memory, address)) {
        place.kind = CPYTHON_HELD_BY_INTERPRETER;
    } else if (place.module != NULL) {
        place.kind = CPYTHON_HELD_BY_VARIABLE;
    } else if (native_block(memory, address) != SNAPSHOT_NONE || is_heap(memory, address)) {
        place.kind = CPYTHON_HELD_BY_BLOCK;
    }
    return place;
}

/* ---- looking ---- */

static bool add_place(struct search *search, const struct cpython_holder *place)
{
    if (search->count == PLACES_MOST)
        return false;
    search->places = memory_grow(search->places, &search->capacity, search->count + 1,
                                 sizeof *search->places);
    search->places[search->count++] = *place;
    return true;
}

static bool note(void *context, uint64_t address, const uint64_t *words, size_t count)
{
    struct search *search = context;
    for (size_t i = 0; i < count && address != 0; i++) {
        const uint64_t *object = cpython_watched_find(&search->watched, words[i]);
        if (object == NULL || used_memory_is_of_free_list(search->memory, address, words, count, i))
            continue;
        struct cpython_holder place = place_at(search, address + i * 8);
        if (place.module != NULL && place.module->is_own)
            continue; /* what we remember ourselves holds nothing */
        place.object = (uint32_t)*object;
        if (!add_place(search, &place))
            return false;
    }
    return true;
}

static void note_registers(struct search *search)
{
    const struct python_runtimes_input *process = search->memory->process;
    for (size_t i = 0; i < process->thread_count; i++)
        for (uint32_t j = 0; j < process->threads[i].register_count; j++) {
            const uint64_t *object = cpython_watched_find(&search->watched,
                                                          process->threads[i].registers[j]);
            if (object == NULL)
                continue;
            const struct cpython_holder place = {.object = (uint32_t)*object,
                                                 .kind = CPYTHON_HELD_BY_REGISTER,
                                                 .address = j,
                                                 .thread = &process->threads[i]};
            if (!add_place(search, &place))
                return;
        }
}

/* ---- what other objects hold ---- */

static int compare_places(const void *left, const void *right)
{
    const struct cpython_holder *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return a->object < b->object ? -1 : a->object > b->object;
}

/* Blocks and other memory, each by address. */
static void own(struct search *search, uint64_t start, uint64_t end)
{
    static const enum cpython_holder_kind kinds[] = {CPYTHON_HELD_BY_BLOCK, CPYTHON_HELD_BY_MEMORY};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct cpython_holder wanted = {.kind = kinds[i], .address = start};
        size_t low = 0, high = search->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (compare_places(&search->places[middle], &wanted) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < search->count && search->places[low].kind == kinds[i] &&
               search->places[low].address < end;
             low++)
            search->is_owned[low] = 1;
    }
}

/* Of a block of glibc's that begins there: what follows it must say that it is in use. 0: none
 * does. */
static uint64_t block_bytes(const struct used_memory *memory, uint64_t address)
{
    const struct cpython *python = memory->objects->python;
    uint64_t chunk = cpython_field(python, address - CHUNK_HEAD, 0) & ~(uint64_t)CHUNK_FLAGS;
    if (!is_heap(memory, address) || address % CHUNK_UNIT != 0 || chunk < CHUNK_LEAST ||
        chunk % CHUNK_UNIT != 0 || chunk > CHUNK_MOST ||
        !(cpython_field(python, address - CHUNK_HEAD + chunk, 0) & 1))
        return 0;
    return chunk - CHUNK_HEAD;
}

/* What is as long as its block is. */
static void own_storage(void *context, uint64_t address, uint64_t bytes)
{
    struct search *search = context;
    if (!cpython_is_pointer(address & ~(uint64_t)7) ||
        obmalloc_is_arena(search->memory->objects->arenas, address))
        return;
    uint32_t block = native_block(search->memory, address);
    if (block != SNAPSHOT_NONE) {
        const struct snapshot_block *known = &search->memory->process->native->blocks[block];
        own(search, known->address, known->address + known->bytes);
    } else if (bytes != 0) {
        own(search, address, address + bytes);
    } else {
        own(search, address, address + block_bytes(search->memory, address));
    }
}

static void own_object(struct search *search, uint32_t object)
{
    struct cpython_objects *objects = search->memory->objects;
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    /* Of others it is not known what they have there. */
    if (type->is_leaf || type->is_whole || type->shape == CPYTHON_SHAPE_FIELDS ||
        type->shape == CPYTHON_SHAPE_TYPE)
        return;
    cpython_edges_visit_storage(objects->python, type, cpython_objects_address(objects, object),
                                own_storage, search);
}

static void leave_out_owned(struct search *search)
{
    struct cpython_objects *objects = search->memory->objects;
    uint32_t count = cpython_objects_count(objects);
    for (uint32_t i = 0; i < count; i++)
        if (cpython_objects_is_object(objects, i))
            own_object(search, i);
    for (uint32_t i = objects->block_count; i < count; i++) {
        const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, i)];
        uint64_t start = cpython_objects_address(objects, i) - type->prefix_bytes;
        if (!cpython_objects_is_static(objects, i))
            own(search, start, start + cpython_objects_bytes(objects, i));
    }
}

/* ---- all of it ---- */

static void keep(struct search *search)
{
    struct cpython_holders *holders = search->holders;
    for (size_t i = 0; i < search->count; i++) {
        bool is_new;
        if (search->is_owned[i])
            continue;
        uint64_t *position = hash_map_put(&holders->index, search->places[i].object, &is_new);
        if (!is_new)
            continue;
        *position = holders->count;
        holders->items = memory_grow(holders->items, &holders->capacity, holders->count + 1,
                                     sizeof *holders->items);
        holders->items[holders->count++] = search->places[i];
    }
}

void cpython_holders_find(struct cpython_holders *holders, const uint8_t *is_wanted,
                          struct used_memory *memory)
{
    struct cpython_objects *objects = memory->objects;
    struct search search = {.holders = holders, .memory = memory};
    uint32_t count = cpython_objects_count(objects);
    *holders = (struct cpython_holders){0};
    cpython_watched_init(&search.watched, objects->python);
    for (uint32_t i = 0; i < count; i++)
        if (is_wanted[i])
            cpython_watched_add(&search.watched, cpython_objects_address(objects, i), i);
    if (search.watched.index.count > 0) {
        thread_locals_list(memory->modules, memory->words, &search.locals);
        search.is_of_stacks = true;
        used_memory_visit_stacks(memory, note, &search);
        search.is_of_stacks = false;
        note_registers(&search);
        used_memory_visit_rest(memory, note, &search);
    }
    if (search.count > 0) {
        qsort(search.places, search.count, sizeof *search.places, compare_places);
        search.is_owned = memory_allocate_zeroed(search.count, 1);
        leave_out_owned(&search);
        keep(&search);
    }
    free(search.places);
    free(search.is_owned);
    thread_locals_clear(&search.locals);
    cpython_watched_clear(&search.watched);
}

void cpython_holders_clear(struct cpython_holders *holders)
{
    free(holders->items);
    hash_map_clear(&holders->index);
    *holders = (struct cpython_holders){0};
}

const struct cpython_holder *cpython_holders_of(const struct cpython_holders *holders,
                                                uint32_t object)
{
    const uint64_t *position = hash_map_find(&holders->index, object);
    return position != NULL ? &holders->items[*position] : NULL;
}

void cpython_holder_name(const struct cpython_holder *holder, char *name, size_t name_bytes)
{
    const char *thread = holder->thread != NULL ? holder->thread->name : "?";
    switch (holder->kind) {
    case CPYTHON_HELD_BY_VARIABLE:
        snprintf(name, name_bytes, "(C variable %s+0x%" PRIx64 ")",
                 text_file_name(holder->module->path), holder->address - holder->module->bias);
        break;
    case CPYTHON_HELD_BY_LOCAL:
        snprintf(name, name_bytes, "(thread-local C variable %s+0x%" PRIx64 ")",
                 text_file_name(holder->module->path), holder->offset);
        break;
    case CPYTHON_HELD_BY_BLOCK:
        snprintf(name, name_bytes, "(block of malloc's)");
        break;
    case CPYTHON_HELD_BY_STACK:
        snprintf(name, name_bytes, "(stack of thread %.32s)", thread);
        break;
    case CPYTHON_HELD_BY_REGISTER:
        snprintf(name, name_bytes, "(registers of thread %.32s)", thread);
        break;
    case CPYTHON_HELD_BY_INTERPRETER:
    case CPYTHON_HELD_BY_MEMORY:
        snprintf(name, name_bytes, "(C code)");
        break;
    }
}
