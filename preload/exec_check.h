/* Can the preload follow into a program, and with what environment? Asked before exec, in the
 * process that will become the program, maybe the child of a vfork: no allocation, no lock, raw
 * system calls. */
#ifndef SEEP_PRELOAD_EXEC_CHECK_H
#define SEEP_PRELOAD_EXEC_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/wire_format.h"

/* Looks at the file (and at the interpreter of a script). A file that is not there or not
 * executable gives FOLLOWED: exec itself will say so. */
enum wire_exec_reason exec_check_file(const char *path);

/* The same for a descriptor, as fexecve has it, or for a path from a folder's. */
enum wire_exec_reason exec_check_at(int folder, const char *path, int flags);

/* The same for a name that is searched in PATH as execvp does; `path` is filled when it has no '/'.
 */
enum wire_exec_reason exec_check_name(const char *name, char *path, size_t path_bytes);

/* May such an image have our entry in LD_PRELOAD? Where a loader reads it in vain, it says so on
 * stderr. A static image does not read it, but hands it on to whatever it starts, with nobody there
 * who would leave it out: a 32-bit program would complain, one with AddressSanitizer end. */
static inline bool exec_check_keeps_entry(enum wire_exec_reason reason)
{
    return reason == WIRE_EXEC_FOLLOWED;
}

/* Room that exec_environment_build needs: pointers, and bytes for the LD_PRELOAD entry. */
struct exec_environment_size {
    size_t pointers;
    size_t entry_bytes;
};
struct exec_environment_size exec_environment_size(char *const *environment);

/* Is our library in its LD_PRELOAD? */
bool exec_environment_has_library(char *const *environment);

/* Copies the environment with our entry in front of the user's in LD_PRELOAD, or without ours.
 * Nothing else differs. `entry` is the text of the new variable. */
void exec_environment_build(char *const *environment, bool is_followed, char **built, char *entry);

#endif
