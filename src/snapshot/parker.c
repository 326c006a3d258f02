#define _GNU_SOURCE
#include "snapshot/parker.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "snapshot/task_facts.h"

#define ANSWER_NS UINT64_C(100000000) /* what a thread gets to answer */
enum {
    YIELDS = 20, /* looks before the looker naps */
    NAP_US = 50,
    STATE_LOOKS = 40, /* naps after which it is asked why a thread does not answer */
    NAMES_BYTES = 96
};

/* ---- the threads ----------------------------------------------------------------------- */

struct listing {
    struct parker *parker;
    struct stopper *stopper;
    size_t new_count;
    int failure;
};

static struct stopper_thread *find_thread(struct stopper *stopper, pid_t tid)
{
    for (size_t i = 0; i < stopper->count; i++)
        if (stopper->threads[i].tid == tid)
            return &stopper->threads[i];
    return NULL;
}

static struct stopper_thread *add_thread(struct stopper *stopper, pid_t tid)
{
    stopper->threads = memory_grow(stopper->threads, &stopper->capacity, stopper->count + 1,
                                   sizeof *stopper->threads);
    struct stopper_thread *thread = &stopper->threads[stopper->count++];
    *thread = (struct stopper_thread){.pid = stopper->pid, .tid = tid, .state = STOPPER_RUNS};
    return thread;
}

/* Where a thread stands that does not run, as far as /proc knows. */
static void take_place(struct stopper_thread *thread)
{
    uint64_t pc, sp;
    if (task_facts_sleeper(thread->pid, thread->tid, &pc, &sp)) {
        thread->general[PROCESSOR_WORD_PC] = pc;
        thread->general[PROCESSOR_WORD_SP] = sp;
    }
    thread->state = STOPPER_SLEEPS;
}

static bool is_stopped_state(char state)
{
    return state == 'T' || state == 't';
}

/* The thread that waits for us at a hold of the program's does so until it is told: a tracer may
 * stop it for a moment at any of its system calls. */
static bool is_waiting(const struct parker *parker, pid_t tid)
{
    return parker->waiting_tid != 0 &&
           (uint32_t)task_facts_own_tid(parker->pid, tid) == parker->waiting_tid;
}

static bool ask(void *context, pid_t tid)
{
    struct listing *listing = context;
    struct stopper *stopper = listing->stopper;
    if (find_thread(stopper, tid) != NULL)
        return true;
    char state = task_facts_state(stopper->pid, tid);
    if (state == 'Z' || state == 'X' || state == '\0')
        return true;
    struct stopper_thread *thread = add_thread(stopper, tid);
    listing->new_count++;
    if (is_waiting(listing->parker, tid)) {
        take_place(thread);
        return true;
    }
    if (atomic_load(&listing->parker->shared->park_state) != SESSION_PARK_READY) {
        listing->failure = EPERM;
        return false;
    }
    if (syscall(SYS_tgkill, stopper->pid, tid, SESSION_PARK_SIGNAL) == 0)
        return true;
    if (errno == ESRCH)
        thread->state = STOPPER_GONE;
    else
        listing->failure = errno;
    return listing->failure == 0;
}

/* ---- answers --------------------------------------------------------------------------- */

static void take_extended(struct parker *parker, struct stopper_thread *thread, uint64_t address)
{
    uint8_t frame[PROCESSOR_EXTENDED_MOST];
    if (address == 0 ||
        !target_memory_read(parker->memory, address, frame, PROCESSOR_EXTENDED_LEAST))
        return;
    size_t bytes = processor_extended_bytes(frame);
    if (bytes > PROCESSOR_EXTENDED_LEAST &&
        !target_memory_read(parker->memory, address, frame, bytes))
        bytes = PROCESSOR_EXTENDED_LEAST;
    processor_learn_layout(&parker->layout);
    thread->extended = memory_allocate_zeroed(1, bytes);
    thread->extended_bytes = bytes;
    processor_take_extended(&parker->layout, frame, bytes, thread->extended);
}

static bool stands_system_call(const struct parker *parker, uint64_t address)
{
    uint8_t code[PROCESSOR_SYSCALL_BYTES];
    return target_memory_read(parker->memory, address, code, sizeof code) &&
           processor_is_system_call(code);
}

