#include "record/process_hold.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "record/process_facts.h"
#include "snapshot/task_facts.h"

#define HANDLER_WAIT_NS UINT64_C(1000000000)
#define HANDLER_NAP_NS  1000000

/* ---- as it waits for us ---------------------------------------------------------------- */

static bool has_ended(const struct process_hold_request *request)
{
    struct pollfd look = {.fd = request->pidfd, .events = POLLIN};
    if (request->pidfd >= 0)
        return poll(&look, 1, 0) != 0;
    char state = task_facts_state(request->pid, request->pid);
    return state == 'Z' || state == 'X' || state == '\0';
}

/* Where /proc shows nothing of it (hidepid), it has said so itself. */
static bool is_alone(const struct process_hold_request *request)
{
    size_t threads = task_facts_thread_count(request->pid);
    return threads == 1 || (threads == 0 && (request->quiet_hold & SESSION_HOLD_IS_ALONE) != 0);
}

/* Does it still wait, and nobody else runs? It may have waited in vain for too long, and gone on;
 * or was killed. */
static bool is_quiet(const struct process_hold_request *request)
{
    return atomic_load(&request->shared->hold) == request->quiet_hold && is_alone(request) &&
           !has_ended(request);
}

/* A process of one thread that waits for us stands still without being stopped, which would cost
 * more than all else where thousands of small ones end. */
static bool take_quiet(struct process_hold *hold)
{
    const struct process_hold_request *request = &hold->request;
    if (request->way != PROCESS_HOLD_AUTO || request->quiet_hold == 0 ||
        request->waiting_tid != (uint32_t)request->pid || !is_quiet(request))
        return false;
    struct stopper *stopper = &hold->stopper;
    *stopper = (struct stopper){.pid = request->pid, .is_own_child = request->is_own_child};
    stopper->threads = memory_grow(NULL, &stopper->capacity, 1, sizeof *stopper->threads);
    stopper->threads[stopper->count++] = (struct stopper_thread){
        .pid = request->pid, .tid = request->pid, .state = STOPPER_SLEEPS};
    return true;
}

/* ---- by a signal, which nobody had thought of ----------------------------------------------- */

/* A debugger came after the process had begun: it has no handler yet, and puts one in place when a
 * thread of it next waits for us or fills its ring. That is soon, or not while we wait; then the
 * next one who asks may have more luck. */
static void want_handler(const struct process_hold_request *request, const struct clock *clock,
                         uint64_t deadline_ns)
{
    _Atomic uint32_t *state = &request->shared->park_state;
    uint64_t until_ns = clock->now_ns(clock->context) + HANDLER_WAIT_NS;
    uint32_t seen = SESSION_PARK_NOT;
    struct timespec nap = {0, HANDLER_NAP_NS};
    if (!atomic_compare_exchange_strong(state, &seen, SESSION_PARK_WANTED))
        return; /* it is there, or was waited for in vain before */
    while (
        clock->now_ns(clock->context) < until_ns && clock->now_ns(clock->context) < deadline_ns &&
        !has_ended(request) &&
        (atomic_load(state) == SESSION_PARK_WANTED || atomic_load(state) == SESSION_PARK_STARTING))
        nanosleep(&nap, NULL);
}

/* Who is in the way. */
static void tell_tracer(pid_t pid, struct error *refusal)
{
    pid_t tracer = task_facts_tracer(pid);
    char name[32] = "";
    struct error why = *refusal;
    if (tracer == 0 || refusal->message[0] == '\0')
        return;
    process_facts_thread_name((uint32_t)tracer, (uint32_t)tracer, name, sizeof name);
    error_set(refusal, "%s (%s, process %d, traces it)", why.message, name, (int)tracer);
}

/* ---- by any way ------------------------------------------------------------------------ */

