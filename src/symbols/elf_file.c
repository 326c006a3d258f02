#include "config.h"

#include "symbols/elf_file.h"

#include "symbols/elf_layout.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_DYNAMIC_ENTRIES = 4096
};

static bool take_build_id(void *context, const struct elf_note *note)
{
    struct elf_file *file = context;

    if (note->type != NT_GNU_BUILD_ID || note->name_bytes != sizeof ELF_NOTE_GNU ||
        memcmp(note->name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) != 0 || note->content_bytes == 0 ||
        note->content_bytes > ELF_FILE_MAX_BUILD_ID_BYTES)
        return true;
    memcpy(file->build_id, note->content, note->content_bytes);
    file->build_id_bytes = note->content_bytes;
    return false;
}

static void take_interpreter(const struct elf_layout *layout, const struct elf_segment *segment,
                             struct elf_file *file)
{
    size_t count = segment->file_bytes < sizeof file->interpreter - 1
                       ? (size_t)segment->file_bytes
                       : sizeof file->interpreter - 1;

    file->has_interpreter = true;
    if (!elf_layout_bytes(layout, segment->offset, file->interpreter, count))
        count = 0;
    file->interpreter[count] = '\0';
}

struct dynamic_facts {
    bool has_needs;
    bool is_position_independent_executable;
};

static bool read_dynamic_entry(const struct elf_layout *layout, uint64_t offset, Elf64_Dyn *entry)
{
    Elf32_Dyn narrow;

    if (layout->is_64_bit)
        return elf_layout_bytes(layout, offset, entry, sizeof *entry);
    if (!elf_layout_bytes(layout, offset, &narrow, sizeof narrow))
        return false;
    entry->d_tag = narrow.d_tag;
    entry->d_un.d_val = narrow.d_un.d_val;
    return true;
}

static struct dynamic_facts read_dynamic(const struct elf_layout *layout,
                                         const struct elf_segment *segment)
{
    struct dynamic_facts facts = {false, false};
    size_t entry_bytes = layout->is_64_bit ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    uint64_t count = segment->file_bytes / entry_bytes;
    Elf64_Dyn entry;

    for (uint64_t i = 0; i < count && i < MAX_DYNAMIC_ENTRIES; i++) {
        if (!read_dynamic_entry(layout, segment->offset + i * entry_bytes, &entry) ||
            entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED)
            facts.has_needs = true;
        if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE) != 0)
            facts.is_position_independent_executable = true;
    }
    return facts;
}

/* A shared library without needs, and the loader itself, look like a static-pie but for its flag.
 */
static bool is_static_executable(const struct elf_file *file, const struct dynamic_facts *facts)
{
    return !file->has_interpreter && !facts->has_needs &&
           (file->type == ET_EXEC ||
            (file->type == ET_DYN && facts->is_position_independent_executable));
}

static void read_segments(const struct elf_layout *layout, struct elf_file *file)
{
    struct dynamic_facts facts = {false, false};
    struct elf_segment segment;

    for (uint32_t i = 0; i < layout->segment_count; i++) {
        if (!elf_layout_segment(layout, i, &segment))
            continue;
        if (segment.type == PT_INTERP)
            take_interpreter(layout, &segment, file);
        else if (segment.type == PT_DYNAMIC)
            facts = read_dynamic(layout, &segment);
        else if (segment.type == PT_NOTE && file->build_id_bytes == 0)
            elf_layout_notes(layout, segment.offset, segment.file_bytes, take_build_id, file);
    }
    file->is_static = is_static_executable(file, &facts);
}

/* Sections first: in a separate debug file the segments' file offsets are those of the program. */
static void read_note_sections(const struct elf_layout *layout, struct elf_file *file)
{
    struct elf_section section;

    for (uint32_t i = 0; i < layout->section_count && file->build_id_bytes == 0; i++) {
        if (elf_layout_section(layout, i, &section) && section.type == SHT_NOTE)
            elf_layout_notes(layout, section.offset, section.bytes, take_build_id, file);
    }
}

bool elf_file_read(int fd, const char *path, struct elf_file *file, struct error *error)
{
    struct elf_layout layout;
    const char *why;

    *file = (struct elf_file){0};
    if (!elf_layout_read(fd, &layout, &why))
        return error_set(error, "cannot read %s: %s", path, why);
    file->is_64_bit = layout.is_64_bit;
    file->machine = layout.machine;
    file->type = layout.type;
    file->file_bytes = layout.file_bytes;
    read_note_sections(&layout, file);
    read_segments(&layout, file);
    return true;
}

bool elf_file_read_path(const char *path, struct elf_file *file, struct error *error)
{
    /* Not blocking: the path may name a pipe, which is refused a moment later. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool is_read;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    is_read = elf_file_read(fd, path, file, error);
    close(fd);
    return is_read;
}
