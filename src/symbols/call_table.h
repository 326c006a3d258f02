/* The calls of functions that were asked for, each read once: callers that lie side by side, and
 * chains of calls, come by the same functions again and again. */
#ifndef SEEP_SYMBOLS_CALL_TABLE_H
#define SEEP_SYMBOLS_CALL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "symbols/dwarf_calls.h"
#include "symbols/dwarf_lines.h"

/* A zeroed struct is a valid empty table. */
struct call_table {
    struct dwarf_calls calls;
    struct hash_map by_function; /* place of its DIE -> first call << 32 | how many */
    uint32_t generation;         /* of the lines that the DIEs are of */
};

/* Forgets calls that `lines` has dropped the DIEs of, and too many. */
void call_table_refresh(struct call_table *table, const struct dwarf_lines *lines);

/* The function's calls are those from *first on; returns how many. */
size_t call_table_find(struct call_table *table, const struct dwarf_function *function,
                       size_t *first);
void call_table_clear(struct call_table *table);

#endif
