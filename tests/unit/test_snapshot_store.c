/* Snapshots through a recording: what comes back, after compaction, after a kill, out of torn
 * files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recording_fixture.h"
#include "snapshot/snapshot_store.h"

enum {
    MANY_BLOCKS = 100000 /* several pieces of everything */
};

static void add_record(void *context, enum recording_kind kind, const void *record)
{
    recording_writer_add(context, kind, record);
}

static void make_small(struct snapshot *snapshot, uint32_t number)
{
    snapshot_init(snapshot);
    snapshot->number = number;
    snapshot->process_id = 3;
    snapshot->time_ns = 1234567;
    snapshot->reason = SNAPSHOT_AT_BEFORE_EXIT;
    snapshot->missing_threads = 1;
    snprintf(snapshot->note, sizeof snapshot->note, "thread 9 did not stop");
    snapshot_add_block(snapshot, &(struct snapshot_block){0x7f0000001000, 0, 500, 1, 2, 4});
    snapshot_add_block(snapshot, &(struct snapshot_block){0x7f0000001020, 24, 400, 0, 65535, 0});
    snapshot_add_block(snapshot, &(struct snapshot_block){0x7f0000002000, 1 << 20, 600, 7, 0, 1});
    snapshot_add_reference(snapshot, 0, 2, 0, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 2, 1, 5, SNAPSHOT_INTERIOR);
    snapshot_add_reference(snapshot, 2, 0, UINT64_C(1) << 33, SNAPSHOT_NEW_ARRAY);
    snapshot_end_references(snapshot);
    snapshot_add_module(snapshot, &(struct snapshot_module){.path = (char *)"/lib/x.so",
                                                            .build_id = {1, 2, 3},
                                                            .build_id_bytes = 3,
                                                            .start = 0x1000,
                                                            .end = 0x9000,
                                                            .bias = 0x1000});
    snapshot_add_thread(snapshot, &(struct snapshot_thread){
                                      .tid = 77, .name = "io", .stack_start = 16, .stack_end = 99});
    snapshot_add_frame(snapshot, 16, 4);
    snapshot_add_frame(snapshot, 48, 0);
    snapshot_add_root(snapshot, &(struct snapshot_root){.address = 0x2008,
                                                        .block = 2,
                                                        .module = 0,
                                                        .thread = SNAPSHOT_NONE,
                                                        .kind = SNAPSHOT_ROOT_GLOBAL,
                                                        .reference = SNAPSHOT_LENGTH});
    snapshot_add_root(snapshot, &(struct snapshot_root){.address = 5,
                                                        .block = 0,
                                                        .module = SNAPSHOT_NONE,
                                                        .thread = 0,
                                                        .number = 12,
                                                        .kind = SNAPSHOT_ROOT_REGISTER,
                                                        .reference = SNAPSHOT_START});
    snapshot_add_class(snapshot, &(struct snapshot_class){(char *)"4Node", 0, 0x2010});
    snapshot_add_class(snapshot, &(struct snapshot_class){(char *)"", SNAPSHOT_NONE, 0x7f0000});
    snapshot_add_fact(snapshot, SNAPSHOT_FACT_CLASS, 0, 0, 1);
    snapshot_add_fact(snapshot, SNAPSHOT_FACT_CLASS, 2, 0, 0);
    snapshot_add_fact(snapshot, SNAPSHOT_FACT_OFFSET, 2, 5, 16);
    snapshot_add_fact(snapshot, SNAPSHOT_FACT_ROOT_LENGTH, 1, 0, UINT64_MAX);
}

static void make_large(struct snapshot *snapshot, uint32_t number)
{
    snapshot_init(snapshot);
    snapshot->number = number;
    for (uint32_t i = 0; i < MANY_BLOCKS; i++)
        snapshot_add_block(snapshot,
                           &(struct snapshot_block){.address = 0x10000 + UINT64_C(48) * i,
                                                    .bytes = i % 49,
                                                    .birth_ns = i * UINT64_C(7919) % 1000003,
                                                    .site = i % 300});
    for (uint32_t i = 0; i < MANY_BLOCKS; i++)
        for (uint32_t j = 0; j < i % 5; j++)
            snapshot_add_reference(snapshot, i, (i * 31 + j * 1009) % MANY_BLOCKS, j,
                                   (enum snapshot_reference_kind)(j % 6));
    snapshot_end_references(snapshot);
    for (uint32_t i = 0; i < MANY_BLOCKS; i += 2)
        snapshot_add_root(snapshot, &(struct snapshot_root){.address = 0x5000 + 8 * i,
                                                            .block = MANY_BLOCKS - 1 - i,
                                                            .module = SNAPSHOT_NONE,
                                                            .thread = SNAPSHOT_NONE,
                                                            .kind = SNAPSHOT_ROOT_MAPPING});
    for (uint32_t i = 0; i < MANY_BLOCKS; i++)
        snapshot_add_fact(snapshot, SNAPSHOT_FACT_FILLED, i, i % 9, i * UINT64_C(12345));
}

