#include "preload/python_code.h"

#include <stdatomic.h>
#include <string.h>

#include "preload/event_writer.h"
#include "preload/own_memory.h"
#include "preload/python_runtime.h"
#include "preload/session_link.h"

enum {
    TABLE_ENTRIES = 1 << 15,
    PROBES = 8,
    NO_NUMBER = 0
};

/* A code object as it was when it got its number. */
struct code_entry {
    uint64_t code;
    uint64_t name, file_name, line_table;
    uint32_t first_line;
    uint32_t number; /* NO_NUMBER: the entry is empty */
};

static struct code_entry *_Atomic table; /* of TABLE_ENTRIES; NULL = none yet */
static _Atomic uint32_t user;            /* pid of the process whose thread uses it; 0 = nobody */

static uint64_t load(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

/* ---- the table --------------------------------------------------------------------------- */

static struct code_entry *make_table(void)
{
    struct code_entry *made = own_memory_map(TABLE_ENTRIES * sizeof *made);
    if (made != NULL) {
        atomic_fetch_add(&process_current->shared->own_bytes, TABLE_ENTRIES * sizeof *made);
        atomic_store(&table, made);
    }
    return made;
}

/* NULL: somebody else is at it. In the child of a fork that came while the parent was at it, it is
 * as good as empty. */
static struct code_entry *enter_table(void)
{
    uint32_t own = process_current->own_pid, other = 0;
    if (!atomic_compare_exchange_strong(&user, &other, own)) {
        if (other == own || !atomic_compare_exchange_strong(&user, &other, own))
            return NULL;
        struct code_entry *entries = atomic_load(&table);
        if (entries != NULL)
            memset(entries, 0, TABLE_ENTRIES * sizeof *entries);
    }
    struct code_entry *entries = atomic_load(&table);
    if (entries == NULL && (entries = make_table()) == NULL)
        atomic_store(&user, 0);
    return entries;
}

static void leave_table(void)
{
    atomic_store_explicit(&user, 0, memory_order_release);
}

static struct code_entry describe(uint64_t code)
{
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    return (struct code_entry){
        .code = code,
        .name = load(code + offsets->code_name),
        .file_name = load(code + offsets->code_filename),
        .line_table = load(code + offsets->code_line_table),
        .first_line = (uint32_t)load(code + offsets->code_first_line),
    };
}

static bool is_same(const struct code_entry *a, const struct code_entry *b)
{
    return a->code == b->code && a->name == b->name && a->file_name == b->file_name &&
           a->line_table == b->line_table && a->first_line == b->first_line;
}

/* The entry of this code; or one that it may take. */
static struct code_entry *find_entry(struct code_entry *entries, const struct code_entry *wanted)
{
    uint64_t hash = (wanted->code >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    struct code_entry *free_entry = &entries[hash % TABLE_ENTRIES];
    for (uint32_t i = 0; i < PROBES; i++) {
        struct code_entry *entry = &entries[(hash + i) % TABLE_ENTRIES];
        if (entry->number == NO_NUMBER || entry->code == wanted->code)
            return entry;
    }
    return free_entry;
}

/* ---- texts ------------------------------------------------------------------------------- */

struct text_writer {
    char *at, *end;
};

/* Surrogates that stand for bytes of a file's name (PEP 383) become those bytes again. */
static void put_character(struct text_writer *writer, uint32_t character)
{
    enum {
        FIRST_BYTE = 0xdc80,
        LAST_BYTE = 0xdcff
    };
    char bytes[4];
    uint32_t count = 0;
    if (character < 0x80) {
        bytes[count++] = (char)character;
    } else if (character >= FIRST_BYTE && character <= LAST_BYTE) {
        bytes[count++] = (char)(character - 0xdc00);
    } else if (character < 0x800) {
        bytes[count++] = (char)(0xc0 | character >> 6);
        bytes[count++] = (char)(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        bytes[count++] = (char)(0xe0 | character >> 12);
        bytes[count++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (character & 0x3f));
    } else {
        bytes[count++] = (char)(0xf0 | (character >> 18 & 7));
        bytes[count++] = (char)(0x80 | (character >> 12 & 0x3f));
        bytes[count++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (character & 0x3f));
    }
    if (character == 0 || (size_t)(writer->end - writer->at) < count) {
        writer->end = writer->at; /* no more, so that no character is cut */
        return;
    }
    memcpy(writer->at, bytes, count);
    writer->at += count;
}

/* A str object as UTF-8, cut where there is no more room. */
static uint32_t copy_text(uint64_t object, char *room, uint32_t bytes)
{
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    struct text_writer writer = {room, room + bytes};
    if ((object & 7) != 0 || object < 4096 ||
        load(object + CPYTHON_OBJECT_TYPE) != python_runtime.text_type)
        return 0;
    uint64_t length = load(object + CPYTHON_STRING_LENGTH);
    uint32_t state = (uint32_t)load(object + CPYTHON_STRING_STATE);
    if (!cpython_string_is_compact(state, offsets->minor))
        return 0;
    uint64_t data_offset = cpython_string_is_ascii(state, offsets->minor)
                               ? offsets->string_ascii_data
                               : offsets->string_compact_data;
    const uint8_t *data = (const uint8_t *)(uintptr_t)(object + data_offset);
    uint32_t kind = cpython_string_kind(state, offsets->minor);
    for (uint64_t i = 0; i < length && writer.at < writer.end; i++)
        put_character(&writer, kind == 1   ? data[i]
                               : kind == 2 ? ((const uint16_t *)(const void *)data)[i]
                                           : ((const uint32_t *)(const void *)data)[i]);
    return (uint32_t)(writer.at - room);
}

/* ---- what the recorder is told ------------------------------------------------------------- */

static bool tell_lines(struct thread_state *thread, uint32_t number, uint64_t bytes_object,
                       uint32_t length)
{
    enum {
        PART = WIRE_MAX_TEXT_BYTES
    };
    const char *lines = (const char *)(uintptr_t)(bytes_object + CPYTHON_BYTES_DATA);
    for (uint32_t offset = 0; offset < length; offset += PART) {
        uint32_t part = length - offset < PART ? length - offset : PART;
        uint64_t *record = event_reserve(thread, 3 + (part + 7) / 8);
        if (record == NULL)
            return false;
        record[1] = number | (uint64_t)offset << 32;
        record[2] = part;
        memcpy(record + 3, lines + offset, part);
        record[0] = event_stamp() | WIRE_PYTHON_LINES;
        event_commit(thread, 3 + (part + 7) / 8);
    }
    return true;
}

static bool tell(struct thread_state *thread, const struct code_entry *entry)
{
    enum {
        ROOM = sizeof(struct wire_python_code) + WIRE_MAX_PYTHON_NAME_BYTES + WIRE_MAX_TEXT_BYTES
    };
    uint64_t length = 0;
    if ((entry->line_table & 7) == 0 && entry->line_table >= 4096 &&
        load(entry->line_table + CPYTHON_OBJECT_TYPE) == python_runtime.bytes_type)
        length = load(entry->line_table + CPYTHON_OBJECT_SIZE);
    struct wire_python_code *record = (void *)event_reserve(thread, ROOM / 8);
    if (record == NULL)
        return false;
    char *texts = (char *)(record + 1);
    record->number = entry->number;
    record->version_minor = (uint16_t)python_runtime.offsets.minor;
    record->first_line = entry->first_line;
    record->line_bytes = (uint32_t)(length < WIRE_MAX_PYTHON_LINE_BYTES
                                        ? length
                                        : WIRE_MAX_PYTHON_LINE_BYTES);
    record->name_bytes = (uint16_t)copy_text(entry->name, texts, WIRE_MAX_PYTHON_NAME_BYTES);
    record->file_bytes = (uint16_t)copy_text(entry->file_name, texts + record->name_bytes,
                                             WIRE_MAX_TEXT_BYTES);
    record->spare = 0;
    uint32_t bytes = (uint32_t)sizeof *record + record->name_bytes + record->file_bytes;
    uint32_t line_bytes = record->line_bytes;
    record->header = event_stamp() | WIRE_PYTHON_CODE;
    event_commit(thread, (bytes + 7) / 8);
    thread->last_birth = 0;
    return tell_lines(thread, entry->number, entry->line_table, line_bytes);
}

static uint32_t new_number(void)
{
    return atomic_fetch_add(&session->python_codes, 1) + 1;
}

/* The number of the code, told. */
static uint32_t find_number(struct thread_state *thread, uint64_t code)
{
    struct code_entry wanted = describe(code);
    struct code_entry *entries = enter_table();
    struct code_entry *entry = entries != NULL ? find_entry(entries, &wanted) : NULL;
    if (entry != NULL && entry->number != NO_NUMBER && is_same(entry, &wanted)) {
        wanted.number = entry->number;
    } else {
        wanted.number = new_number();
        if (!tell(thread, &wanted))
            wanted.number = NO_NUMBER;
        else if (entry != NULL)
            *entry = wanted; /* only now: who finds it may name it in a stack of a later stamp */
    }
    if (entries != NULL)
        leave_table();
    return wanted.number;
}

/* In units of two bytes, one more than that of the last instruction: 0 is before the first. */
static uint64_t unit_of(const struct python_frame *frame)
{
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    int64_t unit;
    if (offsets->minor >= 11)
        unit = ((int64_t)frame->instruction - (int64_t)(frame->code + offsets->code_bytecode)) / 2;
    else
        unit = (int32_t)frame->instruction >= 0 && offsets->minor < 10
                   ? (int32_t)frame->instruction / 2
                   : (int32_t)frame->instruction;
    if (unit < 0)
        return 0;
    uint64_t most = WIRE_PYTHON_UNIT_MASK;
    return (uint64_t)unit < most ? (uint64_t)unit + 1 : most;
}

uint64_t python_code_word(struct thread_state *thread, const struct python_frame *frame)
{
    if (load(frame->code + CPYTHON_OBJECT_TYPE) != python_runtime.code_type)
        return 0;
    uint32_t number = find_number(thread, frame->code);
    if (number == NO_NUMBER)
        return 0;
    return WIRE_FRAME_PYTHON | (uint64_t)number << WIRE_PYTHON_NUMBER_SHIFT | unit_of(frame);
}
