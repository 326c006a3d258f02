#include "config.h"

#include "profile_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/arena.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "recording/record_codec.h"
#include "recording/recording_writer.h"
#include "snapshot/snapshot_store.h"

struct item { /* a record of any kind */
    enum recording_kind kind;
    void *record;
};

struct profile_builder {
    struct arena *arena;
    struct recording_session session;
    struct recording_end end;
    bool is_unfinished;
    struct item *items;
    size_t item_count, item_capacity;
    const struct snapshot **snapshots;
    size_t snapshot_count, snapshot_capacity;
    uint64_t process_count, module_count, string_count, frame_count, node_count, site_count;
    struct hash_map nodes;
    const char **frame_texts; /* by frame id */
    size_t frame_capacity;
    const char **module_paths;
    size_t module_capacity;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "profile_builder: %s: %s\n", what, why);
    abort();
}

static void *add(struct profile_builder *builder, enum recording_kind kind, const void *record)
{
    builder->items = memory_grow(builder->items, &builder->item_capacity, builder->item_count + 1,
                                 sizeof *builder->items);
    void *copy = arena_copy(builder->arena, record, record_kind_find(kind)->struct_bytes);
    builder->items[builder->item_count++] = (struct item){kind, copy};
    return copy;
}

struct profile_builder *profile_builder_create(void)
{
    static const char *const command[] = {"./demo", "--verbose"};
    struct profile_builder *builder = memory_allocate_zeroed(1, sizeof *builder);
    builder->arena = arena_create();
    builder->session = (struct recording_session){.tool_version = "0.1.0",
                                                  .start_time_unix_ns = 1767268800000000000,
                                                  .host = "buildhost",
                                                  .kernel = "Linux 6.1.0",
                                                  .working_folder = "/home/dev/demo",
                                                  .command = {command, 2},
                                                  .page_bytes = 4096,
                                                  .stack_depth = 256,
                                                  .checkpoint_ns = 5000000000};
    builder->end = (struct recording_end){.duration_ns = 2000000000, .is_complete = 1};
    builder->string_count = 1;
    builder->node_count = 1;
    hash_map_init(&builder->nodes);
    return builder;
}

void profile_builder_destroy(struct profile_builder *builder)
{
    if (!builder)
        return;
    arena_destroy(builder->arena);
    hash_map_clear(&builder->nodes);
    free(builder->items);
    free(builder->snapshots);
    free(builder->frame_texts);
    free(builder->module_paths);
    free(builder);
}

struct recording_session *profile_builder_session(struct profile_builder *builder)
{
    return &builder->session;
}

struct recording_end *profile_builder_end(struct profile_builder *builder)
{
    return &builder->end;
}

void profile_builder_set_unfinished(struct profile_builder *builder)
{
    builder->is_unfinished = true;
}

void profile_builder_add_record(struct profile_builder *builder, enum recording_kind kind,
                                const void *record)
{
    add(builder, kind, record);
}

struct recording_process *profile_builder_add_process(struct profile_builder *builder,
                                                      const char *executable)
{
    const char **arguments = arena_allocate(builder->arena, 2 * sizeof *arguments);
    arguments[0] = executable;
    arguments[1] = "--verbose";
    struct recording_process process = {.id = builder->process_count,
                                        .parent_id_plus_1 = builder->process_count ? 1 : 0,
                                        .pid = 4000 + builder->process_count,
                                        .executable = executable,
                                        .arguments = {arguments, 2},
                                        .start_time_unix_ns = 1767268800000000000,
                                        .end_ns = 2000000000,
                                        .exit_kind = RECORDING_EXIT_STATUS,
                                        .observed = 1,
                                        .reason = "",
                                        .allocator_name = "glibc",
                                        .allocator_linkage = "dynamic",
                                        .is_own_image = 1};
    builder->process_count++;
    return add(builder, RECORDING_process, &process);
}

/* The record of a kind that begins with `process_id`, or NULL. */
static void *find_item(struct profile_builder *builder, enum recording_kind kind, uint64_t process)
{
    for (size_t i = 0; i < builder->item_count; i++)
        if (builder->items[i].kind == kind && *(uint64_t *)builder->items[i].record == process)
            return builder->items[i].record;
    return NULL;
}

