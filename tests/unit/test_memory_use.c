/* What is in memory, by the kernel's text and pages, and glibc's chunks, on images made by hand. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/glibc_heap.h"
#include "snapshot/residency.h"

/* ---- residency ---- */

static const char smaps[] =
    "00400000-00402000 r-xp 00000000 08:01 12                         /bin/x\n"
    "Size:                  8 kB\n"
    "Rss:                   4 kB\n"
    "Swap:                  0 kB\n"
    "10000000-10010000 rw-p 00000000 00:00 0 \n"
    "Rss:                   8 kB\n"
    "Swap:                 12 kB\n"
    "VmFlags: rd wr mr mw me ac\n"
    "20000000-20010000 rw-p 00000000 00:00 0                          [heap]\n"
    "Rss:                   8 kB\n"
    "30000000-30002000 rw-p 00000000 00:00 0 \n"
    "Rss:                   8 kB\n"
    "40000000-80000000 ---p 00000000 00:00 0 \n"
    "Rss:                   0 kB\n";

/* What of the first one lies between `start` and `end`. */
static bool find_first(const struct address_range *touched, size_t count, uint64_t start,
                       uint64_t end, uint64_t *touched_start, uint64_t *touched_end)
{
    for (size_t i = 0; i < count; i++) {
        if (touched[i].end <= start || touched[i].start >= end)
            continue;
        *touched_start = touched[i].start > start ? touched[i].start : start;
        *touched_end = touched[i].end < end ? touched[i].end : end;
        return true;
    }
    return false;
}

/* Two pages of the second mapping, and four of the third: two of them hold only zeroes. */
static bool find_touched(void *context, uint64_t start, uint64_t end, uint64_t *touched_start,
                         uint64_t *touched_end)
{
    static const struct address_range touched[] = {{0x10002000, 0x10004000},
                                                   {0x20000000, 0x20004000}};
    (void)context;
    return find_first(touched, sizeof touched / sizeof *touched, start, end, touched_start,
                      touched_end);
}

/* The process that has a copy: both pages of its file, and one where the copy has none. What else
 * it says is newer than the copy, and does not count. */
static bool find_left_behind(void *context, uint64_t start, uint64_t end, uint64_t *touched_start,
                             uint64_t *touched_end)
{
    static const struct address_range touched[] = {
        {0x400000, 0x402000}, {0x20000000, 0x20010000}, {0x40001000, 0x40002000}};
    (void)context;
    return find_first(touched, sizeof touched / sizeof *touched, start, end, touched_start,
                      touched_end);
}

static void takes_what_a_fork_leaves_behind_from_the_process(void **state)
{
    const struct target_memory memory = {.find_touched = find_touched};
    const struct target_memory process = {.find_touched = find_left_behind};
    struct residency residency;
    (void)state;
    residency_parse_copied(&residency, smaps, &memory, &process);
    assert_int_equal(residency.resident_bytes, (28 + 4 + 4) << 10);
    assert_int_equal(residency_count(&residency, 0x400000, 0x402000), 8192);
    assert_int_equal(residency_count(&residency, 0x20000000, 0x20010000), 8192);
    assert_int_equal(residency_count(&residency, 0x40000000, 0x40001000), 0);
    assert_int_equal(residency_count(&residency, 0x40001000, 0x40002000), 4096);
    residency_clear(&residency);
    residency_parse_copied(&residency, smaps, &memory, NULL);
    assert_int_equal(residency.resident_bytes, 28 << 10);
    residency_clear(&residency);
}

static void counts_what_is_there(void **state)
{
    const struct target_memory memory = {.find_touched = find_touched};
    struct residency residency;
    (void)state;
    residency_parse(&residency, smaps, &memory);
    assert_int_equal(residency.mappings.count, 5);
    assert_int_equal(residency.resident_bytes, 28 << 10);
    assert_int_equal(residency.swapped_bytes, 12 << 10);
    assert_int_equal(residency.virtual_bytes, 0x2000 + 0x10000 + 0x10000 + 0x2000 + 0x40000000);
    /* Of a file all pages count alike. */
    assert_int_equal(residency_count(&residency, 0x400000, 0x402000), 4096);
    assert_int_equal(residency_count(&residency, 0x400000, 0x401000), 2048);
    assert_int_equal(residency_count(&residency, 0x10000000, 0x10002000), 0);
    assert_int_equal(residency_count(&residency, 0x10000000, 0x10010000), 8192);
    assert_int_equal(residency_count(&residency, 0x10003ff0, 0x10004010), 16);
    /* Pages of zeroes bring the others down. */
    assert_int_equal(residency_count(&residency, 0x20000000, 0x20010000), 8192);
    assert_int_equal(residency_count(&residency, 0x20000000, 0x20001000), 2048);
    assert_int_equal(residency_count(&residency, 0x30000010, 0x30000020), 16);
    assert_int_equal(residency_count(&residency, 0x40000000, 0x80000000), 0);
    assert_int_equal(residency_count(&residency, 0, UINT64_MAX), 28 << 10);
    residency_clear(&residency);
}

