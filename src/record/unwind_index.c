#include "record/unwind_index.h"

#include "base/memory.h"

#include <elf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

/* What dwarf_next_cfi wants to know of the file: 64 bits, little-endian. */
static const unsigned char IDENTITY[EI_NIDENT] = {ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
                                                  ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

enum {
    POINTER_PC_RELATIVE = 0x10,
    POINTER_FORMAT_MASK = 0x0f,
    POINTER_SIGNED = 0x08
};

static bool read_record(const struct unwind_index *index, uint64_t offset, uint64_t *next,
                        Dwarf_CFI_Entry *entry)
{
    Elf_Data data = {.d_buf = index->bytes, .d_size = index->byte_count};
    Dwarf_Off next_offset = 0;
    bool is_read = dwarf_next_cfi(IDENTITY, &data, index->is_eh_frame, offset, &next_offset,
                                  entry) == 0;

    *next = next_offset;
    return is_read;
}

static bool read_cie(const struct unwind_index *index, uint64_t offset, Dwarf_CIE *cie)
{
    Dwarf_CFI_Entry entry;
    uint64_t next;

    if (offset >= index->byte_count || !read_record(index, offset, &next, &entry) ||
        !dwarf_cfi_cie_p(&entry))
        return false;
    *cie = entry.cie;
    return true;
}

/* Reads a number of 2, 4 or 8 bytes. */
static bool read_number(const uint8_t *bytes, const uint8_t *end, unsigned count, bool is_signed,
                        uint64_t *value)
{
    unsigned unused_bits = 64 - 8 * count;

    if ((size_t)(end - bytes) < count)
        return false;
    *value = 0;
    memcpy(value, bytes, count);
    if (is_signed)
        *value = (uint64_t)((int64_t)(*value << unused_bits) >> unused_bits);
    return true;
}

/* The bytes of a pointer's format (DW_EH_PE_*); 0 = of no use here. */
static unsigned pointer_bytes(uint8_t encoding)
{
    static const uint8_t bytes[16] = {
        [0x0] = 8, [0x2] = 2, [0x3] = 4, [0x4] = 8, [0x8] = 8, [0xa] = 2, [0xb] = 4, [0xc] = 8};

    return bytes[encoding & POINTER_FORMAT_MASK];
}

/* The encoding of code addresses: what stands for 'R' in the augmentation. */
static bool address_encoding(const Dwarf_CIE *cie, uint8_t *encoding)
{
    const uint8_t *data = cie->augmentation_data;
    const uint8_t *end = data ? data + cie->augmentation_data_size : NULL;

    *encoding = 0;
    if (cie->augmentation[0] != 'z')
        return cie->augmentation[0] == 0;
    for (const char *letter = cie->augmentation + 1; *letter && data < end; letter++) {
        switch (*letter) {
        case 'R':
            *encoding = *data;
            return true;
        case 'L':
            data++;
            break;
        case 'P':
            if (!pointer_bytes(*data) || (size_t)(end - data) <= pointer_bytes(*data))
                return false;
            data += 1 + pointer_bytes(*data);
            break;
        case 'S':
        case 'B':
            break;
        default:
            return false;
        }
    }
    return true;
}

/* Decodes the code range of an FDE. */
static bool read_range(const struct unwind_index *index, const Dwarf_FDE *fde, const Dwarf_CIE *cie,
                       struct unwind_index_entry *entry)
{
    uint8_t encoding = 0;
    unsigned bytes;
    uint64_t length;

    if (index->is_eh_frame && !address_encoding(cie, &encoding))
        return false;
    bytes = pointer_bytes(encoding);
    if (!bytes || (encoding & 0xf0) & ~POINTER_PC_RELATIVE)
        return false;
    if (!read_number(fde->start, fde->end, bytes, encoding & POINTER_SIGNED, &entry->start) ||
        !read_number(fde->start + bytes, fde->end, bytes, false, &length))
        return false;
    if (encoding & POINTER_PC_RELATIVE)
        entry->start += index->address + (uint64_t)(fde->start - index->bytes);
    entry->end = entry->start + length;
    return entry->end > entry->start;
}

static void add_entry(struct unwind_index *index, uint64_t offset, const Dwarf_FDE *fde)
{
    struct unwind_index_entry entry = {.offset = offset};
    Dwarf_CIE cie;

    if (!read_cie(index, fde->CIE_pointer, &cie) || !read_range(index, fde, &cie, &entry))
        return;
    index->entries = memory_grow(index->entries, &index->capacity, index->count + 1,
                                 sizeof *index->entries);
    index->entries[index->count++] = entry;
}

static int compare_entries(const void *left, const void *right)
{
    const struct unwind_index_entry *a = left, *b = right;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

void unwind_index_init(struct unwind_index *index, uint8_t *bytes, size_t byte_count,
                       uint64_t address, bool is_eh_frame)
{
    uint64_t offset = 0;

    *index = (struct unwind_index){
        .bytes = bytes, .byte_count = byte_count, .address = address, .is_eh_frame = is_eh_frame};
    while (offset < byte_count) {
        Dwarf_CFI_Entry entry;
        uint64_t next;

        if (!read_record(index, offset, &next, &entry) || next <= offset)
            break;
        if (!dwarf_cfi_cie_p(&entry))
            add_entry(index, offset, &entry.fde);
        offset = next;
    }
    if (index->count)
        qsort(index->entries, index->count, sizeof *index->entries, compare_entries);
}

void unwind_index_clear(struct unwind_index *index)
{
    free(index->bytes);
    free(index->entries);
    *index = (struct unwind_index){0};
}

const struct unwind_index_entry *unwind_index_find(const struct unwind_index *index,
                                                   uint64_t address)
{
    size_t low = 0, high = index->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->entries[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= index->entries[low - 1].end)
        return NULL;
    return &index->entries[low - 1];
}

/* ---- copies ------------------------------------------------------------------------------------
 */

struct writer {
    uint8_t *bytes;
    size_t capacity;
    size_t count;
    bool is_full;
};

static void write_bytes(struct writer *writer, const void *bytes, size_t count)
{
    if (count > writer->capacity - writer->count) {
        writer->is_full = true;
        return;
    }
    memcpy(writer->bytes + writer->count, bytes, count);
    writer->count += count;
}

static void write_number(struct writer *writer, uint64_t value, unsigned count)
{
    write_bytes(writer, &value, count);
}

static void write_uleb(struct writer *writer, uint64_t value)
{
    do {
        uint8_t byte = value & 0x7f;

        value >>= 7;
        write_number(writer, value ? byte | 0x80 : byte, 1);
    } while (value);
}

static void write_sleb(struct writer *writer, int64_t value)
{
    bool is_last;

    do {
        uint8_t byte = value & 0x7f;

        value >>= 7;
        is_last = value == (byte & 0x40 ? -1 : 0);
        write_number(writer, is_last ? byte : byte | 0x80, 1);
    } while (!is_last);
}

/* Pads with DW_CFA_nop and sets the length of the record that began at `start`. */
static void finish_record(struct writer *writer, size_t start)
{
    uint32_t length;

    while (writer->count % 8 && !writer->is_full)
        write_number(writer, 0, 1);
    length = (uint32_t)(writer->count - start - 4);
    if (!writer->is_full)
        memcpy(writer->bytes + start, &length, 4);
}

static void write_cie(struct writer *writer, const Dwarf_CIE *cie)
{
    enum {
        VERSION = 1,
        NO_AUGMENTATION = 0
    };

    write_number(writer, 0, 4); /* the length, set at the end */
    write_number(writer, 0, 4);
    write_number(writer, VERSION, 1);
    write_number(writer, NO_AUGMENTATION, 1);
    write_uleb(writer, cie->code_alignment_factor);
    write_sleb(writer, cie->data_alignment_factor);
    write_number(writer, cie->return_address_register, 1);
    write_bytes(writer, cie->initial_instructions,
                (size_t)(cie->initial_instructions_end - cie->initial_instructions));
    finish_record(writer, 0);
}

size_t unwind_index_copy(const struct unwind_index *index, const struct unwind_index_entry *entry,
                         uint64_t bias, uint8_t *copy, size_t copy_bytes, size_t *fde_offset)
{
    enum {
        ADDRESS_AND_LENGTH = 16
    };
    struct writer writer = {.bytes = copy, .capacity = copy_bytes};
    Dwarf_CFI_Entry record;
    Dwarf_CIE cie;
    uint64_t next;

    if (!read_record(index, entry->offset, &next, &record) || dwarf_cfi_cie_p(&record) ||
        !read_cie(index, record.fde.CIE_pointer, &cie) || cie.augmentation[0] ||
        record.fde.end - record.fde.start < ADDRESS_AND_LENGTH)
        return 0;
    write_cie(&writer, &cie);
    *fde_offset = writer.count;
    write_number(&writer, 0, 4);
    write_number(&writer, writer.count, 4); /* how far back the CIE is */
    write_number(&writer, entry->start + bias, 8);
    write_number(&writer, entry->end - entry->start, 8);
    write_bytes(&writer, record.fde.start + ADDRESS_AND_LENGTH,
                (size_t)(record.fde.end - record.fde.start) - ADDRESS_AND_LENGTH);
    finish_record(&writer, *fde_offset);
    return writer.is_full ? 0 : writer.count;
}
