#include "recording/record_codec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "recording/packed_list.h"
#include "recording/varint.h"

/* One function a record holds its table of fields. The typedef gives the field macros, which see
 * only a field's name, the struct in which it stands. */
#define CODEC_UNSIGNED(field) {#field, RECORD_FIELD_UNSIGNED, offsetof(record_struct, field)},
#define CODEC_SIGNED(field)   {#field, RECORD_FIELD_SIGNED, offsetof(record_struct, field)},
#define CODEC_TEXT(field)     {#field, RECORD_FIELD_TEXT, offsetof(record_struct, field)},
#define CODEC_BYTES(field)    {#field, RECORD_FIELD_BYTES, offsetof(record_struct, field)},
#define CODEC_UNSIGNED_LIST(field)                                                                 \
    {#field, RECORD_FIELD_UNSIGNED_LIST, offsetof(record_struct, field)},
#define CODEC_TEXT_LIST(field) {#field, RECORD_FIELD_TEXT_LIST, offsetof(record_struct, field)},
#define CODEC_KIND(number, record_name, keys)                                                      \
    static const struct record_kind *kind_of_##record_name(void)                                   \
    {                                                                                              \
        typedef struct recording_##record_name record_struct;                                      \
        static const struct record_field fields[] = {                                              \
            RECORDING_FIELDS_##record_name(CODEC_UNSIGNED, CODEC_SIGNED, CODEC_TEXT, CODEC_BYTES,  \
                                           CODEC_UNSIGNED_LIST, CODEC_TEXT_LIST)};                 \
        static const struct record_kind kind = {                                                   \
            .kind = RECORDING_##record_name,                                                       \
            .name = #record_name,                                                                  \
            .struct_bytes = sizeof(record_struct),                                                 \
            .key_field_count = keys,                                                               \
            .fields = fields,                                                                      \
            .field_count = sizeof fields / sizeof *fields,                                         \
        };                                                                                         \
        return &kind;                                                                              \
    }
RECORDING_RECORDS(CODEC_KIND)

const struct record_kind *record_kind_find(unsigned kind)
{
#define CODEC_CASE(number, record_name, keys)                                                      \
    case number:                                                                                   \
        return kind_of_##record_name();
    switch (kind) {
        RECORDING_RECORDS(CODEC_CASE)
    default:
        return NULL;
    }
}

const struct record_kind *record_kind_at(size_t position)
{
    static const uint8_t numbers[] = {
#define CODEC_NUMBER(number, record_name, keys) number,
        RECORDING_RECORDS(CODEC_NUMBER)};
    return position < sizeof numbers ? record_kind_find(numbers[position]) : NULL;
}

/* A field of a record, by its type. */
static const void *field_of(const void *record, const struct record_field *field)
{
    return (const char *)record + field->offset;
}

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

/* Upper bound of what follows a field's first number, so that the encoder can write without looking
 * at the room. */
static size_t bound_more_bytes(const struct record_field *field, const void *place)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
    case RECORD_FIELD_SIGNED:
        return 0;
    case RECORD_FIELD_TEXT:
        return strlen(text_or_empty(*(const char *const *)place));
    case RECORD_FIELD_BYTES:
        return ((const struct recording_bytes *)place)->count;
    case RECORD_FIELD_UNSIGNED_LIST:
        return VARINT_MAX_BYTES * ((const struct recording_list *)place)->count;
    case RECORD_FIELD_TEXT_LIST:
        break;
    }
    const struct recording_text_list *list = place;
    size_t bound = 0;
    for (size_t i = 0; i < list->count; i++)
        bound += VARINT_MAX_BYTES + strlen(text_or_empty(list->items[i]));
    return bound;
}

static uint8_t *write_bytes(uint8_t *to, const void *bytes, size_t count)
{
    to = varint_write(to, count);
    if (count > 0)
        memcpy(to, bytes, count);
    return to + count;
}

static uint8_t *write_text(uint8_t *to, const char *text)
{
    text = text_or_empty(text);
    return write_bytes(to, text, strlen(text));
}

