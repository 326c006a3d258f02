/* The roots of threads: what is alive of their stacks, their registers, their thread-local
 * variables, the values of their keys, and what glibc keeps of them.
 *
 * A thread's descriptor (struct pthread) stands at the top of its stack, above its blocks of
 * thread-local variables; the stack grows down below them:
 *
 *     mapping:  | dead | alive: from sp ... | static TLS | descriptor |
 *
 * The first thread's stack is the kernel's, and its descriptor elsewhere. Dead parts and stacks
 * that glibc keeps for threads to come are full of old pointers: they are claimed and not searched.
 * A thread that is on another stack (of a signal handler, of a coroutine) still has its own below:
 * it is alive from the lowest address that the other stack or a register has of it, which is at
 * most the stack pointer that was saved. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/mapping_search.h"
#include "snapshot/root_plan.h"
#include "snapshot/thread_descriptors.h"
#include "snapshot/thread_library.h"
#include "snapshot/thread_locals.h"

enum {
    WORD_BYTES = 8,
    PAGE_BYTES = 4096,
    FOREIGN_STACK_MAX_BYTES = 1 << 20, /* of another stack that is searched for the way back */
    RED_ZONE_BYTES = 128,              /* below a stack pointer; of functions that call nothing */
    /* Of ucontext_t, in words: uc_flags, uc_link, and uc_stack, which is ss_sp, ss_flags (half a
     * word, and a hole) and ss_size. */
    CONTEXT_FLAGS = 0,
    CONTEXT_LINK = 1,
    CONTEXT_STACK = 2,
    CONTEXT_STACK_FLAGS = 3,
    CONTEXT_STACK_BYTES = 4,
    CONTEXT_HEAD_WORDS = 5,
    CONTEXT_FLAGS_MOST = 63,
#if defined __x86_64__
    CONTEXT_SP_OFFSET = 160, /* of ucontext_t: uc_mcontext.gregs[REG_RSP] */
#else
    CONTEXT_SP_OFFSET = 432, /* of ucontext_t: uc_mcontext.sp */
#endif
    RESULT_BEFORE_PRIORITY =
        8 /* result, then the scheduling parameters, of which it is the first */
};

/* SS_AUTODISARM: the handler has no other stack while it runs on this one. */
#define STACK_IS_DISARMED (UINT32_C(1) << 31)

struct thread_plan {
    struct root_plan *plan;
    struct thread_library glibc;
    struct thread_descriptors found;
};

static uint64_t word_down(uint64_t address)
{
    return address & ~(uint64_t)(WORD_BYTES - 1);
}

static const struct address_range *program_range(const struct root_plan *plan, uint64_t address)
{
    const struct address_ranges *program = &plan->input->program;
    for (size_t i = 0; i < program->count; i++)
        if (address - program->items[i].start < program->items[i].end - program->items[i].start)
            return &program->items[i];
    return NULL;
}

/* The stack that glibc made for this descriptor, all of it: the mapping, or from what stands below
 * in it when the kernel merged neighbours. */
