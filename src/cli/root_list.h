/* Lists of kinds of roots, as --roots has them: "global,stack" or "globals,stacks", and "all" or
 * "none" of them. */
#ifndef SEEP_CLI_ROOT_LIST_H
#define SEEP_CLI_ROOT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Adds 1 << enum snapshot_root_kind of each kind that the list does not name. NULL: no list, which
 * leaves none out. */
bool root_list_parse_off(const char *list, uint64_t *off, struct error *error);

#endif
