#include "config.h"

#include "analysis/late_names.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/late_calls.h"
#include "base/memory.h"
#include "base/string_pool.h"
#include "symbols/symbol_batch.h"

enum {
    POLL_MS = 100,
    STALLED_POLLS = 600, /* a minute without a frame, or a byte */
    MAX_BUILD_ID_BYTES = 64
};

struct late_names_memory {
    struct string_pool *texts;
};

struct search {
    const struct profile *profile;
    const struct late_names_options *options;
    struct late_names *names;
    size_t name_capacity, location_capacity;
    struct symbolizer_module *modules; /* by position in the profile; no path = not to be read */
    uint8_t (*build_ids)[MAX_BUILD_ID_BYTES];
    struct symbol_batch_frame *frames;
    size_t frame_count;
    struct late_calls *calls;
    bool is_stopped;
};

/* ---- what to look up ------------------------------------------------------------------ */

/* 0 = no name, 1 = a name, 2 = with a line. */
static int rank_of_frame(const struct profile *profile, const struct profile_frame *frame)
{
    const struct profile_location *innermost = &profile->locations[frame->first_location];
    const struct profile_location *outermost = innermost + frame->location_count - 1;
    if (!outermost->is_symbolized)
        return 0;
    return innermost->file && innermost->line ? 2 : 1;
}

static int rank_of_found(const struct symbol_batch_location *locations, size_t count)
{
    if (!locations[count - 1].function)
        return 0;
    return locations[0].file && locations[0].line ? 2 : 1;
}

static bool is_wanted(const struct search *search, const struct profile_frame *frame)
{
    static const int lowest_that_suffices[] = {
        [LATE_NAMES_UNNAMED] = 1, [LATE_NAMES_INCOMPLETE] = 2, [LATE_NAMES_ALL] = 3};
    return frame->kind == RECORDING_FRAME_NATIVE && frame->module_plus_1 &&
           search->modules[frame->module_plus_1 - 1].path &&
           rank_of_frame(search->profile, frame) < lowest_that_suffices[search->options->scope];
}

static unsigned hex_value(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void list_modules(struct search *search)
{
    const struct profile *profile = search->profile;
    search->modules = memory_allocate_zeroed(profile->module_count, sizeof *search->modules);
    search->build_ids = memory_allocate_zeroed(profile->module_count, sizeof *search->build_ids);
    for (size_t i = 0; i < profile->module_count; i++) {
        const struct profile_module *module = &profile->modules[i];
        size_t bytes = strlen(module->build_id) / 2;
        for (size_t at = 0; at < bytes; at++)
            search->build_ids[i][at] = (uint8_t)(hex_value(module->build_id[2 * at]) << 4 |
                                                 hex_value(module->build_id[2 * at + 1]));
        if (bytes)
            search->modules[i] = (struct symbolizer_module){module->path, -1, search->build_ids[i],
                                                            bytes};
    }
}

static void list_frames(struct search *search)
{
    const struct profile *profile = search->profile;
    search->frames = memory_allocate_zeroed(profile->frame_count, sizeof *search->frames);
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        if (!is_wanted(search, frame))
            continue;
        search->frames[search->frame_count++] = (struct symbol_batch_frame){
            (uint32_t)i, frame->module_plus_1 - 1,
            frame->is_exact ? frame->offset : frame->offset - 1};
        search->names->modules[frame->module_plus_1 - 1].wanted_frames++;
    }
}

static void explain_missing_build_ids(struct search *search)
{
    const struct profile *profile = search->profile;
    for (size_t i = 0; i < profile->module_count; i++)
        if (!search->modules[i].path && profile->modules[i].unsymbolized_frame_count)
            search->names->modules[i].reason = memory_print_text(
                "%s has no build-id, so no file can be known to be the one",
                profile->modules[i].path);
}

/* ---- what was found ------------------------------------------------------------------- */

static bool is_same_text(const char *one, const char *other)
{
    return strcmp(one ? one : "", other ? other : "") == 0;
}

