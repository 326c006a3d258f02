/* The snapshot's rows, and how blocks are found in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot/snapshot.h"

static void add_blocks(struct snapshot *snapshot, size_t count)
{
    for (size_t i = 0; i < count; i++)
        snapshot_add_block(snapshot,
                           &(struct snapshot_block){.address = 0x1000 + 0x100 * i, .bytes = 24});
}

static void rows_without_references(void **state)
{
    (void)state;
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    snapshot_end_references(&snapshot);
    assert_int_equal(snapshot.first_reference[0], 0);
    snapshot_clear(&snapshot);
    add_blocks(&snapshot, 3);
    snapshot_end_references(&snapshot);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(snapshot.first_reference[i], 0);
    snapshot_clear(&snapshot);
}

static void rows(void **state)
{
    (void)state;
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    add_blocks(&snapshot, 6);
    snapshot_add_reference(&snapshot, 1, 3, 0, SNAPSHOT_START);
    snapshot_add_reference(&snapshot, 1, 3, 1, SNAPSHOT_START); /* a repetition */
    snapshot_add_reference(&snapshot, 1, 3, 2, SNAPSHOT_INTERIOR);
    snapshot_add_reference(&snapshot, 1, 1, 2, SNAPSHOT_START); /* to itself */
    snapshot_add_reference(&snapshot, 4, 3, UINT64_C(1) << 40, SNAPSHOT_INTERIOR);
    snapshot_end_references(&snapshot);
    static const uint64_t expected[] = {0, 0, 2, 2, 2, 3, 3};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(snapshot.first_reference[i], expected[i]);
    assert_int_equal(snapshot.reference_count, 3);
    assert_int_equal(snapshot.references[1].slot, 2);
    assert_int_equal(snapshot.references[1].kind, SNAPSHOT_INTERIOR);
    assert_int_equal(snapshot.references[2].slot, SNAPSHOT_FAR_SLOT);
    snapshot_clear(&snapshot);
}

static void finds_blocks(void **state)
{
    (void)state;
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    assert_int_equal(snapshot_find_block(&snapshot, 0x1000), SNAPSHOT_NONE);
    add_blocks(&snapshot, 3);
    snapshot_add_block(&snapshot, &(struct snapshot_block){.address = 0x2000, .bytes = 0});
    assert_int_equal(snapshot_find_block(&snapshot, 0xfff), SNAPSHOT_NONE);
    assert_int_equal(snapshot_find_block(&snapshot, 0x1000), 0);
    assert_int_equal(snapshot_find_block(&snapshot, 0x1017), 0);
    assert_int_equal(snapshot_find_block(&snapshot, 0x1018), SNAPSHOT_NONE);
    assert_int_equal(snapshot_find_block(&snapshot, 0x1108), 1);
    assert_int_equal(snapshot_find_block(&snapshot, 0x2000), 3);
    assert_int_equal(snapshot_find_block(&snapshot, 0x2001), SNAPSHOT_NONE);
    snapshot_clear(&snapshot);
}

static void threads_have_frames(void **state)
{
    (void)state;
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    snapshot_add_frame(&snapshot, 1, 1); /* of no thread */
    snapshot_add_thread(&snapshot, &(struct snapshot_thread){.tid = 7});
    snapshot_add_frame(&snapshot, 0x10, 4);
    snapshot_add_frame(&snapshot, 0x20, 5);
    snapshot_add_thread(&snapshot, &(struct snapshot_thread){.tid = 8});
    snapshot_add_frame(&snapshot, 0x30, 4);
    assert_int_equal(snapshot.threads[0].frame_count, 2);
    assert_int_equal(snapshot.threads[1].first_frame, 2);
    assert_int_equal(snapshot.threads[1].frame_count, 1);
    snapshot_clear(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_without_references),
        cmocka_unit_test(rows),
        cmocka_unit_test(finds_blocks),
        cmocka_unit_test(threads_have_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
