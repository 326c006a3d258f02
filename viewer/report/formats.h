/* The writers behind the table of formats; report.h says what they do. */
#ifndef SEEP_REPORT_FORMATS_H
#define SEEP_REPORT_FORMATS_H

#include "report/report.h"

bool text_write_report(const struct profile *profile, const struct report_options *options,
                       FILE *out, struct error *error);
bool json_write_report(const struct profile *profile, const struct report_options *options,
                       FILE *out, struct error *error);

#endif
