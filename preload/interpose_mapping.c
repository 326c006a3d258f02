/* mmap and its kin. Only what the program itself maps comes by here: libc's own calls do not go
 * through its public symbols. A release is told before the real call, a new mapping after it. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/export.h"
#include "preload/hook.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"
#include "wire/wire_format.h"

static uint32_t map_flags(int flags)
{
    return (flags & MAP_ANONYMOUS) != 0 ? WIRE_MAP_ANONYMOUS : 0;
}

/* Before the real functions are found the kernel is asked directly. */
static void *mapped_early(int64_t result)
{
    if (raw_failed(result)) {
        errno = (int)-result;
        return MAP_FAILED;
    }
    return (void *)result;
}

static void *map_early(void *address, size_t size, int protection, int flags, int fd,
                       int64_t offset)
{
    return mapped_early(raw_syscall(SYS_mmap, address, size, protection, flags, fd, offset));
}

static void *remap_early(void *old, size_t old_size, size_t new_size, int flags, void *wanted)
{
    return mapped_early(raw_syscall(SYS_mremap, old, old_size, new_size, flags, wanted, 0));
}

/* libc keeps the end of the heap for itself, so nothing can be done for it: as out of memory. */
static bool is_break_early(const void *function)
{
    if (function == NULL)
        errno = ENOMEM;
    return function == NULL;
}

EXPORT void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    lifecycle_ensure();
    if (real.mmap == NULL)
        return map_early(address, size, protection, flags, fd, offset);
    struct hook hook;
    HOOK_ENTER(&hook);
    void *mapped = real.mmap(address, size, protection, flags, fd, offset);
    if (mapped != MAP_FAILED)
        hook_map(&hook, mapped, size, map_flags(flags), FUNCTION_MMAP);
    hook_done(&hook);
    return mapped;
}

EXPORT void *mmap64(void *address, size_t size, int protection, int flags, int fd, int64_t offset)
{
    lifecycle_ensure();
    if (real.mmap64 == NULL)
        return map_early(address, size, protection, flags, fd, offset);
    struct hook hook;
    HOOK_ENTER(&hook);
    void *mapped = real.mmap64(address, size, protection, flags, fd, offset);
    if (mapped != MAP_FAILED)
        hook_map(&hook, mapped, size, map_flags(flags), FUNCTION_MMAP);
    hook_done(&hook);
    return mapped;
}

/* What goes away may be a coroutine's stack, which this thread found readable. */
static void forget_stack(const void *address, size_t size)
{
    struct thread_state *thread = thread_current;
    if (thread == NULL)
        return;
    uint64_t low = (uint64_t)(uintptr_t)address, high = low + size;
    for (int i = 0; i < WALK_MEMORY_RANGES; i++) {
        const struct walk_range *range = &thread->memory.ranges[i];
        if (range->low < high && low < range->high) {
            walk_memory_forget(&thread->memory);
            return;
        }
    }
}

EXPORT int munmap(void *address, size_t size)
{
    lifecycle_ensure();
    if (real.munmap == NULL) {
        raw_munmap(address, size);
        return 0;
    }
    struct hook hook;
    HOOK_ENTER(&hook);
    /* What cannot be unmapped (a bad address) is not told; nothing else fails in practice. */
    if (((uintptr_t)address & 4095) == 0 && size != 0)
        hook_unmap(&hook, address, size, FUNCTION_MUNMAP);
    forget_stack(address, size);
    int result = real.munmap(address, size);
    hook_done(&hook);
    return result;
}

EXPORT void *mremap(void *old, size_t old_size, size_t new_size, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    void *wanted = va_arg(rest, void *);
    va_end(rest);
    lifecycle_ensure();
    if (real.mremap == NULL)
        return remap_early(old, old_size, new_size, flags, wanted);
    struct hook hook;
    HOOK_ENTER(&hook);
    if (old_size != 0)
        hook_unmap(&hook, old, old_size, FUNCTION_MREMAP);
    forget_stack(old, old_size);
    void *mapped = real.mremap(old, old_size, new_size, flags, wanted);
    if (mapped != MAP_FAILED)
        hook_map(&hook, mapped, new_size, WIRE_MAP_ANONYMOUS, FUNCTION_MREMAP);
    else if (old_size != 0)
        hook_map(&hook, old, old_size, WIRE_MAP_ANONYMOUS, FUNCTION_MREMAP);
    hook_done(&hook);
    return mapped;
}

EXPORT int brk(void *end)
{
    lifecycle_ensure();
    if (is_break_early((void *)real.brk))
        return -1;
    struct hook hook;
    HOOK_ENTER(&hook);
    int64_t old_end = raw_syscall(SYS_brk, 0, 0, 0, 0, 0, 0);
    void *old = (void *)old_end;
    int result = real.brk(end);
    if (result == 0 && old_end > 0)
        hook_break(&hook, end, old, FUNCTION_BRK);
    hook_done(&hook);
    return result;
}

EXPORT void *sbrk(intptr_t increment)
{
    lifecycle_ensure();
    if (is_break_early((void *)real.sbrk))
        return (void *)-1;
    struct hook hook;
    HOOK_ENTER(&hook);
    void *old = real.sbrk(increment);
    if (old != (void *)-1 && increment != 0)
        hook_break(&hook, (char *)old + increment, old, FUNCTION_SBRK);
    hook_done(&hook);
    return old;
}
