/* All processes of a session: which ring belongs to whom, who forked whom, what order their records
 * are applied in, and how each ended. */
#ifndef SEEP_RECORD_PROCESS_TREE_H
#define SEEP_RECORD_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/stack_table.h"
#include "record/marks.h"
#include "record/module_files.h"
#include "record/python_codes.h"
#include "record/recorded_process.h"
#include "record/remote_unwind.h"
#include "record/session_host.h"
#include "record/stack_memo.h"
#include "record/tick_clock.h"
#include "symbols/module_map.h"

/* A thread that sits in one hook for longer is not waited for. */
#define PROCESS_TREE_PATIENCE_NS UINT64_C(1000000000)

/* The heap of a process at the moment of a fork, kept until the child shows up or cannot any more.
 */
struct fork_view {
    struct recorded_process *parent;
    uint64_t number;
    uint32_t child_pid; /* 0 = not known yet */
    bool is_done;       /* the fork has returned in the parent */
    bool is_child_gone; /* as seen by the last sweep */
    struct heap_model *model;
    struct module_map modules;
};

/* An image that a process said it would turn into, or that it has spawned. One that is followed
 * says hello itself; one that does not, until its process ends, was not seen. */
struct expected_image {
    uint32_t pid;
    struct recorded_process *parent; /* who said so: the image before, or the parent */
    char *path;
    const char *reason; /* why it cannot be followed; NULL = it can. Static text */
    uint64_t ticks;
    int pidfd;         /* -1 = none */
    bool is_confirmed; /* a sweep has passed since, and the exec did not fail */
};

struct own_allocators;

struct process_tree {
    struct session_host *host;
    struct tick_clock *clock;
    struct stack_table *stacks;
    struct stack_memo stack_memo;
    struct module_table modules;
    struct module_files *files;
    struct own_allocators *own_allocators;
    struct remote_unwind *unwinder;
    struct python_codes *python_codes;

    struct recorded_process **processes; /* by id */
    size_t count, capacity;
    struct recorded_process **living; /* not ended, and for a while those that just have */
    size_t living_count, living_capacity;
    struct recorded_process **retiring; /* ended, and still with blocks */
    size_t retiring_count, retiring_capacity;
    struct hash_map by_pid;            /* id of the newest with this pid */
    struct recorded_process **by_slot; /* current holder of each process slot, or NULL */

    /* Processes that a debugger watches from their start are asked to take a signal of ours. */
    bool is_parking_wanted;
    int *claim_pidfds; /* by process slot, of claims whose process has not begun; -1 = none */

    struct intake **intakes; /* by ring slot; NULL = not in use */
    uint32_t intake_high;
    struct intake **newcomers; /* whose first record begins a process, during one look */
    size_t newcomer_count, newcomer_capacity;

    struct fork_view *views;
    size_t view_count, view_capacity;
    struct expected_image *expected;
    size_t expected_count, expected_capacity;
    struct marks marks;
    bool is_journal_void; /* a process began anew under its id: what stands there of it is wrong */

    uint32_t stack_depth;
    uint64_t bytes_per_sample; /* 0 = everything is recorded */
    bool is_finishing;
    uint64_t refused_events;
    uint64_t oracle_stacks, oracle_equal_stacks;
    /* Test mode: told of each stack on which the rules and libunwind differ. May be NULL. */
    void (*oracle_differs)(struct process_tree *tree, struct recorded_process *process,
                           uint32_t own_stack, uint32_t libunwind_stack,
                           enum remote_unwind_end end);
    uint64_t last_sweep_ns;
    int epoll_fd; /* pidfds are added to it; -1 = none */
    uint64_t bottleneck_ticks;
};

void process_tree_init(struct process_tree *tree, struct session_host *host,
                       struct tick_clock *clock, uint32_t stack_depth, int epoll_fd);
void process_tree_clear(struct process_tree *tree);

/* The command itself is a process of the session before it says so, and even if it never does. */
struct recorded_process *process_tree_expect(struct process_tree *tree, uint32_t pid,
                                             const char *executable, char *const *arguments);

/* Takes out whatever is there and applies what can be applied in order. Returns how many bytes
 * there were to read: 0 = idle. */
uint64_t process_tree_drain(struct process_tree *tree);

/* A process of the session ended (by its pidfd, or as the command): its last records are applied.
 * exit_kind UNKNOWN = find out. */
void process_tree_end_pid(struct process_tree *tree, uint32_t pid,
                          enum recording_exit_kind exit_kind, uint64_t exit_value);

/* Is it a process of the session, or a child that one of them has told of? */
bool process_tree_knows(const struct process_tree *tree, uint32_t pid);

/* Looks which processes and expected children are gone; samples memory of the living. */
void process_tree_sweep(struct process_tree *tree, uint64_t now_ns);

/* How many processes are not known to have ended. */
size_t process_tree_living(const struct process_tree *tree);

/* Everything that can still be read is applied, whatever its order; processes that run are marked
 * so. */
void process_tree_finish(struct process_tree *tree);

/* For recorded_process.c: an image begins, and so on; `record` is a checked copy. */
void process_tree_apply_lifecycle(struct process_tree *tree, struct recorded_process *process,
                                  struct intake *intake, const void *record, size_t size);

#endif