static void write_snapshot(struct recording_writer *writer, const struct snapshot *snapshot)
{
    snapshot_write(snapshot, add_record, writer);
    assert_true(recording_writer_flush(writer, false, NULL));
}

/* Texts and pieces of references one by one: bit fields have padding. */
static void assert_same(const struct snapshot *left, const struct snapshot *right)
{
    assert_int_equal(left->number, right->number);
    assert_int_equal(left->process_id, right->process_id);
    assert_int_equal(left->time_ns, right->time_ns);
    assert_int_equal(left->reason, right->reason);
    assert_int_equal(left->end, right->end);
    assert_int_equal(left->missing_threads, right->missing_threads);
    assert_string_equal(left->note, right->note);
    assert_int_equal(left->block_count, right->block_count);
    assert_memory_equal(left->blocks, right->blocks, left->block_count * sizeof *left->blocks);
    assert_memory_equal(left->first_reference, right->first_reference,
                        (left->block_count + 1) * sizeof *left->first_reference);
    assert_int_equal(left->reference_count, right->reference_count);
    assert_memory_equal(left->references, right->references,
                        left->reference_count * sizeof *left->references);
    assert_int_equal(left->root_count, right->root_count);
    for (size_t i = 0; i < left->root_count; i++) {
        assert_int_equal(left->roots[i].address, right->roots[i].address);
        assert_int_equal(left->roots[i].block, right->roots[i].block);
        assert_int_equal(left->roots[i].module, right->roots[i].module);
        assert_int_equal(left->roots[i].thread, right->roots[i].thread);
        assert_int_equal(left->roots[i].number, right->roots[i].number);
        assert_int_equal(left->roots[i].kind, right->roots[i].kind);
        assert_int_equal(left->roots[i].reference, right->roots[i].reference);
    }
    assert_int_equal(left->module_count, right->module_count);
    for (size_t i = 0; i < left->module_count; i++) {
        assert_string_equal(left->modules[i].path, right->modules[i].path);
        assert_int_equal(left->modules[i].build_id_bytes, right->modules[i].build_id_bytes);
        assert_memory_equal(left->modules[i].build_id, right->modules[i].build_id, 40);
        assert_int_equal(left->modules[i].bias, right->modules[i].bias);
    }
    assert_int_equal(left->thread_count, right->thread_count);
    for (size_t i = 0; i < left->thread_count; i++) {
        assert_int_equal(left->threads[i].tid, right->threads[i].tid);
        assert_string_equal(left->threads[i].name, right->threads[i].name);
        assert_int_equal(left->threads[i].frame_count, right->threads[i].frame_count);
        for (uint32_t j = 0; j < left->threads[i].frame_count; j++) {
            assert_int_equal(left->frames[left->threads[i].first_frame + j].address,
                             right->frames[right->threads[i].first_frame + j].address);
            assert_int_equal(left->frames[left->threads[i].first_frame + j].frame_id,
                             right->frames[right->threads[i].first_frame + j].frame_id);
        }
    }
}

static void assert_same_facts(const struct snapshot *left, const struct snapshot *right)
{
    assert_int_equal(left->class_count, right->class_count);
    for (size_t i = 0; i < left->class_count; i++) {
        assert_string_equal(left->classes[i].name, right->classes[i].name);
        assert_int_equal(left->classes[i].module, right->classes[i].module);
        assert_int_equal(left->classes[i].address, right->classes[i].address);
    }
    for (size_t i = 0; i < SNAPSHOT_FACT_KIND_COUNT; i++) {
        assert_int_equal(left->facts[i].count, right->facts[i].count);
        if (left->facts[i].count > 0)
            assert_memory_equal(left->facts[i].items, right->facts[i].items,
                                left->facts[i].count * sizeof *left->facts[i].items);
    }
}

static void check_stored(const char *path, const struct snapshot *expected)
{
    struct recording_reader *reader = open_reader(path);
    struct snapshot read;
    struct error error = {""};
    snapshot_init(&read);
    if (!snapshot_read(reader, expected->number, &read, &error))
        fail_msg("%s", error.message);
    assert_same(&read, expected);
    assert_same_facts(&read, expected);
    snapshot_clear(&read);
    recording_reader_close(reader);
}

static void check_list(const char *path, const uint32_t *numbers, size_t count)
{
    struct recording_reader *reader = open_reader(path);
    struct snapshot_list list;
    assert_true(snapshot_list_read(&list, reader, NULL));
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list.heads[i].id, numbers[i]);
    snapshot_list_clear(&list);
    recording_reader_close(reader);
}

