#define _GNU_SOURCE
#include "base/file_cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "workshop.h"

enum {
    ROOM = 4000,
    A_QUARTER = 1000
};

static struct workshop workshop;

static struct file_cache *open_new(const char *name)
{
    struct file_cache *cache = file_cache_open(workshop_path(&workshop, name), ROOM);
    assert_non_null(cache);
    return cache;
}

static void store(struct file_cache *cache, const char *name, size_t bytes, char letter)
{
    char *content = malloc(bytes);
    memset(content, letter, bytes);
    const struct iovec pieces[] = {{content, 1}, {content, bytes - 1}};
    file_cache_store(cache, name, pieces, 2);
    free(content);
}

static bool is_kept(struct file_cache *cache, const char *name, size_t bytes, char letter)
{
    size_t found = 0;
    char *content = file_cache_map(cache, name, &found);
    if (content == NULL)
        return false;
    assert_int_equal(found, bytes);
    assert_int_equal(content[0], letter);
    assert_int_equal(content[bytes - 1], letter);
    munmap(content, found);
    return true;
}

static void set_age(const char *folder, const char *name, time_t seconds)
{
    char path[1024];
    struct timespec times[2] = {{time(NULL) - seconds, 0}, {time(NULL) - seconds, 0}};
    snprintf(path, sizeof path, "%s/%s.seep-cache", workshop_path(&workshop, folder), name);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_what_is_stored_is_found(void **state)
{
    uint64_t files, bytes;
    (void)state;
    struct file_cache *cache = open_new("plain");
    assert_false(is_kept(cache, "one", 10, 'a'));
    store(cache, "one", 10, 'a');
    store(cache, "two", A_QUARTER, 'b');
    assert_true(is_kept(cache, "one", 10, 'a'));
    assert_true(is_kept(cache, "two", A_QUARTER, 'b'));
    store(cache, "one", 20, 'c'); /* another writer came first or last: whole in either case */
    assert_true(is_kept(cache, "one", 20, 'c'));
    file_cache_measure(cache, &files, &bytes);
    assert_int_equal(files, 2);
    assert_int_equal(bytes, 20 + A_QUARTER);
    file_cache_close(cache);
}

static void test_only_the_user_can_read(void **state)
{
    struct stat status;
    (void)state;
    struct file_cache *cache = open_new("private/folder"); /* makes both */
    store(cache, "one", 10, 'a');
    assert_int_equal(stat(workshop_path(&workshop, "private/folder"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(stat(workshop_path(&workshop, "private/folder/one.seep-cache"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    file_cache_close(cache);
}

static void test_folders_that_others_write_are_refused(void **state)
{
    (void)state;
    assert_true(workshop_run(&workshop, "mkdir open && chmod 0777 open && touch file"));
    assert_null(file_cache_open(workshop_path(&workshop, "open"), ROOM));
    assert_null(file_cache_open(workshop_path(&workshop, "file"), ROOM));
    assert_null(file_cache_open(workshop_path(&workshop, "file/below"), ROOM));
    assert_null(file_cache_open(workshop_path(&workshop, "a/b/c/d"), ROOM));
}

static void test_links_and_folders_are_no_files(void **state)
{
    (void)state;
    struct file_cache *cache = open_new("links");
    assert_true(workshop_run(&workshop,
                             "echo secret >secret && ln -s ../secret links/link.seep-cache && "
                             "mkdir links/folder.seep-cache && "
                             "mkfifo links/pipe.seep-cache && "
                             ": >links/empty.seep-cache"));
    static const char *const names[] = {"link", "folder", "pipe", "empty"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(is_kept(cache, names[i], 1, 's'));
    store(cache, "link", 10, 'a'); /* replaces the link, not what it names */
    assert_true(is_kept(cache, "link", 10, 'a'));
    assert_true(workshop_run(&workshop, "grep -q secret secret"));
    file_cache_close(cache);
}

static void test_what_was_not_used_for_longest_goes_first(void **state)
{
    (void)state;
    struct file_cache *cache = open_new("full");
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        store(cache, names[i], A_QUARTER, 'x');
        set_age("full", names[i], 10000 + 5000 * i); /* d is the oldest */
    }
    assert_true(is_kept(cache, "d", A_QUARTER, 'x')); /* which is a use of it */
    store(cache, "e", A_QUARTER, 'x');
    assert_false(is_kept(cache, "c", A_QUARTER, 'x'));
    assert_true(is_kept(cache, "d", A_QUARTER, 'x'));
    assert_true(is_kept(cache, "b", A_QUARTER, 'x'));
    assert_true(is_kept(cache, "e", A_QUARTER, 'x'));
    store(cache, "large", A_QUARTER + 1, 'x'); /* out of proportion: nothing makes room for it */
    assert_false(is_kept(cache, "large", A_QUARTER + 1, 'x'));
    assert_true(is_kept(cache, "a", A_QUARTER, 'x'));
    file_cache_close(cache);
}

/* Though the folder is not looked through each time; also where two write. */
static void test_many_stay_within_the_bounds(void **state)
{
    (void)state;
    struct file_cache *caches[] = {open_new("many"), open_new("many")};
    uint64_t files, bytes;
    for (int i = 0; i < 200; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        store(caches[i % 2], name, A_QUARTER / 10, 'x');
        file_cache_measure(caches[0], &files, &bytes);
        assert_in_range(bytes, 1, 4 * A_QUARTER);
    }
    assert_in_range(files, 20, 40);
    file_cache_close(caches[0]);
    file_cache_close(caches[1]);
}

static void test_unfinished_files_of_killed_writers_go(void **state)
{
    (void)state;
    struct file_cache *cache = open_new("strays");
    assert_true(workshop_run(&workshop, "echo x >strays/.new-1-old.seep-cache && "
                                        "echo x >strays/.new-2-new.seep-cache"));
    set_age("strays", ".new-1-old", 100000);
    store(cache, "one", 10, 'a');
    assert_int_not_equal(access(workshop_path(&workshop, "strays/.new-1-old.seep-cache"), F_OK), 0);
    assert_int_equal(access(workshop_path(&workshop, "strays/.new-2-new.seep-cache"), F_OK), 0);
    file_cache_close(cache);
}

/* Whoever names a folder may have other things in it. */
static void test_files_of_others_stay(void **state)
{
    uint64_t files, bytes;
    (void)state;
    struct file_cache *cache = open_new("shared");
    assert_true(workshop_run(&workshop,
                             "head -c 5000 /dev/zero >shared/thesis && echo x >shared/.new-1-draft "
                             "&& touch -d 2001-01-01 shared/thesis shared/.new-1-draft"));
    store(cache, "one", A_QUARTER, 'a');
    store(cache, "two", A_QUARTER, 'b');
    assert_true(is_kept(cache, "one", A_QUARTER, 'a')); /* others' bytes do not count */
    assert_int_equal(access(workshop_path(&workshop, "shared/thesis"), F_OK), 0);
    assert_int_equal(access(workshop_path(&workshop, "shared/.new-1-draft"), F_OK), 0);
    file_cache_measure(cache, &files, &bytes);
    assert_int_equal(files, 2);
    assert_int_equal(bytes, 2 * A_QUARTER);
    file_cache_close(cache);
}

/* Looking is no tidying. */
static void test_measuring_removes_nothing(void **state)
{
    uint64_t files, bytes;
    (void)state;
    struct file_cache *cache = open_new("measured");
    assert_true(workshop_run(&workshop, "echo x >measured/.new-1-old.seep-cache && "
                                        "touch -d 2001-01-01 measured/.new-1-old.seep-cache"));
    file_cache_measure(cache, &files, &bytes);
    assert_int_equal(bytes, 2);
    assert_int_equal(access(workshop_path(&workshop, "measured/.new-1-old.seep-cache"), F_OK), 0);
    file_cache_close(cache);
}

static void assert_default(const char *expected)
{
    char *folder = file_cache_default_folder();
    if (expected == NULL)
        assert_null(folder);
    else
        assert_string_equal(folder, expected);
    free(folder);
}

static void test_default_folder(void **state)
{
    char caches[1024], home[1024];
    (void)state;
    snprintf(caches, sizeof caches, "%s/seep", workshop.folder);
    snprintf(home, sizeof home, "%s/.cache/seep", workshop.folder);
    unsetenv("SEEP_CACHE");
    setenv("XDG_CACHE_HOME", workshop.folder, 1);
    setenv("HOME", "/nowhere", 1);
    assert_default(caches);
    setenv("XDG_CACHE_HOME", "/nowhere", 1);
    assert_default(NULL);
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be passed over, says the specification */
    assert_default(NULL);
    setenv("HOME", workshop.folder, 1);
    assert_default(home);
    setenv("SEEP_CACHE", "/some/where", 1);
    assert_default("/some/where");
    setenv("SEEP_CACHE", "off", 1);
    assert_default(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stored_is_found),
        cmocka_unit_test(test_only_the_user_can_read),
        cmocka_unit_test(test_folders_that_others_write_are_refused),
        cmocka_unit_test(test_links_and_folders_are_no_files),
        cmocka_unit_test(test_what_was_not_used_for_longest_goes_first),
        cmocka_unit_test(test_many_stay_within_the_bounds),
        cmocka_unit_test(test_unfinished_files_of_killed_writers_go),
        cmocka_unit_test(test_files_of_others_stay),
        cmocka_unit_test(test_measuring_removes_nothing),
        cmocka_unit_test(test_default_folder),
    };

    return workshop_run_tests(tests, &workshop, NULL);
}
