#define _GNU_SOURCE
#include "symbols/symbol_batch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* What the child writes: messages of u32s, each followed by its texts.
 *   MESSAGE_FRAME   frame id, count; per location: function bytes, file bytes, line, is inlined
 *   MESSAGE_TAIL    position of the pair, count; per call: module, offset in two halves, is exact
 *   MESSAGE_MODULE  module, detail, bytes of the reason
 * How far it is stands in a page that both share. */
enum {
    MESSAGE_FRAME = 1,
    MESSAGE_MODULE = 2,
    MESSAGE_TAIL = 3
};
enum {
    MAX_LOCATIONS = 64,
    MAX_TAIL_CALLS = 16,
    MAX_TEXT_BYTES = 1 << 20,
    FLUSH_BYTES = 64 << 10
};

enum {
    MODULE_NONE = 0 /* modules count from 1 in the shared page */
};

/* In memory that parent and child share; written by the child. */
struct batch_progress {
    _Atomic uint32_t done_count;
    _Atomic uint32_t module; /* that is being read; MODULE_NONE once all is said */
};

struct symbol_batch {
    pid_t pid;
    int fd;
    struct text received;
    uint32_t frame_count;
    struct batch_progress *progress;
    struct symbol_batch_pair *pairs; /* as they were given */
    size_t pair_count;
};

/* ---- the child ------------------------------------------------------------------------ */

struct worker {
    const struct symbol_batch_input *input;
    struct symbolizer *symbolizer;
    int *handles; /* of modules in the symbolizer; -1 = not open yet */
    int fd;
    struct batch_progress *progress;
    struct text out;
};

