#include "config.h"

#include "recording_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"

int recording_set_up(void **state)
{
    struct place *place = memory_allocate_zeroed(1, sizeof *place);
    snprintf(place->folder, sizeof place->folder, "/tmp/seep-test-recording.XXXXXX");
    *state = place;
    return mkdtemp(place->folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

int recording_tear_down(void **state)
{
    struct place *place = *state;
    umount2(place->folder, MNT_DETACH); /* a test may have mounted a small disk there */
    nftw(place->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    for (size_t i = 0; i < place->path_count; i++)
        free(place->paths[i]);
    free(place);
    return 0;
}

const char *path_in(struct place *place, const char *name)
{
    char *path = memory_print_text("%s/%s", place->folder, name);
    assert_true(place->path_count < 16);
    return place->paths[place->path_count++] = path;
}

struct file read_file(const char *path)
{
    struct file file = {0};
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    fseek(stream, 0, SEEK_END);
    file.count = (size_t)ftell(stream);
    rewind(stream);
    file.bytes = memory_allocate(file.count);
    assert_int_equal(fread(file.bytes, 1, file.count, stream), file.count);
    fclose(stream);
    return file;
}

void write_file(const char *path, const void *bytes, size_t count)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, count, stream), count);
    assert_int_equal(fclose(stream), 0);
}

size_t count_entries(const char *folder)
{
    char *command = memory_print_text("ls -A %s | wc -l", folder);
    FILE *stream = popen(command, "r");
    size_t count = 0;
    assert_int_equal(fscanf(stream, "%zu", &count), 1);
    pclose(stream);
    free(command);
    return count;
}

struct recording_writer *open_writer(const char *path)
{
    struct recording_writer_options options = {
        .path = path, .may_replace = true, .session_id = SESSION_ID, .chunk_raw_bytes = 200};
    struct error error = {""};
    struct recording_writer *writer = recording_writer_open(&options, &error);
    if (!writer)
        fail_msg("%s", error.message);
    return writer;
}

void add_sample(struct recording_writer *writer, const struct record_kind *kind, unsigned number)
{
    _Alignas(8) char record[RECORD_SAMPLE_BYTES];
    enum record_sample sample = (enum record_sample)(number % RECORD_SAMPLE_COUNT);
    record_sample_fill(kind, sample, number, record);
    recording_writer_add(writer, kind->kind, record);
}

void add_all_kinds(struct recording_writer *writer, unsigned first, unsigned count)
{
    const struct record_kind *kind;
    for (size_t i = 0; i < KIND_COUNT && (kind = record_kind_at(i)); i++)
        for (unsigned number = 0; number < count; number++)
            add_sample(writer, kind, first + number);
}

bool check_record(void *context, enum recording_kind number, const void *record)
{
    struct expectation *expectation = context;
    const struct record_kind *kind = record_kind_find(number);
    assert_non_null(kind);
    unsigned position = expectation->seen[number]++;
    _Alignas(8) char expected[RECORD_SAMPLE_BYTES];
    record_sample_fill(kind, (enum record_sample)(position % RECORD_SAMPLE_COUNT), position,
                       expected);
    assert_true(record_sample_equals(kind, expected, record));
    return ++expectation->total != expectation->limit;
}

struct recording_reader *open_reader(const char *path)
{
    struct error error = {""};
    struct recording_reader *reader = recording_reader_open(path, &error);
    if (!reader)
        fail_msg("%s", error.message);
    return reader;
}

void check_content(struct recording_reader *reader, unsigned a_kind)
{
    struct error error = {""};
    struct expectation expectation = {0};
    assert_true(recording_reader_visit_all(reader, check_record, &expectation, &error));
    const struct record_kind *kind;
    for (size_t i = 0; i < KIND_COUNT && (kind = record_kind_at(i)); i++)
        assert_int_equal(expectation.seen[kind->kind], a_kind);
}

void write_finished(const char *path)
{
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    assert_true(recording_writer_begin_compacted(writer, NULL));
    add_all_kinds(writer, 0, RECORDS_A_KIND);
    assert_true(recording_writer_finish_compacted(writer, NULL));
    recording_writer_close(writer);
}

unsigned check_prefix(const char *path, bool *is_torn)
{
    struct error error = {""};
    struct recording_reader *reader = recording_reader_open(path, &error);
    *is_torn = true;
    if (!reader) {
        assert_string_not_equal(error.message, "");
        return 0;
    }
    struct expectation expectation = {0};
    assert_true(recording_reader_visit_all(reader, check_record, &expectation, &error));
    const struct recording_info *info = recording_reader_info(reader);
    *is_torn = info->is_torn;
    assert_true(info->is_torn != info->is_finished);
    assert_int_equal(info->is_torn, info->damage[0] != '\0');
    assert_true(info->usable_bytes <= info->file_bytes);
    recording_reader_close(reader);
    return expectation.total;
}
