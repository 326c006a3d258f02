#include "config.h"

#include "symbols/dwarf_lines.h"

#include "base/memory.h"
#include "symbols/dwarf_functions.h"
#include "symbols/dwarf_units.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

enum {
    MAX_INLINED = 128
};

/* What is known of a unit that was hit. */
struct unit_state {
    bool is_open;
    bool is_c;
    Dwarf_Die die;  /* has the line table; the skeleton where DWARF is split */
    Dwarf_Die tree; /* has the functions */
    Dwarf *dwarf;   /* of the tree */
    const char *folder;
    struct dwarf_code_ranges functions;
};

struct dwarf_lines {
    Elf *file;
    Elf *alternate_file;
    Dwarf *dwarf;
    Dwarf *alternate;
    struct dwarf_units units;
    struct unit_state *states; /* one per unit of `units` */
    size_t state_count;
    size_t line_count;
    size_t max_lines;
    bool is_held;
    bool is_split;
    uint32_t generation;
    /* The inlined functions of the function that was hit last: sorted lookups ask often. */
    uint32_t inlined_unit;
    Dwarf_Off inlined_function;
    struct dwarf_code_ranges inlined;
};

static bool open_dwarf(struct dwarf_lines *lines)
{
    lines->dwarf = dwarf_begin_elf(lines->file, DWARF_C_READ, NULL);
    if (lines->dwarf == NULL)
        return false;
    if (lines->alternate_file != NULL)
        lines->alternate = dwarf_begin_elf(lines->alternate_file, DWARF_C_READ, NULL);
    /* Before any DIE is looked at. */
    if (lines->alternate != NULL)
        dwarf_setalt(lines->dwarf, lines->alternate);
    return true;
}

static void close_dwarf(struct dwarf_lines *lines)
{
    for (size_t i = 0; i < lines->state_count; i++)
        dwarf_code_ranges_clear(&lines->states[i].functions);
    free(lines->states);
    lines->states = NULL;
    lines->state_count = 0;
    lines->line_count = 0;
    lines->inlined_unit = DWARF_UNIT_NONE;
    dwarf_end(lines->dwarf);
    dwarf_end(lines->alternate);
    lines->dwarf = NULL;
    lines->alternate = NULL;
}

static bool has_units(Dwarf *dwarf)
{
    Dwarf_CU *unit = NULL;

    return dwarf_get_units(dwarf, NULL, &unit, NULL, NULL, NULL, NULL) == 0;
}

struct dwarf_lines *dwarf_lines_create(Elf *file, Elf *alternate, size_t max_lines)
{
    struct dwarf_lines *lines = memory_allocate_zeroed(1, sizeof *lines);

    lines->file = file;
    lines->alternate_file = alternate;
    lines->max_lines = max_lines;
    lines->inlined_unit = DWARF_UNIT_NONE;
    if (!open_dwarf(lines) || !has_units(lines->dwarf)) {
        dwarf_lines_destroy(lines);
        return NULL;
    }
    dwarf_units_init(&lines->units, lines->dwarf);
    return lines;
}

void dwarf_lines_destroy(struct dwarf_lines *lines)
{
    if (lines == NULL)
        return;
    close_dwarf(lines);
    dwarf_units_clear(&lines->units);
    dwarf_code_ranges_clear(&lines->inlined);
    free(lines);
}

/* The tree stands in another file when DWARF is split; libdw looks for that file. Returns whether
 * it does. */
static bool find_tree(struct unit_state *state)
{
    Dwarf_Die split;
    uint8_t type;
    bool is_split = dwarf_cu_info(state->die.cu, NULL, &type, NULL, &split, NULL, NULL, NULL) ==
                        0 &&
                    type == DW_UT_skeleton;

    state->tree = is_split && split.cu != NULL ? split : state->die;
    state->dwarf = dwarf_cu_getdwarf(state->tree.cu);
    return is_split;
}

static const char *text_attribute(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;

    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static bool is_written_in_c(Dwarf_Die *unit)
{
    static const int languages[] = {DW_LANG_C, DW_LANG_C89, DW_LANG_C99, DW_LANG_C11};
    int language = dwarf_srclang(unit);

    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        if (language == languages[i])
            return true;
    }
    return false;
}

static bool open_unit(struct dwarf_lines *lines, struct unit_state *state, Dwarf_Off offset)
{
    Dwarf_Lines *rows;
    size_t row_count;

    if (dwarf_offdie(lines->dwarf, offset, &state->die) == NULL)
        return false;
    state->is_open = true;
    state->folder = text_attribute(&state->die, DW_AT_comp_dir);
    lines->is_split |= find_tree(state);
    state->is_c = is_written_in_c(&state->tree);
    dwarf_functions_collect(&state->functions, &state->tree);
    if (dwarf_getsrclines(&state->die, &rows, &row_count) == 0)
        lines->line_count += row_count;
    return true;
}

/* DIEs are found anew by their offsets afterwards; the ranges of units stay. */
static bool keep_memory_bounded(struct dwarf_lines *lines)
{
    if (lines->line_count <= lines->max_lines || lines->is_held)
        return true;
    close_dwarf(lines);
    lines->generation++;
    return open_dwarf(lines);
}

static struct unit_state *state_of_unit(struct dwarf_lines *lines, uint32_t unit)
{
    struct unit_state *state;

    if (unit < lines->state_count && lines->states[unit].is_open)
        return &lines->states[unit];
    if (!keep_memory_bounded(lines))
        return NULL;
    if (lines->state_count < lines->units.count) {
        lines->states = memory_resize(lines->states, lines->units.count, sizeof *lines->states);
        for (size_t i = lines->state_count; i < lines->units.count; i++)
            lines->states[i] = (struct unit_state){0};
        lines->state_count = lines->units.count;
    }
    state = &lines->states[unit];
    return open_unit(lines, state, lines->units.units[unit]) ? state : NULL;
}

