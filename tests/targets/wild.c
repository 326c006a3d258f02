/* Holds blocks and has a thread that writes words at random over all of them, over a writable
 * mapping and over a block of pointers, as long as it runs: addresses of blocks, near them, of
 * code, of unmapped memory, kernel addresses, small numbers. With "links" it also spoils what the
 * loader keeps of modules and the C library of threads, and then only waits. Some blocks lie in
 * pages that cannot be read, one in a mapping of a file that is shorter. Prints "ready PID", runs
 * until it is killed or its input ends. No figures: whoever looks must get an answer, or a clear
 * word that there is none. */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tell.h"

enum {
    BLOCKS = 20000,
    BLOCK_WORDS = 32,
    LARGE_BYTES = 80 << 20,
    MAPPING_BYTES = 1 << 20
};

static uint64_t *blocks[BLOCKS];
static uint64_t *mapping, *large;

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t wild_word(uint64_t *state)
{
    uint64_t chance = next(state), block = (uint64_t)(uintptr_t)blocks[chance % BLOCKS];
    switch (next(state) % 8) {
    case 0:
        return block;
    case 1:
        return block + next(state) % 300;
    case 2:
        return (uint64_t)(uintptr_t)&wild_word + next(state) % 4096;
    case 3:
        return UINT64_C(0xffff800000000000) | chance;
    case 4:
        return chance % 4096;
    case 5:
        return block - 8;
    case 6:
        return (uint64_t)(uintptr_t)&chance - next(state) % 100000;
    default:
        return chance;
    }
}

static void *run_wild(void *unused)
{
    uint64_t state = 88172645463325252u;
    (void)unused;
    for (;;) {
        blocks[next(&state) % BLOCKS][next(&state) % BLOCK_WORDS] = wild_word(&state);
        mapping[next(&state) % (MAPPING_BYTES / 8)] = wild_word(&state);
        large[next(&state) % (LARGE_BYTES / 8)] = wild_word(&state);
    }
    return NULL;
}

static void make_unreadable(void)
{
    char *hole = NULL;
    if (posix_memalign((void **)&hole, 4096, 16 * 4096) == 0) {
        memset(hole, 1, 16 * 4096);
        mprotect(hole + 4 * 4096, 4 * 4096, PROT_NONE);
        munmap(hole + 9 * 4096, 4096);
    }
    int file = memfd_create("short", MFD_CLOEXEC);
    if (ftruncate(file, 100) == 0)
        mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    mmap(NULL, (size_t)1 << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
         -1, 0);
}

/* The loader's list of modules, and the place of the thread in the list of threads (x86-64, glibc
 * 2.34 and later). */
static void spoil_links(void)
{
    uint64_t state = 12345;
    uint64_t *self = (uint64_t *)pthread_self();
    for (struct link_map *module = _r_debug.r_map; module != NULL;) {
        struct link_map *following = module->l_next;
        module->l_addr = wild_word(&state);
        module->l_ld = (void *)wild_word(&state);
        module->l_next = (void *)wild_word(&state);
        module->l_prev = (void *)wild_word(&state);
        module = following;
    }
    self[88] = wild_word(&state);
    self[89] = wild_word(&state);
}

/* Found while the loader is sane. */
static ssize_t (*volatile wait_for_end)(int, void *, size_t) = read;
static void (*volatile end)(int) = _exit;

int main(int argument_count, char **arguments)
{
    pthread_t thread;
    char line[16];
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = calloc(BLOCK_WORDS, sizeof **blocks);
    large = malloc(LARGE_BYTES);
    memset(large, 1, LARGE_BYTES);
    mapping = mmap(NULL, MAPPING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    make_unreadable();
    if (pthread_create(&thread, NULL, run_wild, NULL) != 0)
        return 1;
    tell("ready", getpid());
    if (argument_count > 1 && strcmp(arguments[1], "links") == 0)
        spoil_links();
    while (wait_for_end(STDIN_FILENO, line, sizeof line) > 0)
        ;
    end(0);
}
