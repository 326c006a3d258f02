#include "heap/look_ahead.h"

enum {
    SLOT_AHEAD = 24,
    SITE_AHEAD = 12,
    FIGURES_AHEAD = 6,
    CACHED_SITES = 1024, /* so few sites stay in the cache without asking */
    CACHED_BLOCKS = 8192
};
_Static_assert((int)SLOT_AHEAD < (int)LOOK_AHEAD_ROUND, "places in the round");

static bool is_birth(const struct heap_event *event)
{
    return event->kind == HEAP_EVENT_BIRTH || event->kind == HEAP_EVENT_ARRIVE;
}

static struct event_ahead *ahead_of(struct look_ahead *look, size_t at)
{
    return &look->ahead[at % LOOK_AHEAD_ROUND];
}

static void ask_for_slot(struct look_ahead *look, const struct heap_model *model, size_t at)
{
    const struct heap_event *event = &look->events[at];
    struct event_ahead *ahead = ahead_of(look, at);
    ahead->hash = live_blocks_hash(event->address);
    ahead->site = NULL;
    ahead->site_id = BLOCK_SITE_NONE;
    if (event->kind > HEAP_EVENT_ARRIVE)
        return;
    live_blocks_prefetch(&model->blocks.own, ahead->hash);
    if (is_birth(event))
        site_table_prefetch(&model->sites, event->stack.index, event->function);
}

static void note_site(struct event_ahead *ahead, const struct heap_model *model, uint32_t id)
{
    ahead->site = site_table_at(&model->sites, id);
    for (size_t at = 0; at < SITE_HOT_BYTES; at += MEMORY_LINE_BYTES)
        __builtin_prefetch((const char *)ahead->site + at, 1);
}

static void ask_for_site(struct look_ahead *look, const struct heap_model *model, size_t at)
{
    const struct heap_event *event = &look->events[at];
    struct event_ahead *ahead = ahead_of(look, at);
    struct block block;
    if (event->kind > HEAP_EVENT_ARRIVE)
        return;
    if (is_birth(event)) {
        if (!site_table_find(&model->sites, event->stack.index, event->function, &ahead->site_id))
            return;
        ahead->value = event->size;
        ahead->thread = event->thread;
        note_site(ahead, model, ahead->site_id);
    } else if (live_blocks_find_hashed(&model->blocks.own, event->address, ahead->hash, &block) &&
               block.site < model->sites.count) {
        ahead->value = event->time_ns - block.birth_ns;
        ahead->thread = block.thread;
        note_site(ahead, model, block.site);
    }
}

static void ask_for_figures(struct look_ahead *look, size_t at)
{
    const struct event_ahead *ahead = ahead_of(look, at);
    if (!ahead->site)
        return;
    histogram_prefetch(is_birth(&look->events[at]) ? &ahead->site->sizes : &ahead->site->lifetimes,
                       ahead->value);
    const struct site_thread *guess = site_threads_guess(&ahead->site->threads, ahead->thread);
    if (guess)
        __builtin_prefetch(guess, 1);
}

void look_ahead_begin(struct look_ahead *look, const struct heap_model *model,
                      const struct heap_event *events, size_t count)
{
    look->events = events;
    look->count = count;
    look->at_sites = model->sites.count > CACHED_SITES;
    look->at_slots = look->at_sites || model->blocks.own.count > CACHED_BLOCKS;
    for (size_t i = 0; look->at_slots && i < count && i < SLOT_AHEAD; i++)
        ask_for_slot(look, model, i);
}

void look_ahead_beyond(struct look_ahead *look, const struct heap_model *model, size_t at)
{
    if (at + SLOT_AHEAD < look->count)
        ask_for_slot(look, model, at + SLOT_AHEAD);
    if (at + SITE_AHEAD < look->count) {
        live_blocks_prefetch_further(&model->blocks.own, ahead_of(look, at + SITE_AHEAD)->hash);
        if (look->at_sites)
            ask_for_site(look, model, at + SITE_AHEAD);
    }
    if (look->at_sites && at + FIGURES_AHEAD < look->count)
        ask_for_figures(look, at + FIGURES_AHEAD);
}
