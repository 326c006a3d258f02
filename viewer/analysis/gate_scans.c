#include "config.h"

#include "analysis/gate_scans.h"

#include "base/memory.h"

struct gate_scan *gate_scans_make(const struct profile *profile, const struct leak_report *report)
{
    struct gate_scan *scans = memory_allocate_zeroed(profile->process_count, sizeof *scans);
    for (size_t i = 0; i < profile->process_count; i++)
        scans[i].reason = profile_is_sampled(profile) ? "sampled" : "failed";
    for (size_t i = 0; report && i < report->process_count; i++) {
        const struct leak_report_process *process = &report->processes[i];
        scans[process->process] = (struct gate_scan){
            .leaks = process->is_done ? &process->leaks : NULL, .reason = process->reason};
    }
    return scans;
}
