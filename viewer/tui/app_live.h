/* A program that runs, in the viewer: pictures of it replace each other, and what people look at
 * stays where it is.
 *
 * A picture is loaded elsewhere and only swapped in here, between two inputs. Screens that can find
 * their rows again (view_ops.row_key) go on; while another one is shown, or a view that was opened
 * from one, everything stands still, and the title says how old it is. */
#ifndef SEEP_TUI_APP_LIVE_H
#define SEEP_TUI_APP_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "tui/app.h"

struct app_live;

/* The first picture; options->live is what gives the next ones. Sets app->live and what views see
 * of it. */
void app_live_begin(struct app *app, const struct tui_options *options);
void app_live_end(struct app *app);

/* Waits for the user, for news, or until the title would say something else. */
void app_live_read(struct app *app, struct input *input);

/* Takes what is new. */
bool app_live_refresh(struct app *app, struct error *error);

/* The same, but waits until there is something, or nothing can come any more: for scripts. */
bool app_live_await(struct app *app, struct error *error);

/* Pause, mark, snapshot. False: another action. */
bool app_live_do(struct app *app, enum action action);

/* "live", "paused, 12 s old": for the title. */
void app_live_print_state(const struct app *app, struct text *out);

#endif