static bool is_same_name(const struct profile *profile, const struct profile_frame *frame,
                         const struct symbol_batch_location *found, size_t count)
{
    if (frame->location_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct profile_location *old = &profile->locations[frame->first_location + i];
        if (!is_same_text(old->is_symbolized ? old->function : NULL, found[i].function) ||
            !is_same_text(old->file, found[i].file) || old->line != found[i].line ||
            old->is_inlined != found[i].is_inlined)
            return false;
    }
    return true;
}

static const char *keep(struct search *search, const char *text)
{
    struct string_pool *texts = search->names->memory->texts;
    return string_pool_text(texts, string_pool_add(texts, text ? text : ""));
}

/* What is known of a frame is replaced only by more or, where all was asked for, by as much. */
static bool is_better(const struct search *search, uint32_t id,
                      const struct symbol_batch_location *found, size_t count)
{
    const struct profile_frame *frame = &search->profile->frames[id];
    int old_rank = rank_of_frame(search->profile, frame), rank = rank_of_found(found, count);
    return rank >= old_rank && (rank > old_rank || search->options->scope == LATE_NAMES_ALL) &&
           !is_same_name(search->profile, frame, found, count);
}

static void take_frame(void *context, uint32_t id, const struct symbol_batch_location *found,
                       size_t count)
{
    struct search *search = context;
    struct late_names *names = search->names;
    if (id < search->profile->frame_count && !is_better(search, id, found, count))
        return;
    names->names = memory_grow(names->names, &search->name_capacity, names->name_count + 1,
                               sizeof *names->names);
    names->names[names->name_count++] = (struct late_name){id, (uint32_t)names->location_count,
                                                           (uint32_t)count};
    names->locations = memory_grow(names->locations, &search->location_capacity,
                                   names->location_count + count, sizeof *names->locations);
    for (size_t i = 0; i < count; i++)
        names->locations[names->location_count++] = (struct late_location){
            keep(search, found[i].function), keep(search, found[i].file), found[i].line,
            found[i].is_inlined};
    if (id < search->profile->frame_count)
        names->modules[search->profile->frames[id].module_plus_1 - 1].improved_frames++;
}

static void take_module(void *context, uint32_t position, enum symbolizer_detail detail,
                        const char *reason)
{
    struct search *search = context;
    if (position >= search->names->module_count)
        return;
    struct late_module *module = &search->names->modules[position];
    free(module->reason);
    module->detail = detail;
    module->reason = *reason ? memory_duplicate_text(reason) : NULL;
}

static int compare_names(const void *left, const void *right)
{
    const struct late_name *a = left, *b = right;
    return (a->frame > b->frame) - (a->frame < b->frame);
}

/* ---- the child, and another one when it died ------------------------------------------- */

/* Waits for the batch's end, but not for ever: a file may send its reader around in circles. */
static void wait_for(struct search *search, struct symbol_batch *batch)
{
    uint32_t last_done = 0;
    for (int idle = 0; idle < STALLED_POLLS && !symbol_batch_poll(batch);) {
        struct pollfd ready = {symbol_batch_fd(batch), POLLIN, 0};
        bool is_ready = poll(&ready, 1, POLL_MS) > 0;
        uint32_t done = symbol_batch_done_count(batch);
        bool is_waiting = !is_ready && done == last_done &&
                          !search->options->symbols.is_debuginfod_allowed;
        idle = is_waiting ? idle + 1 : 0;
        last_done = done;
        if (search->options->progress &&
            !search->options->progress(search->options->context, done,
                                       symbol_batch_frame_count(batch))) {
            search->is_stopped = true;
            return;
        }
    }
}

