/* The live blocks of one process image, shared with the process that it was forked from.
 *
 * A fork copies no block. The child looks at the parent's table through a view: the parent, before
 * it changes an address for the first time after a fork, logs what stood there into the view of its
 * newest child; what a child sees at an address is the first log entry for it, from its own view to
 * the newest, or else what the parent has there now. The child keeps what it adds in a table of its
 * own, and a note of each inherited block that it released. A fork that execs costs nothing more.
 *
 * A child gets a copy of its own ("materialises") when a log or its notes grow beyond a quarter of
 * the blocks, when it forks itself and is a child of a child of a child, or when the parent goes.
 * When a view goes, its log is merged into the next older one, which depends on it. */
#ifndef SEEP_HEAP_BLOCK_STORE_H
#define SEEP_HEAP_BLOCK_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/live_blocks.h"

struct block_store;

/* Turns a block of the parent into the child's: its site and its thread. */
typedef void (*block_store_translate)(void *context, struct block *block);

struct fork_view {
    struct block_store *parent;
    struct block_store *child;
    struct live_blocks log; /* what stood at addresses that changed; nothing: BLOCK_SITE_NONE */
    struct fork_view *older;
    struct fork_view *newer;
    block_store_translate translate;
    void *context;
};

/* A zeroed struct is a valid empty store. It must not move while views exist. */
struct block_store {
    struct live_blocks own;     /* all blocks; of a child with a view, those that it added */
    struct live_blocks removed; /* inherited addresses whose block is gone */
    struct fork_view *base;     /* of the parent, as it was at the fork; NULL: no need of it */
    struct fork_view *oldest;   /* views that children have of this store */
    struct fork_view *newest;
    uint32_t depth;          /* how many views a look into what is inherited can go through */
    uint64_t count;          /* of live blocks */
    uint64_t vacant_address; /* nothing lives there; 0 = not known of any */
};

enum {
    BLOCK_STORE_LOG_MIN = 64 * 1024, /* a log of this size is still better than a copy */
    BLOCK_STORE_DEPTH_MAX = 3        /* a shell's command in a subshell in a function's output */
};

/* `child` is empty; `context` is borrowed as long as the child exists. */
void block_store_fork(struct block_store *parent, struct block_store *child,
                      block_store_translate translate, void *context);

/* Gives every child a copy of its own first. */
void block_store_clear(struct block_store *store);

/* Where all stores of a family go, in any order: nobody gets a copy or a log. Until all are gone
 * nothing may be looked for in any of them. */
void block_store_discard(struct block_store *store);

/* As in live_blocks.h. */
bool block_store_find(const struct block_store *store, uint64_t address, struct block *block);
/* Does nothing live at this address? Quick when asked about the same one again. */
bool block_store_is_vacant(struct block_store *store, uint64_t address);

bool block_store_put(struct block_store *store, const struct block *block, struct block *old);
bool block_store_remove(struct block_store *store, uint64_t address, struct block *old);

/* Who puts blocks into `own` and takes them out, where there are no views, says so. */
static inline void block_store_note_added(struct block_store *store, uint64_t address)
{
    store->count++;
    if (address == store->vacant_address)
        store->vacant_address = 0;
}

static inline void block_store_note_taken(struct block_store *store)
{
    store->count--;
}

/* All blocks in unspecified order. */
typedef void (*block_store_visit_block)(void *context, const struct block *block);
void block_store_visit(const struct block_store *store, block_store_visit_block visit,
                       void *context);

uint64_t block_store_own_bytes(const struct block_store *store);

#endif
