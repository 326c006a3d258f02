#include "snapshot/thread_library.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/libc_facts.h"

enum {
    WORD_BYTES = 8,
    THREADS_MAX = 1 << 16,
    TLS_MODULES_MAX = 1 << 16,
    SLOT_PAGES_MAX = 4096,
    THREAD_BYTES_MAX = 64 << 10
};

struct wanted_field {
    const char *name;
    size_t offset; /* in struct thread_library */
};
struct wanted_size {
    const char *name;
    size_t offset;
};

#define FIELD(symbol, member)                                                                      \
    {                                                                                              \
        "_thread_db_" symbol, offsetof(struct thread_library, member)                              \
    }

static const struct wanted_field wanted_fields[] = {
    FIELD("pthread_dtvp", table),
    FIELD("pthread_tid", tid),
    FIELD("pthread_list", list),
    FIELD("pthread_specific", keys),
    FIELD("pthread_start_routine", start_routine),
    FIELD("pthread_schedparam_sched_priority", priority),
    FIELD("dtv_t_pointer_val", block_pointer),
    FIELD("dtv_dtv", table_entries),
    FIELD("pthread_key_data_level2_data", array_values),
    FIELD("pthread_key_data_seq", value_sequence),
    FIELD("pthread_key_data_data", value_data),
    FIELD("pthread_key_struct_seq", key_sequence),
    FIELD("__pthread_keys", key_count),
};

static const struct wanted_size wanted_sizes[] = {
    FIELD("sizeof_pthread", thread_bytes),
    FIELD("sizeof_pthread_key_data", value_bytes),
    FIELD("sizeof_pthread_key_struct", key_bytes),
};

static bool read_field(const struct target_symbols *libc, struct word_cache *words,
                       const char *name, struct library_field *field)
{
    uint64_t address;
    uint32_t raw[3]; /* bits, count, offset */
    if (!target_symbols_find(libc, words, name, &address) ||
        !word_cache_read_bytes(words, address, raw, sizeof raw))
        return false;
    *field = (struct library_field){.bytes = raw[0] / 8, .count = raw[1], .offset = raw[2]};
    return true;
}

static bool read_size(const struct target_symbols *libc, struct word_cache *words, const char *name,
                      uint32_t *size)
{
    uint64_t address;
    return target_symbols_find(libc, words, name, &address) &&
           word_cache_read_bytes(words, address, size, sizeof *size);
}

static bool read_layout(struct thread_library *library, const struct target_symbols *libc,
                        struct word_cache *words)
{
    for (size_t i = 0; i < sizeof wanted_fields / sizeof *wanted_fields; i++)
        if (!read_field(
                libc, words, wanted_fields[i].name,
                (struct library_field *)(void *)((char *)library + wanted_fields[i].offset)))
            return false;
    for (size_t i = 0; i < sizeof wanted_sizes / sizeof *wanted_sizes; i++)
        if (!read_size(libc, words, wanted_sizes[i].name,
                       (uint32_t *)(void *)((char *)library + wanted_sizes[i].offset)))
            return false;
    /* Told as one field. */
    library->keys.count = library->keys.bytes * library->keys.count / WORD_BYTES;
    library->keys.bytes = WORD_BYTES;
    return library->thread_bytes > 0 && library->thread_bytes <= THREAD_BYTES_MAX &&
           library->value_bytes >= 2 * WORD_BYTES && library->value_bytes <= 256 &&
           library->key_bytes > 0 && library->key_bytes <= 256 &&
           library->table_entries.bytes >= WORD_BYTES && library->table_entries.bytes <= 256 &&
           library->keys.count <= 4096 && library->array_values.count <= 4096;
}

static bool is_list(struct word_cache *words, const struct library_field *next, uint64_t head)
{
    uint64_t first, back;
    (void)next;
    return word_cache_read(words, head, &first) && first != 0 &&
           word_cache_read(words, first + WORD_BYTES, &back) && back == head;
}

static uint32_t module_of(const struct target_modules *modules, uint64_t bias)
{
    for (uint32_t i = 0; i < modules->count; i++)
        if (modules->items[i].bias == bias && modules->items[i].tls_bytes > 0)
            return i;
    return SNAPSHOT_NONE;
}

static bool has_module(const struct thread_library *library, uint32_t module)
{
    for (size_t i = 0; i < library->module_count; i++)
        if (library->modules[i].module == module)
            return true;
    return false;
}

/* struct link_map begins with the bias. */
static void add_module(struct thread_library *library, const struct target_modules *modules,
                       struct word_cache *words, uint32_t offset, uint64_t link,
                       uint64_t identifier)
{
    struct library_module module = {.identifier = identifier};
    uint64_t bias, tls_offset;
    if (link == 0 || !word_cache_read(words, link, &bias) ||
        !word_cache_read(words, link + offset, &tls_offset))
        return;
    module.module = module_of(modules, bias);
    if (module.module == SNAPSHOT_NONE || has_module(library, module.module))
        return;
    /* Negative: it was decided that the block will never be a static one. */
    module.tls_offset = (int64_t)tls_offset > 0 ? (int64_t)tls_offset : 0;
    library->modules = memory_grow(library->modules, &library->module_capacity,
                                   library->module_count + 1, sizeof *library->modules);
    library->modules[library->module_count++] = module;
}

