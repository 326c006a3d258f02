/* What is live at each mark, and what happens between them; blocks and bytes as asked for.
 *
 *     up to "one"    first: 100 of 10 bytes
 *     up to "two"    second: 50 of 100 bytes, of which 20 are freed at once
 *     up to "three"  60 of first's are freed; third: 5 of 1000 bytes
 *     up to the end  10 of second's 30 are freed
 */
#include "seep.h"

#include <stdlib.h>

static void *first_blocks[100], *second_blocks[30], *third_blocks[5];

static __attribute__((noinline)) void first(void)
{
    for (int i = 0; i < 100; i++)
        first_blocks[i] = malloc(10);
}

static __attribute__((noinline)) void second(void)
{
    for (int i = 0; i < 50; i++) {
        void *volatile block = malloc(100);
        if (i < 30)
            second_blocks[i] = block;
        else
            free(block);
    }
}

static __attribute__((noinline)) void third(void)
{
    for (int i = 0; i < 5; i++)
        third_blocks[i] = malloc(1000);
}

int main(void)
{
    first();
    seep_mark("one");
    second();
    seep_mark("two");
    for (int i = 0; i < 60; i++)
        free(first_blocks[i]);
    third();
    seep_mark("three");
    for (int i = 0; i < 10; i++)
        free(second_blocks[i]);
    return third_blocks[0] == NULL;
}
