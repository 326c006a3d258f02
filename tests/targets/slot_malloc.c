/* A malloc that may be called from a signal handler: blocks of up to 512 bytes are slots of one
 * table, each claimed by one atomic exchange, so that an address is given out again at once. Larger
 * ones come from a second table. It counts its calls: slot_malloc_calls. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    SMALL_BYTES = 512,
    SMALL_COUNT = 4096,
    LARGE_BYTES = 128 << 10,
    LARGE_COUNT = 64
};

_Alignas(4096) static char small[SMALL_COUNT][SMALL_BYTES];
_Alignas(4096) static char large[LARGE_COUNT][LARGE_BYTES];
static atomic_char is_small_taken[SMALL_COUNT], is_large_taken[LARGE_COUNT];
atomic_long slot_malloc_calls;

static int claim(atomic_char *is_taken, int count)
{
    for (int i = 0; i < count; i++)
        if (atomic_exchange(&is_taken[i], 1) == 0)
            return i;
    return -1;
}

static void *allocate(size_t size)
{
    int slot;
    atomic_fetch_add(&slot_malloc_calls, 1);
    if (size <= SMALL_BYTES && (slot = claim(is_small_taken, SMALL_COUNT)) >= 0)
        return small[slot];
    if (size <= LARGE_BYTES && (slot = claim(is_large_taken, LARGE_COUNT)) >= 0)
        return large[slot];
    errno = ENOMEM;
    return NULL;
}

static size_t room_of(const void *block)
{
    return (const char *)block >= large[0] && (const char *)block < large[LARGE_COUNT]
               ? LARGE_BYTES
               : SMALL_BYTES;
}

static void release(void *block)
{
    if (block == NULL)
        return;
    if (room_of(block) == LARGE_BYTES)
        atomic_store(&is_large_taken[((char *)block - large[0]) / LARGE_BYTES], 0);
    else
        atomic_store(&is_small_taken[((char *)block - small[0]) / SMALL_BYTES], 0);
}

void *malloc(size_t size)
{
    return allocate(size);
}

void free(void *block)
{
    release(block);
}

void *calloc(size_t count, size_t size)
{
    void *block = allocate(count * size);
    if (block != NULL)
        memset(block, 0, count * size);
    return block;
}

void *realloc(void *old, size_t size)
{
    if (old != NULL && size == 0) {
        release(old);
        return NULL;
    }
    void *block = allocate(size);
    if (old != NULL && block != NULL) {
        memcpy(block, old, size < room_of(old) ? size : room_of(old));
        release(old);
    }
    return block;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return allocate(size > alignment ? size : alignment);
}

void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = aligned_alloc(alignment, size);
    return *block != NULL ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *block)
{
    return block == NULL ? 0 : room_of(block);
}