static void take_row(struct unit_state *state, uint64_t address, struct dwarf_location *location)
{
    Dwarf_Line *row = dwarf_getsrc_die(&state->die, address);
    int line;

    if (row == NULL)
        return;
    location->file = dwarf_linesrc(row, NULL, NULL);
    location->folder = state->folder;
    if (dwarf_lineno(row, &line) == 0 && line > 0)
        location->line = (uint32_t)line;
}

/* Where the function `die` was inlined. */
static void take_call(struct unit_state *state, Dwarf_Die *die, struct dwarf_location *location)
{
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    size_t file_count;
    Dwarf_Word value;

    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &value) == 0 &&
        value <= UINT32_MAX)
        location->line = (uint32_t)value;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &value) == 0 &&
        dwarf_getsrcfiles(&state->tree, &files, &file_count) == 0 && value < file_count) {
        location->file = dwarf_filesrc(files, value, NULL, NULL);
        location->folder = state->folder;
    }
}

static void take_names(Dwarf_Die *die, struct dwarf_location *location)
{
    location->linkage_name = text_attribute(die, DW_AT_linkage_name);
    if (location->linkage_name == NULL)
        location->linkage_name = text_attribute(die, DW_AT_MIPS_linkage_name);
    location->name = text_attribute(die, DW_AT_name);
}

static void find_inlined(struct dwarf_lines *lines, uint32_t unit, struct unit_state *state,
                         Dwarf_Off function)
{
    Dwarf_Die die;

    if (lines->inlined_unit == unit && lines->inlined_function == function)
        return;
    lines->inlined.count = 0;
    if (dwarf_offdie(state->dwarf, function, &die) != NULL)
        dwarf_functions_collect_inlined(&lines->inlined, &die);
    lines->inlined_unit = unit;
    lines->inlined_function = function;
}

/* The DIEs that hold the address: the function of its own first, then what was inlined into it. */
static size_t find_dies(struct dwarf_lines *lines, uint32_t unit, struct unit_state *state,
                        uint64_t address, Dwarf_Off chain[MAX_INLINED + 1])
{
    const struct dwarf_code_range *function = dwarf_functions_find(&state->functions, address);

    if (function == NULL)
        return 0;
    chain[0] = function->die;
    find_inlined(lines, unit, state, function->die);
    return 1 + dwarf_functions_find_inlined(&lines->inlined, address, chain + 1, MAX_INLINED);
}

/* The unit that holds the address; NULL = none. */
static struct unit_state *state_at(struct dwarf_lines *lines, uint64_t address, uint32_t *unit)
{
    *unit = dwarf_units_find(&lines->units, lines->dwarf, address);
    return *unit == DWARF_UNIT_NONE ? NULL : state_of_unit(lines, *unit);
}

size_t dwarf_lines_find(struct dwarf_lines *lines, uint64_t address,
                        struct dwarf_location *locations, size_t max)
{
    uint32_t unit;
    struct unit_state *state = state_at(lines, address, &unit);
    Dwarf_Off chain[MAX_INLINED + 1];
    struct dwarf_location next = {0}; /* file and line of the location to come */
    size_t die_count, count = 0;
    Dwarf_Die die;

    if (state == NULL || max == 0)
        return 0;
    take_row(state, address, &next);
    die_count = find_dies(lines, unit, state, address, chain);
    if (die_count == 0) {
        locations[0] = next;
        return next.file != NULL ? 1 : 0;
    }
    for (size_t i = die_count; i-- > 0;) {
        struct dwarf_location location = next;

        if (dwarf_offdie(state->dwarf, chain[i], &die) == NULL)
            return 0;
        next = (struct dwarf_location){0};
        if (i > 0)
            take_call(state, &die, &next);
        if (i > 0 && count + 1 >= max)
            continue;
        take_names(&die, &location);
        location.is_inlined = i > 0;
        location.is_c = state->is_c;
        locations[count++] = location;
    }
    return count;
}

bool dwarf_lines_find_function(struct dwarf_lines *lines, uint64_t address,
                               struct dwarf_function *function)
{
    struct unit_state *state = state_at(lines, address, &function->unit);
    const struct dwarf_code_range *range;
    Dwarf_Addr entry;

    range = state != NULL ? dwarf_functions_find(&state->functions, address) : NULL;
    if (range == NULL || dwarf_offdie(state->dwarf, range->die, &function->die) == NULL)
        return false;
    function->entry = dwarf_entrypc(&function->die, &entry) == 0 ? entry : range->start;
    return true;
}

const struct dwarf_code_ranges *dwarf_lines_inlined(struct dwarf_lines *lines,
                                                    struct dwarf_function *function)
{
    Dwarf_Off offset = dwarf_dieoffset(&function->die);

    if (lines->inlined_unit != function->unit || lines->inlined_function != offset)
        dwarf_functions_collect_inlined(&lines->inlined, &function->die);
    lines->inlined_unit = function->unit;
    lines->inlined_function = offset;
    return &lines->inlined;
}

void dwarf_lines_hold(struct dwarf_lines *lines, bool is_held)
{
    lines->is_held = is_held;
}

uint32_t dwarf_lines_generation(const struct dwarf_lines *lines)
{
    return lines->generation;
}

bool dwarf_lines_is_split(const struct dwarf_lines *lines)
{
    return lines->is_split;
}
