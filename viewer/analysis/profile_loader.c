#include "config.h"

#include "analysis/profile_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "base/memory.h"
#include "recording/record_codec.h"

bool profile_loader_is_plausible(uint64_t id, size_t records)
{
    return id < 4 * (uint64_t)records + 65536 && id < UINT32_MAX - 1;
}

bool profile_loader_drop(struct profile_loader *loader)
{
    loader->profile->dropped_records++;
    return true;
}

void *profile_loader_grow(void *items, size_t *count, size_t *capacity, uint64_t id,
                          size_t item_bytes)
{
    if (id < *count)
        return items;
    items = memory_grow(items, capacity, (size_t)id + 1, item_bytes);
    memset((char *)items + *count * item_bytes, 0, ((size_t)id + 1 - *count) * item_bytes);
    *count = (size_t)id + 1;
    return items;
}

/* ---- what a decoded record points to moves into the arena ---- */

static struct recording_text_list copy_text_list(struct arena *arena,
                                                 const struct recording_text_list *list)
{
    const char **items = arena_allocate(arena, (list->count + 1) * sizeof *items);
    for (size_t i = 0; i < list->count; i++)
        items[i] = arena_copy_text(arena, list->items[i]);
    items[list->count] = NULL;
    return (struct recording_text_list){items, list->count};
}

static void own_field(struct arena *arena, const struct record_field *field, void *place)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
    case RECORD_FIELD_SIGNED:
        break;
    case RECORD_FIELD_TEXT: {
        const char **text = place;
        *text = *text && **text ? arena_copy_text(arena, *text) : "";
        break;
    }
    case RECORD_FIELD_BYTES: {
        struct recording_bytes *bytes = place;
        if (bytes->count)
            bytes->bytes = arena_copy(arena, bytes->bytes, bytes->count);
        break;
    }
    case RECORD_FIELD_UNSIGNED_LIST: {
        struct recording_list *list = place;
        if (list->count)
            list->items = arena_copy(arena, list->items, list->count * sizeof *list->items);
        break;
    }
    case RECORD_FIELD_TEXT_LIST:
        *(struct recording_text_list *)place = copy_text_list(arena, place);
        break;
    }
}

void profile_loader_own(struct profile_loader *loader, enum recording_kind kind, void *record)
{
    const struct record_kind *description = record_kind_find(kind);
    for (size_t i = 0; i < description->field_count; i++)
        own_field(loader->arena, &description->fields[i],
                  (char *)record + description->fields[i].offset);
}

void profile_loader_own_list(struct profile_loader *loader, struct recording_list *list,
                             size_t group)
{
    if (list->count % group) {
        list->count -= list->count % group;
        profile_loader_drop(loader);
    }
    list->items = arena_copy(loader->arena, list->items, list->count * sizeof *list->items);
}

void profile_loader_visit(struct profile_loader *loader, enum recording_kind kind,
                          recording_visit visit)
{
    key_table_clear(&loader->keys);
    profile_loader_visit_more(loader, kind, visit);
}

void profile_loader_visit_more(struct profile_loader *loader, enum recording_kind kind,
                               recording_visit visit)
{
    struct error error;
    struct recording_info *info = &loader->profile->info;
    if (recording_reader_visit(loader->reader, kind, visit, loader, &error))
        return;
    info->is_torn = true;
    if (!info->damage[0])
        snprintf(info->damage, sizeof info->damage, "%.*s", (int)sizeof info->damage - 1,
                 error.message);
}

/* ---- the whole ---- */

/* The last instant that anything speaks of: how long a run without an end record lasted at least.
 */
static uint64_t last_instant(const struct profile *profile)
{
    uint64_t last = 0;
    for (size_t i = 0; i < profile->process_count; i++)
        if (profile->processes[i].about.end_ns > last)
            last = profile->processes[i].about.end_ns;
    for (size_t i = 0; i < profile->sample_count; i++)
        if (profile->samples[i].time_ns > last)
            last = profile->samples[i].time_ns;
    for (size_t i = 0; i < profile->site_count; i++)
        if (profile->sites[i].figures.last_ns > last)
            last = profile->sites[i].figures.last_ns;
    return last;
}

static bool is_whole(const struct profile_loader *loader)
{
    const struct profile *profile = loader->profile;
    bool is_ended = profile->is_finished && loader->end.is_complete;
    if ((!is_ended && !profile->is_live) || profile->info.is_torn || profile->dropped_records)
        return false;
    for (size_t i = 0; i < profile->process_count; i++)
        if (profile->processes[i].quality.lost_events || profile->processes[i].quality.bad_records)
            return false;
    return true;
}

/* Flushes that are half written are left out by the reader, as is the end that is not there. */
static void take_as_live(struct profile *profile, uint64_t until_ns)
{
    profile->is_live = true;
    profile->info.is_torn = false;
    profile->info.damage[0] = '\0';
    for (size_t i = 0; i < profile->process_count; i++) {
        struct recording_process *about = &profile->processes[i].about;
        if (about->exit_kind == RECORDING_EXIT_RUNNING && about->end_ns < until_ns)
            about->end_ns = until_ns;
    }
}

struct profile *profile_load(struct recording_reader *reader, const struct profile_options *options,
                             struct error *error)
{
    struct profile *profile = memory_allocate_zeroed(1, sizeof *profile);
    profile->arena = arena_create();
    profile->info = *recording_reader_info(reader);
    profile->info.path = arena_copy_text(profile->arena, profile->info.path);
    struct profile_loader loader = {.profile = profile,
                                    .arena = profile->arena,
                                    .reader = reader,
                                    .names = options->names,
                                    .mark = options->mark,
                                    .is_brief = options->is_brief};

    profile_load_session(&loader);
    bool is_loaded = profile_load_code(&loader, error);
    if (is_loaded) {
        profile_load_processes(&loader);
        is_loaded = profile_load_mark(&loader, error);
    }
    if (is_loaded) {
        profile_load_order(profile);
        profile->is_finished = loader.has_end && !profile->info.is_torn;
        if (options->live_until_ns && !profile->is_finished)
            take_as_live(profile, options->live_until_ns);
        profile->is_complete = is_whole(&loader);
        profile->duration_ns = loader.has_end ? loader.end.duration_ns : last_instant(profile);
    }
    key_table_clear(&loader.keys);
    profile_loader_forget_tail_calls(&loader);
    free(loader.strings);
    if (!is_loaded) {
        profile_destroy(profile);
        return NULL;
    }
    return profile;
}
