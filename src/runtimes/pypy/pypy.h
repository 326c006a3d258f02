/* A PyPy interpreter within a stopped process, as far as it was found. What is read of it may be
 * anything: every walk is bounded, and every address is asked for through a view. */
#ifndef SEEP_RUNTIMES_PYPY_PYPY_H
#define SEEP_RUNTIMES_PYPY_PYPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtimes/memory_view.h"
#include "runtimes/pypy/types.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_modules.h"

enum {
    PYPY_PAGE_BYTES = 8192 /* of arenas; PyPy has had no others */
};

/* The state of the collector: an object in the library's variables, of which only what is needed is
 * kept. Sizes are bytes. */
struct pypy_collector {
    uint64_t address; /* of its field `nursery` */
    uint64_t nursery; /* objects are born at nursery_free, up to nursery_top */
    uint64_t nursery_free, nursery_top;
    bool is_collecting; /* it makes room for an object in the nursery */
    uint64_t nursery_bytes;
    uint64_t large_bytes;    /* by its own count, of objects outside of arenas */
    uint64_t pinned_objects; /* young ones that may not be moved */
    uint64_t arenas;         /* address of its ArenaCollection */
    uint64_t arena_bytes, arena_count;
    uint64_t page_lists[4]; /* addresses of lists of pages by size / 8 */
    uint64_t size_count;    /* how many sizes */
    uint64_t used_bytes;    /* by its own count, in arenas */
};

struct pypy {
    struct memory_view *view;
    const struct target_mappings *mappings; /* borrowed */
    struct pypy_types types;
    struct pypy_collector collector;
    struct address_range data[MODULE_SEGMENTS_MAX]; /* its library's variables */
    size_t data_count;
    char version[16];           /* "7.3.11" */
    uint64_t version_text;      /* address: where that stands */
    struct address_range stack; /* of references, of the thread that runs: its words in use */
    uint64_t stack_words;       /* address: where that stands */
    uint64_t code_allocated;    /* address of the compiler's count of what it has for code; 0 */
};

enum pypy_presence {
    PYPY_ABSENT,
    PYPY_REFUSED, /* there is one, of which nothing can be said: see the reason */
    PYPY_FOUND
};

/* Finds the interpreter by what its library exports, its types, and its collector, and tries
 * whether all that agrees. */
enum pypy_presence pypy_locate(struct pypy *pypy, struct memory_view *view,
                               const struct target_mappings *mappings,
                               const struct target_modules *modules, struct word_cache *words,
                               char *reason, size_t reason_bytes);
void pypy_clear(struct pypy *pypy);

static inline bool pypy_is_pointer(uint64_t value)
{
    return value >= 4096 && (value & 7) == 0 && value < UINT64_C(1) << 47;
}

static inline bool pypy_is_static(const struct pypy *pypy, uint64_t address)
{
    for (size_t i = 0; i < pypy->data_count; i++)
        if (address >= pypy->data[i].start && address < pypy->data[i].end)
            return true;
    return false;
}

/* The word at an offset of something; 0: it cannot be read, or the offset is 0. */
static inline uint64_t pypy_field(const struct pypy *pypy, uint64_t address, uint32_t offset)
{
    return address == 0 || offset == 0 ? 0 : memory_view_word_or_0(pypy->view, address + offset);
}

/* The type of the object at an address; PYPY_NO_TYPE: none is there. */
static inline uint32_t pypy_type_at(const struct pypy *pypy, uint64_t address)
{
    return pypy_is_pointer(address)
               ? pypy_types_of(&pypy->types, memory_view_word_or_0(pypy->view, address))
               : PYPY_NO_TYPE;
}

/* What an object's field of this name refers to; 0: it has none. */
static inline uint64_t pypy_follow(const struct pypy *pypy, uint64_t object, const char *name)
{
    uint32_t type = pypy_type_at(pypy, object);
    return type == PYPY_NO_TYPE
               ? 0
               : pypy_field(pypy, object, pypy_types_field(&pypy->types, type, name, true));
}

/* The number in an object's field of this name; 0: it has none. */
static inline uint64_t pypy_number(const struct pypy *pypy, uint64_t object, const char *name)
{
    uint32_t type = pypy_type_at(pypy, object);
    return type == PYPY_NO_TYPE
               ? 0
               : pypy_field(pypy, object, pypy_types_field(&pypy->types, type, name, false));
}

/* The text of an rpy_string, cut to what fits; false, and "": that is none. */
bool pypy_string(const struct pypy *pypy, uint64_t address, char *text, size_t text_bytes);

/* Bytes of the object at an address, as the collector counts them; 0: that makes no sense. */
uint64_t pypy_object_bytes(const struct pypy *pypy, uint32_t type, uint64_t address);

#endif
