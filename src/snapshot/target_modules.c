#include "snapshot/target_modules.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/mapping_search.h"

enum {
    PAGE_BYTES = 4096,
    PROGRAM_HEADERS_MAX = 128,
    NOTES_MAX_BYTES = 4096,
    DYNAMIC_MAX = 512,     /* entries */
    HASH_CHAIN_MAX = 4096, /* symbols of one bucket that are looked at */
    NAME_MAX_BYTES = 128
};

static uint64_t page_down(uint64_t address)
{
    return address & ~(uint64_t)(PAGE_BYTES - 1);
}

static uint64_t page_up(uint64_t address)
{
    return page_down(address + PAGE_BYTES - 1);
}

struct elf_headers {
    Elf64_Ehdr file;
    Elf64_Phdr program[PROGRAM_HEADERS_MAX];
};

static bool read_headers(struct word_cache *words, uint64_t address, struct elf_headers *headers)
{
    const Elf64_Ehdr *file = &headers->file;
    return word_cache_read_bytes(words, address, &headers->file, sizeof headers->file) &&
           memcmp(file->e_ident, ELFMAG, SELFMAG) == 0 && file->e_ident[EI_CLASS] == ELFCLASS64 &&
           (file->e_type == ET_DYN || file->e_type == ET_EXEC) &&
           file->e_phentsize == sizeof(Elf64_Phdr) && file->e_phnum > 0 &&
           file->e_phnum <= PROGRAM_HEADERS_MAX && file->e_phoff < PAGE_BYTES &&
           word_cache_read_bytes(words, address + file->e_phoff, headers->program,
                                 file->e_phnum * sizeof(Elf64_Phdr));
}

/* Is the segment mapped from this file, from the place that it says? */
static bool is_mapped(const struct target_mappings *mappings, const struct target_mapping *file,
                      uint64_t bias, const Elf64_Phdr *segment)
{
    if (segment->p_filesz == 0)
        return true;
    uint64_t address = bias + segment->p_vaddr;
    const struct target_mapping *mapping = mapping_search(mappings, address);
    return mapping && mapping->inode == file->inode && strcmp(mapping->path, file->path) == 0 &&
           page_down(address) - mapping->start + mapping->offset == page_down(segment->p_offset);
}

/* Where the mappings end that follow each other without a gap. */
static uint64_t mapped_end(const struct target_mappings *mappings, uint64_t address)
{
    uint64_t end = address;
    for (size_t i = mapping_first_behind(mappings, address);
         i < mappings->count && mappings->items[i].start <= end; i++)
        end = mappings->items[i].end;
    return end;
}

static bool add_segment(struct target_module *module, const struct target_mappings *mappings,
                        const Elf64_Phdr *segment)
{
    uint64_t start = module->bias + segment->p_vaddr;
    if (segment->p_memsz > UINT64_MAX - PAGE_BYTES - start)
        return false;
    uint64_t end = page_up(start + segment->p_memsz);
    uint64_t limit = mapped_end(mappings, start);
    if (end > limit)
        end = limit;
    if (module->end < end)
        module->end = end;
    if (segment->p_flags & PF_W && module->writable_count < MODULE_SEGMENTS_MAX)
        module->writable[module->writable_count++] = (struct address_range){start, end};
    return true;
}

static void read_build_id(struct target_module *module, struct word_cache *words,
                          const Elf64_Phdr *segment)
{
    uint8_t notes[NOTES_MAX_BYTES];
    size_t count = segment->p_filesz < sizeof notes ? segment->p_filesz : sizeof notes;
    if (!word_cache_read_bytes(words, module->bias + segment->p_vaddr, notes, count))
        return;
    size_t align = segment->p_align == 8 ? 8 : 4;
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= count;) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof note);
        size_t name = at + sizeof note;
        size_t value = name + (((size_t)note.n_namesz + align - 1) & ~(align - 1));
        size_t next = value + (((size_t)note.n_descsz + align - 1) & ~(align - 1));
        if (value > count || note.n_descsz > count - value)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz <= sizeof module->build_id) {
            memcpy(module->build_id, notes + value, note.n_descsz);
            module->build_id_bytes = note.n_descsz;
            return;
        }
        at = next;
    }
}

