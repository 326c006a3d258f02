/* Loads something for ever, as far as one sees: half of it is done, by a clock that moves when
 * it is asked. Ends when it is left. With --short all is done before anybody waits; with
 * --overflow its stack overflows when it is left, while it still has the terminal. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tui/loading.h"

static uint64_t ask_clock(void *context)
{
    uint64_t *now_ns = context;
    return *now_ns += 10 * 1000 * 1000;
}

/* For ever, in whatever way compilers treat functions that call themselves. */
static unsigned overflow(volatile unsigned *depth)
{
    volatile unsigned more[256] = {*depth + 1};
    return more[0] ? overflow(more) + more[255] : 0;
}

int main(int count, char **words)
{
    bool is_short = count > 1 && strcmp(words[1], "--short") == 0;
    uint64_t now_ns = 0, questions = 0;
    struct loading_options options = {.clock = {ask_clock, &now_ns}};
    setlocale(LC_ALL, "");
    struct loading *loading = loading_begin(&options);
    loading_name(loading, "somewhere/large.seep", UINT64_C(3) << 30);
    const struct progress *progress = loading_progress(loading, LOADING_READING);
    while (!(is_short && questions == 5) && progress_reaches(progress, 0.5))
        if (++questions == 100)
            log_note("a note in the middle");
    bool was_left = loading_was_left(loading);
    if (count > 1 && strcmp(words[1], "--overflow") == 0)
        overflow(&(volatile unsigned){0});
    loading_end(loading);
    puts(was_left ? "it was left" : "it is loaded");
    return 0;
}
