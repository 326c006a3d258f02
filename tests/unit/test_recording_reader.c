/* Torn, damaged, foreign and newer files: what is shown is what was written, or nothing. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "recording/recording_format.h"
#include "recording_fixture.h"

/* A file without a disk, for tests that write thousands of versions. */
struct memory_file {
    int fd;
    char path[64];
};

static struct memory_file open_memory_file(void)
{
    struct memory_file file = {.fd = memfd_create("recording", MFD_CLOEXEC)};
    assert_true(file.fd >= 0);
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

static void fill_memory_file(const struct memory_file *file, const void *bytes, size_t count)
{
    assert_int_equal(ftruncate(file->fd, (off_t)count), 0);
    assert_int_equal(pwrite(file->fd, bytes, count, 0), count);
}

static void check_every_cut(const char *path, bool is_whole_finished)
{
    struct memory_file cut = open_memory_file();
    struct file file = read_file(path);
    unsigned records = 0;
    bool is_torn;
    for (size_t count = 0; count <= file.count; count++) {
        fill_memory_file(&cut, file.bytes, count);
        unsigned now = check_prefix(cut.path, &is_torn);
        assert_true(is_torn || (count == file.count && is_whole_finished));
        if (!is_whole_finished) /* a journal only ever grows */
            assert_true(now >= records);
        records = now;
    }
    assert_int_equal(is_torn, !is_whole_finished);
    assert_true(records > 0);
    close(cut.fd);
    free(file.bytes);
}

static void test_every_truncation_of_a_finished_recording(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    write_finished(path);
    check_every_cut(path, true);
}

/* A kill in a flush: only whole flushes show. */
static void test_every_truncation_of_a_journal(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    const char *cut_path = path_in(place, "half.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    uint64_t flushed_bytes[3];
    for (unsigned round = 0; round < 3; round++) {
        add_all_kinds(writer, round, 1);
        assert_true(recording_writer_flush(writer, false, NULL));
        flushed_bytes[round] = recording_writer_file_bytes(writer);
    }
    recording_writer_close(writer);
    check_every_cut(path, false);

    struct file file = read_file(path);
    write_file(cut_path, file.bytes, flushed_bytes[2] - 1);
    struct recording_reader *reader = open_reader(cut_path);
    check_content(reader, 2);
    assert_int_equal(recording_reader_info(reader)->usable_bytes, flushed_bytes[1]);
    recording_reader_close(reader);
    free(file.bytes);
}

static void test_every_damaged_byte_is_seen(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct memory_file damaged = open_memory_file();
    write_finished(path);
    struct file file = read_file(path);
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < file.count; i++) {
        for (size_t flip = 0; flip < sizeof flips; flip++) {
            file.bytes[i] ^= flips[flip];
            fill_memory_file(&damaged, file.bytes, file.count);
            bool is_torn;
            check_prefix(damaged.path, &is_torn);
            assert_true(is_torn);
            file.bytes[i] ^= flips[flip];
        }
    }
    close(damaged.fd);
    free(file.bytes);
}

static void test_bytes_behind_the_end_are_told(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    write_finished(path);
    FILE *stream = fopen(path, "ab");
    fputs("more", stream);
    fclose(stream);
    struct recording_reader *reader = open_reader(path);
    assert_true(recording_reader_info(reader)->is_torn);
    assert_string_equal(recording_reader_info(reader)->damage, "4 bytes stand behind its end");
    check_content(reader, RECORDS_A_KIND);
    recording_reader_close(reader);
}

static void check_refused(const char *path, const char *reason)
{
    struct error error = {""};
    assert_null(recording_reader_open(path, &error));
    assert_non_null(strstr(error.message, path));
    assert_non_null(strstr(error.message, reason));
}

static void test_foreign_files_are_refused(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "foreign");
    check_refused(path, "No such file");
    write_file(path, "", 0);
    check_refused(path, "not a seep recording");
    write_file(path, "SEEPREC\n", 8);
    check_refused(path, "cut within its header");
    write_file(path,
               "\x7f"
               "ELF, or anything else that is longer than a header",
               50);
    check_refused(path, "not a seep recording");
    check_refused(place->folder, "not a regular file");
    check_refused("/dev/null", "not a regular file");
    const char *pipe = path_in(place, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    check_refused(pipe, "not a regular file");

    struct recording_file_header header = {
        .major = RECORDING_MAJOR + 1, .minor = 3, .header_bytes = sizeof header};
    memcpy(header.magic, RECORDING_MAGIC, sizeof header.magic);
    header.checksum = recording_checksum(&header, offsetof(struct recording_file_header, checksum));
    write_file(path, &header, sizeof header);
    check_refused(path, "its format is version 2.3, and this seep reads 1.x");
}

static bool ignore_record(void *context, enum recording_kind kind, const void *record)
{
    (void)context;
    (void)kind;
    (void)record;
    return true;
}

static bool check_newer_string(void *context, enum recording_kind kind, const void *record)
{
    unsigned *seen = context;
    const struct recording_string *string = record;
    assert_int_equal(kind, RECORDING_string);
    assert_int_equal(string->id, *seen == 0 ? 5 : 6);
    assert_string_equal(string->text, *seen == 0 ? "ab" : "");
    ++*seen;
    return true;
}

/* What a newer minor may bring: a longer file header, an unknown kind, fields behind the known. */
static void test_a_newer_minor_is_read(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "newer.seep");
    uint8_t bytes[512] = {0};
    struct recording_file_header header = {
        .major = RECORDING_MAJOR, .minor = 9, .header_bytes = 48, .session_id = 3};
    memcpy(header.magic, RECORDING_MAGIC, sizeof header.magic);
    header.checksum = recording_checksum(&header, offsetof(struct recording_file_header, checksum));
    memcpy(bytes, &header, sizeof header);
    size_t count = header.header_bytes;
    static const struct {
        uint16_t kind;
        uint8_t payload[9];
    } chunks[] = {
        {200, {9, 9, 9, 9, 9, 9, 9, 9, 9}},
        /* two strings: 5 "ab" with two more fields, 6 "" cut short by an older minor */
        {RECORDING_string, {2, 6, 5, 2, 'a', 'b', 77, 78, 1}},
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t payload[10];
        memcpy(payload, chunks[i].payload, 9);
        payload[9] = 6;
        struct recording_chunk_header chunk = {
            .magic = RECORDING_CHUNK_MAGIC,
            .kind = chunks[i].kind,
            .stored_bytes = sizeof payload,
            .raw_bytes = sizeof payload,
            .sequence = i,
            .payload_checksum = recording_checksum(payload, sizeof payload),
        };
        chunk.header_checksum = recording_checksum(
            &chunk, offsetof(struct recording_chunk_header, header_checksum));
        memcpy(bytes + count, &chunk, sizeof chunk);
        memcpy(bytes + count + sizeof chunk, payload, sizeof payload);
        count += sizeof chunk + sizeof payload;
    }
    write_file(path, bytes, count);

