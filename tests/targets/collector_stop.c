/* Loaded before PyPy's library, it stops the process where its collector asks malloc for something
 * or gives something back: in the middle of what it does. COLLECTOR_STOP says where: "arena",
 * before 512 KiB are asked for, as a minor collection does for what it moves; "chunk", before 8160
 * bytes are, a part of a list of addresses, such as of what is still to be marked; "release",
 * before 512 KiB are given back, which is sweeping. It stops once for each SIGUSR1, and passes none
 * to three of such places by. */
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES = 524288,
    CHUNK_BYTES = 8160,
    PAGE_BYTES = 4096,
    SKIPPED_MOST = 4
};

extern void *__libc_malloc(size_t bytes);
extern void __libc_free(void *block);

static size_t wanted_bytes;
static bool is_release;
static atomic_int stops_wanted, passed, passed_most;

static void want_stop(int number)
{
    (void)number;
    atomic_fetch_add(&stops_wanted, 1);
}

__attribute__((constructor)) static void begin(void)
{
    const char *where = getenv("COLLECTOR_STOP");
    if (where == NULL)
        return;
    is_release = strcmp(where, "release") == 0;
    wanted_bytes = strcmp(where, "chunk") == 0 ? CHUNK_BYTES : ARENA_BYTES;
    struct sigaction action = {.sa_handler = want_stop, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
}

static void reach(void)
{
    if (atomic_load(&stops_wanted) == 0 || atomic_fetch_add(&passed, 1) < atomic_load(&passed_most))
        return;
    atomic_fetch_sub(&stops_wanted, 1);
    atomic_store(&passed_most, (atomic_load(&passed_most) + 1) % SKIPPED_MOST);
    atomic_store(&passed, 0);
    raise(SIGSTOP);
}

void *malloc(size_t bytes)
{
    if (!is_release && bytes == wanted_bytes)
        reach();
    return __libc_malloc(bytes);
}

void free(void *block)
{
    if (is_release && block != NULL) {
        size_t bytes = malloc_usable_size(block);
        if (bytes >= ARENA_BYTES && bytes < ARENA_BYTES + PAGE_BYTES)
            reach();
    }
    __libc_free(block);
}
