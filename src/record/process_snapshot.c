/* The order of things matters. First all threads stand still; then whatever they told is taken out
 * of their rings, so that the model knows the blocks of this instant, no more and no less; then a
 * thread that stands in the middle of a call of the malloc family, having told one half of it, is
 * let run for a moment, with all others, until nobody does. What cannot be had that way is settled:
 * a block that left without arriving stays where it was. */
#define _GNU_SOURCE
#include "record/process_snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "heap/heap_model.h"
#include "record/process_blocks.h"
#include "record/process_ends.h"
#include "record/process_facts.h"
#include "record/process_memory.h"
#include "record/process_ranges.h"
#include "record/python_search.h"
#include "record/ring_places.h"
#include "record/stopped_threads.h"
#include "record/thread_frames.h"
#include "snapshot/memory_measure.h"
#include "snapshot/snapshot_scan.h"

#define STOP_NS     UINT64_C(1000000000) /* to be stopped within, at most */
#define HALF_WAY_NS UINT64_C(200000)     /* what a thread gets to end its call */
#define CATCH_UP_NS UINT64_C(5000000000)
#define FRAMES_NS   UINT64_C(100000000) /* of processor time, for the frames of its threads */
/* Up to here one that waits for us is not stopped besides. */
#define QUIET_BYTES (UINT64_C(16) << 20)
enum {
    COPY_PATIENCE = 12, /* a copy may be read for so many times as long as a process may be held */
    MEASURE_PATIENCE = 4,      /* so many times as long as the scan, what all memory is used for */
    CATCH_UP_BYTES = 64 << 10, /* less is left for when it stands still */
    HALF_WAY_TRIES = 10
};

/* Time goes on, and so does our heart: other targets are not to think that we are dead. */
struct beating_clock {
    struct process_tree *tree;
    struct clock clock;
};

static uint64_t read_beating_clock(void *context)
{
    struct beating_clock *beating = context;
    session_host_beat(beating->tree->host, beating->tree->clock);
    return beating->clock.now_ns(beating->clock.context);
}

struct taking {
    struct process_tree *tree;
    struct recorded_process *process;
    const struct process_snapshot_request *request;
    struct snapshot *snapshot;
    struct process_hold hold;
    bool has_ended_hold;
    size_t half_way_count; /* threads that could not be had between two calls */
    struct process_memory reach;
    bool is_copied, is_self_read;
    bool may_copy;
    struct error no_room; /* why not */
    uint64_t resident_bytes;
    struct snapshot_job *job;
    struct clock clock;
    uint64_t begin_ns, deadline_ns;
    uint64_t stop_ns; /* how long it was held */
    uint64_t time_ns; /* the instant, since the session began */

    struct snapshot_block *blocks;
    size_t block_count;
    struct stopped_thread *threads;
    struct process_ranges ranges;
    struct thread_frames frames;
    struct residency residency; /* before anything was read; empty = not known */
    struct memory_use memory;   /* until the snapshot has it */
};

static bool fail(struct taking *taking, enum snapshot_end end, const char *note)
{
    taking->snapshot->end = end;
    size_t length = strnlen(note, sizeof taking->snapshot->note - 1);
    memcpy(taking->snapshot->note, note, length);
    taking->snapshot->note[length] = '\0';
    return false;
}

/* What the process has told so far is no part of holding it, nor is what can be known before. */
static void prepare(struct taking *taking)
{
    pid_t pid = (pid_t)taking->process->pid;
    taking->resident_bytes = process_facts_resident((uint32_t)pid, &taking->process->statm_fd);
    taking->may_copy = taking->request->may_copy &&
                       process_memory_may_copy(pid, taking->resident_bytes, &taking->no_room);
    uint64_t end_ns = taking->clock.now_ns(taking->clock.context) + CATCH_UP_NS;
    while (process_tree_drain(taking->tree) >= CATCH_UP_BYTES &&
           taking->clock.now_ns(taking->clock.context) < end_ns)
        ;
}

