/* The session's loop: drain, and between two drains whatever else is due: signals and the end of
 * the command, ends of other processes, samples, checkpoints, names. One thread does it all, in
 * small steps, so no lock is needed and rings are emptied every few hundred microseconds at worst.
 */
#define _GNU_SOURCE
#include "record/recorder.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "record/launcher.h"
#include "record/naming.h"
#include "record/oracle_note.h"
#include "record/own_allocators.h"
#include "record/process_facts.h"
#include "record/process_tree.h"
#include "record/recording_name.h"
#include "record/recording_output.h"
#include "record/session_host.h"
#include "record/session_wishes.h"
#include "record/snapshot_taker.h"
#include "record/target_check.h"
#include "record/tick_clock.h"
#include "record/uncalled_families.h"
#include "wire/wire_format.h"

enum {
    DEFAULT_STACK_DEPTH = 256,
    MIN_STACK_DEPTH = 4,
    MUCH_NEWS_BYTES = 4 << 10, /* of one look: more will be there at once */
    NAP_US = 200,
    LONG_NAP_US = 5000, /* while there are news at all */
    SLEEP_US = 20000,
    LONG_SLEEP_US = 100000, /* when nobody asked for snapshots at a distance or level */
    SHORT_SLEEP_US = 1000,  /* when somebody cannot wake it */
    MAX_ANCESTORS = 1000,
    DEFAULT_KEPT_SNAPSHOTS = 8,
    KEPT_FREE_BYTES = 4 << 20,
    HOLD_EXTRA_MS = 10000 /* beyond the scan's budget: for what it told before, and for others */
};
#define DEFAULT_CHECKPOINT_NS  UINT64_C(5000000000)
#define DEFAULT_SCAN_BUDGET_NS UINT64_C(5000000000)
#define SAMPLE_NS              UINT64_C(10000000)
/* The first checkpoint comes early, the next ones at twice the age, up to the usual distance: a
 * session that is killed young has something in its journal, too. */
#define FIRST_CHECKPOINT_NS    UINT64_C(100000000)
/* Within the usual distance, checkpoints take at most this part of the time. */
#define CHECKPOINT_COST_FACTOR 16
/* Epoll data of what is not a pid. */
#define TAG_LAUNCHER           UINT64_MAX
#define TAG_WAKE               (UINT64_MAX - 1)
#define TAG_DOOR               (UINT64_MAX - 2)

struct recorder {
    const struct record_options *options;
    struct record_outcome *outcome;
    struct tick_clock clock;
    struct session_host *host;
    struct launcher *launcher;
    struct recording_writer *writer;
    struct recording_output *output;
    struct snapshot_taker *taker;
    struct process_tree tree;
    bool has_tree;
    int epoll_fd;
    uint64_t start_wall_ns;
    uint64_t checkpoint_ns;
    uint64_t scan_budget_ns;
    uint64_t next_checkpoint_ns, next_sample_ns;
    uint64_t next_asked_checkpoint_ns; /* one that is asked for from outside comes no sooner */
    struct naming naming;
    uint64_t stack_depth;
    unsigned nap_us; /* the next one */
    bool has_command_ended;
    uint32_t command_pid;
    const struct target_facts *target;
};

static uint64_t now_ns(const struct recorder *recorder)
{
    return tick_clock_to_ns(&recorder->clock, tick_clock_now(&recorder->clock));
}

/* Trouble after the command started: the command goes on, the end tells. The first one counts. */
static void note_late_error(struct recorder *recorder, const struct error *error)
{
    if (recorder->outcome->late_error.message[0] == '\0')
        recorder->outcome->late_error = *error;
}

/* ---- beginning ------------------------------------------------------------------------ */

static void beat(void *context)
{
    const struct recorder *recorder = context;
    session_host_beat(recorder->host, &recorder->clock);
}

/* Called by the launcher when the command's pid is known and it does not run yet: the output is
 * open before the command starts. */
