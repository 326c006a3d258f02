/* What went wrong, in one line that names the thing and the reason.
 *
 * Whatever can fail takes a `struct error *` as its last parameter and returns false or NULL after
 * filling it. The caller owns the struct (usually on its stack); nothing needs to be released. */
#ifndef SEEP_BASE_ERROR_H
#define SEEP_BASE_ERROR_H

#include <stdbool.h>

struct error {
    char message[1024];
};

/* Fills the message (printf format, cut to fit) and returns false, so that failing is one line:
 * `return error_set(error, "cannot read %s: ...", path);`. A NULL error is allowed. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, followed by ": " and the text of errno value `number`. */
bool error_set_errno(struct error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts printf text in front of the message that is there already. Returns false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
