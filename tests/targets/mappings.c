/* Mappings that a program makes itself: mappings CASE. A page has 4096 bytes; mappings are no part
 * of the totals of the malloc family, and what malloc maps is no mapping of the program's.
 *
 * Known answers
 *   run map
 *     mapping case_map/mmap live_bytes=3*4096 count=2
 *     totals allocations=0 mapped_bytes=3*4096 mapped_peak_bytes=3*4096
 *   run unmap
 *     mapping case_unmap/mmap live_bytes=0 count=0
 *     totals mapped_bytes=0 mapped_peak_bytes=8*4096
 *   run middle
 *     mapping case_middle/mmap live_bytes=6*4096 count=1
 *     totals mapped_bytes=6*4096 mapped_peak_bytes=10*4096
 *   run ends
 *     mapping case_ends/mmap live_bytes=7*4096 count=1
 *     totals mapped_bytes=7*4096
 *   run across
 *     mapping case_across/mmap live_bytes=4*4096 count=2
 *     totals mapped_bytes=4*4096
 *   run fixed
 *     mapping map_below<case_fixed/mmap live_bytes=6*4096 count=1
 *     mapping map_over<case_fixed/mmap live_bytes=2*4096 count=1
 *     totals mapped_bytes=8*4096
 *   run grow
 *     mapping case_grow/mmap live_bytes=0
 *     mapping case_grow/mremap live_bytes=100*4096 count=1
 *     totals mapped_bytes=100*4096 mapped_peak_bytes=100*4096
 *   run shrink
 *     mapping case_shrink/mremap live_bytes=2*4096 count=1
 *     totals mapped_bytes=2*4096 mapped_peak_bytes=5*4096
 *   run move
 *     mapping case_move/mremap live_bytes=4096 count=1
 *     totals mapped_bytes=4096
 *   run fails
 *     mapping ..case_fails live_bytes=2*4096 count=1
 *     totals mapped_bytes=2*4096 mapped_peak_bytes=2*4096
 *   run file
 *     mapping case_file/mmap live_bytes=4096 count=1
 *     totals mapped_bytes=0
 *   run sbrk
 *     mapping ..case_sbrk/sbrk live_bytes=3*4096
 *     totals mapped_bytes=3*4096 mapped_peak_bytes=8*4096
 *   run brk
 *     mapping ..case_brk/brk live_bytes=5*4096
 *     totals mapped_bytes=5*4096
 *   run large_malloc
 *     totals allocations=1 live_bytes=8388608 mapped_bytes=0
 *     mapping ..main live_bytes=0
 *   run common_peak
 *     totals mapped_peak_bytes=40960 peak_bytes=50000 common_peak_bytes=50000+4096
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PAGE = 4096
};

static void *volatile kept;

static void require(int holds)
{
    if (!holds)
        abort();
}

/* mmap returns to the case itself, which stands on the stack. */
#define MAP(pages)                                                                                 \
    mmap(NULL, (size_t)(pages)*PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)

static void case_map(void)
{
    kept = MAP(1);
    kept = MAP(2);
}

static void case_unmap(void)
{
    char *first = MAP(5), *second = MAP(3);
    require(munmap(first, 5 * PAGE) == 0 && munmap(second, 3 * PAGE) == 0);
}

static void case_middle(void)
{
    char *pages = MAP(10);
    require(munmap(pages + 3 * PAGE, 4 * PAGE) == 0);
}

static void case_ends(void)
{
    char *pages = MAP(10);
    require(munmap(pages, PAGE) == 0 && munmap(pages + 8 * PAGE, 2 * PAGE) == 0);
}

/* One unmapping takes the end of one mapping, all of the next, and the beginning of the third. */
static void case_across(void)
{
    char *pages = MAP(9);
    for (int i = 0; i < 3; i++)
        require(mmap(pages + 3 * i * PAGE, 3 * PAGE, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    require(munmap(pages + 2 * PAGE, 5 * PAGE) == 0);
}

static char *map_below(void)
{
    return MAP(8);
}

static void map_over(char *address)
{
    require(mmap(address, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
            address);
}

static void case_fixed(void)
{
    map_over(map_below() + 3 * PAGE);
}

static void case_grow(void)
{
    void *pages = MAP(2);
    pages = mremap(pages, 2 * PAGE, 100 * PAGE, MREMAP_MAYMOVE);
    require(pages != MAP_FAILED);
}

static void case_shrink(void)
{
    char *pages = MAP(5);
    require(mremap(pages, 5 * PAGE, 2 * PAGE, 0) == pages);
}

static void case_move(void)
{
    char *old = MAP(1), *place = MAP(3);
    require(munmap(place, 3 * PAGE) == 0);
    require(mremap(old, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
}

static void case_fails(void)
{
    char *pages = MAP(2);
    require(mmap(NULL, SIZE_MAX / 2, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    require(mremap(pages, 2 * PAGE, SIZE_MAX / 2, MREMAP_MAYMOVE) == MAP_FAILED);
    require(munmap(pages + 1, PAGE) == -1 && errno == EINVAL);
}

static void case_file(void)
{
    char name[] = "mapped-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    require(ftruncate(fd, PAGE) == 0);
    kept = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    require(kept != MAP_FAILED);
}

static void case_sbrk(void)
{
    require(sbrk(8 * PAGE) != (void *)-1);
    require(sbrk(-5 * PAGE) != (void *)-1);
}

static void case_brk(void)
{
    char *end = sbrk(0);
    require(brk(end + 5 * PAGE) == 0);
}

static void case_large_malloc(void)
{
    kept = malloc(8 << 20);
}

/* Each for itself was larger at another time. */
static void case_common_peak(void)
{
    void *pages = MAP(10);
    munmap(pages, 10 * PAGE);
    kept = MAP(1);
    free(malloc(50000));
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"map", case_map},
    {"unmap", case_unmap},
    {"middle", case_middle},
    {"ends", case_ends},
    {"across", case_across},
    {"fixed", case_fixed},
    {"grow", case_grow},
    {"shrink", case_shrink},
    {"move", case_move},
    {"fails", case_fails},
    {"file", case_file},
    {"sbrk", case_sbrk},
    {"brk", case_brk},
    {"large_malloc", case_large_malloc},
    {"common_peak", case_common_peak},
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
