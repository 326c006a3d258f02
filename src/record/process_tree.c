/* The order of events. Records of one thread stand in order in its ring; those of different threads
 * of one process are merged by their stamps. A record may be applied when no older one can still
 * come from another thread of that process: each ring promises a bound (intake.c), and the smallest
 * is the watermark. What must wait is copied out of the ring, so that waiting never fills rings.
 * Records that come later than that all the same are marked late, and the model repairs per
 * address.
 *
 * Processes do not wait for each other, but for one thing: a forked child begins with its parent's
 * heap as it was at the fork, so its first record waits until the parent's have been applied up to
 * then. */
#define _GNU_SOURCE
#include "record/process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "record/process_facts.h"
#include "wire/wire_format.h"

/* How long a store of a producer may stay unseen: a store buffer drains within about 2 us. */
#define SLACK_NS        UINT64_C(100000)
/* A thread that sits in one hook for longer is not waited for. */
#define PATIENCE_NS     UINT64_C(1000000000)
/* How long a spawned program may run before its spawner has said so. */
#define SPAWN_NS        UINT64_C(50000000)
#define RETIRE_AFTER_NS UINT64_C(3000000000)
/* A stamp is read before its record is looked for, so this far ahead of a look it cannot be. */
#define FUTURE_NS       UINT64_C(10000000000)
/* Rings are emptied into backlogs when they are this full and must wait. */
enum {
    BLOCKED_SHARE = 4,
    MAX_ANCESTORS = 1000,
    BEAT_BYTES = 4 << 20 /* the heart beats at least this often while backlogs are applied */
};
/* So much backlog of one process ends the waiting. */
#define MAX_BACKLOG_BYTES (UINT64_C(512) << 20)

void process_tree_init(struct process_tree *tree, struct session_host *host,
                       struct tick_clock *clock, uint32_t stack_depth, int epoll_fd)
{
    memset(tree, 0, sizeof *tree);
    tree->host = host;
    tree->clock = clock;
    tree->stack_depth = stack_depth;
    tree->epoll_fd = epoll_fd;
    tree->stacks = stack_table_create();
    tree->files = module_files_create(&tree->modules);
    tree->unwinder = remote_unwind_create(NULL);
    tree->by_slot = memory_allocate_zeroed(SESSION_PROCESS_SLOTS, sizeof *tree->by_slot);
    tree->intakes = memory_allocate_zeroed(SESSION_RING_SLOTS, sizeof *tree->intakes);
    tree->claim_pidfds = memory_allocate(SESSION_PROCESS_SLOTS * sizeof *tree->claim_pidfds);
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++)
        tree->claim_pidfds[slot] = -1;
}

static void drop_expected(struct process_tree *tree, size_t position);

static void clear_view(struct fork_view *view)
{
    heap_model_destroy(view->model);
    module_map_clear(&view->modules);
}

void process_tree_clear(struct process_tree *tree)
{
    for (size_t i = 0; i < tree->view_count; i++)
        clear_view(&tree->views[i]);
    free(tree->views);
    while (tree->expected_count != 0)
        drop_expected(tree, tree->expected_count - 1);
    free(tree->expected);
    /* Children share blocks with their parents: the younger go first. */
    for (size_t i = tree->count; i-- > 0;)
        recorded_process_destroy(tree->processes[i]);
    free(tree->processes);
    for (uint32_t slot = 0; slot < tree->intake_high; slot++)
        intake_destroy(tree->intakes[slot]);
    free(tree->intakes);
    free(tree->newcomers);
    free(tree->by_slot);
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++)
        if (tree->claim_pidfds[slot] >= 0)
            close(tree->claim_pidfds[slot]);
    free(tree->claim_pidfds);
    remote_unwind_destroy(tree->unwinder);
    module_files_destroy(tree->files);
    module_table_clear(&tree->modules);
    stack_table_destroy(tree->stacks);
    memset(tree, 0, sizeof *tree);
}

/* ---- processes ------------------------------------------------------------------------ */

static struct recorded_process *add_process(struct process_tree *tree, uint32_t pid, uint64_t ticks)
{
    struct recorded_process *process = recorded_process_create((uint32_t)tree->count, pid, ticks);
    tree->processes = memory_grow(tree->processes, &tree->capacity, tree->count + 1,
                                  sizeof *tree->processes);
    tree->processes[tree->count++] = process;
    return process;
}

/* The newest image of a pid, or NULL. */
static struct recorded_process *find_pid(const struct process_tree *tree, uint32_t pid)
{
    for (size_t i = tree->count; i-- > 0;)
        if (tree->processes[i]->pid == pid)
            return tree->processes[i];
    return NULL;
}

/* The image that held a slot of the session's process table, which may be gone; or NULL. */
static struct recorded_process *find_image(const struct process_tree *tree, uint32_t pid,
                                           uint32_t slot)
{
    for (size_t i = tree->count; i-- > 0;)
        if (tree->processes[i]->pid == pid && tree->processes[i]->process_slot == slot &&
            tree->processes[i]->is_observed)
            return tree->processes[i];
    return NULL;
}

static void copy_arguments(struct recorded_process *process, char *const *arguments)
{
    size_t count = 0;
    while (arguments[count] != NULL)
        count++;
    for (char **old = process->arguments; *old != NULL; old++)
        free(*old);
    free(process->arguments);
    process->arguments = memory_allocate_zeroed(count + 1, sizeof *process->arguments);
    for (size_t i = 0; i < count; i++)
        process->arguments[i] = memory_duplicate_text(arguments[i]);
}

static void set_executable(struct recorded_process *process, const char *path, size_t length)
{
    free(process->executable);
    process->executable = memory_print_text("%.*s", (int)length, path);
}

struct recorded_process *process_tree_expect(struct process_tree *tree, uint32_t pid,
                                             const char *executable, char *const *arguments)
{
    struct recorded_process *process = add_process(tree, pid, tick_clock_now(tree->clock));
    set_executable(process, executable, strlen(executable));
    copy_arguments(process, arguments);
    process->is_own_image = true;
    return process;
}

static void add_to_epoll(const struct process_tree *tree, int pidfd, uint32_t pid)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = pid};
    if (tree->epoll_fd >= 0)
        epoll_ctl(tree->epoll_fd, EPOLL_CTL_ADD, pidfd, &event);
}