/* ---- standing still ------------------------------------------------------------------- */

/* One that waits for us does so only as long as we show that we live, which nobody does who reads
 * a large heap. */
static bool is_soon_read(const struct taking *taking)
{
    return taking->resident_bytes <= QUIET_BYTES;
}

static bool stop(struct taking *taking)
{
    struct error error;
    uint64_t limit_ns = taking->clock.now_ns(taking->clock.context) + STOP_NS;
    if (limit_ns > taking->deadline_ns)
        limit_ns = taking->deadline_ns;
    struct process_hold_request request = {
        .way = taking->request->way,
        .pid = (pid_t)taking->process->pid,
        .is_own_child = taking->request->is_own_child,
        .pidfd = taking->process->pidfd,
        .waiting_tid = taking->request->hold_sp != 0 ? taking->request->hold_tid : 0,
        .quiet_hold = is_soon_read(taking) ? taking->request->quiet_hold : 0,
        .session = session_host_header(taking->tree->host),
        .shared = session_process_at(session_host_header(taking->tree->host),
                                     taking->process->process_slot),
    };
    return process_hold_begin(&taking->hold, &request, &taking->clock, limit_ns, &error) ||
           fail(taking, SNAPSHOT_FAILED, error.message);
}

static const struct stopper_thread *find_holder(const struct taking *taking)
{
    const struct stopper *stopper = &taking->hold.stopper;
    const struct stopper_thread *nearest = NULL;
    uint64_t hold_sp = taking->request->hold_sp;
    if (hold_sp == 0)
        return NULL;
    for (size_t i = 0; i < stopper->count; i++) {
        const struct stopper_thread *thread = &stopper->threads[i];
        uint64_t sp = thread->general[PROCESSOR_WORD_SP];
        if ((uint32_t)thread->tid == taking->request->hold_tid)
            return thread;
        /* In a pid namespace of its own it knows itself by another number: then by its stack. */
        if (sp != 0 && sp <= hold_sp &&
            (nearest == NULL || sp > nearest->general[PROCESSOR_WORD_SP]))
            nearest = thread;
    }
    return nearest;
}

/* How many threads stand inside a call of the malloc family, so that one half of it may be missing?
 * The one that ends the program may, for good: it was called from there. */
static size_t count_half_way(const struct taking *taking)
{
    const struct stopper_thread *holder = find_holder(taking);
    size_t count = 0;
    for (size_t i = 0; i < taking->process->intake_count; i++) {
        const struct ring_control *control = taking->process->intakes[i]->ring.control;
        count += atomic_load(&control->in_hook) != 0 &&
                 atomic_load(&control->state) == SESSION_SLOT_CLAIMED &&
                 (holder == NULL || atomic_load(&control->tid) != taking->request->hold_tid);
    }
    return count;
}

/* One that waits for us all the while is held from the beginning, any other while we hold it. */
static void let_go(struct taking *taking)
{
    const uint64_t since_ns = taking->hold.since_ns;
    process_hold_end(&taking->hold);
    taking->hold.since_ns = 0;
    uint64_t now_ns = taking->clock.now_ns(taking->clock.context);
    if (taking->request->hold_tid != 0)
        taking->stop_ns = now_ns - taking->begin_ns;
    else if (since_ns != 0)
        taking->stop_ns += now_ns - since_ns;
}

/* Looked at twice: what takes no time comes first, but there may be a thread that has not been
 * heard of. */
static bool is_between_calls(struct taking *taking, bool is_last_try)
{
    if (!is_last_try && count_half_way(taking) != 0)
        return false;
    process_ends_hear_last_words(taking->tree, taking->process);
    taking->half_way_count = count_half_way(taking);
    return is_last_try || taking->half_way_count == 0;
}

