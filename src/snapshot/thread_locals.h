/* Where thread-local variables are: the block that a thread has of a module's. One of a module that
 * was there when the program began stands at an offset from the thread's descriptor; that of a
 * later one was made when the thread first used it, and the thread's table leads to it. */
#ifndef SEEP_SNAPSHOT_THREAD_LOCALS_H
#define SEEP_SNAPSHOT_THREAD_LOCALS_H

#include "snapshot/range_list.h"
#include "snapshot/thread_library.h"

/* Of a module whose place is fixed (tls_offset is not 0). */
uint64_t thread_locals_static_block(const struct thread_library *library, uint64_t descriptor,
                                    const struct library_module *module);

/* The table of a thread; 0 = none, with *count = 0. The entry before the first says how many there
 * are: the table's memory begins with it. */
uint64_t thread_locals_table(const struct thread_library *library, struct word_cache *words,
                             uint64_t descriptor, uint64_t *count);

/* An entry of a table: at `slot` a pointer to the block, behind it one to the memory that it stands
 * in. False: it leads nowhere. */
struct thread_locals_entry {
    uint64_t slot;
    uint64_t pointers[2];
};
bool thread_locals_read_entry(const struct thread_library *library, struct word_cache *words,
                              uint64_t table, uint64_t count, const struct library_module *module,
                              struct thread_locals_entry *entry);

/* All blocks of all threads, by address. */
struct thread_local_block {
    struct address_range range;
    uint32_t module; /* position in struct target_modules */
};
struct thread_locals {
    struct thread_local_block *items;
    size_t count, capacity;
};
void thread_locals_list(const struct target_modules *modules, struct word_cache *words,
                        struct thread_locals *locals);
void thread_locals_clear(struct thread_locals *locals);

/* The block that the address is in; NULL: none. */
const struct thread_local_block *thread_locals_find(const struct thread_locals *locals,
                                                    uint64_t address);

#endif