static bool make_module(const struct target_mappings *mappings, const struct target_mapping *file,
                        struct word_cache *words, struct target_module *module)
{
    struct elf_headers headers;
    if (!read_headers(words, file->start, &headers))
        return false;
    *module = (struct target_module){.path = file->path, .start = file->start, .end = file->end};
    bool has_load = false;
    for (size_t i = 0; i < headers.file.e_phnum; i++) {
        const Elf64_Phdr *segment = &headers.program[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (!has_load) /* the first one, at offset 0, fixes the bias */
            module->bias = file->start - page_down(segment->p_vaddr - segment->p_offset);
        has_load = true;
        if (!is_mapped(mappings, file, module->bias, segment) ||
            !add_segment(module, mappings, segment))
            return false;
    }
    for (size_t i = 0; i < headers.file.e_phnum; i++) {
        const Elf64_Phdr *segment = &headers.program[i];
        if (segment->p_type == PT_DYNAMIC)
            module->dynamic = module->bias + segment->p_vaddr;
        else if (segment->p_type == PT_TLS)
            module->tls_bytes = segment->p_memsz;
        else if (segment->p_type == PT_NOTE && module->build_id_bytes == 0)
            read_build_id(module, words, segment);
    }
    module->is_own = text_starts_with(text_file_name(module->path), "libseep-preload");
    return has_load;
}

/* A module has several segments, and they follow each other: a file that is mapped in one piece (of
 * a locale, an archive) need not be looked into. */
static bool is_one_piece(const struct target_mappings *mappings, size_t position)
{
    return position + 1 == mappings->count ||
           mappings->items[position + 1].inode != mappings->items[position].inode ||
           strcmp(mappings->items[position + 1].path, mappings->items[position].path) != 0;
}

void target_modules_find(struct target_modules *modules, const struct target_mappings *mappings,
                         struct word_cache *words)
{
    *modules = (struct target_modules){0};
    for (size_t i = 0; i < mappings->count; i++) {
        const struct target_mapping *mapping = &mappings->items[i];
        struct target_module module;
        if (mapping->inode == 0 || mapping->offset != 0 ||
            !(mapping->flags & TARGET_MAPPING_READ) || is_one_piece(mappings, i) ||
            !make_module(mappings, mapping, words, &module))
            continue;
        modules->items = memory_grow(modules->items, &modules->capacity, modules->count + 1,
                                     sizeof *modules->items);
        modules->items[modules->count++] = module;
    }
}

void target_modules_clear(struct target_modules *modules)
{
    free(modules->items);
    *modules = (struct target_modules){0};
}

/* The loader turns these offsets into addresses, in place, but not in every module. */
static uint64_t table_address(const struct target_module *module, uint64_t value)
{
    return value >= module->start && value < module->end ? value : module->bias + value;
}

static bool find_tables(const struct target_module *module, struct word_cache *words,
                        struct target_symbols *tables)
{
    *tables = (struct target_symbols){.bias = module->bias};
    for (size_t i = 0; module->dynamic && i < DYNAMIC_MAX; i++) {
        Elf64_Dyn entry;
        if (!word_cache_read_bytes(words, module->dynamic + i * sizeof entry, &entry,
                                   sizeof entry) ||
            entry.d_tag == DT_NULL)
            break;
        uint64_t address = table_address(module, entry.d_un.d_ptr);
        if (entry.d_tag == DT_SYMTAB)
            tables->symbols = address;
        else if (entry.d_tag == DT_STRTAB)
            tables->names = address;
        else if (entry.d_tag == DT_GNU_HASH)
            tables->hash = address;
    }
    return tables->symbols && tables->names && tables->hash;
}

/* The hash table: counts of buckets, first symbol, size of a filter (which only saves time), shift;
 * the filter; buckets; hashes of symbols, the last of a bucket with its lowest bit set. */
bool target_symbols_open(struct target_symbols *symbols, const struct target_module *module,
                         struct word_cache *words)
{
    uint32_t head[4];
    if (!find_tables(module, words, symbols) ||
        !word_cache_read_bytes(words, symbols->hash, head, sizeof head) || head[0] == 0)
        return false;
    symbols->bucket_count = head[0];
    symbols->first = head[1];
    symbols->filter_words = head[2];
    symbols->hash += sizeof head;
    return true;
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool is_symbol(const struct target_symbols *tables, struct word_cache *words,
                      uint32_t position, const char *name, Elf64_Sym *symbol)
{
    char found[NAME_MAX_BYTES];
    size_t count = strlen(name) + 1;
    return count <= sizeof found &&
           word_cache_read_bytes(words, tables->symbols + (uint64_t)position * sizeof *symbol,
                                 symbol, sizeof *symbol) &&
           word_cache_read_bytes(words, tables->names + symbol->st_name, found, count) &&
           memcmp(found, name, count) == 0 && symbol->st_shndx != SHN_UNDEF;
}

bool target_symbols_find(const struct target_symbols *symbols, struct word_cache *words,
                         const char *name, uint64_t *address)
{
    uint32_t hash = hash_of(name), position;
    uint64_t buckets = symbols->hash + (uint64_t)symbols->filter_words * 8;
    uint64_t chains = buckets + (uint64_t)symbols->bucket_count * 4;
    if (!word_cache_read_bytes(words, buckets + (uint64_t)(hash % symbols->bucket_count) * 4,
                               &position, sizeof position) ||
        position < symbols->first)
        return false;
    for (size_t i = 0; i < HASH_CHAIN_MAX; i++, position++) {
        uint32_t found;
        Elf64_Sym symbol;
        if (!word_cache_read_bytes(words, chains + (uint64_t)(position - symbols->first) * 4,
                                   &found, sizeof found))
            return false;
        if ((found | 1) == (hash | 1) && is_symbol(symbols, words, position, name, &symbol)) {
            *address = symbols->bias + symbol.st_value;
            return true;
        }
        if (found & 1)
            return false;
    }
    return false;
}

void target_module_tell(const struct target_module *module, struct snapshot *snapshot)
{
    struct snapshot_module told = {.path = (char *)(uintptr_t)module->path,
                                   .build_id_bytes = module->build_id_bytes,
                                   .start = module->start,
                                   .end = module->end,
                                   .bias = module->bias};
    memcpy(told.build_id, module->build_id, sizeof told.build_id);
    snapshot_add_module(snapshot, &told);
}
