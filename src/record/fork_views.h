/* Heaps as they were at a fork, kept until the child begins or cannot begin any more. */
#ifndef SEEP_RECORD_FORK_VIEWS_H
#define SEEP_RECORD_FORK_VIEWS_H

#include "record/process_tree.h"

/* Releases what a view holds. */
void fork_views_clear_view(struct fork_view *view);

/* Takes the view at this position out of the list and releases it. */
void fork_views_drop(struct process_tree *tree, size_t position);

/* The parent is about to fork: keeps its heap and modules as they are now. */
void fork_views_keep(struct process_tree *tree, struct recorded_process *parent, uint64_t number,
                     uint64_t ticks);

/* The heap that a forked child began with. NULL with *must_wait: the parent's records have not been
 * applied so far, or it is not known yet which of several forks this is. */
struct fork_view *fork_views_find(struct process_tree *tree, const struct wire_process *record,
                                  uint64_t ticks, struct recorded_process **parent,
                                  bool *must_wait);

/* The child of this pid will not claim a view any more. */
void fork_views_drop_child(struct process_tree *tree, uint32_t pid);

/* The views of children that are gone without a word. One that is gone may have left records that
 * were not looked at yet; so it is given time until the next sweep, and while any ring waits for a
 * parent. */
void fork_views_drop_unclaimed(struct process_tree *tree);

#endif
