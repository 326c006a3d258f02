#include "snapshot/thread_locals.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    TABLE_ENTRIES_MAX = 1 << 16
};

#define TABLE_VACANT UINT64_MAX

uint64_t thread_locals_static_block(const struct thread_library *library, uint64_t descriptor,
                                    const struct library_module *module)
{
#if defined __x86_64__
    (void)library;
    return descriptor - (uint64_t)module->tls_offset;
#else
    return descriptor + library->thread_bytes + (uint64_t)module->tls_offset;
#endif
}

uint64_t thread_locals_table(const struct thread_library *library, struct word_cache *words,
                             uint64_t descriptor, uint64_t *count)
{
    uint64_t table = 0;
    *count = 0;
    if (!word_cache_read(words, descriptor + library->table.offset, &table) || table == 0 ||
        !word_cache_read(words, table - library->table_entries.bytes, count) ||
        *count > TABLE_ENTRIES_MAX) {
        *count = 0;
        return 0;
    }
    return table;
}

bool thread_locals_read_entry(const struct thread_library *library, struct word_cache *words,
                              uint64_t table, uint64_t count, const struct library_module *module,
                              struct thread_locals_entry *entry)
{
    entry->slot = table + module->identifier * library->table_entries.bytes +
                  library->block_pointer.offset;
    return table != 0 && module->identifier <= count &&
           word_cache_read_bytes(words, entry->slot, entry->pointers, sizeof entry->pointers) &&
           entry->pointers[0] != TABLE_VACANT && entry->pointers[0] != 0;
}

/* ---- all of them ---- */

struct locals_listing {
    const struct thread_library *library;
    const struct target_modules *modules;
    struct word_cache *words;
    struct thread_locals *locals;
};

static void list_block(struct thread_locals *locals, uint64_t start, uint64_t bytes,
                       uint32_t module)
{
    if (start + bytes <= start)
        return;
    locals->items = memory_grow(locals->items, &locals->capacity, locals->count + 1,
                                sizeof *locals->items);
    locals->items[locals->count++] = (struct thread_local_block){{start, start + bytes}, module};
}

static void list_blocks(void *context, uint64_t descriptor)
{
    const struct locals_listing *listing = context;
    const struct thread_library *library = listing->library;
    uint64_t count, table = thread_locals_table(library, listing->words, descriptor, &count);
    for (size_t i = 0; i < library->module_count; i++) {
        const struct library_module *module = &library->modules[i];
        uint64_t bytes = listing->modules->items[module->module].tls_bytes;
        struct thread_locals_entry entry;
        if (module->tls_offset != 0)
            list_block(listing->locals, thread_locals_static_block(library, descriptor, module),
                       bytes, module->module);
        else if (thread_locals_read_entry(library, listing->words, table, count, module, &entry))
            list_block(listing->locals, entry.pointers[0], bytes, module->module);
    }
}

static int compare_blocks(const void *left, const void *right)
{
    const struct thread_local_block *a = left, *b = right;
    return (a->range.start > b->range.start) - (a->range.start < b->range.start);
}

void thread_locals_list(const struct target_modules *modules, struct word_cache *words,
                        struct thread_locals *locals)
{
    struct thread_library library;
    *locals = (struct thread_locals){0};
    thread_library_find(&library, modules, words, NULL);
    struct locals_listing listing = {&library, modules, words, locals};
    if (library.is_known) {
        thread_library_visit(&library, words, library.stacks_used, list_blocks, &listing);
        thread_library_visit(&library, words, library.stacks_user, list_blocks, &listing);
    }
    thread_library_clear(&library);
    if (locals->count > 0)
        qsort(locals->items, locals->count, sizeof *locals->items, compare_blocks);
}

void thread_locals_clear(struct thread_locals *locals)
{
    free(locals->items);
    *locals = (struct thread_locals){0};
}

const struct thread_local_block *thread_locals_find(const struct thread_locals *locals,
                                                    uint64_t address)
{
    size_t low = 0, high = locals->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (locals->items[middle].range.start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < locals->items[low - 1].range.end ? &locals->items[low - 1] : NULL;
}
