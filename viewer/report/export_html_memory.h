/* Of a report as a web page (export_html.c): what all memory of a process is used for. */
#ifndef SEEP_REPORT_EXPORT_HTML_MEMORY_H
#define SEEP_REPORT_EXPORT_HTML_MEMORY_H

#include <jansson.h>

#include "analysis/memory_uses.h"

/* {"when", "resident_bytes", "virtual_bytes", "trimmable_bytes", "categories": [{"title", ..,
 * "parts": [...]}], "notes": [...]}; null: not known. Caller owns it. */
json_t *export_html_memory(const struct process_memory *memory);

#endif
