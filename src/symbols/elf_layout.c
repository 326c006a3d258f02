#include "config.h"

#include "symbols/elf_layout.h"

#include "base/memory.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_NOTE_BYTES = 64 * 1024,
    MAX_SECTIONS = 1 << 18
};

int elf_layout_open(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return -1;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : ENOTSUP;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

bool elf_layout_bytes(const struct elf_layout *layout, uint64_t offset, void *bytes, size_t count)
{
    char *target = bytes;

    if (offset > layout->file_bytes || count > layout->file_bytes - offset)
        return false;
    while (count > 0) {
        ssize_t done = pread(layout->fd, target, count, (off_t)offset);

        if (done <= 0)
            return false;
        target += done;
        offset += (uint64_t)done;
        count -= (size_t)done;
    }
    return true;
}

static bool take_32_bit_header(struct elf_layout *layout)
{
    Elf32_Ehdr header;

    if (!elf_layout_bytes(layout, 0, &header, sizeof header))
        return false;
    layout->type = header.e_type;
    layout->machine = header.e_machine;
    layout->segments_offset = header.e_phoff;
    layout->segment_count = header.e_phentsize == sizeof(Elf32_Phdr) ? header.e_phnum : 0;
    layout->sections_offset = header.e_shoff;
    layout->section_count = header.e_shentsize == sizeof(Elf32_Shdr) ? header.e_shnum : 0;
    return true;
}

static bool take_64_bit_header(struct elf_layout *layout)
{
    Elf64_Ehdr header;

    if (!elf_layout_bytes(layout, 0, &header, sizeof header))
        return false;
    layout->type = header.e_type;
    layout->machine = header.e_machine;
    layout->segments_offset = header.e_phoff;
    layout->segment_count = header.e_phentsize == sizeof(Elf64_Phdr) ? header.e_phnum : 0;
    layout->sections_offset = header.e_shoff;
    layout->section_count = header.e_shentsize == sizeof(Elf64_Shdr) ? header.e_shnum : 0;
    return true;
}

/* More than 0xff00 sections: the count stands in section 0's size. */
static void take_extended_section_count(struct elf_layout *layout)
{
    struct elf_section first;

    if (layout->section_count != 0 || layout->sections_offset == 0)
        return;
    layout->section_count = 1;
    if (!elf_layout_section(layout, 0, &first) || first.bytes > MAX_SECTIONS)
        layout->section_count = 0;
    else
        layout->section_count = (uint32_t)first.bytes;
}

bool elf_layout_read(int fd, struct elf_layout *layout, const char **why)
{
    unsigned char identity[EI_NIDENT];
    struct stat status;

    *layout = (struct elf_layout){.fd = fd};
    *why = "not a regular file";
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    layout->file_bytes = (uint64_t)status.st_size;
    *why = "not an ELF file";
    if (!elf_layout_bytes(layout, 0, identity, sizeof identity) ||
        memcmp(identity, ELFMAG, SELFMAG) != 0)
        return false;
    *why = "an ELF file of an unknown class or byte order";
    if ((identity[EI_CLASS] != ELFCLASS32 && identity[EI_CLASS] != ELFCLASS64) ||
        identity[EI_DATA] != ELFDATA2LSB)
        return false;
    *why = "the ELF header is cut off";
    layout->is_64_bit = identity[EI_CLASS] == ELFCLASS64;
    if (!(layout->is_64_bit ? take_64_bit_header(layout) : take_32_bit_header(layout)))
        return false;
    take_extended_section_count(layout);
    return true;
}

static bool lies_inside(const struct elf_layout *layout, uint64_t offset, uint64_t bytes)
{
    return bytes == 0 || (offset <= layout->file_bytes && bytes <= layout->file_bytes - offset);
}

/* Reads entry `index` of a header table; the multiplication cannot overflow, the sum is checked. */
static bool read_entry(const struct elf_layout *layout, uint64_t table, uint32_t index, void *entry,
                       size_t entry_bytes)
{
    uint64_t offset;

    return !__builtin_add_overflow(table, (uint64_t)index * entry_bytes, &offset) &&
           elf_layout_bytes(layout, offset, entry, entry_bytes);
}

#define TAKE_SEGMENT(header)                                                                       \
    *segment = (struct elf_segment)                                                                \
    {                                                                                              \
        .type = (header).p_type, .offset = (header).p_offset, .address = (header).p_vaddr,         \
        .file_bytes = (header).p_filesz,                                                           \
    }

bool elf_layout_segment(const struct elf_layout *layout, uint32_t index,
                        struct elf_segment *segment)
{
    Elf64_Phdr wide;
    Elf32_Phdr narrow;

    if (index >= layout->segment_count)
        return false;
    if (layout->is_64_bit) {
        if (!read_entry(layout, layout->segments_offset, index, &wide, sizeof wide))
            return false;
        TAKE_SEGMENT(wide);
    } else {
        if (!read_entry(layout, layout->segments_offset, index, &narrow, sizeof narrow))
            return false;
        TAKE_SEGMENT(narrow);
    }
    return lies_inside(layout, segment->offset, segment->file_bytes);
}

#define TAKE_SECTION(header)                                                                       \
    *section = (struct elf_section)                                                                \
    {                                                                                              \
        .name = (header).sh_name, .type = (header).sh_type, .flags = (header).sh_flags,            \
        .offset = (header).sh_offset, .bytes = (header).sh_size, .link = (header).sh_link,         \
        .entry_bytes = (header).sh_entsize,                                                        \
    }

bool elf_layout_section(const struct elf_layout *layout, uint32_t index,
                        struct elf_section *section)
{
    Elf64_Shdr wide;
    Elf32_Shdr narrow;

    if (index >= layout->section_count)
        return false;
    if (layout->is_64_bit) {
        if (!read_entry(layout, layout->sections_offset, index, &wide, sizeof wide))
            return false;
        TAKE_SECTION(wide);
    } else {
        if (!read_entry(layout, layout->sections_offset, index, &narrow, sizeof narrow))
            return false;
        TAKE_SECTION(narrow);
    }
    return section->type == SHT_NOBITS || section->type == SHT_NULL ||
           lies_inside(layout, section->offset, section->bytes);
}

static size_t aligned_to_4(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

static void visit_notes(const uint8_t *bytes, size_t count, elf_note_visit visit, void *context)
{
    while (count >= sizeof(Elf64_Nhdr)) { /* the same struct in both classes */
        Elf64_Nhdr header;
        struct elf_note note;
        size_t name_bytes, content_bytes;

        memcpy(&header, bytes, sizeof header);
        bytes += sizeof header;
        count -= sizeof header;
        name_bytes = aligned_to_4(header.n_namesz);
        if (name_bytes > count)
            return;
        content_bytes = aligned_to_4(header.n_descsz);
        if (header.n_descsz > count - name_bytes)
            return;
        if (content_bytes > count - name_bytes) /* the last one may lack its padding */
            content_bytes = count - name_bytes;
        note = (struct elf_note){
            .name = (const char *)bytes,
            .name_bytes = header.n_namesz,
            .type = header.n_type,
            .content = bytes + name_bytes,
            .content_bytes = header.n_descsz,
        };
        if (!visit(context, &note))
            return;
        bytes += name_bytes + content_bytes;
        count -= name_bytes + content_bytes;
    }
}

void elf_layout_notes(const struct elf_layout *layout, uint64_t offset, uint64_t bytes,
                      elf_note_visit visit, void *context)
{
    size_t count = bytes < MAX_NOTE_BYTES ? (size_t)bytes : MAX_NOTE_BYTES;
    uint8_t *notes;

    if (!lies_inside(layout, offset, count))
        return;
    notes = memory_allocate(count);
    if (elf_layout_bytes(layout, offset, notes, count))
        visit_notes(notes, count, visit, context);
    free(notes);
}
