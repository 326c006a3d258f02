/* A thread's recent stacks are remembered by hash in a small set-associative cache. A stack found
 * there has been told to the recorder under the slot's number; another is told in full and takes a
 * slot. So memory is bounded on both sides, whatever the number of distinct stacks, and a hot stack
 * costs a walk, a hash and one compare. Small processes have a few dozen stacks, and would pay more
 * for the cache's pages than for these: few sets are used at first, and eight times as many
 * whenever half of the slots were taken. A stack is right wherever it stands, and looked for there,
 * too, until most of those have gone.
 *
 * The hash has 64 bits over all addresses kept, the number left out, and the count of unloads
 * (after dlclose the same addresses may be other code). Two stacks of one thread's cache share a
 * hash with a probability below 10^-12. */
#include "preload/stack_capture.h"

#include <string.h>

#include "preload/event_writer.h"
#include "preload/module_notice.h"
#include "preload/python_code.h"
#include "preload/python_runtime.h"
#include "preload/python_stack.h"
#include "preload/stack_bytes.h"
#include "preload/stack_hash.h"

struct unwind_rules *stack_capture_rules;
uint64_t stack_capture_loader_start, stack_capture_loader_end;
_Atomic uint64_t stack_capture_unloads;

static uint64_t hash_seed(uint64_t ending)
{
    return stack_hash_begin(atomic_load_explicit(&stack_capture_unloads, memory_order_relaxed),
                            ending);
}

/* Of a stack of which nothing was left out. */
static uint64_t hash_stack(const uint64_t *frames, uint32_t count, uint64_t ending)
{
    uint64_t hash = hash_seed(ending);
    for (uint32_t i = count; i-- > 0;)
        hash = stack_hash_step(hash, frames[i]);
    return stack_hash_end(hash);
}

/* An incomplete stack is told apart from a complete one that begins alike. */
static uint64_t hash_walk(const struct stack_walk *walk)
{
    if (walk->omitted_count == 0)
        return hash_stack(walk->frames, walk->count, walk->end);
    return stack_hash_end(stack_hash_cut(
        hash_seed(walk->omitted_count + walk->end),
        stack_hash_frames(walk->frames, walk->inner_count),
        stack_hash_frames(walk->frames + walk->inner_count, walk->count - walk->inner_count)));
}

/* The set of a hash, and of UINT64_MAX the last one of all, while so many are used. */
static inline uint32_t cache_set(uint64_t hash, uint32_t growths)
{
    uint32_t sets = (uint32_t)STACK_CACHE_FIRST_SETS << STACK_CACHE_GROWTH_BITS * growths;
    return (uint32_t)(hash >> 32) & (sets - 1);
}

/* The slot of this stack, if it took one while so many sets were used; else UINT32_MAX. */
static inline uint32_t find_among(const struct thread_state *thread, uint32_t growths,
                                  uint64_t hash)
{
    uint32_t first = cache_set(hash, growths) * STACK_CACHE_WAYS;
#pragma GCC unroll 4
    for (uint32_t way = 0; way < STACK_CACHE_WAYS; way++)
        if (thread->cache_hashes[first + way] == hash)
            return first + way;
    return UINT32_MAX;
}

/* Each page that comes into use is written before it is read, which takes one fault and not two. */
static __attribute__((noinline)) void use_more_sets(struct thread_state *thread)
{
    enum {
        PAGE_SLOTS = 4096 / sizeof *thread->cache_hashes
    };
    uint32_t slot = (cache_set(UINT64_MAX, thread->cache_growths) + 1) * STACK_CACHE_WAYS;
    uint32_t end = (cache_set(UINT64_MAX, ++thread->cache_growths) + 1) * STACK_CACHE_WAYS;
    for (; slot < end; slot += PAGE_SLOTS)
        *(volatile uint64_t *)&thread->cache_hashes[slot] = 0;
}

