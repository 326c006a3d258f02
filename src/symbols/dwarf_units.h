/* Which compilation unit does an address belong to?
 *
 * .debug_aranges answers without touching the units; but compilers may leave it out (clang does),
 * or only some objects of a program have it. At the first address that it does not know, the ranges
 * of all units that it does not mention are read, once. */
#ifndef SEEP_SYMBOLS_DWARF_UNITS_H
#define SEEP_SYMBOLS_DWARF_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"

struct dwarf_unit_range {
    uint64_t start;
    uint64_t end;
    uint32_t unit;
};

struct dwarf_units {
    Dwarf_Off
        *units; /* offsets of the units' DIEs: they stay right when the Dwarf is opened anew */
    size_t count;
    size_t capacity;
    struct hash_map by_offset;
    struct dwarf_unit_range *ranges; /* sorted by start */
    size_t range_count;
    size_t range_capacity;
    bool is_complete;
};

#define DWARF_UNIT_NONE UINT32_MAX

/* Reads .debug_aranges. */
void dwarf_units_init(struct dwarf_units *units, Dwarf *dwarf);
void dwarf_units_clear(struct dwarf_units *units);

/* The unit's position in units->units, or DWARF_UNIT_NONE. `dwarf` as in init. */
uint32_t dwarf_units_find(struct dwarf_units *units, Dwarf *dwarf, uint64_t address);

#endif
