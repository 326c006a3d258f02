/* Limits that this process was started with are meant for the command: a recording may be larger
 * than the files that the command may write, and what it takes to make one is not the command's. So
 * the recorder raises its own as far as it may, and the command gets them as they were. */
#ifndef SEEP_RECORD_RAISED_LIMITS_H
#define SEEP_RECORD_RAISED_LIMITS_H

#include <stdbool.h>
#include <sys/resource.h>

enum {
    RAISED_LIMITS = 5
};

struct raised_limits {
    bool is_limited[RAISED_LIMITS];
    struct rlimit before[RAISED_LIMITS];
};

/* Fills *limits with what they were. */
void raised_limits_raise(struct raised_limits *limits);

void raised_limits_restore(const struct raised_limits *limits);

#endif