/* The slot that holds this stack; or, with *is_new, the one that it may take. */
static uint32_t find_slot(struct thread_state *thread, uint64_t hash, bool *is_new)
{
    /* After twice as many stacks as there are slots few of the first ones are left. */
    uint32_t least = thread->cache_taken < 2 * WIRE_STACK_SLOTS ? 0 : thread->cache_growths;
    *is_new = false;
    for (uint32_t growths = thread->cache_growths + 1; growths-- > least;) {
        uint32_t slot = find_among(thread, growths, hash);
        if (slot != UINT32_MAX)
            return slot;
    }
    *is_new = true;
    uint32_t used_slots = (cache_set(UINT64_MAX, thread->cache_growths) + 1) * STACK_CACHE_WAYS;
    if (++thread->cache_taken > used_slots / 2 && used_slots < WIRE_STACK_SLOTS)
        use_more_sets(thread);
    uint32_t set = cache_set(hash, thread->cache_growths);
    return set * STACK_CACHE_WAYS + thread->cache_victims[set]++ % STACK_CACHE_WAYS;
}

/* The slot is about to become another stack's. */
static void empty_slot(struct thread_state *thread, uint32_t slot)
{
    thread->cache_hashes[slot] = 0;
    stack_memo_forget_slot(&thread->memo, slot);
}

/* What a STACK record holds. */
struct told_stack {
    const uint64_t *frames;
    uint32_t count;
    uint32_t innermost_kept;
    uint64_t omitted;
    bool is_approximate;
};

/* Tells the recorder that `slot` is this stack from here on. */
static bool tell(struct thread_state *thread, uint32_t slot, const struct told_stack *stack)
{
    uint32_t count = stack->count;
    uint64_t omitted = stack->omitted < UINT32_MAX ? stack->omitted : UINT32_MAX;
    uint64_t *record = event_reserve(thread, 3 + count);
    if (record == NULL)
        return false;
    record[1] = slot | (uint64_t)count << 32 | (stack->is_approximate ? WIRE_STACK_APPROXIMATE : 0);
    record[2] = omitted | (uint64_t)stack->innermost_kept << 32;
    memcpy(record + 3, stack->frames, count * 8);
    record[0] = event_stamp() | WIRE_STACK;
    event_commit(thread, 3 + count);
    thread->last_birth = 0;
    return true;
}

static struct told_stack whole_stack(const uint64_t *frames, uint32_t count)
{
    return (struct told_stack){.frames = frames, .count = count, .innermost_kept = count};
}

static struct told_stack walked_stack(const struct stack_walk *walk)
{
    struct told_stack stack = whole_stack(walk->frames, walk->count);
    stack.omitted = walk->omitted_count;
    stack.innermost_kept = walk->inner_count;
    return stack;
}

uint32_t stack_capture_frames(struct thread_state *thread, const uint64_t *frames, size_t count)
{
    bool is_new;
    uint64_t hash = hash_stack(frames, (uint32_t)count, 0);
    uint32_t slot = find_slot(thread, hash, &is_new);
    if (!is_new)
        return slot;
    empty_slot(thread, slot);
    module_notice_frames(thread, frames, count);
    struct told_stack stack = whole_stack(frames, (uint32_t)count);
    if (!tell(thread, slot, &stack))
        return STACK_CAPTURE_LOST;
    thread->cache_hashes[slot] = hash;
    return slot;
}

uint32_t stack_capture_walk(const struct walk_registers *caller, struct walk_memory *memory,
                            uint64_t *frames, uint32_t limit)
{
    struct stack_walk walk = {.frames = frames, .limit = limit};
    stack_walk_run(stack_capture_rules, memory, caller, &walk);
    return walk.count;
}

static bool is_at_end(const struct stack_walk *walk)
{
    if (walk->end == STACK_WALK_COMPLETE || walk->end == STACK_WALK_TOO_DEEP)
        return true;
    return walk->end == STACK_WALK_NO_TABLE && walk->last.pc >= stack_capture_loader_start &&
           walk->last.pc < stack_capture_loader_end;
}

/* Gives the slot to a stack and tells the recorder of it. */
static uint32_t tell_walk(struct thread_state *thread, const struct walk_registers *caller,
                          const struct stack_walk *walk, uint32_t slot, uint64_t hash,
                          bool is_whole)
{
    empty_slot(thread, slot);
    module_notice_frames(thread, walk->frames, walk->count);
    struct told_stack stack = walked_stack(walk);
    if (!tell(thread, slot, &stack))
        return STACK_CAPTURE_LOST;
    if (!is_whole || (session->flags & SESSION_ORACLE) != 0)
        stack_bytes_send(thread, slot, is_whole, caller);
    thread->cache_hashes[slot] = hash;
    return slot;
}

/* The slot of a stack that was just walked, told to the recorder if it is new. *is_whole: it ends
 * where stacks end. */
