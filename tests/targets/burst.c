/* Waits for a line, then allocates and frees as fast as it can, and says what it did: burst ROUNDS.
 * Afterwards it prints "done", waits for another line, and ends with status 7.
 *
 * Prints: rounds N, the longest call in microseconds, and how many calls took over half a second.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tell.h"

static long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wait_for_line(void)
{
    char byte = 0;
    while (read(0, &byte, 1) == 1 && byte != '\n')
        ;
}

static void *one_malloc(size_t size)
{
    return malloc(size);
}

int main(int count, char **arguments)
{
    long rounds = count > 1 ? atol(arguments[1]) : 1, longest = 0, long_calls = 0;
    void *first = one_malloc(123);
    tell("pid", getpid());
    tell("ready", 1);
    wait_for_line();
    for (long i = 0; i < rounds; i++) {
        long begin = now_us();
        void *block = one_malloc(16 + (size_t)i % 100);
        long took = now_us() - begin;
        free(block);
        longest = took > longest ? took : longest;
        long_calls += took > 500000;
    }
    free(first);
    tell("rounds", rounds);
    tell("longest", longest);
    tell("long_calls", long_calls);
    tell("done", 1);
    wait_for_line();
    return 7;
}
