#include "record/frame_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "symbols/symbol_batch.h"

/* Places of numbers in `numbers`. */
struct name {
    uint32_t frame;
    uint32_t count;
    size_t first;
};

struct tail_calls {
    struct symbol_batch_pair about;
    uint32_t count;
    size_t first;
};

struct frame_names {
    struct process_tree *tree;
    const struct symbolizer_options *options;
    struct string_pool *strings;
    struct symbol_batch *batch; /* NULL = no child; see is_busy */
    bool is_busy;               /* it has something to do */

    /* Waiting for a batch. */
    struct symbol_batch_frame *frames;
    size_t frame_count, frame_capacity;
    struct symbol_batch_pair *pairs;
    size_t pair_count, pair_capacity;
    uint32_t seen_frames, seen_nodes;
    struct hash_map named_early; /* frames beyond seen_frames that were looked up */
    struct hash_map seen_pairs;

    struct name *names;
    size_t name_count, name_capacity;
    struct tail_calls *tail_calls;
    size_t tail_call_count, tail_call_capacity;
    uint64_t *numbers;
    size_t number_count, number_capacity;
    uint8_t *module_details; /* by module id */
    size_t module_detail_count, module_detail_capacity;
    bool have_details_changed;
};

struct frame_names *frame_names_create(struct process_tree *tree,
                                       const struct symbolizer_options *options)
{
    struct frame_names *names = memory_allocate_zeroed(1, sizeof *names);
    names->tree = tree;
    names->options = options;
    names->strings = string_pool_create();
    return names;
}

void frame_names_destroy(struct frame_names *names)
{
    if (names == NULL)
        return;
    symbol_batch_close(names->batch);
    string_pool_destroy(names->strings);
    hash_map_clear(&names->seen_pairs);
    hash_map_clear(&names->named_early);
    free(names->frames);
    free(names->pairs);
    free(names->names);
    free(names->tail_calls);
    free(names->numbers);
    free(names->module_details);
    free(names);
}

static uint64_t *add_numbers(struct frame_names *names, size_t count)
{
    names->numbers = memory_grow(names->numbers, &names->number_capacity,
                                 names->number_count + count, sizeof *names->numbers);
    names->number_count += count;
    return names->numbers + names->number_count - count;
}

static void take_frame_name(void *context, uint32_t frame,
                            const struct symbol_batch_location *locations, size_t count)
{
    struct frame_names *names = context;
    struct name name = {frame, (uint32_t)(count * 4), names->number_count};
    uint64_t *entry = add_numbers(names, count * 4);
    for (size_t i = 0; i < count; i++, entry += 4) {
        const char *function = locations[i].function != NULL ? locations[i].function : "";
        const char *file = locations[i].file != NULL ? locations[i].file : "";
        entry[0] = string_pool_add(names->strings, function).index;
        entry[1] = string_pool_add(names->strings, file).index;
        entry[2] = locations[i].line;
        entry[3] = locations[i].is_inlined;
    }
    names->names = memory_grow(names->names, &names->name_capacity, names->name_count + 1,
                               sizeof *names->names);
    names->names[names->name_count++] = name;
}

/* ---- what to look up -------------------------------------------------------------------- */

static bool can_have_name(const struct frame *frame)
{
    return frame->kind == RECORDING_FRAME_NATIVE && frame->module_id_plus_1 != 0;
}

static struct symbol_batch_frame batch_frame(uint32_t id, const struct frame *frame)
{
    return (struct symbol_batch_frame){id, frame->module_id_plus_1 - 1,
                                       frame->is_exact ? frame->offset : frame->offset - 1};
}

/* The target has named it. */
static void take_python_name(struct frame_names *names, uint32_t id, const struct frame *frame)
{
    struct python_place place = python_codes_place(names->tree->python_codes,
                                                   (uint32_t)frame->offset);
    take_frame_name(names, id,
                    &(struct symbol_batch_location){
                        .function = place.function, .file = place.file, .line = place.line},
                    1);
}

static void collect_frames(struct frame_names *names)
{
    const struct stack_table *stacks = names->tree->stacks;
    uint32_t count = (uint32_t)stack_table_frame_count(stacks);
    for (; names->seen_frames < count; names->seen_frames++) {
        struct frame frame = stack_table_frame(stacks, (struct frame_id){names->seen_frames});
        if (frame.kind == RECORDING_FRAME_PYTHON && frame.offset != 0)
            take_python_name(names, names->seen_frames, &frame);
        if (!can_have_name(&frame) ||
            hash_map_find(&names->named_early, names->seen_frames) != NULL)
            continue;
        names->frames = memory_grow(names->frames, &names->frame_capacity, names->frame_count + 1,
                                    sizeof *names->frames);
        names->frames[names->frame_count++] = batch_frame(names->seen_frames, &frame);
    }
}