static uint32_t slot_of_walk(struct thread_state *thread, const struct walk_registers *caller,
                             const struct stack_walk *walk, uint64_t *hash, bool *is_whole)
{
    *hash = hash_walk(walk);
    *is_whole = is_at_end(walk);
    bool is_new;
    uint32_t slot = find_slot(thread, *hash, &is_new);
    return is_new ? tell_walk(thread, caller, walk, slot, *hash, *is_whole) : slot;
}

/* Test mode: what was found without walking to the end is walked all the same, and if that gives
 * another stack, libunwind is asked. */
static void check_found(struct thread_state *thread, const struct walk_registers *caller,
                        uint32_t slot, uint64_t hash)
{
    struct stack_walk walk = {.frames = thread->frames, .limit = session->stack_depth};
    stack_walk_run(stack_capture_rules, &thread->memory, caller, &walk);
    if (hash_walk(&walk) != hash)
        stack_bytes_send(thread, slot, true, caller);
}

static void remember(struct thread_state *thread, struct stack_memo_entry *entry,
                     const struct walk_registers *caller, uint64_t generation,
                     const struct walk_reads *reads, uint64_t hash, uint32_t slot)
{
    if (slot == STACK_CAPTURE_LOST || reads->count == 0 || reads->count > STACK_MEMO_READS)
        return;
    entry->pc = caller->pc;
    entry->sp = caller->sp;
    entry->bp = caller->bp;
    entry->hash = hash;
    entry->slot = slot;
    entry->bp_mask = reads->is_bp_used ? UINT64_MAX : 0;
    stack_memo_seal(&thread->memo, entry, reads->count, generation);
}

/* Tells of modules that are new to the trail, whose frames stand in the thread's. */
static void notice_modules_of_trail(struct thread_state *thread)
{
    struct stack_trail *trail = &thread->trail;
    if (module_notice_frames(thread, thread->frames, trail->noticed - trail->first))
        trail->noticed = trail->first;
}

/* The slot of the stack that the trail is; told to the recorder if it is new. */
static uint32_t slot_of_trail(struct thread_state *thread, const struct walk_registers *caller,
                              uint64_t hash)
{
    struct stack_trail *trail = &thread->trail;
    bool is_new;
    uint32_t slot = find_slot(thread, hash, &is_new);
    if (is_new) {
        uint32_t count = stack_trail_count(trail);
        empty_slot(thread, slot);
        stack_trail_copy(trail, thread->frames);
        notice_modules_of_trail(thread);
        struct told_stack stack = whole_stack(thread->frames, count);
        if (!tell(thread, slot, &stack))
            return STACK_CAPTURE_LOST;
        if ((session->flags & SESSION_ORACLE) != 0)
            stack_bytes_send(thread, slot, true, caller);
        thread->cache_hashes[slot] = hash;
    } else if (__builtin_expect((session->flags & SESSION_ORACLE) != 0, 0)) {
        check_found(thread, caller, slot, hash);
    }
    return slot;
}

/* Is the stack deeper than the limit, and are its ends in what is kept of such stacks now? */
static bool find_deep(struct thread_state *thread, const struct walk_registers *caller,
                      struct stack_walk *walk, uint64_t *hash)
{
    struct stack_deep *deep = &thread->deep;
    switch (stack_deep_find(deep, &thread->trail.steps, stack_capture_rules, &thread->memory,
                            caller, session->stack_depth)) {
    case STACK_DEEP_FOUND:
        walk->inner_count = deep->cut.inner;
        walk->count = deep->cut.inner + deep->cut.outer;
        walk->omitted_count = deep->cut.omitted;
        walk->end = STACK_WALK_COMPLETE;
        *hash = stack_hash_end(stack_deep_hash(deep, hash_seed(walk->omitted_count + walk->end)));
        return true;
    case STACK_DEEP_NOT_DEEP:
        stack_trail_try_again(&thread->trail);
        return false;
    case STACK_DEEP_NOT_FOUND:
        return false;
    }
    return false;
}

/* The slot of such a stack, whose frames are not copied yet. */
static uint32_t slot_of_deep(struct thread_state *thread, const struct walk_registers *caller,
                             const struct stack_walk *walk, uint64_t hash)
{
    bool is_new;
    uint32_t slot = find_slot(thread, hash, &is_new);
    if (is_new) {
        stack_deep_copy(&thread->deep, walk->frames);
        return tell_walk(thread, caller, walk, slot, hash, true);
    }
    if (__builtin_expect((session->flags & SESSION_ORACLE) != 0, 0))
        check_found(thread, caller, slot, hash);
    return slot;
}