static void finds_stretches(void **state)
{
    const struct target_memory memory = {.find_touched = find_touched};
    struct residency residency;
    (void)state;
    residency_parse(&residency, smaps, &memory);
    struct residency_stretch stretch = residency_find_stretch(&residency, 0x10002800);
    assert_true(stretch.is_resident);
    assert_int_equal(stretch.start, 0x10002000);
    assert_int_equal(stretch.end, 0x10004000);
    stretch = residency_find_stretch(&residency, 0x10005000);
    assert_false(stretch.is_resident);
    assert_int_equal(stretch.start, 0x10004000);
    assert_int_equal(stretch.end, 0x10010000);
    /* Where pages of zeroes are among them nobody knows which. */
    stretch = residency_find_stretch(&residency, 0x20000000);
    assert_int_equal(stretch.end, 0);
    stretch = residency_find_stretch(&residency, 0x30000000);
    assert_true(stretch.is_resident && stretch.end == 0x30002000);
    residency_clear(&residency);
}

static void reads_any_text(void **state)
{
    static const char *const texts[] = {
        "", "Rss: 4 kB\n", "\n\n", "zz\nRss: 4 kB\n",
        "00400000-00402000 r-xp 0 08:01 12 /x\nRss: 18446744073709551615 kB"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct residency residency;
        residency_parse(&residency, texts[i], NULL);
        assert_int_equal(residency.resident_bytes, 0);
        residency_clear(&residency);
    }
}

/* A child that stands still, with memory of many kinds. */
static pid_t start_child(char *pages[3], size_t page_bytes)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), (off_t)(16 * page_bytes)), 0);
    pages[0] = mmap(NULL, 64 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0);
    pages[1] = mmap(NULL, 16 * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                    0);
    pages[2] = mmap(NULL, 16 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0);
    for (int i = 0; i < 3; i++)
        assert_ptr_not_equal(pages[i], MAP_FAILED);
    madvise(pages[0], 64 * page_bytes, MADV_NOHUGEPAGE);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t page = 0; page < 8; page += 1 + page % 3)
            for (int i = 0; i < 3; i++)
                pages[i][page * page_bytes] = 'x';
        for (size_t page = 32; page < 40; page++) /* the kernel's page of zeroes */
            pages[0][0] = (char)(pages[0][0] + pages[0][page * page_bytes]);
        munmap(pages[0] + 62 * page_bytes, page_bytes);
        raise(SIGSTOP);
        _exit(0);
    }
    fclose(file);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    return pid;
}

static void page_tables_say_what_smaps_says(void **state)
{
    (void)state;
    char *pages[3];
    struct residency fast, slow;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    pid_t pid = start_child(pages, page_bytes);
    bool is_known = residency_read_pages(&fast, (uint32_t)pid);
    assert_true(residency_read_smaps(&slow, (uint32_t)pid, NULL));
    if (is_known) {
        assert_int_equal(fast.mappings.count, slow.mappings.count);
        for (size_t i = 0; i < fast.mappings.count; i++)
            assert_int_equal(fast.items[i].resident_bytes, slow.items[i].resident_bytes);
        assert_int_equal(fast.resident_bytes, slow.resident_bytes);
        assert_int_equal(fast.virtual_bytes, slow.virtual_bytes);
        assert_int_equal(fast.swapped_bytes, 0);
        /* Of its first pages 0, 1, 3, 4, 6 and 7 were written. */
        uint64_t start = (uintptr_t)pages[0], shared = (uintptr_t)pages[1];
        assert_int_equal(residency_count(&fast, start, start + 2 * page_bytes), 2 * page_bytes);
        assert_int_equal(residency_count(&fast, start + 2 * page_bytes, start + 3 * page_bytes), 0);
        assert_int_equal(residency_count(&fast, start + 32 * page_bytes, start + 40 * page_bytes),
                         0);
        assert_int_equal(residency_count(&fast, shared, shared + 16 * page_bytes),
                         residency_count(&slow, shared, shared + 16 * page_bytes));
        residency_clear(&fast);
    }
    residency_clear(&slow);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 3; i++)
        munmap(pages[i], (i == 0 ? 64 : 16) * page_bytes);
    if (!is_known)
        skip(); /* no PAGEMAP_SCAN here, or something is swapped out */
}