static uint8_t *write_field(uint8_t *to, const struct record_field *field, const void *place)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
        return varint_write(to, *(const uint64_t *)place);
    case RECORD_FIELD_SIGNED:
        return varint_write(to, varint_zigzag(*(const int64_t *)place));
    case RECORD_FIELD_TEXT:
        return write_text(to, *(const char *const *)place);
    case RECORD_FIELD_BYTES: {
        const struct recording_bytes *bytes = place;
        return write_bytes(to, bytes->bytes, bytes->count);
    }
    case RECORD_FIELD_UNSIGNED_LIST: {
        const struct recording_list *list = place;
        to = varint_write(to, list->count);
        for (size_t i = 0; i < list->count; i++)
            to = varint_write(to, list->items[i]);
        return to;
    }
    case RECORD_FIELD_TEXT_LIST:
        break;
    }
    const struct recording_text_list *list = place;
    to = varint_write(to, list->count);
    for (size_t i = 0; i < list->count; i++)
        to = write_text(to, list->items[i]);
    return to;
}

static size_t bound_body_bytes(const struct record_kind *kind, const void *record)
{
    size_t bound = VARINT_MAX_BYTES * kind->field_count;
    for (size_t i = 0; i < kind->field_count; i++)
        if (kind->fields[i].type != RECORD_FIELD_UNSIGNED)
            bound += bound_more_bytes(&kind->fields[i], field_of(record, &kind->fields[i]));
    return bound;
}

/* Most fields are unsigned, and most numbers small. */
static uint8_t *write_body(uint8_t *to, const struct record_kind *kind, const void *record)
{
    const struct record_field *field = kind->fields, *fields_end = field + kind->field_count;
    for (; field < fields_end; field++) {
        const void *place = field_of(record, field);
        if (field->type == RECORD_FIELD_UNSIGNED)
            to = varint_write(to, *(const uint64_t *)place);
        else
            to = write_field(to, field, place);
    }
    return to;
}

/* The body is written where it belongs if its length takes one byte, as it mostly does, and moved
 * otherwise: cheaper than measuring every record first. */
void record_encode(const struct record_kind *kind, const void *record, struct text *out)
{
    size_t bound = VARINT_MAX_BYTES + bound_body_bytes(kind, record);
    if (out->count + bound >= out->capacity)
        out->bytes = memory_grow(out->bytes, &out->capacity, out->count + bound + 1, 1);

    uint8_t *start = (uint8_t *)out->bytes + out->count;
    uint8_t *body = start + 1;
    uint8_t *end = write_body(body, kind, record);
    size_t body_bytes = (size_t)(end - body);
    uint8_t length[VARINT_MAX_BYTES];
    size_t length_bytes = (size_t)(varint_write(length, body_bytes) - length);
    if (length_bytes > 1)
        memmove(start + length_bytes, body, body_bytes);
    memcpy(start, length, length_bytes);
    out->count += length_bytes + body_bytes;
    out->bytes[out->count] = '\0';
}

/* Blocks that are filled one after the other and kept: what was handed out never moves, and after a
 * few records nothing is allocated any more. */
struct arena_block {
    uint8_t *bytes;
    size_t capacity;
};

struct record_arena {
    struct arena_block *blocks;
    size_t block_count;
    size_t block_capacity;
    size_t current; /* the block in use */
    size_t used;    /* bytes of it */
};

enum {
    ARENA_BLOCK_BYTES = 64 << 10
};

struct record_arena *record_arena_create(void)
{
    return memory_allocate_zeroed(1, sizeof(struct record_arena));
}

void record_arena_destroy(struct record_arena *arena)
{
    if (!arena)
        return;
    for (size_t i = 0; i < arena->block_count; i++)
        free(arena->blocks[i].bytes);
    free(arena->blocks);
    free(arena);
}

static void *arena_use_next_block(struct record_arena *arena, size_t bytes)
{
    if (arena->used > 0)
        arena->current++;
    while (arena->current < arena->block_count && arena->blocks[arena->current].capacity < bytes)
        arena->current++;
    if (arena->current >= arena->block_count) {
        arena->blocks = memory_grow(arena->blocks, &arena->block_capacity, arena->block_count + 1,
                                    sizeof *arena->blocks);
        size_t capacity = bytes < ARENA_BLOCK_BYTES ? ARENA_BLOCK_BYTES : bytes;
        arena->current = arena->block_count++;
        arena->blocks[arena->current] = (struct arena_block){.bytes = memory_allocate(capacity),
                                                             .capacity = capacity};
    }
    arena->used = bytes;
    return arena->blocks[arena->current].bytes;
}