/* Finds a stack that is not remembered, and remembers in `entry` (may be NULL) what it depends on.
 */
static uint32_t find_and_remember(struct thread_state *thread, const struct walk_registers *caller,
                                  uint64_t generation, struct stack_memo_entry *entry)
{
    struct walk_reads reads = {.capacity = STACK_MEMO_READS};
    if (entry != NULL)
        reads.reads = stack_memo_reads(&thread->memo, entry);
    if (stack_trail_find(&thread->trail, stack_capture_rules, &thread->memory, caller,
                         session->stack_depth, hash_seed(STACK_WALK_COMPLETE))) {
        uint64_t hash = stack_hash_end(stack_trail_hash(&thread->trail));
        uint32_t slot = slot_of_trail(thread, caller, hash);
        if (entry != NULL) {
            stack_trail_tell_reads(&thread->trail, &reads);
            remember(thread, entry, caller, generation, &reads, hash, slot);
        }
        return slot;
    }
    struct stack_walk walk = {.frames = thread->frames, .limit = session->stack_depth};
    uint64_t hash;
    if (find_deep(thread, caller, &walk, &hash))
        return slot_of_deep(thread, caller, &walk, hash);
    if (entry == NULL)
        stack_walk_run(stack_capture_rules, &thread->memory, caller, &walk);
    else
        stack_walk_run_telling(stack_capture_rules, &thread->memory, caller, &walk, &reads);
    bool is_whole;
    uint32_t slot = slot_of_walk(thread, caller, &walk, &hash, &is_whole);
    if (entry != NULL && is_whole)
        remember(thread, entry, caller, generation, &reads, hash, slot);
    return slot;
}

/* ---- with Python frames ------------------------------------------------------------------------
 *
 * They are no function of the native stack: so they are walked for each event, and the cache knows
 * a stack by both. What is remembered of native stacks still saves their walk; the slot beside them
 * is the one that was named last. Only a pair that is new to the cache is merged, and told. */

static uint64_t hash_of_both(uint64_t native, uint64_t python)
{
    return python == 0 ? native : stack_hash_end(stack_hash_step(native, python));
}

static bool has_exact_frame(const struct stack_walk *walk)
{
    for (uint32_t i = 0; i < walk->count; i++)
        if ((walk->frames[i] & WIRE_FRAME_EXACT) != 0)
            return true;
    return false;
}

static bool find_word(struct thread_state *thread, const struct python_frame *frame, uint64_t *word)
{
    *word = frame->code != 0 ? python_code_word(thread, frame) : 0;
    return frame->code == 0 || *word != 0;
}

/* The words of the trail's frames, which is the current stack; most are known. False: of one the
 * code could not be told. */
static bool find_words_on_trail(struct thread_state *thread)
{
    struct python_trail *trail = &thread->python.trail;
    for (uint32_t i = 0; i < trail->count; i++) {
        uint64_t *word = python_trail_word(trail, i);
        if (*word == 0) {
            struct python_frame frame = python_trail_frame_at(trail, &python_runtime.offsets, i);
            if (!find_word(thread, &frame, word))
                return false;
        }
        thread->python_words[i] = (struct python_merge_frame){*word,
                                                              python_trail_ends_group(trail, i)};
    }
    return true;
}

/* The same of any stack, which is walked beside the native one. */
static bool find_words(struct thread_state *thread, const struct stack_walk *walk)
{
    struct python_stack *python = &thread->python;
    python_stack_walk(python, has_exact_frame(walk) ? &thread->memory : NULL);
    for (uint32_t i = 0; i < python->count; i++) {
        uint64_t word;
        if (!find_word(thread, &python->frames[i], &word))
            return false;
        thread->python_words[i] = (struct python_merge_frame){word, python->frames[i].ends_group};
    }
    return true;
}

/* Puts the Python frames, whose hash is given, into the native stack. False: their code could not
 * be told. */
