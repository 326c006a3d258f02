#include "record/thread_frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "heap/stack_table.h"
#include "record/remote_unwind.h"
#include "record/unwind_file.h"
#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"
#include "wire/wire_format.h"

enum {
    STACK_BYTES = 16 << 10,     /* that are read at once */
    KEEPING_FRAME_BYTES = 4096, /* of seep's function in which a thread keeps its registers */
    RED_ZONE_BYTES = 128,       /* x86-64 */
    FRAMES_MAX = 4096           /* of one thread: the innermost three quarters, and the outermost */
};

struct thread_stack {
    uint32_t tid;
    bool has_registers;
    uint64_t registers[REMOTE_UNWIND_REGISTER_COUNT];
    uint64_t kept_at; /* where it keeps them itself; 0 = nowhere */
    struct snapshot_frame *frames;
    uint32_t count;
};

/* A module of the process, and its number once a frame was found in it. */
struct other_module {
    const struct target_module *module;
    uint32_t id_plus_1;
    struct unwind_file *own_file; /* seep's: no frame of it is told */
    bool is_looked_at;
};

struct search {
    const struct thread_frames_input *input;
    struct target_modules modules; /* all that are mapped, once one is missing */
    struct other_module *others;   /* beside them */
    bool has_modules;
    struct word_cache *words;
    uint8_t bytes[STACK_BYTES];
};

/* Where an address belongs to. */
struct place {
    uint64_t start, end, bias;
    struct other_module *other; /* NULL: `id` is known */
    struct module_id id;
};

/* ---- modules -------------------------------------------------------------------------- */

static void find_modules(struct search *search)
{
    search->has_modules = true;
    target_modules_find(&search->modules, search->input->mappings, search->words);
    search->others = memory_allocate_zeroed(search->modules.count, sizeof *search->others);
    for (size_t i = 0; i < search->modules.count; i++)
        search->others[i].module = &search->modules.items[i];
}

/* The recorder was told of what allocating stacks ran through; a thread may wait elsewhere. */
static bool find_place(struct search *search, uint64_t address, struct place *place)
{
    const struct module_range *range = module_map_find(&search->input->process->modules, address);
    if (range != NULL) {
        *place = (struct place){range->start, range->end, range->bias, NULL, range->module};
        return true;
    }
    if (!search->has_modules)
        find_modules(search);
    for (size_t i = 0; i < search->modules.count; i++) {
        const struct target_module *module = &search->modules.items[i];
        if (address < module->start || address >= module->end)
            continue;
        *place = (struct place){.start = module->start,
                                .end = module->end,
                                .bias = module->bias,
                                .other = &search->others[i]};
        return true;
    }
    return false;
}

/* The same file may be known by another path. */
static struct module_id identify(struct search *search, struct other_module *other)
{
    struct process_tree *tree = search->input->tree;
    const struct target_module *module = other->module;
    for (uint32_t i = 0; i < tree->modules.count && other->id_plus_1 == 0; i++) {
        const struct module *known = &tree->modules.modules[i];
        if (known->build_id_bytes != 0 && known->build_id_bytes == module->build_id_bytes &&
            memcmp(known->build_id, module->build_id, module->build_id_bytes) == 0)
            other->id_plus_1 = i + 1;
    }
    if (other->id_plus_1 == 0)
        other->id_plus_1 = module_table_add(&tree->modules, module->path, module->build_id,
                                            module->build_id_bytes)
                               .index +
                           1;
    struct module_id id = {other->id_plus_1 - 1};
    if (!other->is_looked_at)
        module_files_open(tree->files, id, module->path, search->input->pid);
    other->is_looked_at = true;
    return id;
}

static struct module_id id_of(struct search *search, const struct place *place)
{
    return place->other != NULL ? identify(search, place->other) : place->id;
}

static struct unwind_file *own_file(struct other_module *other)
{
    if (!other->is_looked_at)
        other->own_file = unwind_file_open(-1, other->module->path, NULL);
    other->is_looked_at = true;
    return other->own_file;
}

static bool find_module(void *context, uint64_t address, struct remote_unwind_module *module)
{
    struct search *search = context;
    struct place place;
    if (!find_place(search, address, &place))
        return false;
    *module = (struct remote_unwind_module){
        .start = place.start,
        .end = place.end,
        .bias = place.bias,
        .file = place.other != NULL && place.other->module->is_own
                    ? own_file(place.other)
                    : module_files_unwind(search->input->tree->files, id_of(search, &place)),
    };
    return true;
}

/* ---- frames --------------------------------------------------------------------------- */

/* Of a word as a stack's record has it. */
static uint32_t find_frame(struct search *search, uint64_t word)
{
    bool is_exact = (word & WIRE_FRAME_EXACT) != 0;
    uint64_t address = word & ~WIRE_FRAME_EXACT;
    struct place place;
    if (!find_place(search, is_exact ? address : address - 1, &place) ||
        (place.other != NULL && place.other->module->is_own))
        return SNAPSHOT_NONE;
    struct frame frame = {.offset = address - place.bias,
                          .module_id_plus_1 = id_of(search, &place).index + 1,
                          .kind = RECORDING_FRAME_NATIVE,
                          .is_exact = is_exact};
    return stack_table_add_frame(search->input->tree->stacks, &frame).index;
}