/* Is what `caller` called what stands above it? Asked once. Callees that allocate are numbers below
 * FUNCTION_KIND_COUNT among the keys, frames come behind them. */
static void add_pair(struct frame_names *names, struct frame_id caller_id,
                     const struct frame *caller, uint64_t callee_key,
                     const struct symbol_batch_callee *callee)
{
    bool is_new;
    if (!can_have_name(caller) || caller->is_exact)
        return;
    hash_map_put(&names->seen_pairs, callee_key << 32 | caller_id.index, &is_new);
    if (!is_new)
        return;
    names->pairs = memory_grow(names->pairs, &names->pair_capacity, names->pair_count + 1,
                               sizeof *names->pairs);
    names->pairs[names->pair_count++] = (struct symbol_batch_pair){
        .caller = {caller_id.index, caller->module_id_plus_1 - 1, caller->offset},
        .callee = *callee,
    };
}

static void collect_calls(struct frame_names *names)
{
    const struct stack_table *stacks = names->tree->stacks;
    uint32_t count = (uint32_t)stack_table_node_count(stacks);
    if (names->seen_nodes == 0)
        names->seen_nodes = 1;
    for (; names->seen_nodes < count; names->seen_nodes++) {
        struct stack_id node = {names->seen_nodes}, parent = stack_table_parent(stacks, node);
        if (parent.index == 0)
            continue;
        struct frame_id callee_id = stack_table_node_frame(stacks, node);
        struct frame_id caller_id = stack_table_node_frame(stacks, parent);
        struct frame callee = stack_table_frame(stacks, callee_id);
        struct frame caller = stack_table_frame(stacks, caller_id);
        if (can_have_name(&callee))
            add_pair(names, caller_id, &caller, (uint64_t)callee_id.index + FUNCTION_KIND_COUNT,
                     &(struct symbol_batch_callee){true, batch_frame(callee_id.index, &callee),
                                                   FUNCTION_NONE});
    }
}

static void take_birth(void *context, struct stack_id stack, enum function_kind function)
{
    struct frame_names *names = context;
    if (stack.index == 0 || function == FUNCTION_CUSTOM)
        return;
    struct frame_id caller_id = stack_table_node_frame(names->tree->stacks, stack);
    struct frame caller = stack_table_frame(names->tree->stacks, caller_id);
    add_pair(names, caller_id, &caller, function,
             &(struct symbol_batch_callee){.function = function});
}

static bool collect(struct frame_names *names)
{
    collect_frames(names);
    if (names->options->is_line_wanted) {
        collect_calls(names);
        for (size_t i = 0; i < names->tree->count; i++)
            if (names->tree->processes[i]->model != NULL)
                heap_model_visit_new_births(names->tree->processes[i]->model, take_birth, names);
    }
    return names->frame_count + names->pair_count > 0;
}

bool frame_names_has_unnamed(struct frame_names *names)
{
    return names->is_busy || collect(names);
}

/* ---- what was found --------------------------------------------------------------------- */

/* What the child says is checked: it may have read a hostile file. */
static bool has_module(const struct frame_names *names, const struct symbolizer_tail_call *call)
{
    return call->module >= 0 && (size_t)call->module < names->tree->modules.count;
}

static uint32_t add_gone_frame(struct frame_names *names, const struct symbolizer_tail_call *call)
{
    return stack_table_add_frame(names->tree->stacks,
                                 &(struct frame){
                                     .kind = RECORDING_FRAME_NATIVE,
                                     .module_id_plus_1 = (uint32_t)call->module + 1,
                                     .offset = call->offset,
                                     .is_exact = call->is_exact,
                                 })
        .index;
}

