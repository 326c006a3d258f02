#include "record/process_hold.h"

#include <string.h>

bool process_hold_begin(struct process_hold *hold, const struct process_hold_request *request,
                        const struct clock *clock, uint64_t deadline_ns, struct error *error)
{
    struct error refusal = {""};
    memset(hold, 0, sizeof *hold);
    if (request->way != PROCESS_HOLD_SIGNAL) {
        hold->is_stopped = stopper_stop(&hold->stopper, request->pid, request->is_own_child, clock,
                                        deadline_ns, &refusal);
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
    hold->process = target_process_open((uint32_t)request->pid, error);
    if (hold->process == NULL)
        return false;
    hold->memory = target_process_memory(hold->process);
    hold->is_parked = parker_park(&hold->parker, &hold->stopper, clock, deadline_ns, error);
    if (hold->is_parked)
        return true;
    if (refusal.message[0] != '\0' && atomic_load(&request->shared->park_state) == SESSION_PARK_NOT)
        error_set(error, "%s (try seep run --stop=signal)", refusal.message);
    target_process_close(hold->process);
    hold->process = NULL;
    return false;
}

void process_hold_end(struct process_hold *hold)
{
    if (hold->is_stopped)
        stopper_release(&hold->stopper);
    else if (hold->is_parked)
        parker_release(&hold->parker, &hold->stopper);
    hold->is_stopped = hold->is_parked = false;
    target_process_close(hold->process);
    hold->process = NULL;
}

bool process_hold_is_still(const struct process_hold *hold)
{
    return hold->is_stopped || parker_is_still(&hold->parker, &hold->stopper);
}

const char *process_hold_note(const struct process_hold *hold)
{
    return hold->is_stopped ? "" : hold->parker.note;
}
