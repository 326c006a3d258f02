/* The public malloc family. Each function: record, or pass through; never anything else. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/bootstrap_heap.h"
#include "preload/export.h"
#include "preload/hook_plain.h"
#include "preload/lifecycle.h"
#include "preload/real_functions.h"

HOOKS_MALLOC(EXPORT_DECLARE)

/* Before the real functions are found (and while they are being looked up) the bootstrap heap
 * serves. */
static inline bool is_too_early(void)
{
    if (__builtin_expect(real_is_ready, 1))
        return false;
    lifecycle_begin();
    return !real_is_ready;
}

static __attribute__((noinline)) void *malloc_otherwise(size_t size, uintptr_t frame)
{
    if (is_too_early())
        return bootstrap_heap_allocate(size, 0);
    struct hook hook;
    hook_enter(&hook, frame);
    void *block = real.malloc(size);
    hook_birth(&hook, block, size, FUNCTION_MALLOC);
    return block;
}

EXPORT void *malloc(size_t size)
{
    struct thread_state *thread = hook_begin_plain(HOOK_FRAME());
    if (__builtin_expect(thread != NULL, 1)) {
        void *block = real.malloc(size);
        hook_birth_plain(thread, HOOK_FRAME(), block, size, FUNCTION_MALLOC);
        return block;
    }
    if (hook_passes_allocation(size))
        return hook_passed(real.malloc(size), FUNCTION_MALLOC);
    return malloc_otherwise(size, HOOK_FRAME());
}

static __attribute__((noinline)) void *calloc_otherwise(size_t count, size_t size, size_t bytes,
                                                        uintptr_t frame)
{
    struct hook hook;
    hook_enter(&hook, frame);
    void *block = real.calloc(count, size);
    hook_birth(&hook, block, bytes, FUNCTION_CALLOC);
    return block;
}

EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;
    bool overflows = __builtin_mul_overflow(count, size, &bytes);
    struct thread_state *thread = hook_begin_plain(HOOK_FRAME());
    if (__builtin_expect(thread != NULL, 1)) {
        void *block = real.calloc(count, size);
        hook_birth_plain(thread, HOOK_FRAME(), block, bytes, FUNCTION_CALLOC);
        return block;
    }
    if (is_too_early())
        return overflows ? NULL : bootstrap_heap_allocate(bytes, 0);
    if (hook_passes_allocation(bytes))
        return hook_passed(real.calloc(count, size), FUNCTION_CALLOC);
    return calloc_otherwise(count, size, bytes, HOOK_FRAME());
}

static inline __attribute__((always_inline)) void release(struct hook *hook, void *block,
                                                          enum function_kind function)
{
    hook_release(hook, block, function);
    real.free(block);
    hook_done(hook);
}

/* free(NULL) does nothing, and so does freeing what the bootstrap heap gave. */
static inline bool is_nothing_to_free(void *block)
{
    return block == NULL || __builtin_expect(bootstrap_heap_owns(block), 0) || is_too_early();
}

static __attribute__((noinline)) void free_otherwise(void *block, uintptr_t frame)
{
    if (is_nothing_to_free(block))
        return;
    struct hook hook;
    hook_enter(&hook, frame);
    release(&hook, block, FUNCTION_FREE);
}

EXPORT void free(void *block)
{
    if (hook_passes_release(block)) {
        real.free(block);
        return;
    }
    struct thread_state *thread = block != NULL && !bootstrap_heap_owns(block)
                                      ? hook_begin_plain(HOOK_FRAME())
                                      : NULL;
    if (__builtin_expect(thread == NULL, 0)) {
        free_otherwise(block, HOOK_FRAME());
        return;
    }
    hook_release_plain(thread, HOOK_FRAME(), block, FUNCTION_FREE);
    real.free(block);
    hook_end_plain(thread, HOOK_FRAME());
}

EXPORT void cfree(void *block)
{
    if (is_nothing_to_free(block))
        return;
    struct hook hook;
    HOOK_ENTER(&hook);
    release(&hook, block, FUNCTION_CFREE);
}

EXPORT void free_sized(void *block, size_t size)
{
    if (is_nothing_to_free(block))
        return;
    struct hook hook;
    HOOK_ENTER(&hook);
    hook_release_sized(&hook, block, size, FUNCTION_FREE_SIZED);
    if (real.free_sized != NULL)
        real.free_sized(block, size);
    else
        real.free(block);
    hook_done(&hook);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    if (is_nothing_to_free(block))
        return;
    struct hook hook;
    HOOK_ENTER(&hook);
    hook_release_sized(&hook, block, size, FUNCTION_FREE_ALIGNED_SIZED);
    if (real.free_aligned_sized != NULL)
        real.free_aligned_sized(block, alignment, size);
    else
        real.free(block);
    hook_done(&hook);
}

/* A block of the bootstrap heap moves to the real one. */
static void *move_from_bootstrap(void *old, size_t size)
{
    void *block = is_too_early() ? bootstrap_heap_allocate(size, 0) : malloc(size);
    size_t known = bootstrap_heap_bytes_after(old);
    if (block != NULL)
        memmove(block, old, size < known ? size : known);
    return block;
}

