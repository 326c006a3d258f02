/* A recording's life: journal, compaction, whose file it may replace, full disks, kills. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "recording/recording_format.h"
#include "recording_fixture.h"

static void test_a_finished_recording_comes_back(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    write_finished(path);
    assert_int_equal(count_entries(place->folder), 1);

    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);

    struct recording_reader *reader = open_reader(path);
    const struct recording_info *info = recording_reader_info(reader);
    assert_true(info->is_finished);
    assert_false(info->is_torn);
    assert_string_equal(info->damage, "");
    assert_string_equal(info->path, path);
    assert_int_equal(info->session_id, SESSION_ID);
    assert_int_equal(info->major, RECORDING_MAJOR);
    assert_int_equal(info->file_bytes, status.st_size);
    assert_int_equal(info->usable_bytes, status.st_size);
    assert_true(info->chunk_count >= KIND_COUNT);
    check_content(reader, RECORDS_A_KIND);

    struct recording_chunk chunk;
    for (uint64_t i = 0; i < info->chunk_count; i++) {
        assert_true(recording_reader_chunk(reader, i, &chunk));
        assert_int_equal(chunk.sequence, i);
    }
    assert_false(recording_reader_chunk(reader, info->chunk_count, &chunk));

    struct expectation one_kind = {0};
    assert_true(recording_reader_visit(reader, RECORDING_site, check_record, &one_kind, NULL));
    assert_int_equal(one_kind.seen[RECORDING_site], RECORDS_A_KIND);
    assert_int_equal(one_kind.total, RECORDS_A_KIND);
    struct expectation stopped = {.limit = 5};
    assert_true(recording_reader_visit_all(reader, check_record, &stopped, NULL));
    assert_int_equal(stopped.total, 5);
    recording_reader_close(reader);
}

static void count_beat(void *context)
{
    ++*(uint64_t *)context;
}

/* A sign of life for each chunk that is made and for each that is written: also of those that wait
 * for a flush, and of those that compaction copies. */
static void test_it_beats_with_every_chunk(void **state)
{
    struct place *place = *state;
    char bytes[1000] = "";
    uint64_t beats = 0;
    struct recording_writer_options options = {.path = path_in(place, "a.seep"),
                                               .session_id = SESSION_ID,
                                               .chunk_raw_bytes = 4096,
                                               .beat = count_beat,
                                               .beat_context = &beats};
    struct recording_writer *writer = recording_writer_open(&options, NULL);
    assert_non_null(writer);
    for (uint64_t i = 0; i < 100; i++) {
        struct recording_snapshot_blocks record = {
            .snapshot_id = 1,
            .first_block = i,
            .block_count = 1,
            .blocks = {.bytes = (const uint8_t *)bytes, .count = sizeof bytes}};
        recording_writer_add(writer, RECORDING_snapshot_blocks, &record);
    }
    assert_int_equal(beats, 20 + 19); /* five records a chunk; the last chunk waits */
    assert_true(recording_writer_flush(writer, false, NULL));
    assert_int_equal(beats, 20 + 20);
    assert_true(recording_writer_begin_compacted(writer, NULL));
    assert_int_equal(beats, 40 + 19);
    assert_true(recording_writer_finish_compacted(writer, NULL));
    assert_int_equal(beats, 40 + 20);
    recording_writer_close(writer);
}

