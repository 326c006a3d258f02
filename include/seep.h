/* What a program can tell seep, and ask it, while it is recorded: marks, snapshots, leak checks
 * that answer at once, memory that holds references, and the objects of allocators of its own.
 *
 * There is nothing to link with. Under `seep run` these functions find those of the same names in
 * the library that seep has loaded into the program; without it, in a static program or on another
 * system they do nothing and say SEEP_NOT_RECORDED. They may be called from any thread, before main
 * and while the program ends. C99 and C++ (from C++98 with long long on). See seep-api(3). */
#ifndef SEEP_H
#define SEEP_H

#include <stddef.h>
#include <string.h>

/* What every function returns. */
enum seep_status {
    SEEP_OK = 0,
    SEEP_NOT_RECORDED =
        -1,              /* the program does not run under `seep run`, or is not recorded there */
    SEEP_NO_ANSWER = -2, /* the recorder is stopped, dead, or took too long */
    SEEP_NOT_DONE = -3,  /* it answered, but could not look: no permission, out of time, ... */
    SEEP_BUSY = -4,      /* called from a signal handler that interrupted such a call, or from the
                            child of a vfork */
    SEEP_BAD_CALL = -5   /* an argument makes no sense */
};

enum seep_check_mode {
    SEEP_CHECK_FULL = 0,   /* everything that is lost now */
    SEEP_CHECK_NEW = 1,    /* what was not lost yet, or not there, at the check before */
    SEEP_CHECK_CHANGED = 2 /* all of what is lost from stacks that have now more or less of it */
};

struct seep_count {
    unsigned long blocks;
    unsigned long bytes;
};

/* By kind, as `seep leaks` has them: lost are definite and indirect. */
struct seep_leak_counts {
    struct seep_count definite;  /* nothing refers to it */
    struct seep_count indirect;  /* only what is lost refers to it */
    struct seep_count possible;  /* only pointers into its middle lead there */
    struct seep_count reachable; /* not lost */
};

/* ---- how the functions are found ---------------------------------------------------------- */

#if defined(__linux__) && defined(__GNUC__)
#define SEEP_UNUSED_ __attribute__((unused))
/* dlsym by another name: its own declaration may be there as well, and differs in C++. Weak: old
 * systems have it in a library that need not be there. */
#ifdef __cplusplus
extern "C" {
#endif
extern void *seep_dlsym_(void *library, const char *name) __asm__("dlsym") __attribute__((weak));
#ifdef __cplusplus
}
#endif

/* Looked up once for each function and file. */
static __inline__ SEEP_UNUSED_ int seep_find_(const char *name, void **cache, void *function)
{
    void *found = __atomic_load_n(cache, __ATOMIC_RELAXED);
    void *not_there = cache;
    if (found == 0) {
        if (seep_dlsym_)
            found = seep_dlsym_(0, name);
        if (found == 0)
            found = not_there;
        __atomic_store_n(cache, found, __ATOMIC_RELAXED);
    }
    if (found == not_there)
        return 0;
    memcpy(function, &found, sizeof found);
    return 1;
}

/* In each of the functions below: calls the function of that name with these arguments. */
#define SEEP_CALL_(name, parameters, arguments)                                                    \
    do {                                                                                           \
        static void *cache_;                                                                       \
        int(*function_) parameters;                                                                \
        if (seep_find_(name, &cache_, &function_))                                                 \
            return function_ arguments;                                                            \
        return SEEP_NOT_RECORDED;                                                                  \
    } while (0)
#else
#define SEEP_UNUSED_
#define SEEP_CALL_(name, parameters, arguments) return (void)(arguments), SEEP_NOT_RECORDED
#endif

/* SEEP_OK when somebody listens. */
static __inline__ SEEP_UNUSED_ int seep_is_recorded(void)
{
    SEEP_CALL_("seep_is_recorded", (void), ());
}

/* ---- instants ----------------------------------------------------------------------------- */

/* Gives this instant a name: `seep report FILE@mark:NAME`. */
static __inline__ SEEP_UNUSED_ int seep_mark(const char *name)
{
    SEEP_CALL_("seep_mark", (const char *), (name));
}

/* The program stands still until its memory was looked at; the snapshot is kept in the recording.
 * With a name (or NULL) it is also a mark: `seep leaks FILE@mark:NAME`. */
static __inline__ SEEP_UNUSED_ int seep_snapshot(const char *name)
{
    SEEP_CALL_("seep_snapshot", (const char *), (name));
}

/* The same, and what is lost is counted, now. Nothing is kept in the recording. */
static __inline__ SEEP_UNUSED_ int seep_leak_check(enum seep_check_mode mode,
                                                   struct seep_leak_counts *counts)
{
    if (counts != 0)
        memset(counts, 0, sizeof *counts);
    SEEP_CALL_("seep_leak_check", (enum seep_check_mode, struct seep_leak_counts *),
               (mode, counts));
}

/* ---- what holds references, and what is no leak -------------------------------------------- */

/* Memory that seep would not look at for references to blocks, as if it were a global variable. */
static __inline__ SEEP_UNUSED_ int seep_add_root(const void *start, size_t bytes)
{
    SEEP_CALL_("seep_add_root", (const void *, size_t), (start, bytes));
}

/* As it was added: the same start and size. */
static __inline__ SEEP_UNUSED_ int seep_remove_root(const void *start, size_t bytes)
{
    SEEP_CALL_("seep_remove_root", (const void *, size_t), (start, bytes));
}

/* The block with this address, and what it refers to, are not lost. */
static __inline__ SEEP_UNUSED_ int seep_ignore(const void *address)
{
    SEEP_CALL_("seep_ignore", (const void *), (address));
}

/* Blocks that this thread allocates between the two are not lost. May be nested. */
static __inline__ SEEP_UNUSED_ int seep_begin_ignoring(void)
{
    SEEP_CALL_("seep_begin_ignoring", (void), ());
}

static __inline__ SEEP_UNUSED_ int seep_end_ignoring(void)
{
    SEEP_CALL_("seep_end_ignoring", (void), ());
}

/* ---- allocators of the program's own ------------------------------------------------------- */

/* `memory` (a block, a mapping, a variable) is one out of which the program gives objects by
 * itself. Until the pool is destroyed they stand for it, each with the stack that asked for it: the
 * block that begins at `memory` counts as freed meanwhile. What stands in front of the first object
 * is the allocator's own, and what it refers to is not lost. */
static __inline__ SEEP_UNUSED_ int seep_pool_create(const void *memory, size_t bytes)
{
    SEEP_CALL_("seep_pool_create", (const void *, size_t), (memory, bytes));
}

/* Before the memory is given back. Objects that are still in it count as freed; the block is there
 * again, as it was. */
static __inline__ SEEP_UNUSED_ int seep_pool_destroy(const void *memory)
{
    SEEP_CALL_("seep_pool_destroy", (const void *), (memory));
}

static __inline__ SEEP_UNUSED_ int seep_pool_alloc(const void *memory, const void *object,
                                                   size_t bytes)
{
    SEEP_CALL_("seep_pool_alloc", (const void *, const void *, size_t), (memory, object, bytes));
}

static __inline__ SEEP_UNUSED_ int seep_pool_free(const void *memory, const void *object)
{
    SEEP_CALL_("seep_pool_free", (const void *, const void *), (memory, object));
}

#endif
