#include "heap/block_store.h"

#include <stdlib.h>

#include "base/memory.h"

static uint64_t log_limit(uint64_t block_count)
{
    return block_count / 4 > BLOCK_STORE_LOG_MIN ? block_count / 4 : BLOCK_STORE_LOG_MIN;
}

/* What the logs from this view to the newest say about an address; false: nothing. */
static bool find_in_logs(const struct fork_view *view, uint64_t address, struct block *block)
{
    for (; view; view = view->newer)
        if (live_blocks_find(&view->log, address, block))
            return true;
    return false;
}

static bool find_inherited(const struct block_store *store, uint64_t address, struct block *block)
{
    const struct fork_view *base = store->base;
    if (!base || live_blocks_find(&store->removed, address, NULL))
        return false;
    if (find_in_logs(base, address, block)) {
        if (block->site == BLOCK_SITE_NONE)
            return false;
    } else if (!block_store_find(base->parent, address, block)) {
        return false;
    }
    base->translate(base->context, block);
    return true;
}

struct inherited_visit {
    const struct block_store *store;
    block_store_visit_block visit;
    void *context;
};

/* A block of the parent: of the child, too, unless it was changed since. */
static void visit_unchanged(void *context, const struct block *block)
{
    const struct inherited_visit *all = context;
    const struct fork_view *base = all->store->base;
    struct block inherited = *block;
    if (live_blocks_find(&all->store->removed, block->address, NULL) ||
        find_in_logs(base, block->address, &(struct block){0}))
        return;
    base->translate(base->context, &inherited);
    all->visit(all->context, &inherited);
}

static void visit_inherited(const struct block_store *store, block_store_visit_block visit,
                            void *context)
{
    const struct fork_view *base = store->base;
    struct block block, later;
    for (const struct fork_view *view = base; view; view = view->newer) {
        struct live_blocks_cursor cursor = {0};
        while (live_blocks_next(&view->log, &cursor, &block)) {
            bool is_first = find_inherited(store, block.address, &later);
            /* an older log between the child's view and this one rules: its entry is found there */
            for (const struct fork_view *older = base; is_first && older != view;
                 older = older->newer)
                is_first = !live_blocks_find(&older->log, block.address, NULL);
            if (is_first)
                visit(context, &later);
        }
    }
    struct inherited_visit all = {store, visit, context};
    block_store_visit(base->parent, visit_unchanged, &all);
}

static void copy_block(void *context, const struct block *block)
{
    struct block old;
    live_blocks_put(context, block, &old);
}

/* Takes a view out of its chain; the next older one needs what its log says. */
static void drop_view(struct fork_view *view)
{
    struct fork_view *older = view->older;
    if (older) {
        struct live_blocks_cursor cursor = {0};
        for (struct block block, old; live_blocks_next(&view->log, &cursor, &block);)
            if (!live_blocks_find(&older->log, block.address, NULL))
                live_blocks_put(&older->log, &block, &old);
        older->newer = view->newer;
    } else {
        view->parent->oldest = view->newer;
    }
    if (view->newer)
        view->newer->older = older;
    else
        view->parent->newest = older;
    live_blocks_clear(&view->log);
    free(view);
}

static void materialise(struct block_store *child);

static void limit_log(const struct fork_view *view)
{
    if (view && view->log.count > log_limit(view->parent->count))
        materialise(view->child);
}

/* The next older log may have become too long by the merge in turn. */
static void give_up_view(struct block_store *child)
{
    struct fork_view *base = child->base;
    struct fork_view *older = base->older;
    child->base = NULL;
    child->depth = 0;
    live_blocks_clear(&child->removed);
    drop_view(base);
    limit_log(older);
}

static void materialise(struct block_store *child)
{
    if (!child->base)
        return;
    visit_inherited(child, copy_block, &child->own);
    give_up_view(child);
}

static void limit_notes(struct block_store *child)
{
    if (child->removed.count > log_limit(child->count))
        materialise(child);
}

