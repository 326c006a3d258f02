/* Records of processes' and threads' lives: threads begin and end, forks, execs, exits; and what
 * programs say of themselves. */
#define _GNU_SOURCE
#include "record/process_tree.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "record/fork_views.h"
#include "record/process_facts.h"
#include "record/process_images.h"
#include "record/ring_places.h"
#include "wire/wire_format.h"

static void apply_thread(struct process_tree *tree, struct recorded_process *process,
                         struct intake *intake, uint64_t tid, uint64_t ticks)
{
    char name[32];
    process_facts_thread_name(process->pid, (uint32_t)tid, name, sizeof name);
    recorded_process_flush(process);
    intake->thread = heap_model_add_thread(process->model, tid, name,
                                           tick_clock_to_ns(tree->clock, ticks));
    intake->has_thread = true;
    intake->is_ignoring = false;
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
    const struct recorded_process *known = process_images_find_pid(tree, pid);
    if (known != NULL && has_said_hello(known, process, ticks))
        return;
    process_images_expect(tree, process, pid, reasons[record[2]], ticks,
                          memory_print_text("%.*s", (int)record[3], (const char *)(record + 4)));
}

static void apply_exec(struct process_tree *tree, struct recorded_process *process,
                       const uint64_t *record, uint64_t ticks)
{
    note_exec(tree, process, record, ticks);
    if (process->has_slot)
        ring_places_answer(
            &session_process_at(session_host_header(tree->host), process->process_slot)
                 ->noted_execs);
}

static void apply_fork_done(struct process_tree *tree, struct recorded_process *process,
                            const uint64_t *record)
{
    for (size_t i = 0; i < tree->view_count; i++) {
        struct fork_view *view = &tree->views[i];
        if (view->parent != process || view->number != record[1])
            continue;
        recorded_process_flush(process); /* what comes from here on is not in the child */
        heap_model_end_fork(view->model);
        view->is_done = true;
        view->child_pid = (uint32_t)record[2];
        if (record[2] == 0)
            fork_views_drop(tree, i);
        return;
    }
}

/* What the program says of its memory. */
static void apply_annotation(struct process_tree *tree, struct recorded_process *process,
                             struct intake *intake, const uint64_t *record)
{
    uint64_t time_ns = tick_clock_to_ns(tree->clock, intake->ticks);
    uint64_t address = record[1] & WIRE_ADDRESS_MASK;
    switch (record[0] & 0xff) {
    case WIRE_IGNORE:
        annotations_ignore(&process->annotations, address, time_ns);
        break;
    case WIRE_IGNORING:
        intake->is_ignoring = record[1] != 0;
        break;
    default: /* REGION */
        if (record[3] != 0)
            annotations_add_region(&process->annotations, address, record[2]);
        else
            annotations_remove_region(&process->annotations, address, record[2]);
    }
}

static void apply_mark(struct process_tree *tree, struct recorded_process *process,
                       const uint64_t *record, uint64_t ticks)
{
    recorded_process_flush(process);
    struct mark when = {.process_id = process->id,
                        .ticks = ticks,
                        .time_ns = tick_clock_to_ns(tree->clock, ticks)};
    marks_add(&tree->marks, &process->mark_trail, process->model, &when,
              (const char *)(record + 2), record[1]);
}

/* Texts of more than this are cut at a record: what is left may be no whole line, which readers say. */
static void apply_suppressions(struct recorded_process *process, const uint64_t *record)
{
    enum {
        MOST_BYTES = 256 << 10
    };
    const char *before = process->suppressions != NULL ? process->suppressions : "";
    if (strlen(before) > MOST_BYTES)
        return;
    char *joined = memory_print_text("%s%.*s", before, (int)record[1], (const char *)(record + 2));
    free(process->suppressions);
    process->suppressions = joined;
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
        fork_views_keep(tree, process, words[1], ticks);
        break;
    case WIRE_FORK_DONE:
        apply_fork_done(tree, process, words);
        break;
    case WIRE_EXEC:
        apply_exec(tree, process, words, ticks);
        break;
    case WIRE_EXEC_FAILED:
        process_images_forget_expected(tree, (uint32_t)words[1]);
        break;
    case WIRE_EXIT:
        if (words[1] >> 32 == process->pid) {
            process->is_exit_told = true;
            process->exit_told = (int)(uint32_t)words[1];
        }
        break;
    case WIRE_SUPPRESSIONS:
        apply_suppressions(process, words);
        break;
    case WIRE_MARK:
        apply_mark(tree, process, words, ticks);
        break;
    case WIRE_IGNORE:
    case WIRE_IGNORING:
    case WIRE_REGION:
        apply_annotation(tree, process, intake, words);
        break;
    default:
        process->bad_records++;
    }
}
