#include "config.h"

#include "symbols/elf_symbols.h"

#include "base/key_sort.h"
#include "base/memory.h"
#include "base/text.h"
#include "symbols/elf_sections.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct candidate {
    uint64_t start;
    uint64_t end; /* without a size: the end of the section */
    const char *name;
    bool is_sized;
    uint8_t rank; /* by type and binding: smaller is better */
};

struct candidate_list {
    struct candidate *items;
    size_t count;
    size_t capacity;
    enum elf_symbol_kind kind; /* that are wanted */
};

struct symbol_list {
    struct elf_symbol *items;
    size_t count;
    size_t capacity;
};

static bool find_section(Elf *elf, uint16_t index, GElf_Shdr *section)
{
    Elf_Scn *scn = index == SHN_UNDEF || index >= SHN_LORESERVE ? NULL : elf_getscn(elf, index);

    return scn != NULL && gelf_getshdr(scn, section) != NULL;
}

/* Labels that assemblers and annotation plugins leave between functions. */
static bool is_marker(const char *name)
{
    return name[0] == '\0' || name[0] == '$' || text_starts_with(name, ".L") ||
           text_starts_with(name, ".annobin");
}

/* Variables have a type and a size, or a linker made them. */
static void consider_variable(struct candidate_list *list, const GElf_Sym *symbol, const char *name)
{
    unsigned wanted = list->kind == ELF_SYMBOL_VARIABLES ? STT_OBJECT : STT_TLS;
    struct candidate candidate = {.start = symbol->st_value, .name = name, .is_sized = true};

    if (symbol->st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol->st_info) != wanted ||
        symbol->st_size == 0 || is_marker(name) ||
        __builtin_add_overflow(symbol->st_value, symbol->st_size, &candidate.end))
        return;
    candidate.rank = GELF_ST_BIND(symbol->st_info) == STB_LOCAL;
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = candidate;
}

static void consider(struct candidate_list *list, Elf *elf, const GElf_Sym *symbol,
                     const char *name)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
    struct candidate candidate = {.start = symbol->st_value, .name = name};
    GElf_Shdr section;

    if (symbol->st_shndx == SHN_UNDEF || (!is_function && type != STT_NOTYPE) || is_marker(name))
        return;
    candidate.is_sized = symbol->st_size > 0;
    candidate.rank = (uint8_t)((is_function ? 0 : 2) +
                               (GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? 1 : 0));
    if (find_section(elf, symbol->st_shndx, &section)) {
        if ((section.sh_flags & SHF_EXECINSTR) == 0)
            return;
        candidate.end = section.sh_addr + section.sh_size;
    } else if (!is_function || !candidate.is_sized) {
        return;
    }
    if (candidate.is_sized &&
        __builtin_add_overflow(symbol->st_value, symbol->st_size, &candidate.end))
        return;
    if (candidate.start >= candidate.end)
        return;
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = candidate;
}

static void take_symbol(void *context, Elf *elf, const GElf_Sym *symbol, const char *name)
{
    struct candidate_list *list = context;

    if (list->kind == ELF_SYMBOL_FUNCTIONS)
        consider(list, elf, symbol, name);
    else
        consider_variable(list, symbol, name);
}

/* Leading underscores mark an internal alias, save those that begin a mangled name. */
static size_t underscore_count(const char *name)
{
    size_t count = strspn(name, "_");

    return count == 1 && (name[1] == 'Z' || name[1] == 'R') ? 0 : count;
}

/* Of two names for one address the better one first: "malloc" before "__libc_malloc". */
static int compare_names(const struct candidate *a, const struct candidate *b)
{
    size_t underscores_a, underscores_b, bytes_a, bytes_b;

    if (a->is_sized != b->is_sized)
        return a->is_sized ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    underscores_a = underscore_count(a->name);
    underscores_b = underscore_count(b->name);
    if (underscores_a != underscores_b)
        return underscores_a < underscores_b ? -1 : 1;
    bytes_a = strcspn(a->name, "@");
    bytes_b = strcspn(b->name, "@");
    if (bytes_a != bytes_b)
        return bytes_a < bytes_b ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Of all candidates of an address, which follow each other: the best name, and of those with a size
 * the longest range. Returns how many they are. */
static size_t unite(const struct candidate_list *list, const struct sort_key *keys, size_t count,
                    struct candidate *united)
{
    uint64_t longest_end = 0;
    size_t same = 0;

    for (; same < count && keys[same].key == keys[0].key; same++) {
        const struct candidate *next = &list->items[keys[same].position];

        if (next->is_sized && next->end > longest_end)
            longest_end = next->end;
        if (same == 0 || compare_names(next, united) < 0)
            *united = *next;
    }
    if (united->is_sized)
        united->end = longest_end;
    return same;
}

/* Sorts, and leaves one candidate an address. */
static void unite_aliases(struct candidate_list *list)
{
    struct sort_key *keys = memory_allocate(list->count * sizeof *keys);
    struct candidate *united = memory_allocate(list->count * sizeof *united);
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        keys[i] = (struct sort_key){list->items[i].start, (uint32_t)i};
    key_sort(keys, list->count);
    for (size_t i = 0; i < list->count;)
        i += unite(list, keys + i, list->count - i, &united[kept++]);
    free(keys);
    free(list->items);
    list->items = united;
    list->count = kept;
}

static void add_range(struct symbol_list *list, uint64_t start, uint64_t end, const char *name)
{
    if (start >= end)
        return;
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct elf_symbol){start, end, name};
}