/* A pidfd (which is close-on-exec), whose end is told by the epoll set; -1 = not to be had. */
static int watch_pid(const struct process_tree *tree, uint32_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd >= 0)
        add_to_epoll(tree, pidfd, pid);
    return pidfd;
}

static void answer(_Atomic uint32_t *word)
{
    atomic_fetch_add(word, 1);
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Processes that claimed a slot wait for a moment until they are watched: one that dies at once
 * would otherwise be reaped before its first record is read, and nobody could tell how it ended. */
static void watch_claims(struct process_tree *tree)
{
    struct session_header *header = session_host_header(tree->host);
    uint32_t high = atomic_load(&header->process_high);
    for (uint32_t slot = 0; slot < high && slot < SESSION_PROCESS_SLOTS; slot++) {
        struct session_process *shared = session_process_at(header, slot);
        uint32_t pid = atomic_load_explicit(&shared->pid, memory_order_acquire);
        if (pid == 0 || atomic_load_explicit(&shared->is_watched, memory_order_relaxed) != 0)
            continue;
        if (tree->claim_pidfds[slot] < 0)
            tree->claim_pidfds[slot] = (int)syscall(SYS_pidfd_open, pid, 0);
        answer(&shared->is_watched);
    }
}

static void drop_claim_watch(struct process_tree *tree, uint32_t slot)
{
    if (tree->claim_pidfds[slot] >= 0)
        close(tree->claim_pidfds[slot]);
    tree->claim_pidfds[slot] = -1;
}

static struct heap_model *make_model(const struct process_tree *tree, uint64_t ticks)
{
    struct heap_model_options options = {.start_ns = tick_clock_to_ns(tree->clock, ticks)};
    return heap_model_create(&options);
}

static void end_image(struct process_tree *tree, struct recorded_process *process,
                      enum recording_exit_kind kind, uint64_t value, uint64_t ticks);

static bool begin_anew(struct process_tree *tree, struct recorded_process *process);

static void forget_expected(struct process_tree *tree, uint32_t pid);
static bool is_parent_to_come(const struct process_tree *tree, const struct wire_process *record,
                              uint64_t ticks);
static struct recorded_process *find_parent(struct process_tree *tree,
                                            const struct wire_process *record);

/* A new image by exec: continues the expected command, or the pid's image before. */
static struct recorded_process *start_by_exec(struct process_tree *tree,
                                              const struct wire_process *record, uint64_t ticks)
{
    if (is_parent_to_come(tree, record, ticks))
        return NULL;
    struct recorded_process *before = find_pid(tree, record->pid), *process;
    if (before != NULL && before->model == NULL && before->exit_kind == RECORDING_EXIT_RUNNING &&
        before->reason == NULL) {
        process = before; /* expected */
        process->start_ticks = ticks;
    } else if (before != NULL && begin_anew(tree, before)) {
        process = before;
        process->start_ticks = ticks;
    } else {
        bool is_next_image = before != NULL && !before->is_ended;
        struct recorded_process *parent = is_next_image ? NULL : find_parent(tree, record);
        process = add_process(tree, record->pid, ticks);
        if (is_next_image) {
            process->image = before->image + 1;
            process->parent_id_plus_1 = before->parent_id_plus_1;
            end_image(tree, before, RECORDING_EXIT_EXEC, 0, ticks);
        } else {
            process->parent_id_plus_1 = parent != NULL ? parent->id + 1 : 0;
        }
    }
    forget_expected(tree, record->pid);
    process->is_own_image = true;
    process->model = make_model(tree, ticks);
    const char *texts = (const char *)(record + 1);
    set_executable(process, texts, strnlen(texts, record->executable_bytes));
    char *arguments[WIRE_MAX_TEXT_BYTES + 2];
    char copy[WIRE_MAX_TEXT_BYTES + 1];
    size_t bytes = record->argument_bytes, count = 0;
    memcpy(copy, texts + record->executable_bytes, bytes);
    copy[bytes] = '\0';
    for (size_t at = 0; at < bytes; at += strlen(copy + at) + 1)
        arguments[count++] = copy + at;
    arguments[count] = NULL;
    if (count != 0)
        copy_arguments(process, arguments);
    return process;
}

/* ---- forks ---------------------------------------------------------------------------- */

static void drop_view(struct process_tree *tree, size_t position)
{
    clear_view(&tree->views[position]);
    memmove(tree->views + position, tree->views + position + 1,
            (tree->view_count - position - 1) * sizeof *tree->views);
    tree->view_count--;
}

static void keep_view(struct process_tree *tree, struct recorded_process *parent, uint64_t number,
                      uint64_t ticks)
{
    recorded_process_flush(parent);
    struct fork_view view = {.parent = parent, .number = number};
    view.model = heap_model_fork(parent->model, tick_clock_to_ns(tree->clock, ticks));
    module_map_copy(&view.modules, &parent->modules);
    tree->views = memory_grow(tree->views, &tree->view_capacity, tree->view_count + 1,
                              sizeof *tree->views);
    tree->views[tree->view_count++] = view;
}

/* Has the parent itself not begun yet, because its own first record waits? */
static bool is_parent_waiting(const struct process_tree *tree, const struct wire_process *record)
{
    for (uint32_t slot = 0; slot < tree->intake_high; slot++) {
        const struct intake *intake = tree->intakes[slot];
        if (intake != NULL && !intake->has_process && intake->process_slot == record->parent_slot)
            return true;
    }
    return false;
}

/* The heap that a forked child began with. NULL with *must_wait: the parent's records have not been
 * applied so far, or it is not known yet which of several forks this is. */
static struct fork_view *find_view(struct process_tree *tree, const struct wire_process *record,
                                   uint64_t ticks, struct recorded_process **parent,
                                   bool *must_wait)
{
    *must_wait = false;
    *parent = find_image(tree, record->parent_image_pid, record->parent_slot);
    if (*parent == NULL && is_parent_waiting(tree, record)) {
        *must_wait = true;
        return NULL;
    }
    struct fork_view *candidate = NULL;
    size_t candidates = 0;
    for (size_t i = 0; i < tree->view_count; i++) {
        struct fork_view *view = &tree->views[i];
        if (view->child_pid == record->pid) {
            *parent = view->parent;
            return view;
        }
        if ((!view->is_done || view->child_pid == UINT32_MAX) && view->parent == *parent) {
            candidate = view;
            candidates++;
        }
    }
    bool is_parent_behind = *parent != NULL && !(*parent)->is_ended && (*parent)->model != NULL &&
                            (*parent)->applied_ticks < ticks &&
                            tick_clock_now(tree->clock) - ticks <
                                tick_clock_from_ns(tree->clock, 2 * PATIENCE_NS);
    if (candidates == 1 && !is_parent_behind)
        return candidate;
    *must_wait = is_parent_behind || (candidates > 1 && !(*parent)->is_ended);
    return candidates == 1 && !*must_wait ? candidate : NULL;
}

static struct recorded_process *start_by_fork(struct process_tree *tree,
                                              const struct wire_process *record, uint64_t ticks)
{
    bool must_wait;
    struct recorded_process *parent;
    struct fork_view *view = find_view(tree, record, ticks, &parent, &must_wait);
    if (must_wait && !tree->is_finishing)
        return NULL;
    struct recorded_process *process = add_process(tree, record->pid, ticks);
    if (view != NULL) {
        process->model = view->model;
        process->modules = view->modules;
        view->model = NULL;
        module_map_init(&view->modules);
        drop_view(tree, (size_t)(view - tree->views));
    } else if (parent != NULL && parent->model != NULL) {
        recorded_process_flush(parent);
        process->model = heap_model_fork(parent->model, tick_clock_to_ns(tree->clock, ticks));
        module_map_copy(&process->modules, &parent->modules);
    } else {
        process->model = make_model(tree, ticks);
    }
    if (parent != NULL) {
        process->parent_id_plus_1 = parent->id + 1;
        set_executable(process, parent->executable, strlen(parent->executable));
        copy_arguments(process, parent->arguments);
        process->allocator_name = parent->allocator_name;
    }
    return process;
}

/* ---- rings ---------------------------------------------------------------------------- */

static struct ring_control *ring_at(const struct process_tree *tree, uint32_t slot)
{
    return (void *)((char *)session_host_header(tree->host) + session_ring_offset(slot));
}

static void attach(struct recorded_process *process, struct intake *intake)
{
    process->intakes = memory_grow(process->intakes, &process->intake_capacity,
                                   process->intake_count + 1, sizeof *process->intakes);
    process->intakes[process->intake_count++] = intake;
}

static const char *allocator_name(uint32_t allocator)
{
    static const char *const names[WIRE_ALLOCATOR_COUNT] = {"unknown",  "glibc",    "jemalloc",
                                                            "tcmalloc", "mimalloc", "musl"};
    return names[allocator < WIRE_ALLOCATOR_COUNT ? allocator : WIRE_ALLOCATOR_UNKNOWN];
}

/* The pidfd of a claim becomes the process's. */
static int take_watch(struct process_tree *tree, uint32_t slot)
{
    int pidfd = tree->claim_pidfds[slot];
    tree->claim_pidfds[slot] = -1;
    if (pidfd >= 0)
        add_to_epoll(tree, pidfd,
                     atomic_load(&session_process_at(session_host_header(tree->host), slot)->pid));
    return pidfd;
}

/* The first record of a process. False: it must wait for its parent. */
static bool start_process(struct process_tree *tree, struct intake *intake)
{
    uint64_t copy[(sizeof(struct wire_process) + 2 * WIRE_MAX_TEXT_BYTES) / 8 + 2];
    size_t size = intake->size < sizeof copy ? intake->size : sizeof copy;
    memcpy(copy, intake->at, size);
    const struct wire_process *record = (const void *)copy;
    if (record->executable_bytes > WIRE_MAX_TEXT_BYTES ||
        record->argument_bytes > WIRE_MAX_TEXT_BYTES ||
        sizeof *record + record->executable_bytes + record->argument_bytes > size) {
        intake_advance(intake); /* malformed: nobody's ring */
        return true;
    }
    struct recorded_process *process = record->origin == WIRE_PROCESS_FORK
                                           ? start_by_fork(tree, record, intake->ticks)
                                           : start_by_exec(tree, record, intake->ticks);
    if (process == NULL)
        return false;
    process->is_observed = true;
    process->process_slot = intake->process_slot;
    process->has_slot = true;
    process->real_malloc = record->real_malloc;
    process->own_bytes = record->own_bytes;
    tree->by_slot[intake->process_slot] = process;
    attach(process, intake);
    if (process->pidfd < 0)
        process->pidfd = take_watch(tree, intake->process_slot);
    if (process->pidfd < 0)
        process->pidfd = watch_pid(tree, process->pid);
    if (record->origin == WIRE_PROCESS_EXEC)
        process->allocator_name = allocator_name(record->allocator);
    intake_advance(intake);
    return true;
}

/* Rings were only ever claimed below this slot. */
static uint32_t ring_high(const struct process_tree *tree)
{
    uint32_t high = atomic_load(&session_host_header(tree->host)->ring_high);
    return high < SESSION_RING_SLOTS ? high : SESSION_RING_SLOTS;
}

/* Takes note of the rings claimed since the last look. */
static void look_for_rings(struct process_tree *tree)
{
    uint32_t high = ring_high(tree);
    for (uint32_t slot = 0; slot < high; slot++) {
        if (tree->intakes[slot] != NULL)
            continue;
        struct ring_control *control = ring_at(tree, slot);
        if (atomic_load_explicit(&control->state, memory_order_acquire) != SESSION_SLOT_CLAIMED ||
            atomic_load_explicit(&control->head, memory_order_acquire) ==
                atomic_load_explicit(&control->tail, memory_order_relaxed))
            continue;
        uint32_t process_slot = *(const volatile uint32_t *)&control->process_slot;
        if (process_slot >= SESSION_PROCESS_SLOTS)
            continue;
        tree->intakes[slot] = intake_create(control, slot, process_slot);
        if (slot >= tree->intake_high)
            tree->intake_high = slot + 1;
    }
}

static struct intake_times look_times(const struct process_tree *tree, uint64_t now)
{
    return (struct intake_times){
        .now_ticks = now,
        .slack_ticks = tick_clock_from_ns(tree->clock, SLACK_NS),
        .patience_ticks = tick_clock_from_ns(tree->clock, PATIENCE_NS),
        .future_ticks = tick_clock_from_ns(tree->clock, FUTURE_NS),
    };
}

static void add_newcomer(struct process_tree *tree, struct intake *intake)
{
    tree->newcomers = memory_grow(tree->newcomers, &tree->newcomer_capacity,
                                  tree->newcomer_count + 1, sizeof *tree->newcomers);
    tree->newcomers[tree->newcomer_count++] = intake;
}

/* Gives rings to their processes; of the others, takes note of those that a process begins with. */
static void gather_newcomers(struct process_tree *tree, uint64_t now)
{
    tree->newcomer_count = 0;
    for (uint32_t slot = 0; slot < tree->intake_high; slot++) {
        struct intake *intake = tree->intakes[slot];
        if (intake == NULL || intake->has_process)
            continue;
        struct intake_times times = look_times(tree, now);
        times.is_alone = true;
        intake_refresh(intake, &times);
        struct recorded_process *process = tree->by_slot[intake->process_slot];
        if (process != NULL) {
            attach(process, intake);
            intake->has_process = true;
            intake_settle(intake, false);
        } else if (intake_has_record(intake) && intake->kind == WIRE_PROCESS) {
            add_newcomer(tree, intake);
        } else {
            intake_settle(intake, true);
        }
    }
}

static int compare_newcomers(const void *left, const void *right)
{
    const struct intake *a = *(struct intake *const *)left, *b = *(struct intake *const *)right;
    return a->ticks != b->ticks ? (a->ticks < b->ticks ? -1 : 1) : (a->slot < b->slot ? -1 : 1);
}

static uint32_t pid_of_newcomer(const struct intake *intake)
{
    return ((const volatile struct wire_process *)intake->at)->pid;
}

/* Images begin in the order of their stamps; when one must wait, the next image of the same pid
 * waits with it. Returns the bytes read. */
static uint64_t start_newcomers(struct process_tree *tree)
{
    uint64_t bytes = 0;
    size_t waiting = 0;
    if (tree->newcomer_count > 1)
        qsort(tree->newcomers, tree->newcomer_count, sizeof *tree->newcomers, compare_newcomers);
    for (size_t i = 0; i < tree->newcomer_count; i++) {
        struct intake *intake = tree->newcomers[i];
        size_t size = intake->size;
        bool must_wait = false;
        for (size_t before = 0; before < waiting; before++)
            must_wait |= pid_of_newcomer(tree->newcomers[before]) == pid_of_newcomer(intake);
        if (must_wait || !start_process(tree, intake)) {
            tree->newcomers[waiting++] = intake;
            continue;
        }
        bytes += size;
        intake->has_process = tree->by_slot[intake->process_slot] != NULL;
        intake_settle(intake, !intake->has_process);
    }
    for (size_t i = 0; i < waiting; i++)
        intake_settle(tree->newcomers[i], true);
    return bytes;
}

/* Rings that wait to belong to a process: some wait for others of them. Returns the bytes read. */
static uint64_t place_rings(struct process_tree *tree, uint64_t now)
{
    uint64_t bytes = 0;
    for (uint64_t more = 1; more != 0; bytes += more) {
        gather_newcomers(tree, now);
        more = tree->newcomer_count != 0 ? start_newcomers(tree) : 0;
    }
    return bytes;
}

/* ---- merging -------------------------------------------------------------------------- */

static bool is_before(const struct intake *a, const struct intake *b)
{
    return a->ticks != b->ticks ? a->ticks < b->ticks : a->slot < b->slot;
}

static void sift_down(struct intake **heap, size_t count, size_t at)
{
    for (;;) {
        size_t first = at, left = 2 * at + 1, right = left + 1;
        if (left < count && is_before(heap[left], heap[first]))
            first = left;
        if (right < count && is_before(heap[right], heap[first]))
            first = right;
        if (first == at)
            return;
        struct intake *moved = heap[at];
        heap[at] = heap[first];
        heap[first] = moved;
        at = first;
    }
}

static uint64_t apply_up_to(struct process_tree *tree, struct recorded_process *process,
                            uint64_t watermark)
{
    struct intake *few[16];
    struct intake **heap = few;
    if (process->intake_count > sizeof few / sizeof *few)
        heap = memory_allocate(process->intake_count * sizeof *heap);
    size_t count = 0;
    for (size_t i = 0; i < process->intake_count; i++)
        if (intake_has_record(process->intakes[i]) && process->intakes[i]->ticks <= watermark)
            heap[count++] = process->intakes[i];
    for (size_t i = count / 2; i-- > 0;)
        sift_down(heap, count, i);
    uint64_t bytes = 0, next_beat = BEAT_BYTES;
    while (count != 0) {
        struct intake *first = heap[0];
        uint64_t limit = watermark;
        for (size_t next = 1; next < 3 && next < count; next++)
            if (heap[next]->ticks < limit)
                limit = heap[next]->ticks;
        do {
            bytes += recorded_process_apply(process, tree, first, limit);
            if (bytes >= next_beat) { /* a long backlog takes its time, but nobody is dead */
                session_host_beat(tree->host, tree->clock);
                next_beat = bytes + BEAT_BYTES;
            }
        } while (intake_has_record(first) && first->ticks <= limit);
        if (first->kind == 0 || first->ticks > watermark)
            heap[0] = heap[--count];
        sift_down(heap, count, 0);
    }
    if (heap != few)
        free(heap);
    return bytes;
}

/* Misuse is worth its stacks: from the first one on, releases of this process carry them. */
static void ask_for_release_stacks(struct recorded_process *process)
{
    if (!process->wants_release_stacks && heap_model_misuse_count(process->model) == 0)
        return;
    process->wants_release_stacks = true;
    for (size_t i = 0; i < process->intake_count; i++)
        atomic_store_explicit(&process->intakes[i]->ring.control->wants_release_stacks, 1,
                              memory_order_relaxed);
}

static uint64_t drain_process(struct process_tree *tree, struct recorded_process *process,
                              uint64_t now, bool is_everything)
{
    struct intake_times times = look_times(tree, now);
    times.is_alone = process->intake_count == 1;
    /* A ring that was claimed after the look for rings may hold records from then on. */
    uint64_t watermark = now > times.slack_ticks ? now - times.slack_ticks : 0;
    uint64_t bound = watermark, backlog = 0;
    for (size_t i = 0; i < process->intake_count; i++) {
        struct intake *intake = process->intakes[i];
        intake_refresh(intake, &times);
        backlog += intake_backlog_bytes(intake);
        if (intake->bound_ticks < bound)
            bound = intake->bound_ticks;
    }
    /* The records of a single ring are in order, whatever else its thread has under way. */
    if (!times.is_alone)
        watermark = bound;
    if (is_everything || backlog > MAX_BACKLOG_BYTES)
        watermark = UINT64_MAX;
    uint64_t bytes = apply_up_to(tree, process, watermark);
    recorded_process_flush(process);
    ask_for_release_stacks(process);
    if (bound > process->applied_ticks)
        process->applied_ticks = bound;
    for (size_t i = 0; i < process->intake_count; i++) {
        struct intake *intake = process->intakes[i];
        process->bad_records += intake->bad_records;
        intake->bad_records = 0;
        uint64_t waiting = intake->ring.head - intake->ring.tail_seen - intake->taken;
        intake_settle(intake, waiting > intake->ring.capacity / BLOCKED_SHARE);
    }
    return bytes;
}

uint64_t process_tree_drain(struct process_tree *tree)
{
    uint64_t now = tick_clock_now(tree->clock);
    session_host_beat(tree->host, tree->clock);
    watch_claims(tree);
    look_for_rings(tree);
    uint64_t bytes = place_rings(tree, now);
    for (size_t i = 0; i < tree->count; i++)
        if (!tree->processes[i]->is_ended && tree->processes[i]->model != NULL)
            bytes += drain_process(tree, tree->processes[i], now, false);
    return bytes;
}

/* ---- ends ----------------------------------------------------------------------------- */

/* Rings of a process that is gone, whose threads never said a word in them. The tid is what a claim
 * writes last: before it, process_slot is nobody's. */
static void free_silent_rings(struct process_tree *tree, uint32_t process_slot)
{
    uint32_t high = ring_high(tree);
    for (uint32_t slot = 0; slot < high; slot++) {
        struct ring_control *control = ring_at(tree, slot);
        if (tree->intakes[slot] == NULL && atomic_load(&control->state) == SESSION_SLOT_CLAIMED &&
            atomic_load(&control->tid) != 0 && control->process_slot == process_slot)
            session_host_free_ring(tree->host, slot);
    }
}

static void release_slots(struct process_tree *tree, struct recorded_process *process)
{
    for (size_t i = 0; i < process->intake_count; i++) {
        struct intake *intake = process->intakes[i];
        process->lost_events += atomic_load(&intake->ring.control->lost_events);
        process->wait_ticks += atomic_load(&intake->ring.control->wait_ticks);
        tree->intakes[intake->slot] = NULL;
        session_host_free_ring(tree->host, intake->slot);
        intake_destroy(intake);
    }
    process->intake_count = 0;
    if (!process->has_slot)
        return;
    struct session_process *shared = session_process_at(session_host_header(tree->host),
                                                        process->process_slot);
    process->own_bytes += atomic_load(&shared->own_bytes) + atomic_load(&shared->ring_bytes);
    tree->by_slot[process->process_slot] = NULL;
    process->has_slot = false;
    drop_claim_watch(tree, process->process_slot);
    free_silent_rings(tree, process->process_slot);
    session_host_free_process(tree->host, process->process_slot);
}

/* How it ended, for a process that is not our child: the kernel tells, or the program did. */
static void find_exit(const struct recorded_process *process, enum recording_exit_kind *kind,
                      uint64_t *value)
{
    int wait_status;
    if (process_facts_exit(process->pid, process->pidfd, &wait_status)) {
        bool is_signal = (wait_status & 0x7f) != 0;
        *kind = is_signal ? RECORDING_EXIT_SIGNAL : RECORDING_EXIT_STATUS;
        *value = is_signal ? (uint64_t)(wait_status & 0x7f) : (uint64_t)(wait_status >> 8 & 0xff);
    } else if (process->is_exit_told) {
        *kind = RECORDING_EXIT_STATUS;
        *value = (uint64_t)(process->exit_told & 0xff);
    }
}

/* What is there is applied, whatever its order. Whoever writes as fast as we read, because it lives
 * on or because somebody else wrote over its ring, is not listened to for ever. */
static void drain_to_the_end(struct process_tree *tree, struct recorded_process *process)
{
    uint64_t begin = tick_clock_now(tree->clock), now = begin;
    while (drain_process(tree, process, now, true) != 0 &&
           now - begin < tick_clock_from_ns(tree->clock, PATIENCE_NS))
        now = tick_clock_now(tree->clock);
}

/* The same for a process that is gone; rings that began to speak after the last look for rings,
 * too. (A ring at its first record is another process's: start_newcomers has it in its hands.) */
static void hear_last_words(struct process_tree *tree, struct recorded_process *process)
{
    look_for_rings(tree);
    for (uint32_t slot = 0; process->has_slot && slot < tree->intake_high; slot++) {
        struct intake *intake = tree->intakes[slot];
        if (intake == NULL || intake->has_process || intake->kind != 0 ||
            intake->process_slot != process->process_slot)
            continue;
        attach(process, intake);
        intake->has_process = true;
    }
    drain_to_the_end(tree, process);
}

/* Nothing of this image can come any more. UNKNOWN = find out. */
static void end_image(struct process_tree *tree, struct recorded_process *process,
                      enum recording_exit_kind kind, uint64_t value, uint64_t ticks)
{
    if (process->is_ended)
        return;
    if (process->model != NULL) {
        hear_last_words(tree, process);
        heap_model_settle(process->model);
    }
    if (kind == RECORDING_EXIT_UNKNOWN)
        find_exit(process, &kind, &value);
    process->is_ended = true;
    process->exit_kind = kind;
    process->exit_value = value;
    process->end_ticks = ticks;
    release_slots(tree, process);
    if (process->pidfd >= 0) {
        close(process->pidfd); /* also takes it out of the epoll set */
        process->pidfd = -1;
    }
    if (process->statm_fd >= 0) {
        close(process->statm_fd);
        process->statm_fd = -1;
    }
}

/* A forked image that made no events of its own before it turned into another by exec is not shown:
 * the new one begins in its place. */
static bool begin_anew(struct process_tree *tree, struct recorded_process *process)
{
    if (process->is_ended || process->is_own_image || process->model == NULL)
        return false;
    hear_last_words(tree, process);
    struct recording_quality quality;
    heap_model_quality(process->model, &quality);
    if (quality.events != 0 || recorded_process_lost_events(process) != 0)
        return false;
    release_slots(tree, process);
    heap_model_destroy(process->model);
    process->model = NULL;
    module_map_clear(&process->modules);
    module_map_init(&process->modules);
    hash_map_clear(&process->frame_cache);
    process->is_exit_told = false;
    process->own_bytes = 0;
    tree->is_journal_void |= process->is_in_journal;
    return true;
}

/* ---- images that are expected --------------------------------------------------------- */

static void drop_expected(struct process_tree *tree, size_t position)
{
    struct expected_image *expected = &tree->expected[position];
    free(expected->path);
    if (expected->pidfd >= 0)
        close(expected->pidfd);
    memmove(expected, expected + 1, (tree->expected_count - position - 1) * sizeof *expected);
    tree->expected_count--;
}

static struct expected_image *find_expected(const struct process_tree *tree, uint32_t pid)
{
    for (size_t i = 0; i < tree->expected_count; i++)
        if (tree->expected[i].pid == pid && pid != UINT32_MAX)
            return &tree->expected[i];
    return NULL;
}

static void forget_expected(struct process_tree *tree, uint32_t pid)
{
    struct expected_image *expected = find_expected(tree, pid);
    if (expected != NULL)
        drop_expected(tree, (size_t)(expected - tree->expected));
}

/* Takes `path` over. */
static void expect(struct process_tree *tree, struct recorded_process *parent, uint32_t pid,
                   const char *reason, uint64_t ticks, char *path)
{
    forget_expected(tree, pid);
    struct expected_image expected = {.pid = pid,
                                      .parent = parent,
                                      .path = path,
                                      .reason = reason,
                                      .ticks = ticks,
                                      .pidfd = pid == UINT32_MAX ? -1 : watch_pid(tree, pid)};
    tree->expected = memory_grow(tree->expected, &tree->expected_capacity, tree->expected_count + 1,
                                 sizeof *tree->expected);
    tree->expected[tree->expected_count++] = expected;
}

/* It will not say hello: it stands in the report without figures, and why. Where the image before
 * it lives on as a forked one that had nothing to tell, it takes that one's place. */
static struct recorded_process *add_unseen(struct process_tree *tree,
                                           struct expected_image *expected)
{
    struct recorded_process *before = expected->pid == UINT32_MAX ? NULL
                                                                  : find_pid(tree, expected->pid);
    struct recorded_process *image;
    if (before != NULL && begin_anew(tree, before)) {
        image = before;
        image->start_ticks = expected->ticks;
        image->is_observed = false;
    } else {
        image = add_process(tree, expected->pid, expected->ticks);
        image->parent_id_plus_1 = expected->parent->id + 1;
        if (before != NULL && !before->is_ended) {
            image->image = before->image + 1;
            image->parent_id_plus_1 = before->parent_id_plus_1;
            end_image(tree, before, RECORDING_EXIT_EXEC, 0, expected->ticks);
        }
    }
    image->is_own_image = true;
    image->allocator_name = "unknown";
    image->reason = memory_duplicate_text(
        expected->reason != NULL ? expected->reason : "the preload did not start in it");
    set_executable(image, expected->path, strlen(expected->path));
    if (image->pidfd < 0) {
        image->pidfd = expected->pidfd;
        expected->pidfd = -1;
    }
    if (expected->pid == UINT32_MAX) {
        image->pid = 0;
        end_image(tree, image, RECORDING_EXIT_UNKNOWN, 0, expected->ticks);
    }
    return image;
}

static struct recorded_process *turn_unseen(struct process_tree *tree,
                                            struct expected_image *expected)
{
    struct expected_image copy = *expected;
    /* Out of the list first: ending the image before may read more records. */
    memmove(expected, expected + 1,
            (tree->expected_count - 1 - (size_t)(expected - tree->expected)) * sizeof *expected);
    tree->expected_count--;
    struct recorded_process *image = add_unseen(tree, &copy);
    free(copy.path);
    if (copy.pidfd >= 0)
        close(copy.pidfd);
    return image;
}

/* The process of that pid, for a child that begins: also one that cannot say hello. */
static uint32_t parent_pid_of(const struct wire_process *record)
{
    return record->parent_pid != 0 ? record->parent_pid : process_facts_parent(record->pid);
}

static uint32_t nearest_known_ancestor(const struct process_tree *tree, uint32_t pid)
{
    for (int step = 0; step < MAX_ANCESTORS && pid > 1; step++) {
        if (find_expected(tree, pid) != NULL || find_pid(tree, pid) != NULL)
            return pid;
        pid = process_facts_parent(pid);
    }
    return 0;
}

/* Its parent may be a program that cannot say hello, spawned by one that had no time yet to say so.
 */
static bool is_parent_to_come(const struct process_tree *tree, const struct wire_process *record,
                              uint64_t ticks)
{
    uint64_t now = tick_clock_now(tree->clock);
    if (tree->is_finishing || find_pid(tree, record->pid) != NULL ||
        now > ticks + tick_clock_from_ns(tree->clock, SPAWN_NS))
        return false;
    uint32_t parent = parent_pid_of(record), known = nearest_known_ancestor(tree, parent);
    return known != 0 && known != parent;
}

/* The process that it descends from: its parent, if that is of the session, or who begot that. */
static struct recorded_process *find_parent(struct process_tree *tree,
                                            const struct wire_process *record)
{
    uint32_t pid = nearest_known_ancestor(tree, parent_pid_of(record));
    struct expected_image *expected = find_expected(tree, pid);
    if (expected != NULL && expected->reason != NULL)
        return turn_unseen(tree, expected);
    return find_pid(tree, pid);
}

/* What cannot be followed is put down as soon as its exec has surely not failed. */
static void sweep_expected(struct process_tree *tree)
{
    for (size_t i = tree->expected_count; i-- > 0;) {
        if (i >= tree->expected_count)
            continue;
        struct expected_image *expected = &tree->expected[i];
        if (expected->reason != NULL && expected->is_confirmed)
            turn_unseen(tree, expected);
        else
            expected->is_confirmed = true;
    }
}

/* Its process is gone (or, at the end of the session, lives on). With filters it may have been seen
 * and not been wanted, which is nobody's loss. */
static void settle_expected(struct process_tree *tree, uint32_t pid)
{
    struct expected_image *expected = find_expected(tree, pid);
    if (expected == NULL)
        return;
    if (expected->reason == NULL && session_host_header(tree->host)->filters[0] != '\0')
        drop_expected(tree, (size_t)(expected - tree->expected));
    else
        turn_unseen(tree, expected);
}

static void drop_views_of_child(struct process_tree *tree, uint32_t pid)
{
    for (size_t i = tree->view_count; i-- > 0;)
        if (tree->views[i].child_pid == pid)
            drop_view(tree, i);
}

void process_tree_end_pid(struct process_tree *tree, uint32_t pid,
                          enum recording_exit_kind exit_kind, uint64_t exit_value)
{
    /* Its first records may still wait for a look, and a later image of it too. */
    process_tree_drain(tree);
    settle_expected(tree, pid);
    struct recorded_process *process = find_pid(tree, pid);
    if (process == NULL || process->is_ended)
        return;
    end_image(tree, process, exit_kind, exit_value, tick_clock_now(tree->clock));
    drop_views_of_child(tree, pid);
}

static bool is_pid_gone(uint32_t pid)
{
    return (int32_t)pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

/* Forked children count as soon as the fork has returned, though they have nothing to tell yet. */
size_t process_tree_living(const struct process_tree *tree)
{
    size_t living = 0;
    for (size_t i = 0; i < tree->count; i++)
        living += !tree->processes[i]->is_ended;
    for (size_t i = 0; i < tree->view_count; i++)
        living += tree->views[i].child_pid != 0 && !is_pid_gone(tree->views[i].child_pid);
    for (size_t i = 0; i < tree->expected_count; i++)
        living += !is_pid_gone(tree->expected[i].pid);
    return living;
}

static bool has_ring(const struct process_tree *tree, uint32_t process_slot)
{
    for (uint32_t slot = 0; slot < tree->intake_high; slot++)
        if (tree->intakes[slot] != NULL && tree->intakes[slot]->process_slot == process_slot)
            return true;
    return false;
}

/* Claims whose process died before it could say who it was. What it left behind before it died is
 * seen by a look after its death. */
static void free_stale_claims(struct process_tree *tree)
{
    struct session_header *header = session_host_header(tree->host);
    uint32_t high = atomic_load(&header->process_high);
    uint32_t gone[SESSION_PROCESS_SLOTS], gone_count = 0;
    for (uint32_t slot = 0; slot < high && slot < SESSION_PROCESS_SLOTS; slot++) {
        struct session_process *shared = session_process_at(header, slot);
        uint32_t pid = atomic_load(&shared->pid);
        if (tree->by_slot[slot] == NULL && atomic_load(&shared->state) == SESSION_SLOT_CLAIMED &&
            pid != 0 && is_pid_gone(pid))
            gone[gone_count++] = slot;
    }
    if (gone_count == 0)
        return;
    look_for_rings(tree);
    for (uint32_t i = 0; i < gone_count; i++) {
        if (has_ring(tree, gone[i]))
            continue;
        free_silent_rings(tree, gone[i]);
        drop_claim_watch(tree, gone[i]);
        session_host_free_process(tree->host, gone[i]);
    }
}

/* The views of children that are gone without a word. One that is gone may have left records that
 * were not looked at yet; so it is given time until the next sweep, and while any ring waits for a
 * parent. */
static void drop_unclaimed_views(struct process_tree *tree)
{
    bool is_ring_waiting = false;
    for (uint32_t slot = 0; slot < tree->intake_high; slot++)
        is_ring_waiting |= tree->intakes[slot] != NULL && !tree->intakes[slot]->has_process;
    for (size_t i = tree->view_count; i-- > 0;) {
        struct fork_view *view = &tree->views[i];
        if (view->is_child_gone && !is_ring_waiting)
            drop_view(tree, i);
        else if (view->child_pid != 0)
            view->is_child_gone = is_pid_gone(view->child_pid);
    }
}

/* The blocks of an image that ended are of no use once nothing that was forked from it can still
 * begin. */
static void retire_ended(struct process_tree *tree, uint64_t now_ns)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct recorded_process *process = tree->processes[i];
        if (!process->is_ended || process->is_retired || process->model == NULL ||
            now_ns < tick_clock_to_ns(tree->clock, process->end_ticks) + RETIRE_AFTER_NS)
            continue;
        bool has_view = false;
        for (size_t view = 0; view < tree->view_count; view++)
            has_view |= tree->views[view].parent == process;
        if (has_view)
            continue;
        heap_model_retire(process->model);
        process->is_retired = true;
    }
}

