/* What `seep check` judges and what it compares with: recordings that are there, and those of a
 * command that it runs. */
#ifndef SEEP_CLI_CHECK_SUBJECTS_H
#define SEEP_CLI_CHECK_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/gate.h"
#include "analysis/leak_report.h"
#include "analysis/suppressions.h"
#include "base/error.h"
#include "cli/recording_argument.h"
#include "record/launcher.h"

/* One recording and its leaks. */
struct check_subject {
    struct recording_argument argument;
    struct leak_report leaks;
    bool has_leaks;
    struct gate_scan *scans; /* by process */
    struct growth *growths;  /* by process; NULL = not looked for */
    char *temporary;         /* the file, which is removed at the end; NULL = it stays */
};

/* A zeroed struct is empty. */
struct check_subjects {
    struct check_subject *items;
    size_t count, capacity;
};

void check_subjects_clear(struct check_subjects *subjects);

/* Looks in all of them for what grows. */
void check_subjects_find_growth(struct check_subjects *subjects);

/* A recording, or all of a folder, by name: a test runner leaves hundreds of them. */
bool check_subjects_add(struct check_subjects *subjects, char *path,
                        const struct suppressions *suppressions, struct error *error);

/* A folder, a recording, or text: JSON of seep, or what --update-baseline wrote. Recordings go to
 * `subjects`, which must outlive the baseline. */
bool check_subjects_read_baseline(struct check_subjects *subjects, char *path,
                                  const struct suppressions *suppressions,
                                  struct gate_baseline *baseline, struct error *error);

/* The same where nothing but text will do, or no file at all: it is written anew. */
bool check_subjects_read_old_baseline(const char *path, struct gate_baseline *baseline,
                                      struct error *error);

/* The whole of a file that is at most so long, as text. Caller frees; NULL with an error. */
char *check_subjects_read_file(const char *path, struct error *error);

/* Runs the command and adds its recording, `number` of so many that are to come. It goes to
 * `output` (with the number in its name where there are several), or with NULL to a file that is
 * removed at the end. No recording, though the command ran: *is_recorded is false. */
bool check_subjects_run(struct check_subjects *subjects, char *const *command, const char *output,
                        unsigned number, unsigned count, const struct suppressions *suppressions,
                        struct command_outcome *outcome, bool *is_recorded, struct error *error);

#endif
