/* What blocks begin with: read out of an image, kept within bounds, and found again in recordings,
 * also in torn and forged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recording_fixture.h"
#include "snapshot/block_contents.h"

enum {
    START = 0x10000,
    IMAGE_BYTES = 0x3000,
    FAR = 0x40000000, /* of a block that stands alone */
    FAR_BYTES = 100,  /* of it that can be read: it has more */
    MANY = 100000     /* blocks, for several records */
};

static uint8_t byte_at(uint64_t address)
{
    return (uint8_t)(address * 7 + (address >> 8));
}

struct memory {
    uint8_t near[IMAGE_BYTES], far[FAR_BYTES];
    struct target_image_piece pieces[2];
    struct target_image image;
    struct target_memory target;
};

static void memory_fill(struct memory *memory)
{
    for (size_t i = 0; i < IMAGE_BYTES; i++)
        memory->near[i] = byte_at(START + i);
    for (size_t i = 0; i < FAR_BYTES; i++)
        memory->far[i] = byte_at(FAR + i);
    memory->pieces[0] = (struct target_image_piece){START, memory->near, IMAGE_BYTES};
    memory->pieces[1] = (struct target_image_piece){FAR, memory->far, FAR_BYTES};
    memory->image = (struct target_image){memory->pieces, 2};
    memory->target = target_image_memory(&memory->image);
}

/* Neighbours, one of no byte, one that is larger than what is kept, and one that ends where its
 * memory cannot be read. */
static const struct snapshot_block blocks[] = {
    {.address = START, .bytes = 24},          {.address = START + 32, .bytes = 0},
    {.address = START + 64, .bytes = 3},      {.address = START + 128, .bytes = 0x2000},
    {.address = START + 0x2100, .bytes = 64}, {.address = FAR, .bytes = 4096},
};
enum {
    BLOCKS = sizeof blocks / sizeof *blocks,
    LIMIT = 128
};
static const size_t kept[BLOCKS] = {24, 0, 3, LIMIT, 64, FAR_BYTES};

static void make(struct snapshot *snapshot, uint32_t number)
{
    snapshot_init(snapshot);
    snapshot->number = number;
    for (size_t i = 0; i < BLOCKS; i++)
        snapshot_add_block(snapshot, &blocks[i]);
    snapshot_end_references(snapshot);
}

static bool go_on(void *context)
{
    unsigned *left = context;

    return !left || (*left)-- > 0;
}

static void test_first_bytes_are_read(void **state)
{
    static struct memory memory;
    struct snapshot snapshot;

    (void)state;
    memory_fill(&memory);
    make(&snapshot, 1);
    block_contents_read(&snapshot, &memory.target, LIMIT, go_on, NULL);
    assert_int_equal(snapshot.content_limit, LIMIT);
    for (size_t i = 0; i < BLOCKS; i++) {
        const uint8_t *bytes = snapshot.contents + snapshot.first_content[i];

        assert_int_equal(snapshot.first_content[i + 1] - snapshot.first_content[i], kept[i]);
        for (size_t j = 0; j < kept[i]; j++)
            assert_int_equal(bytes[j], byte_at(blocks[i].address + j));
    }
    snapshot_clear(&snapshot);
}

static void test_without_time_there_are_none(void **state)
{
    static struct memory memory;
    struct snapshot snapshot;
    unsigned looks = 1; /* and there are two runs */

    (void)state;
    memory_fill(&memory);
    make(&snapshot, 1);
    block_contents_read(&snapshot, &memory.target, LIMIT, go_on, &looks);
    assert_int_equal(snapshot.content_limit, 0);
    assert_null(snapshot.contents);
    assert_null(snapshot.first_content);
    snapshot_clear(&snapshot);
}

/* 24 + 0 + 3 + 128 + 64 + 128 bytes; with 64 of each 219; with 8 of each 35. */
static void test_all_together_are_bounded(void **state)
{
    struct snapshot snapshot;

    (void)state;
    make(&snapshot, 1);
    assert_int_equal(block_contents_limit(&snapshot, LIMIT, 347), LIMIT);
    assert_int_equal(block_contents_limit(&snapshot, LIMIT, 346), 64);
    assert_int_equal(block_contents_limit(&snapshot, LIMIT, 218), 32);
    assert_int_equal(block_contents_limit(&snapshot, LIMIT, 35), 8);
    assert_int_equal(block_contents_limit(&snapshot, LIMIT, 34), 0);
    snapshot_clear(&snapshot);
}

static void add_record(void *context, enum recording_kind kind, const void *record)
{
    recording_writer_add(context, kind, record);
}

static void write_snapshot(const char *path, const struct snapshot *snapshot)
{
    struct recording_writer *writer = open_writer(path);

    assert_true(recording_writer_publish(writer, NULL));
    snapshot_write(snapshot, add_record, writer);
    assert_true(recording_writer_flush(writer, false, NULL));
    recording_writer_close(writer);
}

static void check_block(struct recording_reader *reader, uint64_t id, uint32_t block, size_t wanted)
{
    uint8_t *bytes;
    size_t count;

    assert_true(block_contents_find(reader, id, block, &bytes, &count, NULL));
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(bytes[i], byte_at(blocks[block].address + i));
    free(bytes);
}