/* All stand still, and nobody half way; false with the snapshot's end. */
static bool stop_between_calls(struct taking *taking, struct sleepers *sleepers)
{
    for (int tries = 0;; tries++) {
        bool is_stopped = stop(taking);
        if (is_stopped && is_between_calls(taking, tries == HALF_WAY_TRIES))
            return true;
        let_go(taking);
        sleepers_keep(sleepers, &taking->hold.stopper);
        if (!is_stopped)
            return false;
        struct timespec moment = {0, HALF_WAY_NS};
        nanosleep(&moment, NULL);
    }
}

/* ---- what the scan is told ------------------------------------------------------------ */

/* As the thread told it, for one whose registers nobody has asked for. */
static const struct ring_control *find_ring_of_holder(const struct taking *taking)
{
    for (size_t i = 0; i < taking->process->intake_count; i++) {
        const struct ring_control *control = taking->process->intakes[i]->ring.control;
        if (atomic_load(&control->tid) == taking->request->hold_tid)
            return control;
    }
    return NULL;
}

static uint64_t told_thread_pointer(const struct taking *taking)
{
    const struct ring_control *control = find_ring_of_holder(taking);
    return control != NULL ? atomic_load(&control->thread_pointer) : 0;
}

/* Where it keeps its registers. */
static uint64_t told_registers(const struct taking *taking)
{
    const struct ring_control *control = find_ring_of_holder(taking);
    uint64_t told = control != NULL ? atomic_load(&control->kept_registers) : 0;
    return told != 0 ? told : taking->request->hold_sp;
}

static void list_threads(struct taking *taking)
{
    const struct stopper *stopper = &taking->hold.stopper;
    const struct stopper_thread *holder = find_holder(taking);
    taking->threads = memory_allocate_zeroed(stopper->count, sizeof *taking->threads);
    for (size_t i = 0; i < stopper->count; i++) {
        const struct stopper_thread *from = &stopper->threads[i];
        struct stopped_thread *to = &taking->threads[i];
        stopped_thread_fill(to, from);
        process_facts_thread_name((uint32_t)from->pid, to->tid, to->name, sizeof to->name);
        if (from != holder)
            continue;
        to->is_seep_code = true;
        to->has_registers = true;
        to->sp = taking->request->hold_sp;
        to->register_count = 0;
        to->vector_registers = NULL;
        to->vector_register_bytes = 0;
        if (to->thread_pointer == 0)
            to->thread_pointer = told_thread_pointer(taking);
    }
}

/* A thread by which the memory can be reached: a first thread that is gone has none. */
static uint32_t reading_tid(const struct taking *taking)
{
    for (size_t i = 0; i < taking->hold.stopper.count; i++)
        if (taking->hold.stopper.threads[i].state != STOPPER_GONE)
            return (uint32_t)taking->hold.stopper.threads[i].tid;
    return taking->process->pid;
}

static bool is_allocator_foreign(const struct recorded_process *process)
{
    const char *name = process->allocator_name != NULL ? process->allocator_name : "unknown";
    return strcmp(name, "glibc") != 0 && strcmp(name, "unknown") != 0;
}

/* Of the process while it stands still, or of its copy: where the mappings are, too. */
static void find_frames(struct taking *taking, const struct process_reading *reading)
{
    const struct clock clock = clock_processor();
    const struct thread_frames_input input = {
        .tree = taking->tree,
        .process = taking->process,
        .memory = &reading->memory,
        .mappings = &reading->mappings,
        .pid = reading->pid,
        .clock = clock,
        .deadline_ns = clock.now_ns(clock.context) + FRAMES_NS,
    };
    thread_frames_find(&taking->frames, &input);
}

/* ---- all of it ------------------------------------------------------------------------ */

/* Also when the scan failed: it says more than nothing. What is asked for are files of the
 * kernel's, which cost more than all else in a process that is small and no Python. */