    struct recording_reader *reader = open_reader(path);
    assert_int_equal(recording_reader_info(reader)->minor, 9);
    assert_int_equal(recording_reader_info(reader)->chunk_count, 2);
    unsigned seen = 0;
    assert_true(recording_reader_visit_all(reader, check_newer_string, &seen, NULL));
    assert_int_equal(seen, 2);
    recording_reader_close(reader);
}

/* A malformed record with right checksums: whoever wrote it, it ends the visit with an error. */
static void test_a_malformed_record_is_an_error(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "malformed.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    struct recording_string string = {.id = 1, .text = "abc"};
    recording_writer_add(writer, RECORDING_string, &string);
    assert_true(recording_writer_flush(writer, false, NULL));
    recording_writer_close(writer);

    struct file file = read_file(path);
    size_t header_at = sizeof(struct recording_file_header);
    uint8_t *payload = file.bytes + header_at + sizeof(struct recording_chunk_header);
    assert_memory_equal(payload, "\1\5\1\3abc", 7); /* too small to compress */
    static const uint8_t bad[][7] = {
        {1, 5, 1, 9, 'a', 'b', 'c'}, /* a text longer than its record */
        {1, 9, 1, 3, 'a', 'b', 'c'}, /* a record longer than the chunk */
        {2, 5, 1, 3, 'a', 'b', 'c'}, /* a record too few */
        {0, 5, 1, 3, 'a', 'b', 'c'}, /* bytes that belong to none */
        {1, 5, 1, 3, 'a', 0, 'c'},   /* NUL in a text */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(payload, bad[i], 7);
        struct recording_chunk_header chunk;
        memcpy(&chunk, file.bytes + header_at, sizeof chunk);
        chunk.payload_checksum = recording_checksum(payload, 7);
        chunk.header_checksum = recording_checksum(
            &chunk, offsetof(struct recording_chunk_header, header_checksum));
        memcpy(file.bytes + header_at, &chunk, sizeof chunk);
        write_file(path, file.bytes, file.count);
        struct recording_reader *reader = open_reader(path);
        struct error error = {""};
        assert_false(recording_reader_visit_all(reader, ignore_record, NULL, &error));
        assert_non_null(strstr(error.message, "chunk 0 holds a malformed record"));
        recording_reader_close(reader);
    }
    free(file.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, recording_set_up, recording_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_truncation_of_a_finished_recording),
        TEST(test_every_truncation_of_a_journal),
        TEST(test_every_damaged_byte_is_seen),
        TEST(test_bytes_behind_the_end_are_told),
        TEST(test_foreign_files_are_refused),
        TEST(test_a_newer_minor_is_read),
        TEST(test_a_malformed_record_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
