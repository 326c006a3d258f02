/* What the program maps, and the end of its heap: told outright, whatever is around it. */
#include "preload/event_writer.h"
#include "preload/hook.h"
#include "preload/hook_inside.h"
#include "preload/real_functions.h"
#include "preload/stack_capture.h"
#include "preload/unwind_rules.h"

/* Inside a real allocator call: as the nesting shows, or, when that call was passed over, the place
 * that this one comes from. libc maps by other ways than its public functions. */
static bool is_of_allocator(const struct hook *hook)
{
    if (hook->level == HOOK_NESTED || hook->level == HOOK_QUIET)
        return true;
    struct unwind_rules_module module;
    return sampled_blocks != NULL && real.allocator != WIRE_ALLOCATOR_GLIBC &&
           unwind_rules_find_module(stack_capture_rules, hook->caller.pc, &module) &&
           (uint64_t)(uintptr_t)real.malloc - module.start < module.end - module.start;
}

void hook_map(struct hook *hook, void *address, size_t size, uint32_t flags,
              enum function_kind function)
{
    if (hook->level == HOOK_OFF)
        return;
    struct thread_state *thread = hook->thread;
    uint64_t flag_word = (uint64_t)flags << 32;
    if (is_of_allocator(hook))
        flag_word |= (uint64_t)WIRE_MAP_OF_ALLOCATOR << 32;
    if (thread->is_busy)
        return; /* a signal handler maps inside an allocator's call: it would count as its heap */
    hook_begin_busy(thread);
    uint32_t slot;
    if (thread->is_making_arena) {
        function = FUNCTION_PYTHON_ARENA;
        slot = stack_capture_frames(thread, NULL, 0); /* of the arena, not of who needed one */
    } else {
        slot = stack_capture(thread, &hook->caller);
    }
    uint64_t *record = slot != STACK_CAPTURE_LOST ? event_reserve(thread, 4) : NULL;
    if (record != NULL) {
        record[1] = event_address(address, function);
        record[2] = size;
        record[3] = slot | flag_word;
        record[0] = event_stamp() | WIRE_MAP;
        event_commit(thread, 4);
    }
    thread->last_birth = 0;
    hook_end_busy(thread);
    hook_done(hook);
}

void hook_unmap(struct hook *hook, void *address, size_t size, enum function_kind function)
{
    if (hook->level == HOOK_OFF)
        return;
    hook_write_plain(hook, (uint64_t[]){WIRE_UNMAP, event_address(address, function), size}, 3);
}

void hook_break(struct hook *hook, void *new_end, void *old_end, enum function_kind function)
{
    if (hook->level == HOOK_OFF)
        return;
    struct thread_state *thread = hook->thread;
    if (!is_of_allocator(hook)) {
        hook_begin_busy(thread);
        uint32_t slot = stack_capture(thread, &hook->caller);
        uint64_t *record = slot != STACK_CAPTURE_LOST ? event_reserve(thread, 4) : NULL;
        if (record != NULL) {
            record[1] = event_address(new_end, function);
            record[2] = (uint64_t)(uintptr_t)old_end;
            record[3] = slot;
            record[0] = event_stamp() | WIRE_BREAK;
            event_commit(thread, 4);
        }
        thread->last_birth = 0;
        hook_end_busy(thread);
    }
    hook_done(hook);
}
