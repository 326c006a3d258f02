/* Holds a process where it ends, while the recorder looks at its memory: that is the last moment at
 * which somebody can say what it lost.
 *
 * There are two such moments. Before the end nothing is torn down, so all that the program has can
 * be seen; after the last destructor what is still there has been forgotten. Of the stack only what
 * was there when the end began counts: what runs since then is the end's own. */
#ifndef SEEP_PRELOAD_EXIT_HOLD_H
#define SEEP_PRELOAD_EXIT_HOLD_H

#include <stdint.h>

#include "preload/arch/arch.h"
#include "wire/session.h"

/* The registers that calls preserve, on the stack of the function that ends the program: whatever
 * the program still has in them is found there, or above. */
struct exit_registers {
    volatile uint64_t values[ARCH_REGISTER_COUNT];
};

/* In a function that ends the program, first of all; `registers` is a local variable of it. */
#define EXIT_HOLD_BEGIN(registers)                                                                 \
    do {                                                                                           \
        arch_capture_registers((uint64_t *)(registers)->values);                                   \
        exit_hold_begin(registers);                                                                \
    } while (0)

/* The end begins, on this thread: what is on the stack below `registers` does not count. The first
 * call of a process counts. */
void exit_hold_begin(struct exit_registers *registers);

/* Once, before main: its return is to be held, too. */
void exit_hold_watch_main(void);

/* The end did not come after all: an exec failed. */
void exit_hold_cancel(void);

/* Waits until the recorder has looked, but never for long: not for one that is dead or stopped, nor
 * in a process that is not to be looked at. */
void exit_hold_wait(enum session_hold why);

/* The same before an interpreter takes itself apart: what it held is gone by the end. To be called
 * where that may begin; what was seen then is not looked at again before the end. */
void exit_hold_interpreter(void);

/* The same where a lock is taken that may be that of CPython's list of threads. */
void exit_hold_interpreter_at_lock(void);

/* The same where a signal ends the process, which its handler was given `context` for. */
void exit_hold_crash(const void *context);

/* The same before another image takes this one's place, if there is one: shells try every folder of
 * PATH. "" = the descriptor itself. */
void exit_hold_before_exec(int folder, const char *path);

#endif
