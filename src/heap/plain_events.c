#include "heap/plain_events.h"

#include "heap/block_events.h"
#include "heap/booking.h"

#define LATEST_NS (((uint64_t)1 << BLOCK_TIME_BITS) - 1)

struct plain_events plain_events_look(const struct heap_model *model)
{
    bool is_usual = model->options.bytes_per_sample == 0 && !model->options.is_thorough &&
                    !model->is_retired && !model->blocks.base && !model->blocks.newest &&
                    waiting_list_is_empty(&model->repair.releases) &&
                    waiting_list_is_empty(&model->repair.displaced) &&
                    model->now_ns < model->timeline.end_ns;
    uint64_t end_ns = model->timeline.end_ns < LATEST_NS ? model->timeline.end_ns : LATEST_NS;
    uint64_t threads = model->threads.count;
    return (struct plain_events){
        .end_ns = is_usual ? end_ns : 0,
        .thread_count = threads < BLOCK_THREAD_SHARED ? threads : BLOCK_THREAD_SHARED,
    };
}

static bool is_sound(const struct plain_events *plain, const struct heap_event *event)
{
    uint64_t too_large = event->address >> BLOCK_ADDRESS_BITS | event->size >> BLOCK_SIZE_BITS;
    return event->time_ns < plain->end_ns && event->thread < plain->thread_count &&
           event->function < FUNCTION_KIND_COUNT && too_large == 0 && event->address != 0;
}

static void count_event(struct heap_model *model, const struct heap_event *event)
{
    model->quality.events++;
    if (event->time_ns > model->now_ns)
        model->now_ns = event->time_ns;
}

static bool find_site(const struct heap_model *model, const struct heap_event *event,
                      const struct event_ahead *ahead, uint32_t *id)
{
    *id = ahead ? ahead->site_id : BLOCK_SITE_NONE;
    return *id != BLOCK_SITE_NONE ||
           site_table_find(&model->sites, event->stack.index, event->function, id);
}

static uint64_t hash_of(const struct heap_event *event, const struct event_ahead *ahead)
{
    return ahead ? ahead->hash : live_blocks_hash(event->address);
}

static bool apply_birth(struct heap_model *model, const struct heap_event *event,
                        const struct event_ahead *ahead)
{
    struct block block = {.address = event->address,
                          .size = event->size,
                          .birth_ns = event->time_ns,
                          .thread = event->thread};
    if (!find_site(model, event, ahead, &block.site) ||
        !live_blocks_add(&model->blocks.own, &block, hash_of(event, ahead)))
        return false;
    block_store_note_added(&model->blocks, block.address);
    count_event(model, event);
    booking_birth(model, booking_touch(model, block.site), &block, block.thread,
                  (struct weight){1, block.size});
    return true;
}

static bool apply_release(struct heap_model *model, const struct heap_event *event,
                          const struct event_ahead *ahead)
{
    struct block block;
    if (!live_blocks_take(&model->blocks.own, event->address, hash_of(event, ahead),
                          repair_latest_birth_ns(event->time_ns), &block))
        return false;
    block_store_note_taken(&model->blocks);
    count_event(model, event);
    struct site *site = booking_touch(model, block.site);
    if (!misuse_is_pair(site->function, event->function) ||
        misuse_is_wrong_size(block.size, event->size))
        block_events_note_bad_pair(model, &block, event);
    struct weight weight = {1, block.size};
    booking_release(model, site, &block, event->time_ns, booking_is_newest(model, &block), weight);
    booking_release_call(model, event->thread, weight);
    recent_frees_add(&model->recent_frees, &block, event->time_ns);
    return true;
}

bool plain_events_apply(struct heap_model *model, const struct plain_events *plain,
                        const struct heap_event *event, const struct event_ahead *ahead)
{
    if (!is_sound(plain, event))
        return false;
    if (event->kind == HEAP_EVENT_BIRTH)
        return apply_birth(model, event, ahead);
    return event->kind == HEAP_EVENT_RELEASE && apply_release(model, event, ahead);
}
