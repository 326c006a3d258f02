#define _GNU_SOURCE
#include "record/snapshot_taker.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/units.h"
#include "record/process_calls.h"
#include "record/process_facts.h"
#include "record/process_images.h"
#include "record/kept_snapshots.h"
#include "record/process_snapshot.h"
#include "record/python_search.h"
#include "record/scan_reason.h"
#include "record/snapshot_job.h"
#include "snapshot/libc_facts.h"
#include "snapshot/memory_limits.h"
#include "snapshot/memory_use.h"

/* A process that holds itself before anybody knows whose it is waits no longer for that. */
#define UNKNOWN_NS UINT64_C(500000000)
/* What a process has in memory, and how near that is to its limits, is read no oftener than this.
 */
#define LOOK_NS    UINT64_C(10000000)

struct snapshot_taker {
    struct snapshot_taker_options options;
    struct sleepers sleepers;
    struct libc_facts libc;
    struct python_search python;
    uint32_t seen_holds;
    uint64_t unknown_since_ticks; /* 0 = all that hold themselves are known */
    uint64_t next_ns;             /* when those at intervals are due */
    bool is_any_due;              /* of some process, by is_interval_due */
    uint64_t next_look_ns;        /* when memory and limits are to be read */
    bool is_any_wanted;           /* of some process, by is_snapshot_wanted */
    struct kept_snapshots kept;   /* of those at intervals */

    /* One that is made beside us; until it is there no other is begun, but where a process ends. */
    struct snapshot_job *job;
    struct recording_snapshot job_head; /* what is known of it beforehand */
    uint64_t job_live_bytes;
    struct recorded_process *job_process; /* borrowed from the tree */
};

struct snapshot_taker *snapshot_taker_create(const struct snapshot_taker_options *options)
{
    struct snapshot_taker *taker = memory_allocate_zeroed(1, sizeof *taker);
    taker->options = *options;
    taker->next_ns = options->interval_ns;
    return taker;
}

void snapshot_taker_destroy(struct snapshot_taker *taker)
{
    if (taker == NULL)
        return;
    sleepers_clear(&taker->sleepers);
    snapshot_job_destroy(taker->job);
    kept_snapshots_clear(&taker->kept);
    python_search_clear(&taker->python);
    free(taker);
}

/* What is told of a process's memory is what another snapshot says of it, if there is one (viewer/
 * analysis/memory_uses): at exit most of it is given back. */
static bool is_measure_wanted(const struct recorded_process *process, enum snapshot_reason reason)
{
    return reason != SNAPSHOT_AT_EXIT || !process->is_measured;
}

/* `snapshot` is initialised and empty, and the caller's to clear. Of one that is made beside us, it
 * has the head only: then *job is set. */
static void look_at(struct snapshot_taker *taker, struct recorded_process *process,
                    struct process_snapshot_request *request, struct snapshot *snapshot,
                    struct snapshot_job **job)
{
    request->budget_ns = taker->options.budget_ns;
    request->way = taker->options.way;
    request->libc = &taker->libc;
    request->python = &taker->python;
    request->roots_off = taker->options.roots_off;
    request->has_no_heuristics = taker->options.has_no_heuristics;
    request->content_limit = taker->options.content_limit;
    request->is_own_child = process->pid == taker->options.command_pid;
    request->may_copy = request->hold_sp == 0 && taker->job == NULL;
    request->is_measure_wanted = is_measure_wanted(process, request->reason);
    process_snapshot_take(taker->options.tree, process, request, &taker->sleepers, snapshot, job);
    process->is_measured |= snapshot->memory != NULL && snapshot->memory->is_measured;
    if (request->mark_ticks != 0)
        snprintf(snapshot->mark, sizeof snapshot->mark, "%s",
                 marks_find(&taker->options.tree->marks, process->id, request->mark_ticks));
}