static void note_removed(struct block_store *child, uint64_t address)
{
    struct block note = {.address = address, .site = BLOCK_SITE_NONE}, old;
    live_blocks_put(&child->removed, &note, &old);
}

/* Logs what stood at an address (NULL: nothing), before the first change after the newest fork. */
static void log_change(struct block_store *parent, uint64_t address, const struct block *before)
{
    struct block nothing = {.address = address, .site = BLOCK_SITE_NONE}, old;
    struct live_blocks *log = &parent->newest->log;
    if (live_blocks_find(log, address, NULL))
        return;
    live_blocks_put(log, before ? before : &nothing, &old);
    limit_log(parent->newest);
}

void block_store_fork(struct block_store *parent, struct block_store *child,
                      block_store_translate translate, void *context)
{
    if (parent->depth >= BLOCK_STORE_DEPTH_MAX)
        materialise(parent);
    struct fork_view *view = memory_allocate_zeroed(1, sizeof *view);
    view->parent = parent;
    view->child = child;
    view->translate = translate;
    view->context = context;
    view->older = parent->newest;
    if (parent->newest)
        parent->newest->newer = view;
    else
        parent->oldest = view;
    parent->newest = view;
    child->base = view;
    child->depth = parent->depth + 1;
    child->count = parent->count;
}

void block_store_clear(struct block_store *store)
{
    while (store->oldest)
        materialise(store->oldest->child);
    if (store->base)
        give_up_view(store);
    live_blocks_clear(&store->own);
    live_blocks_clear(&store->removed);
    *store = (struct block_store){0};
}

void block_store_discard(struct block_store *store)
{
    if (store->base) {
        live_blocks_clear(&store->base->log);
        free(store->base);
    }
    live_blocks_clear(&store->own);
    live_blocks_clear(&store->removed);
    *store = (struct block_store){0};
}

bool block_store_find(const struct block_store *store, uint64_t address, struct block *block)
{
    struct block found;
    bool is_found = live_blocks_find(&store->own, address, &found) ||
                    find_inherited(store, address, &found);
    if (is_found && block)
        *block = found;
    return is_found;
}

bool block_store_is_vacant(struct block_store *store, uint64_t address)
{
    if (address == store->vacant_address)
        return true;
    if (block_store_find(store, address, NULL))
        return false;
    store->vacant_address = address;
    return true;
}

bool block_store_put(struct block_store *store, const struct block *block, struct block *old)
{
    if (block->address == store->vacant_address)
        store->vacant_address = 0;
    bool is_replaced = live_blocks_put(&store->own, block, old);
    if (!is_replaced && store->base && find_inherited(store, block->address, old)) {
        is_replaced = true;
        note_removed(store, block->address);
        limit_notes(store);
    }
    store->count += !is_replaced;
    if (store->newest)
        log_change(store, block->address, is_replaced ? old : NULL);
    return is_replaced;
}

bool block_store_remove(struct block_store *store, uint64_t address, struct block *old)
{
    bool is_found = live_blocks_remove(&store->own, address, old);
    bool is_inherited = !is_found && store->base && find_inherited(store, address, old);
    if (!is_found && !is_inherited)
        return false;
    store->count--;
    if (is_inherited) {
        note_removed(store, address);
        limit_notes(store);
    }
    if (store->newest)
        log_change(store, address, old);
    return true;
}

void block_store_visit(const struct block_store *store, block_store_visit_block visit,
                       void *context)
{
    struct live_blocks_cursor cursor = {0};
    for (struct block block; live_blocks_next(&store->own, &cursor, &block);)
        visit(context, &block);
    if (store->base)
        visit_inherited(store, visit, context);
}

uint64_t block_store_own_bytes(const struct block_store *store)
{
    uint64_t bytes = live_blocks_own_bytes(&store->own) + live_blocks_own_bytes(&store->removed);
    for (const struct fork_view *view = store->oldest; view; view = view->newer)
        bytes += sizeof *view + live_blocks_own_bytes(&view->log);
    return bytes;
}
