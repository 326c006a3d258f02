/* With an argument, of the family early_: an object refers to a block of 125 bytes and is freed, and
 * with it the last one in a mapping that was made long before; so the block is lost. Else:
 *
 * An object of libarena_family.so's other allocator refers to a block of 123 bytes, and another to
 * one of 124; the first is freed, so the first block is lost, whatever still stands in the mapping
 * that the object was in. For seep run --allocator=slab_. */
#include <stdlib.h>
#include <string.h>

void *slab_malloc(size_t bytes);
void slab_free(void *object);
void *early_malloc(size_t bytes);
void early_free(void *object);

static void **held;

static void __attribute__((noinline)) work(void)
{
    void **object = slab_malloc(64);
    object[0] = malloc(123);
    slab_free(object);
    held = slab_malloc(64);
    held[0] = malloc(124);
}

static void __attribute__((noinline)) work_early(void)
{
    void **object = early_malloc(64);
    object[0] = malloc(125);
    early_free(object);
}

static void __attribute__((noinline)) wipe_stack(void)
{
    char space[16384];
    memset(space, 0, sizeof space);
    __asm__ volatile("" : : "r"(space) : "memory");
}

int main(int count, char **arguments)
{
    (void)arguments;
    if (count > 1)
        work_early();
    else
        work();
    wipe_stack();
    return 0;
}
