/* The checks of `seep doctor`: each a small function, and a row in the table of command_doctor.c.
 */
#ifndef SEEP_CLI_DOCTOR_H
#define SEEP_CLI_DOCTOR_H

#include "base/text.h"
#include "symbols/symbolizer.h"

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_LIMITED, /* seep works, but something will be missing */
    DOCTOR_MISSING  /* seep does not work here, or not for this program */
};

/* A zeroed struct is OK and says nothing. */
struct doctor_finding {
    enum doctor_state state;
    struct text value;  /* what was found, in a few words */
    struct text limits; /* what that costs; "" = nothing */
    struct text fix;    /* "" = nothing to be done */
};

/* What is looked at: the system alone, or a program. */
struct doctor_subject {
    const char *preload; /* path of the preload library; NULL = not found */
    const char *program; /* path of the executable; of a script, of what runs it. NULL = none */
    const char *script;  /* the script, if it is one */
};

typedef void doctor_check(const struct doctor_subject *subject, struct doctor_finding *finding);

/* Fill a finding; the texts are printf formats for `limits` and `fix` without arguments. */
void doctor_found(struct doctor_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void doctor_complain(struct doctor_finding *finding, enum doctor_state state, const char *limits,
                     const char *fix);

/* Runs a program in the dark, at most for a while; what it says on the descriptor `heard` is added
 * to `said`. Returns its wait status, -1 when it could not be run. */
int doctor_try_program(const char *const *command, const char *const *environment, int heard,
                       struct text *said);

/* What can be known of code in a file, asked in a child process. */
enum symbolizer_detail doctor_detail_of(const char *path);

/* doctor_system.c: what the kernel offers and allows */
doctor_check doctor_check_kernel, doctor_check_clock, doctor_check_shared_memory,
    doctor_check_fork_wiping, doctor_check_own_memory, doctor_check_processes, doctor_check_seccomp;

/* doctor_surroundings.c: limits, places, containers */
doctor_check doctor_check_address_space, doctor_check_open_files, doctor_check_file_size,
    doctor_check_locked_memory, doctor_check_session_folder, doctor_check_recordings_folder,
    doctor_check_container, doctor_check_memory_limit, doctor_check_terminal;

/* doctor_tools.c: seep's own files, and libraries */
doctor_check doctor_check_preload, doctor_check_loader, doctor_check_recording, doctor_check_libc,
    doctor_check_libc_symbols, doctor_check_debuginfod, doctor_check_cache;

/* doctor_program.c: one program */
doctor_check doctor_check_program_kind, doctor_check_program_privileges,
    doctor_check_program_allocator, doctor_check_program_build_id, doctor_check_program_symbols,
    doctor_check_program_recordable;

#endif