/* With a number; or has it made: then *job is set. */
static void take_numbered(struct snapshot_taker *taker, struct recorded_process *process,
                          struct process_snapshot_request *request, struct snapshot *snapshot,
                          struct snapshot_job **job)
{
    snapshot->number = recording_output_number_snapshot(taker->options.output);
    look_at(taker, process, request, snapshot, job);
    process->is_scanned |= request->reason == SNAPSHOT_AT_EXIT ||
                           request->reason == SNAPSHOT_AT_EXEC ||
                           request->reason == SNAPSHOT_AT_CRASH;
    process->has_run_out |= snapshot->end == SNAPSHOT_BUDGET;
}

/* The same, and keeps it. */
static bool take(struct snapshot_taker *taker, struct recorded_process *process,
                 struct process_snapshot_request *request, struct snapshot *snapshot,
                 struct error *error)
{
    struct snapshot_job *job = NULL;
    take_numbered(taker, process, request, snapshot, &job);
    if (job == NULL)
        return recording_output_add_snapshot(taker->options.output, snapshot, error);
    struct recording_totals totals;
    heap_model_totals(process->model, &totals);
    taker->job = job;
    taker->job_live_bytes = totals.live_bytes;
    taker->job_process = process;
    taker->job_head = (struct recording_snapshot){.id = snapshot->number,
                                                  .process_id = snapshot->process_id,
                                                  .time_ns = snapshot->time_ns,
                                                  .reason = snapshot->reason,
                                                  .stop_ns = snapshot->stop_ns};
    return true;
}

static bool is_there(const struct recorded_process *process)
{
    return process->model != NULL && !process->is_ended;
}

/* ---- processes that hold themselves --------------------------------------------------- */

/* From the hold that was served, and from no other: one that gave up waiting may stand at its next
 * one. */
