#include "heap/heap_model.h"

#include <stdlib.h>

#include "base/memory.h"
#include "heap/block_events.h"
#include "heap/heap_state.h"
#include "heap/ledger.h"
#include "heap/look_ahead.h"
#include "heap/plain_events.h"

enum {
    PAGE = 4096
};

#define LAST_NS (((uint64_t)1 << BLOCK_TIME_BITS) - 1)

struct heap_model *heap_model_create(const struct heap_model_options *options)
{
    struct heap_model *model = memory_allocate_zeroed(1, sizeof *model);
    model->options = *options;
    model->now_ns = options->start_ns < LAST_NS ? options->start_ns : LAST_NS;
    model->peak.epoch = 1;
    model->peak.time_ns = model->now_ns;
    timeline_init(&model->timeline, options->bucket_ns, options->max_timeline_deltas,
                  options->max_timeline_bytes, model->now_ns);
    samples_init(&model->samples, options->max_samples);
    return model;
}

void heap_model_discard(struct heap_model *model)
{
    if (model != NULL)
        block_store_discard(&model->blocks);
}

void heap_model_destroy(struct heap_model *model)
{
    if (!model)
        return;
    block_store_clear(&model->blocks); /* children copy what they need: before the sites go */
    heap_fork_close_window(model);
    fork_window_clear(&model->window);
    heap_fork_unlink(model);
    site_table_clear(&model->sites);
    estimate_table_clear(&model->estimates);
    timeline_clear(&model->timeline);
    heap_threads_clear(&model->threads);
    mappings_clear(&model->mappings);
    repair_clear(&model->repair);
    recent_frees_clear(&model->recent_frees);
    misuses_clear(&model->misuses);
    samples_clear(&model->samples);
    free(model);
}

uint32_t heap_model_add_thread(struct heap_model *model, uint64_t tid, const char *name,
                               uint64_t time_ns)
{
    return heap_threads_add(&model->threads, tid, name, time_ns);
}

void heap_model_name_thread(struct heap_model *model, uint32_t thread, const char *name)
{
    heap_threads_name(&model->threads, thread, name);
}

void heap_model_end_thread(struct heap_model *model, uint32_t thread, uint64_t time_ns)
{
    if (thread >= model->threads.count)
        return;
    block_events_end_thread(model, thread);
    model->threads.items[thread].end_ns = time_ns;
    model->threads.items[thread].is_changed = true;
}

static void apply_failed(struct heap_model *model, const struct heap_event *event)
{
    (void)event;
    model->totals.failed_allocations++;
}

