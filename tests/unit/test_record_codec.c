#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "record_samples.h"
#include "recording/packed_list.h"
#include "recording/record_codec.h"
#include "recording/recording_format.h"
#include "recording/varint.h"

/* A record with a field of every type: no real one has a signed number. */
struct mixed {
    uint64_t unsigned_number;
    int64_t signed_number;
    const char *text;
    struct recording_bytes bytes;
    struct recording_list list;
    struct recording_text_list texts;
};

static const struct record_field mixed_fields[] = {
    {"unsigned_number", RECORD_FIELD_UNSIGNED, offsetof(struct mixed, unsigned_number)},
    {"signed_number", RECORD_FIELD_SIGNED, offsetof(struct mixed, signed_number)},
    {"text", RECORD_FIELD_TEXT, offsetof(struct mixed, text)},
    {"bytes", RECORD_FIELD_BYTES, offsetof(struct mixed, bytes)},
    {"list", RECORD_FIELD_UNSIGNED_LIST, offsetof(struct mixed, list)},
    {"texts", RECORD_FIELD_TEXT_LIST, offsetof(struct mixed, texts)},
};

static const struct record_kind mixed_kind = {
    .name = "mixed",
    .struct_bytes = sizeof(struct mixed),
    .fields = mixed_fields,
    .field_count = 6,
};

static const uint64_t mixed_list[] = {1, 300};
static const char *const mixed_texts[] = {"x", ""};
static const struct mixed mixed = {
    .unsigned_number = 300,
    .signed_number = -2,
    .text = "ab",
    .bytes = {(const uint8_t *)"\0\xff", 2},
    .list = {mixed_list, 2},
    .texts = {mixed_texts, 2},
};
/* Written by hand from the format's description. */
static const uint8_t mixed_bytes[] = {
    18,                          /* body length */
    0xac, 0x02,                  /* 300 */
    0x03,                        /* zigzag -2 */
    0x02, 'a',  'b',             /* text */
    0x02, 0x00, 0xff,            /* bytes */
    0x02, 0x01, 0xac, 0x02,      /* list */
    0x02, 0x01, 'x',  0x00, 0x00 /* texts, and one byte that a newer minor added */
};
enum {
    MIXED_KNOWN_BODY = 17
};

static void test_encoding_is_as_described(void **state)
{
    (void)state;
    struct text out = {0};
    record_encode(&mixed_kind, &mixed, &out);
    assert_int_equal(out.count, MIXED_KNOWN_BODY + 1);
    assert_int_equal(out.bytes[0], MIXED_KNOWN_BODY);
    assert_memory_equal(out.bytes + 1, mixed_bytes + 1, MIXED_KNOWN_BODY);
    text_clear(&out);
}

static void test_every_cut_of_a_body_is_refused_or_at_a_field(void **state)
{
    (void)state;
    /* where a field ends: there the rest is absent, and 0 */
    static const bool is_field_end[MIXED_KNOWN_BODY + 1] = {
        [0] = true, [2] = true, [3] = true, [6] = true, [9] = true, [13] = true, [17] = true};
    struct record_arena *arena = record_arena_create();
    for (size_t count = 0; count <= MIXED_KNOWN_BODY; count++) {
        uint8_t *body = memory_duplicate(mixed_bytes + 1, count); /* exact, for the sanitizer */
        struct mixed decoded;
        memset(&decoded, 0xee, sizeof decoded);
        bool is_decoded = record_decode(&mixed_kind, body, count, arena, &decoded);
        assert_int_equal(is_decoded, is_field_end[count]);
        if (is_decoded) {
            assert_int_equal(decoded.unsigned_number, count >= 2 ? 300 : 0);
            assert_int_equal(decoded.signed_number, count >= 3 ? -2 : 0);
            assert_string_equal(decoded.text, count >= 6 ? "ab" : "");
            assert_int_equal(decoded.bytes.count, count >= 9 ? 2 : 0);
            assert_int_equal(decoded.list.count, count >= 13 ? 2 : 0);
            assert_int_equal(decoded.texts.count, count >= 17 ? 2 : 0);
        }
        free(body);
    }
    record_arena_destroy(arena);
}

static void test_fields_of_a_newer_minor_are_skipped(void **state)
{
    (void)state;
    struct record_arena *arena = record_arena_create();
    struct mixed decoded;
    assert_true(record_decode(&mixed_kind, mixed_bytes + 1, 18, arena, &decoded));
    assert_true(record_sample_equals(&mixed_kind, &decoded, &mixed));
    record_arena_destroy(arena);
}

struct bad_body {
    const char *bytes;
    size_t count;
};

