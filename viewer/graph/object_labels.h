/* How Python programs name what their objects refer to: ".next", "['k7']", "[3]". */
#ifndef SEEP_GRAPH_OBJECT_LABELS_H
#define SEEP_GRAPH_OBJECT_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "snapshot/snapshot.h"

/* The label by which a block refers to another, appended; it may be "", of a dictionary of
 * attributes. False: that is no reference of an object's. */
bool object_labels_add(const struct snapshot *snapshot, uint32_t from, uint32_t to,
                       struct text *out);
/* The same of the reference at this word. */
bool object_labels_add_slot(const struct snapshot *snapshot, uint32_t from, uint64_t slot,
                            struct text *out);

#endif