/* ---- chunks ---- */

#define HEAP 0x500000

struct seen {
    struct glibc_chunk chunks[8];
    size_t count;
};

static void note(void *context, const struct glibc_chunk *chunk)
{
    struct seen *seen = context;
    assert_true(seen->count < 8);
    seen->chunks[seen->count++] = *chunk;
}

/* Used, free, used, top: sizes 0x20, 0x40, 0x30, and the rest of 0x1000. */
static void make_chunks(uint64_t words[512])
{
    memset(words, 0, 512 * sizeof *words);
    words[1] = 0x21;
    words[0x20 / 8 + 1] = 0x41;
    words[0x60 / 8 + 1] = 0x30;
    words[0x90 / 8 + 1] = 0xf71;
}

static bool visit(const uint64_t words[512], uint64_t top, struct seen *seen)
{
    const struct target_image_piece piece = {HEAP, words, 512 * sizeof *words};
    const struct target_image image = {&piece, 1};
    const struct target_memory memory = target_image_memory(&image);
    const struct glibc_heap heap = {0};
    const struct glibc_region region = {.start = HEAP, .end = HEAP + 0x1000, .top = top};
    seen->count = 0;
    return glibc_heap_visit(&heap, &region, &memory, note, seen);
}

static void walks_chunks(void **state)
{
    uint64_t words[512];
    struct seen seen;
    (void)state;
    make_chunks(words);
    assert_true(visit(words, HEAP + 0x90, &seen));
    assert_int_equal(seen.count, 4);
    static const struct glibc_chunk wanted[] = {{HEAP, 0x20, GLIBC_CHUNK_USED, 0},
                                                {HEAP + 0x20, 0x40, GLIBC_CHUNK_FREE, 0},
                                                {HEAP + 0x60, 0x30, GLIBC_CHUNK_USED, 0},
                                                {HEAP + 0x90, 0xf70, GLIBC_CHUNK_TOP, 0}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(seen.chunks[i].address, wanted[i].address);
        assert_int_equal(seen.chunks[i].bytes, wanted[i].bytes);
        assert_int_equal(seen.chunks[i].state, wanted[i].state);
    }
}

static void gives_up_on_nonsense(void **state)
{
    static const uint64_t sizes[] = {0,     1,      0x11,       0x29,           0x23,
                                     0xff1, 0x1001, UINT64_MAX, UINT64_MAX - 14};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t words[512];
        struct seen seen;
        make_chunks(words);
        words[0x20 / 8 + 1] = sizes[i];
        assert_false(visit(words, HEAP + 0x90, &seen));
    }
    uint64_t words[512];
    struct seen seen;
    make_chunks(words);
    assert_false(visit(words, HEAP + 0x80, &seen)); /* they lead past the top */
}

static void knows_mapped_chunks(void **state)
{
    uint64_t bytes;
    (void)state;
    assert_true(glibc_heap_is_mapped_chunk((uint64_t[]){0, 0x21002}, HEAP, HEAP + 0x21000, &bytes));
    assert_int_equal(bytes, 0x21000);
    assert_false(
        glibc_heap_is_mapped_chunk((uint64_t[]){0, 0x21002}, HEAP, HEAP + 0x20000, &bytes));
    assert_false(
        glibc_heap_is_mapped_chunk((uint64_t[]){0, 0x21001}, HEAP, HEAP + 0x21000, &bytes));
    assert_false(glibc_heap_is_mapped_chunk((uint64_t[]){0, 2}, HEAP, HEAP + 0x21000, &bytes));
    assert_false(glibc_heap_is_mapped_chunk((uint64_t[]){0, UINT64_MAX - 4093}, HEAP,
                                            HEAP + 0x21000, &bytes));
    assert_true(
        glibc_heap_is_mapped_chunk((uint64_t[]){0x40, 0x20fc2}, HEAP, HEAP + 0x21000, &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_there),
        cmocka_unit_test(takes_what_a_fork_leaves_behind_from_the_process),
        cmocka_unit_test(finds_stretches),
        cmocka_unit_test(reads_any_text),
        cmocka_unit_test(page_tables_say_what_smaps_says),
        cmocka_unit_test(walks_chunks),
        cmocka_unit_test(gives_up_on_nonsense),
        cmocka_unit_test(knows_mapped_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