static void read_python(struct taking *taking, const struct target_memory *memory,
                        const struct target_mappings *mappings)
{
    struct recorded_process *process = taking->process;
    char nursery[64];
    if (python_search_has_none(taking->request->python, taking->snapshot))
        return;
    bool is_known = process_facts_variable(process->pid, "PYPY_GC_NURSERY", nursery,
                                           sizeof nursery);
    const struct python_runtimes_input input = {
        .memory = memory,
        .mappings = mappings,
        .clock = taking->clock,
        .resident_bytes = process_facts_resident(process->pid, &process->statm_fd),
        .peak_resident_bytes = process_facts_peak_resident(process->pid),
        .nursery_setting = is_known ? nursery : NULL,
        .processor_cache_bytes = process_facts_processor_cache(),
        .native = taking->snapshot,
        .threads = taking->threads,
        .thread_count = taking->hold.stopper.count,
    };
    python_search_read(taking->request->python, &input, taking->snapshot);
}

/* What is in memory, of what stands still, before it is read. */
static void read_residency(struct taking *taking)
{
    struct error error;
    memory_use_init(&taking->memory);
    if (!taking->request->is_measure_wanted)
        return;
    if (!process_memory_read_residency(&taking->reach, &taking->residency, &error))
        snprintf(taking->memory.note, sizeof taking->memory.note, "%.200s", error.message);
}

/* It may take some times as long as the scan did, and there is no answer in parts: that may be as
 * long as the scan may. */
static bool has_time_to_measure(const struct taking *taking)
{
    return taking->snapshot->scan_ns < taking->request->budget_ns / MEASURE_PATIENCE;
}

/* Also when the scan failed, where it left the blocks. */
static void measure_memory(struct taking *taking, const struct target_memory *memory)
{
    struct snapshot *snapshot = taking->snapshot;
    const struct memory_measure_input input = {
        .residency = &taking->residency,
        .memory = memory,
        .blocks = taking->blocks != NULL ? taking->blocks : snapshot->blocks,
        .block_count = taking->block_count,
        .has_foreign_allocator = is_allocator_foreign(taking->process),
        .own = range_list_all(&taking->ranges.own),
        .heap = range_list_all(&taking->ranges.heaps),
        .libc = taking->request->libc,
        .python = snapshot->python,
    };
    if (!taking->request->is_measure_wanted)
        return;
    if (!has_time_to_measure(taking))
        snprintf(taking->memory.note, sizeof taking->memory.note,
                 "the process may not be held for so long");
    else if (taking->residency.mappings.count > 0 &&
             (input.blocks != NULL || input.block_count == 0))
        memory_measure(&input, &taking->memory);
    snapshot->memory = memory_duplicate(&taking->memory, sizeof taking->memory);
    memory_use_init(&taking->memory); /* the snapshot has it now */
}

/* Whose frames would name them. */
static bool has_roots_on_stacks(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->root_count; i++)
        if (snapshot->roots[i].kind == SNAPSHOT_ROOT_STACK)
            return true;
    return false;
}

static bool scan(struct taking *taking)
{
    struct error error;
    struct process_reading reading;
    bool is_done = false;
    if (!process_reading_begin(&reading, &taking->reach, &taking->residency.mappings, &error)) {
        fail(taking, SNAPSHOT_FAILED, error.message);
        goto end;
    }
    struct snapshot_scan_input input = {
        .memory = &reading.memory,
        .mappings = &reading.mappings,
        .blocks = taking->blocks,
        .block_count = taking->block_count,
        .given_blocks = &taking->blocks,
        .threads = taking->threads,
        .thread_count = taking->hold.stopper.count,
        .own = range_list_all(&taking->ranges.own),
        .heap = range_list_all(&taking->ranges.heaps),
        .program = range_list_all(&taking->ranges.program),
        .regions = range_list_all(&taking->ranges.regions),
        .has_foreign_allocator = is_allocator_foreign(taking->process),
        .libc = taking->request->libc,
        .roots_off = taking->request->roots_off,
        .has_no_heuristics = taking->request->has_no_heuristics,
        .content_limit = taking->request->content_limit,
        .clock = taking->clock,
        .deadline_ns = taking->deadline_ns,
    };
    uint64_t begin_ns = taking->clock.now_ns(taking->clock.context);
    is_done = snapshot_scan(&input, taking->snapshot, &error);
    taking->snapshot->scan_ns = taking->clock.now_ns(taking->clock.context) - begin_ns;
    read_python(taking, &reading.memory, &reading.mappings);
    measure_memory(taking, &reading.memory);
    if (is_done && !taking->is_copied && has_roots_on_stacks(taking->snapshot))
        find_frames(taking, &reading);
    if (is_done)
        thread_frames_tell(&taking->frames, taking->snapshot);
end:
    process_reading_end(&reading);
    return is_done;
}