struct recording_totals *profile_builder_totals(struct profile_builder *builder, uint64_t process)
{
    struct recording_totals *found = find_item(builder, RECORDING_totals, process);
    if (found)
        return found;
    struct recording_totals totals = {.process_id = process};
    for (size_t i = 0; i < builder->item_count; i++) {
        const struct recording_site *site = builder->items[i].record;
        if (builder->items[i].kind != RECORDING_site || site->process_id != process)
            continue;
        totals.allocations += site->allocations;
        totals.frees += site->frees;
        totals.allocated_bytes += site->allocated_bytes;
        totals.freed_bytes += site->freed_bytes;
        totals.inherited_blocks += site->inherited_blocks;
        totals.inherited_bytes += site->inherited_bytes;
        totals.live_blocks += site->live_blocks;
        totals.live_bytes += site->live_bytes;
        totals.peak_blocks += site->peak_blocks;
        totals.peak_bytes += site->peak_bytes;
        totals.temporary_allocations += site->temporary_allocations;
    }
    totals.peak_time_ns = 1500000000;
    totals.common_peak_bytes = totals.peak_bytes;
    return add(builder, RECORDING_totals, &totals);
}

struct recording_quality *profile_builder_quality(struct profile_builder *builder, uint64_t process)
{
    struct recording_quality *found = find_item(builder, RECORDING_quality, process);
    if (found)
        return found;
    struct recording_quality quality = {.process_id = process, .own_bytes = 2 << 20};
    for (size_t i = 0; i < builder->item_count; i++) {
        const struct recording_site *site = builder->items[i].record;
        if (builder->items[i].kind == RECORDING_site && site->process_id == process)
            quality.events += site->allocations + site->frees;
    }
    return add(builder, RECORDING_quality, &quality);
}

/* ---- stacks from text ---- */

static uint64_t add_string(struct profile_builder *builder, const char *text)
{
    if (!text || !*text)
        return 0;
    struct recording_string string = {.id = builder->string_count++, .text = text};
    add(builder, RECORDING_string, &string);
    return string.id;
}

static const char *module_path(const char *name)
{
    if (!name)
        return PROFILE_BUILDER_PROGRAM;
    if (strcmp(name, "libc") == 0)
        return "/usr/lib/x86_64-linux-gnu/libc.so.6";
    if (strcmp(name, "libstdc++") == 0)
        return "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30";
    if (strcmp(name, "ld.so") == 0)
        return "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
    return name;
}

static uint64_t find_module(struct profile_builder *builder, const char *name)
{
    const char *path = module_path(name);
    for (uint64_t i = 0; i < builder->module_count; i++)
        if (strcmp(builder->module_paths[i], path) == 0)
            return i;
    builder->module_paths = memory_grow(builder->module_paths, &builder->module_capacity,
                                        builder->module_count + 1, sizeof *builder->module_paths);
    builder->module_paths[builder->module_count] = arena_copy_text(builder->arena, path);
    uint8_t *build_id = arena_allocate(builder->arena, 20);
    memset(build_id, 0x10 + (int)builder->module_count, 20);
    struct recording_module module = {.id = builder->module_count,
                                      .path = builder->module_paths[builder->module_count],
                                      .build_id = {build_id, 20},
                                      .file_bytes = 16384,
                                      .has_symbols = 3};
    add(builder, RECORDING_module, &module);
    return builder->module_count++;
}

struct location_text {
    char *function, *file, *module;
    uint64_t line;
    bool is_inlined;
};

/* Takes "~function@file:line!module" apart, in place. */
static struct location_text parse_location(char *text)
{
    struct location_text location = {.is_inlined = *text == '~'};
    location.function = text + location.is_inlined;
    location.module = strrchr(text, '!');
    if (location.module)
        *location.module++ = 0;
    location.file = strrchr(text, '@');
    if (location.file) {
        *location.file++ = 0;
        char *line = strrchr(location.file, ':');
        if (!line)
            fail(location.file, "a file needs a line");
        *line++ = 0;
        location.line = strtoull(line, NULL, 10);
    }
    return location;
}

