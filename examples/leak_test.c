/* A unit test that fails when the code under test loses memory. Built with nothing but the header,
 * it runs as it is, or under seep, where the checks are made:
 *
 *   cc -g leak_test.c $(pkg-config --cflags seep) -o leak_test && seep run ./leak_test
 *
 * It says "lost 2 blocks, 64 bytes" and ends with status 1; alone it ends with 0. */
#include <seep.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    char text[24];
};

static struct entry *entries;

static void __attribute__((noinline)) add(const char *text)
{
    struct entry *entry = malloc(sizeof *entry);
    entry->next = entries;
    strncpy(entry->text, text, sizeof entry->text - 1);
    entries = entry;
}

/* Forgets them without freeing them. */
static void __attribute__((noinline)) clear(void)
{
    entries = NULL;
}

int main(void)
{
    struct seep_leak_counts lost;
    unsigned long blocks, bytes;
    seep_leak_check(SEEP_CHECK_NEW, NULL); /* what was lost before is not ours */
    add("one");
    add("two");
    clear();
    if (seep_leak_check(SEEP_CHECK_NEW, &lost) != SEEP_OK)
        return 0; /* nobody looks */
    blocks = lost.definite.blocks + lost.indirect.blocks;
    bytes = lost.definite.bytes + lost.indirect.bytes;
    if (blocks != 0)
        printf("lost %lu blocks, %lu bytes\n", blocks, bytes);
    return blocks != 0;
}