static void end_hold(struct taking *taking)
{
    if (!taking->has_ended_hold) {
        if (!taking->reach.is_copied)
            process_memory_end(&taking->reach);
        /* It looks at once whether we live: it may stand at a hold of its own. */
        session_host_beat(taking->tree->host, taking->tree->clock);
        let_go(taking);
    }
    taking->has_ended_hold = true;
}

static bool reach(struct taking *taking)
{
    struct error error;
    struct session_header *session = session_host_header(taking->tree->host);
    const struct process_memory_input input = {
        .hold = &taking->hold,
        .session = session,
        .shared = session_process_at(session, taking->process->process_slot),
        .pid = (pid_t)taking->process->pid,
        .tid = reading_tid(taking),
        .may_copy = taking->may_copy,
        .no_room = taking->no_room,
        .is_waiting = taking->request->hold_sp != 0,
    };
    if (!process_memory_reach(&taking->reach, &input, &taking->clock, taking->deadline_ns, &error))
        return fail(taking, SNAPSHOT_FAILED, error.message);
    taking->is_copied = taking->reach.is_copied;
    taking->is_self_read = taking->reach.is_served;
    return true;
}

/* Nothing refers to blocks where there are none: the memory need not be looked at. */
static bool is_empty(const struct taking *taking)
{
    struct recording_totals totals;
    heap_model_settle(taking->process->model);
    heap_model_totals(taking->process->model, &totals);
    return totals.live_blocks == 0;
}

/* What the model knows of this instant, and what the memory does. */
static bool read_all(struct taking *taking)
{
    taking->blocks = process_blocks_list(taking->tree, taking->process, &taking->block_count);
    process_ranges_add_mapped(&taking->ranges, taking->process);
    bool is_done = scan(taking);
    if (!process_memory_is_whole(&taking->reach)) {
        snapshot_clear(taking->snapshot);
        return fail(taking, SNAPSHOT_FAILED, "what was read of the process ended meanwhile");
    }
    if (is_done) {
        /* Each may hold a block that nobody has told yet. */
        taking->snapshot->unsure_blocks += taking->half_way_count;
        return true;
    }
    if (taking->snapshot->end == SNAPSHOT_BUDGET && taking->reach.no_copy.message[0] != '\0')
        fail(taking, SNAPSHOT_BUDGET, taking->reach.no_copy.message);
    return false;
}

static void add_note(struct taking *taking)
{
    const char *note = process_hold_note(&taking->hold);
    if (note[0] != '\0')
        snprintf(taking->snapshot->note, sizeof taking->snapshot->note, "%s", note);
}

/* What the scan does not fill in, and a failed one empties. */
static void fill_head(struct taking *taking, uint32_t number, uint64_t stop_ns)
{
    struct snapshot *snapshot = taking->snapshot;
    snapshot->number = number;
    snapshot->process_id = taking->process->id;
    snapshot->reason = taking->request->reason;
    snapshot->time_ns = taking->time_ns;
    snapshot->stop_ns = stop_ns;
    snapshot->is_copied = taking->is_copied;
    snapshot->is_self_read = taking->is_self_read;
    snapshot->resident_bytes = taking->resident_bytes;
}

