#include "record/kept_snapshots.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The positions of one process's, the oldest first. */
static size_t find_own(const struct kept_snapshots *kept, uint32_t process_id, size_t *positions)
{
    size_t count = 0;
    for (size_t i = 0; i < kept->count; i++)
        if (kept->items[i].process_id == process_id)
            positions[count++] = i;
    return count;
}

static size_t find_peak(const struct kept_snapshots *kept, const size_t *positions, size_t count)
{
    size_t peak = 0;
    for (size_t i = 1; i < count; i++)
        if (kept->items[positions[i]].live_bytes > kept->items[positions[peak]].live_bytes)
            peak = i;
    return peak;
}

/* The one whose neighbours stand closest together, for its age. Where only first, peak and newest
 * are left, the peak goes before the first, and the first before the newest. */
static size_t choose(const struct kept_snapshots *kept, const size_t *positions, size_t count)
{
    size_t peak = find_peak(kept, positions, count);
    size_t chosen = count > 2 && peak > 0 && peak < count - 1 ? peak : 0;
    uint64_t now_ns = kept->items[positions[count - 1]].time_ns;
    double least = 0;
    bool has_choice = false;
    for (size_t i = 1; i + 1 < count; i++) {
        const struct kept_snapshot *item = &kept->items[positions[i]];
        if (i == peak)
            continue;
        double gap = (double)(kept->items[positions[i + 1]].time_ns -
                              kept->items[positions[i - 1]].time_ns);
        double tightness = gap / ((double)(now_ns - item->time_ns) + 1);
        if (!has_choice || tightness < least) {
            least = tightness;
            chosen = i;
        }
        has_choice = true;
    }
    return positions[chosen];
}

bool kept_snapshots_add(struct kept_snapshots *kept, const struct kept_snapshot *added,
                        uint64_t most, uint32_t *dropped)
{
    kept->items = memory_grow(kept->items, &kept->capacity, kept->count + 1, sizeof *kept->items);
    kept->items[kept->count++] = *added;
    size_t *positions = memory_allocate(kept->count * sizeof *positions);
    size_t count = find_own(kept, added->process_id, positions);
    bool is_over = most != 0 && count > most;
    if (is_over) {
        size_t position = choose(kept, positions, count);
        *dropped = kept->items[position].number;
        memmove(&kept->items[position], &kept->items[position + 1],
                (--kept->count - position) * sizeof *kept->items);
    }
    free(positions);
    return is_over;
}

void kept_snapshots_clear(struct kept_snapshots *kept)
{
    free(kept->items);
    *kept = (struct kept_snapshots){0};
}
