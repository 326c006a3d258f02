#include "record/marks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    MAX_MARKS = 100000,
    MAX_NUMBERS = 16 << 20, /* 128 MiB */
    NUMBERS_OF_SITE = 5
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
    free(trail->calls);
    *trail = (struct mark_trail){0};
}

struct making {
    struct mark *mark;
    struct mark_trail *trail;
    size_t capacity;
};

static void add_site(void *context, const struct heap_site_sums *sums)
{
    struct making *making = context;
    struct mark_trail *trail = making->trail;
    struct mark *mark = making->mark;
    if (sums->id >= trail->count) {
        trail->calls = memory_grow(trail->calls, &trail->capacity, sums->id + (size_t)1,
                                   sizeof *trail->calls);
        memset(trail->calls + trail->count, 0,
               (sums->id + (size_t)1 - trail->count) * sizeof *trail->calls);
        trail->count = sums->id + (size_t)1;
    }
    if (trail->calls[sums->id] == sums->allocations + sums->frees)
        return;
    trail->calls[sums->id] = sums->allocations + sums->frees;
    mark->numbers = memory_grow(mark->numbers, &making->capacity,
                                mark->number_count + NUMBERS_OF_SITE, sizeof *mark->numbers);
    uint64_t *numbers = mark->numbers + mark->number_count;
    numbers[0] = sums->id;
    numbers[1] = sums->allocations;
    numbers[2] = sums->allocated_bytes;
    numbers[3] = sums->frees;
    numbers[4] = sums->freed_bytes;
    mark->number_count += NUMBERS_OF_SITE;
}

void marks_add(struct marks *marks, struct mark_trail *trail, const struct heap_model *model,
               uint64_t process_id, uint64_t time_ns, const char *name, size_t name_bytes)
{
    if (marks->count == MAX_MARKS) {
        marks->refused_count++;
        return;
    }
    marks->items = memory_grow(marks->items, &marks->capacity, marks->count + 1,
                               sizeof *marks->items);
    struct mark *mark = &marks->items[marks->count++];
    *mark = (struct mark){.process_id = process_id, .time_ns = time_ns};
    mark->name = memory_print_text("%.*s", (int)name_bytes, name);
    trail->is_broken |= marks->number_count >= MAX_NUMBERS;
    if (trail->is_broken)
        return;
    struct making making = {mark, trail, 0};
    heap_model_visit_sites(model, add_site, &making);
    mark->has_figures = true;
    marks->number_count += mark->number_count;
}

struct recording_mark marks_record(const struct mark *mark)
{
    return (struct recording_mark){.process_id_plus_1 = mark->process_id + 1,
                                   .time_ns = mark->time_ns,
                                   .name = mark->name,
                                   .has_figures = mark->has_figures,
                                   .sites = {mark->numbers, mark->number_count}};
}
