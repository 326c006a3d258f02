#include "record/unwind_file.h"

#include "base/hash_map.h"
#include "base/memory.h"
#include "record/unwind_index.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 16 << 10,
    MAX_PIECES = 4096, /* then all are given back */
    MAX_SEGMENTS = 1024,
    MAX_SECTION_BYTES = 128 << 20,
    MAX_VDSO_BYTES = 1 << 20
};

struct segment {
    uint64_t address;
    uint64_t offset;
    uint64_t bytes; /* in the file */
};

struct unwind_file {
    int fd; /* -1: all is in `image` */
    bool is_fd_owned;
    uint8_t *image;
    uint64_t total_bytes;

    struct hash_map
        pieces; /* position / PIECE_BYTES -> uint8_t[PIECE_BYTES], short ones zero-filled */

    struct segment *segments;
    size_t segment_count;
    uint64_t header_address; /* of .eh_frame_hdr */
    bool has_table;
    struct unwind_file_table table;

    bool is_indexed; /* the sections were looked for */
    struct unwind_index eh_frame;
    struct unwind_index debug_frame;
};

/* ---- bytes by position -------------------------------------------------------------------------
 */

static void forget_pieces(struct unwind_file *file)
{
    const struct hash_map_entry *entry;
    size_t position = 0;

    while ((entry = hash_map_next(&file->pieces, &position)))
        free((void *)(uintptr_t)entry->value);
    hash_map_clear(&file->pieces);
}

static const uint8_t *load_piece(struct unwind_file *file, uint64_t number)
{
    uint8_t *piece = memory_allocate_zeroed(1, PIECE_BYTES);
    size_t got = 0;

    while (got < PIECE_BYTES) {
        ssize_t count = pread(file->fd, piece + got, PIECE_BYTES - got,
                              (off_t)(number * PIECE_BYTES + got));

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        got += (size_t)count;
    }
    if (file->pieces.count >= MAX_PIECES)
        forget_pieces(file);
    *hash_map_put(&file->pieces, number, NULL) = (uint64_t)(uintptr_t)piece;
    return piece;
}

static void copy_from_pieces(struct unwind_file *file, uint64_t position, uint8_t *bytes,
                             size_t count)
{
    while (count) {
        uint64_t number = position / PIECE_BYTES;
        size_t within = position % PIECE_BYTES;
        size_t part = PIECE_BYTES - within < count ? PIECE_BYTES - within : count;
        const uint64_t *found = hash_map_find(&file->pieces, number);
        const uint8_t *piece = found ? (const uint8_t *)(uintptr_t)*found
                                     : load_piece(file, number);

        memcpy(bytes, piece + within, part);
        position += part;
        bytes += part;
        count -= part;
    }
}

/* Copies what there is from `position` on; returns how much. */
static size_t read_at(struct unwind_file *file, uint64_t position, void *bytes, size_t count)
{
    if (position >= file->total_bytes)
        return 0;
    if (count > file->total_bytes - position)
        count = (size_t)(file->total_bytes - position);
    if (file->fd >= 0)
        copy_from_pieces(file, position, bytes, count);
    else
        memcpy(bytes, file->image + position, count);
    return count;
}

static bool read_all_at(struct unwind_file *file, uint64_t position, void *bytes, size_t count)
{
    return read_at(file, position, bytes, count) == count;
}

/* ---- bytes by address --------------------------------------------------------------------------
 */

size_t unwind_file_read(struct unwind_file *file, uint64_t address, void *bytes, size_t count)
{
    for (size_t i = 0; i < file->segment_count; i++) {
        const struct segment *segment = &file->segments[i];
        uint64_t within = address - segment->address;

        if (address < segment->address || within >= segment->bytes)
            continue;
        if (count > segment->bytes - within)
            count = (size_t)(segment->bytes - within);
        return read_at(file, segment->offset + within, bytes, count);
    }
    return 0;
}

