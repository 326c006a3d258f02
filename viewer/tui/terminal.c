#include "config.h"

#include "tui/terminal.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/memory.h"
#include "base/text.h"
#include "tui/terminal_guard.h"

enum {
    ESCAPE_DELAY_MS = 25,
    MAX_READ_FAILURES = 20
};

struct terminal {
    SCREEN *curses;
    const struct style_scheme *scheme;
    bool has_colors;
    bool has_mouse;
    unsigned read_failures;
    struct terminal_guard *guard;
    cchar_t *row;
    size_t row_capacity;
};

/* C-c is a key here: it quits in order. ^Z and ^\ keep their meaning. */
static void make_interrupt_a_key(void)
{
    struct termios settings;
    if (tcgetattr(STDIN_FILENO, &settings) != 0)
        return;
    settings.c_cc[VINTR] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
    def_prog_mode();
}

struct terminal *terminal_open(bool has_mouse, struct error *error)
{
    if (!terminal_is_usable(error))
        return NULL;
    struct terminal_guard *guard = terminal_guard_create(has_mouse);
    set_escdelay(ESCAPE_DELAY_MS);
    struct terminal *terminal = memory_allocate_zeroed(1, sizeof *terminal);
    terminal->curses = newterm(NULL, stdout, stdin);
    if (!terminal->curses) {
        error_set(error, "cannot use the terminal of type \"%s\"", getenv("TERM"));
        terminal_guard_destroy(guard);
        free(terminal);
        return NULL;
    }
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    make_interrupt_a_key();
    terminal->has_mouse = has_mouse;
    if (has_mouse) {
        mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
        mouseinterval(0);
    }
    terminal->has_colors = has_colors();
    if (terminal->has_colors) {
        start_color();
        use_default_colors();
    }
    terminal->guard = guard;
    terminal_guard_begin(guard);
    terminal_set_scheme(terminal, style_scheme_choose(terminal->has_colors));
    return terminal;
}

/* A second screen is left empty: after it was resized, tmux (3.3) moves lines of it that are wider
 * than they could be before into the shell's. Where there is none, what was shown last stays, and
 * the shell's prompt comes below it. */
static void leave_screen(void)
{
    if (terminal_has_second_screen())
        erase();
    move(LINES - 1, 0);
    clrtoeol();
    refresh();
    endwin();
}

void terminal_close(struct terminal *terminal)
{
    if (!terminal)
        return;
    if (terminal->has_mouse)
        mousemask(0, NULL);
    leave_screen();
    terminal_guard_destroy(terminal->guard);
    delscreen(terminal->curses);
    free(terminal->row);
    free(terminal);
}

bool terminal_has_colors(const struct terminal *terminal)
{
    return terminal->has_colors;
}

void terminal_set_scheme(struct terminal *terminal, const struct style_scheme *scheme)
{
    terminal->scheme = scheme;
    if (!terminal->has_colors)
        return;
    for (short style = 0; style < STYLE_COUNT; style++)
        init_pair((short)(style + 1), scheme->looks[style].foreground,
                  scheme->looks[style].background);
}

void terminal_size(const struct terminal *terminal, int *rows, int *columns)
{
    (void)terminal;
    getmaxyx(stdscr, *rows, *columns);
}

static attr_t attributes_of(const struct style_look *look)
{
    attr_t attributes = A_NORMAL;
    if (look->attributes & STYLE_BOLD)
        attributes |= A_BOLD;
    if (look->attributes & STYLE_REVERSE)
        attributes |= A_REVERSE;
    if (look->attributes & STYLE_UNDERLINE)
        attributes |= A_UNDERLINE;
    if (look->attributes & STYLE_DIM)
        attributes |= A_DIM;
    return attributes;
}

static void set_cell(const struct terminal *terminal, const struct cell *cell, bool is_wide,
                     cchar_t *out)
{
    const struct style_look *look = &terminal->scheme->looks[cell->style];
    short pair = terminal->has_colors ? (short)(cell->style + 1) : 0;
    wchar_t characters[3] = {(wchar_t)cell->character, (wchar_t)cell->mark, 0};
    /* Where libc and we disagree on a width, columns would shift: show a stand-in. */
    if (wcwidth(characters[0]) != (is_wide ? 2 : 1))
        characters[0] = is_wide ? L' ' : L'?', characters[1] = 0;
    else if (cell->mark && wcwidth(characters[1]) != 0)
        characters[1] = 0;
    if (setcchar(out, characters, attributes_of(look), pair, NULL) == ERR)
        setcchar(out, L"?", attributes_of(look), pair, NULL);
}

