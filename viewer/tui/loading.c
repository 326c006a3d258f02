#include "tui/loading.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"
#include "tui/screen.h"
#include "tui/style.h"
#include "tui/terminal.h"

enum {
    QUIET_NS = 100 * 1000 * 1000,    /* until then nobody has begun to wait */
    STEP_NS = 50 * 1000 * 1000,      /* between two looks at the keys */
    FORETOLD_NS = 500 * 1000 * 1000, /* before that the past tells little of what is left */
    BAR_COLUMNS = 40
};

static const uint64_t NS_PER_SECOND = 1000000000;

struct loading {
    struct loading_options options;
    struct progress parts[LOADING_PARTS];
    struct part {
        struct loading *loading;
        enum loading_part part;
    } contexts[LOADING_PARTS];
    char *name;
    uint64_t bytes;
    struct terminal *terminal; /* NULL: not needed yet, or taken */
    struct screen screen;
    uint64_t began_ns, told_ns;
    bool is_seen; /* the terminal was opened once, or cannot be */
    bool was_left;
};

/* What is done of all when a part begins, and how it is told. */
static const struct {
    double before, after;
    const char *verb;
} PARTS[LOADING_PARTS] = {[LOADING_CHECKING] = {0, 0.05, "Checking"},
                          [LOADING_READING] = {0.05, 0.95, "Reading"},
                          [LOADING_NAMING] = {0.95, 0.95, "Looking up names for"},
                          [LOADING_REST] = {0.95, 1, "Reading"}};

static uint64_t now_ns(const struct loading *loading)
{
    return loading->options.clock.now_ns(loading->options.clock.context);
}

/* ---- what is seen ---- */

static void print_amount(const struct loading *loading, double share, struct text *out)
{
    uint64_t spent_ns = now_ns(loading) - loading->began_ns;
    char bytes[UNITS_TEXT_BYTES];
    text_print(out, "%.0f %%", share * 100);
    if (loading->bytes)
        text_print(out, " of %s", units_format_size(loading->bytes, bytes));
    if (share > 0 && share < 1 && spent_ns >= FORETOLD_NS) {
        double left = (double)spent_ns / (double)NS_PER_SECOND * (1 - share) / share;
        text_print(out, ", about %.0f s left", left < 1 ? 1 : left);
    }
}

static void draw(struct loading *loading, enum loading_part part, double share)
{
    struct screen *screen = &loading->screen;
    int row = screen->rows / 2 - 1, columns = screen->columns - 4;
    int bar_columns = columns < BAR_COLUMNS ? columns : BAR_COLUMNS;
    struct text text = {0};
    screen_erase(screen);
    text_print(&text, "%s %s", PARTS[part].verb, text_file_name(loading->name));
    screen_put_cut(screen, row, 2, columns, STYLE_STRONG, text_get(&text));
    text_clear(&text);
    screen_put_bar(screen, row + 1, 2, bar_columns, STYLE_PLOT_HEAP, share);
    print_amount(loading, share, &text);
    screen_put(screen, row + 2, 2, columns, STYLE_TEXT, text_get(&text));
    text_clear(&text);
    screen_put(screen, screen->rows - 1, 1, screen->columns - 2, STYLE_ACTION, "Esc or q leaves");
    screen->cursor_row = screen->rows - 1;
    screen->cursor_column = 0;
}

/* Where it cannot be opened the viewer will say why. */
static void open_terminal(struct loading *loading)
{
    const char *script = getenv("SEEP_SCRIPT");
    const char *colors = loading->options.colors;
    const struct style_scheme *scheme = colors ? style_scheme_find(colors) : NULL;
    bool is_utf8 = !loading->options.is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    struct error ignored;
    int rows, columns;
    loading->is_seen = true;
    if (script && *script)
        return;
    loading->terminal = terminal_open(!loading->options.without_mouse, &ignored);
    if (!loading->terminal)
        return;
    log_hold(true);
    if (scheme)
        terminal_set_scheme(loading->terminal, scheme);
    terminal_size(loading->terminal, &rows, &columns);
    screen_init(&loading->screen, rows, columns, is_utf8);
}

static void show(struct loading *loading, enum loading_part part, double share)
{
    int rows, columns;
    terminal_size(loading->terminal, &rows, &columns);
    if (rows != loading->screen.rows || columns != loading->screen.columns)
        screen_resize(&loading->screen, rows, columns);
    draw(loading, part, share);
    terminal_show(loading->terminal, &loading->screen, false);
}

static bool goes_on(void *context, double share)
{
    const struct part *part = context;
    struct loading *loading = part->loading;
    double before = PARTS[part->part].before, all = PARTS[part->part].after - before;
    uint64_t now = now_ns(loading);
    if (loading->was_left || now - loading->began_ns < QUIET_NS ||
        (loading->told_ns && now - loading->told_ns < STEP_NS))
        return !loading->was_left;
    loading->told_ns = now;
    if (!loading->is_seen)
        open_terminal(loading);
    if (!loading->terminal)
        return true;
    show(loading, part->part, before + share * all);
    loading->was_left = terminal_is_left(loading->terminal);
    return !loading->was_left;
}

/* ---- */

struct loading *loading_begin(const struct loading_options *options)
{
    struct loading *loading = memory_allocate_zeroed(1, sizeof *loading);
    loading->options = *options;
    loading->name = memory_duplicate_text("");
    loading->began_ns = now_ns(loading);
    for (int i = 0; i < LOADING_PARTS; i++) {
        loading->contexts[i] = (struct part){loading, (enum loading_part)i};
        loading->parts[i] = (struct progress){goes_on, &loading->contexts[i]};
    }
    return loading;
}

void loading_end(struct loading *loading)
{
    if (!loading)
        return;
    terminal_close(loading->terminal);
    screen_clear(&loading->screen);
    log_hold(false);
    free(loading->name);
    free(loading);
}

void loading_name(struct loading *loading, const char *name, uint64_t bytes)
{
    free(loading->name);
    loading->name = memory_duplicate_text(name);
    loading->bytes = bytes;
    loading->began_ns = now_ns(loading);
}

const struct progress *loading_progress(struct loading *loading, enum loading_part part)
{
    return loading ? &loading->parts[part] : NULL;
}

bool loading_was_left(const struct loading *loading)
{
    return loading && loading->was_left;
}

struct terminal *loading_take_terminal(struct loading *loading)
{
    struct terminal *terminal = loading->terminal;
    loading->terminal = NULL;
    loading->is_seen = true;
    return terminal;
}
