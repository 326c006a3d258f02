#define _GNU_SOURCE
#include "record/recording_output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "config.h"
#include "record/frame_names.h"
#include "recording/inherited_sites.h"
#include "snapshot/snapshot_store.h"

/* Deferred snapshots wait no longer than this, and no more of them than this. */
#define DEFERRED_NS UINT64_C(500000000)
enum {
    DEFERRED_SNAPSHOTS = 256,
    DEFERRED_ENTRIES = 100000 /* blocks and references */
};

/* Syncing takes some ten milliseconds, for which the user waits: too much for short sessions, which
 * are run again as soon as they could get lost. */
#define SYNCED_NS UINT64_C(10000000000)

struct recording_output {
    struct recording_output_options options;
    struct frame_names *names;

    /* What stands in the journal already. */
    bool is_session_written;
    size_t written_marks, written_modules, written_strings, written_frames, written_nodes,
        written_names, written_tail_calls;
    bool is_journal_void;   /* it holds records of which later ones did not replace all */
    size_t *open_processes; /* positions of those whose last state may not stand there yet */
    size_t open_count, open_capacity;
    size_t seen_processes;
    uint32_t snapshot_count;

    struct inherited_sites inherited_sites; /* of the process that is being written */

    struct snapshot deferred[DEFERRED_SNAPSHOTS];
    size_t deferred_count;
    uint64_t deferred_entries;
    uint64_t deferred_since_ns;
};

struct recording_output *recording_output_create(const struct recording_output_options *options)
{
    struct recording_output *output = memory_allocate_zeroed(1, sizeof *output);
    output->options = *options;
    output->names = frame_names_create(options->tree, &output->options.symbols);
    return output;
}

void recording_output_destroy(struct recording_output *output)
{
    if (output == NULL)
        return;
    for (size_t i = 0; i < output->deferred_count; i++)
        snapshot_clear(&output->deferred[i]);
    frame_names_destroy(output->names);
    free(output->open_processes);
    inherited_sites_clear(&output->inherited_sites);
    free(output);
}

/* ---- names ---------------------------------------------------------------------------- */

bool recording_output_has_unnamed(const struct recording_output *output)
{
    return frame_names_has_unnamed(output->names);
}

bool recording_output_name_frames(struct recording_output *output, bool is_last)
{
    return frame_names_look_up(output->names, is_last);
}

bool recording_output_is_naming_ready(const struct recording_output *output)
{
    return frame_names_is_ready(output->names);
}

void recording_output_dismiss_naming(struct recording_output *output)
{
    frame_names_dismiss(output->names);
}

bool recording_output_naming_progress(const struct recording_output *output, uint32_t *done,
                                      uint32_t *wanted)
{
    return frame_names_progress(output->names, done, wanted);
}

int recording_output_naming_fd(const struct recording_output *output)
{
    return frame_names_fd(output->names);
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
    size_t first = frame_names_take_detail_change(output->names) ? 0 : output->written_modules;
    for (size_t i = first; i < modules->count; i++) {
        struct recording_module record = {
            .id = i,
            .path = modules->modules[i].path,
            .build_id = {modules->modules[i].build_id, modules->modules[i].build_id_bytes},
            .has_symbols = frame_names_module_detail(output->names, i),
        };
        add(output, RECORDING_module, &record);
    }
    output->written_modules = modules->count;
}

static void write_strings(struct recording_output *output)
{
    const struct string_pool *strings = frame_names_strings(output->names);
    size_t count = string_pool_count(strings);
    size_t first = output->written_strings > 0 ? output->written_strings : 1;
    for (size_t i = first; i < count; i++) {
        struct recording_string record = {
            i, string_pool_text(strings, (struct string_id){(uint32_t)i})};
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
    size_t names = frame_names_count(output->names);
    size_t tail_calls = frame_names_tail_call_count(output->names);
    for (; output->written_names < names; output->written_names++) {
        struct recording_symbol record = frame_names_symbol(output->names, output->written_names);
        add(output, RECORDING_symbol, &record);
    }
    for (; output->written_tail_calls < tail_calls; output->written_tail_calls++) {
        struct recording_tail_calls record = frame_names_tail_calls(output->names,
                                                                    output->written_tail_calls);
        add(output, RECORDING_tail_calls, &record);
    }
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

static void write_inherited_sites(struct recording_output *output, uint64_t process_id)
{
    if (output->inherited_sites.count == 0)
        return;
    struct recording_inherited_sites record = inherited_sites_take(&output->inherited_sites,
                                                                   process_id);
    add(output, RECORDING_inherited_sites, &record);
}

static void write_site(struct recording_output *output, const struct recording_site *site)
{
    if (!inherited_sites_can_hold(site)) {
        add(output, RECORDING_site, site);
        return;
    }
    inherited_sites_add(&output->inherited_sites, site);
    if (inherited_sites_are_many(&output->inherited_sites))
        write_inherited_sites(output, site->process_id);
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
    if (kind == RECORDING_site)
        write_site(output, record);
    else
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
    write_inherited_sites(output, process->id);
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
    output->written_tail_calls = 0;
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

static void add_snapshot_record(void *context, enum recording_kind kind, const void *record)
{
    add(context, kind, record);
}

static bool write_deferred(struct recording_output *output, struct error *error)
{
    if (output->deferred_count == 0)
        return true;
    for (size_t i = 0; i < output->deferred_count; i++) {
        snapshot_write(&output->deferred[i], add_snapshot_record, output);
        snapshot_clear(&output->deferred[i]);
    }
    output->deferred_count = 0;
    output->deferred_entries = 0;
    return recording_writer_flush(output->options.writer, false, error);
}

static bool write_changes(struct recording_output *output, struct error *error)
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

bool recording_output_checkpoint(struct recording_output *output, struct error *error)
{
    bool is_fine = write_changes(output, error);
    return write_deferred(output, is_fine ? error : NULL) && is_fine;
}

bool recording_output_finish(struct recording_output *output, bool is_complete, struct error *error)
{
    struct recording_end end = {now_ns(output), is_complete};
    if (end.duration_ns < SYNCED_NS)
        recording_writer_forgo_sync(output->options.writer);
    bool has_all = output->deferred_count == 0 || recording_output_checkpoint(output, error);
    if (write_everything(output, &end, has_all ? error : NULL))
        return has_all;
    write_everything_again(output);
    if (output->is_journal_void) {
        recording_writer_flush(output->options.writer, true, NULL);
        return false;
    }
    add(output, RECORDING_end, &end);
    return recording_writer_finish_journal(output->options.writer, NULL);
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

void recording_output_defer_snapshot(struct recording_output *output, struct snapshot *snapshot)
{
    if (output->deferred_count == 0)
        output->deferred_since_ns = now_ns(output);
    if (output->deferred_count == DEFERRED_SNAPSHOTS)
        recording_output_checkpoint(output, NULL);
    output->deferred_entries += snapshot->block_count + snapshot->reference_count;
    output->deferred[output->deferred_count++] = *snapshot;
    snapshot_init(snapshot);
}

bool recording_output_is_snapshot_due(const struct recording_output *output)
{
    return output->deferred_count != 0 &&
           (output->deferred_count == DEFERRED_SNAPSHOTS ||
            output->deferred_entries >= DEFERRED_ENTRIES ||
            now_ns(output) - output->deferred_since_ns >= DEFERRED_NS);
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
