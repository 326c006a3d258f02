/* A thread's recent stacks are remembered by hash in a small set-associative cache. A stack found
 * there has been told to the recorder under the slot's number; another is told in full and takes a
 * slot. So memory is bounded on both sides, whatever the number of distinct stacks, and a hot stack
 * costs a walk, a hash and one compare.
 *
 * The hash has 64 bits over all addresses kept, the number left out, and the count of unloads
 * (after dlclose the same addresses may be other code). Two stacks of one thread's cache share a
 * hash with a probability below 10^-12. */
#include "preload/stack_capture.h"

#include <string.h>

#include "preload/event_writer.h"
#include "preload/module_notice.h"
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

static uint64_t hash_stack(const uint64_t *frames, uint32_t count, uint64_t ending)
{
    uint64_t hash = hash_seed(ending);
    for (uint32_t i = count; i-- > 0;)
        hash = stack_hash_step(hash, frames[i]);
    return stack_hash_end(hash);
}

/* The slot that holds this stack; or, with *is_new, the one that it may take. */
static uint32_t find_slot(struct thread_state *thread, uint64_t hash, bool *is_new)
{
    uint32_t set = (uint32_t)(hash >> 32) % STACK_CACHE_SETS;
    uint32_t first = set * STACK_CACHE_WAYS;
    for (uint32_t way = 0; way < STACK_CACHE_WAYS; way++)
        if (thread->cache_hashes[first + way] == hash) {
            *is_new = false;
            return first + way;
        }
    *is_new = true;
    return first + thread->cache_victims[set]++ % STACK_CACHE_WAYS;
}

/* The slot is about to become another stack's. */
static void empty_slot(struct thread_state *thread, uint32_t slot)
{
    thread->cache_hashes[slot] = 0;
    stack_memo_forget_slot(&thread->memo, slot);
}

/* Tells the recorder that `slot` is this stack from here on. */
static bool tell(struct thread_state *thread, uint32_t slot, const uint64_t *frames, uint32_t count,
                 uint64_t omitted, uint32_t innermost_kept)
{
    uint64_t *record = event_reserve(thread, 3 + count);
    if (record == NULL)
        return false;
    record[1] = slot | (uint64_t)count << 32;
    record[2] = (omitted < UINT32_MAX ? omitted : UINT32_MAX) | (uint64_t)innermost_kept << 32;
    memcpy(record + 3, frames, count * 8);
    record[0] = event_stamp() | WIRE_STACK;
    event_commit(thread, 3 + count);
    thread->last_birth = 0;
    return true;
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
    if (!tell(thread, slot, frames, (uint32_t)count, 0, (uint32_t)count))
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

/* The slot of a stack that was just walked, told to the recorder if it is new. *is_whole: it ends
 * where stacks end. */
static uint32_t slot_of_walk(struct thread_state *thread, const struct walk_registers *caller,
                             const struct stack_walk *walk, uint64_t *hash, bool *is_whole)
{
    /* An incomplete stack is told apart from a complete one that begins alike. */
    *hash = hash_stack(walk->frames, walk->count, walk->omitted_count + walk->end);
    *is_whole = is_at_end(walk);
    bool is_new;
    uint32_t slot = find_slot(thread, *hash, &is_new);
    if (!is_new)
        return slot;
    empty_slot(thread, slot);
    uint32_t innermost = walk->omitted_count == 0 ? walk->count
                                                  : stack_walk_inner_count(walk->limit);
    module_notice_frames(thread, walk->frames, walk->count);
    if (!tell(thread, slot, walk->frames, walk->count, walk->omitted_count, innermost))
        return STACK_CAPTURE_LOST;
    if (!*is_whole || (session->flags & SESSION_ORACLE) != 0)
        stack_bytes_send(thread, slot, *is_whole, caller);
    thread->cache_hashes[slot] = *hash;
    return slot;
}

/* Test mode: what was found without walking to the end is walked all the same, and if that gives
 * another stack, libunwind is asked. */
static void check_found(struct thread_state *thread, const struct walk_registers *caller,
                        uint32_t slot, uint64_t hash)
{
    struct stack_walk walk = {.frames = thread->frames, .limit = session->stack_depth};
    stack_walk_run(stack_capture_rules, &thread->memory, caller, &walk);
    if (hash_stack(walk.frames, walk.count, walk.omitted_count + walk.end) != hash)
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
        if (module_notice_frames(thread, thread->frames, trail->noticed - trail->first))
            trail->noticed = trail->first;
        if (!tell(thread, slot, thread->frames, count, 0, count))
            return STACK_CAPTURE_LOST;
        if ((session->flags & SESSION_ORACLE) != 0)
            stack_bytes_send(thread, slot, true, caller);
        thread->cache_hashes[slot] = hash;
    } else if (__builtin_expect((session->flags & SESSION_ORACLE) != 0, 0)) {
        check_found(thread, caller, slot, hash);
    }
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
    if (entry == NULL)
        stack_walk_run(stack_capture_rules, &thread->memory, caller, &walk);
    else
        stack_walk_run_telling(stack_capture_rules, &thread->memory, caller, &walk, &reads);
    uint64_t hash;
    bool is_whole;
    uint32_t slot = slot_of_walk(thread, caller, &walk, &hash, &is_whole);
    if (entry != NULL && is_whole)
        remember(thread, entry, caller, generation, &reads, hash, slot);
    return slot;
}

uint32_t stack_capture(struct thread_state *thread, const struct walk_registers *caller)
{
    uint32_t key = stack_memo_key(caller->pc, caller->sp);
    uint64_t generation = unwind_rules_generation_number(stack_capture_rules);
    struct stack_memo_entry *entry = stack_memo_find(&thread->memo, key, caller, generation);
    if (entry != NULL) {
        if (__builtin_expect((session->flags & SESSION_ORACLE) != 0, 0))
            check_found(thread, caller, entry->slot, entry->hash);
        return entry->slot;
    }
    return find_and_remember(thread, caller, generation, stack_memo_place(&thread->memo, key));
}
