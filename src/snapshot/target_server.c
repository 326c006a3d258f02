#define _GNU_SOURCE
#include "snapshot/target_server.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

#define TEXT_MOST (UINT64_C(64) << 20) /* of a file of mappings */

enum {
    YIELDS = 20,
    STEP_MS = 10,
    STEPS_MOST = 1000, /* without an answer */
    STATE_MASK = (1 << EXCHANGE_STATE_BITS) - 1
};

struct target_server target_server_of(void *session, uint32_t copy, int pidfd)
{
    struct target_server server = {
        .exchange = exchange_of(session, copy), .copy = copy, .pidfd = pidfd};
    atomic_store(&server.exchange->copy, copy);
    return server;
}

static bool has_ended(const struct target_server *server)
{
    struct pollfd look = {.fd = server->pidfd, .events = POLLIN};
    return poll(&look, 1, 0) != 0;
}

/* An answer is given within microseconds, or while pages come back from a slow disk. */
static bool await(struct target_server *server, uint32_t asked, uint32_t answered)
{
    _Atomic uint32_t *state = &server->exchange->state;
    for (unsigned looks = 0; atomic_load(state) != answered; looks++) {
        struct timespec step = {0, STEP_MS * 1000000};
        if (looks < YIELDS) {
            sched_yield();
            continue;
        }
        syscall(SYS_futex, state, FUTEX_WAIT, asked, &step, NULL, 0);
        if (atomic_load(state) != answered && (has_ended(server) || looks - YIELDS >= STEPS_MOST))
            return false;
    }
    return true;
}

/* The result, as struct exchange has it. The question is filled in but for its kind. */
static int64_t ask(struct target_server *server, enum exchange_what what)
{
    struct exchange *exchange = server->exchange;
    uint32_t before = atomic_load(&exchange->state);
    uint32_t ticket = (before & ~(uint32_t)STATE_MASK) + (1 << EXCHANGE_STATE_BITS);
    uint32_t asked = ticket | EXCHANGE_ASKED;
    if (server->is_broken)
        return -ESRCH;
    exchange->what = (uint32_t)what;
    exchange->result = -EIO;
    atomic_store(&exchange->state, asked);
    syscall(SYS_futex, &exchange->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    if (!await(server, asked, ticket | EXCHANGE_ANSWERED)) {
        server->is_broken = true;
        return -ESRCH;
    }
    return *(volatile int64_t *)&exchange->result;
}

size_t target_server_read(struct target_server *server, const struct target_stretch *stretches,
                          size_t count, void *bytes)
{
    uint64_t all = 0;
    if (count > EXCHANGE_STRETCHES)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (stretches[i].count > EXCHANGE_BYTES - all)
            return 0;
        server->exchange->stretches[i] = (struct exchange_stretch){stretches[i].address,
                                                                   stretches[i].count};
        all += stretches[i].count;
    }
    server->exchange->count = (uint32_t)count;
    int64_t got = ask(server, EXCHANGE_MEMORY);
    if (got <= 0)
        return 0;
    size_t taken = (uint64_t)got < all ? (size_t)got : (size_t)all;
    memcpy(bytes, server->exchange->bytes, taken);
    return taken;
}

bool target_server_find_pages(struct target_server *server, uint64_t start, uint64_t end,
                              struct pagemap_region *regions, size_t room, size_t *count,
                              uint64_t *walked)
{
    struct exchange *exchange = server->exchange;
    exchange->stretches[0] = (struct exchange_stretch){start, end - start};
    exchange->count = 1;
    int64_t found = ask(server, EXCHANGE_PAGES);
    uint64_t stop = *(volatile uint64_t *)&exchange->walked;
    if (found < 0 || stop <= start || (uint64_t)found > EXCHANGE_BYTES / sizeof *regions)
        return false;
    *count = (size_t)found < room ? (size_t)found : room;
    memcpy(regions, exchange->bytes, *count * sizeof *regions);
    /* What there is no room for is asked for again. */
    *walked = (size_t)found > room ? regions[room - 1].end : stop < end ? stop : end;
    uint64_t before = start;
    for (size_t i = 0; i < *count; i++) {
        if (regions[i].start < before || regions[i].end <= regions[i].start)
            return false;
        before = regions[i].end;
    }
    return *walked > start;
}

char *target_server_read_text(struct target_server *server, enum exchange_what what,
                              struct error *error)
{
    struct text text = {0};
    int64_t got;
    do {
        server->exchange->offset = text.count;
        got = ask(server, what);
        if (got > 0 && got <= EXCHANGE_BYTES)
            text_add_bytes(&text, (const char *)server->exchange->bytes, (size_t)got);
    } while (got > 0 && text.count < TEXT_MOST);
    if (got == 0 && text.count > 0)
        return text_take(&text);
    text_clear(&text);
    error_set_errno(error, got < 0 ? (int)-got & 0xfff : EIO,
                    "the process cannot read its own mappings");
    return NULL;
}
