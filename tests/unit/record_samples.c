#include "record_samples.h"

#include <string.h>

static const uint64_t edges[] = {0,     1,          127,       128,        16383,
                                 16384, UINT32_MAX, INT64_MAX, UINT64_MAX, 5};
static const uint64_t small[] = {3, 1, 4, 1, 5, 9, 2, 6};
static const uint8_t all_bytes[] = {0, 1, 127, 128, 255, 0, 10, 13};
static const char *const large_texts[] = {
    "",
    "a",
    "Grüße, 世界 😀",
    "with \"quotes\" and \\",
    ("long enough that its length takes two bytes: "
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"),
    "\xff\xfe not UTF-8, as paths can be",
    ""};
static const char *const usual_texts[] = {"/usr/bin/example", "--flag", "main.c", "worker-1",
                                          "libexample.so.2"};

static void fill_largest(const struct record_field *field, void *place)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
        *(uint64_t *)place = UINT64_MAX;
        return;
    case RECORD_FIELD_SIGNED:
        *(int64_t *)place = INT64_MIN;
        return;
    case RECORD_FIELD_TEXT:
        *(const char **)place = large_texts[4];
        return;
    case RECORD_FIELD_BYTES:
        *(struct recording_bytes *)place = (struct recording_bytes){all_bytes, sizeof all_bytes};
        return;
    case RECORD_FIELD_UNSIGNED_LIST:
        *(struct recording_list *)place = (struct recording_list){edges,
                                                                  sizeof edges / sizeof *edges};
        return;
    case RECORD_FIELD_TEXT_LIST:
        *(struct recording_text_list *)place = (struct recording_text_list){
            large_texts, sizeof large_texts / sizeof *large_texts};
        return;
    }
}

static void fill_usual(const struct record_field *field, unsigned number, void *place)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
        *(uint64_t *)place = number * UINT64_C(37) % 1000;
        return;
    case RECORD_FIELD_SIGNED:
        *(int64_t *)place = -(int64_t)number;
        return;
    case RECORD_FIELD_TEXT:
        *(const char **)place = usual_texts[number % 5];
        return;
    case RECORD_FIELD_BYTES:
        *(struct recording_bytes *)place = (struct recording_bytes){all_bytes, number % 8};
        return;
    case RECORD_FIELD_UNSIGNED_LIST:
        *(struct recording_list *)place = (struct recording_list){small, number % 8};
        return;
    case RECORD_FIELD_TEXT_LIST:
        *(struct recording_text_list *)place = (struct recording_text_list){usual_texts,
                                                                            number % 5};
        return;
    }
}

void record_sample_fill(const struct record_kind *kind, enum record_sample sample, unsigned number,
                        void *record)
{
    memset(record, 0, kind->struct_bytes);
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct record_field *field = &kind->fields[i];
        void *place = (char *)record + field->offset;
        if (sample == RECORD_SAMPLE_LARGEST)
            fill_largest(field, place);
        else if (sample == RECORD_SAMPLE_USUAL)
            fill_usual(field, number + (unsigned)i, place);
    }
}

static bool texts_equal(const char *left, const char *right)
{
    return strcmp(left ? left : "", right ? right : "") == 0;
}

static bool bytes_equal(const struct recording_bytes *left, const struct recording_bytes *right)
{
    return left->count == right->count &&
           (left->count == 0 || memcmp(left->bytes, right->bytes, left->count) == 0);
}

static bool lists_equal(const struct recording_list *left, const struct recording_list *right)
{
    return left->count == right->count &&
           (left->count == 0 ||
            memcmp(left->items, right->items, left->count * sizeof *left->items) == 0);
}

static bool text_lists_equal(const struct recording_text_list *left,
                             const struct recording_text_list *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (!texts_equal(left->items[i], right->items[i]))
            return false;
    return true;
}

static bool field_equals(enum record_field_type type, const void *left, const void *right)
{
    switch (type) {
    case RECORD_FIELD_UNSIGNED:
    case RECORD_FIELD_SIGNED:
        return memcmp(left, right, sizeof(uint64_t)) == 0;
    case RECORD_FIELD_TEXT:
        return texts_equal(*(const char *const *)left, *(const char *const *)right);
    case RECORD_FIELD_BYTES:
        return bytes_equal(left, right);
    case RECORD_FIELD_UNSIGNED_LIST:
        return lists_equal(left, right);
    case RECORD_FIELD_TEXT_LIST:
        break;
    }
    return text_lists_equal(left, right);
}

bool record_sample_equals(const struct record_kind *kind, const void *left, const void *right)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        size_t offset = kind->fields[i].offset;
        if (!field_equals(kind->fields[i].type, (const char *)left + offset,
                          (const char *)right + offset))
            return false;
    }
    return true;
}
