/* elf_file_has_own_allocator: by the functions that the symbol tables define, and in a stripped
 * file by the prefix with which an allocator begins its messages.
 *
 * CPython from 3.13 on comes with mimalloc in it, for objects of its free-threaded builds; its
 * malloc is that of the C library all the same. */
#include "config.h"

#include "symbols/elf_file.h"

#include "base/memory.h"
#include "symbols/elf_layout.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 96 * 1024,
    MAX_MESSAGE_BYTES = 64,
    MAX_NAMES_BYTES = 256 * 1024 * 1024,
    MAX_SCANNED_BYTES = 256 * 1024 * 1024
};

struct allocator_mark {
    const char *function;
    const char *allocator;
};

/* What stands earlier says more: an allocator may come with a C library of its own in the file. */
static const struct allocator_mark FUNCTION_MARKS[] = {
    {"je_malloc", "jemalloc"},
    {"je_mallocx", "jemalloc"},
    {"je_mallctl", "jemalloc"},
    {"_rjem_malloc", "jemalloc"},
    {"_rjem_mallocx", "jemalloc"},
    {"mallocx", "jemalloc"},
    {"malloc_stats_print", "jemalloc"},
    {"tc_malloc", "tcmalloc"},
    {"TCMallocInternalMalloc", "tcmalloc"},
    {"MallocExtension_Internal_GetNumericProperty", "tcmalloc"},
    {"mi_malloc", "mimalloc"},
    {"mi_heap_malloc", "mimalloc"},
    {"rpmalloc", "rpmalloc"},
    {"scudo_malloc", "scudo"},
    {"__asan_init", "AddressSanitizer"},
    {"__msan_init", "MemorySanitizer"},
    {"__tsan_init", "ThreadSanitizer"},
    {"__hwasan_init", "HWAddressSanitizer"},
    {"__lsan_init", "LeakSanitizer"},
    {"__interceptor_malloc", "sanitizer"},
    {"_int_malloc", "glibc"},
    {"malloc", "unknown"},
};

/* In two parts, or this program would be taken for one that contains the allocator. */
struct message_mark {
    const char *start;
    const char *rest;
    const char *allocator;
};

static const struct message_mark MESSAGE_MARKS[] = {
    {"<jemalloc", ">: ", "jemalloc"},
    {"tcmalloc: ", "large alloc ", "tcmalloc"},
    {"TCMALLOC_LARGE_ALLOC_", "REPORT_THRESHOLD", "tcmalloc"},
    {"mimalloc: ", "error: ", "mimalloc"},
};

enum {
    FUNCTION_MARK_COUNT = sizeof FUNCTION_MARKS / sizeof FUNCTION_MARKS[0]
};
_Static_assert(FUNCTION_MARK_COUNT <= 32, "they are a set of 32 bits");
enum {
    MESSAGE_MARK_COUNT = sizeof MESSAGE_MARKS / sizeof MESSAGE_MARKS[0]
};

struct search {
    const struct elf_layout *layout;
    const char *names; /* of the symbol table that is being read; NUL at the end */
    size_t names_bytes;
    uint32_t marks; /* of FUNCTION_MARKS, those that were found: a set of 1 << position */
    bool has_full_symbol_table;
    bool is_cpython;
};

static bool is_same_function(const char *name, const char *function)
{
    size_t bytes;

    if (name[0] != function[0] || name[1] != function[1]) /* of thousands nearly all */
        return false;
    bytes = strlen(function);
    return strncmp(name, function, bytes) == 0 && (name[bytes] == '\0' || name[bytes] == '@');
}

static void judge_function(struct search *search, const char *name)
{
    for (size_t i = 0; i < FUNCTION_MARK_COUNT; i++) {
        if (is_same_function(name, FUNCTION_MARKS[i].function))
            search->marks |= UINT32_C(1) << i;
    }
}

static void judge_symbol(struct search *search, uint32_t name, unsigned char info, uint16_t section)
{
    unsigned type = ELF64_ST_TYPE(info);

    if (section == SHN_UNDEF || name >= search->names_bytes)
        return;
    if (type == STT_FUNC || type == STT_GNU_IFUNC)
        judge_function(search, search->names + name);
    else if (type == STT_OBJECT && strcmp(search->names + name, "_PyRuntime") == 0)
        search->is_cpython = true;
}

static void judge_symbols(struct search *search, const unsigned char *bytes, size_t count)
{
    size_t entry_bytes = search->layout->is_64_bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);

    for (size_t at = 0; at + entry_bytes <= count; at += entry_bytes) {
        Elf64_Sym wide;
        Elf32_Sym narrow;

        if (search->layout->is_64_bit) {
            memcpy(&wide, bytes + at, sizeof wide);
            judge_symbol(search, wide.st_name, wide.st_info, wide.st_shndx);
        } else {
            memcpy(&narrow, bytes + at, sizeof narrow);
            judge_symbol(search, narrow.st_name, narrow.st_info, narrow.st_shndx);
        }
    }
}