/* In a child of the recorder, or in the recorder itself where there can be no child. */
static void read_copy(void *context, struct snapshot *snapshot)
{
    struct taking *taking = context;
    uint32_t number = snapshot->number;
    taking->snapshot = snapshot;
    taking->deadline_ns = taking->begin_ns + taking->request->budget_ns * COPY_PATIENCE;
    read_residency(taking);
    if (read_all(taking))
        add_note(taking);
    process_memory_end(&taking->reach);
    fill_head(taking, number, taking->stop_ns);
}

/* Here, and not in the job: what it finds goes into the tree. */
static void find_frames_of_copy(struct taking *taking)
{
    struct process_reading reading;
    if (process_reading_begin(&reading, &taking->reach, NULL, NULL))
        find_frames(taking, &reading);
    process_reading_end(&reading);
}

/* The model stays as it is until it was copied with the recorder: nobody drains meanwhile. */
static bool read_copy_beside(struct taking *taking)
{
    struct error error;
    end_hold(taking);
    find_frames_of_copy(taking);
    taking->job = snapshot_job_start(read_copy, taking, taking->snapshot, taking->reach.copy.pidfd,
                                     &error);
    if (taking->job == NULL)
        read_copy(taking, taking->snapshot);
    return true;
}

static bool take(struct taking *taking, struct sleepers *sleepers)
{
    if (!stop_between_calls(taking, sleepers))
        return false;
    /* It may have become another image before it stood still. */
    if (taking->process->is_ended || taking->process->model == NULL)
        return fail(taking, SNAPSHOT_EXECED, "another program stood there already");
    taking->time_ns = tick_clock_to_ns(taking->tree->clock, tick_clock_now(taking->tree->clock));
    if (taking->hold.is_quiet && is_empty(taking)) {
        taking->snapshot->roots_off = taking->request->roots_off;
        return true;
    }
    if (!reach(taking))
        return false;
    list_threads(taking);
    thread_frames_begin(&taking->frames, &taking->hold.stopper, find_holder(taking),
                        told_registers(taking));
    process_ranges_add_told(&taking->ranges, taking->tree, taking->process);
    if (taking->is_copied) {
        if (process_hold_is_still(&taking->hold))
            return read_copy_beside(taking);
        process_memory_end(&taking->reach);
        return fail(taking, SNAPSHOT_FAILED, "the process went on while it was copied");
    }
    read_residency(taking);
    if (!read_all(taking))
        return false;
    if (!process_hold_is_still(&taking->hold)) {
        snapshot_clear(taking->snapshot);
        return fail(taking, SNAPSHOT_FAILED, "the process went on while it was read");
    }
    add_note(taking);
    return true;
}

void process_snapshot_take(struct process_tree *tree, struct recorded_process *process,
                           const struct process_snapshot_request *request,
                           struct sleepers *sleepers, struct snapshot *snapshot,
                           struct snapshot_job **job)
{
    struct beating_clock beating = {tree, clock_monotonic()};
    struct taking taking = {
        .tree = tree,
        .process = process,
        .request = request,
        .snapshot = snapshot,
        .clock = {read_beating_clock, &beating},
    };
    prepare(&taking);
    taking.begin_ns = taking.clock.now_ns(taking.clock.context);
    taking.deadline_ns = taking.begin_ns + request->budget_ns;
    taking.time_ns = tick_clock_to_ns(tree->clock, tick_clock_now(tree->clock));
    uint32_t number = snapshot->number;
    take(&taking, sleepers);
    end_hold(&taking);
    sleepers_keep(sleepers, &taking.hold.stopper);
    fill_head(&taking, number, taking.stop_ns);
    *job = taking.job;
    free(taking.blocks);
    free(taking.threads);
    process_ranges_clear(&taking.ranges);
    thread_frames_clear(&taking.frames);
    residency_clear(&taking.residency);
    memory_use_clear(&taking.memory);
}
