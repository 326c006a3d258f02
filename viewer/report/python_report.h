/* What reports say of a Python interpreter's heap. */
#ifndef SEEP_REPORT_PYTHON_REPORT_H
#define SEEP_REPORT_PYTHON_REPORT_H

#include "analysis/python_heaps.h"
#include "report/json_stream.h"
#include "report/page.h"

/* A section of its own; `limit` rows in each table, 0 = all. */
void python_write_text(struct page *page, const struct process_python *python, uint64_t limit);

/* The part of it that is PyPy's own. */
void pypy_write_text(struct page *page, const struct python_heap *heap);

/* The table of live types alone. */
void python_write_types(struct page *page, const struct process_python *python, uint64_t limit);

/* The value of "python"; NULL is null. */
void python_add_json(struct json_stream *stream, const struct process_python *python,
                     uint64_t limit);

#endif
