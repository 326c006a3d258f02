/* Which frames are kept of a stack that has more than the limit.
 *
 * Both ends: the outermost quarter of the limit, and of the innermost up to three quarters. How
 * many are left out between them is a multiple of a quarter, so that the gap ends at the same frame
 * while recursion goes up and down by a few: such stacks share their paths from the root to where
 * they differ. If always three quarters stayed, the path inside of the gap would be another at each
 * depth. */
#ifndef SEEP_WIRE_STACK_CUT_H
#define SEEP_WIRE_STACK_CUT_H

#include <stdint.h>

struct stack_cut {
    uint32_t inner, outer; /* frames that are kept; where none are left out, `inner` has all */
    uint64_t omitted;
};

static inline uint32_t stack_cut_most_inner(uint32_t limit)
{
    return limit - limit / 4;
}

static inline struct stack_cut stack_cut_of(uint64_t count, uint32_t limit)
{
    uint32_t outer = limit / 4, step = outer != 0 ? outer : 1;

    if (count <= limit)
        return (struct stack_cut){.inner = (uint32_t)count};
    uint32_t more = (step - (uint32_t)((count - limit) % step)) % step;
    return (struct stack_cut){.inner = stack_cut_most_inner(limit) - more,
                              .outer = outer,
                              .omitted = count - limit + more};
}

#endif