static bool merge_python(struct thread_state *thread, const struct stack_walk *walk,
                         uint64_t python_hash, struct told_stack *stack)
{
    const struct python_stack *python = &thread->python;
    bool is_on_trail = python_trail_is_of(&python->trail, python_hash);
    if (!(is_on_trail ? find_words_on_trail(thread) : find_words(thread, walk)))
        return false;
    struct python_merge merge = {.native = stack->frames,
                                 .native_count = stack->count,
                                 .native_inner_count = stack->innermost_kept,
                                 .native_omitted = stack->omitted,
                                 .is_native_whole = is_at_end(walk),
                                 .python = thread->python_words,
                                 .python_count = is_on_trail ? python->trail.count : python->count,
                                 .python_inner_count = is_on_trail ? python->trail.count
                                                                   : python->inner_count,
                                 .python_omitted = is_on_trail ? 0 : python->omitted,
                                 .evaluation = python_runtime.evaluation,
                                 .evaluation_count = python_runtime.evaluation_count,
                                 .frames = thread->merged,
                                 .limit = session->stack_depth};
    python_merge_run(&merge);
    *stack = (struct told_stack){.frames = merge.frames,
                                 .count = merge.count,
                                 .innermost_kept = merge.inner_count,
                                 .omitted = merge.omitted,
                                 .is_approximate = merge.is_approximate};
    return true;
}

/* Gives the slot to a native stack, with the Python frames whose hash is `python` if that is not 0.
 */
static uint32_t tell_both(struct thread_state *thread, const struct walk_registers *caller,
                          const struct stack_walk *walk, bool is_on_trail, uint32_t slot,
                          uint64_t hash, uint64_t python)
{
    struct told_stack stack = walked_stack(walk);
    empty_slot(thread, slot);
    if (is_on_trail)
        notice_modules_of_trail(thread);
    else
        module_notice_frames(thread, walk->frames, walk->count);
    if ((python != 0 && !merge_python(thread, walk, python, &stack)) || !tell(thread, slot, &stack))
        return STACK_CAPTURE_LOST;
    if (!is_at_end(walk))
        stack_bytes_send(thread, slot, false, caller);
    thread->cache_hashes[slot] = hash;
    return slot;
}

/* Along the trail if that can be, else by walking; and what the native stack depends on. */
static uint64_t find_native(struct thread_state *thread, const struct walk_registers *caller,
                            struct stack_walk *walk, struct walk_reads *reads, bool *is_on_trail)
{
    *is_on_trail = stack_trail_find(&thread->trail, stack_capture_rules, &thread->memory, caller,
                                    session->stack_depth, hash_seed(STACK_WALK_COMPLETE));
    if (*is_on_trail) {
        walk->count = walk->inner_count = stack_trail_count(&thread->trail);
        walk->end = STACK_WALK_COMPLETE;
        stack_trail_copy(&thread->trail, walk->frames);
        if (reads->reads != NULL)
            stack_trail_tell_reads(&thread->trail, reads);
        return stack_hash_end(stack_trail_hash(&thread->trail));
    }
    uint64_t hash;
    if (find_deep(thread, caller, walk, &hash)) {
        stack_deep_copy(&thread->deep, walk->frames);
        return hash;
    }
    if (reads->reads == NULL)
        stack_walk_run(stack_capture_rules, &thread->memory, caller, walk);
    else
        stack_walk_run_telling(stack_capture_rules, &thread->memory, caller, walk, reads);
    return hash_walk(walk);
}

/* Of a native stack that is remembered, whose slot is of other Python frames. */
static uint32_t rename_remembered(struct thread_state *thread, const struct walk_registers *caller,
                                  struct stack_memo_entry *entry, uint64_t hash, uint64_t python)
{
    bool is_new;
    uint32_t slot = find_slot(thread, hash, &is_new);
    if (is_new) {
        struct stack_walk walk = {.frames = thread->frames, .limit = session->stack_depth};
        struct walk_reads untold = {0};
        bool is_on_trail;
        find_native(thread, caller, &walk, &untold, &is_on_trail);
        slot = tell_both(thread, caller, &walk, is_on_trail, slot, hash, python);
    }
    if (slot != STACK_CAPTURE_LOST)
        stack_memo_rename(&thread->memo, entry, slot);
    return slot;
}

/* The hash of the entry's native stack and of the Python frames beside it. */
static inline uint64_t hash_with_python(struct thread_state *thread,
                                        const struct stack_memo_entry *entry, uint64_t *python)
{
    *python = python_stack_hash(&thread->python, entry->has_signal ? &thread->memory : NULL);
    return hash_of_both(entry->hash, *python);
}

