/* Debug sections that were compressed with zstd, which libdw unpacks only since elfutils 0.189, and
 * before says nothing of: they are unpacked here, for every libdw. */
#ifndef SEEP_SYMBOLS_ZSTD_SECTIONS_H
#define SEEP_SYMBOLS_ZSTD_SECTIONS_H

#include <libelf.h>
#include <stddef.h>

/* A zeroed struct has none. */
struct zstd_sections {
    void **contents;
    size_t count, capacity;
};

/* Whoever reads the file through `elf` finds the sections unpacked. It must have been opened with
 * ELF_C_READ_MMAP_PRIVATE, since its headers are changed, in memory. What is damaged stays as it
 * is. */
void zstd_sections_unpack(struct zstd_sections *sections, Elf *elf);

/* After elf_end. */
void zstd_sections_clear(struct zstd_sections *sections);

#endif