static void flush_output(struct worker *worker)
{
    const char *at = text_get(&worker->out);
    size_t left = worker->out.count;
    while (left != 0) {
        ssize_t written = write(worker->fd, at, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            _exit(1);
        at += written;
        left -= (size_t)written;
    }
    text_clear(&worker->out);
}

static void put(struct worker *worker, uint32_t number)
{
    text_add_bytes(&worker->out, (const char *)&number, sizeof number);
}

static uint32_t text_bytes(const char *text)
{
    size_t bytes = text != NULL ? strlen(text) : 0;
    return bytes < MAX_TEXT_BYTES ? (uint32_t)bytes : 0;
}

/* What was found so far is sent first: this module may be the end of us. */
static int open_module(struct worker *worker, uint32_t module)
{
    flush_output(worker);
    atomic_store_explicit(&worker->progress->module, module + 1, memory_order_relaxed);
    int handle = symbolizer_add_module(worker->symbolizer, &worker->input->modules[module]);
    struct error reason;
    enum symbolizer_detail detail = symbolizer_module_detail(worker->symbolizer, handle, &reason);
    put(worker, MESSAGE_MODULE);
    put(worker, module);
    put(worker, detail);
    put(worker, text_bytes(reason.message));
    text_add_bytes(&worker->out, reason.message, text_bytes(reason.message));
    return handle;
}

static void name_frame(struct worker *worker, int handle, const struct symbol_batch_frame *frame)
{
    struct source_location locations[MAX_LOCATIONS];
    size_t count = symbolizer_lookup(worker->symbolizer, handle, frame->offset, locations,
                                     MAX_LOCATIONS);
    if (count == 0)
        return;
    put(worker, MESSAGE_FRAME);
    put(worker, frame->id);
    put(worker, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put(worker, text_bytes(locations[i].function));
        put(worker, text_bytes(locations[i].file));
        put(worker, locations[i].line);
        put(worker, locations[i].is_inlined);
    }
    for (size_t i = 0; i < count; i++) {
        text_add_bytes(&worker->out, locations[i].function, text_bytes(locations[i].function));
        text_add_bytes(&worker->out, locations[i].file, text_bytes(locations[i].file));
    }
}

static int compare_frames(const void *a, const void *b)
{
    const struct symbol_batch_frame *one = a, *other = b;
    if (one->module != other->module)
        return one->module < other->module ? -1 : 1;
    if (one->offset != other->offset)
        return one->offset < other->offset ? -1 : 1;
    return 0;
}

static int handle_of(struct worker *worker, uint32_t module)
{
    if (worker->handles[module] < 0)
        worker->handles[module] = open_module(worker, module);
    return worker->handles[module];
}

static void name_frames(struct worker *worker)
{
    const struct symbol_batch_input *input = worker->input;
    size_t count = input->frame_count;
    struct symbol_batch_frame *frames = memory_duplicate(input->frames, count * sizeof *frames);
    if (count != 0)
        qsort(frames, count, sizeof *frames, compare_frames);
    for (size_t i = 0; i < count; i++) {
        if (frames[i].module >= input->module_count)
            continue;
        name_frame(worker, handle_of(worker, frames[i].module), &frames[i]);
        atomic_store_explicit(&worker->progress->done_count, (uint32_t)i + 1, memory_order_relaxed);
        if (worker->out.count > FLUSH_BYTES)
            flush_output(worker);
    }
    free(frames);
}

static void find_tail_calls(struct worker *worker, uint32_t position)
{
    const struct symbol_batch_pair *pair = &worker->input->pairs[position];
    struct symbolizer_tail_call calls[MAX_TAIL_CALLS];
    struct symbolizer_callee callee = {-1, pair->callee.frame.offset, pair->callee.function};
    if (pair->callee.is_frame)
        callee.module = handle_of(worker, pair->callee.frame.module);
    size_t count = symbolizer_find_tail_calls(worker->symbolizer,
                                              handle_of(worker, pair->caller.module),
                                              pair->caller.offset, &callee, calls, MAX_TAIL_CALLS);
    if (count == 0)
        return;
    put(worker, MESSAGE_TAIL);
    put(worker, position);
    put(worker, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        bool is_of_caller = calls[i].module == worker->handles[pair->caller.module];
        put(worker, is_of_caller ? pair->caller.module : pair->callee.frame.module);
        put(worker, (uint32_t)(calls[i].offset >> 32));
        put(worker, (uint32_t)calls[i].offset);
        put(worker, calls[i].is_exact);
    }
}

/* In an order in which neighbours share functions. */
static int compare_pairs(const void *a, const void *b, void *context)
{
    const struct symbol_batch_pair *pairs = context;
    return compare_frames(&pairs[*(const uint32_t *)a].caller, &pairs[*(const uint32_t *)b].caller);
}

static void look_at_pairs(struct worker *worker)
{
    const struct symbol_batch_input *input = worker->input;
    uint32_t *order = memory_allocate(input->pair_count * sizeof *order);
    for (size_t i = 0; i < input->pair_count; i++)
        order[i] = (uint32_t)i;
    if (input->pair_count != 0)
        qsort_r(order, input->pair_count, sizeof *order, compare_pairs, (void *)input->pairs);
    for (size_t i = 0; i < input->pair_count; i++) {
        const struct symbol_batch_pair *pair = &input->pairs[order[i]];
        if (pair->caller.module >= input->module_count ||
            (pair->callee.is_frame && pair->callee.frame.module >= input->module_count))
            continue;
        atomic_store_explicit(&worker->progress->module, pair->caller.module + 1,
                              memory_order_relaxed);
        find_tail_calls(worker, order[i]);
        if (worker->out.count > FLUSH_BYTES)
            flush_output(worker);
    }
    free(order);
}

static void work(const struct symbol_batch_input *input, int fd, struct batch_progress *progress)
{
    struct worker worker = {.input = input, .fd = fd, .progress = progress};
    worker.symbolizer = symbolizer_create(input->options);
    worker.handles = memory_allocate(input->module_count * sizeof *worker.handles);
    for (size_t i = 0; i < input->module_count; i++)
        worker.handles[i] = -1;
    name_frames(&worker);
    flush_output(&worker); /* looking at pairs reads much more of the files */
    look_at_pairs(&worker);
    flush_output(&worker);
    atomic_store_explicit(&progress->module, MODULE_NONE, memory_order_relaxed);
}

static void become_worker(const struct symbol_batch_input *input, int fd,
                          struct batch_progress *progress)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "seep-symbols");
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    /* What the terminal sends is the command's; the recorder ends this one itself, and waits for
     * it, so it must not stop at ^Z either when the command does not. */
    static const int of_terminal[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < sizeof of_terminal / sizeof *of_terminal; i++)
        signal(of_terminal[i], SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    work(input, fd, progress);
    _exit(0);
}