/* Leaves before the real call and arrives after it, so that an address that another thread is given
 * in between cannot be misread. */
static inline __attribute__((always_inline)) void *
reallocate(struct hook *hook, void *old, size_t size, enum function_kind function)
{
    if (old == NULL) {
        void *block = real.realloc(NULL, size);
        hook_birth(hook, block, size, function);
        return block;
    }
    hook_leave(hook, old, function);
    void *block = real.realloc(old, size);
    hook_end_reallocation(hook, block, size, function);
    return block;
}

/* Without a block it has failed, or freed the old one as asked. */
static inline __attribute__((always_inline)) void *reallocate_passed(void *old, size_t size,
                                                                     enum function_kind function)
{
    void *block = real.realloc(old, size);
    return size != 0 || old == NULL ? hook_passed(block, function) : block;
}

static __attribute__((noinline)) void *reallocate_otherwise(void *old, size_t size, uintptr_t frame)
{
    if (old != NULL && bootstrap_heap_owns(old))
        return move_from_bootstrap(old, size);
    if (is_too_early())
        return bootstrap_heap_allocate(size, 0);
    struct hook hook;
    hook_enter(&hook, frame);
    return reallocate(&hook, old, size, FUNCTION_REALLOC);
}

EXPORT void *realloc(void *old, size_t size)
{
    if (hook_passes_realloc(old, size))
        return reallocate_passed(old, size, FUNCTION_REALLOC);
    struct thread_state *thread = old != NULL && !bootstrap_heap_owns(old)
                                      ? hook_begin_plain(HOOK_FRAME())
                                      : NULL;
    if (__builtin_expect(thread == NULL, 0))
        return reallocate_otherwise(old, size, HOOK_FRAME());
    struct hook_leave leave = hook_leave_plain(thread, old, FUNCTION_REALLOC);
    void *block = real.realloc(old, size);
    hook_arrive_plain(thread, HOOK_FRAME(), old, block, size, FUNCTION_REALLOC, &leave);
    return block;
}

EXPORT void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    bool overflows = __builtin_mul_overflow(count, size, &bytes);
    bool is_early = is_too_early();
    struct hook hook;
    if (overflows) {
        if (!is_early) {
            HOOK_ENTER(&hook);
            hook_failed(&hook, FUNCTION_REALLOCARRAY);
        }
        errno = ENOMEM;
        return NULL;
    }
    if (__builtin_expect(old != NULL && bootstrap_heap_owns(old), 0))
        return move_from_bootstrap(old, bytes);
    if (is_early)
        return bootstrap_heap_allocate(bytes, 0);
    if (hook_passes_realloc(old, bytes))
        return reallocate_passed(old, bytes, FUNCTION_REALLOCARRAY);
    HOOK_ENTER(&hook);
    return reallocate(&hook, old, bytes, FUNCTION_REALLOCARRAY);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    if (is_too_early()) {
        *block = bootstrap_heap_allocate(size, alignment);
        return *block != NULL ? 0 : ENOMEM;
    }
    if (hook_passes_allocation(size)) {
        int status = real.posix_memalign(block, alignment, size);
        hook_passed(status == 0 ? *block : NULL, FUNCTION_POSIX_MEMALIGN);
        return status;
    }
    struct hook hook;
    HOOK_ENTER(&hook);
    int result = real.posix_memalign(block, alignment, size);
    hook_birth(&hook, result == 0 ? *block : NULL, size, FUNCTION_POSIX_MEMALIGN);
    return result;
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    if (hook_passes_allocation(size))
        return hook_passed(real.aligned_alloc(alignment, size), FUNCTION_ALIGNED_ALLOC);
    if (is_too_early())
        return bootstrap_heap_allocate(size, alignment);
    struct hook hook;
    HOOK_ENTER(&hook);
    void *block = real.aligned_alloc(alignment, size);
    hook_birth(&hook, block, size, FUNCTION_ALIGNED_ALLOC);
    return block;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    if (hook_passes_allocation(size))
        return hook_passed(real.memalign(alignment, size), FUNCTION_MEMALIGN);
    if (is_too_early())
        return bootstrap_heap_allocate(size, alignment);
    struct hook hook;
    HOOK_ENTER(&hook);
    void *block = real.memalign(alignment, size);
    hook_birth(&hook, block, size, FUNCTION_MEMALIGN);
    return block;
}

EXPORT void *valloc(size_t size)
{
    if (hook_passes_allocation(size))
        return hook_passed(real.valloc(size), FUNCTION_VALLOC);
    if (is_too_early())
        return bootstrap_heap_allocate(size, 4096);
    struct hook hook;
    HOOK_ENTER(&hook);
    void *block = real.valloc(size);
    hook_birth(&hook, block, size, FUNCTION_VALLOC);
    return block;
}

EXPORT void *pvalloc(size_t size)
{
    if (hook_passes_allocation(size))
        return hook_passed(real.pvalloc(size), FUNCTION_PVALLOC);
    if (is_too_early())
        return bootstrap_heap_allocate(size, 4096);
    struct hook hook;
    HOOK_ENTER(&hook);
    void *block = real.pvalloc(size);
    hook_birth(&hook, block, size, FUNCTION_PVALLOC);
    return block;
}