static bool own_stack(const struct thread_plan *threads, const struct described *described,
                      struct address_range *stack)
{
    const struct root_plan *plan = threads->plan;
    const struct target_mapping *mapping = mapping_search(plan->input->mappings,
                                                          described->address);
    if (described->is_on_foreign_stack || !mapping || mapping->inode != 0 ||
        strcmp(mapping->path, "[heap]") == 0)
        return false;
    uint64_t bytes = threads->glibc.thread_bytes;
    stack->start = mapping->start;
    stack->end = (described->address + bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    if (stack->end > mapping->end)
        stack->end = mapping->end;
    size_t position = (size_t)(described - threads->found.items);
    if (position > 0 && described[-1].address + bytes > stack->start)
        stack->start = (described[-1].address + bytes + PAGE_BYTES - 1) &
                       ~(uint64_t)(PAGE_BYTES - 1);
    const struct address_ranges *program = &plan->input->program;
    for (size_t i = 0; i < program->count; i++)
        if (program->items[i].end <= described->address && program->items[i].end > stack->start)
            stack->start = program->items[i].end;
    return stack->start < stack->end;
}

static void add_thread_range(struct root_plan *plan, uint64_t start, uint64_t end, uint32_t thread,
                             enum snapshot_root_kind kind)
{
    root_plan_add_range(
        plan,
        &(struct root_range){
            .start = start, .end = end, .kind = kind, .module = SNAPSHOT_NONE, .thread = thread});
}

/* --- thread-local variables --- */

/* Where a block of thread-local variables is that was made when it was first used, if it was. It
 * came from malloc, as did the table; both are alive while the thread is. */
static uint64_t dynamic_block(const struct thread_plan *threads, uint64_t table,
                              uint64_t table_count, const struct library_module *module,
                              uint32_t thread)
{
    struct root_plan *plan = threads->plan;
    struct thread_locals_entry entry;
    if (!thread_locals_read_entry(&threads->glibc, plan->words, table, table_count, module, &entry))
        return 0;
    for (unsigned i = 0; i < 2; i++)
        root_plan_add_value(plan, &(struct root_value){.address = entry.slot + i * WORD_BYTES,
                                                       .value = entry.pointers[i],
                                                       .kind = SNAPSHOT_ROOT_THREAD,
                                                       .thread = thread});
    return entry.pointers[0];
}

/* The table of a descriptor; 0 = none, with *table_count = 0. */
static uint64_t plan_table(const struct thread_plan *threads, uint64_t descriptor, uint32_t thread,
                           uint64_t *table_count)
{
    struct root_plan *plan = threads->plan;
    const struct thread_library *library = &threads->glibc;
    uint64_t table = thread_locals_table(library, plan->words, descriptor, table_count);
    if (table != 0)
        root_plan_add_value(plan,
                            &(struct root_value){.address = descriptor + library->table.offset,
                                                 .value = table - library->table_entries.bytes,
                                                 .kind = SNAPSHOT_ROOT_THREAD,
                                                 .thread = thread});
    return table;
}

/* Of a thread that has ended, and of one to come, glibc keeps the table and the blocks that it
 * leads to; what stands in them is of no use to anybody. */
static void plan_dead_locals(const struct thread_plan *threads, uint64_t descriptor)
{
    uint64_t table_count, table = plan_table(threads, descriptor, SNAPSHOT_NONE, &table_count);
    for (size_t i = 0; i < threads->glibc.module_count; i++)
        if (threads->glibc.modules[i].tls_offset == 0)
            dynamic_block(threads, table, table_count, &threads->glibc.modules[i], SNAPSHOT_NONE);
}

/* Returns the lowest address of static ones: there the stack begins. */
static uint64_t plan_locals(const struct thread_plan *threads, uint64_t descriptor, uint32_t thread)
{
    struct root_plan *plan = threads->plan;
    const struct thread_library *library = &threads->glibc;
    uint64_t lowest = descriptor;
    uint64_t table_count, table = plan_table(threads, descriptor, thread, &table_count);
    for (size_t i = 0; i < library->module_count; i++) {
        const struct library_module *known = &library->modules[i];
        uint64_t block = known->tls_offset
                             ? thread_locals_static_block(library, descriptor, known)
                             : dynamic_block(threads, table, table_count, known, thread);
        if (block == 0)
            continue;
        if (known->tls_offset && block < lowest)
            lowest = block;
        const struct target_module *file = &plan->modules.items[known->module];
        /* The loader allocates dynamic ones: variables, not a block's contents. */
        if (!known->tls_offset)
            range_list_add(&plan->dead, block, block + file->tls_bytes);
        range_list_add(&plan->claimed, block, block + file->tls_bytes);
        if (!file->is_own)
            root_plan_add_range(plan, &(struct root_range){.start = block,
                                                           .end = block + file->tls_bytes,
                                                           .kind = SNAPSHOT_ROOT_TLS,
                                                           .module = known->module,
                                                           .thread = thread});
    }
    return lowest;
}

/* --- keys --- */

/* A value counts while its key is the one that it was set for: pthread_key_delete leaves values
 * behind, which nobody can get at any more. */
static bool is_current(const struct thread_plan *threads, uint64_t key, uint64_t sequence)
{
    const struct thread_library *library = &threads->glibc;
    uint64_t current;
    return library->keys_address == 0 || key >= library->key_count.count ||
           !word_cache_read(threads->plan->words,
                            library->keys_address + key * library->key_bytes +
                                library->key_sequence.offset,
                            &current) ||
           current == sequence;
}

static void plan_key_array(const struct thread_plan *threads, uint64_t array, uint64_t first_key,
                           uint32_t thread)
{
    struct root_plan *plan = threads->plan;
    const struct thread_library *library = &threads->glibc;
    for (uint32_t i = 0; i < library->array_values.count; i++) {
        uint64_t at = array + (uint64_t)i * library->value_bytes;
        uint64_t sequence, data;
        if (!word_cache_read(plan->words, at + library->value_sequence.offset, &sequence) ||
            !word_cache_read(plan->words, at + library->value_data.offset, &data))
            return;
        if (data != 0 && is_current(threads, first_key + i, sequence))
            root_plan_add_value(plan,
                                &(struct root_value){.address = at + library->value_data.offset,
                                                     .value = data,
                                                     .kind = SNAPSHOT_ROOT_KEY,
                                                     .thread = thread,
                                                     .number = (uint32_t)(first_key + i)});
    }
}

/* The pointers to arrays of values stand in the descriptor, the first array too. Further ones came
 * from malloc: their words are roots as far as they are current, and no references of the block.
 * The ranges of both within the descriptor go to `inner`. */
static void plan_keys(const struct thread_plan *threads, uint64_t descriptor, uint32_t thread,
                      struct range_list *inner)
{
    struct root_plan *plan = threads->plan;
    const struct thread_library *library = &threads->glibc;
    uint64_t pointers = descriptor + library->keys.offset;
    uint64_t array_bytes = (uint64_t)library->array_values.count * library->value_bytes;
    range_list_add(inner, pointers, pointers + (uint64_t)library->keys.count * WORD_BYTES);
    for (uint32_t i = 0; i < library->keys.count; i++) {
        uint64_t array;
        if (!word_cache_read(plan->words, pointers + (uint64_t)i * WORD_BYTES, &array))
            return;
        if (array == 0)
            continue;
        plan_key_array(threads, array, (uint64_t)i * library->array_values.count, thread);
        if (array - descriptor < library->thread_bytes) {
            range_list_add(inner, array, array + array_bytes);
            continue;
        }
        root_plan_add_value(plan,
                            &(struct root_value){.address = pointers + (uint64_t)i * WORD_BYTES,
                                                 .value = array,
                                                 .kind = SNAPSHOT_ROOT_THREAD,
                                                 .thread = thread});
        if (block_index_find(plan->index, array) != SNAPSHOT_NONE)
            range_list_add(&plan->dead, array, array + array_bytes);
    }
}

/* The descriptor but for its keys: argument, result, clean-up handlers, the resolver's state. */
static void plan_descriptor(const struct thread_plan *threads, uint64_t descriptor, uint32_t thread)
{
    struct root_plan *plan = threads->plan;
    uint64_t end = descriptor + threads->glibc.thread_bytes;
    struct range_list keys = {0};
    plan_keys(threads, descriptor, thread, &keys);
    range_list_sort(&keys);
    uint64_t start = descriptor;
    struct address_range part;
    for (; range_list_gap(&keys, start, end, &part); start = part.end)
        add_thread_range(plan, part.start, part.end, thread, SNAPSHOT_ROOT_THREAD);
    range_list_add(&plan->claimed, descriptor, end);
    range_list_clear(&keys);
}

/* Of a thread that has ended and was not joined, somebody may still ask for its result. */
static void plan_result(const struct thread_plan *threads, uint64_t descriptor)
{
    const struct library_field *priority = &threads->glibc.priority;
    uint64_t at = descriptor + priority->offset - RESULT_BEFORE_PRIORITY;
    uint64_t result;
    if (priority->offset >= RESULT_BEFORE_PRIORITY &&
        word_cache_read(threads->plan->words, at, &result))
        root_plan_add_value(threads->plan, &(struct root_value){.address = at,
                                                                .value = result,
                                                                .kind = SNAPSHOT_ROOT_THREAD,
                                                                .thread = SNAPSHOT_NONE});
}

/* --- stacks --- */

/* Where the stack that `sp` is on begins and ends, `top` being where thread-local variables begin.
 * A block or mapping of the program's own may hold many stacks: nothing in it is known to be dead.
 */
static bool current_stack(const struct thread_plan *threads, uint64_t sp, uint64_t top,
                          const struct address_range *native, struct address_range *stack)
{
    const struct root_plan *plan = threads->plan;
    const struct target_mapping *mapping = mapping_search(plan->input->mappings, sp);
    uint32_t block = block_index_find(plan->index, sp);
    const struct address_range *program = program_range(plan, sp);
    if (!mapping)
        return false;
    if (native && sp >= native->start && sp < native->end) {
        *stack = *native;
        return true;
    }
    *stack = (struct address_range){sp, program ? program->end : mapping->end};
    if (block != SNAPSHOT_NONE) {
        stack->start = plan->index->blocks[block].address;
        stack->end = stack->start + plan->index->blocks[block].bytes;
    }
    if (top > sp && top < stack->end)
        stack->end = top;
    return sp < stack->end;
}

/* The kernel knows few flags, of no other context, and a stack that lies in memory. Words that
 * only look as if they were a stack's are all over others' frames. */
static bool is_context_on(const struct thread_plan *threads, const uint64_t *head, uint64_t sp)
{
    uint64_t start = head[CONTEXT_STACK], bytes = head[CONTEXT_STACK_BYTES];
    uint32_t flags = (uint32_t)head[CONTEXT_STACK_FLAGS] & ~(uint32_t)STACK_IS_DISARMED;
    return head[CONTEXT_FLAGS] <= CONTEXT_FLAGS_MOST && head[CONTEXT_LINK] == 0 &&
           flags <= (SS_ONSTACK | SS_DISABLE) && sp - start < bytes &&
           bytes <= UINT64_MAX - start &&
           mapping_search(threads->plan->input->mappings, start) != NULL;
}

/* In front of the frame of a handler on another stack, the kernel put a ucontext_t: it knows that
 * stack, of which nothing below `sp` is alive then, and has the stack pointer of what was
 * interrupted. Without one (coroutines) the whole of the native stack may be alive. */
static uint64_t interrupted_sp(const struct thread_plan *threads, uint64_t sp, uint64_t end,
                               const struct address_range *native)
{
    struct root_plan *plan = threads->plan;
    struct word_cache *words = plan->words;
    if (end - sp > FOREIGN_STACK_MAX_BYTES)
        end = sp + FOREIGN_STACK_MAX_BYTES;
    for (uint64_t at = word_down(sp); at + CONTEXT_SP_OFFSET + WORD_BYTES <= end;
         at += WORD_BYTES) {
        uint64_t saved, head[CONTEXT_HEAD_WORDS];
        if (!word_cache_read(words, at + CONTEXT_SP_OFFSET, &saved))
            break;
        if (saved < native->start || saved >= native->end ||
            !word_cache_read_bytes(words, at, head, sizeof head) ||
            !is_context_on(threads, head, sp) || !is_context_on(threads, head, at))
            continue;
        range_list_add(&plan->claimed, head[CONTEXT_STACK], word_down(sp));
        range_list_add(&plan->dead, head[CONTEXT_STACK], word_down(sp));
        saved = word_down(saved) - RED_ZONE_BYTES;
        return saved > native->start ? saved : native->start;
    }
    return native->start;
}

/* The stack that a thread was born on; of the first thread that is the kernel's. */
static bool native_stack(const struct thread_plan *threads, const struct described *described,
                         bool is_first, struct address_range *stack)
{
    if (described && own_stack(threads, described, stack))
        return true;
    const struct target_mappings *mappings = threads->plan->input->mappings;
    for (size_t i = 0; is_first && i < mappings->count; i++)
        if (strcmp(mappings->items[i].path, "[stack]") == 0) {
            *stack = (struct address_range){mappings->items[i].start, mappings->items[i].end};
            return true;
        }
    return false;
}

static void plan_stack(const struct thread_plan *threads, const struct described *described,
                       bool is_first, uint64_t top, uint32_t position,
                       const struct stopped_thread *stopped)
{
    struct root_plan *plan = threads->plan;
    struct snapshot_thread *told = &plan->result->threads[position];
    struct address_range stack, native;
    bool has_native = native_stack(threads, described, is_first, &native);
    if (has_native)
        range_list_add(&plan->claimed, native.start, native.end);
    if (has_native && top > native.start && top < native.end)
        native.end = top;
    bool has_stack = stopped->has_registers &&
                     current_stack(threads, stopped->sp, top, has_native ? &native : NULL, &stack);
    if (!has_stack) {
        plan->result->missing_threads++;
        if (has_native)
            add_thread_range(plan, native.start, native.end, position, SNAPSHOT_ROOT_STACK);
        return;
    }
    told->stack_start = word_down(stopped->sp);
    told->stack_end = stack.end;
    add_thread_range(plan, told->stack_start, stack.end, position, SNAPSHOT_ROOT_STACK);
    if (has_native && stack.start == native.start)
        return;
    root_plan_add_value(plan, &(struct root_value){.address = stopped->sp,
                                                   .value = stack.start,
                                                   .kind = SNAPSHOT_ROOT_STACK,
                                                   .thread = position});
    if (has_native)
        add_thread_range(plan, interrupted_sp(threads, stopped->sp, stack.end, &native), native.end,
                         position, SNAPSHOT_ROOT_STACK);
}

/* --- all together --- */

static void plan_registers(struct root_plan *plan, const struct stopped_thread *stopped,
                           uint32_t position)
{
    struct root_value value = {.kind = SNAPSHOT_ROOT_REGISTER, .thread = position};
    for (uint32_t i = 0; i < stopped->register_count && i < STOPPED_REGISTERS_MAX; i++) {
        value.address = i;
        value.value = stopped->registers[i];
        root_plan_add_value(plan, &value);
    }
    for (size_t at = 0; at + WORD_BYTES <= stopped->vector_register_bytes; at += WORD_BYTES) {
        value.address = SNAPSHOT_VECTOR_REGISTERS + at / WORD_BYTES;
        memcpy(&value.value, stopped->vector_registers + at, sizeof value.value);
        if (value.value != 0)
            root_plan_add_value(plan, &value);
    }
}

static uint32_t find_first_thread(const struct snapshot_scan_input *input)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < input->thread_count; i++)
        if (input->threads[i].tid < input->threads[first].tid)
            first = i;
    return first;
}

