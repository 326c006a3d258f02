/* The metric "leaked" of exports: definite and indirect leaks by the newest scan of each process.
 */
#ifndef SEEP_REPORT_EXPORT_LEAKED_H
#define SEEP_REPORT_EXPORT_LEAKED_H

#include <stdbool.h>

#include "report/export.h"

/* `leaked` becomes `profile` with what leaked as the live blocks and bytes of its sites, and no
 * other figures. It borrows all but its sites; clear it before the profile goes. False where a
 * process that takes part was not scanned. */
bool export_leaked_make(const struct profile *profile, const struct export_options *options,
                        struct profile *leaked, struct error *error);
void export_leaked_clear(struct profile *leaked);

#endif
