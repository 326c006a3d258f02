#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/text_parts.h"

/* ---- --by ---- */

enum {
    MAX_COLUMNS = 10
};

struct column {
    enum query_metric metric;
    bool is_inclusive;
};

/* The sort key alone and with callees; what fits beside it when there is room. */
static size_t choose_columns(const struct page *page, const struct query *query,
                             const struct query_result *result, struct column columns[MAX_COLUMNS])
{
    static const enum query_metric usual[] = {
        QUERY_PEAK_BYTES,      QUERY_NET_BYTES,   QUERY_SURVIVED_BYTES, QUERY_LIVE_BYTES,
        QUERY_ALLOCATED_BYTES, QUERY_ALLOCATIONS, QUERY_FREES};
    bool has_inclusive = query_grouping_at(query->grouping)->has_inclusive;
    size_t count = 0;
    columns[count++] = (struct column){query->sort, false};
    if (has_inclusive)
        columns[count++] = (struct column){query->sort, true};
    if (has_inclusive && page->width && page->width < 120)
        return count;
    bool is_crowded = query->grouping == QUERY_BY_THREAD && page->width && page->width < 100 &&
                      page->profile->process_count > 1;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (usual[i] != query->sort && !(is_crowded && usual[i] == QUERY_FREES) &&
            (result->known_metrics >> usual[i] & 1))
            columns[count++] = (struct column){usual[i], false};
    return count;
}

static int column_width(enum query_metric metric)
{
    return query_metric_at(metric)->is_bytes ? 10 : 11;
}

static void write_titles(struct page *page, const struct query *query, const struct column *columns,
                         size_t count)
{
    page_set_style(page, PAGE_DIM);
    for (size_t i = 0; i < count; i++) {
        bool is_sort = columns[i].metric == query->sort && !query_metric_at(query->sort)->is_signed;
        const char *title = query_metric_at(columns[i].metric)->title;
        page_add_right(page, column_width(columns[i].metric),
                       columns[i].is_inclusive ? "+callees" : title);
        if (is_sort)
            page_add_right(page, 8, "%");
    }
    page_add(page, "  %s", query_grouping_at(query->grouping)->title);
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static const char *module_name(const struct query_row *row)
{
    return row->module ? text_file_name(row->module) : NULL;
}

/* The name gives way to what tells threads apart. */
static void write_thread(struct page *page, const struct query *query, const struct query_row *row)
{
    struct text rest = {0};
    if (row->tid)
        text_print(&rest, " (%" PRIu64 ")", row->tid);
    if (query->process == QUERY_ALL_PROCESSES && page->profile->process_count > 1)
        text_print(&rest, ", process %" PRIu64, page->profile->processes[row->process].about.id);
    int left = page_left(page, 12);
    int name_columns = left - (int)rest.count;
    page_add_foreign(page, row->name, left == 0 ? 0 : name_columns > 4 ? name_columns : 4);
    page_add(page, "%s", text_get(&rest));
    text_clear(&rest);
}

static void write_name(struct page *page, const struct query *query, const struct query_row *row)
{
    page_add(page, "  ");
    switch (query->grouping) {
    case QUERY_BY_SITE:
    case QUERY_BY_FUNCTION:
        page_add_code(page, row->name, row->file, row->line, module_name(row));
        break;
    case QUERY_BY_FILE:
        page_add_foreign(page, row->file ? page_short_path(page->profile, row->file) : row->name,
                         page_left(page, 12));
        break;
    case QUERY_BY_MODULE:
    case QUERY_BY_PYTHON_LINE:
        page_add_foreign(page, row->name, page_left(page, 12));
        break;
    case QUERY_BY_THREAD:
        write_thread(page, query, row);
        break;
    }
    page_end_line(page);
}

static void write_row(struct page *page, const struct query *query, const struct query_row *row,
                      const struct query_figures *total, const struct column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum query_metric metric = columns[i].metric;
        uint64_t value = (columns[i].is_inclusive ? row->inclusive : row->self).values[metric];
        text_add_metric(page, column_width(metric), metric, value);
        if (metric == query->sort && !query_metric_at(metric)->is_signed)
            text_add_percent(page, 8, value, total->values[metric]);
    }
    write_name(page, query, row);
}

bool text_write_groups(struct page *page, const struct report_options *options, struct error *error)
{
    struct query query = options->query;
    struct query_result result;
    query.limit = text_limit(options);
    if (!query_run(page->profile, &query, &result, error))
        return false;
    const struct query_grouping_info *grouping = query_grouping_at(query.grouping);
    struct column columns[MAX_COLUMNS];
    size_t count = choose_columns(page, &query, &result, columns);
    page_heading(page, "By %s, sorted by %s%s", grouping->name, query_metric_at(query.sort)->name,
                 query.is_sorted_inclusive && grouping->has_inclusive ? " with callees" : "");
    text_write_matched(page, &query, &result);
    page_end_line(page);
    if (result.row_count)
        write_titles(page, &query, columns, count);
    else
        text_write_nothing(page, &query);
    for (size_t i = 0; i < result.row_count; i++)
        write_row(page, &query, &result.rows[i], &result.total, columns, count);
    text_write_omitted(page, result.omitted_count, result.omitted_bytes);
    query_result_clear(&result);
    return true;
}

