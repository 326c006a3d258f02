/* Formats with one figure a stack take it from a site's live bytes: given a profile in which those
 * are what leaked, none of them has to know about leaks. */
#include "report/export_leaked.h"

#include <stdlib.h>

#include "analysis/leak_report.h"
#include "base/memory.h"
#include "report/export_parts.h"

/* A process without sites has nothing to lose. */
static bool check_scanned(const struct profile *profile, const struct export_options *options,
                          const struct leak_report *report, struct error *error)
{
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct leak_report_process *found = NULL;

        for (size_t j = 0; j < report->process_count; j++)
            if (report->processes[j].process == i)
                found = &report->processes[j];
        if (!export_has_process(options, i) || profile->processes[i].site_count == 0 ||
            (found && found->is_done))
            continue;
        return error_set(error, "process %llu was not scanned (%s): whether it leaks is not known",
                         (unsigned long long)profile->processes[i].about.id,
                         found && found->reason ? found->reason : "no snapshot");
    }
    return true;
}

static void add_leaks(const struct leaks *leaks, struct profile *leaked)
{
    for (size_t i = 0; i < leaks->count; i++) {
        const struct leak *leak = &leaks->items[i];

        if ((leak->kind != LEAK_DEFINITE && leak->kind != LEAK_INDIRECT) ||
            leak->site >= leaked->site_count)
            continue;
        leaked->sites[leak->site].figures.live_blocks += leak->blocks;
        leaked->sites[leak->site].figures.live_bytes += leak->bytes;
    }
}

static void copy_sites(const struct profile *profile, struct profile *leaked)
{
    *leaked = *profile;
    leaked->sites = memory_allocate_zeroed(profile->site_count, sizeof *leaked->sites);
    for (size_t i = 0; i < profile->site_count; i++) {
        leaked->sites[i] = profile->sites[i];
        leaked->sites[i].figures = (struct profile_figures){0};
        leaked->sites[i].packed_lists = NULL;
        leaked->sites[i].estimates = NULL;
    }
}

bool export_leaked_make(const struct profile *profile, const struct export_options *options,
                        struct profile *leaked, struct error *error)
{
    struct suppressions suppressions;
    struct leak_report_options wanted = {.suppressions = &suppressions,
                                         .process = options->process,
                                         .snapshot = LEAK_REPORT_DEFAULT,
                                         .since = LEAK_REPORT_NONE};
    struct leak_report report;
    bool is_good;

    if (!options->reader)
        return error_set(error, "there is no recording to read leaks from");
    if (profile->is_at_mark)
        return error_set(error, "what leaked is known at scans, not at marks");
    suppressions_init(&suppressions);
    suppressions_add_built_in(&suppressions);
    is_good = leak_report_build(profile, options->reader, &wanted, &report, error);
    if (is_good) {
        is_good = check_scanned(profile, options, &report, error);
        if (is_good) {
            copy_sites(profile, leaked);
            for (size_t i = 0; i < report.process_count; i++)
                add_leaks(&report.processes[i].leaks, leaked);
        }
        leak_report_clear(&report);
    }
    suppressions_clear(&suppressions);
    return is_good;
}

void export_leaked_clear(struct profile *leaked)
{
    free(leaked->sites);
    *leaked = (struct profile){0};
}