/* A sweep over the sized candidates with a stack of those that are open; the last to open owns what
 * is swept. `cursor` is how far ranges were given out. */
struct sweep {
    const struct candidate **open;
    size_t count;
    size_t capacity;
    uint64_t cursor;
};

static void sweep_to(struct sweep *sweep, uint64_t address, struct symbol_list *list)
{
    while (sweep->count > 0) {
        const struct candidate *top = sweep->open[sweep->count - 1];
        uint64_t end = top->end < address ? top->end : address;

        if (end > sweep->cursor) {
            add_range(list, sweep->cursor, end, top->name);
            sweep->cursor = end;
        }
        if (top->end > address)
            break;
        sweep->count--;
    }
    sweep->cursor = address;
}

static void flatten_sized(const struct candidate_list *candidates, struct symbol_list *list)
{
    struct sweep sweep = {0};

    for (size_t i = 0; i < candidates->count; i++) {
        const struct candidate *candidate = &candidates->items[i];

        if (!candidate->is_sized)
            continue;
        sweep_to(&sweep, candidate->start, list);
        sweep.open = memory_grow(sweep.open, &sweep.capacity, sweep.count + 1, sizeof *sweep.open);
        sweep.open[sweep.count++] = candidate;
    }
    sweep_to(&sweep, UINT64_MAX, list);
    free(sweep.open);
}

/* Candidates without a size take the gaps between the `sized_count` ranges that are there. */
static void fill_gaps(const struct candidate_list *candidates, struct symbol_list *list)
{
    size_t sized_count = list->count;
    size_t next = 0; /* the first range that ends above the candidate */

    for (size_t i = 0; i < candidates->count; i++) {
        const struct candidate *candidate = &candidates->items[i];
        uint64_t end = candidate->end;

        if (candidate->is_sized)
            continue;
        while (next < sized_count && list->items[next].end <= candidate->start)
            next++;
        if (next < sized_count && list->items[next].start < end)
            end = list->items[next].start;
        if (i + 1 < candidates->count && candidates->items[i + 1].start < end)
            end = candidates->items[i + 1].start;
        add_range(list, candidate->start, end, candidate->name);
    }
}

static int compare_ranges(const void *left, const void *right)
{
    const struct elf_symbol *a = left;
    const struct elf_symbol *b = right;

    return a->start < b->start ? -1 : a->start > b->start;
}

static bool is_sorted(const struct symbol_list *list)
{
    for (size_t i = 1; i < list->count; i++)
        if (list->items[i].start < list->items[i - 1].start)
            return false;
    return true;
}

void elf_symbols_init(struct elf_symbols *symbols, enum elf_symbol_kind kind, Elf *const *files,
                      size_t file_count)
{
    struct candidate_list candidates = {.kind = kind};
    struct symbol_list list = {0};

    for (size_t i = 0; i < file_count; i++) {
        if (files[i] != NULL)
            elf_sections_visit_symbols(files[i], take_symbol, &candidates);
    }
    unite_aliases(&candidates);
    flatten_sized(&candidates, &list);
    fill_gaps(&candidates, &list);
    if (!is_sorted(&list)) /* mostly it is: few functions have no size */
        qsort(list.items, list.count, sizeof *list.items, compare_ranges);
    free(candidates.items);
    symbols->ranges = list.items;
    symbols->count = list.count;
}

void elf_symbols_clear(struct elf_symbols *symbols)
{
    free(symbols->ranges);
    *symbols = (struct elf_symbols){0};
}

const struct elf_symbol *elf_symbols_find(const struct elf_symbols *symbols, uint64_t address)
{
    size_t low = 0;
    size_t high = symbols->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (symbols->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == symbols->count || symbols->ranges[low].start > address)
        return NULL;
    return &symbols->ranges[low];
}
