#define _GNU_SOURCE
#include "symbols/symbol_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "symbols/symbol_request.h"
#include "symbols/symbol_worker.h"

struct symbol_batch {
    pid_t pid;
    int fd;
    int requests; /* a socket to a lasting child; -1 = it does not last */
    uint32_t request_count;
    size_t module_count;
    bool is_lasting, is_complete;
    struct text received;
    uint32_t frame_count;
    struct batch_progress *progress;
    struct symbol_batch_pair *pairs; /* as they were given */
    size_t pair_count;
};

/* What a child and we have in common. */
struct ends {
    int ours, theirs;                 /* of the pipe for answers */
    int our_requests, their_requests; /* of the socket for requests; -1 = none */
    struct batch_progress *progress;
};

static void close_one(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void close_ends(const struct ends *ends)
{
    close_one(ends->ours);
    close_one(ends->theirs);
    close_one(ends->our_requests);
    close_one(ends->their_requests);
    if (ends->progress != MAP_FAILED)
        munmap(ends->progress, sizeof *ends->progress);
}

static bool make_ends(struct ends *ends, bool is_lasting)
{
    int answers[2] = {-1, -1}, requests[2] = {-1, -1};
    bool is_made = pipe2(answers, O_CLOEXEC) == 0 &&
                   (!is_lasting ||
                    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, requests) == 0);
    *ends = (struct ends){answers[0], answers[1], requests[0], requests[1], MAP_FAILED};
    if (is_made)
        ends->progress = mmap(NULL, sizeof *ends->progress, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return ends->progress != MAP_FAILED;
}

static void take_input(struct symbol_batch *batch, const struct symbol_batch_input *input)
{
    batch->frame_count = (uint32_t)input->frame_count;
    batch->module_count = input->module_count;
    free(batch->pairs);
    batch->pairs = memory_duplicate(input->pairs, input->pair_count * sizeof *batch->pairs);
    batch->pair_count = input->pair_count;
    batch->is_lasting = input->is_lasting && batch->requests >= 0;
    batch->is_complete = false;
    batch->request_count++;
}

struct symbol_batch *symbol_batch_start(const struct symbol_batch_input *input, struct error *error)
{
    struct ends ends;
    pid_t pid = make_ends(&ends, input->is_lasting) ? fork() : -1;
    if (pid < 0) {
        error_set_errno(error, errno, "cannot start a process for symbolizing");
        close_ends(&ends);
        return NULL;
    }
    if (pid == 0) {
        close(ends.ours);
        close_one(ends.our_requests);
        symbol_worker_become(input, ends.theirs, ends.their_requests, ends.progress);
    }
    close(ends.theirs);
    close_one(ends.their_requests);
    fcntl(ends.ours, F_SETFL, O_NONBLOCK);
    struct symbol_batch *batch = memory_allocate_zeroed(1, sizeof *batch);
    batch->pid = pid;
    batch->fd = ends.ours;
    batch->requests = ends.our_requests;
    batch->progress = ends.progress;
    take_input(batch, input);
    return batch;
}

/* It is not in the middle of anything. */
bool symbol_batch_is_lasting(const struct symbol_batch *batch)
{
    return batch->is_lasting && batch->pid > 0 && batch->is_complete;
}

bool symbol_batch_renew(struct symbol_batch *batch, const struct symbol_batch_input *input)
{
    if (!symbol_batch_is_lasting(batch))
        return false;
    atomic_store_explicit(&batch->progress->done_count, 0, memory_order_relaxed);
    if (!symbol_request_send(batch->requests, input, batch->module_count)) {
        batch->is_complete = false; /* it may wait for the rest of it */
        return false;
    }
    text_clear(&batch->received);
    take_input(batch, input);
    return true;
}

int symbol_batch_fd(const struct symbol_batch *batch)
{
    return batch->fd;
}

uint32_t symbol_batch_done_count(const struct symbol_batch *batch)
{
    return atomic_load_explicit(&batch->progress->done_count, memory_order_relaxed);
}

uint32_t symbol_batch_frame_count(const struct symbol_batch *batch)
{
    return batch->frame_count;
}

bool symbol_batch_has_died(const struct symbol_batch *batch, uint32_t *module)
{
    uint32_t number = atomic_load_explicit(&batch->progress->module, memory_order_relaxed);
    *module = number - 1;
    return number != MODULE_NONE;
}

static void reap(struct symbol_batch *batch)
{
    if (batch->pid > 0)
        while (waitpid(batch->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    batch->pid = 0;
}

static bool is_all_said(const struct symbol_batch *batch)
{
    return atomic_load_explicit(&batch->progress->answered_count, memory_order_acquire) ==
           batch->request_count;
}

/* Takes what is there. False: the other end is closed. */
static bool receive(struct symbol_batch *batch)
{
    char bytes[64 << 10];
    for (;;) {
        ssize_t got = read(batch->fd, bytes, sizeof bytes);
        if (got > 0)
            text_add_bytes(&batch->received, bytes, (size_t)got);
        else if (got == 0 || errno != EINTR)
            return got < 0 && errno == EAGAIN;
    }
}

/* What was said before a look that found all said is in the pipe. One that did not find it so is
 * followed by the message that says so, which wakes who waits. */
bool symbol_batch_poll(struct symbol_batch *batch)
{
    bool was_all_said;
    do {
        was_all_said = is_all_said(batch);
        if (!receive(batch)) {
            reap(batch);
            break;
        }
        if (!was_all_said && !is_all_said(batch))
            return false;
    } while (!was_all_said);
    batch->is_complete = true;
    return true;
}

struct cursor {
    const char *at;
    size_t left;
};

static bool take(struct cursor *cursor, uint32_t *number)
{
    if (cursor->left < sizeof *number)
        return false;
    memcpy(number, cursor->at, sizeof *number);
    cursor->at += sizeof *number;
    cursor->left -= sizeof *number;
    return true;
}

/* A text as a C string; NULL for none. False when it is not all there. */
static bool take_text(struct cursor *cursor, uint32_t bytes, char **text)
{
    *text = NULL;
    if (bytes > cursor->left)
        return false;
    if (bytes != 0)
        *text = memory_print_text("%.*s", (int)bytes, cursor->at);
    cursor->at += bytes;
    cursor->left -= bytes;
    return true;
}

/* The locations of a frame, and their texts, which the caller frees. */
struct read_locations {
    struct symbol_batch_location items[SYMBOL_WORKER_LOCATIONS];
    char *texts[SYMBOL_WORKER_LOCATIONS][2];
    uint32_t count;
};

/* The child may have died in the middle of a message: that one is left out. */
static bool take_locations(struct cursor *cursor, struct read_locations *locations)
{
    uint32_t sizes[SYMBOL_WORKER_LOCATIONS][2], inlined, count;
    *locations = (struct read_locations){.count = 0};
    if (!take(cursor, &count) || count > SYMBOL_WORKER_LOCATIONS)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct symbol_batch_location *location = &locations->items[i];
        if (!take(cursor, &sizes[i][0]) || !take(cursor, &sizes[i][1]) ||
            !take(cursor, &location->line) || !take(cursor, &inlined))
            return false;
        location->is_inlined = inlined != 0;
    }
    locations->count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!take_text(cursor, sizes[i][0], &locations->texts[i][0]) ||
            !take_text(cursor, sizes[i][1], &locations->texts[i][1]))
            return false;
        locations->items[i].function = locations->texts[i][0];
        locations->items[i].file = locations->texts[i][1];
    }
    return true;
}