static void test_snapshots_come_back(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    struct snapshot small, large;
    make_small(&small, 2);
    make_large(&large, 1);
    write_snapshot(writer, &small);
    write_snapshot(writer, &large);
    check_list(path, (const uint32_t[]){1, 2}, 2);
    check_stored(path, &small);
    check_stored(path, &large);
    snapshot_clear(&small);
    snapshot_clear(&large);
    recording_writer_close(writer);
}

static void compact(struct recording_writer *writer)
{
    assert_true(recording_writer_begin_compacted(writer, NULL));
    add_all_kinds(writer, 0, 1);
    assert_true(recording_writer_finish_compacted(writer, NULL));
}

static void test_compaction_keeps_snapshots(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    struct snapshot small, other, large;
    make_small(&small, 1);
    make_large(&large, 2);
    make_small(&other, 3);
    write_snapshot(writer, &small);
    snapshot_write(&large, add_record, writer); /* not flushed */
    compact(writer);
    check_list(path, (const uint32_t[]){1, 2}, 2);
    write_snapshot(writer, &other);
    recording_writer_drop_snapshot(writer, 1);
    compact(writer);
    recording_writer_close(writer);
    check_list(path, (const uint32_t[]){2, 3}, 2);
    check_stored(path, &large);
    check_stored(path, &other);
    struct recording_reader *reader = open_reader(path);
    assert_true(recording_reader_info(reader)->is_finished);
    recording_reader_close(reader);
    snapshot_clear(&small);
    snapshot_clear(&other);
    snapshot_clear(&large);
}

