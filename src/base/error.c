#include "config.h"

#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Formats into a copy first: the arguments may point into error->message itself. */
static void fill_message(struct error *error, const char *format, va_list arguments)
{
    char text[sizeof error->message];
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    memcpy(error->message, text, sizeof text);
}

static void append_text(struct error *error, const char *added)
{
    size_t length = strlen(error->message);
    snprintf(error->message + length, sizeof error->message - length, "%s", added);
}

bool error_set(struct error *error, const char *format, ...)
{
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    fill_message(error, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_errno(struct error *error, int number, const char *format, ...)
{
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    fill_message(error, format, arguments);
    va_end(arguments);
    char reason[128];
    append_text(error, ": ");
    append_text(error, strerror_r(number, reason, sizeof reason)); /* GNU: returns the text */
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    if (!error)
        return false;
    char rest[sizeof error->message];
    memcpy(rest, error->message, sizeof rest);
    va_list arguments;
    va_start(arguments, format);
    fill_message(error, format, arguments);
    va_end(arguments);
    append_text(error, rest);
    return false;
}
