/* Lists of kinds of roots, as --roots has them: "global,stack" or "globals,stacks", and "all" or
 * "none" of them. */
#ifndef SEEP_CLI_ROOT_LIST_H
#define SEEP_CLI_ROOT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The row of --roots, in a table of options whose values have a text `roots`. */
#define ROW_ROOTS                                                                                  \
    {                                                                                              \
        .name = "roots", .kind = OPTION_TEXT, PLACE(roots), .value_name = "LIST",                  \
        .help = "only these roots count, of globals, stacks, registers, tls, keys, threads, "      \
                "regions and mappings; or all, or none"                                            \
    }

/* Adds 1 << enum snapshot_root_kind of each kind that the list does not name. NULL: no list, which
 * leaves none out. */
bool root_list_parse_off(const char *list, uint64_t *off, struct error *error);

#endif