static void free_locations(struct read_locations *locations)
{
    for (uint32_t i = 0; i < locations->count; i++) {
        free(locations->texts[i][0]);
        free(locations->texts[i][1]);
    }
}

static bool read_frame(struct cursor *cursor, const struct symbol_batch_result *result)
{
    struct read_locations locations;
    uint32_t frame;
    if (!take(cursor, &frame))
        return false;
    bool is_whole = take_locations(cursor, &locations) && locations.count != 0;
    if (is_whole && result->frame != NULL)
        result->frame(result->context, frame, locations.items, locations.count);
    free_locations(&locations);
    return is_whole;
}

static bool read_module(struct cursor *cursor, const struct symbol_batch_result *result)
{
    uint32_t module, detail, bytes;
    char *reason;
    if (!take(cursor, &module) || !take(cursor, &detail) || !take(cursor, &bytes) ||
        !take_text(cursor, bytes, &reason))
        return false;
    if (result->module != NULL)
        result->module(result->context, module, (enum symbolizer_detail)detail,
                       reason != NULL ? reason : "");
    free(reason);
    return true;
}

static bool take_call(struct cursor *cursor, struct symbolizer_tail_call *call)
{
    uint32_t module, high, low, is_exact;
    if (!take(cursor, &module) || !take(cursor, &high) || !take(cursor, &low) ||
        !take(cursor, &is_exact))
        return false;
    *call = (struct symbolizer_tail_call){(int)module, (uint64_t)high << 32 | low, is_exact != 0};
    return true;
}

