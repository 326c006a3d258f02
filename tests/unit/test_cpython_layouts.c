/* What stands in an interpreter's memory, laid out by hand: strings as versions keep them, and a
 * deque whose blocks lead round in a circle. */
#include "runtimes/cpython/dicts.h"
#include "runtimes/cpython/edges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START UINT64_C(0x7f0000000000)

struct image {
    uint8_t bytes[4096];
    struct target_image_piece piece;
    struct target_image pieces;
    struct target_memory memory;
    struct memory_view view;
    struct cpython python;
};

static void begin(struct image *image, uint32_t version_hex)
{
    memset(image, 0, sizeof *image);
    image->piece = (struct target_image_piece){START, image->bytes, sizeof image->bytes};
    image->pieces = (struct target_image){&image->piece, 1};
    image->memory = target_image_memory(&image->pieces);
    memory_view_init(&image->view, &image->memory, MEMORY_VIEW_PIECE_BYTES);
    image->python.view = &image->view;
    assert_true(cpython_offsets_find(version_hex, &image->python.offsets));
}

static void put(struct image *image, size_t offset, uint64_t word)
{
    memcpy(image->bytes + offset, &word, sizeof word);
}

/* ---- strings ---- */

static void check_string(uint32_t version_hex, uint32_t state, size_t data_offset, const void *data,
                         size_t data_bytes, uint64_t length, const char *wanted)
{
    struct image image;
    char text[32];
    begin(&image, version_hex);
    put(&image, CPYTHON_STRING_LENGTH, length);
    put(&image, CPYTHON_STRING_STATE, state);
    memcpy(image.bytes + data_offset, data, data_bytes);
    assert_true(cpython_string(&image.python, START, text, sizeof text));
    assert_string_equal(text, wanted);
    memory_view_clear(&image.view);
}

/* Interned, and therefore with bits below those that tell how it is kept. */
static void test_reads_strings_of_each_layout(void **state)
{
    static const uint16_t wide[] = {'a', 0x20ac};
    (void)state;
    check_string(0x030b02f0, 0xe5, 48, "cache", 5, 5, "cache");
    check_string(0x030c01f0, 0x65, 40, "cache", 5, 5, "cache");
    check_string(0x030d00f0, 0x65, 40, "cache", 5, 5, "cache");
    check_string(0x030e08f0, 0x65, 40, "cache", 5, 5, "cache");
    check_string(0x030e08f0, 0x28, 56, wide, sizeof wide, 2, "a\xe2\x82\xac");
    check_string(0x030e00f0, 0x00190001, 40, "cache", 5, 5, "cache");
    check_string(0x030e00f0, 0x000a0000, 56, wide, sizeof wide, 2, "a\xe2\x82\xac");
}

/* ---- deques ---- */

enum {
    DEQUE = 0,
    BLOCK = 256,
    DEQUE_LENGTH = 100
};

static void count_edge(void *context, const struct cpython_edge *edge)
{
    (void)edge;
    ++*(uint64_t *)context;
}

static void count_storage(void *context, uint64_t address, uint64_t bytes)
{
    (void)address;
    (void)bytes;
    ++*(uint64_t *)context;
}

/* Of 100 items there are three blocks at most; 64 references each. */
static void test_leaves_a_circle_of_blocks(void **state)
{
    static const struct cpython_type type = {.shape = CPYTHON_SHAPE_DEQUE};
    struct image image;
    uint64_t edges = 0, blocks = 0;
    (void)state;
    begin(&image, 0x030b02f0);
    put(&image, DEQUE + CPYTHON_OBJECT_SIZE, DEQUE_LENGTH);
    put(&image, DEQUE + 24, START + BLOCK);
    put(&image, DEQUE + 32, START + 2 * BLOCK);
    for (size_t i = 0; i < 64; i++)
        put(&image, BLOCK + 8 + i * 8, START);
    put(&image, BLOCK + 8 + 64 * 8, START + BLOCK);
    cpython_edges_visit(&image.python, &type, START + DEQUE, count_edge, &edges);
    cpython_edges_visit_storage(&image.python, &type, START + DEQUE, count_storage, &blocks);
    assert_int_equal(edges, 3 * 64);
    assert_int_equal(blocks, 3);
    memory_view_clear(&image.view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_strings_of_each_layout),
        cmocka_unit_test(test_leaves_a_circle_of_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
