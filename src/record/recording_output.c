#define _GNU_SOURCE
#include "record/recording_output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/string_pool.h"
#include "config.h"
#include "snapshot/snapshot_store.h"
#include "symbols/symbol_batch.h"

struct frame_name { /* places of its entries, four numbers each, in `entries` */
    uint32_t frame;
    uint32_t entry_count;
    size_t first;
};

struct recording_output {
    struct recording_output_options options;
    struct string_pool *strings;
    struct symbol_batch *batch;
    uint32_t named_frames; /* frames below were in a batch */
    uint32_t batch_end;
    struct frame_name *names;
    size_t name_count, name_capacity;
    uint64_t *entries;
    size_t entry_count, entry_capacity;
    uint8_t *module_details; /* by module id */
    size_t module_detail_count, module_detail_capacity;
    bool have_details_changed;

    /* What stands in the journal already. */
    bool is_session_written;
    size_t written_marks, written_modules, written_strings, written_frames, written_nodes,
        written_names;
    bool is_journal_void;   /* it holds records of which later ones did not replace all */
    size_t *open_processes; /* positions of those whose last state may not stand there yet */
    size_t open_count, open_capacity;
    size_t seen_processes;
    uint32_t snapshot_count;
};

struct recording_output *recording_output_create(const struct recording_output_options *options)
{
    struct recording_output *output = memory_allocate_zeroed(1, sizeof *output);
    output->options = *options;
    output->strings = string_pool_create();
    return output;
}

void recording_output_destroy(struct recording_output *output)
{
    if (output == NULL)
        return;
    symbol_batch_close(output->batch);
    string_pool_destroy(output->strings);
    free(output->names);
    free(output->entries);
    free(output->module_details);
    free(output->open_processes);
    free(output);
}

/* ---- names ---------------------------------------------------------------------------- */

static void take_frame_name(void *context, uint32_t frame,
                            const struct symbol_batch_location *locations, size_t count)
{
    struct recording_output *output = context;
    struct frame_name name = {frame, (uint32_t)(count * 4), output->entry_count};
    output->entries = memory_grow(output->entries, &output->entry_capacity,
                                  output->entry_count + count * 4, sizeof *output->entries);
    for (size_t i = 0; i < count; i++) {
        const char *function = locations[i].function != NULL ? locations[i].function : "";
        const char *file = locations[i].file != NULL ? locations[i].file : "";
        uint64_t *entry = output->entries + output->entry_count;
        entry[0] = string_pool_add(output->strings, function).index;
        entry[1] = string_pool_add(output->strings, file).index;
        entry[2] = locations[i].line;
        entry[3] = locations[i].is_inlined;
        output->entry_count += 4;
    }
    output->names = memory_grow(output->names, &output->name_capacity, output->name_count + 1,
                                sizeof *output->names);
    output->names[output->name_count++] = name;
}

static void take_module_detail(void *context, uint32_t module, enum symbolizer_detail detail,
                               const char *reason)
{
    struct recording_output *output = context;
    (void)reason;
    output->module_details = memory_grow(output->module_details, &output->module_detail_capacity,
                                         module + 1, sizeof *output->module_details);
    while (output->module_detail_count <= module)
        output->module_details[output->module_detail_count++] = 0;
    output->module_details[module] = (uint8_t)detail;
    output->have_details_changed = true;
}

static struct symbolizer_module *list_modules(const struct process_tree *tree)
{
    const struct module_table *table = &tree->modules;
    struct symbolizer_module *modules = memory_allocate(table->count * sizeof *modules);
    for (size_t i = 0; i < table->count; i++)
        modules[i] = (struct symbolizer_module){
            .path = table->modules[i].path,
            .fd = module_files_fd(tree->files, (struct module_id){(uint32_t)i}),
            .build_id = table->modules[i].build_id,
            .build_id_bytes = table->modules[i].build_id_bytes,
        };
    return modules;
}

/* The new frames that can have a name. */
static struct symbol_batch_frame *list_frames(const struct recording_output *output, size_t *count)
{
    const struct process_tree *tree = output->options.tree;
    struct symbol_batch_frame *frames = memory_allocate((output->batch_end - output->named_frames) *
                                                        sizeof *frames);
    *count = 0;
    for (uint32_t id = output->named_frames; id < output->batch_end; id++) {
        struct frame frame = stack_table_frame(tree->stacks, (struct frame_id){id});
        if (frame.kind == RECORDING_FRAME_NATIVE && frame.module_id_plus_1 != 0)
            frames[(*count)++] = (struct symbol_batch_frame){
                id, frame.module_id_plus_1 - 1, frame.is_exact ? frame.offset : frame.offset - 1};
    }
    return frames;
}

