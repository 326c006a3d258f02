/* Loaded into a program by LD_PRELOAD: nobody without privileges may stop it or look at it any
 * more, as with ssh-agent and others that keep secrets. */
#include <sys/prctl.h>

static __attribute__((constructor)) void hide(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