static void test_malformed_bodies_are_refused(void **state)
{
    (void)state;
    static const struct bad_body bodies[] = {
        {"\x80", 1},                                          /* cut varint */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},     /* 65 bits */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11}, /* eleven bytes */
        {"\x01\x01\x03"                                       /* a text with NUL */
         "a\0b",
         6},
        {"\x01\x01\x04" /* a text beyond the body */
         "abc",
         6},
        {"\x01\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13}, /* bytes: 2^64 - 1 */
        {"\x01\x01\x00\x00\x05\x01\x01", 7},                          /* a list beyond the body */
        {"\x01\x01\x00\x00\x00\x7f\x01", 7},                          /* 127 texts in one byte */
        {"\x01\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01", 15},
    };
    struct record_arena *arena = record_arena_create();
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct mixed decoded;
        assert_false(record_decode(&mixed_kind, (const uint8_t *)bodies[i].bytes, bodies[i].count,
                                   arena, &decoded));
    }
    record_arena_destroy(arena);
}

static void test_every_kind_comes_back(void **state)
{
    (void)state;
    struct record_arena *arena = record_arena_create();
    size_t kind_count = 0;
    const struct record_kind *kind;
    for (; (kind = record_kind_at(kind_count)); kind_count++) {
        assert_ptr_equal(record_kind_find(kind->kind), kind);
        assert_true(kind->struct_bytes <= RECORD_SAMPLE_BYTES);
        assert_true(kind->key_field_count <= kind->field_count);
        for (int sample = 0; sample < RECORD_SAMPLE_COUNT; sample++) {
            _Alignas(8) char record[RECORD_SAMPLE_BYTES];
            _Alignas(8) char decoded[RECORD_SAMPLE_BYTES];
            struct text out = {0};
            record_sample_fill(kind, (enum record_sample)sample, 1, record);
            record_encode(kind, record, &out);
            const uint8_t *at = (const uint8_t *)out.bytes;
            const uint8_t *end = at + out.count;
            uint64_t body_bytes = 0;
            assert_true(varint_read(&at, end, &body_bytes));
            assert_int_equal(body_bytes, end - at);
            assert_true(record_decode(kind, at, body_bytes, arena, decoded));
            assert_true(record_sample_equals(kind, record, decoded));
            text_clear(&out);
        }
    }
    assert_int_equal(kind_count, 39);
    assert_null(record_kind_find(0));
    assert_null(record_kind_find(RECORDING_index));
    record_arena_destroy(arena);
}

/* ---- numbers alone ---- */

static void check_list(const uint8_t **at, const uint8_t *end,
                       const struct recording_list *expected)
{
    uint64_t count = 0, items[64];
    if (*at < end)
        assert_true(packed_list_begin(at, end, &count));
    assert_int_equal(count, expected->count);
    assert_in_range(count, 0, 64);
    assert_true(packed_list_read(at, end, count, items));
    if (count)
        assert_memory_equal(items, expected->items, count * sizeof *items);
}

/* Both readers say the same of a body: whether it is well-formed, and what stands in it. */
static void check_numbers_of(const struct record_kind *kind, const uint8_t *body, size_t count,
                             struct record_arena *arena)
{
    struct recording_site whole, numbers;
    struct recording_bytes rest;
    size_t known = record_leading_numbers(kind);
    memset(&numbers, 0xee, sizeof numbers);
    bool is_good = record_decode(kind, body, count, arena, &whole);
    assert_int_equal(record_decode_numbers(kind, known, body, count, &numbers, &rest), is_good);
    if (!is_good)
        return;
    const uint8_t *at = rest.bytes, *end = at + rest.count;
    assert_memory_equal(&numbers, &whole, known * sizeof(uint64_t));
    check_list(&at, end, &whole.size_histogram);
    check_list(&at, end, &whole.lifetime_histogram);
    check_list(&at, end, &whole.threads);
    check_list(&at, end, &whole.estimates);
}

static void test_numbers_alone_are_those_of_the_whole(void **state)
{
    (void)state;
    const uint64_t small[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 127, 0, 5};
    const uint64_t large[] = {1, UINT64_MAX, 128, 3, UINT64_C(1) << 56, 5, 6, 7, 8, 9, 300};
    const struct recording_site site = {.id = 300,
                                        .stack_node_id = 1,
                                        .allocations = UINT64_MAX,
                                        .live_bytes = UINT64_C(1) << 40,
                                        .last_ns = 127,
                                        .size_histogram = {small, 17},
                                        .threads = {large, 11},
                                        .estimates = {small, 3}};
    const struct record_kind *kind = record_kind_find(RECORDING_site);
    struct record_arena *arena = record_arena_create();
    struct text out = {0};
    uint64_t body_bytes = 0;
    assert_int_equal(record_leading_numbers(kind), 17);
    assert_int_equal(record_leading_numbers(record_kind_find(RECORDING_stack_node)), 3);
    record_encode(kind, &site, &out);
    const uint8_t *body = (const uint8_t *)out.bytes;
    assert_true(varint_read(&body, body + out.count, &body_bytes));
    for (size_t count = 0; count <= body_bytes; count++) {
        /* Cut, in memory of just that size; then each byte as other numbers begin. */
        uint8_t *copy = memory_duplicate(body, count);
        check_numbers_of(kind, copy, count, arena);
        for (size_t i = 0; i < count && count == body_bytes; i++) {
            static const uint8_t others[] = {0, 1, 0x7f, 0x80, 0xff};
            for (size_t j = 0; j < sizeof others; j++) {
                copy[i] = others[j];
                check_numbers_of(kind, copy, count, arena);
            }
            copy[i] = body[i];
        }
        free(copy);
    }
    text_clear(&out);
    record_arena_destroy(arena);
}

