/* From an address to functions, files and lines by DWARF, inlined functions included. Over libdw,
 * with tables of its own per unit, since libdw walks a unit's whole tree for each question. */
#ifndef SEEP_SYMBOLS_DWARF_LINES_H
#define SEEP_SYMBOLS_DWARF_LINES_H

#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/dwarf_functions.h"

/* All texts are borrowed until the next lookup. NULL and 0 = not known. */
struct dwarf_location {
    const char *linkage_name; /* mangled */
    const char *name;         /* as in the source, without scopes */
    const char *file;
    const char *folder; /* that `file` is relative to */
    uint32_t line;
    bool is_inlined; /* into the next location */
    bool is_c;       /* written in C: names are whole */
};

struct dwarf_lines;

/* NULL when the file has no DWARF. `alternate` (or NULL) is the file of shared pieces that dwz
 * made. Both are borrowed until the end. Once the line tables that were read hold max_lines rows,
 * they are dropped and memory starts anew. Caller owns. */
struct dwarf_lines *dwarf_lines_create(Elf *file, Elf *alternate, size_t max_lines);
void dwarf_lines_destroy(struct dwarf_lines *lines);

/* Innermost first; the last is the function that was not inlined (without names when only the line
 * is known). When there are more than `max`, those next to the last are left out. 0 = nothing
 * known. */
size_t dwarf_lines_find(struct dwarf_lines *lines, uint64_t address,
                        struct dwarf_location *locations, size_t max);

/* A function that has code. */
struct dwarf_function {
    Dwarf_Die die;
    uint64_t entry;
    uint32_t unit;
};

/* The one that holds the address. */
bool dwarf_lines_find_function(struct dwarf_lines *lines, uint64_t address,
                               struct dwarf_function *function);

/* What was inlined into it, which takes a walk through all of it; borrowed until the next lookup.
 */
const struct dwarf_code_ranges *dwarf_lines_inlined(struct dwarf_lines *lines,
                                                    struct dwarf_function *function);

/* Nothing is dropped while this is held, so that DIEs stay what they are. */
void dwarf_lines_hold(struct dwarf_lines *lines, bool is_held);

/* Another number once DIEs were dropped. */
uint32_t dwarf_lines_generation(const struct dwarf_lines *lines);

/* Did answers so far depend on files that are not the ones given, because DWARF is split? */
bool dwarf_lines_is_split(const struct dwarf_lines *lines);

#endif
