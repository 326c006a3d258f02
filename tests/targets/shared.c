/* Memory that another process writes to all the time: shared NUMBER. The child, which is no target
 * (it runs no image of its own and allocates nothing), fills a shared mapping with whatever looks
 * like addresses: of blocks, into blocks, of nothing, of the mapping itself. A block of 700 bytes
 * is lost, one of 701 is held by a variable; what only the mapping refers to is lost or not, as the
 * child left it.
 *
 * Prints "lost 1" when of NUMBER checks each was answered and 700 bytes at least were lost in each,
 * and 700 and 64 blocks of 100 bytes at most. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seep.h"

enum {
    WORDS = 1 << 16,
    BLOCKS = 64
};

static void *held;
static uintptr_t hidden[BLOCKS]; /* complements: no references */

static void write_on(volatile uintptr_t *words)
{
    uint64_t state = 88172645463325252u;
    for (;;) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        uintptr_t block = ~hidden[state >> 8 & (BLOCKS - 1)];
        uintptr_t values[] = {block,
                              block + (state >> 16 & 127),
                              state,
                              (uintptr_t)words + 8 * (state & 255),
                              ~(uintptr_t)0,
                              0,
                              (uintptr_t)&held,
                              block | 1};
        words[state >> 20 & (WORDS - 1)] = values[state >> 40 & 7];
    }
}

static void __attribute__((noinline)) lose(void)
{
    memset(malloc(700), 1, 700);
    held = malloc(701);
    for (int i = 0; i < BLOCKS; i++)
        hidden[i] = ~(uintptr_t)malloc(100);
}

static void __attribute__((noinline)) wipe_stack(void)
{
    volatile char bytes[4096];
    memset((char *)bytes, 0, sizeof bytes);
}

int main(int argc, char **argv)
{
    int checks = argc > 1 ? atoi(argv[1]) : 1, is_good = 1;
    uintptr_t *words = mmap(NULL, WORDS * sizeof *words, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    lose();
    wipe_stack();
    pid_t child = fork();
    if (child == 0)
        write_on(words);
    for (int i = 0; i < checks; i++) {
        struct seep_leak_counts counts;
        int status = seep_leak_check(SEEP_CHECK_FULL, &counts);
        is_good &= status == SEEP_OK && counts.definite.bytes >= 700 &&
                   counts.definite.bytes + counts.possible.bytes <= 700 + 100 * BLOCKS &&
                   counts.indirect.blocks == 0;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    printf("lost %d\n", is_good);
    return 0;
}
