#include "record/python_codes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/string_pool.h"
#include "symbols/python_lines.h"
#include "wire/wire_format.h"

enum {
    MAX_CODES = 1 << 20,
    MAX_PLACES = 1 << 24
};
#define MAX_LINE_BYTES (UINT64_C(256) << 20) /* of all tables: those beyond tell no lines */

struct code {
    struct string_id function, file;
    uint32_t first_line;
    uint32_t version_minor;
    uint8_t *lines; /* line_room bytes once the first part came */
    uint32_t line_bytes, line_room;
};

struct place {
    struct string_id function, file;
    uint32_t line;
};

struct python_codes {
    struct hash_map by_number; /* position in `codes` */
    struct code *codes;
    size_t count, capacity;
    uint64_t line_bytes; /* of all tables */
    struct string_pool *texts;
    struct hash_index place_index;
    struct place *places; /* the first one is place 1 */
    size_t place_count, place_capacity;
};

struct python_codes *python_codes_create(void)
{
    struct python_codes *codes = memory_allocate_zeroed(1, sizeof *codes);
    codes->texts = string_pool_create();
    return codes;
}

void python_codes_destroy(struct python_codes *codes)
{
    if (codes == NULL)
        return;
    for (size_t i = 0; i < codes->count; i++)
        free(codes->codes[i].lines);
    free(codes->codes);
    free(codes->places);
    hash_map_clear(&codes->by_number);
    hash_index_clear(&codes->place_index);
    string_pool_destroy(codes->texts);
    free(codes);
}

static struct string_id add_text(struct python_codes *codes, const char *text, size_t bytes)
{
    return string_pool_add_bytes(codes->texts, text, strnlen(text, bytes));
}

void python_codes_add(struct python_codes *codes, const struct wire_python_code *record)
{
    if (codes->count >= MAX_CODES)
        return;
    bool is_new;
    uint64_t *position = hash_map_put(&codes->by_number, record->number, &is_new);
    if (!is_new)
        return;
    *position = codes->count;
    const char *texts = (const char *)(record + 1);
    bool has_room = record->line_bytes <= WIRE_MAX_PYTHON_LINE_BYTES &&
                    codes->line_bytes + record->line_bytes <= MAX_LINE_BYTES;
    codes->codes = memory_grow(codes->codes, &codes->capacity, codes->count + 1,
                               sizeof *codes->codes);
    codes->codes[codes->count++] = (struct code){
        .function = add_text(codes, texts, record->name_bytes),
        .file = add_text(codes, texts + record->name_bytes, record->file_bytes),
        .first_line = record->first_line,
        .version_minor = record->version_minor,
        .line_room = has_room ? record->line_bytes : 0,
    };
    codes->line_bytes += has_room ? record->line_bytes : 0;
}

static struct code *find_code(const struct python_codes *codes, uint64_t number)
{
    const uint64_t *position = hash_map_find(&codes->by_number, number);
    return position != NULL ? &codes->codes[*position] : NULL;
}

void python_codes_add_lines(struct python_codes *codes, uint32_t number, uint64_t offset,
                            const void *bytes, size_t count)
{
    struct code *code = find_code(codes, number);
    if (code == NULL || offset != code->line_bytes || count > code->line_room - code->line_bytes)
        return;
    if (code->lines == NULL)
        code->lines = memory_allocate(code->line_room);
    memcpy(code->lines + offset, bytes, count);
    code->line_bytes += (uint32_t)count;
}

/* ---- places ------------------------------------------------------------------------------- */

static uint32_t line_of(const struct code *code, uint64_t unit_plus_1)
{
    if (unit_plus_1 == 0)
        return code->first_line;
    struct python_line_table table = {.version_minor = code->version_minor,
                                      .first_line = code->first_line,
                                      .bytes = code->lines,
                                      .count = code->line_bytes};
    return python_lines_find(&table, (uint32_t)(unit_plus_1 - 1));
}

static bool place_equals(const void *context, uint32_t position, const void *key)
{
    const struct python_codes *codes = context;
    const struct place *a = &codes->places[position], *b = key;
    return a->function.index == b->function.index && a->file.index == b->file.index &&
           a->line == b->line;
}

uint32_t python_codes_find_place(struct python_codes *codes, uint64_t word)
{
    uint64_t number = (word & ~WIRE_FRAME_PYTHON) >> WIRE_PYTHON_NUMBER_SHIFT & UINT32_MAX;
    const struct code *code = find_code(codes, number);
    if (code == NULL)
        return 0;
    struct place place = {code->function, code->file, line_of(code, word & WIRE_PYTHON_UNIT_MASK)};
    uint64_t hash = hash_mix(hash_mix((uint64_t)place.function.index << 32 | place.file.index) ^
                             place.line);
    uint32_t position = hash_index_find(&codes->place_index, hash, &place, place_equals, codes);
    if (position != HASH_INDEX_NONE)
        return position + 1;
    if (codes->place_count >= MAX_PLACES)
        return 0;
    position = (uint32_t)codes->place_count;
    codes->places = memory_grow(codes->places, &codes->place_capacity, codes->place_count + 1,
                                sizeof *codes->places);
    codes->places[codes->place_count++] = place;
    hash_index_add(&codes->place_index, hash, position);
    return position + 1;
}

struct python_place python_codes_place(const struct python_codes *codes, uint32_t place)
{
    if (place == 0 || place > codes->place_count)
        return (struct python_place){.function = "", .file = ""};
    const struct place *found = &codes->places[place - 1];
    return (struct python_place){.function = string_pool_text(codes->texts, found->function),
                                 .file = string_pool_text(codes->texts, found->file),
                                 .line = found->line};
}
