/* Ways from roots, in words and as JSON. */
#ifndef SEEP_REPORT_PATH_PARTS_H
#define SEEP_REPORT_PATH_PARTS_H

#include <jansson.h>

#include "base/text.h"
#include "graph/graph_path.h"

/* "cache.table": the variable, and the member that leads on; which element it is says little. */
void path_add_holder(const struct graph_path *path, struct text *out);

/* "cache.table > Session > insert": the root, then what is between, or who allocated it; appended.
 * What is in it is foreign. */
void path_add_text(const struct graph_path *path, struct text *out);

/* An element of the contract: {"name": ..., "member": ..., "type": ...}. */
json_t *path_make_element(const char *name, const char *member, const char *type);

/* All of them, the root first; NULL gives an empty list. */
json_t *path_make_json(const struct graph_path *path);

#endif