/* One machine frame with what is inlined into it: `text` is "outer;~inner;~innermost". */
static uint64_t add_frame(struct profile_builder *builder, const char *text)
{
    enum {
        MAX_LOCATIONS = 16
    };
    uint64_t entries[4 * MAX_LOCATIONS];
    size_t at = 4 * MAX_LOCATIONS; /* filled from behind: innermost first */
    char *copy = arena_copy_text(builder->arena, text);
    uint64_t module = 0;
    bool is_known = false;
    for (char *rest = copy, *part; (part = strsep(&rest, ";")) != NULL;) {
        struct location_text location = parse_location(part);
        if (at == 0)
            fail(text, "too many inlined functions");
        at -= 4;
        entries[at] = add_string(builder, location.function);
        entries[at + 1] = add_string(builder, location.file);
        entries[at + 2] = location.line;
        entries[at + 3] = location.is_inlined;
        if (!location.is_inlined)
            module = find_module(builder, location.module);
        is_known |= *location.function != 0;
    }
    struct recording_frame frame = {.id = builder->frame_count,
                                    .kind = RECORDING_FRAME_NATIVE,
                                    .module_id_plus_1 = module + 1,
                                    .offset = 0x1000 + 0x10 * builder->frame_count};
    add(builder, RECORDING_frame, &frame);
    if (is_known) {
        size_t count = 4 * MAX_LOCATIONS - at;
        uint64_t *kept = arena_copy(builder->arena, entries + at, count * sizeof *kept);
        struct recording_symbol symbol = {.frame_id = frame.id, .entries = {kept, count}};
        add(builder, RECORDING_symbol, &symbol);
    }
    return builder->frame_count++;
}

static uint64_t find_frame(struct profile_builder *builder, const char *text)
{
    for (uint64_t i = 0; i < builder->frame_count; i++)
        if (strcmp(builder->frame_texts[i], text) == 0)
            return i;
    builder->frame_texts = memory_grow(builder->frame_texts, &builder->frame_capacity,
                                       builder->frame_count + 1, sizeof *builder->frame_texts);
    builder->frame_texts[builder->frame_count] = arena_copy_text(builder->arena, text);
    return add_frame(builder, text);
}

uint64_t profile_builder_stack(struct profile_builder *builder, const char *stack)
{
    char *copy = arena_copy_text(builder->arena, stack);
    uint64_t node = 0;
    for (char *start = copy; *start;) {
        char *end = start + strcspn(start, ";");
        while (end[0] == ';' && end[1] == '~')
            end += 1 + strcspn(end + 1, ";");
        bool is_last = !*end;
        *end = 0;
        uint64_t frame = find_frame(builder, start);
        bool is_new;
        uint64_t *place = hash_map_put(&builder->nodes, node << 32 | frame, &is_new);
        if (is_new) {
            *place = builder->node_count++;
            struct recording_stack_node record = {
                .id = *place, .parent_id = node, .frame_id = frame};
            add(builder, RECORDING_stack_node, &record);
        }
        node = *place;
        start = is_last ? end : end + 1;
    }
    return node;
}

struct recording_site *profile_builder_add_site(struct profile_builder *builder, uint64_t process,
                                                enum function_kind function, const char *stack,
                                                uint64_t allocations, uint64_t allocated_bytes,
                                                uint64_t frees, uint64_t freed_bytes)
{
    struct recording_site site = {.process_id = process,
                                  .id = builder->site_count++,
                                  .stack_node_id = profile_builder_stack(builder, stack),
                                  .allocation_function = function,
                                  .allocations = allocations,
                                  .frees = frees,
                                  .allocated_bytes = allocated_bytes,
                                  .freed_bytes = freed_bytes,
                                  .live_blocks = allocations - frees,
                                  .live_bytes = allocated_bytes - freed_bytes,
                                  .peak_blocks = allocations - frees,
                                  .peak_bytes = allocated_bytes - freed_bytes,
                                  .first_ns = 1000000,
                                  .last_ns = 1900000000};
    return add(builder, RECORDING_site, &site);
}

