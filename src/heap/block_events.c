#include "heap/block_events.h"

#include "heap/ledger.h"

/* A displaced block, at whose address another was born, leaves the live figures at once: it can
 * only be gone, so neither the peak nor the invariant must wait for the release that was not seen
 * yet. When that comes, it is a repair and counts for the thread that called; when it never comes,
 * it is a missed free. An early release counts nothing until its birth comes; then both are booked.
 */

enum {
    LEAVINGS_MAX = 64 /* nested reallocs of one thread: beyond, arrivals were lost */
};

static const struct site *site_of(const struct heap_model *model, const struct block *block)
{
    return site_table_at(&model->sites, block->site);
}

static void add_bad_pair(struct heap_model *model, enum recording_misuse_kind kind,
                         const struct block *block, uint8_t function,
                         const struct heap_event *event)
{
    if (model->has_losses)
        return;
    const struct site *site = site_of(model, block);
    struct misuse misuse = {
        .kind = (uint8_t)kind,
        .time_ns = event->time_ns,
        .address = block->address,
        .size = block->size,
        .stack = event->stack.index,
        .allocation_stack = site->stack,
        .function = function,
        .allocation_function = site->function,
    };
    misuses_add(&model->misuses, &misuse);
}

static void check_pair(struct heap_model *model, const struct block *block, uint8_t function,
                       uint64_t claimed_size, const struct heap_event *event)
{
    if (heap_fork_is_released(model, block))
        return; /* perhaps the block that came after it at that address */
    if (!misuse_is_pair(site_of(model, block)->function, function))
        add_bad_pair(model, RECORDING_MISUSE_MISMATCH, block, function, event);
    else if (misuse_is_wrong_size(block->size, claimed_size))
        add_bad_pair(model, RECORDING_MISUSE_WRONG_SIZE, block, function, event);
}

void block_events_note_bad_pair(struct heap_model *model, const struct block *block,
                                const struct heap_event *release)
{
    check_pair(model, block, release->function, release->size, release);
}

/* Books the release of a block that is out of the table. */
static void release_block(struct heap_model *model, const struct block *block, uint64_t time_ns,
                          uint32_t thread, bool is_temporary)
{
    ledger_release(model, block, time_ns, is_temporary);
    ledger_release_call(model, thread, block);
    recent_frees_add(&model->recent_frees, block, time_ns);
}

/* Deciding what waits. */

static struct leaving *find_unknown_leaving(struct heap_model *model, const struct waiting *release)
{
    struct heap_thread *thread = &model->threads.items[release->thread];
    for (size_t i = 0; i < thread->leaving_count; i++) {
        struct leaving *leaving = &thread->leavings[i];
        if (leaving->state == LEAVING_UNKNOWN && leaving->block.address == release->address)
            return leaving;
    }
    return NULL;
}

static struct waiting *find_leaving_release(struct heap_model *model, uint32_t thread,
                                            const struct leaving *leaving)
{
    struct waiting *release = waiting_list_newest(&model->repair.releases, leaving->block.address);
    while (release && !(release->is_leaving && release->thread == thread))
        release = waiting_list_older(&model->repair.releases, release);
    return release;
}

static void add_bad_free(struct heap_model *model, const struct waiting *release)
{
    bool is_double = release->finding == WAITING_FOUND_FREED;
    struct misuse misuse = {
        .kind = is_double ? RECORDING_MISUSE_DOUBLE_FREE : RECORDING_MISUSE_FOREIGN_FREE,
        .time_ns = release->time_ns,
        .address = release->address,
        .function = release->function,
        .stack = release->stack,
    };
    if (is_double) {
        const struct site *site = site_of(model, &release->block);
        misuse.size = release->block.size;
        misuse.allocation_function = site->function;
        misuse.allocation_stack = site->stack;
    }
    misuses_add(&model->misuses, &misuse);
}

