/* What all of a process's memory is used for, at one instant: a category for every byte of its
 * address space, how much of that was in memory, what an allocator would give back if it were asked
 * to, and which blocks keep it from doing so by itself. Measured by memory_measure.h, kept in the
 * recording.
 *
 * The resident bytes of all categories together are what the kernel says of the process. */
#ifndef SEEP_SNAPSHOT_MEMORY_USE_H
#define SEEP_SNAPSHOT_MEMORY_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/snapshot_store.h"

#define MEMORY_NOT_KNOWN UINT64_MAX

/* The numbers stand in recordings. */
enum memory_category {
    MEMORY_HEAP_LIVE = 0,     /* blocks of malloc's, as they were asked for */
    MEMORY_HEAP_FREE = 1,     /* what malloc keeps to be used again */
    MEMORY_HEAP_OVERHEAD = 2, /* heads of blocks, what rounding costs, malloc's own tables */
    MEMORY_PYTHON_ARENAS = 3,
    MEMORY_GC_NURSERY = 4,
    MEMORY_GC_OLD = 5,
    MEMORY_JIT = 6, /* code that the program made */
    MEMORY_STACKS = 7,
    MEMORY_FILES = 8,     /* modules with their variables, and files that are mapped */
    MEMORY_ANONYMOUS = 9, /* mapped by the program, or by what is not known */
    MEMORY_SHARED = 10,   /* with other processes, and no file */
    MEMORY_OTHER = 11,    /* seep's own, the kernel's pages, reserved addresses */
    MEMORY_CATEGORY_COUNT
};

/* "heap_live", ...: the words of the JSON. */
const char *memory_category_name(enum memory_category category);

/* Figures that are one number each; MEMORY_NOT_KNOWN where they were not measured. Bytes of free
 * memory are resident ones. Stored in this order: add at the end. */
#define MEMORY_FIGURES(FIGURE)                                                                     \
    FIGURE(virtual_bytes)                                                                          \
    FIGURE(resident_bytes)                                                                         \
    FIGURE(swapped_bytes)                                                                          \
    FIGURE(trimmable_bytes)      /* what malloc_trim(0) would give back */                         \
    FIGURE(trimmable_top_bytes)  /* of that, behind the last block of the break */                 \
    FIGURE(main_free_bytes)      /* in the break's memory */                                       \
    FIGURE(main_top_bytes)       /* of that, behind the last block */                              \
    FIGURE(arenas)               /* of threads, without the main one */                            \
    FIGURE(arena_free_bytes)     /* in arenas of threads */                                        \
    FIGURE(arena_reserved_bytes) /* virtual: what these may grow into */                           \
    FIGURE(cached_bytes)         /* of all, in caches of threads and lists of small chunks */      \
    FIGURE(live_blocks)          /* that the recording knows */                                    \
    FIGURE(unrecorded_blocks)    /* in use, and not known: libc's own, or nobody recorded */       \
    FIGURE(unrecorded_bytes)                                                                       \
    FIGURE(stack_count)                                                                            \
    FIGURE(reserved_bytes) /* virtual: addresses without access rights */

struct memory_figures {
#define MEMORY_MEMBER(name) uint64_t name;
    MEMORY_FIGURES(MEMORY_MEMBER)
#undef MEMORY_MEMBER
};

struct memory_amount {
    uint64_t virtual_bytes, resident_bytes;
};

/* A part of a category that has a name: a library, the stacks of threads, ... */
struct memory_part {
    enum memory_category category;
    char *name; /* owned */
    uint64_t count;
    struct memory_amount amount;
};

#define MEMORY_SITE_UNKNOWN UINT64_MAX

/* A block near the end of a heap: memory behind it goes back by itself, memory before it does not.
 * In the order from the end of the heap on. */
struct memory_pin {
    uint64_t arena; /* 0 = the main one: the break's */
    uint64_t address, bytes;
    uint64_t site;       /* as in RECORDING_site; MEMORY_SITE_UNKNOWN: nobody recorded it */
    uint64_t is_cached;  /* it is free, and in the cache of a thread */
    uint64_t free_bytes; /* resident, between it and the block before it */
};

/* Blocks of one site, and the free memory that lies before them, up to the block before. */
struct memory_holder {
    uint64_t site;
    uint64_t blocks, bytes, free_bytes;
};

enum {
    MEMORY_PINS_MAX = 4,    /* of a heap */
    MEMORY_HOLDERS_MAX = 10 /* by free bytes */
};

/* A zeroed struct is an empty one: nobody looked. */
struct memory_use {
    bool is_measured; /* else `note` says why not */
    char note[256];   /* what is missing, or "" */
    struct memory_figures figures;
    struct memory_amount categories[MEMORY_CATEGORY_COUNT];
    struct memory_part *parts; /* by category, then by resident and virtual bytes */
    size_t part_count, part_capacity;
    struct memory_pin *pins;
    size_t pin_count, pin_capacity;
    struct memory_holder *holders;
    size_t holder_count, holder_capacity;
};

/* Empty, and all figures not known. */
void memory_use_init(struct memory_use *use);
void memory_use_clear(struct memory_use *use);

/* Copies the name. */
void memory_use_add_part(struct memory_use *use, const struct memory_part *part);
void memory_use_add_pin(struct memory_use *use, const struct memory_pin *pin);
void memory_use_add_holder(struct memory_use *use, const struct memory_holder *holder);

/* Its record, of the snapshot with this number; nothing when nobody looked. */
void memory_use_write(const struct memory_use *use, uint64_t snapshot_id, snapshot_add_record add,
                      void *context);
/* Reads it; `use` is initialised. *is_found: there is one. */
bool memory_use_read(struct recording_reader *reader, uint64_t snapshot_id, struct memory_use *use,
                     bool *is_found, struct error *error);

#endif