/* ---- --tree ----
 *
 * A node that is its parent's only child does not indent further: a chain of calls stands as a
 * column under its head, and only branches, which begin with a dash, move to the right. */

struct tree_writing {
    struct page *page;
    const struct call_tree *tree;
    enum query_metric metric;
};

static void indent(struct page *page, unsigned level, bool is_head)
{
    unsigned most = page->width ? (unsigned)page->width / 4 : 1000;
    unsigned columns = level < most / 2 ? 2 * level : most;
    page_add(page, "  %*s%s", (int)columns, "", is_head ? "- " : "  ");
}

/* Where figures cancel out there are no parts of a whole. */
static void add_share(const struct tree_writing *writing, uint64_t value)
{
    const struct query_figures *total = &writing->tree->nodes[0].figures;
    if (!query_metric_at(writing->metric)->is_signed)
        text_add_percent(writing->page, 8, value, total->values[writing->metric]);
}

static void write_pruned(const struct tree_writing *writing, const struct call_tree_node *node,
                         unsigned level)
{
    struct page *page = writing->page;
    uint64_t value = node->pruned.values[writing->metric];
    char number[UNITS_TEXT_BYTES];
    if (!value)
        return;
    page_set_style(page, PAGE_DIM);
    text_add_metric(page, 10, writing->metric, value);
    add_share(writing, value);
    indent(page, level, true);
    page_add(page, "(%s smaller)", units_format_count(node->pruned_count, number));
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static void write_node(const struct tree_writing *writing, const struct call_tree_node *node,
                       unsigned level, bool is_head)
{
    struct page *page = writing->page;
    const struct profile *profile = page->profile;
    uint64_t value = node->figures.values[writing->metric];
    text_add_metric(page, 10, writing->metric, value);
    add_share(writing, value);
    indent(page, level, is_head);
    if (node->is_inlined)
        page_add(page, "(inlined) ");
    else if (node->is_tail_call)
        page_add(page, "(tail call) ");
    page_add_location(page, &profile->frames[node->frame], &profile->locations[node->location],
                      node->line);
    page_end_line(page);
}

/* Depth first without recursion: stacks may be deep. A node's level is kept while its subtree is
 * written. */
static void write_nodes(const struct tree_writing *writing, unsigned *levels)
{
    const struct call_tree_node *nodes = writing->tree->nodes;
    uint32_t at = nodes[0].first_child;
    levels[0] = 0;
    while (at != CALL_TREE_NONE) {
        const struct call_tree_node *node = &nodes[at];
        const struct call_tree_node *parent = &nodes[node->parent];
        bool is_chain = parent->child_count == 1 && !parent->pruned.values[writing->metric] &&
                        node->parent;
        levels[at] = node->parent == 0 ? 0 : levels[node->parent] + !is_chain;
        write_node(writing, node, levels[at], !is_chain);
        if (node->first_child != CALL_TREE_NONE) {
            at = node->first_child;
            continue;
        }
        write_pruned(writing, node, levels[at] + 1);
        while (at && nodes[at].next_sibling == CALL_TREE_NONE) {
            at = nodes[at].parent;
            if (at)
                write_pruned(writing, &nodes[at], levels[at] + 1);
        }
        at = at ? nodes[at].next_sibling : CALL_TREE_NONE;
    }
    write_pruned(writing, &nodes[0], 0);
}

bool text_write_tree(struct page *page, const struct report_options *options, struct error *error)
{
    const struct query *query = &options->query;
    struct call_tree_options tree_options = {.direction = options->direction,
                                             .metric = query->sort,
                                             .process = query->process,
                                             .min_share = options->min_share,
                                             .is_own_code_first = true,
                                             .filter = query->filter};
    struct call_tree tree;
    if (!call_tree_build(page->profile, &tree_options, &tree, error))
        return false;
    page_heading(page, "%s, by %s; parts below %.3g %% are left out",
                 options->direction == CALL_TREE_TOP_DOWN ? "Callers and what they call"
                                                          : "What allocates, and who calls it",
                 query_metric_at(query->sort)->name, options->min_share * 100);
    page_end_line(page);
    struct tree_writing writing = {page, &tree, query->sort};
    if (tree.node_count <= 1)
        text_write_nothing(page, query);
    unsigned *levels = memory_allocate_zeroed(tree.node_count, sizeof *levels);
    write_nodes(&writing, levels);
    free(levels);
    call_tree_clear(&tree);
    return true;
}
