/* OpenMetrics text (openmetrics.io): totals of each process, for Prometheus' textfile collector and
 * GitLab's metrics reports, which compare them with the target branch's. What is not known is left
 * out: a 0 would be taken for a measurement. */
#include "config.h"

#include <inttypes.h>

#include "report/export_parts.h"

struct gauge {
    const char *name;
    const char *unit; /* NULL = a plain count */
    const char *help;
    size_t offset; /* in recording_totals */
    bool is_zero_unknown;
};

/* clang-format off */
static const struct gauge gauges[] = {
    {"seep_heap_peak_bytes", "bytes", "Heap at its peak.",
     offsetof(struct recording_totals, peak_bytes), false},
    {"seep_heap_live_bytes", "bytes", "Heap not freed at the end.",
     offsetof(struct recording_totals, live_bytes), false},
    {"seep_heap_live_blocks", NULL, "Blocks not freed at the end.",
     offsetof(struct recording_totals, live_blocks), false},
    {"seep_heap_allocated_bytes", "bytes", "Bytes ever allocated.",
     offsetof(struct recording_totals, allocated_bytes), false},
    {"seep_heap_allocations", NULL, "Calls that returned a block.",
     offsetof(struct recording_totals, allocations), false},
    {"seep_heap_temporary_allocations", NULL, "Blocks freed before their thread allocated again.",
     offsetof(struct recording_totals, temporary_allocations), false},
    {"seep_memory_peak_bytes", "bytes", "Heap and anonymous mappings at their common peak.",
     offsetof(struct recording_totals, common_peak_bytes), false},
    {"seep_resident_peak_bytes", "bytes", "Resident memory at its peak, by the kernel.",
     offsetof(struct recording_totals, peak_resident_bytes), true},
};
/* clang-format on */

static void add_label(struct text *out, const char *name, const char *value)
{
    struct text safe = {0};

    export_add_name(&safe, value, "", ' ');
    text_print(out, "%s%s=\"", out->count ? "," : "", name);
    for (const char *at = text_get(&safe); *at; at++) {
        if (*at == '"' || *at == '\\')
            text_add(out, "\\");
        text_add_bytes(out, at, 1);
    }
    text_add(out, "\"");
    text_clear(&safe);
}

static void write_value(const struct gauge *gauge, const struct profile_process *process, FILE *out)
{
    uint64_t value = *(const uint64_t *)((const char *)&process->totals + gauge->offset);
    struct text labels = {0};

    if (!process->has_totals || !process->about.observed || (gauge->is_zero_unknown && value == 0))
        return;
    text_print(&labels, "process=\"%" PRIu64 "\"", process->about.id);
    add_label(&labels, "program", profile_process_name(process));
    fprintf(out, "%s{%s} %" PRIu64 "\n", gauge->name, text_get(&labels), value);
    text_clear(&labels);
}

bool export_write_openmetrics(const struct profile *profile, const struct export_options *options,
                              FILE *out, struct error *error)
{
    (void)error;
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
        fprintf(out, "# TYPE %s gauge\n", gauges[i].name);
        if (gauges[i].unit)
            fprintf(out, "# UNIT %s %s\n", gauges[i].name, gauges[i].unit);
        fprintf(out, "# HELP %s %s\n", gauges[i].name, gauges[i].help);
        for (uint32_t j = 0; j < profile->process_count; j++)
            if (export_has_process(options, j))
                write_value(&gauges[i], &profile->processes[j], out);
    }
    fputs("# TYPE seep_recording_complete gauge\n"
          "# HELP seep_recording_complete 1 when nothing was lost.\n",
          out);
    fprintf(out, "seep_recording_complete %d\n# EOF\n", profile->is_complete);
    return true;
}
