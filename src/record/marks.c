#include "record/marks.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"

enum {
    MAX_MARKS = 100000,
    MAX_NUMBERS = 16 << 20, /* 128 MiB */
    NUMBERS_OF_SITE = 8
};

void marks_clear(struct marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        free(marks->items[i].name);
        free(marks->items[i].numbers);
    }
    free(marks->items);
    *marks = (struct marks){0};
}

void mark_trail_clear(struct mark_trail *trail)
{
    free(trail->told);
    *trail = (struct mark_trail){0};
}

struct making {
    struct mark *mark;
    struct mark_trail *trail;
    size_t capacity;
};

/* Never 0, which means that nothing was told. */
static uint64_t hash_sums(const struct heap_site_sums *sums)
{
    return hash_bytes(&sums->allocations,
                      sizeof *sums - offsetof(struct heap_site_sums, allocations), 1) |
           1;
}

static void add_site(void *context, const struct heap_site_sums *sums)
{
    struct making *making = context;
    struct mark_trail *trail = making->trail;
    struct mark *mark = making->mark;
    uint64_t hash = hash_sums(sums);
    size_t needed = sums->id + (size_t)1;
    if (needed > trail->count) {
        trail->told = memory_grow(trail->told, &trail->capacity, needed, sizeof *trail->told);
        memset(trail->told + trail->count, 0, (needed - trail->count) * sizeof *trail->told);
        trail->count = needed;
    }
    if (trail->told[sums->id] == hash)
        return;
    trail->told[sums->id] = hash;
    const uint64_t numbers[NUMBERS_OF_SITE] = {
        sums->id,          sums->allocations,           sums->allocated_bytes, sums->frees,
        sums->freed_bytes, sums->temporary_allocations, sums->peak_blocks,     sums->peak_bytes};
    mark->numbers = memory_grow(mark->numbers, &making->capacity,
                                mark->number_count + NUMBERS_OF_SITE, sizeof *mark->numbers);
    memcpy(mark->numbers + mark->number_count, numbers, sizeof numbers);
    mark->number_count += NUMBERS_OF_SITE;
}

static void fill_totals(struct mark *mark, const struct heap_model *model)
{
    struct recording_totals totals;
    heap_model_totals(model, &totals);
    const uint64_t numbers[MARK_TOTALS] = {
        totals.reallocations,     totals.failed_allocations, totals.peak_blocks,
        totals.peak_bytes,        totals.peak_time_ns,       totals.mapped_bytes,
        totals.mapped_peak_bytes, totals.common_peak_bytes,  totals.common_peak_time_ns};
    memcpy(mark->totals, numbers, sizeof numbers);
}

void marks_add(struct marks *marks, struct mark_trail *trail, const struct heap_model *model,
               const struct mark *when, const char *name, size_t name_bytes)
{
    if (marks->count == MAX_MARKS)
        return;
    marks->items = memory_grow(marks->items, &marks->capacity, marks->count + 1,
                               sizeof *marks->items);
    struct mark *mark = &marks->items[marks->count++];
    *mark = *when;
    mark->name = memory_print_text("%.*s", (int)name_bytes, name);
    trail->is_broken |= marks->number_count >= MAX_NUMBERS;
    if (trail->is_broken)
        return;
    struct making making = {mark, trail, 0};
    heap_model_visit_sites(model, add_site, &making);
    fill_totals(mark, model);
    mark->has_figures = true;
    marks->number_count += mark->number_count;
}

const char *marks_find(const struct marks *marks, uint64_t process_id, uint64_t ticks)
{
    for (size_t i = marks->count; i-- > 0;)
        if (marks->items[i].process_id == process_id && marks->items[i].ticks == ticks)
            return marks->items[i].name;
    return "";
}

struct recording_mark marks_record(const struct mark *mark)
{
    return (struct recording_mark){.process_id_plus_1 = mark->process_id + 1,
                                   .time_ns = mark->time_ns,
                                   .name = mark->name,
                                   .has_figures = mark->has_figures,
                                   .totals = {mark->totals, mark->has_figures ? MARK_TOTALS : 0},
                                   .sites = {mark->numbers, mark->number_count}};
}