static void let_go(struct session_process *shared, uint32_t hold)
{
    atomic_compare_exchange_strong(&shared->hold, &hold, SESSION_HOLD_NONE);
    syscall(SYS_futex, &shared->hold, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* The command may take this process with it when it goes on; of the others there may be thousands,
 * one after the other, and none is to wait for a file. One that holds itself is never copied. */
static bool take_held(struct snapshot_taker *taker, struct recorded_process *process,
                      struct process_snapshot_request *request, struct error *error)
{
    struct snapshot snapshot;
    struct snapshot_job *job = NULL;
    bool is_fine = true;
    snapshot_init(&snapshot);
    if (process->pid == taker->options.command_pid) {
        is_fine = take(taker, process, request, &snapshot, error);
    } else {
        take_numbered(taker, process, request, &snapshot, &job);
        recording_output_defer_snapshot(taker->options.output, &snapshot);
    }
    snapshot_clear(&snapshot);
    return is_fine;
}

static bool serve_one(struct snapshot_taker *taker, struct session_process *shared,
                      struct recorded_process *process, struct error *error)
{
    static const enum snapshot_reason reasons[] = {
        [SESSION_HOLD_BEFORE_EXIT] = SNAPSHOT_AT_BEFORE_EXIT,
        [SESSION_HOLD_EXIT] = SNAPSHOT_AT_EXIT,
        [SESSION_HOLD_EXEC] = SNAPSHOT_AT_EXEC,
        [SESSION_HOLD_CRASH] = SNAPSHOT_AT_CRASH,
    };
    uint32_t hold = atomic_load(&shared->hold), why = hold & SESSION_HOLD_REASONS;
    bool is_fine = true;
    if (why != SESSION_HOLD_NONE && why < sizeof reasons / sizeof *reasons && is_there(process)) {
        struct process_snapshot_request request = {
            .reason = reasons[why],
            .hold_sp = atomic_load(&shared->hold_sp),
            .hold_tid = atomic_load(&shared->hold_tid),
            .quiet_hold = (hold & SESSION_HOLD_IS_QUIET) != 0 ? hold : 0,
        };
        is_fine = take_held(taker, process, &request, error);
    }
    let_go(shared, hold);
    return is_fine;
}

/* Is it to be waited for that somebody tells whose process this is? */
static bool is_patient(struct snapshot_taker *taker)
{
    const struct tick_clock *clock = taker->options.tree->clock;
    uint64_t now = tick_clock_now(clock);
    if (taker->unknown_since_ticks == 0)
        taker->unknown_since_ticks = now;
    return now - taker->unknown_since_ticks < tick_clock_from_ns(clock, UNKNOWN_NS);
}

/* ---- at intervals and levels ---------------------------------------------------------- */

/* Those at intervals are thinned out; of those at peaks the newest stays, if it shows anything. */
static void settle_unasked(struct snapshot_taker *taker, struct recorded_process *process,
                           const struct kept_snapshot *taken, enum snapshot_reason reason,
                           bool is_done)
{
    uint32_t dropped;
    if (reason == SNAPSHOT_AT_INTERVAL &&
        kept_snapshots_add(&taker->kept, taken, taker->options.kept_count, &dropped))
        recording_output_drop_snapshot(taker->options.output, dropped);
    if (reason != SNAPSHOT_AT_PEAK)
        return;
    if (process->has_peak_snapshot)
        recording_output_drop_snapshot(taker->options.output,
                                       is_done ? process->peak_snapshot : taken->number);
    if (is_done) {
        process->has_peak_snapshot = true;
        process->peak_snapshot = taken->number;
    }
}

static bool take_unasked(struct snapshot_taker *taker, struct recorded_process *process,
                         enum snapshot_reason reason, struct error *error)
{
    struct process_snapshot_request request = {.reason = reason};
    struct recording_totals totals;
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    struct snapshot_job *before = taker->job;
    bool is_fine = take(taker, process, &request, &snapshot, error);
    /* What it shows: the model was brought up to date while the process was held. */
    heap_model_totals(process->model, &totals);
    if (reason == SNAPSHOT_AT_PEAK && totals.live_bytes > process->levels_reached.peak_bytes)
        process->levels_reached.peak_bytes = totals.live_bytes;
    if (taker->job == before) {
        struct kept_snapshot taken = {snapshot.number, snapshot.process_id, snapshot.time_ns,
                                      totals.live_bytes};
        settle_unasked(taker, process, &taken, reason, snapshot.end == SNAPSHOT_DONE);
    }
    snapshot_clear(&snapshot);
    return is_fine;
}

static bool has_reached_level(const struct snapshot_taker *taker, struct recorded_process *process,
                              bool is_looking, bool *is_peak)
{
    const struct snapshot_taker_options *options = &taker->options;
    struct snapshot_level_figures figures = {0};
    struct recording_totals totals;
    if (options->level_count == 0)
        return false;
    heap_model_totals(process->model, &totals);
    figures.heap_bytes = totals.live_bytes;
    if (is_looking &&
        snapshot_levels_have(options->levels, options->level_count, SNAPSHOT_LEVEL_RESIDENT))
        figures.resident_bytes = process_facts_resident(process->pid, &process->statm_fd);
    if (is_looking &&
        snapshot_levels_have(options->levels, options->level_count, SNAPSHOT_LEVEL_LIMIT))
        figures.limit_percent = memory_limits_used_percent((pid_t)process->pid);
    return snapshot_levels_check(options->levels, options->level_count, &figures,
                                 &process->levels_reached, is_peak);
}

void snapshot_taker_want(struct snapshot_taker *taker)
{
    const struct process_tree *tree = taker->options.tree;
    for (size_t i = 0; i < tree->count; i++)
        tree->processes[i]->is_snapshot_wanted = is_there(tree->processes[i]);
    taker->is_any_wanted = true;
}

/* One that goes on beside us is waited for: then there is more to do the next time. */
static bool take_wanted(struct snapshot_taker *taker, struct error *error)
{
    const struct process_tree *tree = taker->options.tree;
    bool is_fine = true;
    size_t i = 0;
    for (; taker->is_any_wanted && i < tree->count && taker->job == NULL; i++) {
        struct recorded_process *process = tree->processes[i];
        if (!process->is_snapshot_wanted)
            continue;
        process->is_snapshot_wanted = false;
        if (is_there(process))
            is_fine &= take_unasked(taker, process, SNAPSHOT_AT_REQUEST, is_fine ? error : NULL);
    }
    taker->is_any_wanted &= i < tree->count;
    return is_fine;
}

static uint64_t session_ns(const struct snapshot_taker *taker)
{
    const struct tick_clock *clock = taker->options.tree->clock;
    return tick_clock_to_ns(clock, tick_clock_now(clock));
}

static void make_all_due(struct snapshot_taker *taker)
{
    const struct process_tree *tree = taker->options.tree;
    for (size_t i = 0; i < tree->count; i++)
        tree->processes[i]->is_interval_due = is_there(tree->processes[i]);
    taker->is_any_due = true;
}

/* What a level asks for, or else an interval. While a heap grows there is always a new peak: it and
 * an interval take turns. */
static bool take_if_due(struct snapshot_taker *taker, struct recorded_process *process,
                        bool is_looking, struct error *error)
{
    bool is_peak = false;
    bool has_reached = has_reached_level(taker, process, is_looking, &is_peak);
    bool is_turn_over = is_peak && process->is_interval_due && process->was_peak_last;
    if (has_reached && !is_turn_over) {
        process->was_peak_last = is_peak;
        return take_unasked(taker, process, is_peak ? SNAPSHOT_AT_PEAK : SNAPSHOT_AT_LEVEL, error);
    }
    if (!process->is_interval_due)
        return true;
    process->is_interval_due = process->was_peak_last = false;
    return take_unasked(taker, process, SNAPSHOT_AT_INTERVAL, error);
}

/* Only one large process is read at a time, and nobody is looked at meanwhile: the others' turn is
 * when that is done, and the next interval begins when all have had theirs, so that snapshots which
 * take longer than it do not pile up. */
static bool take_what_is_due(struct snapshot_taker *taker, struct error *error)
{
    const struct process_tree *tree = taker->options.tree;
    if ((taker->options.interval_ns == 0 && taker->options.level_count == 0) || taker->job != NULL)
        return true;
    bool is_fine = true, is_any_left = false;
    uint64_t now = session_ns(taker);
    bool is_looking = now >= taker->next_look_ns;
    if (taker->options.interval_ns != 0 && !taker->is_any_due && now >= taker->next_ns)
        make_all_due(taker);
    for (size_t i = 0; i < tree->count; i++) {
        struct recorded_process *process = tree->processes[i];
        if (taker->job == NULL && is_there(process))
            is_fine &= take_if_due(taker, process, is_looking, is_fine ? error : NULL);
        is_any_left |= process->is_interval_due && is_there(process);
    }
    if (is_looking)
        taker->next_look_ns = now + LOOK_NS;
    if (taker->is_any_due && !is_any_left)
        taker->next_ns = session_ns(taker) + taker->options.interval_ns;
    taker->is_any_due &= is_any_left;
    return is_fine;
}

/* ---- asked for by the program itself -------------------------------------------------- */

static void beat(void *context)
{
    const struct process_tree *tree = context;
    session_host_beat(tree->host, tree->clock);
}

static void count_leaks(struct snapshot_taker *taker, struct recorded_process *process,
                        const struct snapshot *snapshot, enum leak_counts_scope scope,
                        struct leak_counts *counts)
{
    uint8_t *kinds = memory_allocate_zeroed(snapshot->block_count, 1);
    leak_counts_judge(snapshot, kinds, beat, taker->options.tree);
    leak_counts_take(snapshot, kinds, scope, &process->leak_history, counts);
    free(kinds);
}

static bool serve_call(struct snapshot_taker *taker, struct recorded_process *process,
                       const struct process_call *call, struct error *error)
{
    struct process_snapshot_request request = {.reason = SNAPSHOT_AT_CALL,
                                               .hold_sp = call->sp,
                                               .hold_tid = call->tid,
                                               .mark_ticks = call->mark_ticks};
    struct leak_counts counts = {0};
    enum leak_counts_scope scope;
    struct snapshot snapshot;
    bool is_fine = true, is_done = false;
    if (!is_there(process) || taker->options.tree->bytes_per_sample != 0) {
        process_calls_answer(call, false, NULL);
        return true;
    }
    snapshot_init(&snapshot);
    if (process_calls_scope(call, &scope)) {
        look_at(taker, process, &request, &snapshot, &(struct snapshot_job *){NULL});
        is_done = snapshot.end == SNAPSHOT_DONE;
        if (is_done)
            count_leaks(taker, process, &snapshot, scope, &counts);
    } else {
        is_fine = take(taker, process, &request, &snapshot, error);
        is_done = is_fine && snapshot.end == SNAPSHOT_DONE;
    }
    process_calls_answer(call, is_done, &counts);
    snapshot_clear(&snapshot);
    return is_fine;
}

/* ---- on request ----------------------------------------------------------------------- */

static void say_taken(const struct snapshot_taker *taker, uint64_t number, uint64_t block_count,
                      uint64_t stop_ns, uint32_t pid, char answer[SESSION_ANSWER_BYTES])
{
    char duration[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];
    snprintf(answer, SESSION_ANSWER_BYTES,
             "snapshot:%u of process %u: %s block%s, held for %s; in %s", (uint32_t)number, pid,
             units_format_count(block_count, blocks), units_plural(block_count),
             units_format_duration(stop_ns, duration), taker->options.path);
}

static void answer(struct snapshot_taker *taker, bool is_taken,
                   const char text[SESSION_ANSWER_BYTES])
{
    struct session_request *request = &session_host_header(taker->options.tree->host)->request;
    if (atomic_load(&request->state) != SESSION_REQUEST_ASKED)
        return; /* nobody waits for it any more */
    memcpy(request->answer, text, SESSION_ANSWER_BYTES);
    atomic_store(&request->state, is_taken ? SESSION_REQUEST_DONE : SESSION_REQUEST_REFUSED);
    syscall(SYS_futex, &request->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool answer_request(struct snapshot_taker *taker, struct error *error)
{
    struct session_request *asked = &session_host_header(taker->options.tree->host)->request;
    if (atomic_load(&asked->state) != SESSION_REQUEST_ASKED || taker->job != NULL)
        return true;
    uint32_t pid = asked->pid;
    struct recorded_process *process = process_images_find_pid(taker->options.tree, pid);
    char text[SESSION_ANSWER_BYTES] = "";
    if (process == NULL || !is_there(process)) {
        snprintf(text, sizeof text, "process %u is not recorded (any more)", pid);
        answer(taker, false, text);
        return true;
    }
    struct process_snapshot_request request = {.reason = SNAPSHOT_AT_REQUEST};
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    bool is_fine = take(taker, process, &request, &snapshot, error);
    bool is_taken = is_fine && snapshot.end == SNAPSHOT_DONE;
    if (is_taken)
        say_taken(taker, snapshot.number, snapshot.block_count, snapshot.stop_ns, pid, text);
    else
        snprintf(text, sizeof text, "no snapshot of process %u: %.900s", pid,
                 is_fine ? snapshot.note : error->message);
    snapshot_clear(&snapshot);
    if (taker->job == NULL)
        answer(taker, is_taken, text);
    return is_fine;
}

/* ---- made beside us --------------------------------------------------------------------- */

static void say_lost(const struct recording_snapshot *head, struct snapshot *snapshot)
{
    snapshot->process_id = (uint32_t)head->process_id;
    snapshot->time_ns = head->time_ns;
    snapshot->reason = (enum snapshot_reason)head->reason;
    snapshot->stop_ns = head->stop_ns;
    snapshot->end = SNAPSHOT_FAILED;
    snprintf(snapshot->note, sizeof snapshot->note, "what was to read the copy has died");
}

static bool take_in(struct snapshot_taker *taker, struct error *error)
{
    struct recording_output *output = taker->options.output;
    struct recording_snapshot head;
    bool is_there, is_fine = recording_output_add_job(output, taker->job, &head, &is_there, error);
    if (!is_there) {
        struct snapshot snapshot;
        snapshot_init(&snapshot);
        snapshot.number = recording_output_number_snapshot(output);
        say_lost(&taker->job_head, &snapshot);
        is_fine &= recording_output_add_snapshot(output, &snapshot, is_fine ? error : NULL);
        snapshot_clear(&snapshot);
    }
    if (is_there) {
        struct kept_snapshot taken = {(uint32_t)taker->job_head.id,
                                      (uint32_t)taker->job_head.process_id, taker->job_head.time_ns,
                                      taker->job_live_bytes};
        settle_unasked(taker, taker->job_process, &taken,
                       (enum snapshot_reason)taker->job_head.reason, head.end == SNAPSHOT_DONE);
    }
    if (taker->job_head.reason == SNAPSHOT_AT_REQUEST) {
        char text[SESSION_ANSWER_BYTES] = "";
        bool is_taken = is_there && is_fine && head.end == SNAPSHOT_DONE;
        if (is_taken)
            say_taken(taker, head.id, head.block_count, head.stop_ns, taker->job_process->pid,
                      text);
        else
            snprintf(text, sizeof text, "no snapshot of process %u: %.900s",
                     taker->job_process->pid,
                     is_there ? head.note : "what was to read the copy has died");
        answer(taker, is_taken, text);
    }
    free((char *)(uintptr_t)head.note);
    snapshot_job_destroy(taker->job);
    taker->job = NULL;
    return is_fine;
}

static bool look_at_job(struct snapshot_taker *taker, bool is_waited_for, struct error *error)
{
    return taker->job == NULL || !snapshot_job_is_over(taker->job, is_waited_for) ||
           take_in(taker, error);
}

/* ---- all of it ------------------------------------------------------------------------ */

static bool serve_holds(struct snapshot_taker *taker, struct error *error)
{
    struct process_tree *tree = taker->options.tree;
    struct session_header *header = session_host_header(tree->host);
    uint32_t holds = atomic_load(&header->hold_count);
    bool is_fine = true, is_somebody_unknown = false;
    if (holds == taker->seen_holds)
        return true;
    uint32_t high = atomic_load(&header->process_high);
    for (uint32_t slot = 0; slot < high && slot < SESSION_PROCESS_SLOTS; slot++) {
        struct session_process *shared = session_process_at(header, slot);
        struct recorded_process *process = tree->by_slot[slot];
        struct process_call call;
        uint32_t hold = atomic_load(&shared->hold);
        bool is_held = hold != SESSION_HOLD_NONE;
        bool is_calling = process_calls_find(header, slot, &call);
        if (!is_held && !is_calling)
            continue;
        if (process == NULL && is_patient(taker)) {
            is_somebody_unknown = true;
            continue;
        }
        if (is_calling && process != NULL)
            is_fine &= serve_call(taker, process, &call, is_fine ? error : NULL);
        else if (is_calling)
            process_calls_answer(&call, false, NULL);
        if (is_held && process != NULL)
            is_fine &= serve_one(taker, shared, process, is_fine ? error : NULL);
        else if (is_held)
            let_go(shared, hold);
    }
    if (!is_somebody_unknown) {
        taker->seen_holds = holds;
        taker->unknown_since_ticks = 0;
    }
    return is_fine;
}

bool snapshot_taker_serve(struct snapshot_taker *taker, struct error *error)
{
    if (taker->sleepers.count != 0)
        sleepers_settle(&taker->sleepers);
    return serve_holds(taker, error) && look_at_job(taker, false, error) &&
           answer_request(taker, error) && take_wanted(taker, error) &&
           take_what_is_due(taker, error);
}

bool snapshot_taker_finish(struct snapshot_taker *taker, struct error *error)
{
    const struct process_tree *tree = taker->options.tree;
    bool is_fine = look_at_job(taker, true, error);
    for (size_t i = 0; i < tree->count; i++) {
        struct recorded_process *process = tree->processes[i];
        if (process->is_scanned || process->model == NULL)
            continue;
        struct snapshot snapshot;
        snapshot_init(&snapshot);
        snapshot.number = recording_output_number_snapshot(taker->options.output);
        snapshot.process_id = process->id;
        snapshot.reason = SNAPSHOT_AT_EXIT;
        snapshot.time_ns = tick_clock_to_ns(tree->clock, process->end_ticks);
        scan_reason_tell(process, taker->options.is_off, &snapshot);
        recording_output_defer_snapshot(taker->options.output, &snapshot);
    }
    return recording_output_checkpoint(taker->options.output, is_fine ? error : NULL) && is_fine;
}
