/* A preload that forwards and counts, and nothing else: the least that interposition costs, and the
 * number of events that others are measured by.
 *
 * BENCH_COUNT_FILE names a file of COUNTERS lines of 64 bytes, made by bench/measure.py. Each
 * thread takes a line of it and counts there, so nothing is lost however the program ends. Line 0
 * holds the number of lines taken. A forked child takes a line of its own. An event is a call that
 * may return a block, or a free of something. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    COUNTERS = 65536, /* as in bench/measure.py */
    EARLY_BYTES = 16384
};

struct counter {
    _Alignas(64) uint64_t events;
};

static struct counter *counters;
static _Thread_local struct counter *own_counter __attribute__((tls_model("initial-exec")));

static void take_counter(void)
{
    uint64_t number = atomic_fetch_add((_Atomic uint64_t *)&counters[0].events, 1) + 1;
    own_counter = &counters[number < COUNTERS ? number : COUNTERS - 1];
}

static inline void count(void)
{
    if (__builtin_expect(own_counter == NULL, 0)) {
        if (counters == NULL)
            return;
        take_counter();
    }
    own_counter->events++;
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("BENCH_COUNT_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *memory = mmap(NULL, sizeof(struct counter) * COUNTERS, PROT_READ | PROT_WRITE, MAP_SHARED,
                        fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return;
    counters = memory;
    pthread_atfork(NULL, NULL, take_counter);
}

/* ---- until the real functions are found
 * ----------------------------------------------------------- */

static char early_heap[EARLY_BYTES] __attribute__((aligned(16)));
static size_t early_used;

static void *allocate_early(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof early_heap - early_used)
        abort();
    void *block = early_heap + early_used;
    early_used += size;
    return block;
}

static int is_early(const void *block)
{
    return (const char *)block >= early_heap &&
           (const char *)block < early_heap + sizeof early_heap;
}

/* The next definition of the function this stands in; NULL while that is being looked up. */
#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    static int is_looking;                                                                         \
    if (__builtin_expect(real == NULL, 0) && !is_looking) {                                        \
        is_looking = 1;                                                                            \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                                        \
        is_looking = 0;                                                                            \
    }

void *malloc(size_t size)
{
    REAL(malloc)
    count();
    return real != NULL ? real(size) : allocate_early(size);
}

void *calloc(size_t number, size_t size)
{
    REAL(calloc)
    count();
    return real != NULL ? real(number, size) : allocate_early(number * size);
}

void *realloc(void *old, size_t size)
{
    REAL(realloc)
    count();
    if (__builtin_expect(real == NULL || is_early(old), 0)) {
        void *block = malloc(size);
        if (block != NULL && old != NULL)
            memcpy(block, old, size);
        return block;
    }
    return real(old, size);
}

void *reallocarray(void *old, size_t number, size_t size)
{
    REAL(reallocarray)
    count();
    return real(old, number, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    REAL(posix_memalign)
    count();
    return real(block, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    REAL(aligned_alloc)
    count();
    return real(alignment, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    REAL(memalign)
    count();
    return real(alignment, size);
}

void *valloc(size_t size)
{
    REAL(valloc)
    count();
    return real(size);
}

void *pvalloc(size_t size);
void *pvalloc(size_t size)
{
    REAL(pvalloc)
    count();
    return real(size);
}

void free(void *block)
{
    REAL(free)
    if (block == NULL || __builtin_expect(is_early(block), 0))
        return;
    count();
    if (real != NULL)
        real(block);
}
