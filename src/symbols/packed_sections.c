#include "symbols/packed_sections.h"

#include <elf.h>
#include <endian.h>
#include <gelf.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/memory.h"
#include "symbols/unpacked_store.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

/* What a damaged header may ask for at most. */
#define MOST_BYTES (UINT64_C(2) << 30)

static bool unpack_zlib(const char *from, size_t bytes, void *content, size_t content_bytes)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    bool is_whole = decompressor != NULL &&
                    libdeflate_zlib_decompress(decompressor, from, bytes, content, content_bytes,
                                               NULL) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(decompressor);
    return is_whole;
}

/* What is behind the header of a packed section. */
static const char *packed_bytes(Elf_Scn *section, size_t *count)
{
    const Elf_Data *raw = elf_rawdata(section, NULL);

    if (raw == NULL || raw->d_buf == NULL || raw->d_size < sizeof(Elf64_Chdr))
        return NULL;
    *count = raw->d_size - sizeof(Elf64_Chdr);
    return (const char *)raw->d_buf + sizeof(Elf64_Chdr);
}

static void unpack(struct packed_section *packed, Elf_Scn *section)
{
    size_t count = 0;
    const char *from = packed_bytes(section, &count);
    void *content = from != NULL ? malloc(packed->bytes) : NULL;

    if (content != NULL &&
        (packed->is_zlib ? unpack_zlib(from, count, content, packed->bytes)
                         : ZSTD_decompress(content, packed->bytes, from, count) == packed->bytes))
        packed->content = content;
    else
        free(content);
}

/* libdw takes the raw data of a section, others the data. */
static void put(Elf_Scn *section, const struct packed_section *unpacked)
{
    Elf_Data *all[] = {elf_getdata(section, NULL), elf_rawdata(section, NULL)};
    GElf_Shdr header;
    GElf_Chdr packed;

    if (gelf_getshdr(section, &header) == NULL || gelf_getchdr(section, &packed) == NULL)
        return;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] == NULL)
            continue;
        all[i]->d_buf = unpacked->content;
        all[i]->d_size = unpacked->bytes;
        all[i]->d_type = ELF_T_BYTE;
        all[i]->d_align = packed.ch_addralign;
    }
    header.sh_flags &= ~(GElf_Xword)SHF_COMPRESSED;
    header.sh_size = unpacked->bytes;
    header.sh_addralign = packed.ch_addralign;
    gelf_update_shdr(section, &header);
}

/* False: it is not one that can be unpacked here. */
static bool describe(Elf_Scn *section, struct packed_section *packed)
{
    GElf_Shdr header;
    GElf_Chdr chunk;
    size_t count;
    const char *from;
    uint32_t check = 0;

    if (gelf_getshdr(section, &header) == NULL || header.sh_type == SHT_NOBITS ||
        (header.sh_flags & SHF_COMPRESSED) == 0 || gelf_getchdr(section, &chunk) == NULL ||
        (chunk.ch_type != ELFCOMPRESS_ZSTD && chunk.ch_type != ELFCOMPRESS_ZLIB) ||
        chunk.ch_size == 0 || chunk.ch_size > MOST_BYTES)
        return false;
    from = packed_bytes(section, &count);
    if (from == NULL || count < sizeof check)
        return false;
    memcpy(&check, from + count - sizeof check, sizeof check);
    *packed = (struct packed_section){
        .index = (uint32_t)elf_ndxscn(section),
        .check = be32toh(check),
        .bytes = chunk.ch_size,
        .is_zlib = chunk.ch_type == ELFCOMPRESS_ZLIB,
    };
    return true;
}

void packed_sections_unpack(struct packed_sections *sections, Elf *elf, int fd,
                            const struct file_cache *cache)
{
    Elf_Scn *section = NULL;

    if (gelf_getclass(elf) != ELFCLASS64)
        return;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        struct packed_section packed;

        if (!describe(section, &packed))
            continue;
        sections->items = memory_grow(sections->items, &sections->capacity, sections->count + 1,
                                      sizeof *sections->items);
        sections->items[sections->count++] = packed;
    }
    sections->fd = fd;
    unpacked_store_find(sections, cache);
    for (size_t i = 0; i < sections->count; i++) {
        struct packed_section *packed = &sections->items[i];

        section = elf_getscn(elf, packed->index);
        if (packed->content == NULL)
            unpack(packed, section);
        if (packed->content != NULL)
            put(section, packed);
    }
}

void packed_sections_keep(struct packed_sections *sections, const struct file_cache *cache)
{
    if (sections->is_kept)
        return;
    sections->is_kept = true;
    unpacked_store_keep(sections, cache);
}

void packed_sections_clear(struct packed_sections *sections)
{
    for (size_t i = 0; i < sections->count; i++)
        if (!sections->items[i].is_mapped)
            free(sections->items[i].content);
    free(sections->items);
    if (sections->map != NULL)
        munmap(sections->map, sections->map_bytes);
    *sections = (struct packed_sections){0};
}