bool process_tree_knows(const struct process_tree *tree, uint32_t pid)
{
    const struct recorded_process *process = find_pid(tree, pid);
    if ((process != NULL && !process->is_ended) || find_expected(tree, pid) != NULL)
        return true;
    for (size_t i = 0; i < tree->view_count; i++)
        if (tree->views[i].child_pid == pid)
            return true;
    return false;
}

void process_tree_sweep(struct process_tree *tree, uint64_t now_ns)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct recorded_process *process = tree->processes[i];
        if (process->is_ended)
            continue;
        /* (Of the command the launcher tells.) */
        if (process->pidfd < 0 && (process->is_observed || process->id != 0) &&
            is_pid_gone(process->pid)) {
            process_tree_end_pid(tree, process->pid, RECORDING_EXIT_UNKNOWN, 0);
            continue;
        }
        if (process->model == NULL)
            continue;
        uint64_t resident = process_facts_resident(process->pid, &process->statm_fd);
        if (resident > process->peak_resident_bytes)
            process->peak_resident_bytes = resident;
        heap_model_sample(process->model, now_ns, resident);
    }
    if (now_ns - tree->last_sweep_ns < 50000000)
        return;
    tree->last_sweep_ns = now_ns;
    drop_unclaimed_views(tree);
    sweep_expected(tree);
    for (size_t i = tree->expected_count; i-- > 0;)
        if (i < tree->expected_count && tree->expected[i].pidfd < 0 &&
            is_pid_gone(tree->expected[i].pid))
            process_tree_end_pid(tree, tree->expected[i].pid, RECORDING_EXIT_UNKNOWN, 0);
    for (size_t i = 0; i < tree->count; i++) {
        struct recorded_process *process = tree->processes[i];
        if (process->is_ended || process->model == NULL)
            continue;
        uint64_t peak = process_facts_peak_resident(process->pid);
        if (peak > process->peak_resident_bytes)
            process->peak_resident_bytes = peak;
    }
    free_stale_claims(tree);
    retire_ended(tree, now_ns);
}