static __attribute__((noinline)) uint32_t rename_entry(struct thread_state *thread, uintptr_t frame,
                                                       struct stack_memo_entry *entry,
                                                       uint64_t hash, uint64_t python)
{
    struct walk_registers caller = walk_caller_registers(frame);
    return rename_remembered(thread, &caller, entry, hash, python);
}

/* Python may have been unloaded: what is remembered will be void at once. */
static __attribute__((noinline)) uint32_t capture_otherwise(struct thread_state *thread,
                                                            uintptr_t frame)
{
    struct walk_registers caller = walk_caller_registers(frame);
    return stack_capture(thread, &caller);
}

uint32_t stack_capture_with_python(struct thread_state *thread, uintptr_t frame, uint32_t number)
{
    if (__builtin_expect(!atomic_load_explicit(&python_runtime_has_stacks, memory_order_acquire),
                         0))
        return capture_otherwise(thread, frame);
    struct stack_memo_entry *entry = &thread->memo.entries[number];
    uint64_t python, hash = hash_with_python(thread, entry, &python);
    uint32_t slot = stack_memo_slot(entry);
    if (__builtin_expect(thread->cache_hashes[slot] == hash, 1))
        return slot;
    return rename_entry(thread, frame, entry, hash, python);
}

static uint32_t find_remembered_with_python(struct thread_state *thread,
                                            const struct walk_registers *caller,
                                            struct stack_memo_entry *entry)
{
    uint64_t python, hash = hash_with_python(thread, entry, &python);
    uint32_t slot = stack_memo_slot(entry);
    return thread->cache_hashes[slot] == hash
               ? slot
               : rename_remembered(thread, caller, entry, hash, python);
}

static __attribute__((noinline)) uint32_t capture_with_python(struct thread_state *thread,
                                                              const struct walk_registers *caller,
                                                              uint64_t generation)
{
    uint32_t key = stack_memo_key(caller->pc, caller->sp);
    struct stack_memo_entry *entry = stack_memo_find(&thread->memo, key, caller, generation);
    if (entry != NULL && stack_memo_is_with_python(entry))
        return find_remembered_with_python(thread, caller, entry);
    struct walk_reads reads = {.capacity = STACK_MEMO_READS};
    entry = stack_memo_place(&thread->memo, key);
    if (entry != NULL)
        reads.reads = stack_memo_reads(&thread->memo, entry);
    struct stack_walk walk = {.frames = thread->frames, .limit = session->stack_depth};
    bool is_on_trail;
    uint64_t native = find_native(thread, caller, &walk, &reads, &is_on_trail);
    /* A trail has plain frames only. */
    bool is_new, has_signal = !is_on_trail && has_exact_frame(&walk);
    uint64_t python = python_stack_hash(&thread->python, has_signal ? &thread->memory : NULL);
    uint64_t hash = hash_of_both(native, python);
    uint32_t slot = find_slot(thread, hash, &is_new);
    if (is_new)
        slot = tell_both(thread, caller, &walk, is_on_trail, slot, hash, python);
    if (entry != NULL && is_at_end(&walk)) {
        entry->has_signal = has_signal;
        /* A lost one is still that. */
        remember(thread, entry, caller, generation, &reads, native, slot | STACK_MEMO_WITH_PYTHON);
    }
    return slot;
}

uint32_t stack_capture(struct thread_state *thread, const struct walk_registers *caller)
{
    /* In this order: a generation from before there was Python is void (python_runtime.c). */
    uint64_t generation = unwind_rules_generation_number(stack_capture_rules);
    if (__builtin_expect(atomic_load_explicit(&python_runtime_has_stacks, memory_order_acquire), 0))
        return capture_with_python(thread, caller, generation);
    uint32_t key = stack_memo_key(caller->pc, caller->sp);
    struct stack_memo_entry *entry = stack_memo_find(&thread->memo, key, caller, generation);
    if (entry != NULL && !stack_memo_is_with_python(entry)) {
        if (__builtin_expect((session->flags & SESSION_ORACLE) != 0, 0))
            check_found(thread, caller, entry->slot, entry->hash);
        return entry->slot;
    }
    return find_and_remember(thread, caller, generation, stack_memo_place(&thread->memo, key));
}