/* Those of Python were named by the target. */
static void name_python_frames(struct recording_output *output)
{
    const struct process_tree *tree = output->options.tree;
    for (uint32_t id = output->named_frames; id < output->batch_end; id++) {
        struct frame frame = stack_table_frame(tree->stacks, (struct frame_id){id});
        if (frame.kind != RECORDING_FRAME_PYTHON || frame.offset == 0)
            continue;
        struct python_place place = python_codes_place(tree->python_codes, (uint32_t)frame.offset);
        struct symbol_batch_location location = {
            .function = place.function, .file = place.file, .line = place.line};
        take_frame_name(output, id, &location, 1);
    }
}

static struct symbol_batch *start_batch(const struct recording_output *output)
{
    struct symbol_batch_input input = {
        .modules = list_modules(output->options.tree),
        .module_count = output->options.tree->modules.count,
        .options = &output->options.symbols,
    };
    input.frames = list_frames(output, &input.frame_count);
    struct symbol_batch *batch = symbol_batch_start(&input, NULL);
    free((void *)input.frames);
    free((void *)input.modules);
    return batch;
}

bool recording_output_has_unnamed(const struct recording_output *output)
{
    return output->named_frames < stack_table_frame_count(output->options.tree->stacks);
}

bool recording_output_name_frames(struct recording_output *output)
{
    if (output->batch != NULL) {
        if (!symbol_batch_poll(output->batch))
            return true;
        struct symbol_batch_result result = {output, take_frame_name, take_module_detail};
        symbol_batch_read(output->batch, &result);
        symbol_batch_close(output->batch);
        output->batch = NULL;
        output->named_frames = output->batch_end;
        return false;
    }
    if (!recording_output_has_unnamed(output))
        return false;
    output->batch_end = (uint32_t)stack_table_frame_count(output->options.tree->stacks);
    name_python_frames(output);
    output->batch = start_batch(output);
    if (output->batch == NULL)
        output->named_frames =
            output->batch_end; /* no process to be had: names are lost, not more */
    return output->batch != NULL;
}

bool recording_output_naming_progress(const struct recording_output *output, uint32_t *done,
                                      uint32_t *wanted)
{
    if (output->batch == NULL)
        return false;
    *done = symbol_batch_done_count(output->batch);
    *wanted = symbol_batch_frame_count(output->batch);
    return true;
}

int recording_output_naming_fd(const struct recording_output *output)
{
    return output->batch != NULL ? symbol_batch_fd(output->batch) : -1;
}

/* ---- records -------------------------------------------------------------------------- */

static void add(struct recording_output *output, enum recording_kind kind, const void *record)
{
    recording_writer_add(output->options.writer, kind, record);
}

static uint64_t now_ns(const struct recording_output *output)
{
    const struct tick_clock *clock = output->options.tree->clock;
    return tick_clock_to_ns(clock, tick_clock_now(clock));
}

static size_t count_texts(char *const *texts)
{
    size_t count = 0;
    while (texts[count] != NULL)
        count++;
    return count;
}

static void write_session(struct recording_output *output)
{
    struct utsname system;
    char folder[4096] = "";
    if (uname(&system) != 0)
        memset(&system, 0, sizeof system);
    if (getcwd(folder, sizeof folder) == NULL)
        folder[0] = '\0';
    struct recording_session session = {
        .tool_version = PACKAGE_VERSION,
        .start_time_unix_ns = output->options.start_time_unix_ns,
        .host = system.nodename,
        .kernel = system.release,
        .working_folder = folder,
        .command = {(const char *const *)output->options.command,
                    count_texts(output->options.command)},
        .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
        .stack_depth = output->options.stack_depth,
        .checkpoint_ns = output->options.checkpoint_ns,
        .sample_bytes = output->options.bytes_per_sample,
        .sampling_seed = output->options.sampling_seed,
    };
    add(output, RECORDING_session, &session);
}

