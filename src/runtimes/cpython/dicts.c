/* A dictionary is a table of indices, followed by entries in the order of their making. Up to 3.10
 * an entry is hash, key and value; since 3.11 a table whose keys are all strings leaves the hashes
 * out, and one that instances of a class share has keys alone. */
#include "runtimes/cpython/dicts.h"

#include <string.h>

enum {
    ENTRIES_MAX = 1 << 28,
    ENTRY_GENERAL = 24,
    ENTRY_OF_STRINGS = 16,
    /* Up to 3.10. */
    OLD_SIZE = 8,
    /* Since 3.11, one byte each. */
    LOG2_INDEX_BYTES = 9,
    KIND = 10,
    KIND_GENERAL = 0,
    KIND_SPLIT = 2,
    LOG2_INDEX_BYTES_MAX = 40
};

static bool read_old_keys(const struct cpython *python, uint64_t address, struct cpython_keys *keys)
{
    uint64_t size = cpython_field(python, address, OLD_SIZE);
    if (size == 0 || size > ENTRIES_MAX || (size & (size - 1)) != 0)
        return false;
    unsigned index_bytes = size <= 0xff ? 1 : size <= 0xffff ? 2 : 4;
    keys->entries = address + python->offsets.keys_indices + size * index_bytes;
    keys->entry_bytes = ENTRY_GENERAL;
    keys->key_offset = 8;
    keys->value_offset = 16;
    return true;
}

static bool read_new_keys(const struct cpython *python, uint64_t address, struct cpython_keys *keys)
{
    uint8_t log2_bytes = memory_view_byte_or_0(python->view, address + LOG2_INDEX_BYTES);
    uint8_t kind = memory_view_byte_or_0(python->view, address + KIND);
    if (log2_bytes > LOG2_INDEX_BYTES_MAX || kind > KIND_SPLIT)
        return false;
    bool is_general = kind == KIND_GENERAL;
    keys->entries = address + python->offsets.keys_indices + (UINT64_C(1) << log2_bytes);
    keys->entry_bytes = is_general ? ENTRY_GENERAL : ENTRY_OF_STRINGS;
    keys->key_offset = is_general ? 8 : 0;
    keys->value_offset = kind == KIND_SPLIT ? UINT32_MAX : keys->key_offset + 8;
    return true;
}

bool cpython_keys_read(const struct cpython *python, uint64_t address, struct cpython_keys *keys)
{
    if (!cpython_is_pointer(address))
        return false;
    keys->entry_count = cpython_field(python, address, python->offsets.keys_entry_count);
    if (keys->entry_count > ENTRIES_MAX)
        return false;
    return python->offsets.minor <= 10 ? read_old_keys(python, address, keys)
                                       : read_new_keys(python, address, keys);
}

void cpython_dict_visit(const struct cpython *python, uint64_t dict, cpython_visit_entry visit,
                        void *context)
{
    struct cpython_keys keys;
    uint64_t values = cpython_field(python, dict, CPYTHON_DICT_VALUES);
    if (!cpython_keys_read(python, cpython_field(python, dict, CPYTHON_DICT_KEYS), &keys))
        return;
    if (values != 0 && python->offsets.minor >= 13)
        values += 8; /* behind capacity and size */
    if (values == 0 && keys.value_offset == UINT32_MAX)
        return;
    for (uint64_t i = 0; i < keys.entry_count; i++) {
        uint64_t entry = keys.entries + i * keys.entry_bytes, key, value;
        uint64_t slot = values != 0 ? values + i * 8 : entry + keys.value_offset;
        if (!memory_view_word(python->view, entry + keys.key_offset, &key) ||
            !memory_view_word(python->view, slot, &value))
            return;
        if (value != 0 && !visit(context, key, value, slot))
            return;
    }
}

struct finding {
    const struct cpython *python;
    const char *key;
    uint64_t value;
};

static bool compare_key(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)slot;
    struct finding *finding = context;
    char text[128];
    if (!cpython_string(finding->python, key, text, sizeof text) || strcmp(text, finding->key) != 0)
        return true;
    finding->value = value;
    return false;
}

bool cpython_dict_find(const struct cpython *python, uint64_t dict, const char *key,
                       uint64_t *value)
{
    struct finding finding = {.python = python, .key = key};
    cpython_dict_visit(python, dict, compare_key, &finding);
    *value = finding.value;
    return finding.value != 0;
}

static size_t put_utf8(char *to, uint32_t character)
{
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        to[0] = (char)(0xc0 | character >> 6);
        to[1] = (char)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        to[0] = (char)(0xe0 | character >> 12);
        to[1] = (char)(0x80 | (character >> 6 & 0x3f));
        to[2] = (char)(0x80 | (character & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | (character >> 18 & 7));
    to[1] = (char)(0x80 | (character >> 12 & 0x3f));
    to[2] = (char)(0x80 | (character >> 6 & 0x3f));
    to[3] = (char)(0x80 | (character & 0x3f));
    return 4;
}

bool cpython_string(const struct cpython *python, uint64_t string, char *text, size_t text_bytes)
{
    uint32_t state = memory_view_half_or_0(python->view, string + CPYTHON_STRING_STATE);
    uint64_t length = cpython_field(python, string, CPYTHON_STRING_LENGTH);
    uint32_t minor = python->offsets.minor, width = cpython_string_kind(state, minor);
    size_t used = 0;
    text[0] = '\0';
    if (!cpython_is_pointer(string) || length > UINT32_MAX ||
        !cpython_string_is_compact(state, minor) || (width != 1 && width != 2 && width != 4))
        return false;
    uint64_t data = string + (cpython_string_is_ascii(state, minor)
                                  ? python->offsets.string_ascii_data
                                  : python->offsets.string_compact_data);
    for (uint64_t i = 0; i < length && used + 5 <= text_bytes; i++) {
        uint32_t character = 0;
        if (!memory_view_read(python->view, data + i * width, &character, width))
            break;
        if ((character >= 0xd800 && character < 0xe000) || character < ' ')
            character = '?';
        used += put_utf8(text + used, character);
    }
    text[used] = '\0';
    return true;
}
