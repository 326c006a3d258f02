#define _GNU_SOURCE
#include "preload/symbol_search.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "preload/old_glibc.h"

/* A module's tables, as its dynamic section names them. */
struct tables {
    const ElfW(Sym) * symbols;
    const char *names;
    const uint16_t *versions; /* NULL = none */
    const uint32_t *gnu_hash; /* one of the two is there */
    const uint32_t *hash;
    bool has_objects; /* variables count as well */
};

struct search {
    const char *name;
    const void *own;  /* NULL = all modules count */
    bool is_behind;   /* the module of `own` was passed */
    bool is_indirect; /* what was found is an IFUNC: the address is not yet the function's */
    void *found;
};

static bool has_address(const struct dl_phdr_info *info, const void *address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t offset = (uint64_t)(uintptr_t)address - info->dlpi_addr - segment->p_vaddr;
        if (segment->p_type == PT_LOAD && offset < segment->p_memsz)
            return true;
    }
    return false;
}

/* glibc relocates the addresses in a dynamic section that it can write to, and no other. */
static const void *table_at(const struct dl_phdr_info *info, uint64_t address)
{
    return (const void *)(uintptr_t)(address < info->dlpi_addr ? info->dlpi_addr + address
                                                               : address);
}

static bool read_tables(const struct dl_phdr_info *info, struct tables *tables)
{
    const ElfW(Dyn) *entry = NULL;
    memset(tables, 0, sizeof *tables);
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(uintptr_t)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        const void *table = table_at(info, entry->d_un.d_ptr);
        switch (entry->d_tag) {
        case DT_SYMTAB:
            tables->symbols = table;
            break;
        case DT_STRTAB:
            tables->names = table;
            break;
        case DT_VERSYM:
            tables->versions = table;
            break;
        case DT_GNU_HASH:
            tables->gnu_hash = table;
            break;
        case DT_HASH:
            tables->hash = table;
            break;
        }
    }
    return tables->symbols != NULL && tables->names != NULL &&
           (tables->gnu_hash != NULL || tables->hash != NULL);
}

static bool is_function(const ElfW(Sym) * symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/* Defined here, of the kind that is looked for, and the default one of several versions. */
static bool is_wanted(const struct tables *tables, uint32_t index, const char *name)
{
    enum {
        HIDDEN_VERSION = 0x8000
    };
    const ElfW(Sym) *symbol = &tables->symbols[index];
    return symbol->st_shndx != SHN_UNDEF &&
           (is_function(symbol) ||
            (tables->has_objects && ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT)) &&
           (tables->versions == NULL || (tables->versions[index] & HIDDEN_VERSION) == 0) &&
           strcmp(tables->names + symbol->st_name, name) == 0;
}

static uint32_t gnu_hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (const char *at = name; *at != '\0'; at++)
        hash = hash * 33 + (uint8_t)*at;
    return hash;
}

/* What most names that are not there are told by: two bits of a word that is made of all names. */
static bool may_have_hash(const struct tables *tables, uint32_t hash)
{
    uint32_t words = tables->gnu_hash[2], shift = tables->gnu_hash[3];
    if (words == 0 || (words & (words - 1)) != 0)
        return true;
    const uint64_t *bloom = (const void *)(tables->gnu_hash + 4);
    uint64_t word = bloom[hash / 64 & (words - 1)];
    return (word >> (hash % 64) & word >> ((hash >> (shift & 31)) % 64) & 1) != 0;
}

/* 0 = not found: symbol 0 is never defined. */
static uint32_t find_by_gnu_hash(const struct tables *tables, const char *name, uint32_t hash)
{
    uint32_t bucket_count = tables->gnu_hash[0], first = tables->gnu_hash[1];
    uint32_t bloom_words = tables->gnu_hash[2];
    const uint32_t *buckets = tables->gnu_hash + 4 + bloom_words * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chains = buckets + bucket_count;
    if (!may_have_hash(tables, hash))
        return 0;
    uint32_t index = bucket_count != 0 ? buckets[hash % bucket_count] : 0;
    if (index < first)
        return 0;
    for (;; index++) {
        uint32_t entry = chains[index - first];
        if ((entry | 1) == (hash | 1) && is_wanted(tables, index, name))
            return index;
        if ((entry & 1) != 0) /* the last one of its bucket */
            return 0;
    }
}

static uint32_t find_by_hash(const struct tables *tables, const char *name)
{
    uint32_t bucket_count = tables->hash[0], hash = 0;
    const uint32_t *chains = tables->hash + 2 + bucket_count;
    for (const char *at = name; *at != '\0'; at++) {
        hash = (hash << 4) + (uint8_t)*at;
        hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
    }
    uint32_t index = bucket_count != 0 ? tables->hash[2 + hash % bucket_count] : 0;
    while (index != 0 && !is_wanted(tables, index, name))
        index = chains[index];
    return index;
}

static uint32_t find_in_tables(const struct tables *tables, const char *name)
{
    return tables->gnu_hash != NULL ? find_by_gnu_hash(tables, name, gnu_hash_of(name))
                                    : find_by_hash(tables, name);
}

/* The vdso is no module of the loader's: its symbols are the kernel's. */
static bool has_symbols(const struct dl_phdr_info *info, struct tables *tables)
{
    return strncmp(info->dlpi_name, "linux-vdso", 10) != 0 && read_tables(info, tables);
}