static void test_a_journal_shows_each_flush(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer *writer = open_writer(path);
    assert_int_equal(access(path, F_OK), -1); /* no name before the command started */
    assert_int_equal(count_entries(place->folder), 1);
    assert_true(recording_writer_publish(writer, NULL));
    assert_string_equal(recording_writer_path(writer), path);
    struct error error = {""};
    assert_null(recording_reader_open(path, &error));
    assert_non_null(strstr(error.message, "nothing usable"));

    for (unsigned round = 0; round < 4; round++) {
        add_all_kinds(writer, round * 2, 2);
        assert_true(recording_writer_flush(writer, round % 2, NULL));
        struct recording_reader *reader = open_reader(path);
        const struct recording_info *info = recording_reader_info(reader);
        assert_true(info->is_torn);
        assert_false(info->is_finished);
        assert_int_equal(info->usable_bytes, info->file_bytes);
        assert_int_equal(info->file_bytes, recording_writer_file_bytes(writer));
        assert_non_null(strstr(info->damage, "not finished"));
        check_content(reader, (round + 1) * 2);
        recording_reader_close(reader);
    }
    recording_writer_close(writer);
    assert_int_equal(count_entries(place->folder), 1);
}

static void test_an_unpublished_journal_goes_away(void **state)
{
    struct place *place = *state;
    struct recording_writer *writer = open_writer(path_in(place, "a.seep"));
    add_all_kinds(writer, 0, 2);
    assert_true(recording_writer_flush(writer, false, NULL));
    assert_true(recording_writer_begin_compacted(writer, NULL));
    recording_writer_close(writer);
    assert_int_equal(count_entries(place->folder), 0);
    recording_writer_close(NULL);
}

static void test_a_journal_goes_on_after_compaction(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    add_all_kinds(writer, 7, 9); /* replaced */
    assert_true(recording_writer_flush(writer, false, NULL));
    assert_true(recording_writer_begin_compacted(writer, NULL));
    assert_false(recording_writer_begin_compacted(writer, NULL));
    add_all_kinds(writer, 0, 2);
    assert_true(recording_writer_finish_compacted(writer, NULL));
    assert_false(recording_writer_finish_compacted(writer, NULL));
    struct recording_reader *reader = open_reader(path);
    check_content(reader, 2);
    recording_reader_close(reader);

    add_all_kinds(writer, 2, 3);
    assert_true(recording_writer_flush(writer, false, NULL));
    reader = open_reader(path);
    assert_false(recording_reader_info(reader)->is_finished);
    check_content(reader, 5);
    recording_reader_close(reader);
    assert_int_equal(recording_writer_file_bytes(writer),
                     recording_reader_info(reader = open_reader(path))->file_bytes);
    recording_reader_close(reader);

    assert_true(recording_writer_begin_compacted(writer, NULL));
    add_all_kinds(writer, 0, 4);
    assert_true(recording_writer_finish_compacted(writer, NULL));
    recording_writer_close(writer);
    reader = open_reader(path);
    assert_true(recording_reader_info(reader)->is_finished);
    check_content(reader, 4);
    recording_reader_close(reader);
    assert_int_equal(count_entries(place->folder), 1);
}

static void test_a_compacted_file_without_an_end_is_not_finished(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_begin_compacted(writer, NULL));
    add_sample(writer, record_kind_find(RECORDING_session), 0);
    assert_true(recording_writer_finish_compacted(writer, NULL)); /* publishes as well */
    recording_writer_close(writer);
    assert_int_equal(count_entries(place->folder), 1);
    struct recording_reader *reader = open_reader(path);
    assert_false(recording_reader_info(reader)->is_finished);
    assert_true(recording_reader_info(reader)->is_torn);
    recording_reader_close(reader);
}

static void test_a_failed_compaction_leaves_the_journal(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    const char *temporary = path_in(place, "a.seep.tmp");
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    add_all_kinds(writer, 0, 2);
    assert_true(recording_writer_flush(writer, false, NULL));
    assert_true(recording_writer_begin_compacted(writer, NULL));
    add_all_kinds(writer, 0, 5);
    assert_int_equal(access(temporary, F_OK), 0);
    assert_int_equal(unlink(temporary), 0);
    write_file(temporary, "somebody else's", 15);
    struct error error = {""};
    assert_false(recording_writer_finish_compacted(writer, &error));
    assert_non_null(strstr(error.message, "was replaced"));
    assert_int_equal(access(temporary, F_OK), 0); /* not ours: stays */
    add_all_kinds(writer, 2, 1);
    assert_true(recording_writer_flush(writer, true, NULL));
    recording_writer_close(writer);
    struct recording_reader *reader = open_reader(path);
    check_content(reader, 3);
    recording_reader_close(reader);
}

