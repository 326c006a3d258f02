/* Debug sections that were compressed. Those with zstd libdw unpacks only since elfutils 0.189, and
 * before says nothing of them; those with zlib it unpacks with zlib, which takes more than twice as
 * long as libdeflate, and names wait for that. Here all are unpacked, for every libdw.
 *
 * Unpacking is still most of what a name costs, so what was unpacked can be kept in a folder and be
 * mapped the next time (unpacked_store.h). */
#ifndef SEEP_SYMBOLS_PACKED_SECTIONS_H
#define SEEP_SYMBOLS_PACKED_SECTIONS_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file_cache.h"

struct packed_section {
    uint32_t index; /* of the section */
    uint32_t check; /* of the content, as a zlib stream ends with it */
    uint64_t bytes;
    void *content;
    bool is_zlib;
    bool is_mapped; /* content lies in `map` */
};

/* A zeroed struct has none. */
struct packed_sections {
    struct packed_section *items;
    size_t count, capacity;
    int fd;       /* the file's; borrowed */
    bool is_kept; /* as far as it is worth it */
    void *map; /* of a kept file; NULL = none */
    size_t map_bytes;
};

/* Whoever reads the file through `elf` finds the sections unpacked. It must have been opened with
 * ELF_C_READ_MMAP_PRIVATE, since its headers are changed, in memory. What is damaged stays as it
 * is. fd is the file's, open until all is cleared; cache is where they may be found (NULL:
 * nowhere). */
void packed_sections_unpack(struct packed_sections *sections, Elf *elf, int fd,
                            const struct file_cache *cache);

/* Keeps there what had to be unpacked. Nothing waits for this, so it is done last. */
void packed_sections_keep(struct packed_sections *sections, const struct file_cache *cache);

/* After elf_end. */
void packed_sections_clear(struct packed_sections *sections);

#endif
