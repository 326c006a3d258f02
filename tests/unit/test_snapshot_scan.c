/* Whole scans over images in memory: what refers to what, and what memcheck's heuristics make of
 * pointers into the middle of blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot/snapshot_scan.h"

/* The image: a page of roots, two pages of heap, a page of a file's data (tables of virtual
 * functions) and, without contents, a page of code. */
#define ROOTS UINT64_C(0x10000)
#define HEAP  UINT64_C(0x20000)
#define DATA  UINT64_C(0x30000)
#define CODE  UINT64_C(0x40000)

static const char maps[] = "10000-11000 rw-p 00000000 00:00 0 \n"
                           "20000-22000 rw-p 00000000 00:00 0 \n"
                           "30000-31000 r--p 00001000 08:01 77 /lib/x.so\n"
                           "40000-41000 r-xp 00002000 08:01 77 /lib/x.so\n";

struct image {
    uint64_t roots[512];
    uint64_t heap[1024];
    uint64_t data[512];
    struct target_image_piece pieces[3];
    struct target_image image;
    struct target_memory memory;
    struct target_mappings mappings;
    struct snapshot_scan_input input;
    struct snapshot snapshot;
};

static void image_init(struct image *image, const struct snapshot_block *blocks, size_t count)
{
    memset(image, 0, sizeof *image);
    image->pieces[0] = (struct target_image_piece){ROOTS, image->roots, sizeof image->roots};
    image->pieces[1] = (struct target_image_piece){HEAP, image->heap, sizeof image->heap};
    image->pieces[2] = (struct target_image_piece){DATA, image->data, sizeof image->data};
    image->image = (struct target_image){image->pieces, 3};
    image->memory = target_image_memory(&image->image);
    target_mappings_parse(&image->mappings, maps);
    image->input = (struct snapshot_scan_input){.memory = &image->memory,
                                                .mappings = &image->mappings,
                                                .blocks = blocks,
                                                .block_count = count};
}

static void image_scan(struct image *image)
{
    struct error error = {""};
    snapshot_init(&image->snapshot);
    if (!snapshot_scan(&image->input, &image->snapshot, &error))
        fail_msg("%s", error.message);
    target_mappings_clear(&image->mappings);
}

/* The word of the heap at this address. */
static uint64_t *heap_word(struct image *image, uint64_t address)
{
    return &image->heap[(address - HEAP) / 8];
}

struct expected_reference {
    uint32_t from, to, slot;
    enum snapshot_reference_kind kind;
};

static void assert_references(const struct snapshot *snapshot,
                              const struct expected_reference *expected, size_t count)
{
    assert_int_equal(snapshot->reference_count, count);
    size_t at = 0;
    for (uint32_t from = 0; from < snapshot->block_count; from++)
        for (uint64_t i = snapshot->first_reference[from]; i < snapshot->first_reference[from + 1];
             i++, at++) {
            assert_int_equal(from, expected[at].from);
            assert_int_equal(snapshot->references[i].block, expected[at].to);
            assert_int_equal(snapshot->references[i].slot, expected[at].slot);
            assert_int_equal(snapshot->references[i].kind, expected[at].kind);
        }
}

/* A list of three, its head in a root; a block of no bytes; one that refers to itself; pointers
 * that just miss. */
static void test_references_and_roots(void **state)
{
    (void)state;
    static const struct snapshot_block blocks[] = {
        {.address = HEAP + 16, .bytes = 24},     {.address = HEAP + 48, .bytes = 24},
        {.address = HEAP + 80, .bytes = 20},     {.address = HEAP + 112, .bytes = 0},
        {.address = HEAP + 0x1000, .bytes = 64},
    };
    struct image image;
    image_init(&image, blocks, 5);
    image.roots[3] = HEAP + 16;
    image.roots[4] = HEAP + 16; /* a repetition */
    image.roots[5] = HEAP + 16 + 24;
    image.roots[6] = HEAP + 15;
    image.roots[7] = HEAP + 112;
    image.roots[8] = HEAP + 113;
    image.roots[511] = HEAP + 81;
    *heap_word(&image, HEAP + 24) = HEAP + 48;
    *heap_word(&image, HEAP + 64) = HEAP + 80 + 19;
    *heap_word(&image, HEAP + 96) = HEAP + 16; /* only half of the word is the block's */
    *heap_word(&image, HEAP + 0x1000) = HEAP + 0x1000 + 8;
    *heap_word(&image, HEAP + 0x1038) = HEAP + 16;
    *heap_word(&image, HEAP + 0x1040) = HEAP + 48; /* behind it */
    image_scan(&image);
    const struct snapshot *snapshot = &image.snapshot;
    assert_references(snapshot,
                      (const struct expected_reference[]){{0, 1, 1, SNAPSHOT_START},
                                                          {1, 2, 2, SNAPSHOT_INTERIOR},
                                                          {4, 0, 7, SNAPSHOT_START}},
                      3);
    assert_int_equal(snapshot->root_count, 3);
    static const struct {
        uint64_t address;
        uint32_t block;
        enum snapshot_reference_kind kind;
    } roots[] = {{ROOTS + 24, 0, SNAPSHOT_START},
                 {ROOTS + 56, 3, SNAPSHOT_START},
                 {ROOTS + 511 * 8, 2, SNAPSHOT_INTERIOR}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(snapshot->roots[i].address, roots[i].address);
        assert_int_equal(snapshot->roots[i].block, roots[i].block);
        assert_int_equal(snapshot->roots[i].reference, roots[i].kind);
        assert_int_equal(snapshot->roots[i].kind, SNAPSHOT_ROOT_MAPPING);
        assert_int_equal(snapshot->roots[i].module, SNAPSHOT_NONE);
    }
    assert_true(snapshot_is_complete(snapshot));
    snapshot_clear(&image.snapshot);
}

