/* A shared library with an allocator of its own: objects are cut out of one large block, which it
 * asks malloc for at its first use, each with a head in front; large ones come from malloc. And
 * another allocator, at the end. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct head {
    size_t bytes;
    size_t is_large;
};

static char *arena;
static size_t used;

enum {
    ARENA_BYTES = 1 << 20,
    LARGE_BYTES = 64 << 10
};

void *arena_malloc(size_t bytes)
{
    struct head *head;
    if (arena == NULL)
        arena = malloc(ARENA_BYTES);
    if (bytes >= LARGE_BYTES) {
        head = malloc(sizeof *head + bytes);
    } else {
        head = (struct head *)(arena + used);
        used += sizeof *head + ((bytes + 15) & ~(size_t)15);
    }
    head->bytes = bytes;
    head->is_large = bytes >= LARGE_BYTES;
    memset(head + 1, 0, bytes);
    return head + 1;
}

void arena_free(void *object)
{
    struct head *head = (struct head *)object - 1;
    if (object != NULL && head->is_large)
        free(head);
}

void *arena_calloc(size_t count, size_t bytes)
{
    return arena_malloc(count * bytes);
}

void *arena_realloc(void *object, size_t bytes)
{
    void *moved = arena_malloc(bytes);
    if (object != NULL) {
        size_t old = ((struct head *)object - 1)->bytes;
        memcpy(moved, object, old < bytes ? old : bytes);
        arena_free(object);
    }
    return moved;
}

char *arena_strdup(const char *text)
{
    return strcpy(arena_malloc(strlen(text) + 1), text);
}

/* Another family: each object has a mapping of its own, which stays when the object is freed. */
enum {
    SLAB_BYTES = 64 << 10
};

void *slab_malloc(size_t bytes)
{
    void *slab = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return bytes <= SLAB_BYTES && slab != MAP_FAILED ? slab : NULL;
}

void slab_free(void *object)
{
    (void)object;
}

/* A third one: its memory was mapped before anybody asked for any, and stays as it is when objects
 * are freed. */
static char *early;
static size_t early_used;

__attribute__((constructor)) static void map_early(void)
{
    early = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

void *early_malloc(size_t bytes)
{
    char *object = early + early_used;
    if (early == MAP_FAILED || bytes > SLAB_BYTES - early_used)
        return NULL;
    early_used += (bytes + 15) & ~(size_t)15;
    return object;
}

void early_free(void *object)
{
    (void)object;
}
