#include "tui/style.h"

#include <stdlib.h>
#include <string.h>

enum {
    OWN = -1,
    BLACK = 0,
    RED,
    GREEN,
    YELLOW,
    BLUE,
    MAGENTA,
    CYAN,
    WHITE
};

/* clang-format off */
static const struct style_scheme schemes[] = {
    {.name = "default", .about = "colours that suit dark and light backgrounds",
     .looks = {
        [STYLE_TEXT]          = {OWN, OWN, 0},
        [STYLE_FAINT]         = {OWN, OWN, STYLE_DIM},
        [STYLE_STRONG]        = {OWN, OWN, STYLE_BOLD},
        [STYLE_TITLE]         = {WHITE, BLUE, 0},
        [STYLE_TAB]           = {BLUE, WHITE, STYLE_BOLD},
        [STYLE_HEADER]        = {BLACK, CYAN, 0},
        [STYLE_SORTED]        = {BLACK, CYAN, STYLE_BOLD},
        [STYLE_SELECTED]      = {OWN, OWN, STYLE_REVERSE},
        [STYLE_FUNCTION]      = {OWN, OWN, STYLE_BOLD},
        [STYLE_PLACE]         = {CYAN, OWN, 0},
        [STYLE_INLINED]       = {MAGENTA, OWN, 0},
        [STYLE_GOOD]          = {GREEN, OWN, 0},
        [STYLE_WARNING]       = {RED, OWN, STYLE_BOLD},
        [STYLE_PLOT_HEAP]     = {BLUE, OWN, 0},
        [STYLE_PLOT_MAPPED]   = {YELLOW, OWN, 0},
        [STYLE_PLOT_RESIDENT] = {CYAN, OWN, 0},
        [STYLE_PEAK]          = {RED, OWN, STYLE_BOLD},
        [STYLE_STATUS]        = {OWN, OWN, STYLE_BOLD},
        [STYLE_KEY]           = {OWN, OWN, STYLE_BOLD},
        [STYLE_ACTION]        = {BLACK, CYAN, 0},
        [STYLE_POPUP]         = {BLACK, WHITE, 0},
        [STYLE_FLAME]         = {BLACK, YELLOW, 0},
        [STYLE_FLAME_FOREIGN] = {BLACK, CYAN, 0},
        [STYLE_FOUND]         = {WHITE, MAGENTA, STYLE_BOLD},
     }},
    {.name = "mono", .about = "no colours: bold, underlined and reverse",
     .looks = {
        [STYLE_TEXT]          = {OWN, OWN, 0},
        [STYLE_FAINT]         = {OWN, OWN, 0},
        [STYLE_STRONG]        = {OWN, OWN, STYLE_BOLD},
        [STYLE_TITLE]         = {OWN, OWN, STYLE_REVERSE},
        [STYLE_TAB]           = {OWN, OWN, STYLE_BOLD},
        [STYLE_HEADER]        = {OWN, OWN, STYLE_UNDERLINE},
        [STYLE_SORTED]        = {OWN, OWN, STYLE_UNDERLINE | STYLE_BOLD},
        [STYLE_SELECTED]      = {OWN, OWN, STYLE_REVERSE},
        [STYLE_FUNCTION]      = {OWN, OWN, STYLE_BOLD},
        [STYLE_PLACE]         = {OWN, OWN, 0},
        [STYLE_INLINED]       = {OWN, OWN, 0},
        [STYLE_GOOD]          = {OWN, OWN, 0},
        [STYLE_WARNING]       = {OWN, OWN, STYLE_BOLD},
        [STYLE_PLOT_HEAP]     = {OWN, OWN, 0},
        [STYLE_PLOT_MAPPED]   = {OWN, OWN, 0},
        [STYLE_PLOT_RESIDENT] = {OWN, OWN, STYLE_BOLD},
        [STYLE_PEAK]          = {OWN, OWN, STYLE_BOLD},
        [STYLE_STATUS]        = {OWN, OWN, STYLE_BOLD},
        [STYLE_KEY]           = {OWN, OWN, STYLE_BOLD},
        [STYLE_ACTION]        = {OWN, OWN, STYLE_REVERSE},
        [STYLE_POPUP]         = {OWN, OWN, STYLE_REVERSE},
        [STYLE_FLAME]         = {OWN, OWN, 0},
        [STYLE_FLAME_FOREIGN] = {OWN, OWN, 0},
        [STYLE_FOUND]         = {OWN, OWN, STYLE_BOLD | STYLE_UNDERLINE},
     }},
    {.name = "orange", .about = "blue and orange only: for those who confuse red and green",
     .looks = {
        [STYLE_TEXT]          = {OWN, OWN, 0},
        [STYLE_FAINT]         = {OWN, OWN, STYLE_DIM},
        [STYLE_STRONG]        = {OWN, OWN, STYLE_BOLD},
        [STYLE_TITLE]         = {WHITE, BLUE, STYLE_BOLD},
        [STYLE_TAB]           = {BLACK, YELLOW, 0},
        [STYLE_HEADER]        = {WHITE, BLUE, 0},
        [STYLE_SORTED]        = {BLACK, YELLOW, 0},
        [STYLE_SELECTED]      = {OWN, OWN, STYLE_REVERSE},
        [STYLE_FUNCTION]      = {OWN, OWN, STYLE_BOLD},
        [STYLE_PLACE]         = {BLUE, OWN, STYLE_BOLD},
        [STYLE_INLINED]       = {YELLOW, OWN, 0},
        [STYLE_GOOD]          = {BLUE, OWN, STYLE_BOLD},
        [STYLE_WARNING]       = {YELLOW, OWN, STYLE_BOLD},
        [STYLE_PLOT_HEAP]     = {BLUE, OWN, 0},
        [STYLE_PLOT_MAPPED]   = {YELLOW, OWN, 0},
        [STYLE_PLOT_RESIDENT] = {OWN, OWN, STYLE_BOLD},
        [STYLE_PEAK]          = {YELLOW, OWN, STYLE_BOLD},
        [STYLE_STATUS]        = {OWN, OWN, STYLE_BOLD},
        [STYLE_KEY]           = {OWN, OWN, STYLE_BOLD},
        [STYLE_ACTION]        = {WHITE, BLUE, 0},
        [STYLE_POPUP]         = {BLACK, YELLOW, 0},
        [STYLE_FLAME]         = {BLACK, YELLOW, 0},
        [STYLE_FLAME_FOREIGN] = {WHITE, BLUE, 0},
        [STYLE_FOUND]         = {OWN, OWN, STYLE_BOLD | STYLE_UNDERLINE},
     }},
};
/* clang-format on */

const struct style_scheme *style_scheme_at(size_t position)
{
    return position < sizeof schemes / sizeof *schemes ? &schemes[position] : NULL;
}

const struct style_scheme *style_scheme_find(const char *name)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(schemes[i].name, name) == 0)
            return &schemes[i];
    return NULL;
}

const struct style_scheme *style_scheme_choose(bool has_colors)
{
    const char *no_color = getenv("NO_COLOR");
    bool is_wanted = !no_color || !*no_color;
    return style_scheme_find(has_colors && is_wanted ? "default" : "mono");
}
