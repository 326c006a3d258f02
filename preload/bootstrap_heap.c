#include "preload/bootstrap_heap.h"

#include <stdatomic.h>
#include <stdint.h>

#include "preload/sampled_blocks.h"

enum {
    BOOTSTRAP_BYTES = 64 << 10
};

static _Alignas(64) char block[BOOTSTRAP_BYTES];
static _Atomic size_t used;

void *bootstrap_heap_allocate(size_t bytes, size_t alignment)
{
    if (alignment < 16)
        alignment = 16;
    if ((alignment & (alignment - 1)) != 0 || alignment > 4096 || bytes > BOOTSTRAP_BYTES)
        return NULL;
    size_t old = atomic_load_explicit(&used, memory_order_relaxed);
    for (;;) {
        uintptr_t base = (uintptr_t)block;
        size_t start = ((base + old + alignment - 1) & ~(uintptr_t)(alignment - 1)) - base;
        size_t end = start + (bytes != 0 ? bytes : 1);
        if (end > BOOTSTRAP_BYTES)
            return NULL;
        if (!atomic_compare_exchange_weak(&used, &old, end))
            continue;
        /* Either the one who sets this sees what is used, or this is seen here. */
        if (sampled_blocks != NULL)
            sampled_blocks_never_pass(sampled_blocks, block + start);
        return block + start;
    }
}

bool bootstrap_heap_owns(const void *address)
{
    uintptr_t place = (uintptr_t)address;
    return place - (uintptr_t)block < BOOTSTRAP_BYTES;
}

void bootstrap_heap_start_sampling(struct sampled_blocks *blocks)
{
    sampled_blocks = blocks;
    atomic_thread_fence(memory_order_seq_cst);
    size_t end = atomic_load(&used);
    for (size_t start = 0; start < end; start += 16)
        sampled_blocks_never_pass(blocks, block + start);
}

size_t bootstrap_heap_bytes_after(const void *address)
{
    return BOOTSTRAP_BYTES - ((uintptr_t)address - (uintptr_t)block);
}