static bool stop_or_park(struct process_hold *hold, const struct clock *clock, uint64_t deadline_ns,
                         struct error *error)
{
    const struct process_hold_request *request = &hold->request;
    struct error refusal = {""};
    if (request->way != PROCESS_HOLD_SIGNAL) {
        hold->is_stopped = stopper_stop(&hold->stopper, request->pid, request->is_own_child, clock,
                                        deadline_ns, &refusal);
        hold->since_ns = hold->stopper.since_ns;
        if (hold->is_stopped)
            return true;
        bool is_refused = hold->stopper.count == 0;
        if (request->way == PROCESS_HOLD_PTRACE || !is_refused)
            return error_set(error, "%s", refusal.message);
        stopper_clear(&hold->stopper); /* it holds nothing, but is still watched */
    }
    hold->parker = (struct parker){.session = request->session,
                                   .shared = request->shared,
                                   .pid = request->pid,
                                   .waiting_tid = request->waiting_tid,
                                   .memory = &hold->memory};
    hold->is_parked = parker_take_still(&hold->parker, &hold->stopper);
    if (hold->is_parked)
        return true;
    if (request->way == PROCESS_HOLD_AUTO)
        want_handler(request, clock, deadline_ns);
    /* Where it cannot be read, its registers come later: by the process itself. */
    hold->process = target_process_open((uint32_t)request->pid, NULL);
    if (hold->process != NULL)
        hold->memory = target_process_memory(hold->process);
    else
        hold->parker.memory = NULL;
    hold->since_ns = clock->now_ns(clock->context);
    hold->is_parked = parker_park(&hold->parker, &hold->stopper, clock, deadline_ns, error);
    if (hold->is_parked)
        return true;
    /* One that sleeps gets no handler, and needs none. */
    hold->is_parked = request->way == PROCESS_HOLD_AUTO && request->waiting_tid == 0 &&
                      parker_take_sleeping(&hold->parker, &hold->stopper);
    if (hold->is_parked) {
        hold->since_ns = 0;
        return true;
    }
    uint32_t state = atomic_load(&request->shared->park_state);
    tell_tracer(request->pid, &refusal);
    if (refusal.message[0] != '\0' && state == SESSION_PARK_NOT)
        error_set(error, "%s (try seep run --stop=signal)", refusal.message);
    if (refusal.message[0] != '\0' && state == SESSION_PARK_WANTED)
        error_set(error,
                  "%s; it can be asked to wait once it allocates more: try again, or seep run"
                  " --stop=signal",
                  refusal.message);
    target_process_close(hold->process);
    hold->process = NULL;
    return false;
}

bool process_hold_begin(struct process_hold *hold, const struct process_hold_request *request,
                        const struct clock *clock, uint64_t deadline_ns, struct error *error)
{
    memset(hold, 0, sizeof *hold);
    hold->request = *request;
    hold->since_ns = clock->now_ns(clock->context);
    hold->is_quiet = take_quiet(hold);
    if (hold->is_quiet)
        return true;
    precedence_give(&hold->precedence);
    if (stop_or_park(hold, clock, deadline_ns, error))
        return true;
    precedence_take_back(&hold->precedence);
    return false;
}

void process_hold_take_time(struct process_hold *hold)
{
    precedence_take_back(&hold->precedence);
}

void process_hold_end(struct process_hold *hold)
{
    if (hold->is_stopped)
        stopper_release(&hold->stopper);
    else if (hold->is_parked)
        parker_release(&hold->parker, &hold->stopper);
    else if (hold->is_quiet)
        hold->stopper.threads[0].state = STOPPER_GONE;
    hold->is_stopped = hold->is_parked = hold->is_quiet = false;
    precedence_take_back(&hold->precedence);
    target_process_close(hold->process);
    hold->process = NULL;
}

bool process_hold_is_still(const struct process_hold *hold)
{
    if (hold->is_quiet)
        return is_quiet(&hold->request);
    return hold->is_stopped || parker_is_still(&hold->parker, &hold->stopper);
}

const char *process_hold_note(const struct process_hold *hold)
{
    return hold->is_stopped || hold->is_quiet ? "" : hold->parker.note;
}
