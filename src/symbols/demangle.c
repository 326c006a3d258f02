/* Hostile names are the concern here. A name of a few hundred bytes can demangle to gigabytes, so
 * the output is taken piece by piece and abandoned at a limit. libiberty refuses names above about
 * one KiB because it recurses along them; real template names are longer, so these are demangled
 * without its limit on a stack that is deep enough for every name that we accept. */
#include "config.h"

#include "symbols/demangle.h"

#include "base/memory.h"
#include "base/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#ifdef HAVE_LIBIBERTY_DEMANGLE_H
#include <libiberty/demangle.h>
#else
#include <demangle.h>
#endif

enum {
    MAX_NAME_BYTES = 64 * 1024,
    MAX_LIMITED_NAME_BYTES = 1000 /* libiberty's own recursion limit refuses more */
};

/* Some 2 KiB for each byte of the longest name; pages that are not needed are never touched. */
static const size_t LONG_NAME_STACK_BYTES = (size_t)256 * 1024 * 1024;

struct attempt {
    const char *name;
    int options;
    struct text demangled;
    jmp_buf too_long;
};

static void keep_piece(const char *piece, size_t count, void *opaque)
{
    struct attempt *attempt = opaque;

    if (count > MAX_NAME_BYTES - attempt->demangled.count)
        longjmp(attempt->too_long, 1);
    text_add_bytes(&attempt->demangled, piece, count);
}

/* Rust first: its legacy names are well-formed C++ ones too. */
static bool is_demangled(struct attempt *attempt)
{
    if (rust_demangle_callback(attempt->name, attempt->options, keep_piece, attempt))
        return true;
    text_clear(&attempt->demangled);
    return cplus_demangle_v3_callback(attempt->name, attempt->options, keep_piece, attempt) != 0;
}

static void *run_attempt(void *opaque)
{
    struct attempt *attempt = opaque;

    /* The libraries' state is on the stack, so leaving by longjmp loses nothing of weight. */
    if (setjmp(attempt->too_long) != 0 || !is_demangled(attempt))
        text_clear(&attempt->demangled);
    return NULL;
}

static void run_on_deep_stack(struct attempt *attempt)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0)
        return;
    attempt->options |= DMGL_NO_RECURSE_LIMIT;
    if (pthread_attr_setstacksize(&attributes, LONG_NAME_STACK_BYTES) == 0 &&
        pthread_create(&thread, &attributes, run_attempt, attempt) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

static bool is_maybe_mangled(const char *name)
{
    return name[0] == '_' &&
           (name[1] == 'Z' || name[1] == 'R' || text_starts_with(name, "_GLOBAL_") ||
            text_starts_with(name, "__Z") || text_starts_with(name, "__R"));
}

char *demangle_name(const char *name)
{
    size_t bytes = strlen(name);
    struct attempt attempt = {.name = name, .options = DMGL_PARAMS | DMGL_ANSI};

    if (bytes > MAX_NAME_BYTES || !is_maybe_mangled(name))
        return memory_duplicate_text(name);
    if (bytes <= MAX_LIMITED_NAME_BYTES)
        run_attempt(&attempt);
    else
        run_on_deep_stack(&attempt);
    if (attempt.demangled.count == 0) {
        text_clear(&attempt.demangled);
        return memory_duplicate_text(name);
    }
    return text_take(&attempt.demangled);
}