static void test_long_lists_do_not_move_what_was_decoded(void **state)
{
    (void)state;
    enum {
        COUNT = 50000
    };
    const char **items = memory_allocate(COUNT * sizeof *items);
    uint64_t *numbers = memory_allocate(COUNT * sizeof *numbers);
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = i % 2 ? "odd" : "";
        numbers[i] = i * i;
    }
    struct mixed large = {.text = "first", .list = {numbers, COUNT}, .texts = {items, COUNT}};
    struct text out = {0};
    record_encode(&mixed_kind, &large, &out);
    const uint8_t *at = (const uint8_t *)out.bytes;
    uint64_t body_bytes = 0;
    assert_true(varint_read(&at, at + out.count, &body_bytes));
    struct record_arena *arena = record_arena_create();
    for (int i = 0; i < 3; i++) {
        struct mixed decoded;
        assert_true(record_decode(&mixed_kind, at, body_bytes, arena, &decoded));
        assert_true(record_sample_equals(&mixed_kind, &decoded, &large));
    }
    record_arena_destroy(arena);
    text_clear(&out);
    free(items);
    free(numbers);
}

static void test_printing(void **state)
{
    (void)state;
    struct text out = {0};
    record_print(&mixed_kind, &mixed, &out);
    assert_string_equal(out.bytes, "mixed unsigned_number=300 signed_number=-2 text=\"ab\" "
                                   "bytes=<00ff> list=[1,300] texts=[\"x\",\"\"]");
    text_clear(&out);
    struct recording_string string = {.id = 7, .text = "a\"b\\c\n\x1b[世\xff"};
    record_print(record_kind_find(RECORDING_string), &string, &out);
    assert_string_equal(out.bytes, "string id=7 text=\"a\\\"b\\\\c\\x0a\\x1b[世\\xff\"");
    text_clear(&out);
}

static void test_varints(void **state)
{
    (void)state;
    static const uint64_t values[] = {0,
                                      1,
                                      127,
                                      128,
                                      300,
                                      16384,
                                      UINT32_MAX,
                                      UINT64_C(0x123456789abc),
                                      UINT64_C(0xffffffffffffff),
                                      UINT64_C(0x100000000000000),
                                      UINT64_MAX};
    static const size_t lengths[] = {1, 1, 1, 2, 2, 3, 5, 7, 8, 9, 10};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t bytes[VARINT_MAX_BYTES * 2];
        size_t length = (size_t)(varint_write(bytes, values[i]) - bytes);
        assert_int_equal(length, lengths[i]);
        const uint8_t *at = bytes;
        uint64_t value;
        assert_true(varint_read(&at, bytes + length, &value));
        assert_int_equal(value, values[i]);
        assert_ptr_equal(at, bytes + length);
        at = bytes;
        assert_false(varint_read(&at, bytes + length - 1, &value));
        memset(bytes + length, 0xff, sizeof bytes - length); /* what follows does not matter */
        at = bytes;
        assert_true(varint_read(&at, bytes + sizeof bytes, &value));
        assert_int_equal(value, values[i]);
        assert_ptr_equal(at, bytes + length);
    }
    assert_int_equal(varint_zigzag(0), 0);
    assert_int_equal(varint_zigzag(-1), 1);
    assert_int_equal(varint_zigzag(1), 2);
    assert_int_equal(varint_zigzag(INT64_MIN), UINT64_MAX);
    assert_int_equal(varint_unzigzag(UINT64_MAX), INT64_MIN);
    assert_int_equal(varint_unzigzag(varint_zigzag(INT64_MAX)), INT64_MAX);
}

/* Figures of an independent implementation of the description (Python). */
static void test_checksum(void **state)
{
    (void)state;
    assert_int_equal(recording_checksum("", 0), UINT64_C(0xaf63bd4c29620a93));
    assert_int_equal(recording_checksum("a", 1), UINT64_C(0x89be307bddf1090));
    assert_int_equal(recording_checksum("SEEPREC\n", 8), UINT64_C(0xd32bb16e527da910));
    assert_int_equal(recording_checksum("0123456789abcdef!", 17), UINT64_C(0x24714d62ef9a5235));
    assert_true(recording_checksum("\0\0", 1) != recording_checksum("\0\0", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding_is_as_described),
        cmocka_unit_test(test_every_cut_of_a_body_is_refused_or_at_a_field),
        cmocka_unit_test(test_fields_of_a_newer_minor_are_skipped),
        cmocka_unit_test(test_malformed_bodies_are_refused),
        cmocka_unit_test(test_every_kind_comes_back),
        cmocka_unit_test(test_numbers_alone_are_those_of_the_whole),
        cmocka_unit_test(test_long_lists_do_not_move_what_was_decoded),
        cmocka_unit_test(test_printing),
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
