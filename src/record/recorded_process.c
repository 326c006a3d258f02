#include "record/recorded_process.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "record/event_run.h"
#include "record/module_files.h"
#include "record/process_tree.h"
#include "record/stack_path.h"
#include "wire/wire_check.h"
#include "wire/wire_format.h"

struct recorded_process *recorded_process_create(uint32_t id, uint32_t pid, uint64_t start_ticks)
{
    struct recorded_process *process = memory_allocate_zeroed(1, sizeof *process);
    process->id = id;
    process->pid = pid;
    process->start_ticks = start_ticks;
    process->end_ticks = start_ticks;
    process->executable = memory_duplicate_text("");
    process->arguments = memory_allocate_zeroed(1, sizeof *process->arguments);
    process->allocator_name = "unknown";
    process->exit_kind = RECORDING_EXIT_RUNNING;
    process->pidfd = -1;
    process->statm_fd = -1;
    return process;
}

void recorded_process_destroy(struct recorded_process *process)
{
    if (process == NULL)
        return;
    heap_model_destroy(process->model);
    module_map_clear(&process->modules);
    hash_map_clear(&process->frame_cache);
    annotations_clear(&process->annotations);
    pools_clear(&process->pools);
    mark_trail_clear(&process->mark_trail);
    leak_history_clear(&process->leak_history);
    free(process->batch);
    free(process->intakes);
    free(process->suppressions);
    free(process->executable);
    for (char **argument = process->arguments; *argument != NULL; argument++)
        free(*argument);
    free(process->arguments);
    free(process->reason);
    if (process->pidfd >= 0)
        close(process->pidfd);
    if (process->statm_fd >= 0)
        close(process->statm_fd);
    free(process);
}

void recorded_process_flush(struct recorded_process *process)
{
    if (process->batch_count != 0 && process->model != NULL)
        heap_model_apply(process->model, process->batch, process->batch_count);
    process->batch_count = 0;
}

void recorded_process_make_room(struct recorded_process *process)
{
    recorded_process_flush(process);
    if (process->batch == NULL)
        process->batch = memory_allocate(PROCESS_BATCH_EVENTS * sizeof *process->batch);
}

void recorded_process_rest(struct recorded_process *process)
{
    recorded_process_flush(process);
    free(process->batch);
    process->batch = NULL;
    free(process->intakes);
    process->intakes = NULL;
    process->intake_count = process->intake_capacity = 0;
    hash_map_clear(&process->frame_cache);
    hash_map_init(&process->frame_cache);
    annotations_clear(&process->annotations);
    pools_clear(&process->pools);
    mark_trail_clear(&process->mark_trail);
    leak_history_clear(&process->leak_history);
}

uint64_t recorded_process_lost_events(const struct recorded_process *process)
{
    uint64_t lost = process->lost_events;
    for (size_t i = 0; i < process->intake_count; i++)
        lost += atomic_load(&process->intakes[i]->ring.control->lost_events);
    return lost;
}

uint64_t recorded_process_wait_ticks(const struct recorded_process *process)
{
    uint64_t waited = process->wait_ticks;
    for (size_t i = 0; i < process->intake_count; i++)
        waited += atomic_load(&process->intakes[i]->ring.control->wait_ticks);
    return waited;
}

void recorded_process_forget_frames(struct recorded_process *process)
{
    hash_map_clear(&process->frame_cache);
    process->forgotten_frames++;
}

/* ---- stacks --------------------------------------------------------------------------- */

/* Code outside of modules, in a process with PyPy's library, is what PyPy made. */
static bool has_pypy(const struct recorded_process *process, const struct process_tree *tree)
{
    for (size_t i = 0; i < process->modules.count; i++) {
        const struct module *module = module_table_get(&tree->modules,
                                                       process->modules.ranges[i].module);
        if (module != NULL && text_starts_with(text_file_name(module->path), "libpypy"))
            return true;
    }
    return false;
}

