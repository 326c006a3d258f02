#include "preload/bootstrap_heap.h"

#include <stdatomic.h>
#include <stdint.h>

#include "preload/sampled_blocks.h"

_Alignas(64) char bootstrap_heap[BOOTSTRAP_HEAP_BYTES];
static _Atomic size_t used;

void *bootstrap_heap_allocate(size_t bytes, size_t alignment)
{
    if (alignment < 16)
        alignment = 16;
    if ((alignment & (alignment - 1)) != 0 || alignment > 4096 || bytes > BOOTSTRAP_HEAP_BYTES)
        return NULL;
    size_t old = atomic_load_explicit(&used, memory_order_relaxed);
    for (;;) {
        uintptr_t base = (uintptr_t)bootstrap_heap;
        size_t start = ((base + old + alignment - 1) & ~(uintptr_t)(alignment - 1)) - base;
        size_t end = start + (bytes != 0 ? bytes : 1);
        if (end > BOOTSTRAP_HEAP_BYTES)
            return NULL;
        if (!atomic_compare_exchange_weak(&used, &old, end))
            continue;
        /* Either the one who sets this sees what is used, or this is seen here. */
        if (sampled_blocks != NULL)
            sampled_blocks_never_pass(sampled_blocks, bootstrap_heap + start);
        return bootstrap_heap + start;
    }
}

void bootstrap_heap_start_sampling(struct sampled_blocks *blocks)
{
    sampled_blocks = blocks;
    atomic_thread_fence(memory_order_seq_cst);
    size_t end = atomic_load(&used);
    for (size_t start = 0; start < end; start += 16)
        sampled_blocks_never_pass(blocks, bootstrap_heap + start);
}

size_t bootstrap_heap_bytes_after(const void *address)
{
    return BOOTSTRAP_HEAP_BYTES - ((uintptr_t)address - (uintptr_t)bootstrap_heap);
}