static void *arena_take(struct record_arena *arena, size_t bytes)
{
    bytes = (bytes + 7) & ~(size_t)7;
    if (arena->current >= arena->block_count ||
        bytes > arena->blocks[arena->current].capacity - arena->used)
        return arena_use_next_block(arena, bytes);
    void *taken = arena->blocks[arena->current].bytes + arena->used;
    arena->used += bytes;
    return taken;
}

static void arena_reset(struct record_arena *arena)
{
    arena->current = 0;
    arena->used = 0;
}

/* What is left of the body while its fields are read. */
struct body {
    const uint8_t *at;
    const uint8_t *end;
    struct record_arena *arena;
};

/* A count of things that take at least one byte each. */
static bool read_count(struct body *body, uint64_t *count)
{
    return packed_list_begin(&body->at, body->end, count);
}

static bool read_bytes(struct body *body, struct recording_bytes *bytes)
{
    uint64_t count;
    if (!read_count(body, &count))
        return false;
    *bytes = (struct recording_bytes){.bytes = body->at, .count = count};
    body->at += count;
    return true;
}

static bool read_text(struct body *body, const char **text)
{
    struct recording_bytes bytes;
    if (!read_bytes(body, &bytes))
        return false;
    if (bytes.count == 0) {
        *text = "";
        return true;
    }
    if (memchr(bytes.bytes, 0, bytes.count))
        return false;
    char *copy = arena_take(body->arena, bytes.count + 1);
    memcpy(copy, bytes.bytes, bytes.count);
    copy[bytes.count] = '\0';
    *text = copy;
    return true;
}

static bool read_list(struct body *body, struct recording_list *list)
{
    uint64_t count;
    if (!read_count(body, &count))
        return false;
    uint64_t *items = count > 0 ? arena_take(body->arena, count * sizeof *items) : NULL;
    if (!packed_list_read(&body->at, body->end, count, items))
        return false;
    *list = (struct recording_list){.items = items, .count = count};
    return true;
}

static bool read_text_list(struct body *body, struct recording_text_list *list)
{
    uint64_t count;
    if (!read_count(body, &count))
        return false;
    const char **items = count > 0 ? arena_take(body->arena, count * sizeof *items) : NULL;
    for (uint64_t i = 0; i < count; i++)
        if (!read_text(body, &items[i]))
            return false;
    *list = (struct recording_text_list){.items = items, .count = count};
    return true;
}

static bool read_field(struct body *body, const struct record_field *field, void *place)
{
    uint64_t number;
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
        return varint_read(&body->at, body->end, place);
    case RECORD_FIELD_SIGNED:
        if (!varint_read(&body->at, body->end, &number))
            return false;
        *(int64_t *)place = varint_unzigzag(number);
        return true;
    case RECORD_FIELD_TEXT:
        return read_text(body, place);
    case RECORD_FIELD_BYTES:
        return read_bytes(body, place);
    case RECORD_FIELD_UNSIGNED_LIST:
        return read_list(body, place);
    case RECORD_FIELD_TEXT_LIST:
        break;
    }
    return read_text_list(body, place);
}

/* Most fields are unsigned: a run of them is read with the place in a register. Returns the first
 * field that is not, or that the body has no more bytes for; NULL when malformed. */
static const struct record_field *read_unsigned_run(struct body *body,
                                                    const struct record_field *field,
                                                    const struct record_field *fields_end,
                                                    void *record)
{
    const uint8_t *at = body->at;
    for (; field < fields_end && field->type == RECORD_FIELD_UNSIGNED && at < body->end; field++) {
        uint64_t value;
        if (!varint_read(&at, body->end, &value))
            return NULL;
        memcpy((char *)record + field->offset, &value, sizeof value);
    }
    body->at = at;
    return field;
}

/* The struct is zeroed: only texts need something for their absence. */
static void fill_absent(const struct record_field *field, const struct record_field *fields_end,
                        void *record)
{
    for (; field < fields_end; field++)
        if (field->type == RECORD_FIELD_TEXT)
            *(const char **)((char *)record + field->offset) = "";
}

