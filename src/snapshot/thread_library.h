/* What glibc keeps of its threads, read as its own debugger library would: libc exports where the
 * fields are (_thread_db_*: sizes in bits, counts, offsets), so nothing here depends on its
 * version.
 *
 * Lists of all threads hang from the loader's _rtld_global: those whose stacks glibc made, those on
 * stacks of others (the first thread too), and stacks kept for later. Links of lists come from a
 * process that may have run wild: each walk is bounded, and a ring ends it. */
#ifndef SEEP_SNAPSHOT_THREAD_LIBRARY_H
#define SEEP_SNAPSHOT_THREAD_LIBRARY_H

#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"

/* A field: `count` elements of `bytes` each, at `offset`. */
struct library_field {
    uint32_t bytes;
    uint32_t count;
    uint32_t offset;
};

struct library_module {
    uint32_t module;     /* position in struct target_modules */
    int64_t tls_offset;  /* of its block below (x86-64) or above the thread pointer; 0 = dynamic */
    uint64_t identifier; /* position in a thread's table of blocks */
};

struct thread_library {
    bool is_known; /* else all is 0: an older or another libc */
    uint32_t thread_bytes;
    struct library_field table;          /* in a thread: pointer to its table of TLS blocks */
    struct library_field tid;            /* in a thread */
    struct library_field list;           /* in a thread: its links */
    struct library_field keys;           /* in a thread: pointers to arrays of values */
    struct library_field start_routine;  /* in a thread; its argument stands behind */
    struct library_field priority;       /* in a thread; its result stands before */
    struct library_field block_pointer;  /* in an entry of the table */
    struct library_field table_entries;  /* the table: bytes of an entry */
    struct library_field array_values;   /* of an array of values: how many */
    struct library_field value_sequence; /* in a value */
    struct library_field value_data;
    uint32_t value_bytes;
    struct library_field key_sequence; /* in a key */
    uint32_t key_bytes;
    struct library_field key_count; /* of all keys */
    uint64_t keys_address;          /* of all keys; 0 = not known */

    uint64_t stacks_used, stacks_user, stacks_kept; /* heads of lists; 0 = not known */

    struct library_module *modules; /* with thread-local variables */
    size_t module_count, module_capacity;
};

/* What libc's symbols say: the same wherever this build of it is loaded. Addresses from its bias. */
struct thread_facts {
    bool is_known;
    struct thread_library layout; /* its fields and sizes alone */
    uint64_t loader_address;      /* of the pointer to the loader's globals */
    uint64_t keys_address;        /* 0 = not known */
    struct library_field stacks_used, stacks_user, next_stack; /* in the loader's globals; in a list */
    bool has_slots; /* the loader's table of modules with thread-local variables */
    struct library_field slot_lists, slot_count, next_slots, slots, slot_map, tls_offset;
    uint32_t slot_bytes;
};

struct libc_facts;

/* `facts` are asked first, and told; NULL = there are none. */
void thread_library_find(struct thread_library *library, const struct target_modules *modules,
                         struct word_cache *words, struct libc_facts *facts);
void thread_library_clear(struct thread_library *library);

/* Calls for each thread of a list, with the address of its descriptor. */
typedef void (*visit_descriptor)(void *context, uint64_t descriptor);
void thread_library_visit(const struct thread_library *library, struct word_cache *words,
                          uint64_t head, visit_descriptor visit, void *context);

#endif
