#include "config.h"

#include "symbols/dwarf_units.h"

#include "base/memory.h"

#include <dwarf.h>
#include <stdlib.h>

/* More than any program has; a damaged file may claim what it likes. */
enum {
    MAX_UNITS = 1 << 24,
    MAX_RANGES_PER_UNIT = 1 << 20
};

static uint32_t unit_of(struct dwarf_units *units, Dwarf_Off offset)
{
    bool is_new;
    uint64_t *position = hash_map_put(&units->by_offset, offset, &is_new);

    if (is_new) {
        *position = units->count;
        units->units = memory_grow(units->units, &units->capacity, units->count + 1,
                                   sizeof *units->units);
        units->units[units->count++] = offset;
    }
    return (uint32_t)*position;
}

/* Linkers leave the ranges of code that they dropped at address 0 (or at the top, which is not a
 * range); no code is there. */
static void add_range(struct dwarf_units *units, uint64_t start, uint64_t end, uint32_t unit)
{
    if (start == 0 || start >= end)
        return;
    units->ranges = memory_grow(units->ranges, &units->range_capacity, units->range_count + 1,
                                sizeof *units->ranges);
    units->ranges[units->range_count++] = (struct dwarf_unit_range){start, end, unit};
}

static int compare_ranges(const void *left, const void *right)
{
    const struct dwarf_unit_range *a = left;
    const struct dwarf_unit_range *b = right;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->unit < b->unit ? -1 : a->unit > b->unit;
}

static void sort_ranges(struct dwarf_units *units)
{
    if (units->range_count > 0)
        qsort(units->ranges, units->range_count, sizeof *units->ranges, compare_ranges);
}

void dwarf_units_init(struct dwarf_units *units, Dwarf *dwarf)
{
    Dwarf_Aranges *aranges;
    size_t count;

    *units = (struct dwarf_units){0};
    hash_map_init(&units->by_offset);
    if (dwarf_getaranges(dwarf, &aranges, &count) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        Dwarf_Addr start;
        Dwarf_Word bytes;
        Dwarf_Off offset;
        uint64_t end;

        if (units->count < MAX_UNITS &&
            dwarf_getarangeinfo(dwarf_onearange(aranges, i), &start, &bytes, &offset) == 0 &&
            !__builtin_add_overflow(start, bytes, &end))
            add_range(units, start, end, unit_of(units, offset));
    }
    sort_ranges(units);
}

void dwarf_units_clear(struct dwarf_units *units)
{
    free(units->units);
    free(units->ranges);
    hash_map_clear(&units->by_offset);
    *units = (struct dwarf_units){0};
}

static void add_unit_ranges(struct dwarf_units *units, Dwarf_Die *die)
{
    uint32_t unit = unit_of(units, dwarf_dieoffset(die));
    Dwarf_Addr base, start, end;
    ptrdiff_t position = 0;

    for (size_t i = 0; i < MAX_RANGES_PER_UNIT; i++) {
        position = dwarf_ranges(die, position, &base, &start, &end);
        if (position <= 0)
            return;
        add_range(units, start, end, unit);
    }
}

/* Adds the units that .debug_aranges does not mention. */
static void complete(struct dwarf_units *units, Dwarf *dwarf)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;

    units->is_complete = true;
    while (units->count < MAX_UNITS &&
           dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
        if ((type == DW_UT_compile || type == DW_UT_skeleton) &&
            hash_map_find(&units->by_offset, dwarf_dieoffset(&die)) == NULL)
            add_unit_ranges(units, &die);
    }
    sort_ranges(units);
}

/* Ranges of sound files are disjoint. Where they are not (folded functions), the last to start
 * wins, and one that ended is passed over within reason. */
static uint32_t search(const struct dwarf_units *units, uint64_t address)
{
    enum {
        MAX_PASSED_OVER = 16
    };
    size_t low = 0;
    size_t high = units->range_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (units->ranges[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && low - i < MAX_PASSED_OVER; i--) {
        if (address < units->ranges[i - 1].end)
            return units->ranges[i - 1].unit;
    }
    return DWARF_UNIT_NONE;
}

uint32_t dwarf_units_find(struct dwarf_units *units, Dwarf *dwarf, uint64_t address)
{
    uint32_t unit = search(units, address);

    if (unit == DWARF_UNIT_NONE && !units->is_complete) {
        complete(units, dwarf);
        unit = search(units, address);
    }
    return unit;
}
