#define _GNU_SOURCE
#include "preload/program_symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "preload/raw_syscall.h"

enum {
    CHUNK_BYTES = 4096, /* stacks may be small */
    SEGMENTS_MOST = 64
};

#define TABLE_MOST_BYTES (UINT64_C(1) << 28) /* what is larger is not worth a program's start */

struct program {
    int fd;
    uint64_t bias;
    const Elf64_Phdr *segments;
    unsigned segment_count;
    Elf64_Shdr symbols, names;
};

static bool read_at(const struct program *program, uint64_t offset, void *bytes, size_t count)
{
    return raw_syscall(SYS_pread64, program->fd, bytes, count, offset, 0, 0) == (int64_t)count;
}

/* The first one that is told of is the program itself. */
static int take_first(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    struct program *program = context;
    (void)info_bytes;
    program->bias = info->dlpi_addr;
    program->segments = info->dlpi_phdr;
    program->segment_count = info->dlpi_phnum;
    return 1;
}

/* Is that file the program? Not where the loader was told to run it. */
static bool is_file_of(const struct program *program, const Elf64_Ehdr *header)
{
    Elf64_Phdr segments[SEGMENTS_MOST];
    size_t bytes = program->segment_count * sizeof *segments;
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_phnum == program->segment_count &&
           program->segment_count <= SEGMENTS_MOST &&
           read_at(program, header->e_phoff, segments, bytes) &&
           memcmp(segments, program->segments, bytes) == 0;
}

/* Takes the symbols' table from these sections; *link is the section of its names. */
static bool take_symbols(struct program *program, const Elf64_Shdr *sections, unsigned count,
                         uint32_t *link)
{
    for (unsigned i = count; i-- > 0;) { /* it stands near the end */
        if (sections[i].sh_type != SHT_SYMTAB)
            continue;
        program->symbols = sections[i];
        *link = sections[i].sh_link;
        return true;
    }
    return false;
}

static bool find_tables(struct program *program)
{
    enum {
        AT_ONCE = CHUNK_BYTES / sizeof(Elf64_Shdr)
    };
    Elf64_Ehdr header;
    Elf64_Shdr sections[AT_ONCE];
    uint32_t link = 0;
    if (!read_at(program, 0, &header, sizeof header) || !is_file_of(program, &header) ||
        header.e_shentsize != sizeof *sections)
        return false;
    bool is_found = false;
    for (unsigned end = header.e_shnum; end != 0 && !is_found;) {
        unsigned count = end < AT_ONCE ? end : AT_ONCE;
        end -= count;
        if (!read_at(program, header.e_shoff + (uint64_t)end * sizeof *sections, sections,
                     count * sizeof *sections))
            return false;
        is_found = take_symbols(program, sections, count, &link);
    }
    return is_found && link < header.e_shnum && program->symbols.sh_size <= TABLE_MOST_BYTES &&
           read_at(program, header.e_shoff + (uint64_t)link * sizeof *sections, &program->names,
                   sizeof program->names) &&
           program->names.sh_size <= TABLE_MOST_BYTES;
}

static bool is_global_function(const Elf64_Sym *symbol)
{
    unsigned binding = ELF64_ST_BIND(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
           (binding == STB_GLOBAL || binding == STB_WEAK);
}

static bool is_code(const struct program *program, uint64_t value)
{
    for (unsigned i = 0; i < program->segment_count; i++) {
        const Elf64_Phdr *segment = &program->segments[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 &&
            value - segment->p_vaddr < segment->p_memsz)
            return true;
    }
    return false;
}

static void *find_by_name(const struct program *program, uint64_t name)
{
    Elf64_Sym symbols[CHUNK_BYTES / sizeof(Elf64_Sym)];
    uint64_t size = program->symbols.sh_size - program->symbols.sh_size % sizeof *symbols;
    for (uint64_t at = 0, step; at < size; at += step) {
        step = size - at < sizeof symbols ? size - at : sizeof symbols;
        if (!read_at(program, program->symbols.sh_offset + at, symbols, step))
            return NULL;
        for (size_t i = 0; i < step / sizeof *symbols; i++)
            if (symbols[i].st_name == name && is_global_function(&symbols[i]) &&
                is_code(program, symbols[i].st_value))
                return (void *)(uintptr_t)(program->bias + symbols[i].st_value);
    }
    return NULL;
}

/* Names end in a zero, and one that ends another name may be the end of that. */
static void *find_in_file(const struct program *program, const char *name)
{
    char chunk[CHUNK_BYTES];
    size_t bytes = strlen(name) + 1;
    uint64_t size = program->names.sh_size;
    for (uint64_t at = 0; at + bytes <= size;) {
        size_t count = size - at < sizeof chunk ? (size_t)(size - at) : sizeof chunk;
        if (!read_at(program, program->names.sh_offset + at, chunk, count))
            return NULL;
        const char *found = memmem(chunk, count, name, bytes);
        uint64_t place = found != NULL ? at + (uint64_t)(found - chunk) : 0;
        void *function = found != NULL ? find_by_name(program, place) : NULL;
        if (function != NULL)
            return function;
        at = found != NULL ? place + 1 : at + count - (bytes - 1);
    }
    return NULL;
}

void *program_symbol_find(const char *name)
{
    struct program program = {0};
    dl_iterate_phdr(take_first, &program);
    int64_t fd = raw_syscall(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (raw_failed(fd))
        return NULL;
    program.fd = (int)fd;
    void *found = find_tables(&program) ? find_in_file(&program, name) : NULL;
    raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return found;
}
