/* Containers that hold memory of their own: where they are, in variables and in typed blocks, how
 * many elements they have and how much memory these take. */
#ifndef SEEP_GRAPH_HELD_CONTAINERS_H
#define SEEP_GRAPH_HELD_CONTAINERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "graph/type_names.h"

/* Fills the containers of `names`, whose types and members are known, and what their memory is
 * found by (root_at). */
void held_containers_find(struct type_names *names);

/* The container with most memory of its own that is in a block; or where that is SNAPSHOT_NONE, in
 * a variable of a root. False: there is none. */
bool held_containers_largest(struct type_names *names, uint32_t block, uint32_t root,
                             struct container *container);

/* "table": where it is in that; appended; false: it is all of it. */
bool held_containers_add_member(struct type_names *names, const struct container *container,
                                struct text *out);

/* Where a container is: "g_sessions.table", "1,000 x Session.lines"; appended. */
void held_containers_add_place(struct type_names *names, const struct container *container,
                               struct text *out);

#endif
