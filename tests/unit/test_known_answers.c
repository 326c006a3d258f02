#define _GNU_SOURCE
#include "symbols/known_answers.h"

#include <dirent.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "symbols/symbolizer.h"
#include "workshop.h"

enum {
    ROOM = 64 << 20,
    HEADER_BYTES = 16,
    CHECK_AT = 12,  /* in the header */
    PLACES = 0x3000 /* the code of a small program is among them */
};

/* Inlined functions, and one that is gone because it ended in a jump. */
static const char SOURCE[] = "#include <stdlib.h>\n"
                             "extern volatile int sink;\n"
                             "volatile int sink;\n"
                             "__attribute__((noinline)) void *make(int n) { return malloc(n); }\n"
                             "static inline int twice(int n) { sink += n; return 2 * n; }\n"
                             "static inline int more(int n) { return twice(n) + sink; }\n"
                             "__attribute__((noinline)) void *middle(int n)\n"
                             "{ return make(more(n)); }\n"
                             "int main(int count, char **texts)\n"
                             "{ (void)texts; free(middle(count)); sink++; return 0; }\n";

static const char IDENTITY[] = "an identity";

static struct workshop workshop;

static struct file_cache *open_cache(const char *folder)
{
    struct file_cache *cache = file_cache_open(workshop_path(&workshop, folder), ROOM);
    assert_non_null(cache);
    return cache;
}

/* The path of the first file in a folder with this ending; NULL = none. */
static const char *find_file(const char *folder, const char *ending)
{
    static char path[2048];
    DIR *list = opendir(workshop_path(&workshop, folder));
    const struct dirent *entry;
    bool is_found = false;
    assert_non_null(list);
    while (!is_found && (entry = readdir(list)) != NULL)
        if (strstr(entry->d_name, ending) != NULL) {
            snprintf(path, sizeof path, "%s/%s", workshop_path(&workshop, folder), entry->d_name);
            is_found = true;
        }
    closedir(list);
    return is_found ? path : NULL;
}

/* ---- the file -------------------------------------------------------------------------------- */

static const struct source_location here[] = {
    {"inner", "/a/file.c", 7, true}, {NULL, NULL, 0, true}, {"outer", NULL, 9, false}};
static const struct known_pair pair = {100, 5, 200}, birth = {100, 0, 2};
static const struct known_call calls[] = {{true, false, 77}, {false, true, 88}};

static void fill(struct known_answers *answers)
{
    known_answers_add(answers, 16, here, 3);
    known_answers_add(answers, 0, NULL, 0);
    known_answers_add_calls(answers, &pair, calls, 2);
    known_answers_add_calls(answers, &birth, NULL, 0);
    known_answers_set_detail(answers, SYMBOLIZER_SYMBOL_TABLE, "no lines");
}

static void assert_text(const struct known_text *text, const char *expected)
{
    if (expected == NULL) {
        assert_null(text->bytes);
        return;
    }
    assert_int_equal(text->count, strlen(expected));
    assert_memory_equal(text->bytes, expected, text->count);
}

static void assert_filled(const struct known_answers *answers)
{
    struct known_location locations[KNOWN_LOCATIONS_MOST];
    struct known_call found[KNOWN_CALLS_MOST];
    const struct known_pair another = {100, 6, 200};
    enum symbolizer_detail detail;
    struct known_text reason;
    size_t count = 99;
    assert_true(known_answers_find(answers, 16, locations, &count));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_text(&locations[i].function, here[i].function);
        assert_text(&locations[i].file, here[i].file);
        assert_int_equal(locations[i].line, here[i].line);
        assert_int_equal(locations[i].is_inlined, here[i].is_inlined);
    }
    assert_true(known_answers_find(answers, 0, locations, &count));
    assert_int_equal(count, 0);
    assert_false(known_answers_find(answers, 17, locations, &count));
    assert_true(known_answers_find_calls(answers, &pair, found, &count));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(found[i].is_of_callee, calls[i].is_of_callee);
        assert_int_equal(found[i].is_exact, calls[i].is_exact);
        assert_int_equal(found[i].offset, calls[i].offset);
    }
    assert_true(known_answers_find_calls(answers, &birth, found, &count));
    assert_int_equal(count, 0);
    assert_false(known_answers_find_calls(answers, &another, found, &count));
    assert_true(known_answers_detail(answers, &detail, &reason));
    assert_int_equal(detail, SYMBOLIZER_SYMBOL_TABLE);
    assert_text(&reason, "no lines");
}