static void add_segment(struct unwind_file *file, const Elf64_Phdr *header)
{
    if (header->p_type == PT_GNU_EH_FRAME)
        file->header_address = header->p_vaddr;
    if (header->p_type != PT_LOAD || header->p_filesz == 0)
        return;
    file->segments[file->segment_count++] = (struct segment){
        .address = header->p_vaddr, .offset = header->p_offset, .bytes = header->p_filesz};
}

static bool read_segments(struct unwind_file *file, struct error *error)
{
    Elf64_Ehdr header;
    Elf64_Phdr program_header;

    if (!read_all_at(file, 0, &header, sizeof header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(error, "not an ELF file");
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != EM_X86_64)
        return error_set(error, "not an ELF file for x86-64");
    if (header.e_phentsize != sizeof program_header || header.e_phnum > MAX_SEGMENTS)
        return error_set(error, "its table of segments makes no sense");
    file->segments = memory_allocate_zeroed(header.e_phnum, sizeof *file->segments);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (!read_all_at(file, header.e_phoff + i * sizeof program_header, &program_header,
                         sizeof program_header))
            return error_set(error, "it ends inside its table of segments");
        add_segment(file, &program_header);
    }
    return true;
}

/* ---- the sorted table --------------------------------------------------------------------------
 */

/* Linux Standard Base Core 5.0, 10.6.2; all linkers of today write just this form. */
static void read_table(struct unwind_file *file)
{
    enum {
        VERSION = 1,
        FRAMES_PC_RELATIVE_4 = 0x1b,
        COUNT_4 = 0x03,
        TABLE_DATA_RELATIVE_4 = 0x3b,
        ITEM_BYTES = 8
    };
    struct {
        uint8_t version, frames_encoding, count_encoding, table_encoding;
        uint32_t frames;
        uint32_t count;
    } header;
    uint8_t last_byte;
    uint64_t end;

    if (!file->header_address ||
        unwind_file_read(file, file->header_address, &header, sizeof header) != sizeof header)
        return;
    if (header.version != VERSION || header.frames_encoding != FRAMES_PC_RELATIVE_4 ||
        header.count_encoding != COUNT_4 || header.table_encoding != TABLE_DATA_RELATIVE_4 ||
        header.count == 0)
        return;
    end = file->header_address + sizeof header + (uint64_t)header.count * ITEM_BYTES;
    if (unwind_file_read(file, end - 1, &last_byte, 1) != 1)
        return;
    file->has_table = true;
    file->table = (struct unwind_file_table){.header_address = file->header_address,
                                             .table_address = file->header_address + sizeof header,
                                             .count = header.count};
}

bool unwind_file_table(const struct unwind_file *file, struct unwind_file_table *table)
{
    *table = file->table;
    return file->has_table;
}

/* ---- sections ----------------------------------------------------------------------------------
 */

static void index_section(Elf_Scn *section, GElf_Shdr *header, struct unwind_index *index,
                          bool is_eh_frame)
{
    Elf_Data *data;
    uint8_t *copy;

    if (index->bytes || header->sh_type == SHT_NOBITS || header->sh_size > MAX_SECTION_BYTES)
        return;
    if (header->sh_flags & SHF_COMPRESSED &&
        (elf_compress(section, 0, 0) < 0 || !gelf_getshdr(section, header) ||
         header->sh_size > MAX_SECTION_BYTES))
        return;
    data = elf_rawdata(section, NULL);
    if (!data || !data->d_buf || data->d_size > MAX_SECTION_BYTES)
        return;
    copy = memory_duplicate(data->d_buf, data->d_size);
    unwind_index_init(index, copy, data->d_size, header->sh_addr, is_eh_frame);
}

static void index_sections(struct unwind_file *file, Elf *elf)
{
    Elf_Scn *section = NULL;
    size_t names;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        const char *name;

        if (!gelf_getshdr(section, &header))
            continue;
        name = elf_strptr(elf, names, header.sh_name);
        if (!name)
            continue;
        /* Where there is a sorted table it holds all of .eh_frame. */
        if (strcmp(name, ".eh_frame") == 0 && !file->has_table)
            index_section(section, &header, &file->eh_frame, true);
        else if (strcmp(name, ".debug_frame") == 0)
            index_section(section, &header, &file->debug_frame, false);
    }
}

