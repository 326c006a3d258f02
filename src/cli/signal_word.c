#define _GNU_SOURCE
#include "cli/signal_word.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/session.h"

/* 0: none. */
static int find_number(const char *word)
{
    char *end;
    long number = strtol(word, &end, 10);
    if (*word >= '0' && *word <= '9')
        return *end == '\0' && number <= SIGRTMAX ? (int)number : 0;
    if (text_starts_with(word, "SIG"))
        word += strlen("SIG");
    if (text_starts_with(word, "RTMIN")) {
        word += strlen("RTMIN");
        number = *word == '+' ? strtol(word + 1, &end, 10) : 0;
        bool is_whole = *word == '\0' || (*word == '+' && word[1] != '\0' && *end == '\0');
        return is_whole && number >= 0 && number <= SIGRTMAX - SIGRTMIN ? SIGRTMIN + (int)number
                                                                        : 0;
    }
    for (int i = 1; i < SIGRTMIN; i++)
        if (sigabbrev_np(i) != NULL && strcmp(sigabbrev_np(i), word) == 0)
            return i;
    return 0;
}

static bool is_free(int number)
{
    static const int free_ones[] = {SIGHUP,  SIGINT,  SIGQUIT,   SIGUSR1, SIGUSR2,
                                    SIGALRM, SIGTERM, SIGVTALRM, SIGPROF, SIGWINCH,
                                    SIGIO,   SIGPWR,  SIGURG};
    for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++)
        if (free_ones[i] == number)
            return true;
    return number >= SIGRTMIN && number <= SIGRTMAX && number != SESSION_PARK_SIGNAL;
}

bool signal_word_parse(const char *word, int *number, struct error *error)
{
    *number = find_number(word);
    if (*number == 0)
        return error_set(error, "\"%s\" is no signal, such as USR2 or RTMIN+3", word);
    return is_free(*number) || error_set(error, "%s cannot be sent to seep for that", word);
}
