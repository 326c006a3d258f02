/* Makes a process stand still, by the first way that works: as it waits for us, if it has no other
 * thread and no way was asked for; stopped by ptrace; as somebody else has stopped it; parked by a
 * signal. */
#ifndef SEEP_RECORD_PROCESS_HOLD_H
#define SEEP_RECORD_PROCESS_HOLD_H

#include "base/clock.h"
#include "base/error.h"
#include "base/precedence.h"
#include "snapshot/parker.h"
#include "snapshot/stopper.h"

/* What --stop says. */
enum process_hold_way {
    PROCESS_HOLD_AUTO,
    PROCESS_HOLD_PTRACE,
    PROCESS_HOLD_SIGNAL
};

struct process_hold_request {
    enum process_hold_way way;
    pid_t pid;
    bool is_own_child;    /* somebody else in this program waits for its end */
    int pidfd;            /* of the process; -1 = it is our child, and its end not waited for yet */
    uint32_t waiting_tid; /* a thread that holds itself, as the process sees it; 0 = none */
    uint32_t quiet_hold;  /* no handler runs in that one as long as this is its hold; 0 = may be */
    struct session_header *session;
    struct session_process *shared;
};

struct process_hold {
    struct stopper stopper; /* its threads; what it has of memory is the holder's to clear */
    struct parker parker;
    struct target_process *process; /* to read registers from, where a signal put them */
    struct target_memory memory;
    bool is_stopped;              /* by ptrace */
    bool is_parked;               /* or as others stopped it */
    bool is_quiet;                /* or as it holds itself */
    uint64_t since_ns;            /* that it may stand still; 0 = it sleeps of itself */
    struct precedence precedence; /* of the holder, over others on the machine */
    struct process_hold_request request;
};

bool process_hold_begin(struct process_hold *hold, const struct process_hold_request *request,
                        const struct clock *clock, uint64_t deadline_ns, struct error *error);
void process_hold_end(struct process_hold *hold);

/* From here on it takes long: others on the machine are to run, too. */
void process_hold_take_time(struct process_hold *hold);

/* Did it stand still all the while? What was read otherwise is of no instant. */
bool process_hold_is_still(const struct process_hold *hold);

/* "", or what is missing. */
const char *process_hold_note(const struct process_hold *hold);

#endif
