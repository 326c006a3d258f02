/* Reading a process (this one), and which of its pages hold something. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/target_memory.h"
#include "snapshot/word_cache.h"

enum {
    PAGE = 4096,
    PAGES = 1024
};

static void test_reading_stops_at_what_cannot_be_read(void **state)
{
    (void)state;
    char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(pages, 'x', 3 * PAGE);
    assert_int_equal(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
    struct target_process *process = target_process_open((uint32_t)getpid(), NULL);
    assert_non_null(process);
    struct target_memory memory = target_process_memory(process);
    char bytes[2 * PAGE];
    uint64_t start = (uintptr_t)pages;
    assert_int_equal(memory.read(memory.context, start + PAGE - 7, bytes, 100), 7);
    assert_int_equal(bytes[6], 'x');
    assert_int_equal(memory.read(memory.context, start + PAGE, bytes, 1), 0);
    assert_true(target_memory_read(&memory, start + 2 * PAGE, bytes, PAGE));
    uint64_t word;
    assert_false(target_memory_read_word(&memory, start + PAGE - 4, &word));
    assert_false(target_memory_read_word(&memory, UINT64_MAX - 3, &word));
    struct word_cache *words = word_cache_create(&memory);
    assert_true(word_cache_read(words, start + PAGE - 8, &word));
    assert_int_equal(word, 0x7878787878787878);
    assert_false(word_cache_read(words, start + PAGE - 4, &word));
    assert_false(word_cache_read(words, UINT64_MAX - 3, &word));
    word_cache_destroy(words);
    target_process_close(process);
    munmap(pages, 3 * PAGE);
}

/* Pages that were never written are passed over, whatever the stretches' number. */
static void test_touched_pages_are_found(void **state)
{
    (void)state;
    const size_t bytes = (size_t)PAGES * PAGE;
    char *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(pages, bytes, MADV_NOHUGEPAGE);
    struct target_process *process = target_process_open((uint32_t)getpid(), NULL);
    assert_non_null(process);
    struct target_memory memory = target_process_memory(process);
    uint64_t start = (uintptr_t)pages, end = start + bytes, from, to;
    assert_false(memory.find_touched(memory.context, start, end, &from, &to));
    target_process_close(process);

    pages[3 * PAGE + 5] = 1;
    pages[4 * PAGE] = 1;
    for (size_t i = 100; i < PAGES; i += 2)
        pages[i * PAGE] = 1;
    process = target_process_open((uint32_t)getpid(), NULL);
    memory = target_process_memory(process);
    assert_true(memory.find_touched(memory.context, start + 10, end, &from, &to));
    assert_int_equal(from - start, 3 * PAGE);
    assert_int_equal(to - start, 5 * PAGE);
    assert_true(memory.find_touched(memory.context, start + 3 * PAGE + 100, start + 4 * PAGE + 8,
                                    &from, &to));
    assert_int_equal(from - start, 3 * PAGE + 100);
    assert_int_equal(to - start, 4 * PAGE + 8);
    size_t count = 0;
    for (uint64_t at = start; memory.find_touched(memory.context, at, end, &from, &to); at = to)
        count++;
    assert_int_equal(count, 1 + (PAGES - 100) / 2);
    target_process_close(process);
    munmap(pages, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_stops_at_what_cannot_be_read),
        cmocka_unit_test(test_touched_pages_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