static void read_registers(struct parker *parker, struct stopper_thread *thread,
                           struct session_parked *slot)
{
    uint64_t context[PROCESSOR_CONTEXT_WORDS];
    if (!target_memory_read(parker->memory, atomic_load(&slot->general), context, sizeof context))
        return;
    uint64_t thread_pointer = atomic_load(&slot->thread_pointer);
    processor_take_context(context, true, thread_pointer, thread->general);
    uint64_t pc = thread->general[PROCESSOR_WORD_PC];
    /* Behind it, or in front of it if it is to begin again. */
    bool is_in_call = stands_system_call(parker, pc - PROCESSOR_SYSCALL_BYTES) ||
                      stands_system_call(parker, pc);
    processor_take_context(context, is_in_call, thread_pointer, thread->general);
    take_extended(parker, thread, atomic_load(&slot->extended));
    thread->state = STOPPER_STOPPED;
}

static void take_answer(struct parker *parker, struct stopper_thread *thread, uint32_t place)
{
    thread->parked_plus_1 = place + 1;
    if (parker->memory != NULL)
        read_registers(parker, thread, session_parked_at(parker->session, place));
    else
        thread->state = STOPPER_SLEEPS;
}

void parker_read_registers(struct parker *parker, struct stopper *stopper,
                           const struct target_memory *memory)
{
    parker->memory = memory;
    for (size_t i = 0; i < stopper->count; i++) {
        struct stopper_thread *thread = &stopper->threads[i];
        if (thread->state == STOPPER_SLEEPS && thread->parked_plus_1 != 0)
            read_registers(parker, thread,
                           session_parked_at(parker->session, thread->parked_plus_1 - 1));
    }
    parker->memory = NULL; /* that is no longer there than this call */
}

static struct stopper_thread *find_asked(struct stopper *stopper, uint32_t own_tid)
{
    struct stopper_thread *thread = find_thread(stopper, (pid_t)own_tid);
    if (thread != NULL && task_facts_own_tid(thread->pid, thread->tid) == (pid_t)own_tid)
        return thread;
    for (size_t i = 0; i < stopper->count; i++)
        if (stopper->threads[i].state == STOPPER_RUNS &&
            task_facts_own_tid(stopper->pid, stopper->threads[i].tid) == (pid_t)own_tid)
            return &stopper->threads[i];
    return NULL;
}

static void hear_answers(struct parker *parker, struct stopper *stopper)
{
    uint32_t count = atomic_load(&parker->session->parked_count);
    for (; parker->parked_count < count && parker->parked_count < SESSION_PARKED_SLOTS;
         parker->parked_count++) {
        struct session_parked *slot = session_parked_at(parker->session, parker->parked_count);
        if (atomic_load(&slot->park) != parker->park)
            return; /* it is about to be filled in */
        struct stopper_thread *thread = find_asked(stopper, atomic_load(&slot->tid));
        if (thread != NULL && thread->state == STOPPER_RUNS)
            take_answer(parker, thread, parker->parked_count);
    }
}

/* Threads that cannot answer because they stand still anyway, and those that are gone. */
static void look_at_silent(struct stopper *stopper)
{
    for (size_t i = 0; i < stopper->count; i++) {
        struct stopper_thread *thread = &stopper->threads[i];
        if (thread->state != STOPPER_RUNS)
            continue;
        char state = task_facts_state(thread->pid, thread->tid);
        if (state == 'Z' || state == 'X' || state == '\0')
            thread->state = STOPPER_GONE;
        else if (is_stopped_state(state) || state == 'D')
            take_place(thread);
    }
}

static size_t count_silent(const struct stopper *stopper)
{
    size_t silent = 0;
    for (size_t i = 0; i < stopper->count; i++)
        silent += stopper->threads[i].state == STOPPER_RUNS;
    return silent;
}

/* One that does not hold the signal back only waits for a processor, or for us to hear it. */
static bool is_worth_waiting(const struct stopper *stopper)
{
    for (size_t i = 0; i < stopper->count; i++)
        if (stopper->threads[i].state == STOPPER_RUNS &&
            !task_facts_blocks_signal(stopper->threads[i].pid, stopper->threads[i].tid,
                                      SESSION_PARK_SIGNAL))
            return true;
    return false;
}

static void name_silent(struct parker *parker, const struct stopper *stopper, size_t count)
{
    char names[NAMES_BYTES] = "";
    size_t length = 0;
    for (size_t i = 0; i < stopper->count && length < sizeof names - 16; i++)
        if (stopper->threads[i].state == STOPPER_RUNS)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%d",
                                       length > 0 ? ", " : "", (int)stopper->threads[i].tid);
    snprintf(parker->note, sizeof parker->note, "%zu %s did not answer the signal: %s", count,
             count == 1 ? "thread" : "threads", names);
}

