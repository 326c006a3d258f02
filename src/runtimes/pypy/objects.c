#include "runtimes/pypy/objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    PAGE_HEAD_BYTES = 32,
    PAGE_BLOCKS_MOST = (PYPY_PAGE_BYTES - PAGE_HEAD_BYTES) / 8,
    FOUND_MOST = 1 << 28,
    /* Of the marks beside the id in an object's head; younger ones have hardly any. */
    HEAD_MARKS_BITS = 16
};

/* A young object that was moved begins with this, and then its new address. */
#define MOVED ((uint64_t)-42)

static void add_object(struct pypy_objects *objects, uint64_t address, uint32_t type)
{
    objects->addresses = memory_grow(objects->addresses, &objects->address_capacity,
                                     objects->count + 1, sizeof *objects->addresses);
    objects->types = memory_grow(objects->types, &objects->type_capacity, objects->count + 1,
                                 sizeof *objects->types);
    objects->addresses[objects->count] = address;
    objects->types[objects->count++] = type;
}

static bool has_room(const struct pypy_objects *objects)
{
    return objects->count < PYPY_NO_OBJECT - PAGE_BLOCKS_MOST - 2;
}

static uint32_t type_of_head(const struct pypy *pypy, uint64_t head)
{
    return head >> (32 + HEAD_MARKS_BITS) == 0 ? pypy_types_of(&pypy->types, head) : PYPY_NO_TYPE;
}

/* ---- arenas ---- */

/* A set of the blocks of a page. */
struct block_set {
    uint64_t words[(PAGE_BLOCKS_MOST + 64) / 64];
};

static bool put_block(struct block_set *set, size_t block)
{
    uint64_t bit = UINT64_C(1) << (block & 63);
    bool is_new = !(set->words[block >> 6] & bit);
    set->words[block >> 6] |= bit;
    return is_new;
}

static bool has_block(const struct block_set *set, size_t block)
{
    return set->words[block >> 6] >> (block & 63) & 1;
}

/* The chain of free blocks ends where the page was never used, or at its end: *used_count is how
 * many blocks are before that. False: it makes no sense. */
static bool find_free(const uint8_t *page, const struct pypy_page *about, uint64_t free_count,
                      uint64_t first_free, struct block_set *free_blocks, size_t *used_count)
{
    size_t most = (PYPY_PAGE_BYTES - PAGE_HEAD_BYTES) / about->block_bytes;
    uint64_t at = first_free;
    *free_blocks = (struct block_set){{0}};
    for (uint64_t i = 0;; i++) {
        uint64_t offset = at - about->address - PAGE_HEAD_BYTES;
        if (at < about->address + PAGE_HEAD_BYTES || offset % about->block_bytes != 0 ||
            offset / about->block_bytes > most)
            return false;
        *used_count = offset / about->block_bytes;
        if (i == free_count)
            return true;
        if (*used_count == most || !put_block(free_blocks, *used_count))
            return false;
        memcpy(&at, page + PAGE_HEAD_BYTES + offset, sizeof at);
    }
}

static void take_block(struct pypy_objects *objects, struct pypy_page *page, const uint8_t *bytes,
                       size_t block)
{
    size_t offset = PAGE_HEAD_BYTES + block * page->block_bytes;
    uint64_t head;
    memcpy(&head, bytes + offset, sizeof head);
    uint32_t type = type_of_head(objects->pypy, head);
    uint64_t own = type == PYPY_NO_TYPE
                       ? 0
                       : pypy_object_bytes(objects->pypy, type, page->address + offset);
    objects->used_bytes += page->block_bytes;
    if (own == 0 || own > page->block_bytes) {
        objects->unknown_blocks++;
        objects->unknown_bytes += page->block_bytes;
        return;
    }
    add_object(objects, page->address + offset, type);
    page->count++;
}

static void take_page(struct pypy_objects *objects, uint64_t address, uint32_t block_bytes)
{
    uint64_t head[PAGE_HEAD_BYTES / 8];
    uint8_t bytes[PYPY_PAGE_BYTES];
    struct block_set free_blocks;
    size_t used_count;
    struct pypy_page page = {address, (uint32_t)objects->count, 0, 0, block_bytes};
    if (!memory_view_read(objects->pypy->view, address, bytes, sizeof bytes)) {
        objects->torn_pages++;
        return;
    }
    memcpy(head, bytes, sizeof head);
    page.arena = head[1];
    if (!find_free(bytes, &page, head[2], head[3], &free_blocks, &used_count)) {
        objects->torn_pages++;
        return;
    }
    for (size_t block = 0; block < used_count; block++)
        if (!has_block(&free_blocks, block))
            take_block(objects, &page, bytes, block);
        else
            objects->free_bytes += block_bytes;
    objects->free_bytes += PYPY_PAGE_BYTES - PAGE_HEAD_BYTES - used_count * (size_t)block_bytes;
    objects->pages = memory_grow(objects->pages, &objects->page_capacity, objects->page_count + 1,
                                 sizeof *objects->pages);
    objects->pages[objects->page_count++] = page;
    *hash_map_put(&objects->page_index, address / PYPY_PAGE_BYTES, NULL) = objects->page_count;
}

