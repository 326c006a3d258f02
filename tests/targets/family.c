/* Each function of the malloc family alone: family CASE. What stands in a block's totals is all
 * that the program allocates: it prints nothing.
 *
 * Known answers
 *   run nothing
 *     totals allocations=0 frees=0 allocated_bytes=0 peak_bytes=0 live_blocks=0
 *     totals failed_allocations=0 reallocations=0 temporary_allocations=0
 *   run malloc
 *     totals allocations=3 frees=2 allocated_bytes=700 freed_bytes=300 live_bytes=400
 *     totals peak_bytes=700 peak_blocks=3 live_blocks=1 temporary_allocations=0 failed_allocations=0
 *     site one_malloc<case_malloc<main/malloc sites=3 allocations=3 frees=2 live_bytes=400
 *   run malloc_zero
 *     totals allocations=1 frees=1 allocated_bytes=0 freed_bytes=0 peak_blocks=0 peak_bytes=0
 *     site case_malloc_zero/malloc allocations=1 frees=1 temporary_allocations=1
 *   run malloc_fails
 *     totals allocations=0 frees=0 failed_allocations=1 peak_bytes=0
 *   run calloc
 *     totals allocations=2 frees=1 allocated_bytes=7*50+1 freed_bytes=1 live_bytes=350
 *     site case_calloc<main/calloc allocations=2 live_bytes=350
 *   run calloc_overflows
 *     totals allocations=0 failed_allocations=1
 *   run realloc_grows
 *     totals allocations=4 frees=3 allocated_bytes=10+1000+100000+1000000 live_bytes=1000000
 *     totals reallocations=3 failed_allocations=0 peak_bytes=1000000 temporary_allocations=0
 *     site case_realloc_grows/malloc allocations=1 frees=1 allocated_bytes=10 live_bytes=0
 *     site case_realloc_grows/realloc allocations=3 frees=2 live_bytes=1000000 live_blocks=1
 *   run realloc_shrinks
 *     totals allocations=2 frees=1 allocated_bytes=5010 freed_bytes=5000 live_bytes=10
 *     totals reallocations=1 peak_bytes=5000
 *   run realloc_null
 *     totals allocations=1 frees=0 allocated_bytes=77 reallocations=0
 *     site case_realloc_null/realloc live_bytes=77
 *   run realloc_zero
 *     totals allocations=1 frees=1 allocated_bytes=60 freed_bytes=60 live_blocks=0
 *     totals failed_allocations=0
 *   run realloc_fails
 *     totals allocations=1 frees=0 allocated_bytes=30 live_blocks=1 failed_allocations=1
 *     totals reallocations=0
 *     site case_realloc_fails/malloc live_bytes=30
 *   run reallocarray
 *     totals allocations=2 frees=1 allocated_bytes=20+12*100 live_bytes=1200 reallocations=1
 *     site case_reallocarray/reallocarray allocations=1 live_bytes=1200
 *   run reallocarray_overflows
 *     totals allocations=1 frees=0 allocated_bytes=20 live_bytes=20 failed_allocations=1
 *   run posix_memalign
 *     totals allocations=1 frees=1 allocated_bytes=333 freed_bytes=333 temporary_allocations=1
 *     site case_posix_memalign/posix_memalign peak_bytes=333 peak_blocks=1
 *   run posix_memalign_fails
 *     totals allocations=0 failed_allocations=2
 *   run aligned_alloc
 *     totals allocations=1 frees=1 allocated_bytes=512
 *     site case_aligned_alloc/aligned_alloc allocations=1
 *   run memalign
 *     totals allocations=1 frees=1 allocated_bytes=48
 *     site case_memalign/memalign allocations=1
 *   run valloc
 *     totals allocations=1 frees=1 allocated_bytes=100
 *     site case_valloc/valloc allocations=1
 *   run pvalloc
 *     totals allocations=1 frees=1 allocated_bytes=100
 *     site case_pvalloc/pvalloc allocations=1
 *   run free_null
 *     totals allocations=0 frees=0
 *   run cfree
 *     totals allocations=1 frees=1 allocated_bytes=5
 *   run free_sized
 *     totals allocations=3 frees=3 allocated_bytes=40+64+50
 *     misuse wrong_size free_sized count=1
 *   run by_pointer
 *     totals allocations=4 frees=4 allocated_bytes=8+16+24+32
 *     site case_by_pointer/malloc allocations=2 allocated_bytes=8+24
 *     site case_by_pointer/calloc allocations=1
 *     site case_by_pointer/realloc allocations=1
 *   run foreign_free
 *     totals allocations=1 frees=1
 *     quality unknown_frees=0
 *   run strdup
 *     totals allocations=2 frees=1 allocated_bytes=6+4 live_bytes=4
 *     site ..case_strdup/malloc allocations=2
 *   run asprintf
 *     totals live_bytes=6 live_blocks=1
 *     site ..case_asprintf live_bytes=6
 *   run getline
 *     site ..case_getline live_blocks=0 frees=>=3
 *     totals live_blocks=0
 *   run large
 *     totals allocations=2 frees=1 allocated_bytes=6442450944+1 live_bytes=1
 *     totals peak_bytes=6442450944+1
 *     site case_large/malloc allocations=2
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any address space, so that no system can give it; not a constant for the compiler. */
static volatile size_t huge = SIZE_MAX / 2 + 1 - 64;
static void *volatile kept;