/* Each heuristic, with a pointer that fits, from a root and from a block before and behind it; and
 * the nearest miss of each. */
enum heuristic_block {
    STRING,
    LENGTH,
    ARRAY,
    EMPTY_ARRAY,
    VIRTUAL,
    NO_STRING,
    NO_LENGTH,
    NO_ARRAY,
    NO_EMPTY_ARRAY,
    NO_VIRTUAL,
    HOLDER,
    HEURISTIC_BLOCKS
};

static void make_heuristics(struct image *image, struct snapshot_block *blocks, uint64_t *pointers)
{
    static const uint64_t bytes[] = {24 + 15 + 1, 8 + 21,     8 + 3 * 16, 8,  64, 24 + 15 + 2,
                                     8 + 22,      8 + 3 * 16, 8,          64, 256};
    static const uint64_t offsets[] = {24, 8, 8, 8, 16, 24, 8, 8, 8, 16, 0};
    for (unsigned i = 0; i < HEURISTIC_BLOCKS; i++) {
        blocks[i] = (struct snapshot_block){.address = HEAP + 0x100 * i, .bytes = bytes[i]};
        pointers[i] = blocks[i].address + offsets[i];
    }
    image_init(image, blocks, HEURISTIC_BLOCKS);
    uint64_t *heap = image->heap;
    const size_t step = 0x100 / 8;
    heap[STRING * step] = heap[NO_STRING * step] = 9;          /* length */
    heap[STRING * step + 1] = heap[NO_STRING * step + 1] = 15; /* capacity */
    heap[LENGTH * step] = heap[NO_LENGTH * step] = 21;
    heap[ARRAY * step] = 3;
    heap[NO_ARRAY * step] = 5;
    heap[EMPTY_ARRAY * step] = 0;
    heap[NO_EMPTY_ARRAY * step] = 1;
    heap[VIRTUAL * step] = DATA + 16;
    heap[VIRTUAL * step + 2] = DATA + 64;
    heap[NO_VIRTUAL * step] = DATA + 16;
    heap[NO_VIRTUAL * step + 2] = DATA + 128;
    image->data[2] = CODE + 1; /* a table: 0s may stand between */
    image->data[5] = CODE + 77;
    image->data[8] = CODE;
    image->data[9] = CODE + 0xfff;
    image->data[16] = CODE; /* no table: one function, then a number */
    image->data[17] = 42;
}

static const unsigned heuristic_answers[] = {
    SNAPSHOT_STRING,      SNAPSHOT_LENGTH,   SNAPSHOT_NEW_ARRAY, SNAPSHOT_NEW_ARRAY,
    SNAPSHOT_INHERITANCE, SNAPSHOT_INTERIOR, SNAPSHOT_INTERIOR,  SNAPSHOT_INTERIOR,
    99 /* none */,        SNAPSHOT_INTERIOR};

