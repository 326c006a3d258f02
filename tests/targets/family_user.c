/* Uses the allocator of libarena_family.so, directly and by the addresses of its functions:
 * tests/system/interface.py knows what must be recorded of it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void *arena_malloc(size_t bytes);
void *arena_calloc(size_t count, size_t bytes);
void *arena_realloc(void *object, size_t bytes);
void arena_free(void *object);
char *arena_strdup(const char *text);

static void *held[4];
static void (*const release)(void *) = arena_free;

static void __attribute__((noinline)) wipe_stack(void)
{
    char space[16384];
    memset(space, 0, sizeof space);
    __asm__ volatile("" : : "r"(space) : "memory");
}

static void *use(void *unused)
{
    for (int i = 0; i < 100; i++)
        arena_free(arena_malloc(32));
    return unused;
}

static void __attribute__((noinline)) work(void)
{
    char space[4096];
    pthread_t thread;
    __asm__ volatile("" : : "r"(space) : "memory");
    held[0] = arena_malloc(100);
    arena_calloc(10, 20); /* lost */
    held[1] = arena_realloc(arena_malloc(300), 400);
    held[2] = arena_strdup("nine char");
    release(held[2]);
    held[2] = arena_malloc(100000); /* of malloc's, but not of ours */
    held[3] = malloc(500);
    pthread_create(&thread, NULL, use, NULL);
    pthread_join(thread, NULL);
}

int main(void)
{
    work();
    wipe_stack();
    return 0;
}