/* No birth has come for an early release. */
static void give_up_release(struct heap_model *model, struct waiting *release)
{
    if (release->is_leaving) {
        struct leaving *leaving = find_unknown_leaving(model, release);
        if (leaving)
            leaving->state = LEAVING_FREED;
    }
    if (release->finding == WAITING_FOUND_IN_PARENT) {
        ledger_inherit(model, &release->block);
        release_block(model, &release->block, release->time_ns, release->thread, false);
    } else if (model->options.bytes_per_sample != 0) {
        /* A block that was no sample: all that its release was told for is an address in common. */
    } else if (release->finding == WAITING_FOUND_FREED && !model->has_losses) {
        add_bad_free(model, release);
    } else {
        model->quality.unknown_frees++;
        if (release->stack != 0 && !model->has_losses)
            add_bad_free(model, release);
    }
    waiting_list_close(&model->repair.releases, release);
}

static void give_up_displaced(struct heap_model *model, struct waiting *displaced)
{
    model->quality.missed_frees++;
    waiting_list_close(&model->repair.displaced, displaced);
}

void block_events_expire(struct heap_model *model)
{
    struct waiting *release;
    while ((release = waiting_list_oldest(&model->repair.releases)) &&
           release->deadline_ns < model->now_ns)
        give_up_release(model, release);
}

/* Waiting. */

static void wait_for_birth(struct heap_model *model, const struct heap_event *event,
                           bool is_leaving)
{
    struct waiting release = {
        .address = event->address,
        .time_ns = event->time_ns,
        .deadline_ns = model->now_ns + REPAIR_PATIENCE_NS,
        .size = event->size,
        .thread = event->thread,
        .stack = event->stack.index,
        .function = event->function,
        .is_leaving = is_leaving,
    };
    const struct recent_free *freed = recent_frees_find(&model->recent_frees, event->address);
    if (heap_fork_find_in_parent(model, event->address, &release.block)) {
        release.finding = WAITING_FOUND_IN_PARENT;
    } else if (freed) {
        release.finding = WAITING_FOUND_FREED;
        release.block.site = freed->site;
        release.block.size = freed->size;
    }
    if (waiting_list_is_full(&model->repair.releases))
        give_up_release(model, waiting_list_oldest(&model->repair.releases));
    waiting_list_add(&model->repair.releases, &release);
}

static void displace(struct heap_model *model, const struct block *old,
                     const struct heap_event *birth)
{
    if (heap_fork_is_released(model, old)) {
        ledger_disinherit(model, old);
        return;
    }
    ledger_release(model, old, birth->time_ns, ledger_is_newest(model, old));
    struct waiting displaced = {
        .address = old->address,
        .time_ns = birth->time_ns,
        .thread = birth->thread,
        .block = *old,
    };
    if (waiting_list_is_full(&model->repair.displaced))
        give_up_displaced(model, waiting_list_oldest(&model->repair.displaced));
    waiting_list_add(&model->repair.displaced, &displaced);
}

/* Birth. */

/* The block was released before its birth came. Books both; a realloc that waits for it gets it. */
static bool meet_early_release(struct heap_model *model, const struct block *block,
                               const struct heap_event *birth)
{
    struct waiting *release = repair_find_release(&model->repair, block->address, birth->time_ns,
                                                  birth->thread);
    if (!release)
        return false;
    model->quality.repaired_events++;
    ledger_birth(model, block, birth->thread);
    struct leaving *leaving = release->is_leaving ? find_unknown_leaving(model, release) : NULL;
    if (leaving) {
        leaving->block = *block;
        leaving->state = LEAVING_BLOCK;
    } else {
        struct heap_event call = {.time_ns = release->time_ns, .stack = {release->stack}};
        release_block(model, block, release->time_ns, release->thread,
                      ledger_is_newest(model, block));
        check_pair(model, block, release->function, release->size, &call);
    }
    waiting_list_close(&model->repair.releases, release);
    return true;
}

/* A late birth where a clearly younger block lives already: it was gone before that was born, and
 * its release is late, too. */
static void take_place_behind(struct heap_model *model, const struct block *block,
                              const struct block *younger, uint32_t thread)
{
    struct block none;
    struct heap_event birth = {.time_ns = younger->birth_ns, .thread = younger->thread};
    block_store_put(&model->blocks, younger, &none);
    ledger_birth(model, block, thread);
    displace(model, block, &birth);
}

