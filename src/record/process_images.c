#define _GNU_SOURCE
#include "record/process_images.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "record/fork_views.h"
#include "record/own_allocators.h"
#include "record/process_ends.h"
#include "record/process_facts.h"
#include "wire/wire_format.h"

/* How long a spawned program may run before its spawner has said so. */
#define SPAWN_NS UINT64_C(50000000)
enum {
    MAX_ANCESTORS = 1000,
};

static bool begin_anew(struct process_tree *tree, struct recorded_process *process);
static bool is_parent_to_come(const struct process_tree *tree, const struct wire_process *record,
                              uint64_t ticks);
static struct recorded_process *find_parent(struct process_tree *tree,
                                            const struct wire_process *record);

static struct recorded_process *add_process(struct process_tree *tree, uint32_t pid, uint64_t ticks)
{
    struct recorded_process *process = recorded_process_create((uint32_t)tree->count, pid, ticks);
    tree->processes = memory_grow(tree->processes, &tree->capacity, tree->count + 1,
                                  sizeof *tree->processes);
    tree->processes[tree->count++] = process;
    tree->living = memory_grow(tree->living, &tree->living_capacity, tree->living_count + 1,
                               sizeof *tree->living);
    tree->living[tree->living_count++] = process;
    if (pid == UINT32_MAX)
        return process; /* not known: it is never looked for */
    bool is_new;
    uint64_t *newest = hash_map_put(&tree->by_pid, pid, &is_new);
    process->before = is_new ? NULL : tree->processes[*newest];
    *newest = process->id;
    return process;
}

struct recorded_process *process_images_find_pid(const struct process_tree *tree, uint32_t pid)
{
    const uint64_t *newest = hash_map_find(&tree->by_pid, pid);
    return newest != NULL ? tree->processes[*newest] : NULL;
}

struct recorded_process *process_images_find(const struct process_tree *tree, uint32_t pid,
                                             uint32_t slot)
{
    struct recorded_process *process = process_images_find_pid(tree, pid);
    while (process != NULL && (process->process_slot != slot || !process->is_observed))
        process = process->before;
    return process;
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

void process_images_add_to_epoll(const struct process_tree *tree, int pidfd, uint32_t pid)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = pid};
    if (tree->epoll_fd >= 0)
        epoll_ctl(tree->epoll_fd, EPOLL_CTL_ADD, pidfd, &event);
}

int process_images_watch(const struct process_tree *tree, uint32_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd >= 0)
        process_images_add_to_epoll(tree, pidfd, pid);
    return pidfd;
}

/* Not by closing alone: a child of ours that looks up names has the descriptor, too, and for as
 * long as it lives the end of the process would be news again and again. */
void process_images_end_watch(const struct process_tree *tree, int pidfd)
{
    if (pidfd < 0)
        return;
    if (tree->epoll_fd >= 0)
        epoll_ctl(tree->epoll_fd, EPOLL_CTL_DEL, pidfd, NULL);
    close(pidfd);
}

static struct heap_model *make_model(const struct process_tree *tree, uint64_t ticks)
{
    struct heap_model_options options = {.start_ns = tick_clock_to_ns(tree->clock, ticks),
                                         .bytes_per_sample = tree->bytes_per_sample};
    return heap_model_create(&options);
}

struct recorded_process *process_images_start_by_exec(struct process_tree *tree,
                                                      const struct wire_process *record,
                                                      uint64_t ticks)
{
    if (is_parent_to_come(tree, record, ticks))
        return NULL;
    struct recorded_process *before = process_images_find_pid(tree, record->pid), *process;
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
            process_ends_end_image(tree, before, RECORDING_EXIT_EXEC, 0, ticks);
        } else {
            process->parent_id_plus_1 = parent != NULL ? parent->id + 1 : 0;
        }
    }
    process_images_forget_expected(tree, record->pid);
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

struct recorded_process *process_images_start_by_fork(struct process_tree *tree,
                                                      const struct wire_process *record,
                                                      uint64_t ticks)
{
    bool must_wait;
    struct recorded_process *parent;
    struct fork_view *view = fork_views_find(tree, record, ticks, &parent, &must_wait);
    if (must_wait && !tree->is_finishing)
        return NULL;
    struct recorded_process *process = add_process(tree, record->pid, ticks);
    if (view != NULL) {
        recorded_process_flush(view->parent);
        process->model = view->model;
        heap_model_end_fork(process->model);
        process->modules = view->modules;
        view->model = NULL;
        module_map_init(&view->modules);
        fork_views_drop(tree, (size_t)(view - tree->views));
    } else if (parent != NULL && parent->model != NULL) {
        recorded_process_flush(parent);
        process->model = heap_model_fork(parent->model, tick_clock_to_ns(tree->clock, ticks));
        module_map_copy(&process->modules, &parent->modules);
    } else {
        process->model = make_model(tree, ticks);
    }
    if (parent != NULL) {
        process->parent_id_plus_1 = parent->id + 1;
        if (parent->suppressions != NULL)
            process->suppressions = memory_duplicate_text(parent->suppressions);
        annotations_copy(&process->annotations, &parent->annotations);
        pools_copy(&process->pools, &parent->pools);
        set_executable(process, parent->executable, strlen(parent->executable));
        copy_arguments(process, parent->arguments);
        process->allocator_name = parent->allocator_name;
        process->python_version = parent->python_version;
        process->python_state = parent->python_state;
        process->own_allocator = parent->own_allocator;
        if (parent->own_allocator != NULL)
            process->reason = own_allocators_reason(parent->own_allocator);
    }
    return process;
}

