/* A web of BLOCKS (default 1,000,000) blocks of 32 bytes, each with REFERENCES (default 3) pointers
 * to the starts of others: the first one to the next block, the rest at random. The variable `web`
 * refers to the first. What graphs are measured with. At most four references.
 *
 * Known answer: all BLOCKS blocks are reachable, and `web` retains all of them. With one reference
 * each they are a chain: the first retains all of it, the last itself alone. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST = 4
};

struct block {
    struct block *others[MOST];
};

struct block *web;

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 16;
}

int main(int count, char **arguments)
{
    size_t blocks = count > 1 ? strtoull(arguments[1], NULL, 10) : 1000000;
    size_t references = count > 2 ? strtoull(arguments[2], NULL, 10) : 3;
    uint64_t seed = 1;

    if (references == 0 || references > MOST || blocks == 0)
        return 2;
    struct block **table = malloc(blocks * sizeof *table);
    for (size_t i = 0; i < blocks; i++)
        table[i] = calloc(1, sizeof **table);
    for (size_t i = 0; i < blocks; i++) {
        table[i]->others[0] = i + 1 < blocks ? table[i + 1] : NULL;
        for (size_t j = 1; j < references; j++)
            table[i]->others[j] = table[next_random(&seed) % blocks];
    }
    web = table[0];
    memset(table, 0, blocks * sizeof *table); /* its memory may become a buffer of stdout */
    free(table);
    puts("ready");
    return 0;
}