static void rest(unsigned looks)
{
    struct timespec nap = {0, NAP_US * 1000};
    if (looks < YIELDS)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

/* Waits until all have answered, also those that came meanwhile, or the time is up. */
static bool gather(struct parker *parker, struct stopper *stopper, const struct clock *clock,
                   uint64_t deadline_ns, struct error *error)
{
    struct listing listing = {.parker = parker, .stopper = stopper};
    uint64_t until_ns = 0;
    for (unsigned looks = 0;; looks++) {
        hear_answers(parker, stopper);
        size_t silent = count_silent(stopper);
        uint64_t now_ns = clock->now_ns(clock->context);
        bool is_time = until_ns != 0 && now_ns >= until_ns;
        if (is_time && now_ns < deadline_ns && is_worth_waiting(stopper)) {
            until_ns = now_ns + ANSWER_NS;
            is_time = false;
        }
        if (silent == 0 || is_time) {
            listing.new_count = 0;
            if (!task_facts_visit_threads(stopper->pid, ask, &listing))
                return task_facts_tell_absence(stopper->pid, error);
            if (listing.failure != 0)
                return error_set(error, "process %d cannot be stopped, and takes no signal either",
                                 (int)stopper->pid);
            if (listing.new_count == 0) {
                if (silent != 0)
                    name_silent(parker, stopper, silent);
                return true;
            }
            until_ns = now_ns + ANSWER_NS;
            looks = 0;
        }
        if (now_ns >= deadline_ns && until_ns == 0)
            return error_set(error, "%zu of %zu threads of process %d did not answer in time",
                             silent, stopper->count, (int)stopper->pid);
        if (looks != 0 && looks % STATE_LOOKS == 0)
            look_at_silent(stopper);
        rest(looks);
    }
}

/* ---- all of it ------------------------------------------------------------------------ */

static void wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool lock_out_exec(struct parker *parker)
{
    uint32_t seen = SESSION_PARK_FREE;
    return atomic_compare_exchange_strong(&parker->shared->park_guard, &seen,
                                          SESSION_PARK_BY_RECORDER);
}

static void forget(struct stopper *stopper)
{
    for (size_t i = 0; i < stopper->count; i++)
        stopper->threads[i].state = STOPPER_GONE;
    stopper->is_stopped = false;
}

bool parker_park(struct parker *parker, struct stopper *stopper, const struct clock *clock,
                 uint64_t deadline_ns, struct error *error)
{
    *stopper = (struct stopper){.pid = parker->pid};
    parker->note[0] = '\0';
    if (!lock_out_exec(parker))
        return error_set(error, "another program takes the place of process %d", (int)parker->pid);
    /* Slots of an earlier park name another number; what is late for that one finds none. */
    parker->park = (uint32_t)(clock->now_ns(clock->context) >> 10) | 1;
    parker->parked_count = 0;
    uint32_t filled = atomic_exchange(&parker->session->parked_count, 0);
    for (uint32_t i = 0; i < filled && i < SESSION_PARKED_SLOTS; i++)
        atomic_store(&session_parked_at(parker->session, i)->park, 0);
    atomic_store(&parker->shared->park, parker->park);
    stopper->is_stopped = gather(parker, stopper, clock, deadline_ns, error);
    if (!stopper->is_stopped)
        parker_release(parker, stopper);
    return stopper->is_stopped;
}

void parker_release(struct parker *parker, struct stopper *stopper)
{
    if (parker->park != 0) {
        parker->park = 0;
        atomic_store(&parker->shared->park, 0);
        wake(&parker->shared->park);
        uint32_t ours = SESSION_PARK_BY_RECORDER;
        atomic_compare_exchange_strong(&parker->shared->park_guard, &ours, SESSION_PARK_FREE);
        wake(&parker->shared->park_guard);
    }
    forget(stopper);
}

/* ---- stopped by others ------------------------------------------------------------------ */

static bool take_still_thread(void *context, pid_t tid)
{
    struct listing *listing = context;
    char state = task_facts_state(listing->stopper->pid, tid);
    if (state == 'Z' || state == 'X' || state == '\0')
        return true;
    bool waits = is_waiting(listing->parker, tid);
    if (!waits && !is_stopped_state(state)) {
        listing->failure = EBUSY;
        return false;
    }
    take_place(add_thread(listing->stopper, tid));
    listing->new_count += !waits;
    return true;
}

static uint64_t count_switches(const struct parker *parker, const struct stopper *stopper)
{
    uint64_t switches = 0;
    for (size_t i = 0; i < stopper->count; i++) {
        pid_t tid = stopper->threads[i].tid;
        if (!is_waiting(parker, tid) && is_stopped_state(task_facts_state(stopper->pid, tid)))
            switches += task_facts_switches(parker->pid, tid);
    }
    return switches;
}

bool parker_take_still(struct parker *parker, struct stopper *stopper)
{
    *stopper = (struct stopper){.pid = parker->pid};
    struct listing listing = {.parker = parker, .stopper = stopper};
    if (!task_facts_visit_threads(parker->pid, take_still_thread, &listing) ||
        listing.failure != 0 || stopper->count == 0) {
        stopper_clear(stopper);
        return false;
    }
    parker->park = 0;
    parker->note[0] = '\0';
    parker->switches = count_switches(parker, stopper);
    if (listing.new_count != 0)
        snprintf(parker->note, sizeof parker->note,
                 "read as a debugger or SIGSTOP had stopped it: its registers are not known");
    stopper->is_stopped = true;
    return true;
}

/* ---- asleep ----------------------------------------------------------------------------- */

/* How often it has gone to sleep by now; false when it does not sleep. What the kernel tells of a
 * system call it tells only of one that is off its processor, and to wake, run and sleep again
 * counts: the same number twice, each time asleep, means that it has not run between. */
static bool sleep_count(pid_t pid, pid_t tid, uint64_t *count)
{
    uint64_t pc, sp;
    bool is_asleep = task_facts_sleeper(pid, tid, &pc, &sp) && task_facts_state(pid, tid) == 'S';
    *count = task_facts_switches(pid, tid);
    return is_asleep && task_facts_sleeper(pid, tid, &pc, &sp);
}

static bool take_sleeper(void *context, pid_t tid)
{
    struct listing *listing = context;
    struct stopper *stopper = listing->stopper;
    uint64_t count = 0;
    char state = task_facts_state(stopper->pid, tid);
    if (state == 'Z' || state == 'X' || state == '\0' || find_thread(stopper, tid) != NULL)
        return true;
    if (!sleep_count(stopper->pid, tid, &count)) {
        listing->failure = EBUSY;
        return false;
    }
    take_place(add_thread(stopper, tid));
    listing->parker->switches += count;
    listing->new_count++;
    return true;
}

static bool do_all_sleep(const struct parker *parker, const struct stopper *stopper)
{
    uint64_t switches = 0;
    for (size_t i = 0; i < stopper->count; i++) {
        uint64_t count;
        if (!sleep_count(parker->pid, stopper->threads[i].tid, &count))
            return false;
        switches += count;
    }
    return switches == parker->switches;
}

/* Twice: a thread that ran while the others were listed may have made another one. */
bool parker_take_sleeping(struct parker *parker, struct stopper *stopper)
{
    stopper_clear(stopper);
    *stopper = (struct stopper){.pid = parker->pid};
    struct listing listing = {.parker = parker, .stopper = stopper};
    parker->park = 0;
    parker->switches = 0;
    bool is_listed = task_facts_visit_threads(parker->pid, take_sleeper, &listing) &&
                     listing.failure == 0 && stopper->count > 0;
    listing.new_count = 0;
    parker->is_asleep = is_listed &&
                        task_facts_visit_threads(parker->pid, take_sleeper, &listing) &&
                        listing.failure == 0 && listing.new_count == 0 &&
                        do_all_sleep(parker, stopper);
    if (!parker->is_asleep) {
        stopper_clear(stopper);
        return false;
    }
    snprintf(parker->note, sizeof parker->note,
             "read as it slept, since it cannot be stopped: its registers are not known");
    stopper->is_stopped = true;
    return true;
}

bool parker_is_still(const struct parker *parker, const struct stopper *stopper)
{
    if (parker->is_asleep)
        return do_all_sleep(parker, stopper);
    if (parker->park == 0)
        return parker->switches == count_switches(parker, stopper);
    for (uint32_t i = 0; i < parker->parked_count; i++)
        if (atomic_load(&session_parked_at(parker->session, i)->has_left) != 0)
            return false;
    return true;
}
