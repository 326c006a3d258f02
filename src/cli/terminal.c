#include "config.h"

#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    LEAST_WIDTH = 40,
    USUAL_WIDTH = 80,
    MOST_WIDTH = 10000
};

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);

    return value && *value && strcmp(value, "0") != 0;
}

bool terminal_is_ci(void)
{
    const char *value = getenv("CI");

    return is_set("CI") && strcmp(value, "false") != 0;
}

bool terminal_has_colour(FILE *stream, const struct common_values *common)
{
    const char *no_color = getenv("NO_COLOR");
    const char *kind = getenv("TERM");

    if (common->color.is_given && common->color.value != COLOR_AUTO)
        return common->color.value == COLOR_ALWAYS;
    if (no_color && *no_color)
        return false;
    if (is_set("CLICOLOR_FORCE") || is_set("FORCE_COLOR"))
        return true;
    if (terminal_is_ci() || !kind || strcmp(kind, "dumb") == 0)
        return false;
    return isatty(fileno(stream));
}

int terminal_width(FILE *stream)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int width = 0;

    if (columns)
        width = atoi(columns);
    if (width <= 0 && isatty(fileno(stream)) && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width <= 0)
        width = USUAL_WIDTH;
    if (width < LEAST_WIDTH)
        return LEAST_WIDTH;
    return width < MOST_WIDTH ? width : MOST_WIDTH;
}
