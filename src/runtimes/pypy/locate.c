/* PyPy is found by what its library exports. Its types tell what they are themselves (types.h); its
 * collector is found among the library's variables by what must be so of it: a nursery that is
 * memory, with what is free in it, and the collection of arenas, whose sizes agree.
 *
 * Fields of the collector stand in the order of their names, so that where they are follows from
 * which there are: the offsets below are of PyPy 7.3, and hold where everything that can be checked
 * of them holds. */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/pypy/pypy.h"

enum {
    DATA_BYTES_MOST = 256 << 20,
    NURSERY_BYTES_LEAST = 4096,
    SIZES_MOST = 128,
    STACK_BYTES_MOST = 64 << 20,
    LARGEST_MOST = 64 << 20,
    ARENA_BYTES_MOST = 64 << 20,

    /* Of the collector, from its field `nursery` on. */
    COLLECTOR_ARENAS = -35 * 8,
    COLLECTOR_NONLARGE = -2 * 8, /* the largest object of the nursery */
    COLLECTOR_FREE = 2 * 8,
    COLLECTOR_NURSERY_BYTES = 4 * 8,
    COLLECTOR_TOP = 6 * 8,
    COLLECTOR_PINNED = 16 * 8,
    COLLECTOR_LARGE_BYTES = 21 * 8,

    /* Of the collection of arenas. */
    ARENAS_BYTES = 1 * 8,
    ARENAS_COUNT = 2 * 8,
    ARENAS_FULL_PAGES = 5 * 8,
    ARENAS_PAGE_HEAD = 6 * 8,
    ARENAS_OLD_FULL_PAGES = 12 * 8,
    ARENAS_OLD_PAGES = 13 * 8,
    ARENAS_PAGES = 14 * 8,
    ARENAS_PAGE_BYTES = 15 * 8,
    ARENAS_LARGEST = 19 * 8, /* object in them */
    ARENAS_TOTAL = 20 * 8,
    ARENAS_USED = 21 * 8,

    PAGE_HEAD_BYTES = 32
};

#define NURSERY_BYTES_MOST (UINT64_C(1) << 40)

static const struct target_module *find_module(const struct target_modules *modules,
                                               struct word_cache *words)
{
    struct target_symbols symbols;
    uint64_t address;
    for (size_t i = 0; i < modules->count; i++)
        if (!modules->items[i].is_own && target_symbols_open(&symbols, &modules->items[i], words) &&
            target_symbols_find(&symbols, words, "pypy_main_startup", &address))
            return &modules->items[i];
    return NULL;
}

static void copy_data(const struct pypy *pypy, struct pypy_data *data)
{
    *data = (struct pypy_data){0};
    for (size_t i = 0; i < pypy->data_count; i++) {
        uint64_t bytes = pypy->data[i].end - pypy->data[i].start;
        if (bytes > data->count && bytes <= DATA_BYTES_MOST) {
            data->count = (size_t)bytes;
            data->address = pypy->data[i].start;
        }
    }
    data->bytes = memory_allocate_large(data->count + 8, 1);
    const struct target_memory *memory = pypy->view->memory;
    size_t got = 0;
    while (got < data->count) {
        size_t part = memory->read(memory->context, data->address + got, data->bytes + got,
                                   data->count - got);
        if (part == 0) {
            /* What was never touched may be missing in an image. */
            part = 4096 - ((data->address + got) & 4095);
            part = part < data->count - got ? part : data->count - got;
            memset(data->bytes + got, 0, part);
        }
        got += part;
    }
}

static uint64_t word_of(const struct pypy_data *data, size_t offset)
{
    uint64_t word = 0;
    if (offset <= data->count && data->count - offset >= 8)
        memcpy(&word, data->bytes + offset, sizeof word);
    return word;
}

/* ---- the collector ---- */

static bool is_mapped(const struct target_mappings *mappings, uint64_t start, uint64_t end)
{
    size_t low = 0, high = mappings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mappings->items[middle].end <= start)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < mappings->count && mappings->items[low].start <= start) {
        if ((mappings->items[low].flags & (TARGET_MAPPING_READ | TARGET_MAPPING_WRITE)) !=
            (TARGET_MAPPING_READ | TARGET_MAPPING_WRITE))
            return false;
        start = mappings->items[low++].end;
        if (start >= end)
            return true;
    }
    return false;
}

