#include "snapshot/snapshot_pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct list_reading {
    struct snapshot_list *list;
    struct snapshot_tally *tallies; /* beside list->heads */
    size_t capacity, tally_capacity;
};

static size_t find_head(const struct snapshot_list *list, uint64_t id)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->heads[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool visit_head(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct list_reading *reading = context;
    struct snapshot_list *list = reading->list;
    struct recording_snapshot head = *(const struct recording_snapshot *)record;
    size_t at = find_head(list, head.id);
    head.note = memory_duplicate_text(head.note);
    head.mark = memory_duplicate_text(head.mark != NULL ? head.mark : "");
    if (at < list->count && list->heads[at].id == head.id) {
        free((char *)list->heads[at].note);
        free((char *)list->heads[at].mark);
        list->heads[at] = head;
        return true;
    }
    list->heads = memory_grow(list->heads, &reading->capacity, list->count + 1,
                              sizeof *list->heads);
    memmove(&list->heads[at + 1], &list->heads[at], (list->count - at) * sizeof *list->heads);
    list->heads[at] = head;
    list->count++;
    return true;
}

static bool visit_piece(void *context, enum recording_kind kind, const void *record)
{
    struct list_reading *reading = context;
    uint64_t id = *(const uint64_t *)record; /* every piece begins with its snapshot's */
    size_t at = find_head(reading->list, id);
    if (at >= reading->list->count || reading->list->heads[at].id != id)
        return true;
    struct snapshot_tally *tally = &reading->tallies[at];
    if (kind == RECORDING_snapshot_module) {
        tally->modules++;
    } else if (kind == RECORDING_snapshot_thread) {
        tally->threads++;
    } else if (kind == RECORDING_snapshot_blocks) {
        tally->blocks += ((const struct recording_snapshot_blocks *)record)->block_count;
    } else if (kind == RECORDING_snapshot_references) {
        const struct recording_snapshot_references *piece = record;
        tally->rows += piece->block_count;
        tally->references += piece->reference_count;
    } else if (kind == RECORDING_snapshot_class) {
        tally->classes++;
    } else if (kind == RECORDING_snapshot_facts) {
        tally->facts += ((const struct recording_snapshot_facts *)record)->fact_count;
    } else {
        tally->roots += ((const struct recording_snapshot_roots *)record)->root_count;
    }
    return true;
}

static void drop_torn(struct snapshot_list *list, const struct snapshot_tally *tallies)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (snapshot_tally_is_whole(&tallies[i], &list->heads[i])) {
            list->heads[kept++] = list->heads[i];
        } else {
            free((char *)list->heads[i].note);
            free((char *)list->heads[i].mark);
            list->torn_count++;
        }
    }
    list->count = kept;
}

bool snapshot_list_read(struct snapshot_list *list, struct recording_reader *reader,
                        struct error *error)
{
    *list = (struct snapshot_list){0};
    struct list_reading reading = {.list = list};
    bool is_read = recording_reader_visit(reader, RECORDING_snapshot, visit_head, &reading, error);
    if (is_read && list->count > 0) {
        reading.tallies = memory_allocate_zeroed(list->count, sizeof *reading.tallies);
        for (size_t i = 0; i < SNAPSHOT_PIECE_KINDS && is_read; i++)
            is_read = recording_reader_visit(reader, snapshot_piece_kinds[i], visit_piece, &reading,
                                             error);
        drop_torn(list, reading.tallies);
    }
    free(reading.tallies);
    if (!is_read)
        snapshot_list_clear(list);
    return is_read;
}

void snapshot_list_clear(struct snapshot_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((char *)list->heads[i].note);
        free((char *)list->heads[i].mark);
    }
    free(list->heads);
    *list = (struct snapshot_list){0};
}