static void make_index(struct unwind_file *file)
{
    Elf *elf;

    file->is_indexed = true;
    elf_version(EV_CURRENT);
    elf = file->fd >= 0 ? elf_begin(file->fd, ELF_C_READ, NULL)
                        : elf_memory((char *)file->image, (size_t)file->total_bytes);
    if (elf)
        index_sections(file, elf);
    elf_end(elf);
}

static bool find_in_debug_frame(struct unwind_file *file, uint64_t address, uint64_t bias,
                                struct unwind_file_frame *frame)
{
    const struct unwind_index_entry *entry = unwind_index_find(&file->debug_frame, address);

    if (!entry)
        return false;
    frame->start = entry->start;
    frame->end = entry->end;
    frame->copy_bytes = unwind_index_copy(&file->debug_frame, entry, bias, frame->copy,
                                          sizeof frame->copy, &frame->fde_offset);
    return frame->copy_bytes > 0;
}

bool unwind_file_find_frame(struct unwind_file *file, uint64_t address, uint64_t bias,
                            struct unwind_file_frame *frame)
{
    const struct unwind_index_entry *entry;

    if (!file->is_indexed)
        make_index(file);
    entry = unwind_index_find(&file->eh_frame, address);
    if (!entry)
        return find_in_debug_frame(file, address, bias, frame);
    frame->start = entry->start;
    frame->end = entry->end;
    frame->fde_address = file->eh_frame.address + entry->offset;
    frame->copy_bytes = 0;
    return true;
}

/* ---- opening and closing -----------------------------------------------------------------------
 */

static bool open_descriptor(struct unwind_file *file, const char *path, struct error *error)
{
    struct stat status;

    if (file->fd < 0) {
        file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        file->is_fd_owned = true;
    }
    if (file->fd < 0 || fstat(file->fd, &status) != 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, "%s: not a regular file", path);
    file->total_bytes = (uint64_t)status.st_size;
    return true;
}

struct unwind_file *unwind_file_open(int fd, const char *path, struct error *error)
{
    struct unwind_file *file = memory_allocate_zeroed(1, sizeof *file);

    file->fd = fd;
    if (!open_descriptor(file, path, error))
        goto failed;
    if (!read_segments(file, error)) {
        error_prefix(error, "%s: ", path);
        goto failed;
    }
    read_table(file);
    return file;

failed:
    unwind_file_close(file);
    return NULL;
}

struct unwind_file *unwind_file_open_image(const void *bytes, size_t count, struct error *error)
{
    struct unwind_file *file = memory_allocate_zeroed(1, sizeof *file);

    file->fd = -1;
    file->image = memory_duplicate(bytes, count);
    file->total_bytes = count;
    if (!read_segments(file, error)) {
        unwind_file_close(file);
        return NULL;
    }
    read_table(file);
    return file;
}

/* The vDSO's segments begin at its ELF header and lie in memory as in a file. */
static size_t vdso_bytes(const Elf64_Ehdr *header)
{
    const Elf64_Phdr *segments = (const void *)((const uint8_t *)header + header->e_phoff);
    uint64_t bytes = 0;

    for (unsigned i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset + segments[i].p_filesz > bytes)
            bytes = segments[i].p_offset + segments[i].p_filesz;
    return bytes < MAX_VDSO_BYTES ? bytes : MAX_VDSO_BYTES;
}

struct unwind_file *unwind_file_open_vdso(struct error *error)
{
    const Elf64_Ehdr *header = (const void *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);

    if (!header) {
        error_set(error, "the kernel gives no vDSO");
        return NULL;
    }
    return unwind_file_open_image(header, vdso_bytes(header), error);
}

void unwind_file_close(struct unwind_file *file)
{
    if (!file)
        return;
    forget_pieces(file);
    unwind_index_clear(&file->eh_frame);
    unwind_index_clear(&file->debug_frame);
    free(file->segments);
    free(file->image);
    if (file->is_fd_owned && file->fd >= 0)
        close(file->fd);
    free(file);
}
