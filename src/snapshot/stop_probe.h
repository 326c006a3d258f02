/* Does the kernel let this process stop others? Not under some container's filters, or where the
 * administrator says that nobody may. */
#ifndef SEEP_SNAPSHOT_STOP_PROBE_H
#define SEEP_SNAPSHOT_STOP_PROBE_H

#include <stdbool.h>

/* Tries it with a child of its own. Forks: call it before there are threads. */
bool stop_probe_is_allowed(void);

#endif
