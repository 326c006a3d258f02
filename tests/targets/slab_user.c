/* An object of libarena_family.so's other allocator refers to a block of 123 bytes, and another to
 * one of 124; the first is freed, so the first block is lost, whatever still stands in the mapping
 * that the object was in. For seep run --allocator=slab_. */
#include <stdlib.h>
#include <string.h>

void *slab_malloc(size_t bytes);
void slab_free(void *object);

static void **held;

static void __attribute__((noinline)) work(void)
{
    void **object = slab_malloc(64);
    object[0] = malloc(123);
    slab_free(object);
    held = slab_malloc(64);
    held[0] = malloc(124);
}

static void __attribute__((noinline)) wipe_stack(void)
{
    char space[16384];
    memset(space, 0, sizeof space);
    __asm__ volatile("" : : "r"(space) : "memory");
}

int main(void)
{
    work();
    wipe_stack();
    return 0;
}