static bool open_output(void *context, pid_t pid, struct error *error)
{
    struct recorder *recorder = context;
    const struct record_options *options = recorder->options;
    struct recording_name_facts facts = {options->command[0], (uint32_t)pid,
                                         recorder->start_wall_ns};
    const char *pattern = options->output != NULL ? options->output : RECORDING_NAME_DEFAULT;
    char *path = recording_name_expand(pattern, &facts);
    struct recording_writer_options writer = {
        .path = path,
        .is_force = options->is_force,
        .may_replace = options->output != NULL,
        .beat = beat,
        .beat_context = recorder,
    };
    if (getrandom(&writer.session_id, sizeof writer.session_id, 0) < 0)
        writer.session_id = recorder->start_wall_ns ^ (uint64_t)pid;
    recorder->writer = recording_writer_open(&writer, error);
    free(path);
    if (recorder->writer == NULL)
        return false;
    recorder->command_pid = (uint32_t)pid;
    session_host_header(recorder->host)->command_pid = (uint32_t)pid;
    process_tree_init(&recorder->tree, recorder->host, &recorder->clock,
                      (uint32_t)recorder->stack_depth, recorder->epoll_fd);
    recorder->tree.bytes_per_sample = options->bytes_per_sample;
    recorder->tree.is_parking_wanted = options->stop != RECORD_STOP_PTRACE;
    recorder->has_tree = true;
    struct recorded_process *command = process_tree_expect(
        &recorder->tree, (uint32_t)pid, recorder->target->path, options->command);
    if (recorder->target->reason != NULL)
        command->reason = memory_duplicate_text(recorder->target->reason);
    command->own_allocator = recorder->target->own_allocator;
    if (recorder->target->searched_fd >= 0)
        own_allocators_know(recorder->tree.own_allocators, recorder->target->searched_fd,
                            recorder->target->own_allocator);
    return true;
}

