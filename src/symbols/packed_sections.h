/* Debug sections that were compressed. Those with zstd libdw unpacks only since elfutils 0.189, and
 * before says nothing of them; those with zlib it unpacks with zlib, which takes more than twice as
 * long as libdeflate, and names wait for that. Here all are unpacked, for every libdw. */
#ifndef SEEP_SYMBOLS_PACKED_SECTIONS_H
#define SEEP_SYMBOLS_PACKED_SECTIONS_H

#include <libelf.h>
#include <stddef.h>

/* A zeroed struct has none. */
struct packed_sections {
    void **contents;
    size_t count, capacity;
};

/* Whoever reads the file through `elf` finds the sections unpacked. It must have been opened with
 * ELF_C_READ_MMAP_PRIVATE, since its headers are changed, in memory. What is damaged stays as it
 * is. */
void packed_sections_unpack(struct packed_sections *sections, Elf *elf);

/* After elf_end. */
void packed_sections_clear(struct packed_sections *sections);

#endif