static void test_they_come_back(void **state)
{
    static struct memory memory;
    const char *path = path_in(*state, "a.seep");
    struct snapshot snapshot, read;
    struct recording_reader *reader;

    memory_fill(&memory);
    make(&snapshot, 4);
    block_contents_read(&snapshot, &memory.target, LIMIT, go_on, NULL);
    write_snapshot(path, &snapshot);
    reader = open_reader(path);
    snapshot_init(&read);
    assert_true(snapshot_read(reader, 4, &read, NULL));
    assert_int_equal(read.content_limit, LIMIT);
    for (uint32_t i = 0; i < BLOCKS; i++)
        check_block(reader, 4, i, kept[i]);
    check_block(reader, 4, BLOCKS, 0);
    check_block(reader, 3, 0, 0);
    recording_reader_close(reader);
    snapshot_clear(&read);
    snapshot_clear(&snapshot);
}

/* Of each block its number. */
static void test_of_many_blocks_each_is_found(void **state)
{
    const char *path = path_in(*state, "many.seep");
    const uint32_t asked[] = {0, 1, 32767, 32768, 65536, MANY - 1};
    struct snapshot snapshot = {.number = 1, .content_limit = sizeof(uint32_t)};
    struct recording_reader *reader;

    snapshot.first_content = calloc(MANY + 1, sizeof *snapshot.first_content);
    snapshot.contents = malloc(MANY * sizeof(uint32_t));
    for (uint32_t i = 0; i < MANY; i++) {
        snapshot_add_block(&snapshot, &(struct snapshot_block){.address = START + 16 * (uint64_t)i,
                                                               .bytes = sizeof i});
        memcpy(snapshot.contents + i * sizeof i, &i, sizeof i);
        snapshot.first_content[i + 1] = (i + 1) * sizeof i;
    }
    snapshot_end_references(&snapshot);
    write_snapshot(path, &snapshot);
    snapshot_clear(&snapshot);
    reader = open_reader(path);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        uint8_t *bytes;
        size_t count;

        assert_true(block_contents_find(reader, 1, asked[i], &bytes, &count, NULL));
        assert_int_equal(count, sizeof asked[i]);
        assert_memory_equal(bytes, &asked[i], sizeof asked[i]);
        free(bytes);
    }
    recording_reader_close(reader);
}

/* Cut anywhere there is the block as it was, or nothing of it. */
static void test_of_torn_files(void **state)
{
    static struct memory memory;
    const char *path = path_in(*state, "a.seep"), *cut = path_in(*state, "cut.seep");
    struct snapshot snapshot;
    size_t seen[2] = {0};
    struct file file;

    memory_fill(&memory);
    make(&snapshot, 1);
    block_contents_read(&snapshot, &memory.target, LIMIT, go_on, NULL);
    write_snapshot(path, &snapshot);
    snapshot_clear(&snapshot);
    file = read_file(path);
    for (size_t count = 0; count <= file.count; count++) {
        struct recording_reader *reader;
        uint8_t *bytes;
        size_t found;

        write_file(cut, file.bytes, count);
        reader = recording_reader_open(cut, NULL);
        if (!reader)
            continue;
        assert_true(block_contents_find(reader, 1, 3, &bytes, &found, NULL));
        assert_true(found == 0 || found == LIMIT);
        seen[found > 0]++;
        for (size_t i = 0; i < found; i++)
            assert_int_equal(bytes[i], byte_at(blocks[3].address + i));
        free(bytes);
        recording_reader_close(reader);
    }
    assert_true(seen[0] > 0 && seen[1] > 0);
    free(file.bytes);
}

#define BYTES(...)                                                                                 \
    {                                                                                              \
        .bytes = (const uint8_t[]){__VA_ARGS__}, .count = sizeof((const uint8_t[]){__VA_ARGS__})   \
    }

static void test_forgeries_are_refused(void **state)
{
    const struct recording_snapshot_contents forgeries[] = {
        {.block_count = UINT64_MAX, .contents = BYTES(1, 1, 1)},
        {.block_count = 2, .contents = BYTES(1, 9, 1)},
        {.block_count = 2, .contents = BYTES(2, 2, 1, 1)},
        {.block_count = 2, .contents = BYTES(0x80, 0x80)},
        {.block_count = 2,
         .contents = BYTES(0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 7, 7)},
    };

    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        const char *path = path_in(*state, "forged.seep");
        struct recording_writer *writer = open_writer(path);
        struct recording_reader *reader;
        struct error error = {""};
        uint8_t *bytes;
        size_t count;

        assert_true(recording_writer_publish(writer, NULL));
        add_record(writer, RECORDING_snapshot_contents, &forgeries[i]);
        recording_writer_close(writer);
        reader = open_reader(path);
        assert_false(block_contents_find(reader, 0, 1, &bytes, &count, &error));
        assert_non_null(strstr(error.message, "snapshot 0 is damaged"));
        assert_null(bytes);
        recording_reader_close(reader);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, recording_set_up, recording_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_bytes_are_read),         TEST(test_without_time_there_are_none),
        TEST(test_all_together_are_bounded),     TEST(test_they_come_back),
        TEST(test_of_many_blocks_each_is_found), TEST(test_of_torn_files),
        TEST(test_forgeries_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
