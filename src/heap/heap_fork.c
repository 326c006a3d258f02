#include "heap/heap_state.h"

#include "heap/ledger.h"

/* How far from the fork an event of the parent may be stamped, whose effect the child inherited all
 * the same: another thread's malloc returned before the fork and was stamped after it, or its free
 * was stamped before the fork and ran after it. */
#define BIRTH_AFTER_FORK_NS    100000000u
#define RELEASE_BEFORE_FORK_NS 1000000u

static uint32_t translate_site(struct heap_model *child, uint32_t id)
{
    struct site untouched;
    const struct site *site = site_table_look(&child->parent->sites, id, &untouched);
    return site_table_add(&child->sites, site->stack, site->function);
}

static void translate_block(void *context, struct block *block)
{
    block->site = translate_site(context, block->site);
    block->thread = BLOCK_THREAD_INHERITED;
}

static void inherit_sites(struct heap_model *child)
{
    const struct site_table *sites = &child->parent->sites;
    const struct estimate_table *estimates = &child->parent->estimates;
    site_table_inherit(&child->sites, sites);
    uint32_t child_id = 0;
    for (uint32_t id = 0; id_set_next(&sites->live, &id) && id < estimates->count; id++)
        estimate_table_at(&child->estimates, child_id++)->inherited = estimates_live(
            &estimates->sites[id]);
    child->estimates.total.inherited = estimates_live(&child->parent->estimates.total);
    struct recording_totals *totals = &child->totals;
    totals->inherited_blocks = totals->live_blocks = child->parent->totals.live_blocks;
    totals->inherited_bytes = totals->live_bytes = child->parent->totals.live_bytes;
}

void heap_model_expect_fork(struct heap_model *child)
{
    if (child->parent == NULL || child->window.is_open)
        return;
    child->window.is_open = true;
    child->parent->open_windows++;
}

void heap_fork_close_window(struct heap_model *child)
{
    if (child->window.is_open && child->parent != NULL)
        child->parent->open_windows--;
    child->window.is_open = false;
}

void heap_model_end_fork(struct heap_model *child)
{
    heap_fork_close_window(child);
}

/* The newest children stand first. */
void heap_fork_note(struct heap_model *parent, const struct heap_event *events, size_t count)
{
    size_t left = parent->open_windows;
    for (struct heap_model *child = parent->first_child; child && left != 0;
         child = child->next_sibling) {
        if (!child->window.is_open)
            continue;
        fork_window_note(&child->window, events, count);
        left--;
    }
}

bool heap_fork_take_from_window(struct heap_model *child, uint64_t address, struct block *block)
{
    const struct fork_window_place *place = fork_window_find(&child->window, address);
    if (place == NULL || !place->has_birth || recent_frees_find(&child->recent_frees, address))
        return false;
    *block = (struct block){
        .address = address,
        .size = place->size,
        .birth_ns = place->birth_ns,
        .site = site_table_add(&child->sites, place->stack.index, place->function),
        .thread = BLOCK_THREAD_INHERITED,
    };
    ledger_inherit(child, block);
    return true;
}

bool heap_fork_is_released(const struct heap_model *child, const struct block *block)
{
    if (block->thread != BLOCK_THREAD_INHERITED)
        return false;
    const struct fork_window_place *place = fork_window_find(&child->window, block->address);
    return place != NULL && place->is_released;
}

/* A realloc of another thread stands still for ever in the child; its block stays where it was. */
static void inherit_leavings(struct heap_model *child)
{
    const struct heap_threads *threads = &child->parent->threads;
    for (size_t i = 0; i < threads->count; i++) {
        const struct heap_thread *thread = &threads->items[i];
        for (size_t j = 0; j < thread->leaving_count; j++) {
            struct block block = thread->leavings[j].block, none;
            if (thread->leavings[j].state != LEAVING_BLOCK)
                continue;
            translate_block(child, &block);
            if (block_store_find(&child->blocks, block.address, &none))
                ledger_disinherit(child, &block);
            else
                block_store_put(&child->blocks, &block, &none);
        }
    }
}

static void link_to_parent(struct heap_model *child, struct heap_model *parent)
{
    child->parent = parent;
    child->next_sibling = parent->first_child;
    if (child->next_sibling)
        child->next_sibling->sibling_place = &child->next_sibling;
    child->sibling_place = &parent->first_child;
    parent->first_child = child;
}

struct heap_model *heap_model_fork(struct heap_model *parent, uint64_t time_ns)
{
    struct heap_model_options options = parent->options;
    options.start_ns = time_ns;
    struct heap_model *child = heap_model_create(&options);
    child->fork_ns = time_ns;
    child->has_losses = parent->has_losses;
    link_to_parent(child, parent);
    if (!parent->is_retired) {
        inherit_sites(child);
        block_store_fork(&parent->blocks, &child->blocks, translate_block, child);
        inherit_leavings(child);
    }
    peak_note(&child->peak, child->totals.live_bytes, child->totals.live_blocks, child->now_ns);
    child->sample_peak_bytes = child->totals.live_bytes;
    ledger_note_common_peak(child, child->now_ns);
    return child;
}

void heap_fork_unlink(struct heap_model *model)
{
    while (model->first_child) {
        struct heap_model *child = model->first_child;
        model->first_child = child->next_sibling;
        heap_fork_close_window(child);
        child->parent = NULL;
        child->next_sibling = NULL;
        child->sibling_place = NULL;
    }
    if (model->sibling_place) {
        *model->sibling_place = model->next_sibling;
        if (model->next_sibling)
            model->next_sibling->sibling_place = model->sibling_place;
    }
    model->parent = NULL;
}

bool heap_fork_find_in_parent(struct heap_model *child, uint64_t address, struct block *block)
{
    struct heap_model *parent = child->parent;
    if (!parent)
        return false;
    uint64_t fork_ns = child->fork_ns;
    if (block_store_find(&parent->blocks, address, block) && block->birth_ns >= fork_ns &&
        block->birth_ns <= fork_ns + BIRTH_AFTER_FORK_NS) {
        translate_block(child, block);
        return true;
    }
    const struct recent_free *freed = recent_frees_find(&parent->recent_frees, address);
    if (!freed || freed->time_ns > fork_ns || freed->time_ns + RELEASE_BEFORE_FORK_NS < fork_ns)
        return false;
    *block = (struct block){
        .address = address, .size = freed->size, .birth_ns = freed->time_ns, .site = freed->site};
    translate_block(child, block);
    return true;
}
