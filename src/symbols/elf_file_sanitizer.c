/* elf_file_find_sanitizer: by the libraries that the file says it needs. Found through the program
 * headers, which no stripping removes. */
#include "symbols/elf_file.h"

#include <elf.h>
#include <string.h>

#include "symbols/elf_layout.h"

enum {
    MAX_ENTRIES = 4096,
    NAME_BYTES = 32
};

/* The other list of these stands in preload/exec_check.c. */
static const struct {
    const char *file;
    const char *sanitizer;
} SANITIZERS[] = {
    {"libasan.so", "AddressSanitizer"},      {"libclang_rt.asan", "AddressSanitizer"},
    {"libtsan.so", "ThreadSanitizer"},       {"libclang_rt.tsan", "ThreadSanitizer"},
    {"liblsan.so", "LeakSanitizer"},         {"libclang_rt.lsan", "LeakSanitizer"},
    {"libhwasan.so", "HWAddressSanitizer"},  {"libclang_rt.hwasan", "HWAddressSanitizer"},
    {"libclang_rt.msan", "MemorySanitizer"},
};

static bool find_segment(const struct elf_layout *layout, uint32_t type, uint64_t address,
                         struct elf_segment *segment)
{
    for (uint32_t i = 0; i < layout->segment_count; i++)
        if (elf_layout_segment(layout, i, segment) && segment->type == type &&
            (type != PT_LOAD ||
             (address >= segment->address && address - segment->address < segment->file_bytes)))
            return true;
    return false;
}

static bool read_entry(const struct elf_layout *layout, const struct elf_segment *dynamic,
                       uint64_t position, Elf64_Dyn *entry)
{
    return position < MAX_ENTRIES && (position + 1) * sizeof *entry <= dynamic->file_bytes &&
           elf_layout_bytes(layout, dynamic->offset + position * sizeof *entry, entry,
                            sizeof *entry) &&
           entry->d_tag != DT_NULL;
}

/* Where the names are in the file; 0 = nowhere. */
static uint64_t names_offset(const struct elf_layout *layout, const struct elf_segment *dynamic)
{
    struct elf_segment segment;
    Elf64_Dyn entry;

    for (uint64_t i = 0; read_entry(layout, dynamic, i, &entry); i++)
        if (entry.d_tag == DT_STRTAB && find_segment(layout, PT_LOAD, entry.d_un.d_ptr, &segment))
            return entry.d_un.d_ptr - segment.address + segment.offset;
    return 0;
}

static const char *judge_library(const struct elf_layout *layout, uint64_t offset)
{
    char name[NAME_BYTES] = "";

    /* Names that end less than this before the end of the file are shorter than those sought. */
    if (!elf_layout_bytes(layout, offset, name, sizeof name - 1))
        return NULL;
    for (size_t i = 0; i < sizeof SANITIZERS / sizeof SANITIZERS[0]; i++)
        if (strncmp(name, SANITIZERS[i].file, strlen(SANITIZERS[i].file)) == 0)
            return SANITIZERS[i].sanitizer;
    return NULL;
}

const char *elf_file_find_sanitizer(int fd)
{
    struct elf_layout layout;
    struct elf_segment dynamic;
    Elf64_Dyn entry;
    const char *why, *found = NULL;

    if (!elf_layout_read(fd, &layout, &why) || !layout.is_64_bit ||
        !find_segment(&layout, PT_DYNAMIC, 0, &dynamic))
        return NULL;
    uint64_t names = names_offset(&layout, &dynamic);
    for (uint64_t i = 0; names != 0 && !found && read_entry(&layout, &dynamic, i, &entry); i++)
        if (entry.d_tag == DT_NEEDED)
            found = judge_library(&layout, names + entry.d_un.d_val);
    return found;
}
