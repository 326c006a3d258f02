#include "symbols/unpacked_store.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"

enum {
    ALIGNMENT = 4096,
    MIN_BYTES = 1 << 20, /* less is unpacked in no time */
    MAX_ENTRIES = 64
};

/* Caller frees; NULL = not known. */
static char *name_of(int fd)
{
    char *identity = file_cache_identity(fd);
    char *name = identity != NULL ? memory_print_text("%s.sections", identity) : NULL;
    free(identity);
    return name;
}

static bool is_sound(const struct packed_section *section, const struct unpacked_store_entry *entry,
                     const char *file, size_t file_bytes)
{
    return section->is_zlib && entry->bytes == section->bytes && entry->offset <= file_bytes &&
           entry->bytes <= file_bytes - entry->offset &&
           libdeflate_adler32(1, file + entry->offset, entry->bytes) == section->check;
}

static void take(struct packed_sections *sections, const struct unpacked_store_entry *entry)
{
    char *file = sections->map;
    for (size_t i = 0; i < sections->count; i++) {
        struct packed_section *section = &sections->items[i];
        if (section->index != entry->index || section->content != NULL ||
            !is_sound(section, entry, file, sections->map_bytes))
            continue;
        section->content = file + entry->offset;
        section->is_mapped = true;
    }
}

static void take_all(struct packed_sections *sections)
{
    struct unpacked_store_header header;
    const char *file = sections->map;
    if (sections->map_bytes < sizeof header)
        return;
    memcpy(&header, file, sizeof header);
    if (header.magic != UNPACKED_STORE_MAGIC || header.count > MAX_ENTRIES ||
        sections->map_bytes < sizeof header + header.count * sizeof(struct unpacked_store_entry))
        return;
    madvise(sections->map, sections->map_bytes, MADV_POPULATE_READ);
    for (size_t i = 0; i < header.count; i++) {
        struct unpacked_store_entry entry;
        memcpy(&entry, file + sizeof header + i * sizeof entry, sizeof entry);
        take(sections, &entry);
    }
}

void unpacked_store_find(struct packed_sections *sections, const struct file_cache *cache)
{
    char *name = cache != NULL && sections->count != 0 ? name_of(sections->fd) : NULL;
    if (name == NULL)
        return;
    sections->map = file_cache_map(cache, name, &sections->map_bytes);
    if (sections->map != NULL)
        take_all(sections);
    free(name);
}

/* ---- keeping ------------------------------------------------------------------------------- */

static bool is_worth_it(const struct packed_sections *sections)
{
    uint64_t bytes = 0;
    bool is_news = false;
    for (size_t i = 0; i < sections->count; i++) {
        const struct packed_section *section = &sections->items[i];
        if (!section->is_zlib || section->content == NULL)
            continue;
        bytes += section->bytes;
        is_news |= !section->is_mapped;
    }
    return is_news && bytes >= MIN_BYTES;
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Pieces: the head, then each content, and the zeroes behind each of them. */
struct outline {
    struct {
        struct unpacked_store_header header;
        struct unpacked_store_entry entries[MAX_ENTRIES];
    } head;
    struct iovec pieces[2 + 2 * MAX_ENTRIES];
    size_t piece_count;
    uint64_t offset;
};

static void add_piece(struct outline *outline, const void *bytes, uint64_t count)
{
    static const char zeroes[ALIGNMENT];
    outline->pieces[outline->piece_count++] = (struct iovec){(void *)bytes, count};
    outline->offset += count;
    uint64_t rest = aligned(outline->offset) - outline->offset;
    if (rest == 0)
        return;
    outline->pieces[outline->piece_count++] = (struct iovec){(void *)zeroes, rest};
    outline->offset += rest;
}

static void outline_sections(struct outline *outline, const struct packed_sections *sections)
{
    struct unpacked_store_header *header = &outline->head.header;
    header->magic = UNPACKED_STORE_MAGIC;
    add_piece(outline, &outline->head, sizeof outline->head);
    for (size_t i = 0; i < sections->count && header->count < MAX_ENTRIES; i++) {
        const struct packed_section *section = &sections->items[i];
        if (!section->is_zlib || section->content == NULL)
            continue;
        outline->head.entries[header->count++] = (struct unpacked_store_entry){
            section->index, section->bytes, outline->offset};
        add_piece(outline, section->content, section->bytes);
    }
}

void unpacked_store_keep(const struct packed_sections *sections, const struct file_cache *cache)
{
    char *name = cache != NULL && is_worth_it(sections) ? name_of(sections->fd) : NULL;
    if (name == NULL)
        return;
    struct outline *outline = memory_allocate_zeroed(1, sizeof *outline);
    outline_sections(outline, sections);
    file_cache_store(cache, name, outline->pieces, outline->piece_count);
    free(outline);
    free(name);
}
