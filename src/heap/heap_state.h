/* The inside of a heap model, for the files that make it up. */
#ifndef SEEP_HEAP_HEAP_STATE_H
#define SEEP_HEAP_HEAP_STATE_H

#include "heap/block_store.h"
#include "heap/estimates.h"
#include "heap/fork_window.h"
#include "heap/heap_model.h"
#include "heap/heap_threads.h"
#include "heap/mappings.h"
#include "heap/misuse.h"
#include "heap/peak.h"
#include "heap/recent_frees.h"
#include "heap/repair.h"
#include "heap/samples.h"
#include "heap/site_table.h"
#include "heap/timeline.h"

struct heap_model {
    struct heap_model_options options;
    struct block_store blocks;
    bool is_retired; /* `blocks` is empty, whatever lives */
    struct site_table sites;
    struct estimate_table estimates;
    struct peak peak;
    struct timeline timeline;
    struct heap_threads threads;
    struct mappings mappings;
    uint32_t visited_sites; /* by heap_model_visit_new_births */
    size_t visited_mapping_sites;
    struct repair repair;
    struct recent_frees recent_frees;
    struct misuses misuses;
    bool has_losses; /* of events: nothing is known to be misuse */
    struct samples samples;
    struct recording_totals totals; /* those of the peak stand in `peak` */
    struct recording_quality quality;
    uint64_t now_ns;            /* the latest stamp seen */
    uint64_t sample_peak_bytes; /* the most that was live since the last sample */

    /* A child that has no blocks of its own yet needs its parent's sites; and for a while after the
     * fork its parent may know what it does not. */
    struct heap_model *parent; /* NULL once it is gone */
    struct heap_model *first_child;
    struct heap_model *next_sibling;
    struct heap_model **sibling_place; /* what points to this child */
    uint64_t fork_ns;
    struct fork_window window; /* of the fork that this process began by */
    size_t open_windows;       /* of children */
};

/* heap_fork.c: forgets parent and children. Blocks have been seen to before. */
void heap_fork_unlink(struct heap_model *model);

/* Closes the window of this child. */
void heap_fork_close_window(struct heap_model *child);

/* For the children whose windows are open. */
void heap_fork_note(struct heap_model *parent, const struct heap_event *events, size_t count);

/* A block that another thread of the parent allocated within the window, and that the child
 * releases: inherited, after all. It is in no table. */
bool heap_fork_take_from_window(struct heap_model *child, uint64_t address, struct block *block);

/* Did another thread of the parent release, within the window, the block that the child inherited?
 */
bool heap_fork_is_released(const struct heap_model *child, const struct block *block);

/* A block that the parent had around the fork, at an address that the child does not know. */
bool heap_fork_find_in_parent(struct heap_model *child, uint64_t address, struct block *block);

#endif