static void check_heuristics(bool has_no_heuristics)
{
    struct image image;
    struct snapshot_block blocks[HEURISTIC_BLOCKS];
    uint64_t pointers[HEURISTIC_BLOCKS];
    make_heuristics(&image, blocks, pointers);
    image.input.has_no_heuristics = has_no_heuristics;
    for (size_t i = 0; i < HOLDER; i++) {
        image.roots[2 * i] = pointers[i];
        image.heap[HOLDER * 0x100 / 8 + i] = pointers[i];
    }
    image.heap[STRING * 0x100 / 8 + 4] = pointers[VIRTUAL]; /* before it in memory */
    image_scan(&image);
    size_t at_root = 0;
    uint64_t at = image.snapshot.first_reference[HOLDER];
    for (uint32_t i = 0; i < HOLDER; i++) {
        unsigned answer = heuristic_answers[i];
        if (has_no_heuristics)
            answer = i == EMPTY_ARRAY || i == NO_EMPTY_ARRAY ? 99 : SNAPSHOT_INTERIOR;
        if (answer == 99)
            continue;
        assert_int_equal(image.snapshot.roots[at_root].block, i);
        assert_int_equal(image.snapshot.roots[at_root++].reference, answer);
        assert_int_equal(image.snapshot.references[at].block, i);
        assert_int_equal(image.snapshot.references[at++].kind, answer);
    }
    assert_int_equal(image.snapshot.root_count, at_root);
    assert_int_equal(image.snapshot.references[0].block, VIRTUAL);
    assert_int_equal(image.snapshot.references[0].slot, 4);
    assert_int_equal(image.snapshot.references[0].kind,
                     has_no_heuristics ? SNAPSHOT_INTERIOR : SNAPSHOT_INHERITANCE);
    snapshot_clear(&image.snapshot);
}

static void test_heuristics(void **state)
{
    (void)state;
    check_heuristics(false);
    check_heuristics(true);
}

/* A block whose second page cannot be read, and roots that cannot be read at all. */
static void test_unreadable_pages_are_counted(void **state)
{
    (void)state;
    static const struct snapshot_block blocks[] = {{.address = HEAP + 0x1000, .bytes = 16},
                                                   {.address = HEAP + 0x1800, .bytes = 0x2000}};
    struct image image;
    image_init(&image, blocks, 2);
    image.pieces[0].count = 0;
    *heap_word(&image, HEAP + 0x1800) = HEAP + 0x1000;
    image_scan(&image);
    assert_int_equal(image.snapshot.reference_count, 1);
    assert_int_equal(image.snapshot.unreadable_bytes, 0x1000 + 0x1800);
    assert_false(snapshot_is_complete(&image.snapshot));
    snapshot_clear(&image.snapshot);
}

/* Registers and a stack from its pointer on; what is below is dead. */
static void test_threads(void **state)
{
    (void)state;
    static const struct snapshot_block blocks[] = {{.address = HEAP, .bytes = 16},
                                                   {.address = HEAP + 32, .bytes = 16},
                                                   {.address = HEAP + 64, .bytes = 16},
                                                   {.address = HEAP + 96, .bytes = 16}};
    struct image image;
    image_init(&image, blocks, 4);
    target_mappings_clear(&image.mappings);
    target_mappings_parse(&image.mappings, "10000-11000 rw-p 00000000 00:00 0 [stack]\n"
                                           "20000-22000 rw-p 00000000 00:00 0 \n");
    uint64_t vector[8] = {0, 0, HEAP + 96 + 8};
    struct stopped_thread thread = {.tid = 5,
                                    .name = "main",
                                    .has_registers = true,
                                    .sp = ROOTS + 0x800,
                                    .registers = {1, HEAP + 64},
                                    .register_count = 2,
                                    .vector_registers = (const uint8_t *)vector,
                                    .vector_register_bytes = sizeof vector};
    image.roots[0xff] = HEAP;       /* just below */
    image.roots[0x100] = HEAP + 32; /* at the pointer */
    image.input.threads = &thread;
    image.input.thread_count = 1;
    image_scan(&image);
    const struct snapshot *snapshot = &image.snapshot;
    assert_int_equal(snapshot->root_count, 3);
    assert_int_equal(snapshot->roots[0].kind, SNAPSHOT_ROOT_STACK);
    assert_int_equal(snapshot->roots[0].block, 1);
    assert_int_equal(snapshot->roots[0].thread, 0);
    assert_int_equal(snapshot->roots[1].kind, SNAPSHOT_ROOT_REGISTER);
    assert_int_equal(snapshot->roots[1].block, 2);
    assert_int_equal(snapshot->roots[1].address, 1);
    assert_int_equal(snapshot->roots[2].block, 3);
    assert_int_equal(snapshot->roots[2].address, SNAPSHOT_VECTOR_REGISTERS + 2);
    assert_string_equal(snapshot->threads[0].name, "main");
    snapshot_clear(&image.snapshot);
}

