/* Semaphores, for what one of them tells: the lock of CPython's list of threads is one from 3.9 to
 * 3.12, and it is taken before the interpreter takes itself apart. */
#include <errno.h>
#include <semaphore.h>

#include "preload/exit_hold.h"
#include "preload/export.h"
#include "preload/lifecycle.h"
#include "preload/real_functions.h"

EXPORT int sem_wait(sem_t *semaphore)
{
    lifecycle_ensure();
    if (real.sem_wait == NULL)
        real_functions_find_late();
    if (real.sem_wait == NULL) {
        errno = ENOSYS;
        return -1;
    }
    exit_hold_interpreter_at_lock();
    return real.sem_wait(semaphore);
}