static bool read_gone(struct cursor *cursor, const struct symbol_batch_result *result)
{
    struct read_locations locations;
    struct symbolizer_tail_call call;
    if (!take_call(cursor, &call))
        return false;
    bool is_whole = take_locations(cursor, &locations);
    if (is_whole && result->gone != NULL)
        result->gone(result->context, &call, locations.items, locations.count);
    free_locations(&locations);
    return is_whole;
}

static bool read_tail_calls(const struct symbol_batch *batch, struct cursor *cursor,
                            const struct symbol_batch_result *result)
{
    struct symbolizer_tail_call calls[SYMBOL_WORKER_TAIL_CALLS];
    uint32_t position, count;
    if (!take(cursor, &position) || !take(cursor, &count) || position >= batch->pair_count ||
        count == 0 || count > SYMBOL_WORKER_TAIL_CALLS)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_call(cursor, &calls[i]))
            return false;
    if (result->tail_calls != NULL)
        result->tail_calls(result->context, &batch->pairs[position], calls, count);
    return true;
}

void symbol_batch_read(const struct symbol_batch *batch, const struct symbol_batch_result *result)
{
    struct cursor cursor = {text_get(&batch->received), batch->received.count};
    uint32_t kind;
    bool is_whole = true;
    while (is_whole && take(&cursor, &kind)) {
        if (kind == MESSAGE_FRAME)
            is_whole = read_frame(&cursor, result);
        else if (kind == MESSAGE_TAIL)
            is_whole = read_tail_calls(batch, &cursor, result);
        else if (kind == MESSAGE_GONE)
            is_whole = read_gone(&cursor, result);
        else if (kind == MESSAGE_MODULE)
            is_whole = read_module(&cursor, result);
        else
            is_whole = kind == MESSAGE_DONE;
    }
}

void symbol_batch_dismiss(struct symbol_batch *batch)
{
    if (batch->requests >= 0)
        shutdown(batch->requests, SHUT_RDWR); /* others may have its descriptor, too */
    batch->is_lasting = false;
    if (batch->is_complete && batch->pid > 0 && waitpid(batch->pid, NULL, WNOHANG) == batch->pid)
        batch->pid = 0;
}

void symbol_batch_close(struct symbol_batch *batch)
{
    if (batch == NULL)
        return;
    symbol_batch_dismiss(batch);
    if (!batch->is_complete && batch->pid > 0)
        kill(batch->pid, SIGKILL);
    reap(batch);
    close(batch->fd);
    close_one(batch->requests);
    munmap(batch->progress, sizeof *batch->progress);
    text_clear(&batch->received);
    free(batch->pairs);
    free(batch);
}
