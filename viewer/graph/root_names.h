/* Which roots a snapshot has, by name: the slots of one variable are one root, and so are those of
 * one function's frames in one thread. What has no name is one root a module.
 *
 * Names of variables come from the symbol tables of the files that were mapped, as far as they are
 * here with the same build-id; those of frames from the recording. */
#ifndef SEEP_GRAPH_ROOT_NAMES_H
#define SEEP_GRAPH_ROOT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "snapshot/snapshot.h"
#include "symbols/symbolizer.h"

struct root_name {
    enum snapshot_root_kind kind;
    char *name;     /* "sessions", "stack of thread \"io\" (tid 7), in poll_loop at io.c:3", ... */
    char *likeness; /* the same without what is another in each process and at each instant: number
                       of the thread, line. NULL = the name */
    const char *module; /* path; NULL = none. Borrowed from the snapshot */
};

struct root_names {
    struct root_name *items; /* globals first, then by kind; of a kind by name */
    uint32_t count;
    uint32_t *root_of_slot; /* by position in snapshot.roots */
};

/* Snapshot and profile must outlive the names. Clear after use. */
void root_names_find(const struct profile *profile, const struct snapshot *snapshot,
                     const struct symbolizer_options *options, struct root_names *names);
void root_names_clear(struct root_names *names);

#endif