bool record_decode(const struct record_kind *kind, const uint8_t *body_start, size_t body_bytes,
                   struct record_arena *arena, void *record)
{
    struct body body = {.at = body_start, .end = body_start + body_bytes, .arena = arena};
    const struct record_field *field = kind->fields;
    const struct record_field *fields_end = field + kind->field_count;
    arena_reset(arena);
    memset(record, 0, kind->struct_bytes);
    while (field < fields_end && body.at < body.end) {
        if (field->type == RECORD_FIELD_UNSIGNED) {
            field = read_unsigned_run(&body, field, fields_end, record);
            if (!field)
                return false;
        } else if (read_field(&body, field, (char *)record + field->offset)) {
            field++;
        } else {
            return false;
        }
    }
    fill_absent(field, fields_end, record);
    return true;
}

size_t record_leading_numbers(const struct record_kind *kind)
{
    size_t count = 0;
    while (count < kind->field_count && kind->fields[count].type == RECORD_FIELD_UNSIGNED &&
           kind->fields[count].offset == count * sizeof(uint64_t))
        count++;
    return count;
}

/* Fields that this version does not know may follow. */
static bool check_lists(const struct record_kind *kind, size_t first, const uint8_t *at,
                        const uint8_t *end)
{
    uint64_t count;
    for (size_t i = first; i < kind->field_count && at < end; i++)
        if (kind->fields[i].type != RECORD_FIELD_UNSIGNED_LIST ||
            !packed_list_begin(&at, end, &count) || !packed_list_skip(&at, end, count))
            return false;
    return true;
}

bool record_decode_numbers(const struct record_kind *kind, size_t count, const uint8_t *body,
                           size_t body_bytes, void *record, struct recording_bytes *rest)
{
    const uint8_t *at = body, *end = body + body_bytes;
    uint64_t *numbers = record;
    size_t known = 0;
    for (; known < count && at < end; known++)
        if (!varint_read(&at, end, &numbers[known]))
            return false;
    for (; known < count; known++)
        numbers[known] = 0;
    *rest = (struct recording_bytes){.bytes = at, .count = (size_t)(end - at)};
    return check_lists(kind, count, at, end);
}

static void print_text(const char *value, struct text *out)
{
    text_add(out, "\"");
    for (value = text_or_empty(value); *value;) {
        size_t safe = text_safe_character_bytes(value);
        if (safe == 0) {
            text_print(out, "\\x%02x", (unsigned char)*value++);
            continue;
        }
        if (*value == '"' || *value == '\\')
            text_add(out, "\\");
        text_add_bytes(out, value, safe);
        value += safe;
    }
    text_add(out, "\"");
}

static void print_field(const struct record_field *field, const void *place, struct text *out)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
        text_print(out, "%" PRIu64, *(const uint64_t *)place);
        return;
    case RECORD_FIELD_SIGNED:
        text_print(out, "%" PRId64, *(const int64_t *)place);
        return;
    case RECORD_FIELD_TEXT:
        print_text(*(const char *const *)place, out);
        return;
    case RECORD_FIELD_BYTES: {
        const struct recording_bytes *bytes = place;
        text_add(out, "<");
        for (size_t i = 0; i < bytes->count; i++)
            text_print(out, "%02x", bytes->bytes[i]);
        text_add(out, ">");
        return;
    }
    case RECORD_FIELD_UNSIGNED_LIST: {
        const struct recording_list *list = place;
        text_add(out, "[");
        for (size_t i = 0; i < list->count; i++)
            text_print(out, "%s%" PRIu64, i > 0 ? "," : "", list->items[i]);
        text_add(out, "]");
        return;
    }
    case RECORD_FIELD_TEXT_LIST:
        break;
    }
    const struct recording_text_list *list = place;
    text_add(out, "[");
    for (size_t i = 0; i < list->count; i++) {
        text_add(out, i > 0 ? "," : "");
        print_text(list->items[i], out);
    }
    text_add(out, "]");
}

void record_print(const struct record_kind *kind, const void *record, struct text *out)
{
    text_add(out, kind->name);
    for (size_t i = 0; i < kind->field_count; i++) {
        text_print(out, " %s=", kind->fields[i].name);
        print_field(&kind->fields[i], field_of(record, &kind->fields[i]), out);
    }
}