static bool watch(struct recorder *recorder, int fd, uint64_t tag, struct error *error)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};
    if (epoll_ctl(recorder->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return error_set_errno(error, errno, "cannot watch a descriptor");
    return true;
}

/* There is a recording of that name: for who reads it afterwards. */
static void note_path(struct recorder *recorder)
{
    if (recorder->outcome->path == NULL)
        recorder->outcome->path = memory_duplicate_text(recording_writer_path(recorder->writer));
}

/* Whenever we are killed, the file that has the name can be read. */
static bool save(struct recorder *recorder, struct error *error)
{
    if (!recording_output_checkpoint(recorder->output, error) ||
        !recording_writer_publish(recorder->writer, error))
        return false;
    note_path(recorder);
    return true;
}

static bool begin(struct recorder *recorder, struct error *error)
{
    const struct record_options *options = recorder->options;
    struct session_settings settings = {
        .preload_path = options->preload_path,
        .stack_depth = (uint32_t)recorder->stack_depth,
        .flags = session_wishes_flags(options),
        .hold_limit_ms = (uint32_t)(recorder->scan_budget_ns / 1000000) + HOLD_EXTRA_MS,
        .bytes_per_sample = options->bytes_per_sample,
        .sampling_seed = session_wishes_seed(options),
        .only = options->only,
        .only_count = options->only_count,
        .skip = options->skip,
        .skip_count = options->skip_count,
        .allocators = options->allocators,
        .allocator_count = options->allocator_count,
    };
    recorder->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (recorder->epoll_fd < 0)
        return error_set_errno(error, errno, "cannot make an epoll descriptor");
    recorder->start_wall_ns = clock_wall_ns();
    tick_clock_start(&recorder->clock);
    recorder->host = session_host_create(&settings, &recorder->clock, error);
    if (recorder->host == NULL)
        return false;
    struct launch_request request = {
        .inherited = recorder->outcome->inherited,
        .command = options->command,
        .preload_path = recorder->target->reason == NULL ? session_host_library_path(recorder->host)
                                                         : NULL,
        .own_signal = options->snapshot_signal,
        .ready = open_output,
        .ready_context = recorder,
    };
    recorder->launcher = launcher_start(&request, &recorder->outcome->command, error);
    if (recorder->launcher == NULL)
        return false;
    if (!watch(recorder, launcher_fd(recorder->launcher), TAG_LAUNCHER, error) ||
        !watch(recorder, session_host_wake_fd(recorder->host), TAG_WAKE, error))
        return false;
    if (session_host_door_fd(recorder->host) >= 0 &&
        !watch(recorder, session_host_door_fd(recorder->host), TAG_DOOR, error))
        return false;
    if (options->is_oracle_wanted)
        recorder->tree.oracle_differs = oracle_note_difference;
    struct recording_output_options output = {
        .writer = recorder->writer,
        .tree = &recorder->tree,
        .symbols = {.debug_folders = options->debug_folders,
                    .debug_folder_count = options->debug_folder_count,
                    .is_debuginfod_allowed = options->is_debuginfod_allowed,
                    .is_line_wanted = true,
                    .cache_folder = options->cache_folder},
        .start_time_unix_ns = recorder->start_wall_ns,
        .stack_depth = recorder->stack_depth,
        .checkpoint_ns = recorder->checkpoint_ns,
        .bytes_per_sample = settings.bytes_per_sample,
        .sampling_seed = settings.sampling_seed,
        .command = options->command,
    };
    recorder->output = recording_output_create(&output);
    struct snapshot_taker_options taker = {
        .tree = &recorder->tree,
        .output = recorder->output,
        .command_pid = recorder->command_pid,
        .is_off = options->is_scan_off,
        .budget_ns = recorder->scan_budget_ns,
        .roots_off = options->roots_off,
        .has_no_heuristics = options->are_heuristics_off,
        .content_limit = options->content_limit,
        .way = session_wishes_hold_way(options),
        .interval_ns = options->snapshot_interval_ns,
        .levels = options->snapshot_levels,
        .level_count = options->snapshot_level_count,
        .kept_count = options->kept_snapshots != 0 ? options->kept_snapshots
                                                   : DEFAULT_KEPT_SNAPSHOTS,
        .path = recording_writer_path(recorder->writer),
    };
    recorder->taker = snapshot_taker_create(&taker);
    if (!save(recorder, error))
        note_late_error(recorder, error);
    session_host_tell_recording(recorder->host, recording_writer_path(recorder->writer));
    return true;
}

/* ---- the loop ------------------------------------------------------------------------- */

static void check_command(struct recorder *recorder)
{
    if (recorder->has_command_ended)
        return;
    struct command_outcome *outcome = &recorder->outcome->command;
    enum launcher_state state = launcher_poll(recorder->launcher, outcome);
    if (launcher_take_signal(recorder->launcher) && recorder->taker != NULL)
        snapshot_taker_want(recorder->taker);
    if (state == LAUNCHER_STOPPED) {
        /* Nobody drains while we stand still: producers drop and count, and wait only as long as it
         * takes to be continued with us. */
        struct session_header *header = session_host_header(recorder->host);
        atomic_store(&header->state, SESSION_PAUSED);
        launcher_stop_self(recorder->launcher);
        atomic_store(&header->state, SESSION_RUNNING);
    } else if (state == LAUNCHER_ENDED) {
        recorder->has_command_ended = true;
        bool is_signal = outcome->kind == COMMAND_SIGNALED;
        process_tree_end_pid(&recorder->tree, recorder->command_pid,
                             is_signal ? RECORDING_EXIT_SIGNAL : RECORDING_EXIT_STATUS,
                             (uint64_t)outcome->value);
    }
}

/* Descends from the command, or is known already (its ancestors may be gone). */
static bool is_of_session(void *context, uint32_t pid)
{
    struct recorder *recorder = context;
    process_tree_drain(&recorder->tree); /* a fork may have been told that was not read yet */
    for (int step = 0; step < MAX_ANCESTORS && pid > 1; step++) {
        if (process_tree_knows(&recorder->tree, pid))
            return true;
        pid = process_facts_parent(pid);
    }
    return false;
}

static void handle_events(struct recorder *recorder, int timeout_ms)
{
    struct epoll_event events[32];
    int count = epoll_wait(recorder->epoll_fd, events, 32, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == TAG_LAUNCHER)
            check_command(recorder);
        else if (events[i].data.u64 == TAG_DOOR)
            session_host_answer(recorder->host, is_of_session, recorder);
        else if (events[i].data.u64 != TAG_WAKE && events[i].data.u64 != recorder->command_pid)
            process_tree_end_pid(&recorder->tree, (uint32_t)events[i].data.u64,
                                 RECORDING_EXIT_UNKNOWN, 0);
    }
}

/* Until there is something to poll for, or a producer whose ring fills wants it. */
static void sleep_for_us(struct recorder *recorder, unsigned us)
{
    struct timespec limit = {0, (long)us * 1000};
    struct pollfd poll = {.fd = recorder->epoll_fd, .events = POLLIN};
    session_host_sleep(recorder->host);
    /* A last look: who filled a ring before it could see that we sleep would wait for nothing. */
    if (process_tree_drain(&recorder->tree) < MUCH_NEWS_BYTES)
        ppoll(&poll, 1, &limit, NULL);
    session_host_wake(recorder->host);
}