/* CHUNK_BYTES is a multiple of both classes' symbol sizes (24 and 16), so no symbol is cut. */
static void read_symbol_section(struct search *search, const struct elf_section *section)
{
    unsigned char *chunk = memory_allocate(CHUNK_BYTES);
    uint64_t at = 0;

    while (at < section->bytes) {
        uint64_t left = section->bytes - at;
        size_t count = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;

        if (!elf_layout_bytes(search->layout, section->offset + at, chunk, count))
            break;
        judge_symbols(search, chunk, count);
        at += count;
    }
    free(chunk);
}

static void search_symbol_section(struct search *search, const struct elf_section *section)
{
    struct elf_section names;
    char *bytes;

    if (!elf_layout_section(search->layout, section->link, &names) || names.type != SHT_STRTAB ||
        names.bytes == 0 || names.bytes > MAX_NAMES_BYTES)
        return;
    bytes = memory_allocate((size_t)names.bytes + 1);
    if (elf_layout_bytes(search->layout, names.offset, bytes, (size_t)names.bytes)) {
        bytes[names.bytes] = '\0';
        search->names = bytes;
        search->names_bytes = (size_t)names.bytes;
        read_symbol_section(search, section);
    }
    free(bytes);
}

static void search_symbols(struct search *search)
{
    struct elf_section section;

    for (uint32_t i = 0; i < search->layout->section_count; i++) {
        if (!elf_layout_section(search->layout, i, &section) ||
            (section.type != SHT_SYMTAB && section.type != SHT_DYNSYM))
            continue;
        if (section.type == SHT_SYMTAB)
            search->has_full_symbol_table = true;
        search_symbol_section(search, &section);
    }
}

/* A long word is found faster than its beginning. */
static bool has_message(const char *bytes, size_t count, const struct message_mark *mark)
{
    char message[MAX_MESSAGE_BYTES];
    int length = snprintf(message, sizeof message, "%s%s", mark->start, mark->rest);

    return memmem(bytes, count, message, (size_t)length) != NULL;
}

/* For objects alone, and at most those. */
static bool is_cpythons_own(const struct search *search, const char *allocator)
{
    return search->is_cpython && strcmp(allocator, "mimalloc") == 0;
}

/* NULL = nothing. */
static const char *judge_text(const struct search *search, const char *bytes, size_t count)
{
    for (size_t i = 0; i < MESSAGE_MARK_COUNT; i++) {
        if (!is_cpythons_own(search, MESSAGE_MARKS[i].allocator) &&
            has_message(bytes, count, &MESSAGE_MARKS[i]))
            return MESSAGE_MARKS[i].allocator;
    }
    return NULL;
}

/* Chunks overlap, so that a message across their border is seen. */
static const char *search_text_section(const struct search *search,
                                       const struct elf_section *section, uint64_t *budget)
{
    char *chunk = memory_allocate(CHUNK_BYTES);
    const char *found = NULL;
    uint64_t at = 0;

    while (at<section->bytes && * budget> 0 && found == NULL) {
        uint64_t left = section->bytes - at;
        size_t count = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;

        if (!elf_layout_bytes(search->layout, section->offset + at, chunk, count))
            break;
        found = judge_text(search, chunk, count);
        *budget -= count < *budget ? count : *budget;
        at += count < left ? count - MAX_MESSAGE_BYTES : count;
    }
    free(chunk);
    return found;
}

static const char *search_text(const struct search *search)
{
    uint64_t budget = MAX_SCANNED_BYTES;
    const char *found = NULL;
    struct elf_section section;

    for (uint32_t i = 0; i < search->layout->section_count && found == NULL; i++) {
        if (elf_layout_section(search->layout, i, &section) && section.type == SHT_PROGBITS &&
            (section.flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR)) == SHF_ALLOC)
            found = search_text_section(search, &section, &budget);
    }
    return found;
}

static const char *best_mark(const struct search *search)
{
    for (size_t i = 0; i < FUNCTION_MARK_COUNT; i++)
        if (search->marks >> i & 1 && !is_cpythons_own(search, FUNCTION_MARKS[i].allocator))
            return FUNCTION_MARKS[i].allocator;
    return NULL;
}

bool elf_file_has_own_allocator(int fd, const char **name)
{
    struct elf_layout layout;
    struct search search = {.layout = &layout};
    const char *why;

    *name = NULL;
    if (!elf_layout_read(fd, &layout, &why))
        return false;
    search_symbols(&search);
    if (!search.has_full_symbol_table)
        *name = search_text(&search);
    if (*name == NULL)
        *name = best_mark(&search);
    return *name != NULL;
}
