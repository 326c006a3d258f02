/* Can the command be recorded at all? Asked before it starts, so that the answer is a clear line
 * and not an empty report. */
#ifndef SEEP_RECORD_TARGET_CHECK_H
#define SEEP_RECORD_TARGET_CHECK_H

#include <stdbool.h>

#include "base/error.h"
#include "record/recorder.h"

struct target_facts {
    char *path;   /* of the executable, as found in PATH; the command's own word if not found */
    char *reason; /* why it cannot be observed; NULL = it can */
    const char *own_allocator; /* where that is the reason, its name. Static text */
    int searched_fd; /* of the executable, where it was searched for allocators; -1 = it was not */
};

/* False: it cannot be recorded, and --best-effort was not asked for; *error says why, *outcome how
 * to exit. A command that is not there passes: the launcher says so better. */
bool target_check(const struct record_options *options, struct target_facts *facts,
                  struct record_outcome *outcome, struct error *error);
void target_facts_clear(struct target_facts *facts);

/* The parts of it. Searches as execvp does; caller owns the result, NULL = not found. */
char *target_check_find(const char *name);

/* The program that a script runs in, by its first line. Caller owns; NULL = not a script. */
char *target_check_interpreter(const char *path);

/* Why nothing can be observed in this executable; NULL = it can. Caller owns. *own_allocator: the
 * allocator in it, where that is the reason. *searched_fd as above, for the caller to close. */
char *target_check_reason(const char *path, const char **own_allocator, int *searched_fd);

#endif
