/* Blocks that are held for a while and lost then; each node of a list in a variable holds one.
 *
 *     ten nodes, snapshot "full"         four nodes are freed without their values
 *     snapshot "later"                   two more are
 *     main returns                       a function at the exit forgets `kept`, which holds 50 bytes
 *     lost at once, before "later":      77 bytes
 *
 * At the exit 6 values of 40 bytes are lost, two of which "later" saw held by list.first, and four
 * "full"; the 50 bytes, which were held before the exit; the 77 bytes, which nobody saw held. */
#include <stdlib.h>
#include <string.h>

#include "seep.h"

struct value {
    char text[40];
};

struct node {
    struct node *next;
    struct value *value;
};

static struct {
    struct node *first;
} list;
static char *kept;
static void *volatile gone;

__attribute__((noinline)) static struct value *new_value(void)
{
    struct value *value = malloc(sizeof *value);
    if (value)
        memset(value, 1, sizeof *value);
    return value;
}

__attribute__((noinline)) static void put(void)
{
    struct node *node = malloc(sizeof *node);
    if (!node)
        abort();
    node->value = new_value();
    node->next = list.first;
    list.first = node;
}

__attribute__((noinline)) static void drop(void)
{
    struct node *node = list.first;
    list.first = node->next;
    node->next = NULL;
    node->value = NULL;
    free(node);
}

/* What is left on the stack and in registers. */
__attribute__((noinline)) static void wipe(void)
{
    volatile char bytes[8192];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0;
}

__attribute__((noinline)) static void lose(void)
{
    gone = malloc(77);
    gone = NULL;
}

static void forget(void)
{
    kept = NULL;
    wipe();
}

int main(void)
{
    atexit(forget);
    kept = malloc(50);
    for (int i = 0; i < 10; i++)
        put();
    wipe();
    seep_snapshot("full");
    for (int i = 0; i < 4; i++)
        drop();
    lose();
    wipe();
    seep_snapshot("later");
    for (int i = 0; i < 2; i++)
        drop();
    wipe();
    return 0;
}
