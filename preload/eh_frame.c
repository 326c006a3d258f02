#include "preload/eh_frame.h"

#include "preload/byte_cursor.h"

enum {
    POINTER_OMITTED = 0xff,
    POINTER_FORMAT_MASK = 0x0f,
    POINTER_BASE_MASK = 0x70,
    POINTER_INDIRECT = 0x80,
    POINTER_BASE_ABSOLUTE = 0x00,
    POINTER_BASE_PC = 0x10,
    POINTER_BASE_DATA = 0x30,
    POINTER_USUAL_IN_TABLE = 0x3b /* datarel | sdata4 */
};

/* A module without a sorted table is looked through no further than this. */
enum {
    LINEAR_SEARCH_MAX_RECORDS = 200000
};

static struct byte_cursor cursor_in_module(const struct eh_frame_module *module, uint64_t address)
{
    struct byte_cursor cursor = {.is_bad = address < module->start || address >= module->end};

    if (!cursor.is_bad) {
        cursor.at = (const uint8_t *)(uintptr_t)address;
        cursor.end = (const uint8_t *)(uintptr_t)module->end;
    }
    return cursor;
}

static uint64_t cursor_address(const struct byte_cursor *cursor)
{
    return (uint64_t)(uintptr_t)cursor->at;
}

/* The bytes that a pointer format takes; 0 for LEB128, -1 for what is not known. */
static int pointer_format_bytes(uint8_t encoding)
{
    static const int8_t bytes[16] = {
        [0x0] = 8,                                                /* absptr */
        [0x1] = 0,                                                /* uleb128 */
        [0x2] = 2,  [0x3] = 4,  [0x4] = 8,                        /* udata */
        [0x5] = -1, [0x6] = -1, [0x7] = -1, [0x8] = 8, [0x9] = 0, /* sleb128 */
        [0xa] = 2,  [0xb] = 4,  [0xc] = 8,                        /* sdata */
        [0xd] = -1, [0xe] = -1, [0xf] = -1,
    };

    return bytes[encoding & POINTER_FORMAT_MASK];
}

static bool read_pointer_value(struct byte_cursor *cursor, uint8_t encoding, uint64_t *value)
{
    int bytes = pointer_format_bytes(encoding);
    bool is_signed = encoding & 0x08;

    if (bytes < 0)
        return false;
    if (bytes == 0)
        *value = is_signed ? (uint64_t)byte_cursor_sleb(cursor) : byte_cursor_uleb(cursor);
    else if (is_signed)
        *value = (uint64_t)byte_cursor_signed(cursor, (unsigned)bytes);
    else
        *value = byte_cursor_unsigned(cursor, (unsigned)bytes);
    return !cursor->is_bad;
}

bool eh_frame_read_pointer(struct byte_cursor *cursor, uint8_t encoding, uint64_t data_base,
                           uint64_t *value)
{
    uint64_t place = cursor_address(cursor);

    if (encoding == POINTER_OMITTED || encoding & POINTER_INDIRECT)
        return false;
    if (!read_pointer_value(cursor, encoding, value))
        return false;
    switch (encoding & POINTER_BASE_MASK) {
    case POINTER_BASE_ABSOLUTE:
        return true;
    case POINTER_BASE_PC:
        *value += place;
        return true;
    case POINTER_BASE_DATA:
        *value += data_base;
        return true;
    default:
        return false;
    }
}

/* ---- CIE and FDE -------------------------------------------------------------------------------
 */

/* Steps into the record (CIE or FDE) at the cursor: afterwards the cursor holds what follows the
 * length, and *next is the address after the record. False at the terminator and for nonsense. */
static bool enter_record(struct byte_cursor *cursor, uint64_t *next)
{
    uint64_t length = byte_cursor_unsigned(cursor, 4);

    if (length == 0xffffffff)
        length = byte_cursor_unsigned(cursor, 8);
    if (cursor->is_bad || length == 0 || length > byte_cursor_left(cursor))
        return false;
    cursor->end = cursor->at + length;
    *next = cursor_address(cursor) + length;
    return true;
}

/* The augmentation data of a CIE, letter by letter; `augmentation` stands after the 'z'. */
static bool read_augmentation(struct byte_cursor *cursor, const char *augmentation,
                              struct eh_frame_entry *entry)
{
    uint64_t size = byte_cursor_uleb(cursor);
    const uint8_t *after;
    uint64_t ignored;

