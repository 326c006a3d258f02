#include "symbols/packed_sections.h"

#include <elf.h>
#include <gelf.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/memory.h"

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

/* The unpacked content, of packed->ch_size bytes; NULL = that is not possible. */
static void *unpack(Elf_Scn *section, GElf_Chdr *packed)
{
    const Elf_Data *raw = elf_rawdata(section, NULL);

    if (raw == NULL || raw->d_buf == NULL || raw->d_size < sizeof(Elf64_Chdr) ||
        packed->ch_size == 0 || packed->ch_size > MOST_BYTES)
        return NULL;
    void *content = malloc(packed->ch_size);
    const char *from = (const char *)raw->d_buf + sizeof(Elf64_Chdr);
    size_t bytes = raw->d_size - sizeof(Elf64_Chdr);
    bool is_zlib = packed->ch_type == ELFCOMPRESS_ZLIB;

    if (content != NULL &&
        (is_zlib ? unpack_zlib(from, bytes, content, packed->ch_size)
                 : ZSTD_decompress(content, packed->ch_size, from, bytes) == packed->ch_size))
        return content;
    free(content);
    return NULL;
}

/* libdw takes the raw data of a section, others the data. */
static void put(Elf_Scn *section, GElf_Shdr *header, void *content, const GElf_Chdr *packed)
{
    Elf_Data *all[] = {elf_getdata(section, NULL), elf_rawdata(section, NULL)};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] == NULL)
            continue;
        all[i]->d_buf = content;
        all[i]->d_size = packed->ch_size;
        all[i]->d_type = ELF_T_BYTE;
        all[i]->d_align = packed->ch_addralign;
    }
    header->sh_flags &= ~(GElf_Xword)SHF_COMPRESSED;
    header->sh_size = packed->ch_size;
    header->sh_addralign = packed->ch_addralign;
    gelf_update_shdr(section, header);
}

void packed_sections_unpack(struct packed_sections *sections, Elf *elf)
{
    Elf_Scn *section = NULL;

    if (gelf_getclass(elf) != ELFCLASS64)
        return;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        GElf_Chdr packed;

        if (gelf_getshdr(section, &header) == NULL || header.sh_type == SHT_NOBITS ||
            (header.sh_flags & SHF_COMPRESSED) == 0 || gelf_getchdr(section, &packed) == NULL ||
            (packed.ch_type != ELFCOMPRESS_ZSTD && packed.ch_type != ELFCOMPRESS_ZLIB))
            continue;
        void *content = unpack(section, &packed);
        if (content == NULL)
            continue;
        sections->contents = memory_grow(sections->contents, &sections->capacity,
                                         sections->count + 1, sizeof *sections->contents);
        sections->contents[sections->count++] = content;
        put(section, &header, content, &packed);
    }
}

void packed_sections_clear(struct packed_sections *sections)
{
    for (size_t i = 0; i < sections->count; i++)
        free(sections->contents[i]);
    free(sections->contents);
    *sections = (struct packed_sections){0};
}
