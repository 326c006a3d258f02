/* What reports say of a Python interpreter's heap. */
#ifndef SEEP_REPORT_PYTHON_REPORT_H
#define SEEP_REPORT_PYTHON_REPORT_H

#include "analysis/python_heaps.h"
#include "report/json_stacks.h"
#include "report/json_stream.h"
#include "report/page.h"

/* A section of its own; `limit` rows in each table, 0 = all. */
void python_write_text(struct page *page, const struct process_python *python, uint64_t limit);

/* The part of it that is PyPy's own. */
void pypy_write_text(struct page *page, const struct python_heap *heap);

/* The table of live types alone. */
void python_write_types(struct page *page, const struct process_python *python, uint64_t limit);

/* Objects with references that nobody holds: a part of it. */
void python_write_leaks(struct page *page, const struct process_python *python, uint64_t limit);

/* Where objects were allocated that something is told of, a line each: of `kind`, and of leak
 * number `leak`. */
void python_write_sites(struct page *page, const struct process_python *python,
                        enum python_site_kind kind, uint64_t leak);

/* How to have the lines recorded at which objects were allocated; nothing where they were. */
void python_write_unrecorded(struct page *page, const struct process_python *python);

/* The value of "python"; NULL is null. */
void python_add_json(struct json_stream *stream, struct json_stacks *stacks,
                     const struct process_python *python, uint64_t limit);

#endif
