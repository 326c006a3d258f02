/* Objects of programs' own allocators: told by the program itself (include/seep.h). */
#include "preload/event_writer.h"
#include "preload/hook.h"
#include "preload/hook_inside.h"
#include "preload/stack_capture.h"

/* In a sampled recording there are none: nobody knows what became of the block that they are in. */
static bool tells_of_pools(const struct hook *hook)
{
    return hook->level >= HOOK_OUTER && !hook->thread->is_busy && sampled_blocks == NULL;
}

bool hook_pool_birth(struct hook *hook, const void *pool, const void *object, size_t size)
{
    struct thread_state *thread = hook->thread;
    uint64_t *record = NULL;
    if (tells_of_pools(hook)) {
        hook_begin_busy(thread);
        uint32_t slot = stack_capture(thread, &hook->caller);
        record = slot != STACK_CAPTURE_LOST ? event_reserve(thread, 5) : NULL;
        if (record != NULL) {
            record[1] = event_address(pool, FUNCTION_CUSTOM);
            record[2] = event_address(object, FUNCTION_CUSTOM);
            record[3] = slot;
            record[4] = size;
            record[0] = event_stamp() | WIRE_POOL_BIRTH;
            event_commit(thread, 5);
            event_count(thread);
        }
        thread->last_birth = 0;
        hook_end_busy(thread);
    }
    hook_done(hook);
    return record != NULL;
}

bool hook_pool_release(struct hook *hook, const void *pool, const void *object)
{
    bool is_told = tells_of_pools(hook) &&
                   hook_write_plain(hook,
                                    (uint64_t[]){WIRE_POOL_RELEASE,
                                                 event_address(pool, FUNCTION_CUSTOM),
                                                 event_address(object, FUNCTION_CUSTOM)},
                                    3);
    hook_done(hook);
    return is_told;
}