static void plan_stopped(const struct thread_plan *threads, uint32_t number, bool is_first)
{
    struct root_plan *plan = threads->plan;
    const struct stopped_thread *stopped = &plan->input->threads[number];
    struct snapshot_thread told = {.tid = stopped->tid};
    memcpy(told.name, stopped->name, sizeof told.name - 1);
    uint32_t position = snapshot_add_thread(plan->result, &told);
    const struct described *described = thread_descriptors_of(&threads->found, number);
    uint64_t top = 0;
    if (described) {
        top = plan_locals(threads, described->address, position);
        plan_descriptor(threads, described->address, position);
    }
    plan_stack(threads, described, is_first, top, position, stopped);
    if (stopped->has_registers)
        plan_registers(plan, stopped, position);
}

/* Descriptors of no stopped thread: ended ones, stacks kept for later, and threads that nobody
 * could stop. */
static void plan_others(const struct thread_plan *threads)
{
    struct root_plan *plan = threads->plan;
    for (size_t i = 0; i < threads->found.count && !root_plan_is_late(plan); i++) {
        const struct described *described = &threads->found.items[i];
        struct address_range stack;
        uint32_t tid = 0;
        if (described->stopped != SNAPSHOT_NONE)
            continue;
        bool has_stack = own_stack(threads, described, &stack);
        if (has_stack)
            range_list_add(&plan->claimed, stack.start, stack.end);
        if (described->is_kept) {
            plan_dead_locals(threads, described->address);
            continue;
        }
        word_cache_read_bytes(plan->words, described->address + threads->glibc.tid.offset, &tid,
                              sizeof tid);
        if ((int32_t)tid <= 0) {
            plan_result(threads, described->address);
            plan_dead_locals(threads, described->address);
            continue;
        }
        uint32_t position = snapshot_add_thread(plan->result,
                                                &(struct snapshot_thread){.tid = tid});
        plan->result->missing_threads++;
        plan_locals(threads, described->address, position);
        plan_descriptor(threads, described->address, position);
        if (has_stack)
            add_thread_range(plan, stack.start, described->address, position, SNAPSHOT_ROOT_STACK);
    }
}

void thread_roots_plan(struct root_plan *plan)
{
    struct thread_plan threads = {.plan = plan};
    thread_library_find(&threads.glibc, &plan->modules, plan->words, plan->input->libc);
    thread_descriptors_find(plan->input, &threads.glibc, plan->words, &threads.found);
    uint32_t first = find_first_thread(plan->input);
    for (uint32_t i = 0; i < plan->input->thread_count && !root_plan_is_late(plan); i++)
        plan_stopped(&threads, i, i == first);
    plan_others(&threads);
    thread_library_clear(&threads.glibc);
    thread_descriptors_clear(&threads.found);
}
