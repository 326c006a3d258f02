/* Lines of Python's code by instruction, from the table in each code object. Tables come from
 * targets: nothing in them is believed, and reading stops at their end.
 *
 * Three formats, by version:
 *   3.8, 3.9   co_lnotab (Objects/lnotab_notes.txt): pairs of bytes, how far address and line go
 * on; an instruction has the line that was reached at or before it. 3.10       co_linetable (PEP
 * 626): pairs of bytes, the length of a range and by how much its line differs from the last one;
 * -128: it has none. 3.11 on    co_linetable (Objects/locations.md): entries of several bytes. The
 * first one has bit 7 set, the kind of entry in bits 3-6, and units - 1 in bits 0-2. */
#ifndef SEEP_SYMBOLS_PYTHON_LINES_H
#define SEEP_SYMBOLS_PYTHON_LINES_H

#include <stddef.h>
#include <stdint.h>

struct python_line_table {
    uint32_t version_minor; /* of CPython 3 */
    uint32_t first_line;    /* of the code */
    const uint8_t *bytes;
    size_t count;
};

/* The line of the instruction at `unit`, counted in two bytes from the code's beginning; 0 = it has
 * none, or it is not known. */
uint32_t python_lines_find(const struct python_line_table *table, uint32_t unit);

#endif