static void require(int holds)
{
    if (!holds)
        abort();
}

static void case_nothing(void)
{
}

static void *one_malloc(size_t size)
{
    return malloc(size);
}

static void case_malloc(void)
{
    void *first = one_malloc(100);
    void *second = one_malloc(200);
    kept = one_malloc(400);
    free(first);
    free(second);
}

static void case_malloc_zero(void)
{
    free(malloc(0));
}

static void case_malloc_fails(void)
{
    errno = 0;
    require(malloc(huge) == NULL && errno == ENOMEM);
}

static void case_calloc(void)
{
    kept = calloc(7, 50);
    free(calloc(1, 1));
}

static void case_calloc_overflows(void)
{
    errno = 0;
    require(calloc(huge, 4) == NULL && errno == ENOMEM);
}

static void case_realloc_grows(void)
{
    char *block = malloc(10);
    memcpy(block, "nine char", 10);
    block = realloc(block, 1000);
    block = realloc(block, 100000);
    block = realloc(block, 1000000); /* beyond the mmap threshold */
    require(strcmp(block, "nine char") == 0);
    kept = block;
}

static void case_realloc_shrinks(void)
{
    kept = realloc(malloc(5000), 10);
}

static void case_realloc_null(void)
{
    kept = realloc(NULL, 77);
}

static void case_realloc_zero(void)
{
    require(realloc(malloc(60), 0) == NULL);
}

static void case_realloc_fails(void)
{
    kept = malloc(30);
    errno = 0;
    require(realloc(kept, huge) == NULL && errno == ENOMEM);
}

static void case_reallocarray(void)
{
    kept = reallocarray(malloc(20), 12, 100);
}

static void case_reallocarray_overflows(void)
{
    kept = malloc(20);
    errno = 0;
    require(reallocarray(kept, huge, 16) == NULL && errno == ENOMEM);
}

static void case_posix_memalign(void)
{
    void *block = NULL;
    require(posix_memalign(&block, 256, 333) == 0 && ((uintptr_t)block & 255) == 0);
    free(block);
}

static void case_posix_memalign_fails(void)
{
    void *block = &block;
    errno = 4711;
    require(posix_memalign(&block, 24, 8) == EINVAL);
    require(posix_memalign(&block, 64, huge) == ENOMEM);
    require(block == &block);
}

static void case_aligned_alloc(void)
{
    void *block = aligned_alloc(128, 512);
    require(((uintptr_t)block & 127) == 0);
    free(block);
}