/* ---- the parent ----------------------------------------------------------------------- */

struct symbol_batch *symbol_batch_start(const struct symbol_batch_input *input, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_set_errno(error, errno, "cannot make a pipe for symbolizing");
        return NULL;
    }
    struct batch_progress *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = progress != MAP_FAILED ? fork() : -1;
    if (pid < 0) {
        error_set_errno(error, errno, "cannot start a process for symbolizing");
        if (progress != MAP_FAILED)
            munmap(progress, sizeof *progress);
        close(ends[0]);
        close(ends[1]);
        return NULL;
    }
    if (pid == 0)
        become_worker(input, ends[1], progress);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct symbol_batch *batch = memory_allocate_zeroed(1, sizeof *batch);
    batch->pid = pid;
    batch->fd = ends[0];
    batch->progress = progress;
    batch->frame_count = (uint32_t)input->frame_count;
    batch->pairs = memory_duplicate(input->pairs, input->pair_count * sizeof *batch->pairs);
    batch->pair_count = input->pair_count;
    return batch;
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

bool symbol_batch_poll(struct symbol_batch *batch)
{
    char bytes[64 << 10];
    for (;;) {
        ssize_t got = read(batch->fd, bytes, sizeof bytes);
        if (got > 0) {
            text_add_bytes(&batch->received, bytes, (size_t)got);
            continue;
        }
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return false;
        reap(batch);
        return true;
    }
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

/* The child may have died in the middle of a message: that one is left out. */
static bool read_frame(struct cursor *cursor, const struct symbol_batch_result *result)
{
    uint32_t frame, count, sizes[MAX_LOCATIONS][2], lines[MAX_LOCATIONS], inlined;
    struct symbol_batch_location locations[MAX_LOCATIONS] = {0};
    if (!take(cursor, &frame) || !take(cursor, &count) || count == 0 || count > MAX_LOCATIONS)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!take(cursor, &sizes[i][0]) || !take(cursor, &sizes[i][1]) ||
            !take(cursor, &lines[i]) || !take(cursor, &inlined))
            return false;
        locations[i].line = lines[i];
        locations[i].is_inlined = inlined != 0;
    }
    bool is_whole = true;
    char *texts[MAX_LOCATIONS][2] = {{NULL}};
    for (uint32_t i = 0; i < count && is_whole; i++) {
        is_whole = take_text(cursor, sizes[i][0], &texts[i][0]) &&
                   take_text(cursor, sizes[i][1], &texts[i][1]);
        locations[i].function = texts[i][0];
        locations[i].file = texts[i][1];
    }
    if (is_whole && result->frame != NULL)
        result->frame(result->context, frame, locations, count);
    for (uint32_t i = 0; i < count; i++) {
        free(texts[i][0]);
        free(texts[i][1]);
    }
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

static bool read_tail_calls(const struct symbol_batch *batch, struct cursor *cursor,
                            const struct symbol_batch_result *result)
{
    struct symbolizer_tail_call calls[MAX_TAIL_CALLS];
    uint32_t position, count;
    if (!take(cursor, &position) || !take(cursor, &count) || position >= batch->pair_count ||
        count == 0 || count > MAX_TAIL_CALLS)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t module, high, low, is_exact;
        if (!take(cursor, &module) || !take(cursor, &high) || !take(cursor, &low) ||
            !take(cursor, &is_exact))
            return false;
        calls[i] = (struct symbolizer_tail_call){(int)module, (uint64_t)high << 32 | low,
                                                 is_exact != 0};
    }
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
        else
            is_whole = kind == MESSAGE_MODULE && read_module(&cursor, result);
    }
}

void symbol_batch_close(struct symbol_batch *batch)
{
    if (batch == NULL)
        return;
    if (batch->pid > 0)
        kill(batch->pid, SIGKILL);
    reap(batch);
    close(batch->fd);
    munmap(batch->progress, sizeof *batch->progress);
    text_clear(&batch->received);
    free(batch->pairs);
    free(batch);
}
