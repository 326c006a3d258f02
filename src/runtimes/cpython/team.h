/* Threads that look at one interpreter side by side, each through a view of its own, since what is
 * asked of a view changes it. */
#ifndef SEEP_RUNTIMES_CPYTHON_TEAM_H
#define SEEP_RUNTIMES_CPYTHON_TEAM_H

#include "base/parallel.h"
#include "runtimes/cpython/cpython.h"

struct cpython_member;

struct cpython_team {
    size_t thread_count;
    const struct cpython *pythons[PARALLEL_MOST]; /* by thread; the first one is the caller's */
    struct cpython_member *others;
};

/* As many threads as are asked for; 0: as are worth it for so many blocks in arenas. Where memory
 * must be read anew for each view, or only by one thread at a time, there is one. */
void cpython_team_init(struct cpython_team *team, const struct cpython *python, size_t wanted,
                       uint64_t block_count);
void cpython_team_clear(struct cpython_team *team);

/* What a second part of work sees, beside one that sees the first python. */
static inline const struct cpython *cpython_team_beside(const struct cpython_team *team)
{
    return team->pythons[1 % team->thread_count];
}

#endif
