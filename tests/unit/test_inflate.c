/* Unpacking, compared with zlib: what it has packed in every way, and what was damaged since. */
#include "symbols/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum {
    MOST_BYTES = 300000,
    DAMAGES = 4000
};

static uint64_t random_state = 1;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

enum content {
    ZEROES,
    NOISE,
    FEW_LETTERS,
    WORDS,
    SHORT_DISTANCES,
    LONG_DISTANCES,
    STEEP, /* letters of very different frequency: long codes */
    CONTENTS
};

static size_t add_copy(uint8_t *bytes, size_t at, size_t count, size_t distance, size_t length)
{
    for (; at < count && length > 0; at++, length--)
        bytes[at] = distance != 0 && distance <= at ? bytes[at - distance] : (uint8_t)draw(256);
    return at;
}

static void make_content(uint8_t *bytes, size_t count, enum content content)
{
    static const char *const words[] = {"unsigned int", "struct ", "DW_AT_name", "_M_", "\1\2\3"};

    for (size_t i = 0; i < count;) {
        const char *word = words[draw(5)];

        switch (content) {
        case ZEROES:
            bytes[i++] = 0;
            break;
        case NOISE:
            bytes[i++] = (uint8_t)draw(256);
            break;
        case FEW_LETTERS:
            bytes[i++] = (uint8_t)('a' + draw(3));
            break;
        case WORDS:
            for (size_t k = 0; word[k] != '\0' && i < count; k++)
                bytes[i++] = (uint8_t)word[k];
            if (i < count)
                bytes[i++] = (uint8_t)draw(256);
            break;
        case SHORT_DISTANCES:
            i = add_copy(bytes, i, count, draw(12), 1 + draw(300));
            break;
        case LONG_DISTANCES:
            i = add_copy(bytes, i, count, draw(32768), 1 + draw(100));
            break;
        case STEEP:
            bytes[i++] = (uint8_t)__builtin_ctz(draw(UINT32_C(1) << 30) | UINT32_C(1) << 29);
            break;
        case CONTENTS:
            abort();
        }
    }
}

static size_t pack(const uint8_t *bytes, size_t count, int level, int strategy, uint8_t *packed,
                   size_t room)
{
    z_stream stream = {0};

    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, 15, 9, strategy), Z_OK);
    stream.next_in = (uint8_t *)(uintptr_t)bytes;
    stream.avail_in = (uInt)count;
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return stream.total_out;
}

/* In memory of just its size each, so that a sanitizer sees what goes beyond. */
static bool unpack(const uint8_t *packed, size_t packed_bytes, uint8_t **content, size_t count)
{
    uint8_t *from = malloc(packed_bytes + 1);

    memcpy(from + 1, packed, packed_bytes);
    *content = malloc(count + (count == 0));
    bool is_done = inflate_zlib(from + 1, packed_bytes, *content, count);
    free(from);
    return is_done;
}

static void check(const uint8_t *bytes, size_t count, int level, int strategy)
{
    size_t room = count + count / 4 + 1000;
    uint8_t *packed = malloc(room), *content;
    size_t packed_bytes = pack(bytes, count, level, strategy, packed, room);

    assert_true(unpack(packed, packed_bytes, &content, count));
    assert_memory_equal(content, bytes, count);
    free(content);
    assert_false(unpack(packed, packed_bytes, &content, count + 1));
    free(content);
    if (count > 0) {
        assert_false(unpack(packed, packed_bytes, &content, count - 1));
        free(content);
    }
    free(packed);
}

static void test_all_ways_to_pack(void **state)
{
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
    static const size_t counts[] = {0, 1, 2, 3, 257, 258, 259, 300, 1000, 65536, MOST_BYTES};
    uint8_t *bytes = malloc(MOST_BYTES);

    (void)state;
    for (enum content content = 0; content < CONTENTS; content++) {
        make_content(bytes, MOST_BYTES, content);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (size_t k = 0; k < sizeof strategies / sizeof *strategies; k++)
                for (int level = 0; level <= 9; level += 3)
                    check(bytes, counts[i], level, strategies[k]);
    }
    free(bytes);
}

static void test_cut_short(void **state)
{
    uint8_t bytes[3000], packed[4000], *content;

    (void)state;
    make_content(bytes, sizeof bytes, WORDS);
    size_t packed_bytes = pack(bytes, sizeof bytes, 9, Z_DEFAULT_STRATEGY, packed, sizeof packed);
    for (size_t i = 0; i < packed_bytes; i++) {
        assert_false(unpack(packed, i, &content, sizeof bytes));
        free(content);
    }
}

/* It says yes to what zlib says yes to, and then gives the same. */
static void test_damaged(void **state)
{
    uint8_t bytes[5000], packed[6000], expected[5000], *content;
    unsigned refused = 0;

    (void)state;
    for (int i = 0; i < DAMAGES; i++) {
        make_content(bytes, sizeof bytes, (enum content)draw(CONTENTS));
        size_t packed_bytes = pack(bytes, sizeof bytes, (int)draw(10),
                                   draw(2) ? Z_DEFAULT_STRATEGY : Z_FIXED, packed, sizeof packed);
        for (uint32_t count = draw(4); count > 0; count--)
            packed[draw(draw(2) ? 80 : (uint32_t)packed_bytes) % packed_bytes] ^=
                (uint8_t)(1u << draw(8));
        uLongf expected_bytes = sizeof expected;
        bool is_right = uncompress(expected, &expected_bytes, packed, packed_bytes) == Z_OK &&
                        expected_bytes == sizeof expected;

        assert_int_equal(unpack(packed, packed_bytes, &content, sizeof bytes), is_right);
        if (is_right)
            assert_memory_equal(content, expected, sizeof expected);
        refused += !is_right;
        free(content);
    }
    assert_in_range(refused, DAMAGES / 2, DAMAGES - 1);
}

/* Streams that zlib does not write, bit by bit: a block without distances, one with a single
 * distance, and what is not allowed. */
static void test_no_zlib_stream(void **state)
{
    static const uint8_t dictionary[] = {0x78, 0xbb, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1};
    static const uint8_t third_kind[] = {0x78, 0x9c, 7, 0, 0, 0, 0, 1};
    static const uint8_t empty[] = {0x78, 0x9c, 3, 0, 0, 0, 0, 1};
    static const uint8_t wrong_sum[] = {0x78, 0x9c, 3, 0, 0, 0, 0, 2};
    static const uint8_t stored_otherwise[] = {0x78, 0x9c, 1, 1, 0, 0xff, 0xff, 65, 0, 66, 0, 66};
    uint8_t content[1];

    (void)state;
    assert_true(inflate_zlib(empty, sizeof empty, content, 0));
    assert_false(inflate_zlib(empty, sizeof empty, content, 1));
    assert_false(inflate_zlib(wrong_sum, sizeof wrong_sum, content, 0));
    assert_false(inflate_zlib(dictionary, sizeof dictionary, content, 0));
    assert_false(inflate_zlib(third_kind, sizeof third_kind, content, 0));
    assert_false(inflate_zlib(stored_otherwise, sizeof stored_otherwise, content, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_ways_to_pack),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_zlib_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
