#include "tui/tui.h"

#include <stdlib.h>

#include "tui/app.h"
#include "tui/terminal_guard.h"

bool tui_is_possible(struct error *reason)
{
    const char *script = getenv("SEEP_SCRIPT");
    return (script && *script) || terminal_is_usable(reason);
}

bool tui_run(const struct profile *profile, const struct tui_options *options, struct error *error)
{
    struct app app;
    bool is_begun = app_init(&app, profile, options, error);
    bool is_done = is_begun ? app_run(&app, error) : app.was_stopped; /* it was left by then */
    app_clear(&app);
    return is_done;
}