static bool take_arenas(struct pypy *pypy, uint64_t address)
{
    struct pypy_collector *collector = &pypy->collector;
    struct memory_view *view = pypy->view;
    uint64_t largest = memory_view_word_or_0(view, address + ARENAS_LARGEST);
    if (!pypy_is_static(pypy, address) ||
        memory_view_word_or_0(view, address + ARENAS_PAGE_BYTES) != PYPY_PAGE_BYTES ||
        memory_view_word_or_0(view, address + ARENAS_PAGE_HEAD) != PAGE_HEAD_BYTES ||
        largest == 0 || largest % 8 != 0 || largest / 8 >= SIZES_MOST)
        return false;
    collector->arenas = address;
    collector->arena_bytes = memory_view_word_or_0(view, address + ARENAS_BYTES);
    collector->arena_count = memory_view_word_or_0(view, address + ARENAS_COUNT);
    collector->size_count = largest / 8 + 1;
    static const int lists[] = {ARENAS_FULL_PAGES, ARENAS_PAGES, ARENAS_OLD_FULL_PAGES,
                                ARENAS_OLD_PAGES};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        collector->page_lists[i] = memory_view_word_or_0(view, address + (uint64_t)lists[i]);
    collector->used_bytes = memory_view_word_or_0(view, address + ARENAS_USED);
    /* It may be within the making or freeing of one. */
    uint64_t total = memory_view_word_or_0(view, address + ARENAS_TOTAL);
    return collector->arena_bytes >= 2 * PYPY_PAGE_BYTES && collector->arena_bytes % 4096 == 0 &&
           collector->arena_bytes <= ARENA_BYTES_MOST &&
           collector->arena_count < UINT64_C(1) << 32 && total % collector->arena_bytes == 0 &&
           total / collector->arena_bytes + 1 >= collector->arena_count &&
           total / collector->arena_bytes <= collector->arena_count + 1;
}

/* What is asked for counts as taken before it is known whether it fits: while that is collected
 * for, nursery_free is beyond nursery_top, by no more than one object; and 0 while objects are
 * moved. */
static bool is_collector(const struct pypy_data *data, size_t at)
{
    uint64_t nursery = word_of(data, at), free = word_of(data, at + COLLECTOR_FREE);
    uint64_t bytes = word_of(data, at + COLLECTOR_NURSERY_BYTES);
    uint64_t top = word_of(data, at + COLLECTOR_TOP);
    uint64_t largest = word_of(data, at + (size_t)COLLECTOR_NONLARGE);
    return pypy_is_pointer(nursery) && bytes >= NURSERY_BYTES_LEAST && bytes % 8 == 0 &&
           bytes <= NURSERY_BYTES_MOST && largest <= LARGEST_MOST &&
           (free == 0 || nursery <= free) && nursery <= top &&
           top - nursery <= bytes + largest + 8 && (free <= top || free - top <= largest + 8);
}

static bool find_collector(struct pypy *pypy, const struct pypy_data *data)
{
    struct pypy_collector *collector = &pypy->collector;
    for (size_t at = -COLLECTOR_ARENAS; at + COLLECTOR_LARGE_BYTES + 8 < data->count; at += 8) {
        if (!is_collector(data, at) ||
            !take_arenas(pypy, word_of(data, at + (size_t)COLLECTOR_ARENAS)))
            continue;
        collector->address = data->address + at;
        collector->nursery = word_of(data, at);
        collector->nursery_free = word_of(data, at + COLLECTOR_FREE);
        collector->nursery_top = word_of(data, at + COLLECTOR_TOP);
        collector->is_collecting = collector->nursery_free == 0 ||
                                   collector->nursery_free > collector->nursery_top;
        if (collector->is_collecting)
            collector->nursery_free = collector->nursery_top;
        collector->nursery_bytes = word_of(data, at + COLLECTOR_NURSERY_BYTES);
        collector->large_bytes = word_of(data, at + COLLECTOR_LARGE_BYTES);
        collector->pinned_objects = word_of(data, at + COLLECTOR_PINNED);
        if (is_mapped(pypy->mappings, collector->nursery,
                      collector->nursery + collector->nursery_bytes))
            return true;
    }
    return false;
}

/* ---- versions ---- */

/* Digits and dots. */
static void take_version(const char *text, size_t most, char *version, size_t version_bytes)
{
    size_t length = 0;
    while (length < most && length + 1 < version_bytes &&
           ((text[length] >= '0' && text[length] <= '9') || text[length] == '.'))
        length++;
    memcpy(version, text, length);
    version[length] = '\0';
}

/* sys.version: "3.9.16 (7.3.11+..., date)\n[PyPy 7.3.11 with GCC 12.2.0]". */
static void find_version(struct pypy *pypy, const struct pypy_data *data)
{
    static const char mark[] = "\n[PyPy ";
    const size_t length = sizeof mark - 1;
    const uint8_t *at = data->bytes, *end = data->bytes + data->count;
    while (pypy->version[0] == '\0' &&
           (at = memmem(at, (size_t)(end - at), mark, length)) != NULL) {
        at += length;
        pypy->version_text = data->address + (uint64_t)(at - data->bytes);
        take_version((const char *)at, (size_t)(end - at), pypy->version, sizeof pypy->version);
    }
}

/* ---- the stack of references ---- */

