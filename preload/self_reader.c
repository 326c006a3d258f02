/* Everything that a process may ask the kernel about itself is allowed wherever it is allowed to
 * ask: nobody is refused a look at its own memory, dumpable or not. A filter may still refuse
 * process_vm_readv to all; then the bytes go through a pipe, since write(2) reads what it is given
 * as carefully. The other half is src/snapshot/target_server.c. */
#define _GNU_SOURCE
#include "preload/self_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"
#include "wire/exchange.h"
#include "wire/pagemap_scan.h"

enum {
    PAGE_BYTES = 4096,
    PIPE_BYTES = 64 << 10, /* that it holds, of whole pages */
    WAIT_MS = 200,
    NOT_OPEN = -1,
    PAGES_MOST = (EXCHANGE_BYTES / 2) & ~(PAGE_BYTES - 1), /* looked at in one question */
    REGIONS_MOST = EXCHANGE_BYTES / 2 / (int)sizeof(struct pagemap_region),
    STATE_MASK = (1 << EXCHANGE_STATE_BITS) - 1
};

struct reader {
    uint32_t pid;
    bool is_refused; /* process_vm_readv */
    int64_t pipe_read, pipe_write;
    int64_t maps, smaps, pagemap, status;
};

/* ---- memory ------------------------------------------------------------------------------ */

static bool open_pipe(struct reader *reader)
{
    int ends[2];
    if (reader->pipe_read != NOT_OPEN)
        return reader->pipe_read >= 0;
    int64_t result = raw_syscall(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
    reader->pipe_read = raw_failed(result) ? result : ends[0];
    reader->pipe_write = raw_failed(result) ? result : ends[1];
    return !raw_failed(result);
}

/* Up to `bytes`; a part where the rest cannot be read, or does not fit. A page that cannot be read
 * is not written in part, so no piece but the first begins within one. */
static uint64_t pass_through_pipe(struct reader *reader, uint64_t address, uint64_t bytes,
                                  uint8_t *to)
{
    uint64_t within = address % PAGE_BYTES;
    uint64_t most = within != 0 ? PAGE_BYTES - within : PIPE_BYTES;
    int64_t put = raw_syscall(SYS_write, reader->pipe_write, address, bytes < most ? bytes : most,
                              0, 0, 0);
    for (int64_t got = 0; got < put;) {
        int64_t piece = raw_syscall(SYS_read, reader->pipe_read, to + got, put - got, 0, 0, 0);
        if (raw_failed(piece) || piece == 0)
            return (uint64_t)got;
        got += piece;
    }
    return raw_failed(put) ? 0 : (uint64_t)put;
}

static int64_t read_by_pipe(struct reader *reader, const struct exchange *exchange, uint32_t count,
                            uint8_t *bytes)
{
    int64_t all = 0;
    if (!open_pipe(reader))
        return reader->pipe_read;
    for (uint32_t i = 0; i < count; i++) {
        struct exchange_stretch stretch = exchange->stretches[i];
        for (uint64_t done = 0; done < stretch.bytes;) {
            uint64_t got = pass_through_pipe(reader, stretch.address + done, stretch.bytes - done,
                                             bytes + all);
            if (got == 0)
                return all;
            done += got;
            all += (int64_t)got;
        }
    }
    return all;
}

static int64_t read_memory(struct reader *reader, struct exchange *exchange)
{
    uint64_t all = 0;
    uint32_t count = exchange->count;
    if (count > EXCHANGE_STRETCHES)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        if (exchange->stretches[i].bytes > EXCHANGE_BYTES - all)
            return -EINVAL;
        all += exchange->stretches[i].bytes;
    }
    struct iovec here = {exchange->bytes, all};
    if (!reader->is_refused) {
        int64_t got = raw_syscall(SYS_process_vm_readv, reader->pid, &here, 1, exchange->stretches,
                                  count, 0);
        if (!raw_failed(got) || got == -EFAULT)
            return got == -EFAULT ? 0 : got;
        reader->is_refused = true;
    }
    return read_by_pipe(reader, exchange, count, exchange->bytes);
}

/* ---- files about itself -------------------------------------------------------------------- */

static int64_t open_own(int64_t *fd, const char *path)
{
    if (*fd == NOT_OPEN)
        *fd = raw_syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    return *fd;
}

static int64_t read_file(int64_t *fd, const char *path, uint64_t offset, uint8_t *bytes,
                         size_t most)
{
    if (open_own(fd, path) < 0)
        return *fd;
    return raw_syscall(SYS_pread64, *fd, bytes, most, offset, 0, 0);
}

/* ---- touched pages ------------------------------------------------------------------------- */

static int64_t scan_pages(struct reader *reader, uint64_t start, uint64_t end,
                          struct exchange *exchange)
{
    struct pagemap_scan scan = {
        .size = sizeof scan,
        .start = start,
        .end = end,
        .regions = (uint64_t)(uintptr_t)exchange->bytes,
        .region_count = REGIONS_MOST,
        .category_anyof_mask = PAGEMAP_SCAN_TOUCHED,
        .return_mask = PAGEMAP_SCAN_TOUCHED,
    };
    if (open_own(&reader->pagemap, "/proc/self/pagemap") < 0)
        return reader->pagemap;
    int64_t count = raw_syscall(SYS_ioctl, reader->pagemap, PAGEMAP_SCAN_REQUEST, &scan, 0, 0, 0);
    exchange->walked = scan.walk_end;
    return count;
}