static void check_not_written(const char *path, bool is_force, bool may_replace, const char *reason)
{
    struct recording_writer_options options = {
        .path = path, .is_force = is_force, .may_replace = may_replace};
    struct error error = {""};
    assert_null(recording_writer_open(&options, &error));
    if (!strstr(error.message, reason))
        fail_msg("\"%s\" does not say \"%s\"", error.message, reason);
}

static void check_replaced(const char *path, bool is_force)
{
    struct recording_writer_options options = {
        .path = path, .is_force = is_force, .may_replace = !is_force};
    struct recording_writer *writer = recording_writer_open(&options, NULL);
    assert_non_null(writer);
    add_all_kinds(writer, 0, 1);
    assert_true(recording_writer_flush(writer, false, NULL));
    assert_true(recording_writer_publish(writer, NULL));
    recording_writer_close(writer);
    struct recording_reader *reader = open_reader(path);
    check_content(reader, 1);
    recording_reader_close(reader);
}

static void test_what_may_be_replaced(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    const char *folder = path_in(place, "folder");
    const char *pipe = path_in(place, "pipe");
    const char *source = path_in(place, "main.c");

    write_finished(path);
    check_not_written(path, false, false, "exists already");
    check_replaced(path, false);
    write_file(source, "int main;", 9);
    check_not_written(source, false, false, "exists already");
    check_not_written(source, false, true, "not a seep recording");
    struct file untouched = read_file(source);
    assert_int_equal(untouched.count, 9);
    free(untouched.bytes);
    check_replaced(source, true);
    write_file(source, "", 0);
    check_not_written(source, false, true, "not a seep recording");

    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    check_not_written(folder, true, true, "not a regular file");
    check_not_written(pipe, true, true, "not a regular file");
    check_not_written("/dev/null", true, true, "not a regular file");
    check_not_written(path_in(place, "folder/"), true, true, "names no file");
    check_not_written(path_in(place, "folder/.."), true, true, "names no file");
    check_not_written("", true, true, "names no file");
    check_not_written(path_in(place, "missing/a.seep"), true, true, "No such file");
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 12345, 12345), 0);
        check_not_written(path, false, true, "somebody else");
        check_replaced(path, true);
    }
}

static void test_links_are_followed_only_in_our_folders(void **state)
{
    struct place *place = *state;
    const char *target = path_in(place, "target.seep");
    const char *link = path_in(place, "link.seep");
    const char *loop = path_in(place, "loop.seep");
    const char *shared = path_in(place, "shared");
    const char *shared_link = path_in(place, "shared/link.seep");
    const char *to_shared = path_in(place, "to-shared.seep");

    assert_int_equal(symlink("target.seep", link), 0);
    check_not_written(link, false, false, "exists already"); /* also when it dangles */
    struct recording_writer *writer = open_writer(link);
    assert_string_equal(recording_writer_path(writer), target);
    recording_writer_close(writer);
    check_replaced(link, false);
    struct stat status;
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(lstat(target, &status), 0);
    assert_true(S_ISREG(status.st_mode));

    assert_int_equal(symlink("loop.seep", loop), 0);
    check_not_written(loop, true, true, "too many symbolic links");

    assert_int_equal(mkdir(shared, 0700), 0);
    assert_int_equal(chmod(shared, 01777), 0);
    assert_int_equal(symlink(target, shared_link), 0);
    check_not_written(shared_link, false, true, "a folder that others can write");
    check_not_written(shared_link, true, true, "a folder that others can write");
    assert_int_equal(symlink(shared_link, to_shared), 0); /* also on the way */
    check_not_written(to_shared, true, true, "a folder that others can write");
    struct recording_reader *reader = open_reader(target);
    check_content(reader, 1);
    recording_reader_close(reader);
}

