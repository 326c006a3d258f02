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
    bool is_done = app_init(&app, profile, options, error) && app_run(&app, error);
    app_clear(&app);
    return is_done;
}
