#include "config.h"

#include "symbols/dwarf_functions.h"

#include "base/memory.h"

#include <dwarf.h>
#include <stdlib.h>

/* What a damaged file can make a walk cost; sound files stay far below. */
enum {
    MAX_DEPTH = 256,
    MAX_VISITED_DIES = 1 << 25,
    MAX_RANGES = 1 << 22,
    MAX_RANGES_PER_DIE = 1 << 14
};

struct walk {
    struct dwarf_code_ranges *ranges;
    uint32_t visited;
    bool is_for_inlined;
};

static void add_ranges(struct walk *walk, Dwarf_Die *die, uint32_t depth)
{
    struct dwarf_code_ranges *ranges = walk->ranges;
    Dwarf_Off offset = dwarf_dieoffset(die);
    Dwarf_Addr base, start, end;
    ptrdiff_t position = 0;

    for (size_t i = 0; i < MAX_RANGES_PER_DIE && ranges->count < MAX_RANGES; i++) {
        position = dwarf_ranges(die, position, &base, &start, &end);
        if (position <= 0)
            return;
        if (start == 0 || start >= end)
            continue;
        ranges->items = memory_grow(ranges->items, &ranges->capacity, ranges->count + 1,
                                    sizeof *ranges->items);
        ranges->items[ranges->count++] = (struct dwarf_code_range){start, end, offset, depth};
    }
}

/* Rust puts functions into types, C++ local classes into blocks. */
static bool may_hold_functions(int tag)
{
    switch (tag) {
    case DW_TAG_compile_unit:
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_interface_type:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
        return true;
    default:
        return false;
    }
}

static bool may_hold_inlined(int tag)
{
    return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
           tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

/* `nesting` bounds the recursion; `depth` counts inlined functions around. */
static void visit_children(struct walk *walk, Dwarf_Die *parent, uint32_t nesting, uint32_t depth)
{
    Dwarf_Die die;

    if (nesting >= MAX_DEPTH || dwarf_child(parent, &die) != 0)
        return;
    do {
        int tag = dwarf_tag(&die);
        uint32_t inner_depth = depth;

        if (++walk->visited > MAX_VISITED_DIES)
            return;
        if (walk->is_for_inlined) {
            if (!may_hold_inlined(tag))
                continue;
            if (tag == DW_TAG_inlined_subroutine)
                add_ranges(walk, &die, ++inner_depth);
        } else {
            if (!may_hold_functions(tag))
                continue;
            if (tag == DW_TAG_subprogram)
                add_ranges(walk, &die, 0);
        }
        if (dwarf_haschildren(&die) == 1)
            visit_children(walk, &die, nesting + 1, inner_depth);
    } while (dwarf_siblingof(&die, &die) == 0);
}

static int compare_ranges(const void *left, const void *right)
{
    const struct dwarf_code_range *a = left;
    const struct dwarf_code_range *b = right;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->die < b->die ? -1 : a->die > b->die;
}

void dwarf_functions_collect(struct dwarf_code_ranges *functions, Dwarf_Die *unit)
{
    struct walk walk = {.ranges = functions};

    functions->count = 0;
    visit_children(&walk, unit, 0, 0);
    if (functions->count > 0)
        qsort(functions->items, functions->count, sizeof *functions->items, compare_ranges);
}

/* Functions do not overlap, unless a linker folded equal ones: then the last of them is as good. */
const struct dwarf_code_range *dwarf_functions_find(const struct dwarf_code_ranges *functions,
                                                    uint64_t address)
{
    size_t low = 0;
    size_t high = functions->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (functions->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address < functions->items[low - 1].end ? &functions->items[low - 1] : NULL;
}

void dwarf_functions_collect_inlined(struct dwarf_code_ranges *inlined, Dwarf_Die *function)
{
    struct walk walk = {.ranges = inlined, .is_for_inlined = true};

    inlined->count = 0;
    visit_children(&walk, function, 0, 0);
}

/* The ranges are in the order of the tree, so what holds the address and lies one deeper than the
 * last hit is inside of it. */
size_t dwarf_functions_find_inlined(const struct dwarf_code_ranges *inlined, uint64_t address,
                                    Dwarf_Off *chain, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < inlined->count && count < max; i++) {
        const struct dwarf_code_range *range = &inlined->items[i];

        if (range->depth == count + 1 && address >= range->start && address < range->end)
            chain[count++] = range->die;
    }
    return count;
}

void dwarf_code_ranges_clear(struct dwarf_code_ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct dwarf_code_ranges){0};
}
