#include "config.h"

#include <errno.h>

#include "base/units.h"
#include "report/graph_diff_report.h"
#include "report/graph_report.h"
#include "report/page.h"
#include "report/text_parts.h"

enum {
    COLUMNS = 11
};

struct writing {
    struct page page;
    const struct graph_diff *diff;
    const struct diff_report_options *report;
    uint64_t limit;
};

static void add_size(struct page *page, uint64_t bytes)
{
    char cell[UNITS_TEXT_BYTES];

    page_add_right(page, COLUMNS, units_format_size(bytes, cell));
}

static void add_figures(struct writing *writing, const struct graph_diff_row *row)
{
    struct page *page = &writing->page;
    char cell[UNITS_TEXT_BYTES];

    page_add_right(page, COLUMNS,
                   units_format_signed_size(
                       diff_change(row->held[DIFF_BASE].bytes, row->held[DIFF_OTHER].bytes), cell));
    add_size(page, row->held[DIFF_BASE].bytes);
    add_size(page, row->held[DIFF_OTHER].bytes);
    if (!writing->diff->are_blocks_known)
        return;
    add_size(page, row->added.bytes);
    add_size(page, row->freed.bytes);
    add_size(page, row->survived.bytes);
}

static void write_titles(struct writing *writing, const char *last)
{
    struct page *page = &writing->page;

    page_set_style(page, PAGE_DIM);
    page_add(page, "%*s%*s%*s", COLUMNS, "Change", COLUMNS, "Base", COLUMNS, "New");
    if (writing->diff->are_blocks_known)
        page_add(page, "%*s%*s%*s", COLUMNS, "Added", COLUMNS, "Freed", COLUMNS, "Survives");
    page_add(page, "  %s", last);
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static void write_side(struct writing *writing, enum diff_side side)
{
    const struct process_graph *graph = writing->diff->graphs[side];
    char when[UNITS_TEXT_BYTES], size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct text line = {0};

    page_make_safe(&line, writing->report->paths[side]);
    text_print(&line, " at %s, %s after the start: %s in %s block%s",
               writing->report->instants[side],
               units_format_duration(graph->snapshot->time_ns, when),
               units_format_size(writing->diff->total.held[side].bytes, size),
               units_format_count(writing->diff->total.held[side].blocks, count),
               units_plural(writing->diff->total.held[side].blocks));
    page_label(&writing->page, side == DIFF_BASE ? "Base" : "New", text_get(&line));
    if (!snapshot_is_complete(graph->snapshot))
        page_label(&writing->page, "",
                   *graph->snapshot->note ? graph->snapshot->note
                                          : "incomplete: not all could be read");
    text_clear(&line);
}

static bool is_changed(const struct graph_diff_row *row)
{
    return row->held[DIFF_BASE].bytes != row->held[DIFF_OTHER].bytes || row->added.blocks ||
           row->freed.blocks;
}

static void write_root(struct writing *writing, const struct graph_diff_row *row)
{
    struct page *page = &writing->page;
    const struct process_graph *graph = writing->diff->graphs[row->side];
    struct text name = {0};

    if (row->root == OBJECT_GRAPH_WHOLE)
        text_add(&name, "several roots together");
    else
        graph_add_root_likeness(graph, row->root, &name);
    add_figures(writing, row);
    page_end_line(page);
    page_add(page, "    ");
    page_add_foreign(page, text_get(&name), page_left(page, 20));
    page_end_line(page);
    name.count = 0;
    if (row->gathering != OBJECT_GRAPH_NONE && row->gathering != row->root) {
        text_add(&name, "what was added gathers at ");
        graph_add_node_name(graph, row->gathering, &name);
        page_add(page, "      ");
        page_add_foreign(page, text_get(&name), page_left(page, 20));
        page_end_line(page);
    }
    text_clear(&name);
}

static void write_type(struct writing *writing, const struct graph_diff_row *row)
{
    struct page *page = &writing->page;
    const struct type_names *types = writing->diff->graphs[row->side]->types;
    struct text name = {0};

    if (row->group == TYPE_NO_GROUP)
        text_add(&name, "not known");
    else
        text_print(&name, "%s (%s)", types->groups[row->group].name,
                   type_source_name(type_group_source(&types->groups[row->group])));
    add_figures(writing, row);
    page_end_line(page);
    page_add(page, "    ");
    page_add_foreign(page, text_get(&name), page_left(page, 20));
    page_end_line(page);
    text_clear(&name);
}

/* Is any type known? */
static bool has_types(const struct graph_diff *diff)
{
    return diff->type_count > 1 || (diff->type_count == 1 && diff->types[0].group != TYPE_NO_GROUP);
}

static void write_site(struct writing *writing, const struct graph_diff_row *row)
{
    struct page *page = &writing->page;
    const struct profile *profile = writing->diff->graphs[row->side]->profile;
    struct report_options options;

    report_options_init(&options);
    options.stack_depth = writing->report->stack_depth;
    page->profile = profile;
    add_figures(writing, row);
    page_end_line(page);
    if (row->site == GRAPH_NO_SITE) {
        page_add(page, "    not known");
        page_end_line(page);
    } else {
        text_write_stack(page, &options, profile->sites[row->site].stack_node);
    }
}

static void write_rows(struct writing *writing, const char *heading, const char *last,
                       const struct graph_diff_row *rows, size_t count,
                       void (*write)(struct writing *writing, const struct graph_diff_row *row))
{
    char number[UNITS_TEXT_BYTES];
    uint64_t written = 0, omitted = 0;

    page_heading(&writing->page, "%s", heading);
    write_titles(writing, last);
    for (size_t i = 0; i < count; i++) {
        if (!is_changed(&rows[i]))
            continue;
        if (writing->limit && written >= writing->limit) {
            omitted++;
            continue;
        }
        written++;
        write(writing, &rows[i]);
    }
    if (omitted > 0) {
        page_add(&writing->page, "  and %s more", units_format_count(omitted, number));
        page_end_line(&writing->page);
    }
}

bool graph_diff_write_text(const struct graph_diff *diff, const struct diff_report_options *report,
                           uint64_t limit, FILE *out, struct error *error)
{
    const struct process_graph *other = diff->graphs[DIFF_OTHER];
    struct writing writing = {.diff = diff, .report = report, .limit = limit};

    page_init(&writing.page, other->profile, out, report->width, report->is_colour);
    page_set_program(&writing.page, other->process);
    page_set_style(&writing.page, PAGE_BOLD);
    page_add(&writing.page, "Difference of two snapshots");
    page_set_style(&writing.page, PAGE_PLAIN);
    page_end_line(&writing.page);
    page_end_line(&writing.page);
    write_side(&writing, DIFF_BASE);
    write_side(&writing, DIFF_OTHER);
    if (!diff->are_blocks_known)
        page_label(&writing.page, "Blocks",
                   "of two processes: which were added, freed or survive is not known");
    page_end_line(&writing.page);
    write_titles(&writing, "");
    add_figures(&writing, &diff->total);
    page_end_line(&writing.page);
    write_rows(&writing, "Roots by change of what they alone retain", "", diff->roots,
               diff->root_count, write_root);
    if (has_types(diff))
        write_rows(&writing, "Types by change", "", diff->types, diff->type_count, write_type);
    write_rows(&writing, "Sites by change", "", diff->sites, diff->site_count, write_site);
    page_clear(&writing.page);
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
}