/* Goes on behind a module that ended the child: modules are read in the order of their numbers. */
static void leave_out(struct search *search, uint32_t module)
{
    size_t kept = 0;
    for (size_t i = 0; i < search->frame_count; i++)
        if (search->frames[i].module > module)
            search->frames[kept++] = search->frames[i];
    search->frame_count = kept;
    if (module < search->names->module_count) {
        free(search->names->modules[module].reason);
        search->names->modules[module].reason = memory_print_text(
            "reading the debug information of %s failed", search->profile->modules[module].path);
    }
}

static bool look_up(struct search *search, struct error *error)
{
    struct symbol_batch_result result = {
        .context = search, .frame = take_frame, .module = take_module};
    while (search->frame_count) {
        struct symbol_batch_input input = {.modules = search->modules,
                                           .module_count = search->profile->module_count,
                                           .frames = search->frames,
                                           .frame_count = search->frame_count,
                                           .options = &search->options->symbols};
        struct symbol_batch *batch = symbol_batch_start(&input, error);
        uint32_t module;
        if (!batch)
            return false;
        wait_for(search, batch);
        if (!search->is_stopped)
            symbol_batch_read(batch, &result);
        bool has_died = !search->is_stopped && symbol_batch_has_died(batch, &module);
        symbol_batch_close(batch);
        if (!has_died)
            break;
        leave_out(search, module);
    }
    return true;
}

static void take_calls(void *context, const struct symbol_batch_pair *pair,
                       const struct symbolizer_tail_call *found, size_t count)
{
    struct search *search = context;
    late_calls_take(search->calls, pair, found, count);
}

static void take_gone(void *context, const struct symbolizer_tail_call *call,
                      const struct symbol_batch_location *locations, size_t count)
{
    struct search *search = context;
    uint32_t id;
    if (count && late_calls_find_frame(search->calls, call, &id))
        take_frame(search, id, locations, count);
}

/* What a call led to, and the names of that, by the same child: it has read the files already, and
 * they may be gone by now. Where it died, another one begins anew with the names. */
static bool look_up_calls(struct search *search, struct error *error)
{
    const struct late_calls *calls = search->calls;
    struct symbol_batch_input input = {.modules = search->modules,
                                       .module_count = search->profile->module_count,
                                       .pairs = calls->pairs,
                                       .pair_count = calls->pair_count,
                                       .is_gone_named = true,
                                       .options = &search->options->symbols};
    struct symbol_batch_result result = {
        .context = search, .tail_calls = take_calls, .gone = take_gone};
    size_t name_count = search->names->name_count;
    size_t location_count = search->names->location_count;
    uint32_t module;
    if (!calls->pair_count || search->is_stopped)
        return true;
    struct symbol_batch *batch = symbol_batch_start(&input, error);
    if (!batch)
        return false;
    wait_for(search, batch);
    if (!search->is_stopped)
        symbol_batch_read(batch, &result);
    bool has_died = !search->is_stopped && symbol_batch_has_died(batch, &module);
    symbol_batch_close(batch);
    if (!has_died)
        return true;
    search->names->name_count = name_count;
    search->names->location_count = location_count;
    free(search->frames);
    search->frames = late_calls_frames(calls);
    search->frame_count = search->names->frame_count;
    return look_up(search, error);
}

struct late_names *late_names_find(const struct profile *profile,
                                   const struct late_names_options *options, struct error *error)
{
    struct late_names *names = memory_allocate_zeroed(1, sizeof *names);
    struct late_calls calls = {.profile = profile, .names = names};
    struct search search = {
        .profile = profile, .options = options, .names = names, .calls = &calls};
    names->memory = memory_allocate_zeroed(1, sizeof *names->memory);
    names->memory->texts = string_pool_create();
    names->modules = memory_allocate_zeroed(profile->module_count, sizeof *names->modules);
    names->module_count = profile->module_count;
    list_modules(&search);
    list_frames(&search);
    explain_missing_build_ids(&search);
    late_calls_list(&calls, search.modules);
    bool is_good = look_up(&search, error) && look_up_calls(&search, error);
    if (names->name_count)
        qsort(names->names, names->name_count, sizeof *names->names, compare_names);
    free(search.modules);
    free(search.build_ids);
    free(search.frames);
    late_calls_clear(&calls);
    if (is_good)
        return names;
    late_names_destroy(names);
    return NULL;
}