static void write_modules(struct recording_output *output)
{
    const struct module_table *modules = &output->options.tree->modules;
    size_t first = output->have_details_changed ? 0 : output->written_modules;
    for (size_t i = first; i < modules->count; i++) {
        struct recording_module record = {
            .id = i,
            .path = modules->modules[i].path,
            .build_id = {modules->modules[i].build_id, modules->modules[i].build_id_bytes},
            .has_symbols = i < output->module_detail_count ? output->module_details[i] : 0,
        };
        add(output, RECORDING_module, &record);
    }
    output->written_modules = modules->count;
    output->have_details_changed = false;
}

static void write_strings(struct recording_output *output)
{
    size_t count = string_pool_count(output->strings);
    size_t first = output->written_strings > 0 ? output->written_strings : 1;
    for (size_t i = first; i < count; i++) {
        struct recording_string record = {
            i, string_pool_text(output->strings, (struct string_id){(uint32_t)i})};
        add(output, RECORDING_string, &record);
    }
    output->written_strings = count;
}

static void write_stacks(struct recording_output *output)
{
    const struct stack_table *stacks = output->options.tree->stacks;
    size_t frames = stack_table_frame_count(stacks), nodes = stack_table_node_count(stacks);
    for (size_t i = output->written_frames; i < frames; i++) {
        struct frame frame = stack_table_frame(stacks, (struct frame_id){(uint32_t)i});
        struct recording_frame record = {i, frame.kind, frame.module_id_plus_1, frame.offset,
                                         frame.is_exact};
        add(output, RECORDING_frame, &record);
    }
    output->written_frames = frames;
    for (size_t i = output->written_nodes > 0 ? output->written_nodes : 1; i < nodes; i++) {
        struct stack_id node = {(uint32_t)i};
        struct recording_stack_node record = {i, stack_table_parent(stacks, node).index,
                                              stack_table_node_frame(stacks, node).index};
        add(output, RECORDING_stack_node, &record);
    }
    output->written_nodes = nodes;
}

static void write_names(struct recording_output *output)
{
    for (size_t i = output->written_names; i < output->name_count; i++) {
        const struct frame_name *name = &output->names[i];
        struct recording_symbol record = {name->frame,
                                          {output->entries + name->first, name->entry_count}};
        add(output, RECORDING_symbol, &record);
    }
    output->written_names = output->name_count;
}

static void write_range(struct recording_output *output, uint64_t process_id,
                        const struct module_range *range)
{
    struct recording_loaded_module record = {
        .process_id = process_id,
        .module_id = range->module.index,
        .start_address = range->start,
        .end_address = range->end,
        .bias = range->bias,
        .load_ns = range->loaded,
        .unload_ns = range->unloaded == UINT64_MAX ? 0 : range->unloaded,
    };
    add(output, RECORDING_loaded_module, &record);
}

/* Where modules stood is written once, with everything: only `info` shows it. */
static void write_ranges(struct recording_output *output, const struct recorded_process *process)
{
    for (size_t i = 0; i < process->modules.count; i++)
        write_range(output, process->id, &process->modules.ranges[i]);
    for (size_t i = 0; i < process->modules.former_count; i++)
        write_range(output, process->id, &process->modules.former[i]);
}

/* Why there are no Python frames; caller frees. */
static char *make_python_note(const struct recorded_process *process)
{
    static const char *const reasons[WIRE_PYTHON_STATE_COUNT] = {
        [WIRE_PYTHON_UNKNOWN_VERSION] = "is not known",
        [WIRE_PYTHON_DEBUG_BUILD] = "is a debug build",
        [WIRE_PYTHON_FREE_THREADED] = "is built without a GIL",
        [WIRE_PYTHON_UNKNOWN_LAYOUT] = "does not keep its data where this version does",
    };
    const char *reason = reasons[process->python_state];
    if (reason == NULL)
        return memory_duplicate_text("");
    return memory_print_text("no Python functions on stacks: CPython %u.%u %s",
                             process->python_version >> 24, process->python_version >> 16 & 0xff,
                             reason);
}

