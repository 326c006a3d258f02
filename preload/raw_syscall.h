/* System calls past any interposition, and without touching errno: the program must not see ours. */
#ifndef SEEP_PRELOAD_RAW_SYSCALL_H
#define SEEP_PRELOAD_RAW_SYSCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "preload/arch/arch.h"
#include "preload/sandbox.h"

enum {
    RAW_REFUSED = -1 /* EPERM */
};

/* Returns what the kernel returns: a negative errno on failure. In a closed sandbox the kernel is
 * not asked. */
#define raw_syscall(number, a, b, c, d, e, f)                                                      \
    (__builtin_expect(sandbox_is_closed, 0)                                                        \
         ? RAW_REFUSED                                                                             \
         : arch_system_call((number), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d),  \
                            (uint64_t)(e), (uint64_t)(f)))

static inline bool raw_failed(int64_t result)
{
    return (uint64_t)result >= (uint64_t)-4095;
}

/* NULL on failure. */
static inline void *raw_mmap(size_t bytes, int protection, int flags, int fd)
{
    int64_t result = raw_syscall(SYS_mmap, 0, bytes, protection, flags, fd, 0);
    return raw_failed(result) ? NULL : (void *)result;
}

static inline void raw_munmap(void *address, size_t bytes)
{
    raw_syscall(SYS_munmap, address, bytes, 0, 0, 0, 0);
}

static inline int64_t raw_futex(void *word, int operation, uint32_t value, const void *timeout)
{
    return raw_syscall(SYS_futex, word, operation, value, timeout, 0, 0);
}

static inline uint32_t raw_gettid(void)
{
    return (uint32_t)raw_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static inline uint32_t raw_getpid(void)
{
    return (uint32_t)raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

#endif
