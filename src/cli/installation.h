/* Finds files that belong to seep: where they were installed or, for a seep that runs out of its
 * build folder, in the source tree, which the build links there under the name source-tree. */
#ifndef SEEP_CLI_INSTALLATION_H
#define SEEP_CLI_INSTALLATION_H

#include "base/error.h"

/* The path of source-tree/`name` beside the running program; caller frees. NULL: it was installed,
 * or has no such file. */
char *installation_find_in_source(const char *name);

/* The library that is preloaded: beside the program, in ../lib/seep from there, or where it was to
 * be installed. Caller frees; NULL with *error filled when it is nowhere. */
char *installation_find_preload(struct error *error);

/* The schema file `name`, installed or not. Caller frees; NULL when there is none. */
char *installation_find_schema(const char *name);

#endif