static void show_row(struct terminal *terminal, const struct screen *screen, int row)
{
    const struct cell *cells = screen->cells + (size_t)row * (size_t)screen->columns;
    int count = 0;
    for (int column = 0; column < screen->columns; column++) {
        if (!cells[column].character)
            continue;
        bool is_wide = column + 1 < screen->columns && !cells[column + 1].character;
        set_cell(terminal, &cells[column], is_wide, &terminal->row[count++]);
        bool is_stand_in = is_wide && wcwidth((wchar_t)cells[column].character) != 2;
        if (is_stand_in)
            setcchar(&terminal->row[count++], L" ", A_NORMAL, 0, NULL);
    }
    mvadd_wchnstr(row, 0, terminal->row, count);
}

void terminal_show(struct terminal *terminal, const struct screen *screen, bool is_repaint)
{
    terminal->row = memory_grow(terminal->row, &terminal->row_capacity, (size_t)screen->columns + 1,
                                sizeof *terminal->row);
    if (is_repaint)
        clearok(curscr, TRUE);
    for (int row = 0; row < screen->rows; row++)
        show_row(terminal, screen, row);
    move(screen->cursor_row, screen->cursor_column);
    refresh();
}

static const struct {
    int curses;
    uint32_t key;
} curses_keys[] = {
    {KEY_UP, INPUT_UP},       {KEY_DOWN, INPUT_DOWN},      {KEY_LEFT, INPUT_LEFT},
    {KEY_RIGHT, INPUT_RIGHT}, {KEY_PPAGE, INPUT_PAGE_UP},  {KEY_NPAGE, INPUT_PAGE_DOWN},
    {KEY_HOME, INPUT_HOME},   {KEY_END, INPUT_END},        {KEY_ENTER, INPUT_ENTER},
    {KEY_DC, INPUT_DELETE},   {KEY_BTAB, INPUT_SHIFT_TAB}, {KEY_BACKSPACE, INPUT_BACKSPACE},
    {KEY_FIND, INPUT_HOME},   {KEY_SELECT, INPUT_END},     {KEY_A1, INPUT_HOME},
    {KEY_A3, INPUT_PAGE_UP},  {KEY_C1, INPUT_END},         {KEY_C3, INPUT_PAGE_DOWN},
};

static uint32_t key_of_function(int code)
{
    for (size_t i = 0; i < sizeof curses_keys / sizeof *curses_keys; i++)
        if (curses_keys[i].curses == code)
            return curses_keys[i].key;
    if (code >= KEY_F(1) && code <= KEY_F(12))
        return INPUT_F1 + (uint32_t)(code - KEY_F(1));
    return INPUT_NO_KEY;
}

static uint32_t key_of_character(wint_t character)
{
    switch (character) {
    case '\r':
    case '\n':
        return INPUT_ENTER;
    case '\t':
        return INPUT_TAB;
    case '\b':
    case 0x7f:
        return INPUT_BACKSPACE;
    case 0x1b:
        return INPUT_ESCAPE;
    default:
        return character < INPUT_FIRST_SPECIAL ? (uint32_t)character : INPUT_NO_KEY;
    }
}

static void read_mouse(struct input *input)
{
    MEVENT event;
    if (getmouse(&event) != OK)
        return;
    input->row = event.y;
    input->column = event.x;
    if (event.bstate & BUTTON4_PRESSED)
        input->kind = INPUT_WHEEL_UP;
    else if (event.bstate & BUTTON5_PRESSED)
        input->kind = INPUT_WHEEL_DOWN;
    else if (event.bstate & BUTTON1_PRESSED)
        input->kind = INPUT_CLICK;
}

void terminal_read(struct terminal *terminal, struct input *input)
{
    wint_t character = 0;
    *input = (struct input){.kind = INPUT_NOTHING};
    int status = get_wch(&character);
    if (status == ERR) {
        /* Interrupted by a signal, or the terminal is gone: the latter goes on for ever. */
        if (++terminal->read_failures > MAX_READ_FAILURES)
            input->kind = INPUT_FINISHED;
        return;
    }
    terminal->read_failures = 0;
    if (status == KEY_CODE_YES && character == KEY_RESIZE) {
        input->kind = INPUT_RESIZE;
        getmaxyx(stdscr, input->row, input->column);
    } else if (status == KEY_CODE_YES && character == KEY_MOUSE) {
        read_mouse(input);
    } else {
        input->key = status == KEY_CODE_YES ? key_of_function((int)character)
                                            : key_of_character(character);
        input->kind = input->key == INPUT_NO_KEY ? INPUT_NOTHING : INPUT_KEY;
    }
}