    if (size > byte_cursor_left(cursor))
        return false;
    after = cursor->at + size;
    for (; *augmentation; augmentation++) {
        switch (*augmentation) {
        case 'R':
            entry->pointer_encoding = byte_cursor_byte(cursor);
            break;
        case 'L':
            byte_cursor_byte(cursor);
            break;
        case 'P':
            if (!read_pointer_value(cursor, byte_cursor_byte(cursor), &ignored))
                return false;
            break;
        case 'S':
            entry->is_signal_frame = true;
            break;
        case 'B': /* pointers signed with the other key: nothing to read */
            break;
        default: /* its data is skipped with the rest; later letters cannot be placed */
            cursor->at = after;
            return true;
        }
    }
    cursor->at = after;
    return !cursor->is_bad;
}

/* Fills what the CIE says; has_augmentation_data tells whether its FDEs carry such data. */
static bool read_cie(const struct eh_frame_module *module, uint64_t address,
                     struct eh_frame_entry *entry, bool *has_augmentation_data)
{
    struct byte_cursor cursor = cursor_in_module(module, address);
    const char *augmentation;
    uint64_t next;
    uint8_t version;

    if (!enter_record(&cursor, &next) || byte_cursor_unsigned(&cursor, 4) != 0)
        return false;
    version = byte_cursor_byte(&cursor);
    if (version != 1 && version != 3)
        return false;
    augmentation = (const char *)cursor.at;
    while (byte_cursor_byte(&cursor))
        ;
    if (cursor.is_bad)
        return false;
    if (augmentation[0] == 'e' && augmentation[1] == 'h') { /* compilers of the last century */
        byte_cursor_skip(&cursor, 8);
        augmentation += 2;
    }
    entry->code_alignment = byte_cursor_uleb(&cursor);
    entry->data_alignment = byte_cursor_sleb(&cursor);
    entry->return_address_register = version == 1 ? byte_cursor_byte(&cursor)
                                                  : byte_cursor_uleb(&cursor);
    *has_augmentation_data = augmentation[0] == 'z';
    if (*has_augmentation_data) {
        if (!read_augmentation(&cursor, augmentation + 1, entry))
            return false;
    } else if (augmentation[0]) {
        return false;
    }
    entry->initial_instructions = cursor.at;
    entry->initial_instructions_end = cursor.end;
    return !cursor.is_bad;
}

/* The same, or what is known of it; *scratch is for one that is not. */
static const struct eh_frame_cie *find_cie(const struct eh_frame_module *module, uint64_t address,
                                           struct eh_frame_known *known,
                                           struct eh_frame_cie *scratch)
{
    struct eh_frame_cie *cie = known != NULL ? &known->cie : scratch;

    if (known != NULL && cie->address == address)
        return cie;
    *cie = (struct eh_frame_cie){0};
    if (!read_cie(module, address, &cie->said, &cie->has_augmentation_data))
        return NULL;
    cie->address = address;
    return cie;
}

/* Reads the FDE at `address` and its CIE. False for a CIE and for what cannot be understood; *next
 * is the record after it, 0 where the records end. */
static bool read_fde(const struct eh_frame_module *module, uint64_t address,
                     struct eh_frame_known *known, struct eh_frame_entry *entry, uint64_t *next)
{
    struct byte_cursor cursor = cursor_in_module(module, address);
    uint64_t cie_place, cie_distance, range;
    const struct eh_frame_cie *cie;
    struct eh_frame_cie scratch;

    *next = 0;
    if (!enter_record(&cursor, next))
        return false;
    cie_place = cursor_address(&cursor);
    cie_distance = byte_cursor_unsigned(&cursor, 4);
    if (cursor.is_bad || cie_distance == 0 || cie_distance > cie_place - module->start)
        return false;
    cie = find_cie(module, cie_place - cie_distance, known, &scratch);
    if (cie == NULL)
        return false;
    *entry = cie->said;
    if (!eh_frame_read_pointer(&cursor, entry->pointer_encoding, 0, &entry->pc_begin) ||
        !read_pointer_value(&cursor, entry->pointer_encoding & 0x07, &range))
        return false;
    entry->pc_end = entry->pc_begin + range;
    if (cie->has_augmentation_data)
        byte_cursor_skip(&cursor, byte_cursor_uleb(&cursor));
    entry->instructions = cursor.at;
    entry->instructions_end = cursor.end;
    return !cursor.is_bad;
}

static bool entry_covers(const struct eh_frame_entry *entry, uint64_t pc)
{
    return pc >= entry->pc_begin && pc < entry->pc_end;
}

/* ---- the search --------------------------------------------------------------------------------
 */