/* The roots' page is part of the program's own, of seep's, or of an allocator's mapping. */
static void test_whose_mapping(void **state)
{
    (void)state;
    static const struct snapshot_block blocks[] = {{.address = HEAP, .bytes = 16}};
    static const struct address_range page = {ROOTS, ROOTS + 0x1000};
    static const struct address_range part = {HEAP + 0x1000, HEAP + 0x2000};
    for (int way = 0; way < 6; way++) {
        struct image image;
        image_init(&image, blocks, 1);
        image.roots[0] = HEAP;
        image.heap[0x1010 / 8] = HEAP; /* in a line with the block */
        size_t expected = 0;
        if (way == 0) {
            expected = 1;
        } else if (way == 1) {
            image.input.own = (struct address_ranges){&page, 1};
        } else if (way == 2) {
            image.input.heap = (struct address_ranges){&page, 1};
        } else if (way == 3) {
            image.input.roots_off = 1 << SNAPSHOT_ROOT_MAPPING;
        } else if (way == 4) {
            image.input.program = (struct address_ranges){&part, 1};
            expected = 2;
        } else {
            image.input.regions = (struct address_ranges){&page, 1};
            expected = 1;
        }
        image_scan(&image);
        assert_int_equal(image.snapshot.root_count, expected);
        if (way == 5)
            assert_int_equal(image.snapshot.roots[0].kind, SNAPSHOT_ROOT_REGION);
        snapshot_clear(&image.snapshot);
    }
}

static void assert_fact(const struct snapshot *snapshot, enum snapshot_fact_kind kind,
                        uint32_t owner, uint32_t slot, uint64_t expected)
{
    uint64_t value;
    assert_true(snapshot_find_fact(snapshot, kind, owner, slot, &value));
    assert_int_equal(value, expected);
}

/* A vector of 3 of 4 words and a string of 5 of 15 bytes, from roots and from a block; pointers
 * into the middle; and what is nearly so. */
static void test_facts_of_pointers(void **state)
{
    (void)state;
    static const struct snapshot_block blocks[] = {{.address = HEAP, .bytes = 32},
                                                   {.address = HEAP + 64, .bytes = 16},
                                                   {.address = HEAP + 0x100, .bytes = 88},
                                                   {.address = HEAP + 0x200, .bytes = 32}};
    static const uint64_t shapes[] = {HEAP,      HEAP + 24,
                                      HEAP + 32, /* vector */
                                      HEAP + 64, 5,
                                      15, /* string */
                                      HEAP + 64, 16,
                                      15,                   /* none: too long */
                                      HEAP,      HEAP + 40, /* none: beyond */
                                      HEAP + 32, HEAP + 0x200 + 7};
    struct image image;
    image_init(&image, blocks, 4);
    memcpy(image.roots, shapes, sizeof shapes);
    memcpy(heap_word(&image, HEAP + 0x100), shapes, 11 * sizeof *shapes);
    image_scan(&image);
    const struct snapshot *snapshot = &image.snapshot;
    /* Roots: vector, its inner pointer, string, the others. */
    assert_fact(snapshot, SNAPSHOT_FACT_ROOT_FILLED, 0, 0, 24);
    assert_fact(snapshot, SNAPSHOT_FACT_ROOT_OFFSET, 1, 0, 24);
    assert_fact(snapshot, SNAPSHOT_FACT_ROOT_LENGTH, 2, 0, 5);
    assert_fact(snapshot, SNAPSHOT_FACT_ROOT_OFFSET, 4, 0, 7);
    assert_int_equal(snapshot->facts[SNAPSHOT_FACT_ROOT_FILLED].count, 1);
    assert_int_equal(snapshot->facts[SNAPSHOT_FACT_ROOT_LENGTH].count, 1);
    assert_int_equal(snapshot->facts[SNAPSHOT_FACT_ROOT_OFFSET].count, 2);
    assert_fact(snapshot, SNAPSHOT_FACT_FILLED, 2, 0, 24);
    assert_fact(snapshot, SNAPSHOT_FACT_OFFSET, 2, 1, 24);
    assert_fact(snapshot, SNAPSHOT_FACT_LENGTH, 2, 3, 5);
    assert_int_equal(snapshot->facts[SNAPSHOT_FACT_FILLED].count, 1);
    assert_int_equal(snapshot->facts[SNAPSHOT_FACT_LENGTH].count, 1);
    assert_int_equal(snapshot->facts[SNAPSHOT_FACT_CLASS].count, 0);
    snapshot_clear(&image.snapshot);
}

/* Objects of a class with a name, of one without type information, an array of three with their
 * number in front; a pointer to what is no table, and a table of an inner base. */