void late_names_destroy(struct late_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->module_count; i++)
        free(names->modules[i].reason);
    string_pool_destroy(names->memory->texts);
    free(names->memory);
    free(names->modules);
    free(names->names);
    free(names->locations);
    free(names->frames);
    free(names->tail_calls);
    free(names->tail_frames);
    free(names);
}

/* ---- into a recording ------------------------------------------------------------------ */

/* The recording's texts and, behind them, new ones: ids of old ones stay as they are. */
struct text_ids {
    struct string_pool *pool;
    uint64_t *file_ids; /* by id in the pool; 0 = has none yet */
    size_t capacity, count;
    uint64_t next_id;
    struct recording_copy *copy;
};

static uint64_t *file_id_of(struct text_ids *ids, const char *text)
{
    size_t position = string_pool_add(ids->pool, text).index;
    ids->file_ids = memory_grow(ids->file_ids, &ids->capacity, position + 1, sizeof *ids->file_ids);
    while (ids->count <= position)
        ids->file_ids[ids->count++] = 0;
    return &ids->file_ids[position];
}

static bool take_old_text(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct text_ids *ids = context;
    const struct recording_string *string = record;
    if (string->id >= UINT32_MAX)
        return true;
    if (*string->text)
        *file_id_of(ids, string->text) = string->id;
    if (string->id >= ids->next_id)
        ids->next_id = string->id + 1;
    return true;
}

static uint64_t put_text(struct text_ids *ids, const char *text)
{
    if (!*text)
        return 0;
    uint64_t *id = file_id_of(ids, text);
    if (*id == 0) {
        *id = ids->next_id++;
        recording_copy_add(ids->copy, RECORDING_string, &(struct recording_string){*id, text});
    }
    return *id;
}

static void add_symbols(const struct late_names *names, struct text_ids *ids)
{
    uint64_t *entries = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < names->name_count; i++) {
        const struct late_name *name = &names->names[i];
        size_t count = 0;
        entries = memory_grow(entries, &capacity, 4 * (size_t)name->location_count,
                              sizeof *entries);
        for (uint32_t at = 0; at < name->location_count; at++) {
            const struct late_location *location = &names->locations[name->first_location + at];
            entries[count++] = put_text(ids, location->function);
            entries[count++] = put_text(ids, location->file);
            entries[count++] = location->line;
            entries[count++] = location->is_inlined;
        }
        recording_copy_add(ids->copy, RECORDING_symbol,
                           &(struct recording_symbol){name->frame, {entries, count}});
    }
    free(entries);
}

struct module_update {
    const struct late_names *names;
    struct recording_copy *copy;
};

static bool update_module(void *context, enum recording_kind kind, const void *record)
{
    const struct module_update *update = context;
    struct recording_module module = *(const struct recording_module *)record;
    if (module.id >= update->names->module_count)
        return true;
    const struct late_module *found = &update->names->modules[module.id];
    if (!found->improved_frames || module.has_symbols >= found->detail)
        return true;
    module.has_symbols = found->detail;
    recording_copy_add(update->copy, kind, &module);
    return true;
}

bool late_names_add(const struct late_names *names, struct recording_reader *reader,
                    struct recording_copy *copy, struct error *error)
{
    struct text_ids ids = {.pool = string_pool_create(), .next_id = 1, .copy = copy};
    struct module_update update = {names, copy};
    bool is_good = recording_reader_visit(reader, RECORDING_string, take_old_text, &ids, error) &&
                   recording_reader_visit(reader, RECORDING_module, update_module, &update, error);
    if (is_good) {
        late_calls_add(names, copy);
        add_symbols(names, &ids);
    }
    string_pool_destroy(ids.pool);
    free(ids.file_ids);
    return is_good;
}