static void write_process(struct recording_output *output, const struct recorded_process *process)
{
    const struct tick_clock *clock = output->options.tree->clock;
    uint64_t start_ns = tick_clock_to_ns(clock, process->start_ticks);
    uint64_t end_ticks = process->end_ticks > process->applied_ticks ? process->end_ticks
                                                                     : process->applied_ticks;
    bool has_own = process->own_allocator != NULL;
    struct recording_process record = {
        .id = process->id,
        .parent_id_plus_1 = process->parent_id_plus_1,
        .pid = process->pid,
        .image = process->image,
        .executable = process->executable,
        .arguments = {(const char *const *)process->arguments, count_texts(process->arguments)},
        .start_ns = start_ns,
        .start_time_unix_ns = output->options.start_time_unix_ns + start_ns,
        .end_ns = tick_clock_to_ns(clock, end_ticks),
        .exit_kind = process->exit_kind,
        .exit_value = process->exit_value,
        .observed = process->is_observed && process->own_allocator == NULL,
        .reason = process->reason != NULL ? process->reason : "",
        .allocator_name = has_own ? process->own_allocator : process->allocator_name,
        .allocator_linkage = has_own                ? "static"
                             : process->is_observed ? "dynamic"
                                                    : "",
        .is_own_image = process->is_own_image,
        .suppressions = process->suppressions != NULL ? process->suppressions : "",
        .python_version = process->python_version,
    };
    char *python_note = make_python_note(process);
    record.python_note = python_note;
    add(output, RECORDING_process, &record);
    free(python_note);
}

static void write_model_record(void *context, enum recording_kind kind, const void *record)
{
    struct recording_output *output = context;
    if (kind == RECORDING_totals) {
        struct recording_totals totals = *(const struct recording_totals *)record;
        struct process_tree *tree = output->options.tree;
        totals.peak_resident_bytes = tree->processes[totals.process_id]->peak_resident_bytes;
        add(output, kind, &totals);
        return;
    }
    add(output, kind, record);
}

static void write_quality(struct recording_output *output, const struct recorded_process *process)
{
    const struct process_tree *tree = output->options.tree;
    struct recording_quality record;
    heap_model_quality(process->model, &record);
    record.process_id = process->id;
    record.lost_events += recorded_process_lost_events(process);
    if (process->id == 0)
        record.lost_events += tree->refused_events;
    record.failed_unwinds = process->failed_unwinds;
    record.truncated_stacks = process->truncated_stacks;
    record.remote_unwinds = process->remote_unwinds;
    record.bad_records += process->bad_records;
    record.wait_ns = tick_clock_to_ns(tree->clock, recorded_process_wait_ticks(process));
    record.own_bytes = process->own_bytes;
    record.approximate_stacks = process->approximate_stacks;
    add(output, RECORDING_quality, &record);
}

static void write_recorder(struct recording_output *output)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t waited = 0;
    const struct process_tree *tree = output->options.tree;
    for (size_t i = 0; i < tree->count; i++)
        waited += recorded_process_wait_ticks(tree->processes[i]);
    struct recording_recorder record = {
        .cpu_ns = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000,
        .peak_resident_bytes = (uint64_t)usage.ru_maxrss * 1024,
        .bottleneck_ns = tick_clock_to_ns(tree->clock, waited),
    };
    add(output, RECORDING_recorder, &record);
}

static void write_marks(struct recording_output *output)
{
    const struct marks *marks = &output->options.tree->marks;
    for (; output->written_marks < marks->count; output->written_marks++) {
        struct recording_mark record = marks_record(&marks->items[output->written_marks]);
        add(output, RECORDING_mark, &record);
    }
}

/* False: its timeline was coarsened. */
static bool write_process_state(struct recording_output *output, struct recorded_process *process,
                                bool is_everything)
{
    write_process(output, process);
    if (process->model == NULL)
        return true;
    bool is_valid = heap_model_write_records(process->model, process->id, is_everything,
                                             write_model_record, output);
    write_quality(output, process);
    if (is_everything)
        write_ranges(output, process);
    process->is_written = process->is_ended;
    process->is_in_journal = true;
    return is_valid;
}

/* Those that ended before the last checkpoint are not looked at again: a session may have thousands
 * of them, and each snapshot begins with a checkpoint. */