/* Frames are named by module; an address is looked up once, until a module goes. */
static struct frame_id find_frame(struct recorded_process *process, struct process_tree *tree,
                                  uint64_t word)
{
    bool is_new;
    uint64_t *known = hash_map_put(&process->frame_cache, word, &is_new);
    if (!is_new)
        return (struct frame_id){(uint32_t)*known - 1};
    if ((word & (WIRE_FRAME_PYTHON | WIRE_FRAME_EXACT)) == WIRE_FRAME_PYTHON) {
        struct frame python = {.kind = RECORDING_FRAME_PYTHON,
                               .offset = python_codes_find_place(tree->python_codes, word)};
        struct frame_id id = stack_table_add_frame(tree->stacks, &python);
        if (python.offset != 0)
            *known = id.index + 1;
        else
            hash_map_remove(&process->frame_cache, word, NULL); /* it may be told yet */
        return id;
    }
    bool is_exact = (word & WIRE_FRAME_EXACT) != 0;
    uint64_t address = word & ~WIRE_FRAME_EXACT;
    const struct module_range *range = module_map_find(&process->modules,
                                                       is_exact ? address : address - 1);
    struct frame frame = {.is_exact = is_exact};
    if (range != NULL) {
        frame.kind = RECORDING_FRAME_NATIVE;
        frame.module_id_plus_1 = range->module.index + 1;
        frame.offset = address - range->bias;
    } else if (has_pypy(process, tree)) {
        frame.kind = RECORDING_FRAME_JIT; /* where it was, is another place in the next run */
    } else {
        frame.kind = RECORDING_FRAME_UNKNOWN;
        frame.offset = address;
    }
    struct frame_id id = stack_table_add_frame(tree->stacks, &frame);
    *known = id.index + 1;
    return id;
}

struct frame_search {
    struct recorded_process *process;
    struct process_tree *tree;
};

static struct frame_id find_frame_of(void *context, uint64_t word)
{
    const struct frame_search *search = context;
    return find_frame(search->process, search->tree, word);
}

/* Words mean frames of the process, until a module goes. */
static uint64_t path_owner(const struct recorded_process *process)
{
    return (uint64_t)process->id << 32 | process->forgotten_frames;
}

static struct stack_id add_stack(struct recorded_process *process, struct process_tree *tree,
                                 struct intake *intake, const struct stack_words *stack)
{
    struct frame_search search = {process, tree};
    if (intake->path == NULL)
        intake->path = memory_allocate_zeroed(1, sizeof *intake->path);
    return stack_path_follow(intake->path, path_owner(process), &tree->stack_memo, tree->stacks,
                             stack, find_frame_of, &search);
}

static uint32_t *slot_of(struct intake *intake, uint64_t slot)
{
    if (intake->stack_slots == NULL)
        intake->stack_slots = memory_allocate_zeroed(WIRE_STACK_SLOTS, sizeof *intake->stack_slots);
    return &intake->stack_slots[slot % WIRE_STACK_SLOTS];
}

static void apply_stack(struct recorded_process *process, struct process_tree *tree,
                        struct intake *intake, const uint64_t *record)
{
    struct stack_words stack = {
        .words = record + 3,
        .count = WIRE_STACK_FRAMES(record[1]),
        .innermost_kept = record[2] >> 32,
        .omitted = (uint32_t)record[2],
    };
    process->truncated_stacks += stack.omitted != 0;
    process->approximate_stacks += (record[1] & WIRE_STACK_APPROXIMATE) != 0;
    *slot_of(intake, (uint32_t)record[1]) = add_stack(process, tree, intake, &stack).index;
}

struct module_search {
    struct recorded_process *process;
    struct process_tree *tree;
};

static bool find_module(void *context, uint64_t address, struct remote_unwind_module *module)
{
    struct module_search *search = context;
    const struct module_range *range = module_map_find(&search->process->modules, address);
    if (range == NULL)
        return false;
    module->start = range->start;
    module->end = range->end;
    module->bias = range->bias;
    module->file = module_files_unwind(search->tree->files, range->module);
    return true;
}

/* A stack that the rules gave up on may have its Python frames already, in place of native ones:
 * then it stays, and goes on where it ended. */
