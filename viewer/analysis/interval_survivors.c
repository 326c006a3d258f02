/* What was born in an interval and lived at its end: by the blocks of a snapshot, of which each
 * tells when it was born. */
#include "analysis/interval.h"

#include "base/hash_map.h"

struct counting {
    struct profile *interval;
    struct profile_process *process;
    struct hash_map positions; /* site id to position */
};

static bool count_block(void *context, const struct snapshot_block *block)
{
    struct counting *counting = context;
    const uint64_t *position;
    if ((block->flags & SNAPSHOT_BLOCK_INHERITED) ||
        block->birth_ns < counting->interval->interval.from_ns)
        return true;
    position = hash_map_find(&counting->positions, block->site);
    if (position) {
        counting->interval->sites[*position].survived_blocks++;
        counting->interval->sites[*position].survived_bytes += block->bytes;
    }
    return true;
}

/* The snapshot and the edge of a bucket are not quite the same instant. */
static void limit(uint64_t *survived, uint64_t live, uint64_t allocated)
{
    if (*survived > live)
        *survived = live;
    if (*survived > allocated)
        *survived = allocated;
}

static void count_survivors(struct profile *interval, struct recording_reader *reader,
                            uint32_t position, uint64_t snapshot)
{
    struct profile_process *process = &interval->processes[position];
    struct counting counting = {.interval = interval, .process = process};
    hash_map_init(&counting.positions);
    for (uint32_t i = process->first_site; i < process->first_site + process->site_count; i++)
        *hash_map_put(&counting.positions, interval->sites[i].figures.id, NULL) = i;
    process->has_survivors = snapshot_visit_blocks(reader, snapshot, count_block, &counting, NULL);
    for (uint32_t i = process->first_site; i < process->first_site + process->site_count; i++) {
        struct profile_site *site = &interval->sites[i];
        limit(&site->survived_blocks, site->figures.live_blocks, site->figures.allocations);
        limit(&site->survived_bytes, site->figures.live_bytes, site->figures.allocated_bytes);
    }
    hash_map_clear(&counting.positions);
}

/* The last one that fits; NULL = none. */
static const struct recording_snapshot *find_snapshot(const struct snapshot_list *snapshots,
                                                      uint64_t process_id, const struct instant *to)
{
    const struct recording_snapshot *found = NULL;
    for (size_t i = 0; i < snapshots->count; i++) {
        const struct recording_snapshot *head = &snapshots->heads[i];
        bool is_meant = to->kind == INSTANT_SNAPSHOT
                            ? head->id == to->snapshot
                            : to->kind == INSTANT_END && head->reason == SNAPSHOT_AT_EXIT;
        if (is_meant && head->end == SNAPSHOT_DONE && head->process_id == process_id)
            found = head;
    }
    return found;
}

static const char *reason_of(const struct instant *to)
{
    if (to->kind == INSTANT_END)
        return "no snapshot was taken at the end of each process";
    if (to->kind == INSTANT_SNAPSHOT)
        return "the snapshot is of one process only";
    return "only up to a snapshot or the end is known which blocks are the same";
}

void interval_find_survivors(struct profile *interval, struct recording_reader *reader,
                             const struct snapshot_list *snapshots, const struct instant *to)
{
    for (uint32_t i = 0; i < interval->process_count; i++) {
        struct profile_process *process = &interval->processes[i];
        const struct recording_snapshot *head = find_snapshot(snapshots, process->about.id, to);
        if (head && process->has_totals)
            count_survivors(interval, reader, i, head->id);
        if (!process->has_survivors && process->site_count)
            interval->interval.survivors_unknown = reason_of(to);
    }
}
