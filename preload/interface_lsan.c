/* LeakSanitizer's interface (sanitizer/lsan_interface.h), for programs that were written for it and
 * are not built with it. Where a real one is in the process, ours leads to that.
 *
 * A check never ends the program, nor prints: what it finds stands in the recording. The program's
 * own functions of that interface (is it turned off?) count for its own calls only. They are found
 * in libraries, in executables that export them (-rdynamic), and in those that have symbols. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "preload/annotation.h"
#include "preload/export.h"
#include "preload/interface_lsan.h"
#include "preload/lifecycle.h"
#include "preload/program_symbol.h"
#include "preload/recorder_call.h"
#include "preload/session_link.h"
#include "preload/symbol_search.h"

EXPORT void __lsan_disable(void);
EXPORT void __lsan_enable(void);
EXPORT void __lsan_ignore_object(const void *address);
EXPORT void __lsan_register_root_region(const void *start, size_t bytes);
EXPORT void __lsan_unregister_root_region(const void *start, size_t bytes);
EXPORT void __lsan_do_leak_check(void);
EXPORT int __lsan_do_recoverable_leak_check(void);

/* The next definition behind ours, looked up once: the place itself stands for "none". */
static void *find_next(const char *name, void *_Atomic *place)
{
    void *next = atomic_load(place);
    if (next == NULL) {
        int saved_errno = errno;
        next = symbol_search_in_tables(name, (const void *)&session);
        if (next == NULL)
            next = (void *)place;
        atomic_store(place, next);
        errno = saved_errno;
    }
    return next != (void *)place ? next : NULL;
}

/* Calls a real LeakSanitizer's function of the same name, and returns, if there is one. */
#define STEP_ASIDE(name, type, call)                                                               \
    do {                                                                                           \
        static void *_Atomic place_;                                                               \
        type next = (type)find_next(name, &place_);                                                \
        if (next != NULL)                                                                          \
            call;                                                                                  \
    } while (0)

typedef void (*plain_function)(void);
typedef void (*object_function)(const void *address);
typedef void (*region_function)(const void *start, size_t bytes);
typedef int (*check_function)(void);
typedef const char *(*text_function)(void);

EXPORT void __lsan_disable(void)
{
    STEP_ASIDE("__lsan_disable", plain_function, {
        next();
        return;
    });
    annotation_begin_ignoring();
}

EXPORT void __lsan_enable(void)
{
    STEP_ASIDE("__lsan_enable", plain_function, {
        next();
        return;
    });
    annotation_end_ignoring();
}

EXPORT void __lsan_ignore_object(const void *address)
{
    STEP_ASIDE("__lsan_ignore_object", object_function, {
        next(address);
        return;
    });
    annotation_ignore(address);
}

EXPORT void __lsan_register_root_region(const void *start, size_t bytes)
{
    STEP_ASIDE("__lsan_register_root_region", region_function, {
        next(start, bytes);
        return;
    });
    annotation_region(start, bytes, true);
}

EXPORT void __lsan_unregister_root_region(const void *start, size_t bytes)
{
    STEP_ASIDE("__lsan_unregister_root_region", region_function, {
        next(start, bytes);
        return;
    });
    annotation_region(start, bytes, false);
}

/* ---- checks ------------------------------------------------------------------------------- */

/* Options stand behind each other, with ':', ',' or blanks between them. */
static bool has_option(const char *options, const char *wanted)
{
    size_t length = strlen(wanted);
    while (options != NULL && *options != '\0') {
        size_t here = strcspn(options, ":, \t\n");
        if (here == length && memcmp(options, wanted, length) == 0)
            return true;
        options += here;
        options += strspn(options, ":, \t\n");
    }
    return false;
}

static void *find_in_program(const char *name)
{
    void *found = symbol_search_in_tables(name, NULL);
    return found != NULL ? found : program_symbol_find(name);
}

/* What the program itself says to its leak checks. */
static bool is_turned_off(void)
{
    check_function is_off = (check_function)find_in_program("__lsan_is_turned_off");
    text_function options = (text_function)find_in_program("__lsan_default_options");
    return (is_off != NULL && is_off() != 0) ||
           (options != NULL && has_option(options(), "detect_leaks=0"));
}

static __attribute__((noinline)) bool check(enum session_call_what what,
                                            const struct exit_registers *registers)
{
    struct recorder_call_sum sums[SESSION_CALL_KINDS] = {{0, 0}};
    int saved_errno = errno;
    lifecycle_ensure();
    if (preload_mode == PRELOAD_RECORDS && !is_turned_off())
        recorder_call(&(struct recorder_question){what, registers, 0}, sums);
    errno = saved_errno;
    return sums[0].blocks + sums[1].blocks != 0; /* definite and indirect */
}

/* The check that is kept: a program makes one. */
EXPORT void __lsan_do_leak_check(void)
{
    static atomic_flag is_done = ATOMIC_FLAG_INIT;
    struct exit_registers registers;
    arch_capture_registers((uint64_t *)registers.values);
    STEP_ASIDE("__lsan_do_leak_check", plain_function, {
        next();
        return;
    });
    if (!atomic_flag_test_and_set(&is_done))
        check(SESSION_CALL_SNAPSHOT, &registers);
}

EXPORT int __lsan_do_recoverable_leak_check(void)
{
    struct exit_registers registers;
    arch_capture_registers((uint64_t *)registers.values);
    STEP_ASIDE("__lsan_do_recoverable_leak_check", check_function, return next());
    return check(SESSION_CALL_CHECK, &registers);
}

/* ---- suppressions ------------------------------------------------------------------------- */

void interface_lsan_start(void)
{
    int saved_errno = errno;
    text_function suppressions = (text_function)find_in_program("__lsan_default_suppressions");
    const char *text = suppressions != NULL ? suppressions() : NULL;
    if (text != NULL)
        annotation_suppressions(text);
    errno = saved_errno;
}