static struct stack_id join_python(struct stack_table *stacks, struct stack_id told,
                                   struct stack_id unwound)
{
    struct frame_id inner[WIRE_MAX_FRAMES];
    uint32_t last_native = STACK_TABLE_NO_FRAME;
    size_t count = 0;
    bool has_python = false;
    for (struct stack_id at = told; at.index != 0 && count < WIRE_MAX_FRAMES;
         at = stack_table_parent(stacks, at)) {
        inner[count] = stack_table_node_frame(stacks, at);
        if (stack_table_frame(stacks, inner[count]).kind == RECORDING_FRAME_PYTHON)
            has_python = true;
        else
            last_native = inner[count].index;
        count++;
    }
    if (!has_python)
        return unwound;
    struct stack_id outer = unwound;
    while (outer.index != 0 && stack_table_node_frame(stacks, outer).index != last_native)
        outer = stack_table_parent(stacks, outer);
    if (outer.index == 0)
        return told;
    struct stack_id joined = stack_table_parent(stacks, outer);
    while (count-- > 0)
        joined = stack_table_add_below(stacks, joined, inner[count]);
    return joined;
}

/* The stack that the rules gave up on, unwound by libunwind; or, in the oracle's mode, a second
 * opinion. */
static void apply_stack_bytes(struct recorded_process *process, struct process_tree *tree,
                              struct intake *intake, const struct wire_stack_bytes *record)
{
    uint32_t *slot = slot_of(intake, record->slot);
    if (tree->unwinder == NULL) {
        process->failed_unwinds += !record->is_oracle;
        return;
    }
    struct module_search search = {process, tree};
    struct remote_unwind_stack stack = {
        .address = record->stack_address,
        .bytes = (const uint8_t *)(record + 1),
        .byte_count = record->byte_count,
        .skip_until = record->skip_until,
        .limit = tree->stack_depth,
        .find_module = find_module,
        .context = &search,
    };
    memcpy(stack.registers, &record->pc, sizeof stack.registers);
    struct remote_unwind_result result;
    remote_unwind_run(tree->unwinder, &stack, &result);
    struct stack_words unwound = {result.frames, result.count, result.innermost_count,
                                  result.omitted_count};
    struct stack_id id = add_stack(process, tree, intake, &unwound);
    if (record->is_oracle) {
        if (result.end == REMOTE_UNWIND_OUT_OF_BYTES)
            return; /* larger than what travels: nothing to compare with */
        tree->oracle_stacks++;
        if (id.index == *slot)
            tree->oracle_equal_stacks++;
        else if (tree->oracle_differs != NULL)
            tree->oracle_differs(tree, process, *slot, id.index, result.end);
        return;
    }
    process->remote_unwinds++;
    process->failed_unwinds += result.end != REMOTE_UNWIND_COMPLETE;
    if (result.count != 0)
        *slot = join_python(tree->stacks, (struct stack_id){*slot}, id).index;
}

/* ---- pools ---------------------------------------------------------------------------- */

static void apply_pool(struct recorded_process *process, struct process_tree *tree,
                       struct intake *intake, const uint64_t *record)
{
    recorded_process_flush(process);
    struct pool_teller teller = {.pools = &process->pools,
                                 .model = process->model,
                                 .time_ns = tick_clock_to_ns(tree->clock, intake->ticks),
                                 .thread = intake->thread};
    uint64_t start = record[1] & WIRE_ADDRESS_MASK, second = record[2] & WIRE_ADDRESS_MASK;
    switch (record[0] & 0xff) {
    case WIRE_POOL_BIRTH:
        pools_bear(&teller, start, second, record[4],
                   (struct stack_id){*slot_of(intake, (uint32_t)record[3])});
        if (intake->is_ignoring)
            annotations_ignore(&process->annotations, second, teller.time_ns);
        break;
    case WIRE_POOL_RELEASE:
        pools_release(&teller, start, second);
        break;
    default: /* POOL */
        if (record[3] != 0)
            pools_make(&teller, start, record[2]);
        else
            pools_remove(&teller, start);
    }
}

/* ---- modules -------------------------------------------------------------------------- */

static void apply_module(struct recorded_process *process, struct process_tree *tree,
                         const struct wire_module *record, uint64_t ticks)
{
    const uint8_t *build_id = (const uint8_t *)(record + 1);
    char path[WIRE_MAX_TEXT_BYTES + 1];
    size_t length = record->path_bytes;
    memcpy(path, build_id + record->build_id_bytes, length);
    path[length] = '\0';
    if (strcmp(path, "linux-vdso.so.1") == 0)
        strcpy(path, "[vdso]");
    struct module_id module = module_table_add(&tree->modules, path, build_id,
                                               record->build_id_bytes);
    module_files_open(tree->files, module, path, process->pid);
    module_map_add(&process->modules, record->start, record->end, record->bias, module,
                   tick_clock_to_ns(tree->clock, ticks));
}