/* Its end may not have been looked at yet, when the command ended right after it. */
static bool has_pidfd_ended(int pidfd)
{
    struct pollfd look = {.fd = pidfd, .events = POLLIN};
    return poll(&look, 1, 0) == 1;
}

static void drain_until_idle(struct process_tree *tree)
{
    uint64_t begin = tick_clock_now(tree->clock);
    while (process_tree_drain(tree) != 0 &&
           tick_clock_now(tree->clock) - begin < tick_clock_from_ns(tree->clock, PATIENCE_NS))
        ;
}

/* Events in rings of which nobody ever said whose they are. */
static uint64_t count_orphans(const struct process_tree *tree)
{
    uint64_t count = 0;
    for (uint32_t slot = 0; slot < tree->intake_high; slot++) {
        const struct intake *intake = tree->intakes[slot];
        if (intake != NULL && !intake->has_process)
            count += atomic_load(&intake->ring.control->event_count) +
                     atomic_load(&intake->ring.control->lost_events);
    }
    return count;
}

void process_tree_finish(struct process_tree *tree)
{
    drain_until_idle(tree);
    tree->is_finishing = true; /* whoever still waits for a parent's word has waited long enough */
    drain_until_idle(tree);
    for (size_t left = tree->expected_count; left-- > 0 && tree->expected_count != 0;) {
        struct expected_image *last = &tree->expected[tree->expected_count - 1];
        if (last->pid == UINT32_MAX)
            turn_unseen(tree, last);
        else
            settle_expected(tree, last->pid);
    }
    for (size_t i = 0; i < tree->count; i++) {
        struct recorded_process *process = tree->processes[i];
        if (process->is_ended)
            continue;
        if (process->pidfd < 0 ? is_pid_gone(process->pid) : has_pidfd_ended(process->pidfd)) {
            process_tree_end_pid(tree, process->pid, RECORDING_EXIT_UNKNOWN, 0);
            continue;
        }
        if (process->model != NULL) {
            drain_to_the_end(tree, process);
            heap_model_settle(process->model);
        }
        process->end_ticks = tick_clock_now(tree->clock);
    }
    tree->refused_events = atomic_load(&session_host_header(tree->host)->refused_events) +
                           count_orphans(tree);
}