/* Cut anywhere, a file shows whole snapshots or none, and what it shows reads as it was. */
static void test_of_torn_files_whole_ones_count(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    const char *cut = path_in(place, "cut.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    struct snapshot small, other;
    make_small(&small, 1);
    make_small(&other, 2);
    write_snapshot(writer, &small);
    write_snapshot(writer, &other);
    recording_writer_close(writer);
    struct file file = read_file(path);
    size_t seen[3] = {0};
    for (size_t count = 0; count <= file.count; count++) {
        write_file(cut, file.bytes, count);
        struct recording_reader *reader = recording_reader_open(cut, NULL);
        if (!reader) {
            seen[0]++;
            continue;
        }
        struct snapshot_list list;
        assert_true(snapshot_list_read(&list, reader, NULL));
        assert_in_range(list.count, 0, 2);
        seen[list.count]++;
        for (size_t i = 0; i < list.count; i++) {
            struct snapshot read;
            snapshot_init(&read);
            assert_true(snapshot_read(reader, list.heads[i].id, &read, NULL));
            assert_same(&read, i == 0 ? &small : &other);
            assert_same_facts(&read, i == 0 ? &small : &other);
            snapshot_clear(&read);
        }
        snapshot_list_clear(&list);
        recording_reader_close(reader);
    }
    assert_true(seen[0] > 0 && seen[1] > 0);
    assert_int_equal(seen[2], 1);
    free(file.bytes);
    snapshot_clear(&small);
    snapshot_clear(&other);
}

/* What a forger may write: each is told, none is believed. */
struct forgery {
    const char *what;
    struct recording_snapshot head;
    struct recording_snapshot_blocks blocks;
    struct recording_snapshot_references references;
    struct recording_snapshot_roots roots;
    struct recording_snapshot_facts facts;
};

#define BYTES(...)                                                                                 \
    {                                                                                              \
        .bytes = (const uint8_t[]){__VA_ARGS__}, .count = sizeof((const uint8_t[]){__VA_ARGS__})   \
    }
/* Blocks at 16 and 32, of 8 bytes. */
#define TWO_BLOCKS                                                                                 \
    {                                                                                              \
        .block_count = 2, .blocks = BYTES(16, 8, 0, 0, 0, 16, 8, 0, 0, 0)                          \
    }

static void test_forgeries_are_refused(void **state)
{
    struct place *place = *state;
    static const struct recording_snapshot two = {.block_count = 2};
    const struct forgery forgeries[] = {
        {"overlapping blocks",
         two,
         {.block_count = 2, .blocks = BYTES(16, 8, 0, 0, 0, 4, 8, 0, 0, 0)},
         {.block_count = 2, .references = BYTES(0, 0)},
         {0},
         {0}},
        {"a block at the end of the world",
         two,
         {.block_count = 2,
          .blocks = BYTES(16, 8, 0, 0, 0, 16, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0,
                          0)},
         {.block_count = 2, .references = BYTES(0, 0)},
         {0},
         {0}},
        {"more blocks than bytes",
         {.block_count = 1 << 30},
         {.block_count = 1 << 30, .blocks = BYTES(16, 8, 0, 0, 0)},
         {.block_count = 1 << 30, .references = BYTES(0, 0)},
         {0},
         {0}},
        {"a reference to itself",
         {.block_count = 2, .reference_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .reference_count = 1, .references = BYTES(1, 0, 0, 0)},
         {0},
         {0}},
        {"a reference to no block",
         {.block_count = 2, .reference_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .reference_count = 1, .references = BYTES(1, 4, 0, 0)},
         {0},
         {0}},
        {"a reference to before the first",
         {.block_count = 2, .reference_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .reference_count = 1, .references = BYTES(1, 1, 0, 0)},
         {0},
         {0}},
        {"fewer references than announced",
         {.block_count = 2, .reference_count = 2},
         TWO_BLOCKS,
         {.block_count = 2, .reference_count = 2, .references = BYTES(1, 2, 0, 0)},
         {0},
         {0}},
        {"a root of no block",
         {.block_count = 2, .root_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .references = BYTES(0, 0)},
         {.root_count = 1, .roots = BYTES(0, 0, 4, 0, 0, 0)},
         {0}},
        {"a root of no module",
         {.block_count = 2, .root_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .references = BYTES(0, 0)},
         {.root_count = 1, .roots = BYTES(0, 0, 0, 1, 0, 0)},
         {0}},
        {"an unknown kind of root",
         {.block_count = 2, .root_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .references = BYTES(0, 0)},
         {.root_count = 1, .roots = BYTES(15, 0, 0, 0, 0, 0)},
         {0}},
        {"a fact of no block",
         {.block_count = 2, .fact_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .references = BYTES(0, 0)},
         {0},
         {.kind = SNAPSHOT_FACT_OFFSET, .fact_count = 1, .facts = BYTES(2, 0, 0)}},
        {"a fact of no class",
         {.block_count = 2, .fact_count = 1},
         TWO_BLOCKS,
         {.block_count = 2, .references = BYTES(0, 0)},
         {0},
         {.kind = SNAPSHOT_FACT_CLASS, .fact_count = 1, .facts = BYTES(0, 0, 0)}},
        {"facts that are not sorted",
         {.block_count = 2, .fact_count = 2},
         TWO_BLOCKS,
         {.block_count = 2, .references = BYTES(0, 0)},
         {0},
         {.kind = SNAPSHOT_FACT_OFFSET, .fact_count = 2, .facts = BYTES(0, 3, 0, 0, 3, 0)}},
        {"more facts than bytes",
         {.block_count = 2, .fact_count = 1 << 30},
         TWO_BLOCKS,
         {.block_count = 2, .references = BYTES(0, 0)},
         {0},
         {.kind = SNAPSHOT_FACT_OFFSET, .fact_count = 1 << 30, .facts = BYTES(0, 3, 0)}},
    };
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        const struct forgery *forgery = &forgeries[i];
        const char *path = path_in(place, "forged.seep");
        struct recording_writer *writer = open_writer(path);
        assert_true(recording_writer_publish(writer, NULL));
        add_record(writer, RECORDING_snapshot, &forgery->head);
        add_record(writer, RECORDING_snapshot_blocks, &forgery->blocks);
        add_record(writer, RECORDING_snapshot_references, &forgery->references);
        if (forgery->roots.root_count > 0)
            add_record(writer, RECORDING_snapshot_roots, &forgery->roots);
        if (forgery->facts.fact_count > 0)
            add_record(writer, RECORDING_snapshot_facts, &forgery->facts);
        recording_writer_close(writer);
        struct recording_reader *reader = open_reader(path);
        struct snapshot snapshot;
        struct error error = {""};
        snapshot_init(&snapshot);
        if (snapshot_read(reader, 0, &snapshot, &error))
            fail_msg("%s was believed", forgery->what);
        assert_non_null(strstr(error.message, "snapshot 0 is damaged"));
        assert_null(snapshot.blocks);
        recording_reader_close(reader);
        remove(path);
    }
}

static void test_what_is_not_there_is_told(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    write_finished(path);
    check_list(path, NULL, 0);
    struct recording_reader *reader = open_reader(path);
    struct snapshot snapshot;
    struct error error = {""};
    snapshot_init(&snapshot);
    assert_false(snapshot_read(reader, 4, &snapshot, &error));
    assert_string_equal(error.message, "there is no snapshot 4");
    recording_reader_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, recording_set_up, recording_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_snapshots_come_back),
        TEST(test_compaction_keeps_snapshots),
        TEST(test_of_torn_files_whole_ones_count),
        TEST(test_forgeries_are_refused),
        TEST(test_what_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
