/* A temporary folder in which a test writes sources and builds programs. */
#ifndef SEEP_TESTS_WORKSHOP_H
#define SEEP_TESTS_WORKSHOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct workshop {
    char folder[512];
};

/* Ends the test with a failure when the folder cannot be made. Nothing is fetched from then on. */
void workshop_open(struct workshop *workshop);

/* Removes the folder and what is in it. */
void workshop_close(struct workshop *workshop);

/* "FOLDER/name", in one of a few buffers that take turns. */
const char *workshop_path(const struct workshop *workshop, const char *name);

void workshop_write(const struct workshop *workshop, const char *name, const void *bytes,
                    size_t count);
void workshop_write_text(const struct workshop *workshop, const char *name, const char *text);

/* Runs a shell command (printf format) in the folder, quietly; $CC and $CXX are set. Returns
 * whether it succeeded, so that what a machine cannot build can be skipped. */
bool workshop_run(const struct workshop *workshop, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Runs an array of tests between workshop_open and workshop_close; `fill`, or NULL, writes what
 * all of them need. */
#define workshop_run_tests(tests, workshop, fill)                                                  \
    workshop_run_group(#tests, tests, sizeof(tests) / sizeof *(tests), workshop, fill)
int workshop_run_group(const char *name, const struct CMUnitTest *tests, size_t count,
                       struct workshop *workshop, void (*fill)(void));

#endif
