#include "preload/own_memory.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "preload/raw_syscall.h"

enum {
    OWN_SHARE = 8 /* one in so many bytes of the address space */
};

/* UINT64_MAX = as much as there is. */
static uint64_t limit_of(int kind)
{
    struct rlimit limit;
    if (raw_failed(raw_syscall(SYS_prlimit64, 0, kind, NULL, &limit, 0, 0)) ||
        limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur;
}

bool own_memory_is_short_of_addresses(void)
{
    return limit_of(RLIMIT_AS) != UINT64_MAX;
}

/* Of what is left no more than half: allocators fill an address space that is limited with reserves
 * up to a small rest, and in that rest the program lives. */
bool own_memory_may_be(uint64_t bytes)
{
    uint64_t limit = limit_of(RLIMIT_AS);
    if (limit == UINT64_MAX)
        return true;
    if (bytes > limit / OWN_SHARE)
        return false;
    void *rest = raw_mmap(bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (rest != NULL)
        raw_munmap(rest, bytes);
    return rest != NULL;
}

/* What may grow downwards is a stack to the kernel; it does not grow, since nobody goes below it.
 */
void *own_memory_map(size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = NULL;
    if (limit_of(RLIMIT_DATA) != UINT64_MAX)
        memory = raw_mmap(bytes, PROT_READ | PROT_WRITE, flags | MAP_GROWSDOWN, -1);
    if (memory == NULL)
        memory = raw_mmap(bytes, PROT_READ | PROT_WRITE, flags, -1);
    if (memory != NULL)
        raw_syscall(SYS_madvise, memory, bytes, MADV_DONTDUMP, 0, 0, 0);
    return memory;
}