static void test_classes(void **state)
{
    (void)state;
    static const struct snapshot_block blocks[] = {
        {.address = HEAP, .bytes = 16},       {.address = HEAP + 32, .bytes = 16},
        {.address = HEAP + 64, .bytes = 56},  {.address = HEAP + 128, .bytes = 16},
        {.address = HEAP + 160, .bytes = 16}, {.address = HEAP + 192, .bytes = 16}};
    struct image image;
    image_init(&image, blocks, 6);
    target_mappings_clear(&image.mappings);
    target_mappings_parse(&image.mappings, maps);
    image.data[1] = DATA + 0x100; /* type information */
    image.data[2] = CODE;
    image.data[0x20] = DATA + 0x180; /* its own table, and the name */
    image.data[0x21] = DATA + 0x200;
    memcpy(&image.data[0x40], "N3app7SessionE", 15);
    image.data[0x52] = CODE + 16; /* no type information */
    image.data[0x60] = (uint64_t)-16;
    image.data[0x61] = DATA + 0x100;
    image.data[0x62] = CODE;
    *heap_word(&image, HEAP) = DATA + 16;
    *heap_word(&image, HEAP + 32) = DATA + 0x290;
    *heap_word(&image, HEAP + 64) = 3;
    *heap_word(&image, HEAP + 72) = DATA + 16;
    *heap_word(&image, HEAP + 128) = DATA + 0x310;
    *heap_word(&image, HEAP + 160) = DATA + 0x200;
    *heap_word(&image, HEAP + 192) = CODE;
    image_scan(&image);
    const struct snapshot *snapshot = &image.snapshot;
    assert_int_equal(snapshot->class_count, 2);
    assert_string_equal(snapshot->classes[0].name, "N3app7SessionE");
    assert_string_equal(snapshot->classes[1].name, "");
    assert_int_equal(snapshot->classes[1].address, DATA + 0x290);
    assert_int_equal(snapshot->facts[SNAPSHOT_FACT_CLASS].count, 3);
    assert_fact(snapshot, SNAPSHOT_FACT_CLASS, 0, 0, 0);
    assert_fact(snapshot, SNAPSHOT_FACT_CLASS, 1, 0, 1);
    assert_fact(snapshot, SNAPSHOT_FACT_CLASS, 2, 1, 0);
    snapshot_clear(&image.snapshot);
}

static uint64_t count_calls(void *context)
{
    return ++*(uint64_t *)context;
}

static void test_a_deadline_ends_it(void **state)
{
    (void)state;
    static const struct snapshot_block blocks[] = {{.address = HEAP, .bytes = 16}};
    uint64_t calls = 1; /* the first look is late */
    struct image image;
    image_init(&image, blocks, 1);
    image.input.clock = (struct clock){.now_ns = count_calls, .context = &calls};
    image.input.deadline_ns = 1;
    struct error error = {""};
    snapshot_init(&image.snapshot);
    assert_false(snapshot_scan(&image.input, &image.snapshot, &error));
    assert_int_equal(image.snapshot.end, SNAPSHOT_BUDGET);
    assert_int_equal(image.snapshot.block_count, 0);
    assert_string_not_equal(image.snapshot.note, "");
    target_mappings_clear(&image.mappings);
    snapshot_clear(&image.snapshot);
}

static void test_maps_are_read(void **state)
{
    (void)state;
    struct target_mappings mappings;
    target_mappings_parse(&mappings,
                          "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a b\n"
                          "nonsense\n"
                          "00440000-00460000 rw-p 00000000 00:00 0 overlapping\n"
                          "7f0000000000-7f0000001000 rw-s 00000000 00:05 9 /dev/zero (deleted)\n"
                          "7ffc0000-7ffd0000 rw-p 00000000 00:00 0 out of order\n"
                          "7fff00000000-7fff00001000 ---p 00000000 00:00 0");
    assert_int_equal(mappings.count, 3);
    assert_string_equal(mappings.items[0].path, "/usr/bin/a b");
    assert_int_equal(mappings.items[0].offset, 0x1000);
    assert_int_equal(mappings.items[0].inode, 173521);
    assert_int_equal(mappings.items[0].flags, TARGET_MAPPING_READ | TARGET_MAPPING_EXECUTE);
    assert_int_equal(mappings.items[1].flags,
                     TARGET_MAPPING_READ | TARGET_MAPPING_WRITE | TARGET_MAPPING_SHARED);
    assert_int_equal(mappings.items[2].flags, 0);
    assert_string_equal(mappings.items[2].path, "");
    target_mappings_clear(&mappings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references_and_roots),
        cmocka_unit_test(test_heuristics),
        cmocka_unit_test(test_unreadable_pages_are_counted),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_whose_mapping),
        cmocka_unit_test(test_facts_of_pointers),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_a_deadline_ends_it),
        cmocka_unit_test(test_maps_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
