/* The functions of a compilation unit that have code, and what was inlined into one of them, both
 * as plain arrays of address ranges: built once by a walk over the DIEs, asked many times. */
#ifndef SEEP_SYMBOLS_DWARF_FUNCTIONS_H
#define SEEP_SYMBOLS_DWARF_FUNCTIONS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dwarf_code_range {
    uint64_t start;
    uint64_t end;
    Dwarf_Off die;
    uint32_t depth; /* of inlining: 0 = a function of its own */
};

struct dwarf_code_ranges {
    struct dwarf_code_range *items;
    size_t count;
    size_t capacity;
};

/* All functions in the unit, sorted by start. `unit` is the DIE that has the children: of the split
 * unit where DWARF is split. */
void dwarf_functions_collect(struct dwarf_code_ranges *functions, Dwarf_Die *unit);

/* The function that holds the address, or NULL. */
const struct dwarf_code_range *dwarf_functions_find(const struct dwarf_code_ranges *functions,
                                                    uint64_t address);

/* All that was inlined into `function`, outer before inner. */
void dwarf_functions_collect_inlined(struct dwarf_code_ranges *inlined, Dwarf_Die *function);

/* Fills `chain` with the DIEs that hold the address, outermost first, at most `max` (beyond, the
 * innermost are left out); returns how many. */
size_t dwarf_functions_find_inlined(const struct dwarf_code_ranges *inlined, uint64_t address,
                                    Dwarf_Off *chain, size_t max);

void dwarf_code_ranges_clear(struct dwarf_code_ranges *ranges);

#endif