/* ---- records of processes' and threads' lives ---------------------------------------------------
 */

static void apply_thread(struct process_tree *tree, struct recorded_process *process,
                         struct intake *intake, uint64_t tid, uint64_t ticks)
{
    char name[32];
    process_facts_thread_name(process->pid, (uint32_t)tid, name, sizeof name);
    recorded_process_flush(process);
    intake->thread = heap_model_add_thread(process->model, tid, name,
                                           tick_clock_to_ns(tree->clock, ticks));
    intake->has_thread = true;
}

/* Before we read of its exec or spawn; a spawn is told when it is over. */
static bool has_said_hello(const struct recorded_process *image,
                           const struct recorded_process *teller, uint64_t ticks)
{
    if (!image->is_own_image)
        return false;
    return image->start_ticks >= ticks || (image->is_observed && image->pid != teller->pid &&
                                           image->parent_id_plus_1 == teller->id + 1);
}

static void note_exec(struct process_tree *tree, struct recorded_process *process,
                      const uint64_t *record, uint64_t ticks)
{
    static const char *const reasons[] = {
        [WIRE_EXEC_FOLLOWED] = NULL,
        [WIRE_EXEC_STATIC] = "statically linked: nothing can be preloaded",
        [WIRE_EXEC_OTHER_CLASS] = "another kind of program (32-bit, or another machine)",
        [WIRE_EXEC_PRIVILEGED] = "setuid, setgid or with capabilities: the loader ignores preloads",
        [WIRE_EXEC_OTHER_LIBC] = "its loader is not glibc's",
        [WIRE_EXEC_UNREADABLE] = "the preload cannot be read there (chroot or another user)",
        [WIRE_EXEC_NOT_WANTED] = "not to be followed, by options",
        [WIRE_EXEC_SANITIZER] = "built with a sanitizer, which replaces malloc itself",
    };
    uint32_t pid = (uint32_t)record[1];
    if (record[2] >= sizeof reasons / sizeof *reasons)
        return;
    if (pid == UINT32_MAX && record[2] == WIRE_EXEC_FOLLOWED)
        return; /* it will say hello under a number that we do not know yet */
    const struct recorded_process *known = find_pid(tree, pid);
    if (known != NULL && has_said_hello(known, process, ticks))
        return;
    expect(tree, process, pid, reasons[record[2]], ticks,
           memory_print_text("%.*s", (int)record[3], (const char *)(record + 4)));
}

