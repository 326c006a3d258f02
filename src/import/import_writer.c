#include "config.h"

#include "import/import_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/string_pool.h"
#include "base/text.h"
#include "wire/function_kinds.h"

enum {
    MOST_LOCATIONS = 64, /* of a frame */
    LOCATION_NUMBERS = 4
};

struct frame {
    uint64_t address;
    uint32_t module_plus_1;
    uint32_t entry_count;
    size_t first_entry;
};

struct node {
    uint32_t parent;
    uint32_t frame;
};

struct import_writer {
    struct string_pool *strings;
    char *command;
    struct text notes;
    uint64_t pid, duration_ns, peak_bytes, peak_time_ns, peak_resident_bytes;
    struct string_id *modules;
    size_t module_count, module_capacity;
    struct hash_map module_of_string;
    struct frame *frames;
    size_t frame_count, frame_capacity;
    uint64_t *entries;
    size_t entry_count, entry_capacity;
    struct node *nodes; /* the first is the root */
    size_t node_count, node_capacity;
    struct hash_map node_of_pair;
    struct recording_site *sites;
    size_t site_count, site_capacity;
    struct hash_map site_of_node;
    struct recording_sample *samples;
    size_t sample_count, sample_capacity;
};

struct import_writer *import_writer_create(void)
{
    struct import_writer *writer = memory_allocate_zeroed(1, sizeof *writer);
    writer->strings = string_pool_create();
    writer->command = memory_duplicate_text("");
    writer->nodes = memory_grow(NULL, &writer->node_capacity, 1, sizeof *writer->nodes);
    writer->nodes[0] = (struct node){0};
    writer->node_count = 1;
    return writer;
}

void import_writer_destroy(struct import_writer *writer)
{
    if (writer == NULL)
        return;
    string_pool_destroy(writer->strings);
    hash_map_clear(&writer->module_of_string);
    hash_map_clear(&writer->node_of_pair);
    hash_map_clear(&writer->site_of_node);
    text_clear(&writer->notes);
    free(writer->command);
    free(writer->modules);
    free(writer->frames);
    free(writer->entries);
    free(writer->nodes);
    free(writer->sites);
    free(writer->samples);
    free(writer);
}

void import_writer_set_command(struct import_writer *writer, const char *command)
{
    free(writer->command);
    writer->command = memory_duplicate_text(command);
}

void import_writer_set_pid(struct import_writer *writer, uint64_t pid)
{
    writer->pid = pid;
}

void import_writer_set_duration(struct import_writer *writer, uint64_t duration_ns)
{
    writer->duration_ns = duration_ns;
}

void import_writer_set_peak(struct import_writer *writer, uint64_t peak_bytes,
                            uint64_t peak_time_ns, uint64_t peak_resident_bytes)
{
    writer->peak_bytes = peak_bytes;
    writer->peak_time_ns = peak_time_ns;
    writer->peak_resident_bytes = peak_resident_bytes;
}

void import_writer_note(struct import_writer *writer, const char *what)
{
    text_print(&writer->notes, "%s%s", writer->notes.count ? "; " : "", what);
}

const char *import_writer_notes(const struct import_writer *writer)
{
    return text_get(&writer->notes);
}

/* ---- stacks ---------------------------------------------------------------------------- */

static uint64_t add_string(struct import_writer *writer, const char *text)
{
    return text != NULL ? string_pool_add(writer->strings, text).index : 0;
}

static uint32_t module_of(struct import_writer *writer, const char *path)
{
    bool is_new;
    if (path == NULL || *path == '\0')
        return 0;
    struct string_id string = string_pool_add(writer->strings, path);
    uint64_t *module = hash_map_put(&writer->module_of_string, string.index, &is_new);
    if (is_new) {
        writer->modules = memory_grow(writer->modules, &writer->module_capacity,
                                      writer->module_count + 1, sizeof *writer->modules);
        writer->modules[writer->module_count++] = string;
        *module = writer->module_count;
    }
    return (uint32_t)*module;
}

uint32_t import_writer_add_frame(struct import_writer *writer, const char *module, uint64_t address,
                                 const struct import_location *locations, size_t count)
{
    struct frame frame = {.address = address,
                          .module_plus_1 = module_of(writer, module),
                          .first_entry = writer->entry_count};
    if (count > MOST_LOCATIONS)
        count = MOST_LOCATIONS;
    frame.entry_count = (uint32_t)count * LOCATION_NUMBERS;
    writer->entries = memory_grow(writer->entries, &writer->entry_capacity,
                                  writer->entry_count + frame.entry_count, sizeof *writer->entries);
    for (size_t i = 0; i < count; i++) {
        uint64_t *entry = writer->entries + writer->entry_count;
        entry[0] = add_string(writer, locations[i].function);
        entry[1] = add_string(writer, locations[i].file);
        entry[2] = locations[i].line;
        entry[3] = i + 1 < count;
        writer->entry_count += LOCATION_NUMBERS;
    }
    writer->frames = memory_grow(writer->frames, &writer->frame_capacity, writer->frame_count + 1,
                                 sizeof *writer->frames);
    writer->frames[writer->frame_count] = frame;
    return (uint32_t)writer->frame_count++;
}

uint32_t import_writer_add_node(struct import_writer *writer, uint32_t caller, uint32_t frame)
{
    bool is_new;
    uint64_t *node = hash_map_put(&writer->node_of_pair, (uint64_t)caller << 32 | frame, &is_new);
    if (is_new) {
        *node = writer->node_count;
        writer->nodes = memory_grow(writer->nodes, &writer->node_capacity, writer->node_count + 1,
                                    sizeof *writer->nodes);
        writer->nodes[writer->node_count++] = (struct node){caller, frame};
    }
    return (uint32_t)*node;
}

