#define _GNU_SOURCE
#include "symbols/symbol_worker.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "symbols/symbol_request.h"

enum {
    MAX_TEXT_BYTES = 1 << 20,
    FLUSH_BYTES = 64 << 10
};

struct worker {
    const struct symbol_batch_input *input;
    struct symbolizer *symbolizer;
    int *handles; /* of modules in the symbolizer; -1 = not open yet */
    size_t handle_count;
    int fd;
    struct batch_progress *progress;
    struct text out;
    struct symbolizer_tail_call *gone; /* what was found between pairs; modules are positions */
    size_t gone_count, gone_capacity;
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

static void put_locations(struct worker *worker, const struct source_location *locations,
                          size_t count)
{
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

static void name_frame(struct worker *worker, int handle, const struct symbol_batch_frame *frame)
{
    struct source_location locations[SYMBOL_WORKER_LOCATIONS];
    size_t count = symbolizer_lookup(worker->symbolizer, handle, frame->offset, locations,
                                     SYMBOL_WORKER_LOCATIONS);
    if (count == 0)
        return;
    put(worker, MESSAGE_FRAME);
    put(worker, frame->id);
    put_locations(worker, locations, count);
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

static void put_call(struct worker *worker, const struct symbolizer_tail_call *call)
{
    put(worker, (uint32_t)call->module);
    put(worker, (uint32_t)(call->offset >> 32));
    put(worker, (uint32_t)call->offset);
    put(worker, call->is_exact);
}

static void keep_gone(struct worker *worker, const struct symbolizer_tail_call *call)
{
    worker->gone = memory_grow(worker->gone, &worker->gone_capacity, worker->gone_count + 1,
                               sizeof *worker->gone);
    worker->gone[worker->gone_count++] = *call;
}

static void find_tail_calls(struct worker *worker, uint32_t position)
{
    const struct symbol_batch_pair *pair = &worker->input->pairs[position];
    struct symbolizer_tail_call calls[SYMBOL_WORKER_TAIL_CALLS];
    struct symbolizer_callee callee = {-1, pair->callee.frame.offset, pair->callee.function};
    if (pair->callee.is_frame)
        callee.module = handle_of(worker, pair->callee.frame.module);
    size_t count = symbolizer_find_tail_calls(
        worker->symbolizer, handle_of(worker, pair->caller.module), pair->caller.offset, &callee,
        calls, SYMBOL_WORKER_TAIL_CALLS);
    if (count == 0)
        return;
    put(worker, MESSAGE_TAIL);
    put(worker, position);
    put(worker, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        bool is_of_caller = calls[i].module == worker->handles[pair->caller.module];
        calls[i].module = (int)(is_of_caller ? pair->caller.module : pair->callee.frame.module);
        put_call(worker, &calls[i]);
        if (worker->input->is_gone_named)
            keep_gone(worker, &calls[i]);
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

static int compare_gone(const void *a, const void *b)
{
    const struct symbolizer_tail_call *one = a, *other = b;
    if (one->module != other->module)
        return one->module < other->module ? -1 : 1;
    if (one->offset != other->offset)
        return one->offset < other->offset ? -1 : 1;
    return (int)one->is_exact - (int)other->is_exact;
}

/* The files are open, and their tables are made: another child would have to begin anew. */
static void name_gone(struct worker *worker)
{
    struct source_location locations[SYMBOL_WORKER_LOCATIONS];
    if (worker->gone_count != 0)
        qsort(worker->gone, worker->gone_count, sizeof *worker->gone, compare_gone);
    for (size_t i = 0; i < worker->gone_count; i++) {
        const struct symbolizer_tail_call *call = &worker->gone[i];
        if (i > 0 && compare_gone(call, call - 1) == 0)
            continue;
        uint32_t module = (uint32_t)call->module;
        atomic_store_explicit(&worker->progress->module, module + 1, memory_order_relaxed);
        size_t count = symbolizer_lookup(worker->symbolizer, handle_of(worker, module),
                                         call->offset - !call->is_exact, locations,
                                         SYMBOL_WORKER_LOCATIONS);
        put(worker, MESSAGE_GONE);
        put_call(worker, call);
        put_locations(worker, locations, count);
        if (worker->out.count > FLUSH_BYTES)
            flush_output(worker);
    }
}

static void grow_handles(struct worker *worker)
{
    worker->handles = memory_resize(worker->handles, worker->input->module_count,
                                    sizeof *worker->handles);
    for (; worker->handle_count < worker->input->module_count; worker->handle_count++)
        worker->handles[worker->handle_count] = -1;
}

static void answer(struct worker *worker)
{
    grow_handles(worker);
    worker->gone_count = 0;
    name_frames(worker);
    flush_output(worker); /* looking at pairs reads much more of the files */
    look_at_pairs(worker);
    flush_output(worker);
    name_gone(worker);
    flush_output(worker);
    atomic_store_explicit(&worker->progress->module, MODULE_NONE, memory_order_relaxed);
    /* Pairs with the acquire in symbol_batch.c; the message behind it wakes who waits. */
    atomic_fetch_add_explicit(&worker->progress->answered_count, 1, memory_order_release);
    put(worker, MESSAGE_DONE);
    flush_output(worker);
}

/* What later requests say is added to a copy, which is ours. */
static void work(const struct symbol_batch_input *input, int fd, int requests,
                 struct batch_progress *progress)
{
    struct worker worker = {.input = input, .fd = fd, .progress = progress};
    struct symbol_batch_input more = *input;
    worker.symbolizer = symbolizer_create(input->options);
    answer(&worker);
    more.modules = memory_duplicate(input->modules, input->module_count * sizeof *more.modules);
    more.frames = NULL;
    more.pairs = NULL;
    worker.input = &more;
    while (more.is_lasting && symbol_request_receive(requests, &more))
        answer(&worker);
    symbolizer_keep(worker.symbolizer);
}

static int compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void close_between(unsigned first, unsigned last)
{
    if (first > last)
        return;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, last, 0) == 0)
        return;
#endif
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++)
        close((int)fd);
}

/* Of what was inherited, only what is worked with stays open: who closes a descriptor means it to
 * be the last, be it of an ended process that an epoll set watches, or of a lock. */
static void close_others(const struct symbol_batch_input *input, int fd, int requests)
{
    int *kept = memory_allocate((input->module_count + 3) * sizeof *kept);
    size_t count = 0;
    kept[count++] = STDERR_FILENO; /* and those below */
    kept[count++] = fd;
    kept[count++] = requests;
    for (size_t i = 0; i < input->module_count; i++)
        kept[count++] = input->modules[i].fd;
    qsort(kept, count, sizeof *kept, compare_fds);
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        if (kept[i] >= STDERR_FILENO)
            close_between((unsigned)kept[i] + 1, is_last ? UINT_MAX : (unsigned)kept[i + 1] - 1);
    }
    free(kept);
}

void symbol_worker_become(const struct symbol_batch_input *input, int fd, int requests,
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
    close_others(input, fd, requests);
    work(input, fd, requests, progress);
    _exit(0);
}
