/* A recording written anew: what is kept to the byte, what is added, what stays torn. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "recording/recording_copy.h"
#include "recording/recording_format.h"
#include "recording_fixture.h"

static void copy_to(const char *from, const char *to, const struct recording_string *added)
{
    struct recording_reader *reader = open_reader(from);
    struct recording_copy_options options = {.path = to, .keeps_mode = strcmp(from, to) == 0};
    struct error error = {""};
    struct recording_copy *copy = recording_copy_open(reader, &options, &error);
    assert_string_equal(error.message, "");
    assert_non_null(copy);
    if (added)
        recording_copy_add(copy, RECORDING_string, added);
    assert_true(recording_copy_finish(copy, &error));
    recording_copy_close(copy);
    recording_reader_close(reader);
}

static void check_equal_files(const char *one, const char *other)
{
    struct file left = read_file(one), right = read_file(other);
    assert_int_equal(left.count, right.count);
    assert_memory_equal(left.bytes, right.bytes, left.count);
    free(left.bytes);
    free(right.bytes);
}

static void test_a_copy_without_additions_is_the_same_file(void **state)
{
    struct place *place = *state;
    const char *from = path_in(place, "a.seep"), *to = path_in(place, "b.seep");
    write_finished(from);
    copy_to(from, to, NULL);
    check_equal_files(from, to);
    assert_int_equal(count_entries(place->folder), 2);

    struct stat status;
    assert_int_equal(stat(to, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static bool take_last(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    *(uint64_t *)context = ((const struct recording_string *)record)->id;
    return true;
}

static void test_added_records_follow_what_stands_there(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep"), *old = path_in(place, "old.seep");
    const struct recording_string added = {77, "a name"};
    write_finished(path);
    copy_to(path, old, NULL);
    assert_int_equal(chmod(path, 0640), 0);
    copy_to(path, path, &added);
    assert_int_equal(count_entries(place->folder), 2);

    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    struct recording_reader *before = open_reader(old), *after = open_reader(path);
    uint64_t count = recording_reader_info(before)->chunk_count, last = 0;
    assert_true(recording_reader_info(after)->is_finished);
    assert_int_equal(recording_reader_info(after)->session_id, SESSION_ID);
    assert_int_equal(recording_reader_info(after)->chunk_count, count + 1);
    assert_true(recording_reader_visit(after, RECORDING_string, take_last, &last, NULL));
    assert_int_equal(last, 77);
    struct recording_chunk chunk;
    assert_true(recording_reader_chunk(after, count, &chunk));
    assert_true(chunk.flags & RECORDING_CHUNK_CHECKPOINT);

    struct file left = read_file(old), right = read_file(path);
    assert_memory_equal(left.bytes, right.bytes, chunk.offset);
    free(left.bytes);
    free(right.bytes);
    recording_reader_close(before);
    recording_reader_close(after);
}

/* Cut within its trailer, it holds everything; but nobody can know. */
static void test_a_torn_recording_stays_torn(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    const struct recording_string added = {77, "a name"};
    write_finished(path);
    struct file file = read_file(path);
    write_file(path, file.bytes, file.count - 5);
    free(file.bytes);
    copy_to(path, path, &added);
    copy_to(path, path, NULL);

    struct recording_reader *reader = open_reader(path);
    assert_true(recording_reader_info(reader)->is_torn);
    assert_string_equal(recording_reader_info(reader)->damage,
                        "it was not finished: the recorder was killed or still runs");
    struct expectation none = {0};
    assert_true(recording_reader_visit(reader, RECORDING_end, check_record, &none, NULL));
    assert_int_equal(none.total, 0);
    uint64_t last = 0;
    assert_true(recording_reader_visit(reader, RECORDING_string, take_last, &last, NULL));
    assert_int_equal(last, 77);
    recording_reader_close(reader);
}

static void test_no_foreign_file_is_replaced(void **state)
{
    struct place *place = *state;
    const char *from = path_in(place, "a.seep"), *to = path_in(place, "precious");
    struct error error = {""};
    write_finished(from);
    write_file(to, "precious", 8);
    struct recording_reader *reader = open_reader(from);
    struct recording_copy_options options = {.path = to};
    assert_null(recording_copy_open(reader, &options, &error));
    assert_non_null(strstr(error.message, "is not a seep recording"));
    assert_int_equal(count_entries(place->folder), 2);

    options.is_force = true;
    struct recording_copy *copy = recording_copy_open(reader, &options, &error);
    assert_non_null(copy);
    recording_copy_close(copy); /* changed our mind */
    assert_int_equal(count_entries(place->folder), 2);
    struct file file = read_file(to);
    assert_int_equal(file.count, 8);
    free(file.bytes);
    recording_reader_close(reader);
}

static void test_a_recorder_at_work_is_seen(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer *writer = open_writer(path);
    add_all_kinds(writer, 0, 1);
    assert_true(recording_writer_publish(writer, NULL));
    assert_true(recording_writer_flush(writer, false, NULL));
    struct recording_reader *reader = open_reader(path);
    assert_true(recording_reader_is_written(reader));
    recording_writer_close(writer);
    assert_false(recording_reader_is_written(reader));
    recording_reader_close(reader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, recording_set_up, recording_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_copy_without_additions_is_the_same_file),
        TEST(test_added_records_follow_what_stands_there),
        TEST(test_a_torn_recording_stays_torn),
        TEST(test_no_foreign_file_is_replaced),
        TEST(test_a_recorder_at_work_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