static int compare_frames(const void *left, const void *right)
{
    const struct snapshot_frame *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

static void keep_frames(struct search *search, const struct remote_unwind_result *result,
                        struct thread_stack *stack)
{
    stack->frames = memory_allocate_zeroed(result->count, sizeof *stack->frames);
    stack->count = result->count;
    for (uint32_t i = 0; i < result->count; i++)
        stack->frames[i] = (struct snapshot_frame){
            .address = result->stack_pointers[i],
            .frame_id = find_frame(search, result->frames[i])};
    /* What the innermost one has below its stack pointer. */
    if (stack->count > 0)
        stack->frames[0].address -= RED_ZONE_BYTES;
    /* A signal's handler may run on another stack, anywhere. */
    qsort(stack->frames, stack->count, sizeof *stack->frames, compare_frames);
}

/* Deep stacks, and the thread's own below that of a handler. */
static bool read_word(void *context, uint64_t address, uint64_t *word)
{
    struct search *search = context;
    return word_cache_read(search->words, address, word);
}

void thread_frames_begin(struct thread_frames *frames, const struct stopper *stopper,
                         const struct stopper_thread *holder, uint64_t kept_at)
{
    _Static_assert((int)PROCESSOR_UNWIND_WORDS == (int)REMOTE_UNWIND_REGISTER_COUNT,
                   "in the same order");
    frames->stacks = memory_allocate_zeroed(stopper->count, sizeof *frames->stacks);
    frames->count = stopper->count;
    for (size_t i = 0; i < stopper->count; i++) {
        const struct stopper_thread *thread = &stopper->threads[i];
        struct thread_stack *stack = &frames->stacks[i];
        stack->tid = (uint32_t)thread->tid;
        stack->has_registers = thread->state == STOPPER_STOPPED &&
                               thread->general[PROCESSOR_WORD_SP] != 0 &&
                               processor_unwind_registers(thread->general, stack->registers);
        stack->kept_at = thread == holder ? kept_at : 0;
    }
}

/* A thread that nobody stopped, and that waits for us: on its stack it keeps the registers that
 * calls preserve, in the same order (struct exit_registers of the preload), or something else.
 */
static bool has_registers(struct search *search, struct thread_stack *stack)
{
    struct place place;
    if (stack->has_registers || stack->kept_at == 0)
        return stack->has_registers;
    if (!word_cache_read_bytes(search->words, stack->kept_at, stack->registers,
                               sizeof stack->registers))
        return false;
    return stack->kept_at - stack->registers[REMOTE_UNWIND_SP] < KEEPING_FRAME_BYTES &&
           find_place(search, stack->registers[REMOTE_UNWIND_PC], &place) && place.other != NULL &&
           place.other->module->is_own;
}

static void unwind(struct search *search, struct thread_stack *stack)
{
    const struct target_memory *memory = search->input->memory;
    struct remote_unwind_result result;
    struct remote_unwind_stack wanted = {.address = stack->registers[REMOTE_UNWIND_SP],
                                         .bytes = search->bytes,
                                         .limit = FRAMES_MAX,
                                         .find_module = find_module,
                                         .read_word = read_word,
                                         .context = search};
    memcpy(wanted.registers, stack->registers, sizeof wanted.registers);
    wanted.byte_count = memory->read(memory->context, wanted.address, search->bytes,
                                     sizeof search->bytes);
    remote_unwind_run(search->input->tree->unwinder, &wanted, &result);
    keep_frames(search, &result, stack);
}

void thread_frames_find(struct thread_frames *frames, const struct thread_frames_input *input)
{
    if (input->tree->unwinder == NULL)
        return;
    struct search *search = memory_allocate_zeroed(1, sizeof *search);
    search->input = input;
    search->words = word_cache_create(input->memory);
    for (size_t i = 0; i < frames->count; i++) {
        if (input->clock.now_ns(input->clock.context) >= input->deadline_ns)
            break;
        if (has_registers(search, &frames->stacks[i]))
            unwind(search, &frames->stacks[i]);
    }
    for (size_t i = 0; i < search->modules.count; i++)
        unwind_file_close(search->others[i].own_file);
    free(search->others);
    target_modules_clear(&search->modules);
    word_cache_destroy(search->words);
    free(search);
}

void thread_frames_clear(struct thread_frames *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        free(frames->stacks[i].frames);
    free(frames->stacks);
    *frames = (struct thread_frames){0};
}

/* ---- telling -------------------------------------------------------------------------- */

void thread_frames_tell(const struct thread_frames *frames, struct snapshot *snapshot)
{
    for (size_t i = 0; i < frames->count; i++) {
        const struct thread_stack *stack = &frames->stacks[i];
        /* Both know them in the same order, but for some that either does not have. */
        for (size_t j = 0; j < snapshot->thread_count; j++) {
            uint32_t thread = (uint32_t)((i + j) % snapshot->thread_count);
            if (snapshot->threads[thread].tid != stack->tid)
                continue;
            snapshot_add_frames(snapshot, thread, stack->frames, stack->count);
            break;
        }
    }
}
