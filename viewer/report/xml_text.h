/* Foreign text in XML: harmless, and escaped for elements and attributes. */
#ifndef SEEP_REPORT_XML_TEXT_H
#define SEEP_REPORT_XML_TEXT_H

#include <stdio.h>

void xml_write_text(FILE *out, const char *foreign);

#endif