/* What curses has read already, it tells without waiting; then there is only the terminal to wait
 * for. A signal ends the waiting: a new size is told by curses when it is asked again. */
void terminal_read_or(struct terminal *terminal, int fd, int timeout_ms, struct input *input)
{
    struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    timeout(0);
    terminal_read(terminal, input);
    if (input->kind == INPUT_NOTHING || input->kind == INPUT_FINISHED) {
        int count = poll(polled, 2, timeout_ms);
        bool is_gone = count > 0 && (polled[0].revents & (POLLHUP | POLLERR | POLLNVAL));
        terminal->read_failures = 0; /* nothing was there yet: no failure */
        if (count > 0 && polled[0].revents == 0)
            *input = (struct input){.kind = INPUT_NEWS};
        else if (count != 0)
            terminal_read(terminal, input);
        if (is_gone && input->kind == INPUT_NOTHING)
            input->kind = INPUT_FINISHED;
    }
    timeout(-1);
}

static bool is_stopping(uint32_t key, bool is_leaving)
{
    return key == INPUT_ESCAPE || key == INPUT_CONTROL('c') ||
           (is_leaving && (key == 'q' || key == 'Q'));
}

static bool look_for_stop(struct terminal *terminal, bool is_leaving)
{
    bool is_stopped = false, is_resized = false;
    struct input input;
    timeout(0);
    do {
        terminal_read(terminal, &input);
        is_resized |= input.kind == INPUT_RESIZE;
        is_stopped |= input.kind == INPUT_KEY && is_stopping(input.key, is_leaving);
    } while (input.kind != INPUT_NOTHING && input.kind != INPUT_FINISHED);
    terminal->read_failures = 0; /* nothing was there: no failure */
    timeout(-1);
    if (is_resized)
        ungetch(KEY_RESIZE);
    return is_stopped;
}

bool terminal_is_stopped(struct terminal *terminal)
{
    return look_for_stop(terminal, false);
}

bool terminal_is_left(struct terminal *terminal)
{
    return look_for_stop(terminal, true);
}

static void encode_base64(const char *bytes, size_t count, struct text *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        unsigned char group[3] = {0};
        size_t given = count - i < 3 ? count - i : 3;
        memcpy(group, bytes + i, given);
        char quad[4] = {digits[group[0] >> 2], digits[(group[0] & 3) << 4 | group[1] >> 4],
                        given > 1 ? digits[(group[1] & 15) << 2 | group[2] >> 6] : '=',
                        given > 2 ? digits[group[2] & 63] : '='};
        text_add_bytes(out, quad, sizeof quad);
    }
}

bool terminal_copy(struct terminal *terminal, const char *text)
{
    const char *name = getenv("TERM");
    (void)terminal;
    if (!name || text_starts_with(name, "linux") || text_starts_with(name, "vt"))
        return false; /* these would show the sequence as text */
    struct text sequence = {0};
    text_add(&sequence, "\033]52;c;");
    encode_base64(text, strlen(text), &sequence);
    text_add(&sequence, "\a");
    fwrite(text_get(&sequence), 1, sequence.count, stdout);
    fflush(stdout);
    text_clear(&sequence);
    return true;
}

/* The setting is a shell command, as other programs take it; line and path are passed beside it, so
 * that the shell never reads them. Caller owns the result. */
static char *editor_command(void)
{
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    return memory_print_text("%s \"$@\"", editor);
}

bool terminal_edit(struct terminal *terminal, const char *path, unsigned line, struct error *error)
{
    char *command = editor_command();
    char place[16];
    snprintf(place, sizeof place, "+%u", line ? line : 1);
    def_prog_mode();
    leave_screen();
    terminal_guard_end(terminal->guard);
    int status = 0;
    pid_t child = fork();
    int failure = errno;
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, "sh", place, path, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    free(command);
    terminal_guard_begin(terminal->guard);
    reset_prog_mode();
    clearok(curscr, TRUE);
    if (child < 0)
        return error_set_errno(error, failure, "cannot start the editor");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return error_set(error, "cannot start the editor: set EDITOR");
    return true;
}