static int search_one(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    struct search *search = context;
    struct tables tables;
    (void)info_bytes;
    if (!search->is_behind) {
        search->is_behind = has_address(info, search->own);
        return 0;
    }
    if (!has_symbols(info, &tables))
        return 0;
    uint32_t index = find_in_tables(&tables, search->name);
    if (index == 0)
        return 0;
    search->found = (void *)(uintptr_t)(info->dlpi_addr + tables.symbols[index].st_value);
    search->is_indirect = ELF64_ST_TYPE(tables.symbols[index].st_info) == STT_GNU_IFUNC;
    return 1;
}

static struct search search_tables(const char *name, const void *own)
{
    struct search search = {.name = name, .own = own, .is_behind = own == NULL};
    dl_iterate_phdr(search_one, &search);
    return search;
}

typedef void *(*resolver)(void);

void *symbol_search_in_tables(const char *name, const void *own)
{
    struct search search = search_tables(name, own);
    return search.is_indirect ? ((resolver)search.found)() : search.found;
}

/* dlsym itself finds its caller by its return address, so it must be called from here directly. For
 * what it does not find it allocates, and nothing may be allocated: the malloc that it calls may be
 * the program's own, and wait for the very lock under which that came here. */
void *symbol_search_next(const char *name, const void *own)
{
    struct search search = search_tables(name, own);
    if (search.found == NULL || dlsym == NULL)
        return search.is_indirect ? ((resolver)search.found)() : search.found;
    return dlsym(RTLD_NEXT, name);
}

void *symbol_search_first(const char *name)
{
    return dlsym != NULL ? dlsym(RTLD_DEFAULT, name) : symbol_search_in_tables(name, NULL);
}

/* ---- many at once ------------------------------------------------------------------------------
 */

struct search_for_all {
    struct symbol_query *queries;
    size_t count;
    const void *own;
    bool is_behind;
};

/* is_own: it is that module; is_behind: it comes after that. */
static void answer(struct symbol_query *query, const struct dl_phdr_info *info,
                   const struct tables *tables, bool is_own, bool is_behind)
{
    if (query->next != NULL || (query->first != NULL && !is_behind))
        return;
    uint32_t index = tables->gnu_hash != NULL ? find_by_gnu_hash(tables, query->name, query->hash)
                                              : find_by_hash(tables, query->name);
    if (index == 0)
        return;
    void *found = (void *)(uintptr_t)(info->dlpi_addr + tables->symbols[index].st_value);
    bool is_indirect = ELF64_ST_TYPE(tables->symbols[index].st_info) == STT_GNU_IFUNC;
    if (query->first == NULL) {
        query->first = found;
        query->is_first_own = is_own;
        query->is_first_indirect = is_indirect;
    }
    if (is_behind) {
        query->next = found;
        query->next_module = info->dlpi_name;
        query->is_next_indirect = is_indirect;
    }
}

static int answer_from_one(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    struct search_for_all *search = context;
    struct tables tables;
    (void)info_bytes;
    bool is_behind = search->is_behind;
    bool is_own = !is_behind && has_address(info, search->own);
    search->is_behind |= is_own;
    if (has_symbols(info, &tables))
        for (size_t i = 0; i < search->count; i++)
            answer(&search->queries[i], info, &tables, is_own, is_behind);
    return 0;
}

void symbol_search_all(struct symbol_query *queries, size_t count, const void *own)
{
    struct search_for_all search = {.queries = queries, .count = count, .own = own};
    for (size_t i = 0; i < count; i++)
        queries[i] = (struct symbol_query){.name = queries[i].name,
                                           .hash = gnu_hash_of(queries[i].name)};
    dl_iterate_phdr(answer_from_one, &search);
    for (size_t i = 0; i < count; i++) { /* not under the loader's lock: these run code */
        if (queries[i].is_first_indirect)
            queries[i].first = symbol_search_in_tables(queries[i].name, NULL);
        if (queries[i].is_next_indirect)
            queries[i].next = symbol_search_next(queries[i].name, own);
    }
}

uint64_t symbol_search_in_module(uint64_t start, uint64_t bias, const char *name, uint64_t *bytes)
{
    enum {
        FIRST_PAGE = 4096
    };
    const ElfW(Ehdr) *header = (const void *)(uintptr_t)start;
    struct tables tables;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phoff + (uint64_t)header->e_phnum * sizeof(ElfW(Phdr)) > FIRST_PAGE)
        return 0;
    struct dl_phdr_info info = {.dlpi_addr = bias,
                                .dlpi_phdr = (const void *)(uintptr_t)(start + header->e_phoff),
                                .dlpi_phnum = header->e_phnum};
    if (!read_tables(&info, &tables))
        return 0;
    tables.has_objects = true;
    uint32_t index = find_in_tables(&tables, name);
    if (index == 0)
        return 0;
    if (bytes != NULL)
        *bytes = tables.symbols[index].st_size;
    return bias + tables.symbols[index].st_value;
}

struct module_search {
    const void *address;
    const char *name;
};

static int module_one(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    struct module_search *search = context;
    (void)info_bytes;
    if (!has_address(info, search->address))
        return 0;
    search->name = info->dlpi_name;
    return 1;
}

const char *symbol_search_module(const void *address)
{
    struct module_search search = {address, NULL};
    dl_iterate_phdr(module_one, &search);
    return search.name;
}
