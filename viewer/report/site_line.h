/* The line of code that blocks were allocated at, in a sentence. */
#ifndef SEEP_REPORT_SITE_LINE_H
#define SEEP_REPORT_SITE_LINE_H

#include "report/page.h"

/* " of parse at src/parser.py:120", of Python's code where there is some; nothing where that is not
 * known. `site`: position in the profile. */
void page_add_site(struct page *page, struct text *line, uint32_t site);

#endif
