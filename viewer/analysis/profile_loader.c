#include "config.h"

#include "analysis/profile_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "base/memory.h"
#include "base/progress.h"
#include "recording/record_codec.h"

static const double SHARE_OF_READING = 0.65; /* the rest is sorting */

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

static void begin_visit(struct profile_loader *loader, enum recording_kind kind)
{
    loader->share_done += loader->share_now;
    loader->share_now = loader->bytes
                            ? SHARE_OF_READING *
                                  (double)recording_reader_kind_bytes(loader->reader, kind) /
                                  (double)loader->bytes
                            : 0;
}

static void note_damage(struct profile_loader *loader, const struct error *error)
{
    struct recording_info *info = &loader->profile->info;
    info->is_torn = true;
    if (!info->damage[0])
        snprintf(info->damage, sizeof info->damage, "%.*s", (int)sizeof info->damage - 1,
                 error->message);
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
    begin_visit(loader, kind);
    if (!loader->is_stopped && !recording_reader_visit(loader->reader, kind, visit, loader, &error))
        note_damage(loader, &error);
}

void profile_loader_visit_numbers(struct profile_loader *loader, enum recording_kind kind,
                                  recording_visit_numbers visit)
{
    struct error error;
    key_table_clear(&loader->keys);
    begin_visit(loader, kind);
    if (!loader->is_stopped &&
        !recording_reader_visit_numbers(loader->reader, kind, visit, loader, &error))
        note_damage(loader, &error);
}

bool profile_loader_reaches(struct profile_loader *loader, double share)
{
    loader->is_stopped |= !progress_reaches(loader->progress,
                                            loader->share_done + share * loader->share_now);
    return !loader->is_stopped;
}

static bool reader_goes_on(void *context, double share)
{
    return profile_loader_reaches(context, share);
}

/* Of a file that lies about itself, no more than it makes up for by what was read. */
void *profile_loader_make_room(struct profile_loader *loader, void *items, size_t *capacity,
                               size_t item_bytes)
{
    enum {
        LEAST = 4096, /* fewer tell nothing of the rest */
        MOST_TIMES = 16
    };
    double share = recording_reader_share(loader->reader);
    size_t wanted = *capacity + 1;
    if (*capacity >= LEAST && share > 0) {
        double expected = (double)*capacity / share * 1.02, most = (double)*capacity * MOST_TIMES;
        wanted = (size_t)(expected < most ? expected : most);
    }
    if (wanted < 2 * *capacity)
        return memory_grow(items, capacity, *capacity + 1, item_bytes);
    items = memory_resize_large(items, wanted, item_bytes);
    *capacity = wanted;
    return items;
}

/* Of all kinds that the parts visit, each once. */
static void weigh_reading(struct profile_loader *loader)
{
    static const enum recording_kind kinds[] = {
        RECORDING_session,
        RECORDING_recorder,
        RECORDING_end,
        RECORDING_string,
        RECORDING_module,
        RECORDING_frame,
        RECORDING_symbol,
        RECORDING_stack_node,
        RECORDING_process,
        RECORDING_tail_calls,
        RECORDING_totals,
        RECORDING_quality,
        RECORDING_thread,
        RECORDING_site,
        RECORDING_sample,
        RECORDING_mark,
        RECORDING_misuse,
        RECORDING_mapping_site,
        RECORDING_inherited_sites,
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        loader->bytes += recording_reader_kind_bytes(loader->reader, kinds[i]);
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
                                    .is_brief = options->is_brief,
                                    .progress = options->progress};
    struct progress progress = {reader_goes_on, &loader};
    weigh_reading(&loader);
    if (options->progress)
        recording_reader_watch(reader, &progress);

    profile_load_session(&loader);
    bool is_loaded = profile_load_code(&loader, error);
    if (is_loaded) {
        profile_load_processes(&loader);
        is_loaded = profile_load_mark(&loader, error);
    }
    recording_reader_watch(reader, NULL);
    if (is_loaded && !loader.is_stopped) {
        loader.share_done = SHARE_OF_READING;
        loader.share_now = 1 - SHARE_OF_READING;
        profile_load_order(&loader);
        profile->is_finished = loader.has_end && !profile->info.is_torn;
        if (options->live_until_ns && !profile->is_finished)
            take_as_live(profile, options->live_until_ns);
        profile->is_complete = is_whole(&loader);
        profile->duration_ns = loader.has_end ? loader.end.duration_ns : last_instant(profile);
    }
    key_table_clear(&loader.keys);
    profile_loader_forget_tail_calls(&loader);
    free(loader.strings);
    if (is_loaded && loader.is_stopped)
        is_loaded = error_set(error, "cannot load %s: it was stopped", profile->info.path);
    if (!is_loaded) {
        profile_destroy(profile);
        return NULL;
    }
    return profile;
}