/* Is nothing of it swapped out? mincore says of pages that are that they are not there. */
static bool is_all_in_memory(struct reader *reader)
{
    static const char name[] = "\nVmSwap:";
    char text[4096];
    int64_t bytes = read_file(&reader->status, "/proc/self/status", 0, (uint8_t *)text,
                              sizeof text);
    for (int64_t at = 0; at + (int64_t)sizeof name < bytes; at++) {
        if (memcmp(text + at, name, sizeof name - 1) != 0)
            continue;
        for (at += sizeof name - 1; at < bytes && (text[at] == ' ' || text[at] == '\t'); at++)
            ;
        return at + 1 < bytes && text[at] == '0' && text[at + 1] == ' ';
    }
    return false;
}

/* The file belongs to nobody where the process is not dumpable. mincore asks nobody's leave, and
 * says more of files than is needed, which does no harm. What is swapped out at that time still is
 * when that is looked at: nobody but this reader touches the pages. */
static int64_t ask_mincore(struct reader *reader, uint64_t start, uint64_t end,
                           struct exchange *exchange)
{
    struct pagemap_region *regions = (struct pagemap_region *)(void *)exchange->bytes;
    uint8_t *pages = exchange->bytes + EXCHANGE_BYTES / 2;
    int64_t count = 0;
    uint64_t number = (end - start + PAGE_BYTES - 1) / PAGE_BYTES;
    if (number > PAGES_MOST)
        number = PAGES_MOST;
    if (raw_failed(raw_syscall(SYS_mincore, start, number * PAGE_BYTES, pages, 0, 0, 0)) ||
        !is_all_in_memory(reader))
        return -ENODATA;
    uint64_t page = 0;
    for (; page < number; page++) {
        uint64_t at = start + page * PAGE_BYTES;
        if ((pages[page] & 1) == 0)
            continue;
        if (count > 0 && regions[count - 1].end == at) {
            regions[count - 1].end += PAGE_BYTES;
        } else if (count < REGIONS_MOST) {
            regions[count++] = (struct pagemap_region){.start = at, .end = at + PAGE_BYTES};
        } else {
            break;
        }
    }
    exchange->walked = start + page * PAGE_BYTES;
    return count;
}

/* Where none of it is known all counts as touched. */
static int64_t find_pages(struct reader *reader, struct exchange *exchange)
{
    uint64_t start = exchange->stretches[0].address;
    uint64_t end = start + exchange->stretches[0].bytes;
    if (start % PAGE_BYTES != 0 || end <= start)
        return -EINVAL;
    int64_t count = scan_pages(reader, start, end, exchange);
    if (!raw_failed(count) && exchange->walked > start)
        return count;
    count = ask_mincore(reader, start, end, exchange);
    if (!raw_failed(count))
        return count;
    *(struct pagemap_region *)(void *)exchange->bytes = (struct pagemap_region){.start = start,
                                                                                .end = end};
    exchange->walked = end;
    return 1;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int64_t answer(struct reader *reader, struct exchange *exchange)
{
    switch (exchange->what) {
    case EXCHANGE_MEMORY:
        return read_memory(reader, exchange);
    case EXCHANGE_MAPS:
        return read_file(&reader->maps, "/proc/self/maps", exchange->offset, exchange->bytes,
                         EXCHANGE_BYTES);
    case EXCHANGE_SMAPS:
        return read_file(&reader->smaps, "/proc/self/smaps", exchange->offset, exchange->bytes,
                         EXCHANGE_BYTES);
    case EXCHANGE_PAGES:
        return find_pages(reader, exchange);
    default:
        return -ENOSYS;
    }
}

/* A process that is held goes on when nobody reads it any more; a copy may wait for a recorder that
 * was stopped. */
static bool is_wanted(struct session_process *shared, uint32_t copy, uint64_t end)
{
    if ((copy & SESSION_COPY_IN_PLACE) != 0)
        return event_writer_is_worth_waiting(&shared->copy, copy, end);
    return atomic_load(&shared->copy) == copy && !event_writer_is_alone();
}

void self_reader_serve(struct session_process *shared, uint32_t copy)
{
    struct exchange *exchange = exchange_of(session, copy);
    struct reader reader = {.pid = raw_getpid(),
                            .pipe_read = NOT_OPEN,
                            .pipe_write = NOT_OPEN,
                            .maps = NOT_OPEN,
                            .smaps = NOT_OPEN,
                            .pagemap = NOT_OPEN,
                            .status = NOT_OPEN};
    uint64_t end = event_clock() + session->ticks_per_second / 1000 * session->hold_limit_ms;
    while (is_wanted(shared, copy, end)) {
        uint32_t state = atomic_load(&exchange->state);
        if ((state & STATE_MASK) != EXCHANGE_ASKED || atomic_load(&exchange->copy) != copy) {
            struct timespec step = {0, WAIT_MS * 1000000};
            raw_futex(&exchange->state, FUTEX_WAIT, state, &step);
            continue;
        }
        exchange->result = answer(&reader, exchange);
        /* Unless that was given up. */
        atomic_compare_exchange_strong(&exchange->state, &state,
                                       (state & ~(uint32_t)STATE_MASK) | EXCHANGE_ANSWERED);
        raw_futex(&exchange->state, FUTEX_WAKE, INT_MAX, NULL);
    }
}
