/* What a snapshot tells of the heap that a Python interpreter keeps within its process: figures and
 * tables, made while the memory was there (src/runtimes) and kept in the recording. Sizes are bytes
 * of memory that the objects occupy, not what sys.getsizeof says. */
#ifndef SEEP_SNAPSHOT_PYTHON_HEAP_H
#define SEEP_SNAPSHOT_PYTHON_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/snapshot_store.h"

#define PYTHON_NOT_KNOWN UINT64_MAX

enum {
    PYTHON_CLASSES_MAX = 64,
    PYTHON_GENERATIONS = 3
};

/* Figures that are one number each. PYTHON_NOT_KNOWN where they were not read. Stored in this
 * order: add at the end.
 *
 * An arena is what the interpreter takes from the system; it is cut into pools, and a pool into
 * blocks of one size. A pinned arena is one of which less than a hundredth is live. */
#define PYTHON_FIGURES(FIGURE)                                                                     \
    FIGURE(interpreters)                                                                           \
    FIGURE(threads)                                                                                \
    FIGURE(arenas)                                                                                 \
    FIGURE(arena_bytes)                                                                            \
    FIGURE(live_blocks)                                                                            \
    FIGURE(live_bytes)                                                                             \
    FIGURE(free_pool_bytes)   /* pools without a live block, and what was never cut into pools */  \
    FIGURE(partly_free_bytes) /* free blocks in pools that have live ones */                       \
    FIGURE(overhead_bytes)    /* heads of pools, and what is too short for a block */              \
    FIGURE(pools)             /* with live blocks */                                               \
    FIGURE(pinned_arenas)                                                                          \
    FIGURE(pinned_blocks) /* live ones in them */                                                  \
    FIGURE(pinned_live_bytes)                                                                      \
    FIGURE(pinned_bytes)       /* of these arenas, that would go back to the system */             \
    FIGURE(pinned_most_blocks) /* in one of them */                                                \
    FIGURE(torn_pools)         /* stopped while they changed: they may be off by a block */        \
    FIGURE(objects)                                                                                \
    FIGURE(object_bytes)                                                                           \
    FIGURE(storage_blocks) /* in arenas, that belong to objects and are none */                    \
    FIGURE(storage_bytes)                                                                          \
    FIGURE(unknown_blocks)                                                                         \
    FIGURE(unknown_bytes)                                                                          \
    FIGURE(static_objects) /* in the memory of modules: no heap */                                 \
    FIGURE(garbage_objects)                                                                        \
    FIGURE(garbage_bytes)                                                                          \
    FIGURE(is_collecting) /* it was stopped within a collection */                                 \
    FIGURE(read_ns)                                                                                \
    FIGURE(resident_bytes) /* of the process */                                                    \
    FIGURE(peak_resident_bytes)                                                                    \
    FIGURE(nursery_bytes) /* of PyPy, as what follows: what it asked for to make objects in */     \
    FIGURE(nursery_used_bytes) /* of it, since the last minor collection; dead or alive */         \
    FIGURE(nursery_objects)    /* that something refers to: the others in it are dead */           \
    FIGURE(large_objects)      /* each in a block of its own */                                    \
    FIGURE(large_bytes)                                                                            \
    FIGURE(code_bytes)        /* mapped for code that it made while it ran */                      \
    FIGURE(code_used_bytes)   /* of loops that are known */                                        \
    FIGURE(unreached_objects) /* old ones that nothing was found to refer to */                    \
    FIGURE(unreached_bytes)                                                                        \
    FIGURE(start_garbage_objects) /* of the garbage, what every start of an interpreter leaves */  \
    FIGURE(start_garbage_bytes)                                                                    \
    FIGURE(leaked_objects) /* with more references than anything holds */                          \
    FIGURE(leaked_bytes)                                                                           \
    FIGURE(leaked_retained_bytes) /* with what they alone keep */                                  \
    FIGURE(unjudged_objects)      /* static or immortal: what their counts say means nothing */    \
    FIGURE(import_leaked_objects) /* of CPython's own modules, since their import */               \
    FIGURE(recorded_objects)      /* blocks of arenas whose stacks were recorded */

struct python_figures {
#define PYTHON_MEMBER(name) uint64_t name;
    PYTHON_FIGURES(PYTHON_MEMBER)
#undef PYTHON_MEMBER
};

struct python_size_class {
    uint64_t bytes; /* of a block */
    uint64_t pools;
    uint64_t used_blocks;
    uint64_t free_blocks; /* in these pools, also those that were never used */
};

struct python_generation {
    uint64_t threshold;
    uint64_t count;
    uint64_t collections, collected, uncollectable;
};

/* What a table of types is about. The numbers stand in recordings. */
enum python_table {
    PYTHON_LIVE_TYPES = 0,      /* all objects of the heap */
    PYTHON_GARBAGE_TYPES = 1,   /* that only cycles keep */
    PYTHON_FREE_TYPES = 2,      /* free lists: objects that are kept to be used again */
    PYTHON_PINNING_TYPES = 3,   /* in pinned arenas */
    PYTHON_JIT_TYPES = 4,       /* of PyPy's compiler: what it keeps of the code that it made */
    PYTHON_UNREACHED_TYPES = 5, /* of PyPy's old objects that nothing was found to refer to */
    PYTHON_TABLE_COUNT
};