static bool knows_anything(const struct known_answers *answers)
{
    struct known_location locations[KNOWN_LOCATIONS_MOST];
    struct known_call found[KNOWN_CALLS_MOST];
    enum symbolizer_detail detail;
    struct known_text reason;
    size_t count;
    return known_answers_find(answers, 16, locations, &count) ||
           known_answers_find(answers, 0, locations, &count) ||
           known_answers_find_calls(answers, &pair, found, &count) ||
           known_answers_find_calls(answers, &birth, found, &count) ||
           known_answers_detail(answers, &detail, &reason);
}

/* Of what IDENTITY's file says. */
static bool is_anything_known(const struct file_cache *cache)
{
    struct known_answers *answers = known_answers_open(cache, IDENTITY);
    bool is_known = knows_anything(answers);
    known_answers_close(answers);
    return is_known;
}

static void test_answers_come_back(void **state)
{
    (void)state;
    struct file_cache *cache = open_cache("plain");
    struct known_answers *answers = known_answers_open(cache, IDENTITY);
    assert_false(knows_anything(answers));
    fill(answers);
    assert_filled(answers);
    known_answers_keep(answers, cache);
    known_answers_close(answers);
    answers = known_answers_open(cache, IDENTITY);
    assert_filled(answers);
    known_answers_add(answers, 17, here, 1); /* to what was there */
    known_answers_keep(answers, cache);
    known_answers_close(answers);
    answers = known_answers_open(cache, IDENTITY);
    struct known_location locations[KNOWN_LOCATIONS_MOST];
    size_t count;
    assert_true(known_answers_find(answers, 17, locations, &count));
    assert_int_equal(count, 1);
    assert_true(known_answers_find(answers, 16, locations, &count));
    known_answers_close(answers);
    answers = known_answers_open(cache, "another one");
    assert_false(knows_anything(answers));
    known_answers_close(answers);
    file_cache_close(cache);
}

/* The content of the file that IDENTITY has, after it was filled. Caller frees. */
static char *make_file(struct file_cache *cache, const char *folder, size_t *bytes)
{
    struct known_answers *answers = known_answers_open(cache, IDENTITY);
    struct stat status;
    fill(answers);
    known_answers_keep(answers, cache);
    known_answers_close(answers);
    int fd = open(find_file(folder, ".names"), O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    *bytes = (size_t)status.st_size;
    char *content = memory_allocate(*bytes);
    assert_int_equal(read(fd, content, *bytes), *bytes);
    close(fd);
    return content;
}

static void put_file(const char *folder, const char *content, size_t bytes)
{
    int fd = open(find_file(folder, ".names"), O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, bytes), bytes);
    close(fd);
}

static void test_damaged_files_count_for_nothing(void **state)
{
    size_t bytes;
    (void)state;
    struct file_cache *cache = open_cache("damaged");
    char *content = make_file(cache, "damaged", &bytes);
    for (size_t i = 0; i < bytes; i++) {
        content[i] ^= 0x55;
        put_file("damaged", content, bytes);
        content[i] ^= 0x55;
        assert_false(is_anything_known(cache));
        put_file("damaged", content, i);
        assert_false(is_anything_known(cache));
    }
    put_file("damaged", content, bytes);
    struct known_answers *answers = known_answers_open(cache, IDENTITY);
    assert_filled(answers);
    known_answers_close(answers);
    free(content);
    file_cache_close(cache);
}

static void put_with_check(const char *folder, char *content, size_t bytes)
{
    size_t begin = HEADER_BYTES + strlen(IDENTITY);
    uint32_t check = libdeflate_crc32(0, content + begin, bytes - begin);
    memcpy(content + CHECK_AT, &check, sizeof check);
    put_file(folder, content, bytes);
}

/* With a checksum that agrees: whatever is said, nothing is read that is not there. */
static void test_hostile_files_are_survived(void **state)
{
    size_t bytes;
    (void)state;
    struct file_cache *cache = open_cache("hostile");
    char *content = make_file(cache, "hostile", &bytes);
    for (size_t i = HEADER_BYTES + strlen(IDENTITY); i < bytes; i++) {
        char was = content[i];
        for (unsigned value = 0; value < 256; value += 51) {
            content[i] = (char)value;
            put_with_check("hostile", content, bytes);
            is_anything_known(cache);
        }
        content[i] = was;
        put_with_check("hostile", content, i);
        is_anything_known(cache);
    }
    free(content);
    file_cache_close(cache);
}

/* ---- in a symbolizer --------------------------------------------------------------------------
 */