void block_events_birth(struct heap_model *model, const struct heap_event *event)
{
    struct block block = {
        .address = event->address,
        .size = event->size,
        .birth_ns = event->time_ns,
        .site = site_table_add(&model->sites, event->stack.index, event->function),
        .thread = event->thread < BLOCK_THREAD_SHARED ? event->thread : BLOCK_THREAD_SHARED,
    };
    if (!waiting_list_is_empty(&model->repair.releases) && meet_early_release(model, &block, event))
        return;
    struct block old;
    bool is_displaced = block_store_put(&model->blocks, &block, &old);
    if (is_displaced && !repair_may_release(old.birth_ns, event->time_ns)) {
        take_place_behind(model, &block, &old, event->thread);
        return;
    }
    if (is_displaced)
        displace(model, &old, event);
    ledger_birth(model, &block, event->thread);
}

/* Release. */

/* Is this the release of a block that was displaced before it came? Its block has been booked. */
static bool meet_displaced(struct heap_model *model, const struct heap_event *event)
{
    if (waiting_list_is_empty(&model->repair.displaced))
        return false;
    struct waiting *displaced = repair_find_displaced(&model->repair, event->address,
                                                      event->time_ns, event->thread);
    if (!displaced)
        return false;
    model->quality.repaired_events++;
    ledger_release_call(model, event->thread, &displaced->block);
    check_pair(model, &displaced->block, event->function, event->size, event);
    waiting_list_close(&model->repair.displaced, displaced);
    return true;
}

/* Takes the block out of the table. A block born clearly after the release is not what it meant. */
static bool take_block(struct heap_model *model, const struct heap_event *event,
                       struct block *block)
{
    if (!block_store_remove(&model->blocks, event->address, block))
        return heap_fork_take_from_window(model, event->address, block);
    if (repair_may_release(block->birth_ns, event->time_ns))
        return true;
    struct block none;
    block_store_put(&model->blocks, block, &none);
    return false;
}

void block_events_release(struct heap_model *model, const struct heap_event *event)
{
    struct block block;
    if (meet_displaced(model, event))
        return;
    if (!take_block(model, event, &block)) {
        wait_for_birth(model, event, false);
        return;
    }
    check_pair(model, &block, event->function, event->size, event);
    release_block(model, &block, event->time_ns, event->thread, ledger_is_newest(model, &block));
}

/* Both. */

bool block_events_birth_and_release(struct heap_model *model, const struct heap_event *birth,
                                    const struct heap_event *release)
{
    /* What waits may meet one of the two; another block at the address would be displaced. */
    if (!waiting_list_is_empty(&model->repair.releases) ||
        !waiting_list_is_empty(&model->repair.displaced) ||
        !block_store_is_vacant(&model->blocks, birth->address))
        return false;
    bool is_own_thread = birth->thread < BLOCK_THREAD_SHARED;
    struct block block = {
        .address = birth->address,
        .size = birth->size,
        .birth_ns = birth->time_ns,
        .site = site_table_add(&model->sites, birth->stack.index, birth->function),
        .thread = is_own_thread ? birth->thread : BLOCK_THREAD_SHARED,
    };
    check_pair(model, &block, release->function, release->size, release);
    ledger_birth_and_release(model, &block, birth->thread, release->time_ns, is_own_thread);
    recent_frees_add(&model->recent_frees, &block, release->time_ns);
    return true;
}

/* Realloc. */

/* Puts a block that left back to where it was. If another lives there by now, it cannot: then the
 * realloc did free it, and only its arrival was not seen. */
static void put_back(struct heap_model *model, struct leaving *leaving)
{
    struct block none;
    if (!block_store_find(&model->blocks, leaving->block.address, &none)) {
        block_store_put(&model->blocks, &leaving->block, &none);
        leaving->state = LEAVING_RESTORED;
        return;
    }
    ledger_release(model, &leaving->block, leaving->time_ns, false);
    model->quality.missed_frees++;
    leaving->state = LEAVING_FREED;
}

static void undo_leaving(struct heap_model *model, uint32_t thread, struct leaving *leaving)
{
    if (leaving->state == LEAVING_BLOCK)
        put_back(model, leaving);
    if (leaving->state == LEAVING_UNKNOWN) {
        struct waiting *release = find_leaving_release(model, thread, leaving);
        if (release)
            waiting_list_close(&model->repair.releases, release);
    }
}

static void forget_oldest_leaving(struct heap_model *model, uint32_t index)
{
    struct heap_thread *thread = &model->threads.items[index];
    undo_leaving(model, index, &thread->leavings[0]);
    thread->leaving_count--;
    for (size_t i = 0; i < thread->leaving_count; i++)
        thread->leavings[i] = thread->leavings[i + 1];
}

