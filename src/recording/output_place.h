/* Where a recording goes: which file may be replaced, and how a finished one takes its name.
 *
 * All files are made under a temporary name beside the final one and get it by rename(), so a
 * reader never sees half a file there. The folder is held open, so the names mean the same folder
 * from the check to the last rename. What stands at the path is replaced only as the options allow:
 * symbolic links are followed only where nobody else could have put them. A temporary file is
 * locked (flock) while its writer lives; one that is not is a killed writer's leftover. */
#ifndef SEEP_RECORDING_OUTPUT_PLACE_H
#define SEEP_RECORDING_OUTPUT_PLACE_H

#include <stdbool.h>

#include "base/error.h"

struct output_place {
    int folder_fd;
    char *path; /* symbolic links that were followed are resolved */
    char *name; /* last part of path */
    bool is_force;
    bool may_replace;
};

struct output_file {
    int fd;     /* -1 = none */
    char *name; /* in the folder; the temporary one until it is installed */
};

/* Checks what stands at `path`; creates nothing. See recording_writer_open. */
bool output_place_open(struct output_place *place, const char *path, bool is_force,
                       bool may_replace, struct error *error);
void output_place_clear(struct output_place *place);

/* A new, empty file of mode 0600 under a temporary name; the caller installs, removes or clears it.
 */
bool output_place_create(struct output_place *place, struct output_file *file, struct error *error);

/* Renames the file to the final name, over `previous` (NULL: none) if that still has it, else by
 * the same rules as at the beginning. On failure both files have the names that they had. */
bool output_place_install(struct output_place *place, struct output_file *file,
                          const struct output_file *previous, struct error *error);

/* Makes renames last through a power cut, as far as the file system can. */
void output_place_sync(const struct output_place *place);

/* Removes the file if it still has its name, and clears. */
void output_place_remove(struct output_place *place, struct output_file *file);
void output_file_clear(struct output_file *file);

#endif
