#include "analysis/gate_groups.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

enum {
    NO_PROCESS = UINT32_MAX
};

/* ---- who belongs together ---- */

/* The image before it of the same pid, else the parent; NO_PROCESS when there is none. Both began
 * earlier and stand before it: what does not was damaged, and is passed over. */
static uint32_t find_origin(const struct profile *profile, uint32_t process,
                            const struct hash_map *last_of_pid)
{
    const struct recording_process *about = &profile->processes[process].about;
    const uint64_t *last = hash_map_find(last_of_pid, about->pid);
    uint32_t parent;

    if (about->image > 0 && last && profile->processes[*last].about.image < about->image)
        return (uint32_t)*last;
    if (!about->parent_id_plus_1)
        return NO_PROCESS;
    parent = profile_find_process(profile, about->parent_id_plus_1 - 1);
    return parent < process ? parent : NO_PROCESS;
}

/* By process: the topmost judged one that it descends from, or itself; NO_PROCESS: none is. */
static uint32_t *find_tops(const struct profile *profile, const uint8_t *is_judged, bool is_tree)
{
    uint32_t *tops = memory_allocate_zeroed(profile->process_count, sizeof *tops);
    struct hash_map last_of_pid = {0};

    for (uint32_t i = 0; i < profile->process_count; i++) {
        uint32_t origin = is_tree ? find_origin(profile, i, &last_of_pid) : NO_PROCESS;

        tops[i] = origin != NO_PROCESS ? tops[origin] : NO_PROCESS;
        if (tops[i] == NO_PROCESS && is_judged[i])
            tops[i] = i;
        *hash_map_put(&last_of_pid, profile->processes[i].about.pid, NULL) = i;
    }
    hash_map_clear(&last_of_pid);
    return tops;
}

void gate_groups_make(const struct profile *profile, const uint8_t *is_judged, bool is_tree,
                      struct gate_groups *groups)
{
    size_t count = profile->process_count, used = 0;
    uint32_t *tops = find_tops(profile, is_judged, is_tree);
    size_t *next = memory_allocate_zeroed(count, sizeof *next);

    groups->groups = memory_allocate_zeroed(count, sizeof *groups->groups);
    groups->members = memory_allocate_zeroed(count, sizeof *groups->members);
    groups->alone = memory_allocate_zeroed(count, sizeof *groups->alone);
    for (uint32_t i = 0; i < count; i++) {
        groups->alone[i] = i;
        if (is_judged[i])
            groups->groups[tops[i]].count++;
    }
    for (size_t i = 0; i < count; i++) {
        groups->groups[i].members = groups->members + used;
        next[i] = used;
        used += groups->groups[i].count;
    }
    for (uint32_t i = 0; i < count; i++)
        if (is_judged[i])
            groups->members[next[tops[i]]++] = i;
    free(next);
    free(tops);
}

void gate_groups_clear(struct gate_groups *groups)
{
    free(groups->groups);
    free(groups->members);
    free(groups->alone);
    *groups = (struct gate_groups){0};
}

struct gate_group gate_groups_get(const struct gate_groups *groups, uint32_t process)
{
    return groups->groups[process].count > 0
               ? groups->groups[process]
               : (struct gate_group){.members = &groups->alone[process], .count = 1};
}

/* ---- who lived at one time ---- */

struct turn {
    uint64_t time_ns;
    bool is_start; /* else its end, before which it lived */
    uint64_t value;
};

/* An end comes before a start at that time: the image after an exec begins as the one before ends.
 */
static int compare_turns(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;

    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return (int)a->is_start - (int)b->is_start;
}

/* What was not seen to end may have lived on. */
static uint64_t end_of(const struct recording_process *about)
{
    bool is_open = about->exit_kind == RECORDING_EXIT_RUNNING ||
                   about->exit_kind == RECORDING_EXIT_UNKNOWN;

    if (is_open || about->start_ns == UINT64_MAX)
        return UINT64_MAX;
    return about->end_ns > about->start_ns ? about->end_ns : about->start_ns + 1;
}

uint64_t gate_group_most_at_once(const struct profile *profile, struct gate_group group,
                                 const uint64_t *values)
{
    struct turn *turns = memory_allocate_zeroed(2 * group.count, sizeof *turns);
    uint64_t held = 0, most = 0;

    for (size_t i = 0; i < group.count; i++) {
        const struct recording_process *about = &profile->processes[group.members[i]].about;

        turns[2 * i] = (struct turn){about->start_ns, true, values[i]};
        turns[2 * i + 1] = (struct turn){end_of(about), false, values[i]};
    }
    qsort(turns, 2 * group.count, sizeof *turns, compare_turns);
    for (size_t i = 0; i < 2 * group.count; i++) {
        held = turns[i].is_start ? held + turns[i].value : held - turns[i].value;
        if (turns[i].is_start && held > most)
            most = held;
    }
    free(turns);
    return most;
}