static void apply_exec(struct process_tree *tree, struct recorded_process *process,
                       const uint64_t *record, uint64_t ticks)
{
    note_exec(tree, process, record, ticks);
    if (process->has_slot)
        answer(&session_process_at(session_host_header(tree->host), process->process_slot)
                    ->noted_execs);
}

static void apply_fork_done(struct process_tree *tree, struct recorded_process *process,
                            const uint64_t *record)
{
    for (size_t i = 0; i < tree->view_count; i++) {
        struct fork_view *view = &tree->views[i];
        if (view->parent != process || view->number != record[1])
            continue;
        view->is_done = true;
        view->child_pid = (uint32_t)record[2];
        if (record[2] == 0)
            drop_view(tree, i);
        return;
    }
}

void process_tree_apply_lifecycle(struct process_tree *tree, struct recorded_process *process,
                                  struct intake *intake, const void *record, size_t size)
{
    const uint64_t *words = record;
    uint64_t ticks = intake->ticks;
    (void)size;
    switch (words[0] & 0xff) {
    case WIRE_THREAD:
        apply_thread(tree, process, intake, words[1], ticks);
        break;
    case WIRE_THREAD_END:
        recorded_process_flush(process);
        if (intake->has_thread)
            heap_model_end_thread(process->model, intake->thread,
                                  tick_clock_to_ns(tree->clock, ticks));
        break;
    case WIRE_FORK:
        keep_view(tree, process, words[1], ticks);
        break;
    case WIRE_FORK_DONE:
        apply_fork_done(tree, process, words);
        break;
    case WIRE_EXEC:
        apply_exec(tree, process, words, ticks);
        break;
    case WIRE_EXEC_FAILED:
        forget_expected(tree, (uint32_t)words[1]);
        break;
    case WIRE_EXIT:
        if (words[1] >> 32 == process->pid) {
            process->is_exit_told = true;
            process->exit_told = (int)(uint32_t)words[1];
        }
        break;
    default:
        process->bad_records++;
    }
}
