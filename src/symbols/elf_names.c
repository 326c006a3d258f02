#include "symbols/elf_names.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/key_sort.h"
#include "base/memory.h"
#include "base/text.h"
#include "symbols/elf_sections.h"

struct elf_name {
    uint64_t hash;
    uint64_t address;
    const char *text;
    size_t bytes; /* without what the compiler or linker appended */
};

/* "f.constprop.0" is a copy of f; "f.cold" is none, but a piece of it. */
static bool is_copy_suffix(const char *at)
{
    static const char *const words[] = {".isra",     ".part", ".constprop",
                                        ".lto_priv", ".llvm", ".localalias"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_starts_with(at, words[i]))
            return true;
    return false;
}

static size_t bytes_of_own_name(const char *name)
{
    for (const char *at = name + (*name != '\0'); *at != '\0'; at++)
        if (*at == '@' || (*at == '.' && is_copy_suffix(at)))
            return (size_t)(at - name);
    return strlen(name);
}

static void take_symbol(void *context, Elf *elf, const GElf_Sym *symbol, const char *text)
{
    struct elf_names *names = context;
    size_t bytes = bytes_of_own_name(text);

    (void)elf;
    if (GELF_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF || bytes == 0)
        return;
    names->items = memory_grow(names->items, &names->capacity, names->count + 1,
                               sizeof *names->items);
    names->items[names->count++] = (struct elf_name){hash_bytes(text, bytes, 0), symbol->st_value,
                                                     text, bytes};
}

static int compare_addresses(const void *left, const void *right)
{
    const struct elf_name *a = left, *b = right;

    return a->address < b->address ? -1 : a->address > b->address;
}

/* By hash, those of one hash by address. */
static void sort_names(struct elf_names *names)
{
    struct sort_key *keys = memory_allocate(names->count * sizeof *keys);
    struct elf_name *sorted = memory_allocate(names->count * sizeof *sorted);

    for (size_t i = 0; i < names->count; i++)
        keys[i] = (struct sort_key){names->items[i].hash, (uint32_t)i};
    key_sort(keys, names->count);
    for (size_t i = 0; i < names->count; i++)
        sorted[i] = names->items[keys[i].position];
    for (size_t i = 0, same; i < names->count; i += same) {
        for (same = 1; i + same < names->count && keys[i + same].key == keys[i].key;)
            same++;
        if (same > 1)
            qsort(sorted + i, same, sizeof *sorted, compare_addresses);
    }
    free(keys);
    free(names->items);
    names->items = sorted;
}

void elf_names_init(struct elf_names *names, Elf *const *files, size_t file_count)
{
    *names = (struct elf_names){0};
    for (size_t i = 0; i < file_count; i++)
        if (files[i] != NULL)
            elf_sections_visit_symbols(files[i], take_symbol, names);
    sort_names(names);
}

void elf_names_clear(struct elf_names *names)
{
    free(names->items);
    *names = (struct elf_names){0};
}

static size_t first_of_hash(const struct elf_names *names, uint64_t hash)
{
    size_t low = 0, high = names->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (names->items[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t elf_names_find(const struct elf_names *names, const char *name, uint64_t *addresses,
                      size_t max)
{
    size_t bytes = bytes_of_own_name(name), count = 0;
    uint64_t hash = hash_bytes(name, bytes, 0);

    for (size_t i = first_of_hash(names, hash); i < names->count && count < max; i++) {
        const struct elf_name *item = &names->items[i];

        if (item->hash != hash)
            break;
        if (item->bytes == bytes && memcmp(item->text, name, bytes) == 0 &&
            (count == 0 || addresses[count - 1] != item->address))
            addresses[count++] = item->address;
    }
    return count;
}