static void case_memalign(void)
{
    void *block = memalign(1024, 48);
    require(((uintptr_t)block & 1023) == 0);
    free(block);
}

static void case_valloc(void)
{
    void *block = valloc(100);
    require(((uintptr_t)block & 4095) == 0);
    free(block);
}

static void case_pvalloc(void)
{
    void *block = pvalloc(100);
    require(((uintptr_t)block & 4095) == 0);
    free(block);
}

static void case_free_null(void)
{
    free(NULL);
}

/* glibc keeps cfree for old binaries only, and has no free_sized before 2.43: found at run time. */
static void *find(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}

static void case_cfree(void)
{
    void (*cfree_found)(void *) = (void (*)(void *))find("cfree");
    cfree_found(malloc(5));
}

static void case_free_sized(void)
{
    void (*sized)(void *, size_t) = (void (*)(void *, size_t))find("free_sized");
    void (*aligned)(void *, size_t,
                    size_t) = (void (*)(void *, size_t, size_t))find("free_aligned_sized");
    sized(malloc(40), 40);
    aligned(aligned_alloc(64, 64), 64, 64);
    sized(malloc(50), 51); /* a wrong claim */
}

static void case_by_pointer(void)
{
    void *(*by_default)(size_t) = (void *(*)(size_t))find("malloc");
    void *(*cleared)(size_t, size_t) = (void *(*)(size_t, size_t))find("calloc");
    void *(*moved)(void *, size_t) = (void *(*)(void *, size_t))find("realloc");
    void *(*next)(size_t) = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    void (*released)(void *) = (void (*)(void *))find("free");
    released(by_default(8));
    released(cleared(2, 8));
    released(next(24));
    released(moved(NULL, 32));
}

/* A block that malloc never gave out is not freed: libc would abort. What is freed here comes from
 * the allocator behind ours, by its own address. */
static void case_foreign_free(void)
{
    free(malloc(1));
}

static void case_strdup(void)
{
    kept = strdup("abc");
    free(strndup("hello, world", 5));
}

static void case_asprintf(void)
{
    char *text;
    require(asprintf(&text, "%d", 12345) == 5);
    kept = realloc(text, 6); /* whatever libc reserved */
}

static void case_getline(void)
{
    char input[] = "a short line\nand one more\n", *line = NULL;
    size_t room = 0;
    FILE *file = fmemopen(input, sizeof input - 1, "r");
    require(getline(&line, &room, file) == 13);
    require(getline(&line, &room, file) == 13);
    fclose(file);
    free(line);
}

static void case_large(void)
{
    void *block = malloc(6442450944u); /* 6 GiB: does not fit the short record */
    kept = malloc(1);
    require(block != NULL);
    free(block);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"nothing", case_nothing},
    {"malloc", case_malloc},
    {"malloc_zero", case_malloc_zero},
    {"malloc_fails", case_malloc_fails},
    {"calloc", case_calloc},
    {"calloc_overflows", case_calloc_overflows},
    {"realloc_grows", case_realloc_grows},
    {"realloc_shrinks", case_realloc_shrinks},
    {"realloc_null", case_realloc_null},
    {"realloc_zero", case_realloc_zero},
    {"realloc_fails", case_realloc_fails},
    {"reallocarray", case_reallocarray},
    {"reallocarray_overflows", case_reallocarray_overflows},
    {"posix_memalign", case_posix_memalign},
    {"posix_memalign_fails", case_posix_memalign_fails},
    {"aligned_alloc", case_aligned_alloc},
    {"memalign", case_memalign},
    {"valloc", case_valloc},
    {"pvalloc", case_pvalloc},
    {"free_null", case_free_null},
    {"cfree", case_cfree},
    {"free_sized", case_free_sized},
    {"by_pointer", case_by_pointer},
    {"foreign_free", case_foreign_free},
    {"strdup", case_strdup},
    {"asprintf", case_asprintf},
    {"getline", case_getline},
    {"large", case_large},
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