static unsigned longest_nap_us(const struct recorder *recorder, uint64_t news_bytes)
{
    if (atomic_load(&session_host_header(recorder->host)->has_sandboxed) != 0)
        return SHORT_SLEEP_US;
    if (news_bytes != 0)
        return LONG_NAP_US;
    bool is_watched = recorder->options->snapshot_interval_ns != 0 ||
                      recorder->options->snapshot_level_count != 0;
    return is_watched ? SLEEP_US : LONG_SLEEP_US;
}

/* Looking costs as much for one event as for hundreds, so little news are left to gather, twice as
 * long each time. The first nap is not to be disturbed but by who waits for an answer:
 * a ring that cannot hold what comes meanwhile grows. In the longer ones any producer may wake us.
 */
static void rest(struct recorder *recorder, uint64_t news_bytes)
{
    if (news_bytes >= MUCH_NEWS_BYTES) {
        recorder->nap_us = NAP_US;
        return;
    }
    unsigned longest_us = longest_nap_us(recorder, news_bytes);
    unsigned us = recorder->nap_us < longest_us ? recorder->nap_us : longest_us;
    if (us <= NAP_US)
        session_host_nap(recorder->host, us);
    else
        sleep_for_us(recorder, us);
    handle_events(recorder, 0);
    recorder->nap_us = us * 2;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The age, at least `least_ns`, at most the usual. */
static uint64_t checkpoint_distance(const struct recorder *recorder, uint64_t least_ns)
{
    uint64_t distance = larger(now_ns(recorder), larger(least_ns, FIRST_CHECKPOINT_NS));
    return distance < recorder->checkpoint_ns ? distance : recorder->checkpoint_ns;
}

/* By a program that looks at the recording while it is written. */
static bool is_checkpoint_asked(const struct recorder *recorder, uint64_t now)
{
    return session_host_asked_checkpoints(recorder->host) &&
           now >= recorder->next_asked_checkpoint_ns;
}

static void checkpoint(struct recorder *recorder, uint64_t now, bool is_asked)
{
    uint32_t asked = session_host_begin_checkpoint(recorder->host);
    struct error error;
    if (is_asked) /* what happened before somebody asked is in it */
        process_tree_drain(&recorder->tree);
    bool is_written = save(recorder, &error);
    if (!is_written)
        note_late_error(recorder, &error);
    uint64_t cost = (now_ns(recorder) - now) * CHECKPOINT_COST_FACTOR;
    recorder->next_checkpoint_ns = now + checkpoint_distance(recorder, cost);
    recorder->next_asked_checkpoint_ns = now + cost;
    session_host_tell_checkpoint(recorder->host, asked, now, is_written);
}

static bool is_over(const struct recorder *recorder)
{
    if (!recorder->has_command_ended)
        return false;
    return recorder->options->wait == RECORD_WAIT_COMMAND ||
           process_tree_living(&recorder->tree) == 0;
}

static void do_what_is_due(struct recorder *recorder)
{
    uint64_t now = now_ns(recorder);
    if (now >= recorder->next_sample_ns) {
        tick_clock_refine(&recorder->clock);
        process_tree_sweep(&recorder->tree, now);
        handle_events(recorder, 0);
        if (!is_over(recorder)) /* else finish does so, later */
            launcher_reap(recorder->launcher);
        /* Longer runs need no finer curve than a thousand points of them. */
        uint64_t interval = now / 1000 > SAMPLE_NS ? now / 1000 : SAMPLE_NS;
        recorder->next_sample_ns = now + interval;
        naming_go_on(&recorder->naming, now);
    }
    bool is_asked = is_checkpoint_asked(recorder, now);
    if (now >= recorder->next_checkpoint_ns || is_asked ||
        recording_output_is_snapshot_due(recorder->output))
        checkpoint(recorder, now, is_asked);
}

static void loop(struct recorder *recorder)
{
    recorder->next_checkpoint_ns = now_ns(recorder) + checkpoint_distance(recorder, 0);
    recorder->nap_us = NAP_US;
    naming_begin(&recorder->naming, recorder->output, &recorder->clock);
    while (!is_over(recorder)) {
        rest(recorder, process_tree_drain(&recorder->tree));
        struct error error;
        if (!snapshot_taker_serve(recorder->taker, &error))
            note_late_error(recorder, &error);
        do_what_is_due(recorder);
    }
}

/* ---- ending --------------------------------------------------------------------------- */

/* Its last image. */
static struct recorded_process *find_command(const struct recorder *recorder)
{
    struct recorded_process *command = NULL;
    for (size_t i = 0; i < recorder->tree.count; i++)
        if (recorder->tree.processes[i]->pid == recorder->command_pid)
            command = recorder->tree.processes[i];
    return command;
}

/* The command's own peak of resident memory, as the kernel counted it: exact also for commands that
 * end between two samples. Only when it had no children, since it may be theirs that it tells. */
static void take_command_peak(struct recorder *recorder)
{
    struct recorded_process *command = find_command(recorder);
    if (command != NULL && recorder->tree.count == 1)
        command->peak_resident_bytes = recorder->outcome->command.peak_resident_bytes;
}

/* In all that ran. */
static void remark_on_families(struct recorder *recorder)
{
    struct recorded_process *command = find_command(recorder);
    uint32_t called = atomic_load(&session_host_header(recorder->host)->allocators_called);
    if (command != NULL && command->is_observed && command->reason == NULL)
        command->reason = uncalled_families_remark(recorder->options->allocators,
                                                   recorder->options->allocator_count, called);
}

static bool is_complete(const struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->tree.count; i++)
        if (recorded_process_lost_events(recorder->tree.processes[i]) != 0 ||
            recorder->tree.processes[i]->bad_records != 0)
            return false;
    return recorder->tree.refused_events == 0;
}