/* A forked image that made no events of its own before it turned into another by exec is not shown:
 * the new one begins in its place. */
static bool begin_anew(struct process_tree *tree, struct recorded_process *process)
{
    if (process->is_ended || process->is_own_image || process->model == NULL)
        return false;
    process_ends_hear_last_words(tree, process);
    struct recording_quality quality;
    heap_model_quality(process->model, &quality);
    if (quality.events != 0 || recorded_process_lost_events(process) != 0)
        return false;
    process_ends_release_slots(tree, process);
    heap_model_destroy(process->model);
    process->model = NULL;
    module_map_clear(&process->modules);
    module_map_init(&process->modules);
    recorded_process_forget_frames(process);
    annotations_clear(&process->annotations);
    pools_clear(&process->pools);
    process->is_exit_told = false;
    process->own_bytes = 0;
    process->own_allocator = NULL;
    free(process->reason);
    process->reason = NULL;
    tree->is_journal_void |= process->is_in_journal;
    return true;
}

void process_images_drop_expected(struct process_tree *tree, size_t position)
{
    struct expected_image *expected = &tree->expected[position];
    free(expected->path);
    process_images_end_watch(tree, expected->pidfd);
    memmove(expected, expected + 1, (tree->expected_count - position - 1) * sizeof *expected);
    tree->expected_count--;
}

struct expected_image *process_images_find_expected(const struct process_tree *tree, uint32_t pid)
{
    for (size_t i = 0; i < tree->expected_count; i++)
        if (tree->expected[i].pid == pid && pid != UINT32_MAX)
            return &tree->expected[i];
    return NULL;
}

void process_images_forget_expected(struct process_tree *tree, uint32_t pid)
{
    struct expected_image *expected = process_images_find_expected(tree, pid);
    if (expected != NULL)
        process_images_drop_expected(tree, (size_t)(expected - tree->expected));
}

void process_images_expect(struct process_tree *tree, struct recorded_process *parent, uint32_t pid,
                           const char *reason, uint64_t ticks, char *path)
{
    process_images_forget_expected(tree, pid);
    struct expected_image expected = {.pid = pid,
                                      .parent = parent,
                                      .path = path,
                                      .reason = reason,
                                      .ticks = ticks,
                                      .pidfd = pid == UINT32_MAX ? -1
                                                                 : process_images_watch(tree, pid)};
    tree->expected = memory_grow(tree->expected, &tree->expected_capacity, tree->expected_count + 1,
                                 sizeof *tree->expected);
    tree->expected[tree->expected_count++] = expected;
}

/* It will not say hello: it stands in the report without figures, and why. Where the image before
 * it lives on as a forked one that had nothing to tell, it takes that one's place. */
static struct recorded_process *add_unseen(struct process_tree *tree,
                                           struct expected_image *expected)
{
    struct recorded_process *before = expected->pid == UINT32_MAX
                                          ? NULL
                                          : process_images_find_pid(tree, expected->pid);
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
            process_ends_end_image(tree, before, RECORDING_EXIT_EXEC, 0, expected->ticks);
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
        process_ends_end_image(tree, image, RECORDING_EXIT_UNKNOWN, 0, expected->ticks);
    }
    return image;
}

struct recorded_process *process_images_turn_unseen(struct process_tree *tree,
                                                    struct expected_image *expected)
{
    struct expected_image copy = *expected;
    /* Out of the list first: ending the image before may read more records. */
    memmove(expected, expected + 1,
            (tree->expected_count - 1 - (size_t)(expected - tree->expected)) * sizeof *expected);
    tree->expected_count--;
    struct recorded_process *image = add_unseen(tree, &copy);
    free(copy.path);
    process_images_end_watch(tree, copy.pidfd);
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
        if (process_images_find_expected(tree, pid) != NULL ||
            process_images_find_pid(tree, pid) != NULL)
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
    if (tree->is_finishing || process_images_find_pid(tree, record->pid) != NULL ||
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
    struct expected_image *expected = process_images_find_expected(tree, pid);
    if (expected != NULL && expected->reason != NULL)
        return process_images_turn_unseen(tree, expected);
    return process_images_find_pid(tree, pid);
}

void process_images_sweep_expected(struct process_tree *tree)
{
    for (size_t i = tree->expected_count; i-- > 0;) {
        if (i >= tree->expected_count)
            continue;
        struct expected_image *expected = &tree->expected[i];
        if (expected->reason != NULL && expected->is_confirmed)
            process_images_turn_unseen(tree, expected);
        else
            expected->is_confirmed = true;
    }
}

void process_images_settle_expected(struct process_tree *tree, uint32_t pid)
{
    struct expected_image *expected = process_images_find_expected(tree, pid);
    if (expected == NULL)
        return;
    if (expected->reason == NULL && session_host_header(tree->host)->filters[0] != '\0')
        process_images_drop_expected(tree, (size_t)(expected - tree->expected));
    else
        process_images_turn_unseen(tree, expected);
}
