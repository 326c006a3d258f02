/* call_depth DEPTH PAIRS: malloc and free, and next to nothing else, DEPTH calls below main. The
 * worst case of what recording one event costs, with a stack that is always the same. */
#include <stdio.h>
#include <stdlib.h>

static __attribute__((noinline)) void allocate(long pairs)
{
    for (long i = 0; i < pairs; i++) {
        char *volatile block = malloc(48);
        block[0] = 1;
        free(block);
    }
}

static __attribute__((noinline)) void descend(int levels, long pairs)
{
    if (levels > 0)
        descend(levels - 1, pairs);
    else
        allocate(pairs);
    __asm__ volatile("" ::: "memory"); /* no tail call: each level is a frame */
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 3) {
        fprintf(stderr, "usage: call_depth DEPTH PAIRS\n");
        return 2;
    }
    /* main, descend for level 0, and allocate are frames themselves */
    descend(atoi(arguments[1]) - 3, atol(arguments[2]));
    return 0;
}