static void finish(struct recorder *recorder)
{
    struct error error;
    process_tree_finish(&recorder->tree);
    remark_on_families(recorder);
    /* Survivors are not recorded any more: let them run free before names are looked up. */
    atomic_store(&session_host_header(recorder->host)->state, SESSION_OVER);
    naming_finish(&recorder->naming, recorder->host, recorder->options->is_progress_shown);
    launcher_reap(recorder->launcher);
    if (!snapshot_taker_finish(recorder->taker, &error))
        note_late_error(recorder, &error);
    if (recording_output_finish(recorder->output, is_complete(recorder), &error)) {
        recorder->outcome->is_recorded = true;
        note_path(recorder);
        recorder->outcome->late_error = (struct error){0}; /* all is written now */
    } else {
        note_late_error(recorder, &error);
    }
    recorder->outcome->oracle_stacks = recorder->tree.oracle_stacks;
    recorder->outcome->oracle_equal_stacks = recorder->tree.oracle_equal_stacks;
}

static void clear(struct recorder *recorder)
{
    snapshot_taker_destroy(recorder->taker);
    recording_output_destroy(recorder->output);
    recording_writer_close(recorder->writer);
    if (recorder->has_tree)
        process_tree_clear(&recorder->tree);
    launcher_close(recorder->launcher);
    session_host_destroy(recorder->host);
    if (recorder->epoll_fd >= 0)
        close(recorder->epoll_fd);
    memory_give_back(); /* a summary is next, which loads the recording */
}

/* What looking at a process took serves for the next one: thousands may end one after the other,
 * and a page that is new costs more than what is done in it. */
static void keep_freed_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, KEPT_FREE_BYTES);
    mallopt(M_MMAP_THRESHOLD, KEPT_FREE_BYTES);
}

bool recorder_run(const struct record_options *options, struct record_outcome *outcome,
                  struct error *error)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->inherited = launcher_inherit();
    if (options->stack_depth != 0 &&
        (options->stack_depth < MIN_STACK_DEPTH || options->stack_depth > WIRE_MAX_FRAMES))
        return error_set(error, "a stack depth of %llu is not possible: %d to %d frames are kept",
                         (unsigned long long)options->stack_depth, MIN_STACK_DEPTH,
                         WIRE_MAX_FRAMES);
    struct target_facts target;
    if (!target_check(options, &target, outcome, error))
        return false;
    struct recorder recorder = {
        .options = options,
        .outcome = outcome,
        .epoll_fd = -1,
        .target = &target,
        .stack_depth = options->stack_depth != 0 ? options->stack_depth : DEFAULT_STACK_DEPTH,
        .checkpoint_ns = options->checkpoint_ns != 0 ? options->checkpoint_ns
                                                     : DEFAULT_CHECKPOINT_NS,
        .scan_budget_ns = options->scan_budget_ns != 0 ? options->scan_budget_ns
                                                       : DEFAULT_SCAN_BUDGET_NS,
    };
    keep_freed_memory();
    bool has_begun = begin(&recorder, error);
    if (has_begun) {
        loop(&recorder);
        take_command_peak(&recorder);
        finish(&recorder);
    } else if (recorder.launcher == NULL && outcome->command.kind == COMMAND_EXITED) {
        outcome->command.kind = COMMAND_NOT_STARTED;
    }
    clear(&recorder);
    target_facts_clear(&target);
    return has_begun;
}