struct python_type_row {
    char *name; /* owned by the heap */
    uint64_t count;
    uint64_t bytes;          /* with what belongs to the objects */
    uint64_t retained_bytes; /* PYTHON_NOT_KNOWN */
};

struct python_type_table {
    struct python_type_row *rows; /* by bytes, then by name */
    size_t count, capacity;
};

/* Texts that explain. The numbers stand in recordings. */
enum python_text_kind {
    PYTHON_TEXT_CYCLE = 0, /* a cycle of the garbage: how many such, what they hold, and the way */
    PYTHON_TEXT_PATH = 1,  /* what keeps objects of a type */
    PYTHON_TEXT_PINNING = 2, /* what keeps objects in pinned arenas */
    PYTHON_TEXT_NURSERY = 3, /* why a nursery is as large as it is; its bytes */
    PYTHON_TEXT_STACK = 4,   /* of a thread, which is the subject: its functions, innermost first;
                                how many */
    PYTHON_TEXT_CODE = 5,    /* code that was made for the subject, a function: where, how many
                                loops, and bytes */
    PYTHON_TEXT_UNJUDGED = 6, /* why it is not known which references are too many */
    PYTHON_TEXT_KIND_COUNT
};

struct python_text {
    enum python_text_kind kind;
    char *subject; /* owned: the type that it is about, or "" */
    char *text;    /* owned */
    uint64_t count;
    uint64_t bytes;
};

/* Objects of one type, each with this many references that nobody holds. */
struct python_leak {
    char *type;    /* owned, as the others */
    char *example; /* what one of them is: a text, a name; or "" */
    char *path;    /* what keeps one of them besides, or "": nothing does */
    uint64_t count;
    uint64_t surplus;        /* of each */
    uint64_t alone;          /* of them, kept by that alone */
    uint64_t bytes;          /* of the objects */
    uint64_t retained_bytes; /* with what is kept by them alone */
};

/* What objects with recorded stacks are told of. The numbers stand in recordings. */
enum python_site_kind {
    PYTHON_SITE_PINNING = 0, /* in pinned arenas */
    PYTHON_SITE_LEAK = 1
};

/* Objects of one type that were allocated at one site. */
struct python_site {
    enum python_site_kind kind;
    uint64_t leak; /* of a leak: which, by position */
    char *type;    /* owned */
    uint64_t site; /* as in RECORDING_site */
    uint64_t count, bytes;
};

struct python_graph;

/* What the interpreter uses memory of its process for. */
enum python_memory_kind {
    PYTHON_MEMORY_ARENA,   /* an arena of CPython's: category python_arenas */
    PYTHON_MEMORY_NURSERY, /* of PyPy, where objects are born: gc_nursery */
    PYTHON_MEMORY_OLD,     /* of PyPy, arenas and large objects: gc_old */
    PYTHON_MEMORY_JIT      /* code that PyPy made while it ran: jit */
};

/* [start, end) in the process, as the interpreter asked the system or malloc for it: where it came
 * from malloc, it is the contents of a block (or all but its head), so that what malloc keeps
 * around it is not in it. */
struct python_memory {
    uint64_t start, end;
    enum python_memory_kind kind;
};

/* A zeroed struct is an empty one: there was no Python, or nobody looked. */
struct python_heap {
    bool is_present;
    bool is_read;            /* else `refusal` says why not, and no figure is known */
    char implementation[16]; /* "CPython", "PyPy" */
    char version[32];        /* "3.11.2" */
    char refusal[256];
    char note[256]; /* what is missing, or "" */
    struct python_figures figures;
    struct python_size_class classes[PYTHON_CLASSES_MAX]; /* with pools, by size */
    size_t class_count;
    struct python_generation generations[PYTHON_GENERATIONS];
    size_t generation_count;
    struct python_type_table tables[PYTHON_TABLE_COUNT];
    struct python_text *texts;
    size_t text_count, text_capacity;
    struct python_leak *leaks; /* the most retaining first */
    size_t leak_count, leak_capacity;
    struct python_site *sites; /* of each kind and leak, the most bytes first */
    size_t site_count, site_capacity;
    struct python_graph *graph; /* what objects refer to; owned; NULL = not known, or read */
    /* By address, disjoint; for those who look at the process beside it, and in no recording. */
    struct python_memory *memory;
    size_t memory_count, memory_capacity;
};

/* Empty, and all figures not known. */
void python_heap_init(struct python_heap *heap);
void python_heap_clear(struct python_heap *heap);

/* Copies the texts. */
void python_heap_add_type(struct python_heap *heap, enum python_table table,
                          const struct python_type_row *row);
void python_heap_add_text(struct python_heap *heap, const struct python_text *text);
void python_heap_add_leak(struct python_heap *heap, const struct python_leak *leak);
void python_heap_add_site(struct python_heap *heap, const struct python_site *site);
/* An empty range is left out. */
void python_heap_add_memory(struct python_heap *heap, enum python_memory_kind kind, uint64_t start,
                            uint64_t end);
/* Brings all tables into their order. */
void python_heap_sort(struct python_heap *heap);

/* Its records, of the snapshot with this number; nothing when there is no Python. */
void python_heap_write(const struct python_heap *heap, uint64_t snapshot_id,
                       snapshot_add_record add, void *context);
/* Reads them; `heap` is initialised, and empty when there are none. */
bool python_heap_read(struct recording_reader *reader, uint64_t snapshot_id,
                      struct python_heap *heap, struct error *error);

#endif