/* The loader's table of modules with thread-local variables: a list of arrays. */
static void read_modules(struct thread_library *library, const struct target_modules *modules,
                         const struct thread_facts *facts, struct word_cache *words,
                         uint64_t loader)
{
    uint64_t at, identifier = 0;
    if (!word_cache_read(words, loader + facts->slot_lists.offset, &at))
        return;
    for (size_t page = 0; at != 0 && page < SLOT_PAGES_MAX; page++) {
        uint64_t count, link;
        if (!word_cache_read(words, at + facts->slot_count.offset, &count) ||
            count > TLS_MODULES_MAX)
            return;
        for (uint64_t i = 0; i < count && identifier < TLS_MODULES_MAX; i++, identifier++)
            if (word_cache_read(
                    words,
                    at + facts->slots.offset + i * facts->slot_bytes + facts->slot_map.offset,
                    &link))
                add_module(library, modules, words, facts->tls_offset.offset, link, identifier);
        if (!word_cache_read(words, at + facts->next_slots.offset, &at))
            return;
    }
}

static bool read_slots(struct thread_facts *facts, const struct target_symbols *libc,
                       struct word_cache *words)
{
    return read_field(libc, words, "_thread_db_rtld_global__dl_tls_dtv_slotinfo_list",
                      &facts->slot_lists) &&
           read_field(libc, words, "_thread_db_dtv_slotinfo_list_len", &facts->slot_count) &&
           read_field(libc, words, "_thread_db_dtv_slotinfo_list_next", &facts->next_slots) &&
           read_field(libc, words, "_thread_db_dtv_slotinfo_list_slotinfo", &facts->slots) &&
           read_field(libc, words, "_thread_db_dtv_slotinfo_map", &facts->slot_map) &&
           read_field(libc, words, "_thread_db_link_map_l_tls_offset", &facts->tls_offset) &&
           read_size(libc, words, "_thread_db_sizeof_dtv_slotinfo", &facts->slot_bytes);
}

static bool read_facts(struct thread_facts *facts, const struct target_module *module,
                       struct word_cache *words)
{
    struct target_symbols libc;
    *facts = (struct thread_facts){0};
    if (!target_symbols_open(&libc, module, words) ||
        !read_layout(&facts->layout, &libc, words) ||
        !target_symbols_find(&libc, words, "__nptl_rtld_global", &facts->loader_address) ||
        !read_field(&libc, words, "_thread_db_rtld_global__dl_stack_used", &facts->stacks_used) ||
        !read_field(&libc, words, "_thread_db_rtld_global__dl_stack_user", &facts->stacks_user) ||
        !read_field(&libc, words, "_thread_db_list_t_next", &facts->next_stack))
        return false;
    facts->loader_address -= module->bias;
    if (target_symbols_find(&libc, words, "__pthread_keys", &facts->keys_address))
        facts->keys_address -= module->bias;
    facts->has_slots = read_slots(facts, &libc, words);
    facts->is_known = true;
    return true;
}

/* Known from another process, or read. */
static bool find_facts(struct thread_facts *facts, const struct target_module *module,
                       struct word_cache *words, struct libc_facts *kept)
{
    const char *name = text_file_name(module->path);
    if (!text_starts_with(name, "libc.so") && !text_starts_with(name, "libc-"))
        return false;
    struct libc_build *build = libc_facts_find(kept, module);
    if (build != NULL && build->threads.is_known)
        *facts = build->threads;
    else if (!read_facts(facts, module, words))
        return false;
    if (build != NULL)
        build->threads = *facts;
    return true;
}

void thread_library_find(struct thread_library *library, const struct target_modules *modules,
                         struct word_cache *words, struct libc_facts *kept)
{
    struct thread_facts facts;
    uint64_t loader;
    size_t libc = 0;
    *library = (struct thread_library){0};
    while (libc < modules->count && !find_facts(&facts, &modules->items[libc], words, kept))
        libc++;
    if (libc == modules->count)
        return;
    uint64_t bias = modules->items[libc].bias;
    if (!word_cache_read(words, bias + facts.loader_address, &loader))
        return;
    *library = facts.layout;
    library->is_known = true;
    library->stacks_used = loader + facts.stacks_used.offset;
    library->stacks_user = loader + facts.stacks_user.offset;
    /* Not told, but it stands behind both, if what stands there is a list. */
    uint64_t kept_stacks = (facts.stacks_used.offset > facts.stacks_user.offset
                                ? library->stacks_used
                                : library->stacks_user) +
                           16;
    if (is_list(words, &facts.next_stack, kept_stacks))
        library->stacks_kept = kept_stacks;
    if (facts.keys_address != 0)
        library->keys_address = bias + facts.keys_address;
    if (facts.has_slots)
        read_modules(library, modules, &facts, words, loader);
}

void thread_library_clear(struct thread_library *library)
{
    free(library->modules);
    *library = (struct thread_library){0};
}

/* A ring that leaves out the head is found by a mark that moves on to where the walk is after 1, 2,
 * 4,
 * ... steps (Brent: An improved Monte Carlo factorization algorithm, 1980). */
void thread_library_visit(const struct thread_library *library, struct word_cache *words,
                          uint64_t head, visit_descriptor visit, void *context)
{
    uint64_t at;
    if (head == 0 || !word_cache_read(words, head, &at))
        return;
    uint64_t mark = head;
    size_t limit = 1;
    for (size_t steps = 0; at != head && at != mark && at != 0 && steps < THREADS_MAX; steps++) {
        if (steps == limit) {
            mark = at;
            limit *= 2;
        }
        visit(context, at - library->list.offset);
        if (!word_cache_read(words, at, &at))
            return;
    }
}