/* All that is said of the first PLACES offsets of the program, and of calls there, as text. */
static char *ask_everything(const char *cache)
{
    const struct symbolizer_options options = {.is_line_wanted = true, .cache_folder = cache};
    const struct symbolizer_module module = {.path = workshop_path(&workshop, "program"), .fd = -1};
    struct symbolizer *symbolizer = symbolizer_create(&options);
    struct source_location locations[KNOWN_LOCATIONS_MOST];
    struct symbolizer_tail_call gone[KNOWN_CALLS_MOST];
    char *all = NULL;
    size_t size;
    FILE *out = open_memstream(&all, &size);
    struct error reason;
    int handle = symbolizer_add_module(symbolizer, &module);
    fprintf(out, "detail %d", (int)symbolizer_module_detail(symbolizer, handle, &reason));
    fprintf(out, " %s\n", reason.message);
    for (uint64_t offset = 0; offset < PLACES; offset++) {
        size_t count = symbolizer_lookup(symbolizer, handle, offset, locations,
                                         KNOWN_LOCATIONS_MOST);
        for (size_t i = 0; i < count; i++)
            fprintf(out, "%d %zu %s %s:%u %d\n", (int)offset, i,
                    locations[i].function ? locations[i].function : "?",
                    locations[i].file ? locations[i].file : "?", locations[i].line,
                    locations[i].is_inlined);
        const struct symbolizer_callee birth_of = {-1, 0, FUNCTION_MALLOC};
        count = symbolizer_find_tail_calls(symbolizer, handle, offset, &birth_of, gone,
                                           KNOWN_CALLS_MOST);
        for (size_t i = 0; i < count; i++)
            fprintf(out, "%d gone %d %d %d\n", (int)offset, gone[i].module == handle,
                    (int)gone[i].offset, gone[i].is_exact);
    }
    symbolizer_keep(symbolizer);
    symbolizer_destroy(symbolizer);
    fclose(out);
    return all;
}

static void build(void)
{
    workshop_write_text(&workshop, "source.c", SOURCE);
    assert_true(workshop_run(&workshop, "$CC -g -O2 -o program source.c"));
}

static void test_known_answers_are_those_that_reading_gives(void **state)
{
    char cache[1024];
    (void)state;
    build();
    snprintf(cache, sizeof cache, "%s", workshop_path(&workshop, "symbolizer"));
    char *read = ask_everything(NULL), *first = ask_everything(cache);
    char *second = ask_everything(cache);
    assert_non_null(strstr(read, "twice"));
    assert_non_null(strstr(read, "gone"));
    assert_string_equal(first, read);
    assert_string_equal(second, read);
    free(read);
    free(first);
    free(second);
}

/* It shows when somebody changes what is kept; and a program that changes is read anew. */
static void test_files_are_read_again_only_when_they_changed(void **state)
{
    char cache[1024], path[2048];
    (void)state;
    build();
    snprintf(cache, sizeof cache, "%s", workshop_path(&workshop, "changed"));
    char *read = ask_everything(cache);
    snprintf(path, sizeof path, "%s", find_file("changed", ".names"));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    size_t bytes = (size_t)status.st_size;
    char *content = memory_allocate(bytes);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, content, bytes, 0), bytes);
    uint32_t identity_bytes, check;
    memcpy(&identity_bytes, content + 8, sizeof identity_bytes);
    size_t begin = HEADER_BYTES + identity_bytes;
    for (char *at = content; (at = memmem(at, bytes - (size_t)(at - content), "twice", 5)) != NULL;)
        memcpy(at, "THRICE", 5);
    check = libdeflate_crc32(0, content + begin, bytes - begin);
    memcpy(content + CHECK_AT, &check, sizeof check);
    assert_int_equal(pwrite(fd, content, bytes, 0), bytes);
    close(fd);
    char *known = ask_everything(cache);
    assert_null(strstr(known, "twice"));
    assert_non_null(strstr(known, "THRIC"));
    assert_true(workshop_run(&workshop, "touch -d '2001-01-01' program"));
    char *again = ask_everything(cache);
    assert_string_equal(again, read);
    free(read);
    free(content);
    free(known);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_come_back),
        cmocka_unit_test(test_damaged_files_count_for_nothing),
        cmocka_unit_test(test_hostile_files_are_survived),
        cmocka_unit_test(test_known_answers_are_those_that_reading_gives),
        cmocka_unit_test(test_files_are_read_again_only_when_they_changed),
    };

    return workshop_run_tests(tests, &workshop, NULL);
}
