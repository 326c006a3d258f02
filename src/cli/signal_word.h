/* Signals in words: "USR2", "SIGUSR2", "RTMIN+3", "12". */
#ifndef SEEP_CLI_SIGNAL_WORD_H
#define SEEP_CLI_SIGNAL_WORD_H

#include <stdbool.h>

#include "base/error.h"

/* One that somebody may send to seep run for a purpose of theirs: none that the kernel sends, that
 * stops, or that nobody can wait for. */
bool signal_word_parse(const char *word, int *number, struct error *error);

#endif
