/* Options that are not typed: from the user's file, the project's file and the environment.
 *
 *   the user's file     $XDG_CONFIG_HOME/seep/config (else ~/.config/seep/config)
 *   the project's file  .seep.conf, in the current folder or above it, up to the root of the
 *                       version-controlled tree (the current folder alone when there is none)
 *   SEEP_OPTIONS        name=value:name:name=value ("\:" is a colon)
 *   SEEP_OUTPUT         what --output names
 *
 * A file has lines "name = value" or, for a flag, "name"; "#" and ";" begin comments. Lines above
 * the first section count for every command that has the option, those below "[run]" for run
 * alone. A file can choose options, never commands, and not every option (enum option_scope): a
 * checkout of somebody else's project must not be able to run or overwrite anything. */
#ifndef SEEP_CLI_CONFIG_FILE_H
#define SEEP_CLI_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/options.h"

struct config_request {
    const char *command;   /* "run" */
    const char *file;      /* --config: read this instead of the two files; may be NULL */
    bool is_without_files; /* --no-config */
    const struct option_binding *bindings;
    size_t binding_count;
    bool (*is_command)(const char *name);
    bool (*is_option_of_any)(const char *name); /* of any command at all */
};

/* Owns the texts that assignments borrow. A zeroed struct is empty. */
struct config {
    char **texts;
    size_t count;
    size_t capacity;
};

/* Appends what was found. False for what cannot be read or is not known. */
bool config_read(struct config *config, const struct config_request *request,
                 struct option_assignments *list, struct error *error);
void config_clear(struct config *config);

/* The root of the version-controlled tree that the current folder lies in. Caller frees; NULL = it
 * lies in none. */
char *config_find_tree_root(void);

#endif