struct recording_thread *profile_builder_add_thread(struct profile_builder *builder,
                                                    uint64_t process, const char *name)
{
    uint64_t id = 0;
    for (size_t i = 0; i < builder->item_count; i++)
        if (builder->items[i].kind == RECORDING_thread)
            id += ((struct recording_thread *)builder->items[i].record)->process_id == process;
    struct recording_thread thread = {
        .process_id = process, .id = id, .tid = 4000 + process + 100 * id, .name = name};
    return add(builder, RECORDING_thread, &thread);
}

struct recording_mapping_site *profile_builder_add_mapping(struct profile_builder *builder,
                                                           uint64_t process,
                                                           enum function_kind function,
                                                           const char *stack, uint64_t live_count,
                                                           uint64_t live_bytes)
{
    struct recording_mapping_site mapping = {.process_id = process,
                                             .id = builder->site_count++,
                                             .stack_node_id = profile_builder_stack(builder, stack),
                                             .function = function,
                                             .is_anonymous = 1,
                                             .count = live_count,
                                             .mapped_bytes = live_bytes,
                                             .live_count = live_count,
                                             .live_bytes = live_bytes};
    return add(builder, RECORDING_mapping_site, &mapping);
}

/* ---- writing ---- */

static void check(bool is_done, const char *what, const struct error *error)
{
    if (!is_done)
        fail(what, error->message);
}

void profile_builder_add_snapshot(struct profile_builder *builder, const struct snapshot *snapshot)
{
    builder->snapshots = memory_grow(builder->snapshots, &builder->snapshot_capacity,
                                     builder->snapshot_count + 1, sizeof *builder->snapshots);
    builder->snapshots[builder->snapshot_count++] = snapshot;
}

static void add_snapshot_record(void *context, enum recording_kind kind, const void *record)
{
    recording_writer_add(context, kind, record);
}

void profile_builder_write(struct profile_builder *builder, const char *path)
{
    for (uint64_t i = 0; i < builder->process_count; i++) {
        profile_builder_totals(builder, i);
        profile_builder_quality(builder, i);
    }
    struct error error;
    struct recording_writer_options options = {
        .path = path, .is_force = true, .session_id = 0x5ee9};
    struct recording_writer *writer = recording_writer_open(&options, &error);
    check(writer != NULL, path, &error);
    check(recording_writer_publish(writer, &error), path, &error);
    if (!builder->is_unfinished)
        check(recording_writer_begin_compacted(writer, &error), path, &error);
    recording_writer_add(writer, RECORDING_session, &builder->session);
    for (size_t i = 0; i < builder->item_count; i++)
        recording_writer_add(writer, builder->items[i].kind, builder->items[i].record);
    for (size_t i = 0; i < builder->snapshot_count; i++)
        snapshot_write(builder->snapshots[i], add_snapshot_record, writer);
    struct recording_recorder recorder = {.cpu_ns = 120000000, .peak_resident_bytes = 9 << 20};
    recording_writer_add(writer, RECORDING_recorder, &recorder);
    if (builder->is_unfinished) {
        check(recording_writer_flush(writer, false, &error), path, &error);
    } else {
        recording_writer_add(writer, RECORDING_end, &builder->end);
        check(recording_writer_finish_compacted(writer, &error), path, &error);
    }
    recording_writer_close(writer);
}

struct profile *profile_builder_load(struct profile_builder *builder)
{
    return profile_builder_load_with(builder, &(struct profile_options){0});
}

struct profile *profile_builder_load_with(struct profile_builder *builder,
                                          const struct profile_options *options)
{
    char folder[] = "/tmp/seep-test-XXXXXX";
    if (!mkdtemp(folder))
        fail(folder, "cannot make a folder");
    char *path = memory_print_text("%s/demo.seep", folder);
    profile_builder_write(builder, path);
    struct error error;
    struct recording_reader *reader = recording_reader_open(path, &error);
    check(reader != NULL, path, &error);
    struct profile *profile = profile_load(reader, options, &error);
    check(profile != NULL, path, &error);
    profile->info.path = "demo.seep";
    recording_reader_close(reader);
    unlink(path);
    rmdir(folder);
    free(path);
    return profile;
}
