#include "heap/repair.h"

enum {
    LONGEST_SEARCH = 16 /* at one address: a target must not make searches long */
};

void repair_clear(struct repair *repair)
{
    waiting_list_clear(&repair->releases);
    waiting_list_clear(&repair->displaced);
}

struct waiting *repair_find_release(const struct repair *repair, uint64_t address,
                                    uint64_t birth_ns, uint32_t thread)
{
    struct waiting *found = NULL;
    struct waiting *release = waiting_list_newest(&repair->releases, address);
    for (int i = 0; release && i < LONGEST_SEARCH; i++) {
        if (release->thread != thread && repair_may_release(birth_ns, release->time_ns))
            found = release;
        release = waiting_list_older(&repair->releases, release);
    }
    return found;
}

/* The release came before the birth that displaced the block, or hardly after it; by the thread
 * that got the new block, surely before. */
static bool fits(const struct waiting *displaced, uint64_t release_ns, uint32_t thread)
{
    if (!repair_may_release(displaced->block.birth_ns, release_ns))
        return false;
    if (displaced->thread == thread)
        return release_ns < displaced->time_ns;
    return release_ns <= displaced->time_ns + REPAIR_SLACK_NS;
}

struct waiting *repair_find_displaced(const struct repair *repair, uint64_t address,
                                      uint64_t release_ns, uint32_t thread)
{
    struct waiting *displaced = waiting_list_newest(&repair->displaced, address);
    for (int i = 0; displaced && i < LONGEST_SEARCH; i++) {
        if (fits(displaced, release_ns, thread))
            return displaced;
        displaced = waiting_list_older(&repair->displaced, displaced);
    }
    return NULL;
}