static bool write_open_processes(struct recording_output *output)
{
    const struct process_tree *tree = output->options.tree;
    bool is_valid = true;
    size_t kept = 0;
    for (; output->seen_processes < tree->count; output->seen_processes++) {
        output->open_processes = memory_grow(output->open_processes, &output->open_capacity,
                                             output->open_count + 1,
                                             sizeof *output->open_processes);
        output->open_processes[output->open_count++] = output->seen_processes;
    }
    for (size_t i = 0; i < output->open_count; i++) {
        struct recorded_process *process = tree->processes[output->open_processes[i]];
        if (process->is_written)
            continue;
        is_valid &= write_process_state(output, process, false);
        if (!process->is_written)
            output->open_processes[kept++] = output->open_processes[i];
    }
    output->open_count = kept;
    return is_valid;
}

/* False: timelines were coarsened, or a process began anew: what stands in the journal of them is
 * void. */
static bool write_records(struct recording_output *output, bool is_everything)
{
    struct process_tree *tree = output->options.tree;
    bool is_valid = true;
    if (!output->is_session_written || is_everything)
        write_session(output);
    output->is_session_written = true;
    write_modules(output);
    write_strings(output);
    write_stacks(output);
    write_names(output);
    if (is_everything)
        for (size_t i = 0; i < tree->count; i++)
            is_valid &= write_process_state(output, tree->processes[i], true);
    else
        is_valid &= write_open_processes(output);
    write_marks(output);
    is_valid &= !tree->is_journal_void;
    tree->is_journal_void = false;
    return is_valid;
}

static void forget_what_is_written(struct recording_output *output)
{
    output->is_session_written = false;
    output->written_modules = output->written_strings = output->written_marks = 0;
    output->written_frames = output->written_nodes = output->written_names = 0;
}

static bool write_everything(struct recording_output *output, const struct recording_end *end,
                             struct error *error)
{
    if (!recording_writer_begin_compacted(output->options.writer, error))
        return false;
    forget_what_is_written(output);
    output->is_journal_void |= !write_records(output, true);
    write_recorder(output);
    if (end != NULL)
        add(output, RECORDING_end, end);
    if (!recording_writer_finish_compacted(output->options.writer, error))
        return false;
    output->is_journal_void = false;
    return true;
}

/* The compacted file did not fit beside the journal, and took with it what had changed since the
 * last flush: everything goes into the journal once more. */
static void write_everything_again(struct recording_output *output)
{
    forget_what_is_written(output);
    output->is_journal_void |= !write_records(output, true);
    write_recorder(output);
}

bool recording_output_checkpoint(struct recording_output *output, struct error *error)
{
    output->is_journal_void |= !write_records(output, false);
    if (!output->is_journal_void)
        return recording_writer_flush(output->options.writer, false, error);
    if (write_everything(output, NULL, error))
        return true;
    write_everything_again(output);
    recording_writer_flush(output->options.writer, false, NULL);
    return false;
}

bool recording_output_finish(struct recording_output *output, bool is_complete, struct error *error)
{
    struct recording_end end = {now_ns(output), is_complete};
    if (write_everything(output, &end, error))
        return true;
    write_everything_again(output);
    if (output->is_journal_void) {
        recording_writer_flush(output->options.writer, true, NULL);
        return false;
    }
    add(output, RECORDING_end, &end);
    return recording_writer_finish_journal(output->options.writer, NULL);
}

static void add_snapshot_record(void *context, enum recording_kind kind, const void *record)
{
    add(context, kind, record);
}

uint32_t recording_output_number_snapshot(struct recording_output *output)
{
    return output->snapshot_count++;
}

/* What the snapshot names (sites, threads) stands before it; and all of it is in the file before
 * the process goes on, which may take this one with it. */
bool recording_output_add_snapshot(struct recording_output *output, const struct snapshot *snapshot,
                                   struct error *error)
{
    bool is_fine = recording_output_checkpoint(output, error);
    snapshot_write(snapshot, add_snapshot_record, output);
    return recording_writer_flush(output->options.writer, false, is_fine ? error : NULL) && is_fine;
}

bool recording_output_add_job(struct recording_output *output, struct snapshot_job *job,
                              struct recording_snapshot *head, bool *is_there, struct error *error)
{
    bool is_fine = recording_output_checkpoint(output, error);
    *is_there = snapshot_job_take(job, add_snapshot_record, output, head);
    return recording_writer_flush(output->options.writer, false, is_fine ? error : NULL) && is_fine;
}

void recording_output_drop_snapshot(struct recording_output *output, uint32_t number)
{
    recording_writer_drop_snapshot(output->options.writer, number);
}