static void apply_module_gone(struct recorded_process *process, struct process_tree *tree,
                              const uint64_t *record, uint64_t ticks)
{
    uint64_t now = tick_clock_to_ns(tree->clock, ticks);
    if (module_map_remove(&process->modules, record[1], now))
        recorded_process_forget_frames(process);
}

/* ---- Python --------------------------------------------------------------------------- */

static void apply_python(struct recorded_process *process, struct process_tree *tree,
                         const uint64_t *record)
{
    switch (record[0] & 0xff) {
    case WIRE_PYTHON_CODE:
        python_codes_add(tree->python_codes, (const struct wire_python_code *)record);
        break;
    case WIRE_PYTHON_LINES:
        python_codes_add_lines(tree->python_codes, (uint32_t)record[1], record[1] >> 32, record + 3,
                               record[2]);
        break;
    default: /* PYTHON */
        if (record[1] >> 32 >= WIRE_PYTHON_STATE_COUNT) {
            process->bad_records++;
            break;
        }
        process->python_version = (uint32_t)record[1];
        process->python_state = (enum wire_python_state)(record[1] >> 32);
    }
}

/* What has a variable part is copied before it is believed. */
static void apply_copied(struct recorded_process *process, struct process_tree *tree,
                         struct intake *intake)
{
    static _Thread_local uint64_t copy[WIRE_MAX_RECORD_BYTES / 8 + 1];
    intake->last_birth = 0;
    memcpy(copy, intake->at, intake->size);
    if (wire_check(copy, intake->size) != intake->size) {
        process->bad_records++;
        return;
    }
    switch (copy[0] & 0xff) {
    case WIRE_STACK:
        apply_stack(process, tree, intake, copy);
        break;
    case WIRE_STACK_BYTES:
        apply_stack_bytes(process, tree, intake, (const struct wire_stack_bytes *)copy);
        break;
    case WIRE_POOL:
    case WIRE_POOL_BIRTH:
    case WIRE_POOL_RELEASE:
        apply_pool(process, tree, intake, copy);
        break;
    case WIRE_PYTHON:
    case WIRE_PYTHON_CODE:
    case WIRE_PYTHON_LINES:
        apply_python(process, tree, copy);
        break;
    case WIRE_MODULE:
        apply_module(process, tree, (const struct wire_module *)copy, intake->ticks);
        break;
    case WIRE_MODULE_GONE:
        apply_module_gone(process, tree, copy, intake->ticks);
        break;
    default:
        process_tree_apply_lifecycle(tree, process, intake, copy, intake->size);
    }
    if (intake->ticks > process->applied_ticks)
        process->applied_ticks = intake->ticks;
}

static bool bears_block(unsigned kind)
{
    return kind == WIRE_BIRTH || kind == WIRE_BIRTH_LARGE || kind == WIRE_ARRIVE ||
           kind == WIRE_ARRIVE_LARGE;
}

/* The block that the newest event bears is no leak. */
static void ignore_newest(struct recorded_process *process)
{
    const struct heap_event *event = &process->batch[process->batch_count - 1];
    if (event->address != 0)
        annotations_ignore(&process->annotations, event->address, event->time_ns);
}

uint64_t recorded_process_apply(struct recorded_process *process, struct process_tree *tree,
                                struct intake *intake, uint64_t limit_ticks)
{
    uint64_t bytes = intake->is_ignoring
                         ? 0
                         : event_run_apply(process, tree->clock, intake, limit_ticks);
    if (bytes != 0)
        return bytes;
    bytes = intake->size;
    if (event_run_has_kind(intake->kind)) {
        event_run_apply_one(process, tree->clock, intake);
        if (intake->is_ignoring && bears_block(intake->kind))
            ignore_newest(process);
    } else {
        apply_copied(process, tree, intake);
    }
    intake_advance(intake);
    return bytes;
}
