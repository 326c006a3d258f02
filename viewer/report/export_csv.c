/* Comma-separated values (RFC 4180, but with line feeds alone): a row a site, sites in the order of
 * the profile, the stack innermost first in one field with '|' between its lines. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "report/export_parts.h"

static void add_field(struct text *row, const char *value)
{
    struct text safe = {0};

    export_add_name(&safe, value ? value : "", "", ' ');
    text_add(row, row->count ? ",\"" : "\"");
    for (const char *at = text_get(&safe); *at; at++)
        if (*at == '"')
            text_add(row, "\"\"");
        else
            text_add_bytes(row, at, 1);
    text_add(row, "\"");
    text_clear(&safe);
}

static void add_number(struct text *row, uint64_t number)
{
    text_print(row, "%s%" PRIu64, row->count ? "," : "", number);
}

/* What an interval does not have is an empty field. */
static void add_figure(struct text *row, const struct profile *profile,
                       const struct profile_site *site, enum query_metric metric)
{
    if (export_knows(profile, metric))
        add_number(row, query_site_value(site, metric));
    else
        text_add(row, ",");
}

static void add_stack(struct text *row, const struct export_stack *stack)
{
    struct text lines = {0};

    for (size_t i = 0; i < stack->count; i++) {
        const struct profile_location *location = stack->lines[i].location;

        text_print(&lines, "%s%s", i ? "|" : "", location->function);
        if (location->file)
            text_print(&lines, " (%s:%u)", text_file_name(location->file), location->line);
    }
    add_field(row, text_get(&lines));
    text_clear(&lines);
}

static void write_row(const struct profile *profile, const struct profile_site *site,
                      struct export_stack *stack, FILE *out)
{
    const struct profile_process *process = &profile->processes[site->process];
    const struct profile_location *innermost;
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    struct text row = {0};
    uint32_t module;

    export_stack_read(stack, profile, site->stack_node);
    innermost = stack->count ? stack->lines[0].location : NULL;
    module = stack->count ? stack->lines[0].frame->module_plus_1 : 0;
    add_number(&row, process->about.id);
    add_number(&row, process->about.pid);
    add_field(&row, process->about.executable);
    add_field(&row, fingerprint_format(site->fingerprint, fingerprint));
    add_field(&row, profile_function_name(site->function));
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        add_figure(&row, profile, site, (enum query_metric)i);
    add_number(&row, site->figures.inherited_blocks);
    add_number(&row, site->figures.inherited_bytes);
    add_number(&row, site->figures.first_ns);
    add_number(&row, site->figures.last_ns);
    add_field(&row, innermost ? innermost->function : NULL);
    add_field(&row, innermost ? innermost->file : NULL);
    add_number(&row, innermost ? innermost->line : 0);
    add_field(&row, module ? profile->modules[module - 1].path : NULL);
    add_stack(&row, stack);
    fprintf(out, "%s\n", text_get(&row));
    text_clear(&row);
}

bool export_write_csv(const struct profile *profile, const struct export_options *options,
                      FILE *out, struct error *error)
{
    struct export_sites sites;
    struct export_stack stack = {0};

    if (!export_sites_select(profile, options, &sites, error))
        return false;
    fputs("process_id,pid,executable,fingerprint,allocation_function", out);
    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++)
        fprintf(out, ",%s", query_metric_at(i)->key);
    fputs(",inherited_blocks,inherited_bytes,first_time_ns,last_time_ns,function,file,line,module,"
          "stack\n",
          out);
    for (size_t i = 0; i < sites.count; i++)
        write_row(profile, &profile->sites[sites.positions[i]], &stack, out);
    export_stack_clear(&stack);
    export_sites_clear(&sites);
    return true;
}
