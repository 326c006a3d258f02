/* What stood at the peak, what was temporary, and how sizes and lifetimes divide: peaks CASE.
 *
 * Known answers
 *   run first_peak
 *     totals peak_bytes=35000 peak_blocks=15
 *     site site_a peak_bytes=10000 peak_blocks=10 live_blocks=0
 *     site site_b peak_bytes=25000 peak_blocks=5 live_blocks=5
 *     site site_c peak_bytes=0 peak_blocks=0 live_bytes=9000
 *   run second_peak
 *     totals peak_bytes=25000+9000+1001 peak_blocks=5+3+1
 *     site site_a peak_bytes=0 peak_blocks=0
 *     site site_b peak_bytes=25000 peak_blocks=5
 *     site site_c peak_bytes=10001 peak_blocks=4 live_bytes=1001
 *   run tie
 *     totals peak_bytes=1000 peak_blocks=1
 *     site site_a peak_bytes=1000 peak_blocks=1
 *     site site_b peak_bytes=0 peak_blocks=0
 *   run many_peaks
 *     totals peak_bytes=50005000 peak_blocks=10000
 *     site site_a peak_bytes=25005000 peak_blocks=5000 live_blocks=0
 *     site site_b peak_bytes=25000000 peak_blocks=5000 live_blocks=0
 *   run realloc_peak
 *     totals peak_bytes=3000 allocations=3 frees=3 temporary_allocations=1
 *     site case_realloc_peak/realloc peak_bytes=3000 peak_blocks=1
 *     site case_realloc_peak/malloc peak_bytes=0
 *   run temporary
 *     totals temporary_allocations=7
 *     site temporary_at_once temporary_allocations=5 allocations=5 frees=5
 *     site temporary_never/malloc temporary_allocations=0 allocations=3 frees=3
 *     site temporary_last_only temporary_allocations=1 allocations=4 frees=4
 *     site temporary_by_realloc/malloc temporary_allocations=0 frees=1
 *     site temporary_by_realloc/realloc temporary_allocations=1 frees=1
 *   run temporary_elsewhere
 *     site give_away allocations=100 frees=100 temporary_allocations=100
 *     site keep_until_next allocations=2 frees=1 temporary_allocations=0
 *   run sizes
 *     sizes allocate_sizes 1:2 2:1 4:2 8:1 16:1 32:2 64:1 1024:1 2048:1 1048576:1
 *     site allocate_sizes allocations=13
 *   run lifetimes
 *     lifetimes lived_shortly 1:10
 *     lifetimes lived_long 16777216:3
 *     lifetimes lives_on 1:0
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *blocks[3][10000];
static int counts[3];
static void *volatile kept;

static void *site_a(size_t size)
{
    return malloc(size);
}

static void *site_b(size_t size)
{
    return malloc(size);
}

static void *site_c(size_t size)
{
    return malloc(size);
}

static void allocate(int site, int number, size_t size)
{
    static void *(*const sites[])(size_t) = {site_a, site_b, site_c};
    while (number-- > 0)
        blocks[site][counts[site]++] = sites[site](size);
}

static void release(int site, int number)
{
    while (number-- > 0)
        free(blocks[site][--counts[site]]);
}

static void case_first_peak(void)
{
    allocate(0, 10, 1000);
    allocate(1, 5, 5000);
    release(0, 10);
    allocate(2, 3, 3000); /* 34000: not the peak */
}

static void case_second_peak(void)
{
    case_first_peak();
    allocate(2, 1, 1001); /* 35001: the peak */
    void *last = blocks[2][--counts[2]];
    release(2, 3);
    kept = last;
}

/* The first of two equal peaks counts. */
static void case_tie(void)
{
    allocate(0, 1, 1000);
    release(0, 1);
    allocate(1, 1, 1000);
    release(1, 1);
}

/* Every allocation is a new peak. */
static void case_many_peaks(void)
{
    for (int i = 0; i < 5000; i++) {
        allocate(0, 1, 2 + 2 * (size_t)i);
        allocate(1, 1, 5000);
    }
    release(0, 5000);
    release(1, 5000);
}

static void case_realloc_peak(void)
{
    void *block = malloc(1000);
    block = realloc(block, 3000);
    block = realloc(block, 2000);
    free(block);
}

/* ---- temporary: freed, by anybody, before the thread that allocated it allocated again */

static void temporary_at_once(void)
{
    for (int i = 0; i < 5; i++)
        free(malloc(20));
}

static void temporary_never(void)
{
    void *first = malloc(1), *second = malloc(2), *third = malloc(3);
    kept = calloc(1, 1);
    free(first);
    free(second);
    free(third);
}

static void temporary_last_only(void)
{
    void *many[4];
    for (int i = 0; i < 4; i++)
        many[i] = malloc(7);
    for (int i = 0; i < 4; i++)
        free(many[i]);
}

static void temporary_by_realloc(void)
{
    free(realloc(malloc(9), 100));
}

static void case_temporary(void)
{
    temporary_at_once();
    temporary_never();
    temporary_last_only();
    temporary_by_realloc();
}

static sem_t is_given, is_taken;
static void *given;

static void give_away(void)
{
    given = malloc(30);
}

static void keep_until_next(void)
{
    given = malloc(40);
}

static void *free_what_comes(void *unused)
{
    for (int i = 0; i < 101; i++) {
        sem_wait(&is_given);
        free(given);
        sem_post(&is_taken);
    }
    return unused;
}

static void hand_over(void)
{
    sem_post(&is_given);
    sem_wait(&is_taken);
}

static void case_temporary_elsewhere(void)
{
    pthread_t thread;
    sem_init(&is_given, 0, 0);
    sem_init(&is_taken, 0, 0);
    pthread_create(&thread, NULL, free_what_comes, NULL);
    for (int i = 0; i < 100; i++) {
        give_away();
        hand_over();
    }
    keep_until_next();
    void *first = given;
    keep_until_next();
    kept = given;
    given = first;
    hand_over();
    pthread_join(thread, NULL);
}

/* ---- histograms */

static void allocate_sizes(void)
{
    static const size_t sizes[] = {0, 1, 2, 3, 4, 8, 9, 17, 32, 33, 1024, 1025, 1048576};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        kept = malloc(sizes[i]);
}

static void wait_until_later(void)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 20000000);
}

static void lived_shortly(void)
{
    for (int i = 0; i < 10; i++)
        free(malloc(5));
}

static void lived_long(void)
{
    void *many[3];
    for (int i = 0; i < 3; i++)
        many[i] = malloc(6);
    wait_until_later();
    for (int i = 0; i < 3; i++)
        free(many[i]);
}

static void lives_on(void)
{
    kept = malloc(8);
}

static void case_lifetimes(void)
{
    lives_on();
    lived_shortly();
    lived_long();
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"first_peak", case_first_peak},
    {"second_peak", case_second_peak},
    {"tie", case_tie},
    {"many_peaks", case_many_peaks},
    {"realloc_peak", case_realloc_peak},
    {"temporary", case_temporary},
    {"temporary_elsewhere", case_temporary_elsewhere},
    {"sizes", allocate_sizes},
    {"lifetimes", case_lifetimes},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            cases[i].run();
            return 0;
        }
    return 2;
}
