/* Files of sections that were unpacked, in a folder of such files (base/file_cache.h). One belongs
 * to one ELF file as it was at one time; its name says which.
 *
 *   file    = header, entry[count], zeroes, content...     each content at a multiple of 4096
 *
 * Nothing in it is believed: a content counts when it has the size that the packed section names,
 * and the checksum that its zlib stream ends with (Adler-32, RFC 1950), so what is found is what
 * unpacking would have given. Sections that zstd packed are not kept: they may have no checksum,
 * and unpack faster. */
#ifndef SEEP_SYMBOLS_UNPACKED_STORE_H
#define SEEP_SYMBOLS_UNPACKED_STORE_H

#include <stdint.h>

#include "symbols/packed_sections.h"

#define UNPACKED_STORE_MAGIC UINT64_C(0x31504e5550454553) /* "SEEPUNP1" */

struct unpacked_store_header {
    uint64_t magic;
    uint64_t count;
};

struct unpacked_store_entry {
    uint64_t index;
    uint64_t bytes;
    uint64_t offset; /* in the file */
};

/* Fills `content` of those of the sections that are kept. */
void unpacked_store_find(struct packed_sections *sections, const struct file_cache *cache);

/* Keeps all of them, where they are large enough to be worth a file. */
void unpacked_store_keep(const struct packed_sections *sections, const struct file_cache *cache);

#endif