/* The pages of a list; whatever refers to itself ends. */
static void take_pages(struct pypy_objects *objects, uint64_t page, uint32_t block_bytes)
{
    while (page != 0 && page % PYPY_PAGE_BYTES == 0 && has_room(objects) &&
           hash_map_find(&objects->page_index, page / PYPY_PAGE_BYTES) == NULL) {
        size_t before = objects->page_count;
        take_page(objects, page, block_bytes);
        if (objects->page_count == before)
            *hash_map_put(&objects->page_index, page / PYPY_PAGE_BYTES, NULL) = 0;
        page = memory_view_word_or_0(objects->pypy->view, page);
    }
}

static void take_arenas(struct pypy_objects *objects)
{
    const struct pypy_collector *collector = &objects->pypy->collector;
    for (size_t list = 0; list < sizeof collector->page_lists / sizeof *collector->page_lists;
         list++)
        for (uint32_t size = 1; size < collector->size_count; size++)
            take_pages(objects,
                       memory_view_word_or_0(objects->pypy->view,
                                             collector->page_lists[list] + 8 * (uint64_t)size),
                       8 * size);
}

/* ---- large ones ---- */

bool pypy_list_visit(const struct pypy *pypy, int64_t offset, pypy_visit_address visit,
                     void *context)
{
    enum {
        CHUNK = 8,
        USED = 16, /* of the first chunk; all others are full */
        CHUNK_ITEMS = 1019,
        CHUNKS_MOST = 1 << 16
    };
    struct memory_view *view = pypy->view;
    uint64_t list = memory_view_word_or_0(view, pypy->collector.address + (uint64_t)offset);
    uint64_t chunk = memory_view_word_or_0(view, list + CHUNK);
    uint64_t used = memory_view_word_or_0(view, list + USED);
    if (!pypy_is_pointer(list) || used > CHUNK_ITEMS)
        return false;
    for (size_t chunks = 0; chunk != 0; chunks++) {
        if (!pypy_is_pointer(chunk) || chunks == CHUNKS_MOST)
            return false;
        for (uint64_t i = 0; i < used; i++)
            visit(context, memory_view_word_or_0(view, chunk + 8 + 8 * i));
        chunk = memory_view_word_or_0(view, chunk);
        used = CHUNK_ITEMS;
    }
    return true;
}

static void take_large(void *context, uint64_t address)
{
    struct pypy_objects *objects = context;
    uint32_t type = pypy_type_at(objects->pypy, address);
    uint64_t bytes = type == PYPY_NO_TYPE ? 0 : pypy_object_bytes(objects->pypy, type, address);
    if (bytes == 0 || !has_room(objects)) {
        objects->unknown_blocks++;
        return;
    }
    bool is_new;
    uint64_t *number = hash_map_put(&objects->outside, address, &is_new);
    if (!is_new)
        return;
    *number = objects->count;
    objects->large_bytes += bytes;
    add_object(objects, address, type);
}

/* Young ones that are too large for the nursery are the keys of a table: the address of its
 * entries, and how many are used; of the entries their number, then key and value of each. */
static bool take_young_large(struct pypy_objects *objects)
{
    enum {
        YOUNG_LARGE = 47 * 8,
        ENTRIES_MOST = 1 << 24
    };
    struct memory_view *view = objects->pypy->view;
    uint64_t table = memory_view_word_or_0(view, objects->pypy->collector.address + YOUNG_LARGE);
    uint64_t entries = memory_view_word_or_0(view, table), count;
    if (table == 0)
        return true;
    if (!pypy_is_pointer(table) || !memory_view_word(view, entries, &count) ||
        count > ENTRIES_MOST || memory_view_word_or_0(view, table + 8) > count)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = memory_view_word_or_0(view, entries + 8 + 16 * i);
        if (pypy_is_pointer(key) && pypy_type_at(objects->pypy, key) != PYPY_NO_TYPE)
            take_large(objects, key);
    }
    return true;
}

/* ---- those that others refer to ---- */

static bool is_young(const struct pypy *pypy, uint64_t address)
{
    return address >= pypy->collector.nursery && address < pypy->collector.nursery_free;
}

/* What refers to an object that was moved a moment ago may not have been told yet. */
static uint64_t follow_move(struct pypy_objects *objects, uint64_t address)
{
    const struct pypy *pypy = objects->pypy;
    if (!is_young(pypy, address) || memory_view_word_or_0(pypy->view, address) != MOVED)
        return address;
    objects->moved_objects++;
    return memory_view_word_or_0(pypy->view, address + 8);
}

