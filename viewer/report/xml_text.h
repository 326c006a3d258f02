/* Foreign text in XML: harmless, and escaped for elements and attributes. */
#ifndef SEEP_REPORT_XML_TEXT_H
#define SEEP_REPORT_XML_TEXT_H

#include <stdio.h>

/* What stands for a character that must be escaped, "&lt;"; NULL for any other. Also for HTML. */
const char *xml_entity(char character);

void xml_write_text(FILE *out, const char *foreign);

#endif
