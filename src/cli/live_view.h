/* The viewer on a program that runs (tui/app_live.h): a thread takes pictures of it, so that neither
 * the recorder nor a large recording keeps people waiting. */
#ifndef SEEP_CLI_LIVE_VIEW_H
#define SEEP_CLI_LIVE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/live_source.h"
#include "tui/tui.h"

struct live_view_options {
    struct tui_options tui; /* how it looks; what is shown is filled in here */
    uint32_t process;       /* position, or QUERY_ALL_PROCESSES */
    uint64_t interval_ns;   /* from one picture to the next, at least */
};

/* Until the user quits. Takes `first` over. False when the terminal cannot be used, or a script
 * failed. */
bool live_view_run(struct live_source *source, struct live_picture *first,
                   const struct live_view_options *options, struct error *error);

#endif