static void take_tail_calls(void *context, const struct symbol_batch_pair *pair,
                            const struct symbolizer_tail_call *calls, size_t count)
{
    struct frame_names *names = context;
    struct tail_calls tail_calls = {*pair, (uint32_t)count, names->number_count};
    for (size_t i = 0; i < count; i++)
        if (!has_module(names, &calls[i]))
            return;
    uint64_t *numbers = add_numbers(names, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = add_gone_frame(names, &calls[i]);
    names->tail_calls = memory_grow(names->tail_calls, &names->tail_call_capacity,
                                    names->tail_call_count + 1, sizeof *names->tail_calls);
    names->tail_calls[names->tail_call_count++] = tail_calls;
}

/* One that stood on a stack as well may have been asked for before. */
static void take_gone_name(void *context, const struct symbolizer_tail_call *call,
                           const struct symbol_batch_location *locations, size_t count)
{
    struct frame_names *names = context;
    if (!has_module(names, call))
        return;
    uint32_t frame = add_gone_frame(names, call);
    bool is_new = false;
    if (frame >= names->seen_frames)
        hash_map_put(&names->named_early, frame, &is_new);
    if (is_new && count != 0)
        take_frame_name(names, frame, locations, count);
}

static void take_module_detail(void *context, uint32_t module, enum symbolizer_detail detail,
                               const char *reason)
{
    struct frame_names *names = context;
    (void)reason;
    names->module_details = memory_grow(names->module_details, &names->module_detail_capacity,
                                        module + 1, sizeof *names->module_details);
    while (names->module_detail_count <= module)
        names->module_details[names->module_detail_count++] = 0;
    names->module_details[module] = (uint8_t)detail;
    names->have_details_changed = true;
}

/* ---- batches ---------------------------------------------------------------------------- */

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

/* Without a process to be had, names are lost, not more. */
static void start_batch(struct frame_names *names, bool is_last)
{
    struct symbol_batch_input input = {
        .modules = list_modules(names->tree),
        .module_count = names->tree->modules.count,
        .frames = names->frames,
        .frame_count = names->frame_count,
        .pairs = names->pairs,
        .pair_count = names->pair_count,
        .is_gone_named = true,
        .is_lasting = !is_last,
        .options = names->options,
    };
    if (names->batch != NULL && !symbol_batch_renew(names->batch, &input)) {
        symbol_batch_close(names->batch);
        names->batch = NULL;
    }
    if (names->batch == NULL)
        names->batch = symbol_batch_start(&input, NULL);
    names->is_busy = names->batch != NULL;
    names->frame_count = names->pair_count = 0;
    free((void *)input.modules);
}

bool frame_names_look_up(struct frame_names *names, bool is_last)
{
    if (!names->is_busy) {
        if (collect(names))
            start_batch(names, is_last);
        return names->is_busy;
    }
    if (!symbol_batch_poll(names->batch))
        return true;
    struct symbol_batch_result result = {names, take_frame_name, take_module_detail,
                                         take_tail_calls, take_gone_name};
    symbol_batch_read(names->batch, &result);
    names->is_busy = false;
    return false;
}

bool frame_names_is_ready(const struct frame_names *names)
{
    return names->batch != NULL && symbol_batch_is_lasting(names->batch);
}

void frame_names_dismiss(struct frame_names *names)
{
    if (names->batch != NULL && !names->is_busy)
        symbol_batch_dismiss(names->batch);
}

bool frame_names_progress(const struct frame_names *names, uint32_t *done, uint32_t *wanted)
{
    if (!names->is_busy)
        return false;
    *done = symbol_batch_done_count(names->batch);
    *wanted = symbol_batch_frame_count(names->batch);
    return true;
}

int frame_names_fd(const struct frame_names *names)
{
    return names->is_busy ? symbol_batch_fd(names->batch) : -1;
}

/* ---- for the recording ------------------------------------------------------------------ */

const struct string_pool *frame_names_strings(const struct frame_names *names)
{
    return names->strings;
}

size_t frame_names_count(const struct frame_names *names)
{
    return names->name_count;
}

struct recording_symbol frame_names_symbol(const struct frame_names *names, size_t position)
{
    const struct name *name = &names->names[position];
    return (struct recording_symbol){name->frame, {names->numbers + name->first, name->count}};
}

size_t frame_names_tail_call_count(const struct frame_names *names)
{
    return names->tail_call_count;
}

struct recording_tail_calls frame_names_tail_calls(const struct frame_names *names, size_t position)
{
    const struct tail_calls *calls = &names->tail_calls[position];
    const struct symbol_batch_callee *callee = &calls->about.callee;
    return (struct recording_tail_calls){
        .caller_frame_id = calls->about.caller.id,
        .callee_frame_id_plus_1 = callee->is_frame ? (uint64_t)callee->frame.id + 1 : 0,
        .allocation_function = callee->function,
        .frames = {names->numbers + calls->first, calls->count},
    };
}

uint8_t frame_names_module_detail(const struct frame_names *names, size_t module)
{
    return module < names->module_detail_count ? names->module_details[module] : 0;
}

bool frame_names_take_detail_change(struct frame_names *names)
{
    bool have_changed = names->have_details_changed;
    names->have_details_changed = false;
    return have_changed;
}