/* Compiled code keeps its references on a stack of its own. Where it begins and ends stands some
 * words before the address of the types' group. */
static void find_stack(struct pypy *pypy, const struct pypy_data *data)
{
    enum {
        BASE = -6 * 8,
        TOP = -5 * 8
    };
    for (size_t at = -BASE; at + 8 <= data->count; at += 8) {
        uint64_t start = word_of(data, at + (size_t)BASE), end = word_of(data, at + (size_t)TOP);
        if (word_of(data, at) == pypy->types.group && pypy_is_pointer(start) && start <= end &&
            end % 8 == 0 && end - start <= STACK_BYTES_MOST &&
            is_mapped(pypy->mappings, start, end + 8)) {
            pypy->stack = (struct address_range){start, end};
            pypy->stack_words = data->address + at;
            return;
        }
    }
}

/* ---- code that was made ---- */

/* The compiler's own count of what it has for code: of the one AsmMemoryManager among the
 * variables. */
static void find_code_count(struct pypy *pypy, const struct pypy_data *data)
{
    const struct pypy_types *types = &pypy->types;
    uint32_t type = pypy_types_find_text(
        types, "rpython.jit.backend.llsupport.asmmemmgr.AsmMemoryManager ");
    if (type == PYPY_NO_TYPE)
        return;
    uint32_t offset = pypy_types_field(types, type, "inst_total_memory_allocated", false);
    uint32_t large = pypy_types_field(types, type, "inst_large_alloc_size", false);
    for (size_t at = 0; offset != 0 && large != 0 && at + offset + 8 <= data->count; at += 8) {
        uint64_t head = word_of(data, at);
        if (head == 0 || pypy_types_of(types, head) != type || head >> 48 != 0)
            continue;
        uint64_t piece = word_of(data, at + large);
        if (piece >= 4096 && piece % 4096 == 0 && word_of(data, at + offset) % 4096 == 0) {
            pypy->code_allocated = data->address + at + offset;
            return;
        }
    }
}

/* ---- all of it ---- */

static bool find_all(struct pypy *pypy, char *reason, size_t reason_bytes)
{
    struct pypy_data data;
    const char *missing;
    copy_data(pypy, &data);
    find_version(pypy, &data);
    bool is_good = pypy_types_find(&pypy->types, pypy->view, &data, &missing);
    if (!is_good)
        snprintf(reason, reason_bytes, "%s cannot be found", missing);
    else if (!find_collector(pypy, &data)) {
        is_good = false;
        snprintf(reason, reason_bytes,
                 "its collector cannot be found: it has not begun, or is laid out otherwise than "
                 "that of PyPy 7.3");
    } else {
        find_stack(pypy, &data);
        find_code_count(pypy, &data);
    }
    free(data.bytes);
    return is_good;
}

enum pypy_presence pypy_locate(struct pypy *pypy, struct memory_view *view,
                               const struct target_mappings *mappings,
                               const struct target_modules *modules, struct word_cache *words,
                               char *reason, size_t reason_bytes)
{
    const struct target_module *module = find_module(modules, words);
    *pypy = (struct pypy){.view = view, .mappings = mappings};
    if (module == NULL)
        return PYPY_ABSENT;
    memcpy(pypy->data, module->writable, sizeof pypy->data);
    pypy->data_count = module->writable_count;
    return find_all(pypy, reason, reason_bytes) ? PYPY_FOUND : PYPY_REFUSED;
}

void pypy_clear(struct pypy *pypy)
{
    pypy_types_clear(&pypy->types);
}

/* ---- small things ---- */

bool pypy_string(const struct pypy *pypy, uint64_t address, char *text, size_t text_bytes)
{
    enum {
        COUNT = 16,
        CHARS = 24
    };
    uint32_t type = pypy_type_at(pypy, address);
    text[0] = '\0';
    if (type == PYPY_NO_TYPE || strcmp(pypy->types.items[type].name, "rpy_string") != 0)
        return false;
    uint64_t count = memory_view_word_or_0(pypy->view, address + COUNT);
    size_t taken = count < text_bytes - 1 ? (size_t)count : text_bytes - 1;
    if (!memory_view_read(pypy->view, address + CHARS, text, taken))
        taken = 0;
    text[taken] = '\0';
    return taken > 0;
}

uint64_t pypy_object_bytes(const struct pypy *pypy, uint32_t type, uint64_t address)
{
    const struct pypy_type *of = &pypy->types.items[type];
    uint64_t count, bytes = of->bytes;
    if (of->flags & PYPY_TYPE_HAS_ITEMS) {
        if (!memory_view_word(pypy->view, address + of->count_offset, &count) || count > UINT64_C(1)
                                                                                             << 44)
            return 0;
        bytes += count * of->item_bytes;
    }
    return (bytes + 7) & ~UINT64_C(7);
}
