/* The file name of a recording, from a pattern. */
#ifndef SEEP_RECORD_RECORDING_NAME_H
#define SEEP_RECORD_RECORDING_NAME_H

#include <stdint.h>

#define RECORDING_NAME_DEFAULT "seep.%e.%t.%p.seep"

struct recording_name_facts {
    const char *executable; /* path or name of the command */
    uint32_t pid;
    uint64_t wall_ns; /* the start, since 1970 */
};

/* Replaces %e (program's file name), %p (pid), %t (local time, 20260131-235959), %h (host) and %%
 * in the pattern; other % stay. Slashes in what is put in become '_'. Caller owns the result. */
char *recording_name_expand(const char *pattern, const struct recording_name_facts *facts);

#endif
