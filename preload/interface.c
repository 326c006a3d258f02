/* The functions of include/seep.h, as a program finds them. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "include/seep.h"
#include "preload/annotation.h"
#include "preload/export.h"
#include "preload/hook.h"
#include "preload/recorder_call.h"

/* What the header calls; C's names for them are its own functions'. */
#define INTERFACE(name, parameters)                                                                \
    EXPORT int interface_##name parameters __asm__(#name);                                         \
    int interface_##name parameters

static int status_of(enum recorder_call_result result)
{
    static const int statuses[] = {
        [RECORDER_CALL_DONE] = SEEP_OK,
        [RECORDER_CALL_NOT_RECORDED] = SEEP_NOT_RECORDED,
        [RECORDER_CALL_NO_ANSWER] = SEEP_NO_ANSWER,
        [RECORDER_CALL_NOT_DONE] = SEEP_NOT_DONE,
        [RECORDER_CALL_BUSY] = SEEP_BUSY,
    };
    return statuses[result];
}

static int told(bool is_told)
{
    return is_told ? SEEP_OK : SEEP_NOT_RECORDED;
}

INTERFACE(seep_is_recorded, (void))
{
    return told(recorder_call_is_possible());
}

/* ---- instants ----------------------------------------------------------------------------- */

INTERFACE(seep_mark, (const char *name))
{
    return name == NULL || name[0] == '\0' ? SEEP_BAD_CALL : told(annotation_mark(name, NULL));
}

/* What is below the registers on the stack does not count: all that is needed here stands in the
 * frame of another function. */
static __attribute__((noinline)) int take_snapshot(const char *name,
                                                   const struct exit_registers *registers)
{
    int saved_errno = errno;
    struct recorder_question question = {SESSION_CALL_SNAPSHOT, registers, 0};
    if (name != NULL && name[0] != '\0')
        annotation_mark(name, &question.mark_ticks);
    int status = status_of(recorder_call(&question, NULL));
    errno = saved_errno;
    return status;
}

INTERFACE(seep_snapshot, (const char *name))
{
    struct exit_registers registers;
    arch_capture_registers((uint64_t *)registers.values);
    return take_snapshot(name, &registers);
}

static struct seep_count count_of(const struct recorder_call_sum *sum)
{
    return (struct seep_count){sum->blocks, sum->bytes};
}

static __attribute__((noinline)) int check_leaks(int mode, struct seep_leak_counts *counts,
                                                 const struct exit_registers *registers)
{
    static const enum session_call_what whats[] = {
        [SEEP_CHECK_FULL] = SESSION_CALL_CHECK,
        [SEEP_CHECK_NEW] = SESSION_CALL_CHECK_NEW,
        [SEEP_CHECK_CHANGED] = SESSION_CALL_CHECK_CHANGED,
    };
    struct recorder_call_sum sums[SESSION_CALL_KINDS] = {{0, 0}};
    int saved_errno = errno;
    if (mode < 0 || (size_t)mode >= sizeof whats / sizeof *whats)
        return SEEP_BAD_CALL;
    struct recorder_question question = {whats[mode], registers, 0};
    int status = status_of(recorder_call(&question, sums));
    if (counts != NULL)
        *counts = (struct seep_leak_counts){count_of(&sums[0]), count_of(&sums[1]),
                                            count_of(&sums[2]), count_of(&sums[3])};
    errno = saved_errno;
    return status;
}

INTERFACE(seep_leak_check, (enum seep_check_mode mode, struct seep_leak_counts *counts))
{
    struct exit_registers registers;
    arch_capture_registers((uint64_t *)registers.values);
    return check_leaks((int)mode, counts, &registers);
}

/* ---- what holds references, and what is no leak -------------------------------------------- */

INTERFACE(seep_add_root, (const void *start, size_t bytes))
{
    return told(annotation_region(start, bytes, true));
}

INTERFACE(seep_remove_root, (const void *start, size_t bytes))
{
    return told(annotation_region(start, bytes, false));
}

INTERFACE(seep_ignore, (const void *address))
{
    return told(annotation_ignore(address));
}

INTERFACE(seep_begin_ignoring, (void))
{
    return told(annotation_begin_ignoring());
}

INTERFACE(seep_end_ignoring, (void))
{
    return told(annotation_end_ignoring());
}

/* ---- pools -------------------------------------------------------------------------------- */

INTERFACE(seep_pool_create, (const void *memory, size_t bytes))
{
    return memory == NULL || bytes == 0 ? SEEP_BAD_CALL
                                        : told(annotation_pool(memory, bytes, true));
}

INTERFACE(seep_pool_destroy, (const void *memory))
{
    return told(annotation_pool(memory, 0, false));
}

INTERFACE(seep_pool_alloc, (const void *memory, const void *object, size_t bytes))
{
    struct hook hook;
    if (object == NULL)
        return SEEP_BAD_CALL;
    HOOK_ENTER(&hook);
    return told(hook_pool_birth(&hook, memory, object, bytes));
}

INTERFACE(seep_pool_free, (const void *memory, const void *object))
{
    struct hook hook;
    if (object == NULL)
        return SEEP_BAD_CALL;
    HOOK_ENTER(&hook);
    return told(hook_pool_release(&hook, memory, object));
}
