/* Where the tree of a project begins, for files that tell places in it. */
#ifndef SEEP_CLI_SOURCE_ROOT_H
#define SEEP_CLI_SOURCE_ROOT_H

/* `given` (NULL = nothing), else what CI services name, else the tree that this folder is in.
 * Caller frees; NULL when nothing says where it is. */
char *source_root_find(const char *given);

#endif
