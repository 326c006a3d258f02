/* What a program wrote to the terminal while the viewer has it (run --live): its lines, the newest
 * last. Sequences that move a cursor or colour text are left out. */
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct output_view {
    char *text;   /* its line ends are NUL */
    char **lines; /* into text */
    size_t line_count, capacity;
};

static const char *output_missing(const struct view_context *context)
{
    return context->options->get_output ? NULL : "only seep run --live keeps what a program writes";
}

static void output_close(struct view *view)
{
    struct output_view *output = view->state;
    free(output->text);
    free(output->lines);
}

/* ESC [ ... letter, ESC ] ... BEL, ESC and one more. */
static const char *skip_sequence(const char *at)
{
    if (at[1] == '[') {
        at += 2;
        at += strcspn(at, "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\n");
    } else if (at[1] == ']') {
        at += strcspn(at, "\a\n");
    } else if (at[1] != '\0' && at[1] != '\n') {
        at++;
    }
    return *at != '\0' && *at != '\n' ? at + 1 : at;
}

/* In place. What was overwritten on a line by a return is gone. */
static void split(struct output_view *output)
{
    const char *from = output->text;
    char *to = output->text, *line = to;
    while (*from != '\0') {
        if (*from == '\033') {
            from = skip_sequence(from);
        } else if (*from == '\r') {
            from++;
            to = *from == '\n' || *from == '\0' ? to : line;
        } else if (*from != '\n') {
            *to++ = *from++;
        } else {
            *to++ = '\0';
            output->lines = memory_grow(output->lines, &output->capacity, output->line_count + 1,
                                        sizeof *output->lines);
            output->lines[output->line_count++] = line;
            line = to;
            from++;
        }
    }
    *to = '\0';
    if (to == line)
        return;
    output->lines = memory_grow(output->lines, &output->capacity, output->line_count + 1,
                                sizeof *output->lines);
    output->lines[output->line_count++] = line;
}

static bool output_load(struct view *view, struct error *error)
{
    struct output_view *output = view->state;
    const struct tui_options *options = view->context->options;
    (void)error;
    free(output->text);
    output->text = options->get_output(options->output_context);
    output->line_count = 0;
    split(output);
    view->table.row_count = output->line_count;
    view->table.selected = output->line_count ? output->line_count - 1 : 0;
    return true;
}

static void output_describe(const struct view *view, struct text *out)
{
    const struct output_view *output = view->state;
    text_print(out, "What the program wrote: %zu line%s", output->line_count,
               output->line_count == 1 ? "" : "s");
}

static void output_draw_row(const struct view *view, struct screen *screen, struct area area,
                            size_t row)
{
    const struct output_view *output = view->state;
    screen_put(screen, area.row, area.column + 1, area.columns - 1, STYLE_TEXT, output->lines[row]);
}

static uint64_t output_row_key(const struct view *view, size_t row)
{
    (void)view;
    return row;
}

const struct view_ops view_output = {
    .name = "output",
    .title = "Output",
    .digit = 'O',
    .help = "of seep run --live: what the program has written",
    .state_bytes = sizeof(struct output_view),
    .missing = output_missing,
    .close = output_close,
    .load = output_load,
    .describe = output_describe,
    .draw_row = output_draw_row,
    .row_key = output_row_key,
};
