/* A plugin; plugin_b.c is the same code under other names, so that it fits into its address range.
 */
#include <stdlib.h>

#ifndef PLUGIN
#define PLUGIN(name) plugin_a_##name
#endif

static void *block_of_constructor;

void *PLUGIN(allocate)(size_t size);
void *PLUGIN(work)(size_t size);

__attribute__((constructor)) static void PLUGIN(constructor)(void)
{
    block_of_constructor = malloc(100);
}

__attribute__((destructor)) static void PLUGIN(destructor)(void)
{
    free(block_of_constructor);
}

__attribute__((noinline)) void *PLUGIN(allocate)(size_t size)
{
    return malloc(size);
}

__attribute__((visibility("default"))) void *PLUGIN(work)(size_t size)
{
    return PLUGIN(allocate)(size);
}
