#include "snapshot/scan_part.h"

#include <stdlib.h>

#include "base/memory.h"

void scan_part_begin(struct scan_part *part, uint32_t first, uint32_t end)
{
    struct snapshot *found = &part->found;
    part->first = first;
    part->end = end;
    part->begun = 0;
    part->starts = memory_grow(part->starts, &part->start_capacity, end - first,
                               sizeof *part->starts);
    found->reference_count = 0;
    found->scanned_bytes = found->unreadable_bytes = found->skipped_bytes = 0;
    for (size_t kind = 0; kind < SNAPSHOT_FACT_KIND_COUNT; kind++)
        found->facts[kind].count = 0;
}

void scan_part_clear(struct scan_part *part)
{
    snapshot_clear(&part->found);
    free(part->starts);
}

static void begin_rows(struct scan_part *part, uint32_t count)
{
    while (part->begun < count)
        part->starts[part->begun++] = part->found.reference_count;
}

bool scan_part_add(struct scan_part *part, uint32_t from, uint32_t to, uint64_t slot,
                   enum snapshot_reference_kind kind)
{
    struct snapshot *found = &part->found;
    if (from == to)
        return false;
    begin_rows(part, from - part->first + 1);
    bool is_repeated = found->reference_count > part->starts[from - part->first] &&
                       snapshot_is_repetition(&found->references[found->reference_count - 1], to,
                                              kind);
    if (!is_repeated)
        snapshot_append_reference(found, to, slot, kind);
    return !is_repeated;
}

void scan_part_add_to(struct scan_part *part, struct snapshot *snapshot,
                      struct class_tables *classes)
{
    const struct snapshot *found = &part->found;
    begin_rows(part, part->end - part->first);
    snapshot_add_rows(snapshot, part->first, part->end - part->first, part->starts,
                      found->references, found->reference_count);
    for (unsigned kind = 0; kind < SNAPSHOT_FACT_KIND_COUNT; kind++)
        for (size_t i = 0; i < found->facts[kind].count; i++) {
            const struct snapshot_fact *fact = &found->facts[kind].items[i];
            uint64_t value = kind == SNAPSHOT_FACT_CLASS ? class_tables_find(classes, fact->value)
                                                         : fact->value;
            if (kind != SNAPSHOT_FACT_CLASS || value != SNAPSHOT_NONE)
                snapshot_add_fact(snapshot, (enum snapshot_fact_kind)kind, fact->owner, fact->slot,
                                  value);
        }
    snapshot->scanned_bytes += found->scanned_bytes;
    snapshot->unreadable_bytes += found->unreadable_bytes;
    snapshot->skipped_bytes += found->skipped_bytes;
}