struct recording_site *import_writer_site(struct import_writer *writer, uint32_t node)
{
    bool is_new;
    uint64_t *site = hash_map_put(&writer->site_of_node, node, &is_new);
    if (is_new) {
        *site = writer->site_count;
        writer->sites = memory_grow(writer->sites, &writer->site_capacity, writer->site_count + 1,
                                    sizeof *writer->sites);
        writer->sites[writer->site_count] = (struct recording_site){
            .id = writer->site_count,
            .stack_node_id = node,
            .allocation_function = FUNCTION_MALLOC,
        };
        writer->site_count++;
    }
    return &writer->sites[*site];
}

void import_writer_add_sample(struct import_writer *writer, uint64_t time_ns, uint64_t heap_bytes,
                              uint64_t resident_bytes)
{
    writer->samples = memory_grow(writer->samples, &writer->sample_capacity,
                                  writer->sample_count + 1, sizeof *writer->samples);
    writer->samples[writer->sample_count++] = (struct recording_sample){
        .time_ns = time_ns,
        .heap_bytes = heap_bytes,
        .heap_peak_bytes = heap_bytes,
        .resident_bytes = resident_bytes,
    };
}

/* ---- the recording ----------------------------------------------------------------------- */

static void write_code(struct import_writer *writer, struct recording_writer *out)
{
    size_t strings = string_pool_count(writer->strings);
    for (size_t i = 0; i < writer->module_count; i++)
        recording_writer_add(
            out, RECORDING_module,
            &(struct recording_module){
                .id = i, .path = string_pool_text(writer->strings, writer->modules[i])});
    for (size_t i = 1; i < strings; i++)
        recording_writer_add(
            out, RECORDING_string,
            &(struct recording_string){
                i, string_pool_text(writer->strings, (struct string_id){(uint32_t)i})});
    for (size_t i = 0; i < writer->frame_count; i++) {
        const struct frame *frame = &writer->frames[i];
        recording_writer_add(out, RECORDING_frame,
                             &(struct recording_frame){i, RECORDING_FRAME_NATIVE,
                                                       frame->module_plus_1, frame->address, 0});
        if (frame->entry_count != 0)
            recording_writer_add(
                out, RECORDING_symbol,
                &(struct recording_symbol){
                    i, {writer->entries + frame->first_entry, frame->entry_count}});
    }
    for (size_t i = 1; i < writer->node_count; i++)
        recording_writer_add(
            out, RECORDING_stack_node,
            &(struct recording_stack_node){i, writer->nodes[i].parent, writer->nodes[i].frame});
}

/* What is live is what was not freed. */
static void write_sites(struct import_writer *writer, struct recording_writer *out)
{
    struct recording_totals totals = {.peak_bytes = writer->peak_bytes,
                                      .common_peak_bytes = writer->peak_bytes,
                                      .peak_time_ns = writer->peak_time_ns,
                                      .common_peak_time_ns = writer->peak_time_ns,
                                      .peak_resident_bytes = writer->peak_resident_bytes};
    for (size_t i = 0; i < writer->site_count; i++) {
        struct recording_site *site = &writer->sites[i];
        site->live_blocks = site->allocations - site->frees;
        site->live_bytes = site->allocated_bytes - site->freed_bytes;
        totals.allocations += site->allocations;
        totals.frees += site->frees;
        totals.allocated_bytes += site->allocated_bytes;
        totals.freed_bytes += site->freed_bytes;
        totals.live_blocks += site->live_blocks;
        totals.live_bytes += site->live_bytes;
        totals.peak_blocks += site->peak_blocks;
        totals.temporary_allocations += site->temporary_allocations;
        recording_writer_add(out, RECORDING_site, site);
    }
    recording_writer_add(out, RECORDING_totals, &totals);
    recording_writer_add(out, RECORDING_quality,
                         &(struct recording_quality){.events = totals.allocations + totals.frees});
}

static void write_process(struct import_writer *writer, struct recording_writer *out)
{
    const char *command = writer->command;
    char *executable = memory_print_text("%.*s", (int)strcspn(command, " "), command);
    const struct recording_text_list words = {&command, 1};
    recording_writer_add(out, RECORDING_session,
                         &(struct recording_session){.tool_version = PACKAGE_VERSION,
                                                     .host = "",
                                                     .kernel = "",
                                                     .working_folder = "",
                                                     .command = words,
                                                     .page_bytes = 4096});
    recording_writer_add(out, RECORDING_process,
                         &(struct recording_process){.pid = writer->pid,
                                                     .executable = executable,
                                                     .arguments = words,
                                                     .end_ns = writer->duration_ns,
                                                     .exit_kind = RECORDING_EXIT_UNKNOWN,
                                                     .observed = 1,
                                                     .reason = "",
                                                     .allocator_name = "unknown",
                                                     .allocator_linkage = "",
                                                     .is_own_image = 1,
                                                     .suppressions = "",
                                                     .python_note = ""});
    free(executable);
}

bool import_writer_write(struct import_writer *writer,
                         const struct recording_writer_options *options, struct error *error)
{
    struct recording_writer *out = recording_writer_open(options, error);
    bool is_good = out != NULL && recording_writer_publish(out, error) &&
                   recording_writer_begin_compacted(out, error);
    if (is_good) {
        write_process(writer, out);
        write_code(writer, out);
        write_sites(writer, out);
        for (size_t i = 0; i < writer->sample_count; i++)
            recording_writer_add(out, RECORDING_sample, &writer->samples[i]);
        recording_writer_add(
            out, RECORDING_end,
            &(struct recording_end){writer->duration_ns, writer->notes.count == 0});
        is_good = recording_writer_finish_compacted(out, error);
    }
    recording_writer_close(out);
    return is_good;
}