static void take_referred(void *context, const struct pypy_edge *edge)
{
    struct pypy_objects *objects = context;
    const struct pypy *pypy = objects->pypy;
    uint64_t address = follow_move(objects, edge->target), head;
    if (!pypy_is_pointer(address) || (!is_young(pypy, address) && !pypy_is_static(pypy, address)) ||
        !has_room(objects) || objects->count - objects->found_first >= FOUND_MOST ||
        hash_map_find(&objects->outside, address) != NULL)
        return;
    uint32_t type = memory_view_word(pypy->view, address, &head) ? type_of_head(pypy, head)
                                                                 : PYPY_NO_TYPE;
    if (type == PYPY_NO_TYPE || pypy_object_bytes(pypy, type, address) == 0)
        return;
    *hash_map_put(&objects->outside, address, NULL) = objects->count;
    add_object(objects, address, type);
}

static void take_listed(void *context, uint64_t address)
{
    take_referred(context, &(struct pypy_edge){.target = address});
}

/* From all that is old, also if it is dead: that costs nothing, and what a stack or a variable
 * refers to. What is found is asked in turn. */
static void take_found(struct pypy_objects *objects)
{
    const struct pypy *pypy = objects->pypy;
    for (uint64_t at = pypy->stack.start; at < pypy->stack.end; at += 8)
        take_listed(objects, memory_view_word_or_0(pypy->view, at));
    pypy_list_visit(pypy, PYPY_LIST_STATIC_ROOTS, take_listed, objects);
    for (size_t i = 0; i < objects->count; i++)
        pypy_edges_visit(pypy, objects->types[i], objects->addresses[i], take_referred, objects);
}

/* ---- all ---- */

bool pypy_objects_read(struct pypy_objects *objects, struct pypy *pypy, char *reason,
                       size_t reason_bytes)
{
    *objects = (struct pypy_objects){.pypy = pypy};
    take_arenas(objects);
    uint64_t old = objects->count;
    if (objects->unknown_blocks > old / 20) {
        snprintf(reason, reason_bytes,
                 "%" PRIu64 " of %" PRIu64 " blocks of its arenas are no objects: their layout is "
                 "not known",
                 objects->unknown_blocks, old + objects->unknown_blocks);
        return false;
    }
    objects->large_first = (uint32_t)objects->count;
    objects->has_all_large = pypy_list_visit(pypy, PYPY_LIST_LARGE, take_large, objects) &&
                             pypy_list_visit(pypy, PYPY_LIST_LARGE_SWEPT, take_large, objects) &&
                             take_young_large(objects);
    objects->found_first = (uint32_t)objects->count;
    take_found(objects);
    if (!has_room(objects)) {
        snprintf(reason, reason_bytes, "it has too many objects");
        return false;
    }
    return true;
}

void pypy_objects_clear(struct pypy_objects *objects)
{
    free(objects->addresses);
    free(objects->types);
    free(objects->pages);
    hash_map_clear(&objects->page_index);
    hash_map_clear(&objects->outside);
    *objects = (struct pypy_objects){0};
}

static uint32_t find_between(const struct pypy_objects *objects, uint32_t first, uint32_t end,
                             uint64_t address)
{
    uint32_t last = end;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (objects->addresses[middle] < address)
            first = middle + 1;
        else
            end = middle;
    }
    return first < last && objects->addresses[first] == address ? first : PYPY_NO_OBJECT;
}

uint32_t pypy_objects_find(const struct pypy_objects *objects, uint64_t address)
{
    const struct pypy *pypy = objects->pypy;
    if (!pypy_is_pointer(address))
        return PYPY_NO_OBJECT;
    if (is_young(pypy, address) && memory_view_word_or_0(pypy->view, address) == MOVED)
        address = memory_view_word_or_0(pypy->view, address + 8);
    const uint64_t *page = hash_map_find(&objects->page_index, address / PYPY_PAGE_BYTES);
    if (page != NULL && *page != 0) {
        const struct pypy_page *in = &objects->pages[*page - 1];
        return find_between(objects, in->first, in->first + in->count, address);
    }
    const uint64_t *outside = hash_map_find(&objects->outside, address);
    return outside != NULL ? (uint32_t)*outside : PYPY_NO_OBJECT;
}

enum pypy_place pypy_objects_place(const struct pypy_objects *objects, uint32_t object)
{
    return object < objects->large_first                         ? PYPY_PLACE_ARENA
           : object < objects->found_first                       ? PYPY_PLACE_LARGE
           : is_young(objects->pypy, objects->addresses[object]) ? PYPY_PLACE_NURSERY
                                                                 : PYPY_PLACE_STATIC;
}

uint64_t pypy_objects_bytes(const struct pypy_objects *objects, uint32_t object)
{
    return pypy_object_bytes(objects->pypy, objects->types[object], objects->addresses[object]);
}