static bool read_header(const struct eh_frame_module *module, struct eh_frame_header *header)
{
    struct byte_cursor cursor = cursor_in_module(module, module->header);
    uint8_t version = byte_cursor_byte(&cursor);
    uint8_t frames_encoding = byte_cursor_byte(&cursor);
    uint8_t count_encoding = byte_cursor_byte(&cursor);
    int item_bytes;

    *header = (struct eh_frame_header){.address = module->header,
                                       .encoding = byte_cursor_byte(&cursor)};
    if (cursor.is_bad || version != 1)
        return false;
    if (!eh_frame_read_pointer(&cursor, frames_encoding, header->address, &header->frames))
        return false;
    if (!eh_frame_read_pointer(&cursor, count_encoding, header->address, &header->count))
        header->count = 0;
    item_bytes = pointer_format_bytes(header->encoding);
    if (header->encoding == POINTER_OMITTED || item_bytes <= 0)
        header->count = 0;
    else
        header->item_bytes = (unsigned)item_bytes;
    if (header->count > byte_cursor_left(&cursor) / 4) /* more than the module can hold */
        header->count = 0;
    header->table = cursor.at;
    return true;
}

static bool read_table_item(const struct eh_frame_module *module,
                            const struct eh_frame_header *header, uint64_t index, uint64_t *value)
{
    uint64_t address = (uint64_t)(uintptr_t)header->table + index * header->item_bytes;
    struct byte_cursor cursor = cursor_in_module(module, address);

    return eh_frame_read_pointer(&cursor, header->encoding, header->address, value);
}

/* How every linker of today writes the table: pairs of four bytes each, relative to the header. */
static bool is_usual_table(const struct eh_frame_module *module,
                           const struct eh_frame_header *header)
{
    uint64_t table = (uint64_t)(uintptr_t)header->table;

    return header->encoding == POINTER_USUAL_IN_TABLE && table <= module->end &&
           header->count <= (module->end - table) / 8;
}

/* search_table for such a one, which lies within the module. */
static uint64_t search_usual_table(const struct eh_frame_header *header, uint64_t pc)
{
    const uint8_t *first = header->table;
    int64_t wanted = (int64_t)(pc - header->address);
    uint64_t count = header->count;

    if (count == 0 || (int32_t)byte_cursor_word(first, 4) > wanted)
        return 0;
    while (count > 1) {
        uint64_t half = count / 2;

        if ((int32_t)byte_cursor_word(first + half * 8, 4) <= wanted)
            first += half * 8;
        count -= half;
    }
    return header->address + (uint64_t)(int64_t)(int32_t)byte_cursor_word(first + 4, 4);
}

/* The FDE of the last table entry that does not begin after pc; 0 = none. */
static uint64_t search_table(const struct eh_frame_module *module,
                             const struct eh_frame_header *header, uint64_t pc)
{
    uint64_t low = 0, high = header->count;
    uint64_t value;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (!read_table_item(module, header, 2 * middle, &value))
            return 0;
        if (value <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || !read_table_item(module, header, 2 * (low - 1) + 1, &value))
        return 0;
    return value;
}

static bool search_linearly(const struct eh_frame_module *module, uint64_t frames, uint64_t pc,
                            struct eh_frame_entry *entry)
{
    uint64_t next = frames;

    for (int i = 0; i < LINEAR_SEARCH_MAX_RECORDS && next; i++) {
        if (read_fde(module, next, NULL, entry, &next) && entry_covers(entry, pc))
            return true;
    }
    return false;
}

static bool find_header(const struct eh_frame_module *module, struct eh_frame_known *known,
                        struct eh_frame_header *header)
{
    if (known != NULL && known->generation == module->generation &&
        known->header.address == module->header) {
        *header = known->header;
        return true;
    }
    if (!read_header(module, header))
        return false;
    if (known != NULL)
        *known = (struct eh_frame_known){.generation = module->generation, .header = *header};
    return true;
}

bool eh_frame_find(const struct eh_frame_module *module, uint64_t pc, struct eh_frame_known *known,
                   struct eh_frame_entry *entry)
{
    struct eh_frame_header header;
    uint64_t fde, next;

    if (module->generation == 0)
        known = NULL;
    if (!module->header || !find_header(module, known, &header))
        return false;
    if (header.count == 0)
        return search_linearly(module, header.frames, pc, entry);
    fde = is_usual_table(module, &header) ? search_usual_table(&header, pc)
                                          : search_table(module, &header, pc);
    return fde && read_fde(module, fde, known, entry, &next) && entry_covers(entry, pc);
}