void block_events_leave(struct heap_model *model, const struct heap_event *event)
{
    if (model->threads.items[event->thread].leaving_count >= LEAVINGS_MAX)
        forget_oldest_leaving(model, event->thread);
    struct leaving leaving = {
        .block.address = event->address,
        .time_ns = event->time_ns,
        .function = event->function,
        .state = LEAVING_UNKNOWN,
    };
    struct block block;
    if (meet_displaced(model, event)) {
        leaving.state = LEAVING_FREED;
    } else if (take_block(model, event, &block)) {
        leaving.state = LEAVING_BLOCK;
        leaving.block = block;
    } else {
        wait_for_birth(model, event, true);
    }
    *heap_thread_push_leaving(&model->threads.items[event->thread]) = leaving;
}

/* The block was put back while the program stood still; it goes now. If it was displaced meanwhile,
 * this is the release that was missing. */
static bool take_restored(struct heap_model *model, struct leaving *leaving, uint32_t thread)
{
    struct block block;
    const struct block *restored = &leaving->block;
    if (block_store_find(&model->blocks, restored->address, &block) &&
        block.birth_ns == restored->birth_ns && block.site == restored->site) {
        block_store_remove(&model->blocks, restored->address, &block);
        return true;
    }
    struct waiting *displaced = repair_find_displaced(&model->repair, restored->address,
                                                      leaving->time_ns, thread);
    if (displaced) {
        model->quality.repaired_events++;
        ledger_release_call(model, thread, &displaced->block);
        waiting_list_close(&model->repair.displaced, displaced);
    }
    return false;
}

static void finish_leaving(struct heap_model *model, struct leaving *leaving,
                           const struct heap_event *arrival)
{
    if (leaving->state == LEAVING_RESTORED)
        leaving->state = take_restored(model, leaving, arrival->thread) ? LEAVING_BLOCK
                                                                        : LEAVING_FREED;
    if (leaving->state == LEAVING_BLOCK) {
        check_pair(model, &leaving->block, leaving->function, 0, arrival);
        release_block(model, &leaving->block, leaving->time_ns, arrival->thread, false);
    }
    if (leaving->state == LEAVING_UNKNOWN) {
        struct waiting *release = find_leaving_release(model, arrival->thread, leaving);
        if (release) {
            release->is_leaving = false;
            release->stack = arrival->stack.index;
        }
    }
}

void block_events_arrive(struct heap_model *model, const struct heap_event *event)
{
    struct heap_thread *thread = &model->threads.items[event->thread];
    if (thread->leaving_count > 0)
        finish_leaving(model, &thread->leavings[--thread->leaving_count], event);
    if (event->address == 0)
        return;
    model->totals.reallocations++;
    block_events_birth(model, event);
}

void block_events_undo(struct heap_model *model, const struct heap_event *event)
{
    struct heap_thread *thread = &model->threads.items[event->thread];
    if (thread->leaving_count == 0)
        return;
    undo_leaving(model, event->thread, &thread->leavings[--thread->leaving_count]);
    model->totals.failed_allocations++;
}

void block_events_end_thread(struct heap_model *model, uint32_t thread)
{
    while (model->threads.items[thread].leaving_count > 0)
        forget_oldest_leaving(model, thread);
}

void block_events_settle(struct heap_model *model)
{
    for (size_t i = 0; i < model->threads.count; i++) {
        struct heap_thread *thread = &model->threads.items[i];
        for (size_t j = 0; j < thread->leaving_count; j++)
            if (thread->leavings[j].state == LEAVING_BLOCK)
                put_back(model, &thread->leavings[j]);
    }
    struct waiting *waiting;
    while ((waiting = waiting_list_oldest(&model->repair.releases)))
        give_up_release(model, waiting);
    while ((waiting = waiting_list_oldest(&model->repair.displaced)))
        give_up_displaced(model, waiting);
}

void block_events_aged(struct heap_model *model, const struct heap_event *event)
{
    struct block block;
    model->quality.events--; /* it is told of an event, and is none */
    if (!block_store_find(&model->blocks, event->address, &block) ||
        !ledger_is_newest(model, &block))
        return;
    model->threads.items[block.thread].newest_address = 0;
}