static uint64_t page_end(uint64_t address)
{
    return (address + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static void apply_map(struct heap_model *model, const struct heap_event *event)
{
    if (event->flags & HEAP_EVENT_OF_ALLOCATOR) {
        mappings_map_heap(&model->mappings, event->address, page_end(event->address + event->size));
        model->quality.events--; /* of the program's there was none */
        return;
    }
    mappings_map(&model->mappings, event->address, page_end(event->address + event->size),
                 event->stack.index, event->function, event->flags & HEAP_EVENT_ANONYMOUS);
    ledger_note_common_peak(model, event->time_ns);
}

static void apply_unmap(struct heap_model *model, const struct heap_event *event)
{
    mappings_unmap(&model->mappings, event->address, page_end(event->address + event->size));
}

/* Breaks stand at any byte: what the program asked for is counted, not the kernel's pages. */
static void apply_break(struct heap_model *model, const struct heap_event *event)
{
    uint64_t new_end = event->address, old_end = event->size;
    if (new_end > old_end)
        mappings_map(&model->mappings, old_end, new_end, event->stack.index, event->function, true);
    else
        mappings_unmap(&model->mappings, new_end, old_end);
    ledger_note_common_peak(model, event->time_ns);
}

enum address_rule {
    ADDRESS_NONE,
    ADDRESS_BLOCK,   /* of a block */
    ADDRESS_ARRIVAL, /* of a block, or 0 */
    ADDRESS_RANGE    /* of something with a size */
};

static const struct {
    void (*apply)(struct heap_model *model, const struct heap_event *event);
    enum address_rule address;
} EVENT_KINDS[] = {
    [HEAP_EVENT_BIRTH] = {block_events_birth, ADDRESS_BLOCK},
    [HEAP_EVENT_RELEASE] = {block_events_release, ADDRESS_BLOCK},
    [HEAP_EVENT_LEAVE] = {block_events_leave, ADDRESS_BLOCK},
    [HEAP_EVENT_ARRIVE] = {block_events_arrive, ADDRESS_ARRIVAL},
    [HEAP_EVENT_UNDO] = {block_events_undo, ADDRESS_NONE},
    [HEAP_EVENT_FAILED] = {apply_failed, ADDRESS_NONE},
    [HEAP_EVENT_MAP] = {apply_map, ADDRESS_RANGE},
    [HEAP_EVENT_UNMAP] = {apply_unmap, ADDRESS_RANGE},
    [HEAP_EVENT_BREAK] = {apply_break, ADDRESS_ARRIVAL},
    [HEAP_EVENT_AGED] = {block_events_aged, ADDRESS_BLOCK},
};

enum {
    EVENT_KIND_COUNT = sizeof EVENT_KINDS / sizeof EVENT_KINDS[0]
};

static bool is_possible(const struct heap_model *model, const struct heap_event *event)
{
    if (event->kind >= EVENT_KIND_COUNT || event->thread >= model->threads.count)
        return false;
    enum address_rule rule = EVENT_KINDS[event->kind].address;
    bool is_too_large = (event->address >> BLOCK_ADDRESS_BITS | event->size >> BLOCK_SIZE_BITS) !=
                        0;
    if (rule == ADDRESS_BLOCK)
        return !is_too_large && event->address != 0;
    return rule == ADDRESS_NONE || (!is_too_large && (rule == ADDRESS_ARRIVAL || event->size != 0));
}

/* What a record may hold that no event should. */
static struct heap_event tamed(const struct heap_event *event)
{
    struct heap_event tame = *event;
    if (tame.time_ns > LAST_NS)
        tame.time_ns = LAST_NS;
    if (tame.function >= FUNCTION_KIND_COUNT)
        tame.function = FUNCTION_NONE;
    return tame;
}

static void apply_event(struct heap_model *model, const struct heap_event *event)
{
    struct heap_event tame;
    model->quality.events++;
    if (model->is_retired || !is_possible(model, event)) {
        model->quality.bad_records++;
        return;
    }
    if (event->time_ns > LAST_NS || event->function >= FUNCTION_KIND_COUNT) {
        tame = tamed(event);
        event = &tame;
    }
    if (event->time_ns > model->now_ns)
        model->now_ns = event->time_ns;
    if (model->now_ns >= model->timeline.end_ns)
        timeline_advance(&model->timeline, &model->sites, model->now_ns);
    if (!waiting_list_is_empty(&model->repair.releases))
        block_events_expire(model);
    EVENT_KINDS[event->kind].apply(model, event);
}

/* What most events fail at, looked at first. */
static bool may_be_pair(const struct heap_event *birth)
{
    return birth->kind == HEAP_EVENT_BIRTH && birth[1].kind == HEAP_EVENT_RELEASE &&
           birth[1].address == birth->address;
}

/* The release of the block that was born by the event before, by the same thread, both of them
 * sound, and nothing between: time does not leave the open bucket, and no early release is given
 * up. */
static bool is_pair(const struct heap_model *model, const struct heap_event *birth,
                    const struct heap_event *release)
{
    if (!may_be_pair(birth) || release->thread != birth->thread ||
        birth->time_ns > release->time_ns)
        return false;
    uint64_t last_ns = model->now_ns > release->time_ns ? model->now_ns : release->time_ns;
    uint64_t too_large = birth->address >> BLOCK_ADDRESS_BITS | birth->size >> BLOCK_SIZE_BITS |
                         release->size >> BLOCK_SIZE_BITS;
    return last_ns < model->timeline.end_ns && last_ns <= LAST_NS && birth->address != 0 &&
           too_large == 0 && birth->thread < model->threads.count &&
           birth->function < FUNCTION_KIND_COUNT && release->function < FUNCTION_KIND_COUNT &&
           !model->is_retired && !model->options.is_thorough;
}

/* Applies a pair; false: it is none. */
static bool apply_pair(struct heap_model *model, const struct heap_event *birth)
{
    const struct heap_event *release = birth + 1;
    if (!is_pair(model, birth, release) || !block_events_birth_and_release(model, birth, release))
        return false;
    model->quality.events += 2;
    if (release->time_ns > model->now_ns)
        model->now_ns = release->time_ns;
    return true;
}

void heap_model_apply(struct heap_model *model, const struct heap_event *events, size_t count)
{
    if (model->open_windows != 0)
        heap_fork_note(model, events, count);
    struct look_ahead look;
    look_ahead_begin(&look, model, events, count);
    struct plain_events plain = plain_events_look(model);
    for (size_t i = 0; i < count; i++) {
        const struct event_ahead *ahead = look_ahead_at(&look, model, i);
        if (i + 1 < count && may_be_pair(&events[i]) && apply_pair(model, &events[i])) {
            look_ahead_at(&look, model, ++i);
        } else if (!plain_events_apply(model, &plain, &events[i], ahead)) {
            apply_event(model, &events[i]);
            plain = plain_events_look(model);
        }
    }
}

void heap_model_settle(struct heap_model *model)
{
    block_events_settle(model);
}

void heap_model_retire(struct heap_model *model)
{
    block_store_clear(&model->blocks);
    recent_frees_clear(&model->recent_frees);
    heap_fork_close_window(model);
    fork_window_clear(&model->window);
    model->is_retired = true;
}

void heap_model_sample(struct heap_model *model, uint64_t time_ns, uint64_t resident_bytes)
{
    struct sample sample = {
        .time_ns = time_ns,
        .heap_bytes = model->totals.live_bytes,
        .heap_peak_bytes = model->sample_peak_bytes,
        .mapped_bytes = model->mappings.anonymous_bytes,
        .resident_bytes = resident_bytes,
        .live_blocks = model->totals.live_blocks,
    };
    samples_add(&model->samples, &sample);
    model->sample_peak_bytes = model->totals.live_bytes;
    if (resident_bytes > model->totals.peak_resident_bytes)
        model->totals.peak_resident_bytes = resident_bytes;
}

void heap_model_set_peak_resident(struct heap_model *model, uint64_t bytes)
{
    model->totals.peak_resident_bytes = bytes;
}

void heap_model_totals(const struct heap_model *model, struct recording_totals *totals)
{
    *totals = model->totals;
    totals->peak_blocks = model->peak.blocks;
    totals->peak_bytes = model->peak.bytes;
    totals->peak_time_ns = model->peak.time_ns;
    totals->mapped_bytes = model->mappings.anonymous_bytes;
    totals->mapped_peak_bytes = model->mappings.anonymous_peak_bytes;
}

void heap_model_quality(const struct heap_model *model, struct recording_quality *quality)
{
    *quality = model->quality;
}

void heap_model_note_losses(struct heap_model *model)
{
    model->has_losses = true;
}

uint64_t heap_model_misuse_count(const struct heap_model *model)
{
    return model->misuses.total_count;
}

static struct heap_block public_block(const struct heap_model *model, const struct block *block)
{
    struct site untouched;
    const struct site *site = site_table_look(&model->sites, block->site, &untouched);
    return (struct heap_block){
        .address = block->address,
        .size = block->size,
        .birth_ns = block->birth_ns,
        .stack = {site->stack},
        .site = block->site,
        .function = site->function,
        .thread = block->thread == BLOCK_THREAD_INHERITED ? HEAP_THREAD_INHERITED : block->thread,
    };
}

bool heap_model_find_block(const struct heap_model *model, uint64_t address,
                           struct heap_block *block)
{
    struct block found;
    if (!block_store_find(&model->blocks, address, &found))
        return false;
    *block = public_block(model, &found);
    return true;
}

struct visitor {
    const struct heap_model *model;
    heap_model_visit_block visit;
    void *context;
};

static void visit_one(void *context, const struct block *block)
{
    const struct visitor *visitor = context;
    struct heap_block shown = public_block(visitor->model, block);
    visitor->visit(visitor->context, &shown);
}

void heap_model_visit_blocks(const struct heap_model *model, heap_model_visit_block visit,
                             void *context)
{
    struct visitor visitor = {.model = model, .visit = visit, .context = context};
    block_store_visit(&model->blocks, visit_one, &visitor);
}

void heap_model_visit_mappings(const struct heap_model *model, interval_visit visit, void *context)
{
    mappings_visit_program(&model->mappings, visit, context);
}

void heap_model_visit_heaps(const struct heap_model *model, interval_visit visit, void *context)
{
    mappings_visit_heap(&model->mappings, visit, context);
}

uint64_t heap_model_own_bytes(const struct heap_model *model)
{
    return sizeof *model + block_store_own_bytes(&model->blocks) +
           site_table_own_bytes(&model->sites) + timeline_own_bytes(&model->timeline) +
           heap_threads_own_bytes(&model->threads) + mappings_own_bytes(&model->mappings) +
           waiting_list_own_bytes(&model->repair.releases) +
           waiting_list_own_bytes(&model->repair.displaced) +
           recent_frees_own_bytes(&model->recent_frees) +
           model->window.capacity * sizeof *model->window.places +
           misuses_own_bytes(&model->misuses) +
           model->samples.capacity * sizeof *model->samples.points;
}
