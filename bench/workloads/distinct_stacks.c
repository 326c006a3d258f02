/* distinct_stacks LEVELS: allocates once on each of 2^LEVELS different stacks, keeps every
 * sixteenth block and frees the others: 20 levels are a million stacks. What stresses the
 * deduplication of stacks. */
#include <stdio.h>
#include <stdlib.h>

static void *kept;

static __attribute__((noinline)) void allocate(unsigned number)
{
    void **block = malloc(32);
    if (number % 16 == 0) {
        *block = kept;
        kept = block;
    } else {
        free(block);
    }
}

/* Each bit of `number` decides which of two calls goes down a level. What the asm says differs, so
 * that the compiler cannot make one call of both. */
static __attribute__((noinline)) void descend(int levels, unsigned number)
{
    if (levels == 0) {
        allocate(number);
    } else if (number >> (levels - 1) & 1) {
        descend(levels - 1, number);
        __asm__ volatile("# one" ::: "memory");
    } else {
        descend(levels - 1, number);
        __asm__ volatile("# zero" ::: "memory");
    }
    __asm__ volatile("" ::: "memory");
}

int main(int argument_count, char **arguments)
{
    int levels = argument_count == 2 ? atoi(arguments[1]) : 0;
    if (levels < 1 || levels > 30) {
        fprintf(stderr, "usage: distinct_stacks LEVELS\n");
        return 2;
    }
    for (unsigned number = 0; number < 1u << levels; number++)
        descend(levels, number);
    return 0;
}
