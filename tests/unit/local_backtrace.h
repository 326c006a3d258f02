/* libunwind's own walk of the caller's stack, which the fast ways are compared with.
 *
 * Not unw_backtrace: what its fast path remembers of a pc outlives the module, also through
 * unw_flush_cache. */
#ifndef SEEP_TESTS_UNIT_LOCAL_BACKTRACE_H
#define SEEP_TESTS_UNIT_LOCAL_BACKTRACE_H

#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <stdint.h>

__attribute__((always_inline)) static inline uint32_t local_backtrace(uint64_t *pcs, uint32_t limit)
{
    unw_context_t context;
    unw_cursor_t cursor;
    uint32_t count = 0;

    unw_getcontext(&context);
    if (unw_init_local(&cursor, &context) < 0)
        return 0;
    do {
        unw_word_t pc;

        if (unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0 || pc == 0)
            break;
        pcs[count++] = pc;
    } while (count < limit && unw_step(&cursor) > 0);
    return count;
}

#endif
