/* Prints "NAME NUMBER" without allocating, for the figures that a target counts itself. */
#ifndef TARGETS_TELL_H
#define TARGETS_TELL_H

#include <stdio.h>
#include <unistd.h>

static inline void tell(const char *name, long number)
{
    char line[100];
    int length = snprintf(line, sizeof line, "%s %ld\n", name, number);
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(99);
}

#endif
