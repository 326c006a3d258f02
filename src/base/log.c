#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

enum {
    LINE_BYTES = 4096,
    MOST_HELD_BYTES = 1 << 16
};

struct log_settings {
    bool is_quiet;
    bool is_verbose;
    bool is_held;
    struct text held; /* what was not printed meanwhile */
};

static struct log_settings *log_settings(void)
{
    static struct log_settings settings;
    return &settings;
}

void log_set_quiet(bool is_quiet)
{
    log_settings()->is_quiet = is_quiet;
}

void log_set_verbose(bool is_verbose)
{
    log_settings()->is_verbose = is_verbose;
}

void log_hold(bool is_held)
{
    struct log_settings *settings = log_settings();
    settings->is_held = is_held;
    if (is_held || !settings->held.count)
        return;
    fputs(text_get(&settings->held), stderr);
    text_clear(&settings->held);
}

/* One call of stdio a line, so that lines of several processes do not mix. */
static void print_line(const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    char safe[LINE_BYTES];
    if (vsnprintf(line, sizeof line, format, arguments) < 0)
        return;
    text_make_safe(line, safe, sizeof safe);
    struct log_settings *settings = log_settings();
    if (!settings->is_held)
        fprintf(stderr, "seep: %s\n", safe);
    else if (settings->held.count < MOST_HELD_BYTES)
        text_print(&settings->held, "seep: %s\n", safe);
}

void log_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

void log_note(const char *format, ...)
{
    if (log_settings()->is_quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

void log_verbose(const char *format, ...)
{
    if (!log_settings()->is_verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}
