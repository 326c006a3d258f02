/* An orderly end calls endwin(). A fatal signal can come anywhere, also inside curses or malloc, so
 * its handler calls nothing but write() and tcsetattr(), with bytes and settings that were prepared
 * before. SIGTSTP and SIGWINCH are left to curses, which handles both.
 *
 * <term.h> defines macros named `columns` and `lines`: it is included here only. */
#include "config.h"

#include "tui/terminal_guard.h"

#include <curses.h>
#include <signal.h>
#include <stdlib.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "base/memory.h"

static const int fatal_signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGSEGV,
                                    SIGBUS,  SIGFPE, SIGILL, SIGABRT, SIGPIPE};

enum {
    FATAL_SIGNAL_COUNT = sizeof fatal_signals / sizeof *fatal_signals,
    MAX_BYTES = 256,
    STACK_BYTES = 1 << 16 /* registers of today's processors alone take up to 11 KiB */
};

struct terminal_guard {
    struct sigaction old_actions[FATAL_SIGNAL_COUNT];
    stack_t old_stack;
    void *stack; /* the handler's: the program may have died of having none left */
    bool has_mouse;
    bool is_active;
};

/* For the signal handler and for tputs, which get no parameter of ours. */
static struct {
    struct termios settings;
    char bytes[MAX_BYTES];
    size_t count;
} restore;

static bool has_capability(const char *name)
{
    const char *value = tigetstr(name);
    return value && value != (const char *)-1 && *value;
}

bool terminal_is_usable(struct error *reason)
{
    if (!isatty(STDIN_FILENO))
        return error_set(reason, "standard input is not a terminal");
    if (!isatty(STDOUT_FILENO))
        return error_set(reason, "standard output is not a terminal");
    const char *name = getenv("TERM");
    if (!name || !*name)
        return error_set(reason, "TERM is not set");
    int status;
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
        return error_set(reason, "the terminal type \"%s\" (TERM) is not known here", name);
    bool can_place = has_capability("cup");
    del_curterm(cur_term);
    return can_place ||
           error_set(reason, "a terminal of type \"%s\" (TERM) cannot place its cursor", name);
}

bool terminal_has_second_screen(void)
{
    return has_capability("smcup") && has_capability("rmcup");
}

static void restore_and_die(int number)
{
    ssize_t ignored = write(STDOUT_FILENO, restore.bytes, restore.count);
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &restore.settings);
    raise(number); /* the handler was reset on entry: this ends the process */
}

static int append_byte(int byte)
{
    if (restore.count < sizeof restore.bytes)
        restore.bytes[restore.count++] = (char)byte;
    return byte;
}

static void append_capability(const char *name)
{
    if (has_capability(name))
        tputs(tigetstr(name), 1, append_byte);
}

static void prepare_bytes(bool has_mouse)
{
    static const char mouse_off[] = "\033[?1000l\033[?1002l\033[?1003l\033[?1006l";
    restore.count = 0;
    append_capability("sgr0");
    append_capability("cnorm");
    append_capability("rmkx");
    if (terminal_has_second_screen())
        append_capability("clear");
    append_capability("rmcup");
    for (size_t i = 0; has_mouse && has_capability("kmous") && i < sizeof mouse_off - 1; i++)
        append_byte(mouse_off[i]);
}

struct terminal_guard *terminal_guard_create(bool has_mouse)
{
    struct terminal_guard *guard = memory_allocate_zeroed(1, sizeof *guard);
    guard->has_mouse = has_mouse;
    tcgetattr(STDIN_FILENO, &restore.settings);
    return guard;
}

void terminal_guard_destroy(struct terminal_guard *guard)
{
    if (!guard)
        return;
    terminal_guard_end(guard);
    free(guard);
}

void terminal_guard_begin(struct terminal_guard *guard)
{
    struct sigaction action = {.sa_handler = restore_and_die,
                               .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK)};
    sigemptyset(&action.sa_mask);
    prepare_bytes(guard->has_mouse);
    guard->stack = memory_allocate(STACK_BYTES);
    sigaltstack(&(stack_t){.ss_sp = guard->stack, .ss_size = STACK_BYTES}, &guard->old_stack);
    for (size_t i = 0; i < FATAL_SIGNAL_COUNT; i++) {
        sigaction(fatal_signals[i], NULL, &guard->old_actions[i]);
        if (guard->old_actions[i].sa_handler != SIG_IGN)
            sigaction(fatal_signals[i], &action, NULL);
    }
    guard->is_active = true;
}

void terminal_guard_end(struct terminal_guard *guard)
{
    if (!guard->is_active)
        return;
    for (size_t i = 0; i < FATAL_SIGNAL_COUNT; i++)
        sigaction(fatal_signals[i], &guard->old_actions[i], NULL);
    sigaltstack(&guard->old_stack, NULL);
    free(guard->stack);
    guard->is_active = false;
}