static void test_what_came_meanwhile_stays(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer_options options = {.path = path};
    struct recording_writer *writer = recording_writer_open(&options, NULL);
    assert_non_null(writer);
    write_file(path, "came later", 10);
    struct error error = {""};
    assert_false(recording_writer_publish(writer, &error));
    assert_non_null(strstr(error.message, "exists already"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(recording_writer_publish(writer, &error));
    assert_int_equal(unlink(path), 0);
    assert_true(recording_writer_publish(writer, &error));

    /* the journal's name taken over by something that is no recording */
    assert_int_equal(unlink(path), 0);
    write_file(path, "came later", 10);
    assert_true(recording_writer_begin_compacted(writer, &error));
    add_all_kinds(writer, 0, 1);
    assert_false(recording_writer_finish_compacted(writer, &error));
    recording_writer_close(writer);
    struct file file = read_file(path);
    assert_int_equal(file.count, 10);
    free(file.bytes);
    assert_int_equal(count_entries(place->folder), 1);
}

static void test_two_writers_of_one_path_do_not_mix(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    struct recording_writer *first = open_writer(path);
    struct recording_writer *second = open_writer(path);
    assert_int_equal(count_entries(place->folder), 2);
    add_all_kinds(first, 0, 1);
    add_all_kinds(second, 0, 2);
    assert_true(recording_writer_begin_compacted(first, NULL));
    assert_true(recording_writer_begin_compacted(second, NULL));
    add_all_kinds(first, 0, 3);
    add_all_kinds(second, 0, 4);
    assert_true(recording_writer_finish_compacted(first, NULL));
    struct recording_reader *reader = open_reader(path);
    check_content(reader, 3);
    recording_reader_close(reader);
    assert_true(recording_writer_finish_compacted(second, NULL));
    reader = open_reader(path);
    check_content(reader, 4);
    recording_reader_close(reader);
    recording_writer_close(first);
    recording_writer_close(second);
    assert_int_equal(count_entries(place->folder), 1);
}

static void test_leftovers_of_killed_writers_go_away(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    const char *temporary = path_in(place, "a.seep.tmp");
    write_file(temporary, RECORDING_MAGIC "and a torn journal", 26);
    write_finished(path);
    assert_int_equal(count_entries(place->folder), 1);
    write_file(temporary, "somebody's file", 15);
    write_finished(path);
    struct file file = read_file(temporary);
    assert_int_equal(file.count, 15);
    free(file.bytes);
    assert_int_equal(count_entries(place->folder), 2);
}

/* The file cannot grow for a while: what it holds stays whole, and nothing is lost in the end. */
static void check_full_disk(const char *path, void (*fill)(const char *path),
                            void (*make_room)(const char *path))
{
    struct recording_writer *writer = open_writer(path);
    assert_true(recording_writer_publish(writer, NULL));
    add_all_kinds(writer, 0, 2);
    assert_true(recording_writer_flush(writer, false, NULL));
    fill(path);
    add_all_kinds(writer, 2, 50);
    struct error error = {""};
    assert_false(recording_writer_flush(writer, false, &error));
    assert_non_null(strstr(error.message, path));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, recording_writer_file_bytes(writer));
    struct recording_reader *reader = open_reader(path); /* whole chunks; the last checkpoint */
    check_content(reader, 2);
    recording_reader_close(reader);
    add_all_kinds(writer, 52, 50);
    assert_false(recording_writer_flush(writer, true, NULL));
    make_room(path);
    assert_true(recording_writer_flush(writer, true, &error));
    recording_writer_close(writer);
    reader = open_reader(path);
    check_content(reader, 102);
    recording_reader_close(reader);
}

static void limit_file_size(const char *path)
{
    struct stat status;
    struct rlimit limit;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = (rlim_t)status.st_size + 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lift_file_size(const char *path)
{
    (void)path;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_file_size_limit_loses_nothing(void **state)
{
    struct place *place = *state;
    signal(SIGXFSZ, SIG_IGN);
    check_full_disk(path_in(place, "a.seep"), limit_file_size, lift_file_size);
    signal(SIGXFSZ, SIG_DFL);
}

static void fill_disk(const char *path)
{
    char *filler = memory_print_text("%s.filler", path);
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char page[4096];
    assert_true(fd >= 0);
    while (write(fd, page, sizeof page) > 0)
        ;
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(ftruncate(fd, status.st_size - 8192), 0);
    close(fd);
    free(filler);
}

static void empty_disk(const char *path)
{
    char *filler = memory_print_text("%s.filler", path);
    assert_int_equal(unlink(filler), 0);
    free(filler);
}

static void test_a_full_disk_loses_nothing(void **state)
{
    struct place *place = *state;
    if (mount("none", place->folder, "tmpfs", 0, "size=512k") != 0)
        skip();
    check_full_disk(path_in(place, "a.seep"), fill_disk, empty_disk);
}

/* A journal, then a compacted file: the life of a recording. */
static void write_a_life(const char *path)
{
    struct recording_writer *writer = open_writer(path);
    recording_writer_publish(writer, NULL);
    add_all_kinds(writer, 0, 2);
    recording_writer_flush(writer, true, NULL);
    recording_writer_begin_compacted(writer, NULL);
    add_all_kinds(writer, 0, 3);
    recording_writer_finish_compacted(writer, NULL);
    recording_writer_close(writer);
}

/* Runs it in a child that is killed as it enters or leaves its n-th system call. Returns false when
 * it ended before. */
static bool kill_at_call(const char *path, unsigned n)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        write_a_life(path);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    for (unsigned call = 0; call < n && WIFSTOPPED(status); call++) {
        ptrace(PTRACE_SYSCALL, child, NULL, NULL);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    if (WIFEXITED(status))
        return false;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return true;
}

static void test_a_kill_at_any_call_leaves_what_was_flushed(void **state)
{
    struct place *place = *state;
    const char *path = path_in(place, "a.seep");
    unsigned most = 0;
    unsigned n = 1;
    bool is_torn = true;
    for (; kill_at_call(path, n); n++) {
        unsigned records = check_prefix(path, &is_torn);
        assert_true(records <= 2 * KIND_COUNT || records == 3 * KIND_COUNT);
        assert_int_equal(is_torn, records != 3 * KIND_COUNT);
        most = records > most ? records : most;
        unlink(path);
        assert_true(count_entries(place->folder) <= 1);
    }
    assert_true(n > 50);
    assert_int_equal(most, 3 * KIND_COUNT);
    check_prefix(path, &is_torn);
    assert_false(is_torn);
    assert_int_equal(count_entries(place->folder), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, recording_set_up, recording_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_finished_recording_comes_back),
        TEST(test_it_beats_with_every_chunk),
        TEST(test_a_journal_shows_each_flush),
        TEST(test_an_unpublished_journal_goes_away),
        TEST(test_a_journal_goes_on_after_compaction),
        TEST(test_a_compacted_file_without_an_end_is_not_finished),
        TEST(test_a_failed_compaction_leaves_the_journal),
        TEST(test_what_may_be_replaced),
        TEST(test_links_are_followed_only_in_our_folders),
        TEST(test_what_came_meanwhile_stays),
        TEST(test_two_writers_of_one_path_do_not_mix),
        TEST(test_leftovers_of_killed_writers_go_away),
        TEST(test_a_file_size_limit_loses_nothing),
        TEST(test_a_full_disk_loses_nothing),
        TEST(test_a_kill_at_any_call_leaves_what_was_flushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
