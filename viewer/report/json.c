/* seep/report: one object, an entry a line; schema/seep-report.json describes it, and within a
 * major version of the schema keys are only added. Everything is streamed: a site is gone from
 * memory once it is written. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"
#include "report/formats.h"
#include "report/json_parts.h"
#include "report/json_stacks.h"
#include "report/path_parts.h"
#include "report/json_stream.h"
#include "report/memory_report.h"
#include "report/python_report.h"
#include "report/type_report.h"

enum {
    JSON_DEFAULT_LIMIT = 1000
};

struct writing {
    struct json_stream stream;
    struct json_stacks stacks;
    const struct profile *profile;
    const struct report_options *options;
};

static uint64_t limit_of(const struct report_options *options)
{
    return options->has_limit ? options->query.limit : JSON_DEFAULT_LIMIT;
}

/* ---- totals ---- */

static json_t *json_metric(enum query_metric metric, uint64_t value)
{
    return query_metric_at(metric)->is_signed ? json_integer((json_int_t)value)
                                              : json_number(value);
}

/* A figure; in a sampled recording with its bounds beside it. */
static void add_figure(struct writing *writing, const char *key, uint64_t value,
                       struct estimate_interval bounds)
{
    struct json_stream *stream = &writing->stream;
    char name[64];
    json_stream_add_number(stream, key, value);
    if (!profile_is_sampled(writing->profile))
        return;
    snprintf(name, sizeof name, "%s_low", key);
    json_stream_add_number(stream, name, bounds.low);
    snprintf(name, sizeof name, "%s_high", key);
    json_stream_add_number(stream, name, bounds.high);
}

static void add_metric(struct writing *writing, const char *key,
                       const struct query_figures *figures, enum query_metric metric, uint64_t seen)
{
    struct estimate_interval bounds = {0, 0};
    if (profile_is_sampled(writing->profile))
        bounds = query_figures_interval(writing->profile, figures, metric, seen);
    add_figure(writing, key, figures->values[metric], bounds);
}

/* What intervals alone know; null otherwise. */
static void add_change(struct writing *writing, const struct query_figures *figures, uint32_t known)
{
    for (int i = QUERY_METRIC_COUNT; i < QUERY_ALL_METRIC_COUNT; i++)
        json_stream_add(&writing->stream, query_metric_at((size_t)i)->key,
                        known >> i & 1 ? json_metric((enum query_metric)i, figures->values[i])
                                       : json_null());
}

static uint32_t known_of(const struct writing *writing, uint32_t process)
{
    return query_known_metrics(writing->profile, process, QUERY_BY_SITE);
}

static void add_inherited(struct writing *writing, const struct query_figures *figures,
                          const struct recording_list *estimates)
{
    const struct profile *profile = writing->profile;
    add_figure(writing, "inherited_blocks", figures->inherited_blocks,
               query_figures_inherited(profile, figures, estimates, false));
    add_figure(writing, "inherited_bytes", figures->inherited_bytes,
               query_figures_inherited(profile, figures, estimates, true));
}

/* Mappings are counted, whatever the heap is: the sum is as uncertain as that alone. */
static void add_common_peak(struct writing *writing, const struct recording_totals *totals,
                            const struct query_figures *figures)
{
    struct estimate_interval bounds = {0, 0};
    if (profile_is_sampled(writing->profile)) {
        bounds = query_figures_interval(writing->profile, figures, QUERY_PEAK_BYTES, 0);
        uint64_t below = totals->peak_bytes - bounds.low;
        bounds.low = totals->common_peak_bytes > below ? totals->common_peak_bytes - below : 0;
        bounds.high = totals->common_peak_bytes + (bounds.high - totals->peak_bytes);
    }
    add_figure(writing, "common_peak_bytes", totals->common_peak_bytes, bounds);
}

static const char *const kernel_keys[] = {
    "peak_resident_bytes", "peak_blocks",       "reallocations",     "failed_allocations",
    "mapped_bytes",        "mapped_peak_bytes", "common_peak_bytes", "common_peak_time_ns"};

static void add_nulls(struct writing *writing, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        json_stream_add(&writing->stream, keys[i], NULL);
}

/* Of an interval: what is a sum of events. */
/* What came, what went, and what was there before and after. */
static void add_flow(struct writing *writing, const struct query_figures *figures,
                     const struct recording_list *estimates)
{
    add_metric(writing, "allocations", figures, QUERY_ALLOCATIONS, 0);
    add_metric(writing, "frees", figures, QUERY_FREES, 0);
    add_metric(writing, "allocated_bytes", figures, QUERY_ALLOCATED_BYTES, 0);
    add_metric(writing, "freed_bytes", figures, QUERY_FREED_BYTES, 0);
    add_inherited(writing, figures, estimates);
    add_metric(writing, "live_blocks", figures, QUERY_LIVE_BLOCKS, 0);
    add_metric(writing, "live_bytes", figures, QUERY_LIVE_BYTES, 0);
}

static void add_interval_totals(struct writing *writing, uint32_t process)
{
    static const char *const unknown[] = {"peak_bytes", "peak_time_ns", "temporary_allocations"};
    const struct recording_totals *totals = &writing->profile->processes[process].totals;
    struct query_figures figures = {0};
    query_figures_add_totals(&figures, totals);
    query_figures_add_survivors(&figures, writing->profile, process);
    add_flow(writing, &figures, &totals->estimates);
    add_nulls(writing, unknown, sizeof unknown / sizeof *unknown);
    add_nulls(writing, kernel_keys, sizeof kernel_keys / sizeof *kernel_keys);
    add_change(writing, &figures, known_of(writing, process));
}

static void add_known_totals(struct writing *writing, const struct recording_totals *totals)
{
    struct json_stream *stream = &writing->stream;
    bool is_sampled = profile_is_sampled(writing->profile);
    struct query_figures figures = {0};
    query_figures_add_totals(&figures, totals);
    add_flow(writing, &figures, &totals->estimates);
    add_metric(writing, "peak_bytes", &figures, QUERY_PEAK_BYTES, 0);
    json_stream_add_number(stream, "peak_time_ns", totals->peak_time_ns);
    add_metric(writing, "temporary_allocations", &figures, QUERY_TEMPORARY, 0);
    json_stream_add(stream, "peak_resident_bytes",
                    totals->peak_resident_bytes ? json_number(totals->peak_resident_bytes) : NULL);
    add_metric(writing, "peak_blocks", &figures, QUERY_PEAK_BLOCKS, 0);
    /* A sample may come out of a realloc of a block that was none: then it is not known as one. */
    json_stream_add(stream, "reallocations",
                    is_sampled ? NULL : json_number(totals->reallocations));
    json_stream_add_number(stream, "failed_allocations", totals->failed_allocations);
    json_stream_add_number(stream, "mapped_bytes", totals->mapped_bytes);
    json_stream_add_number(stream, "mapped_peak_bytes", totals->mapped_peak_bytes);
    add_common_peak(writing, totals, &figures);
    json_stream_add_number(stream, "common_peak_time_ns", totals->common_peak_time_ns);
    add_change(writing, &figures, 0);
}

static void add_unknown_totals(struct writing *writing)
{
    static const char *const keys[] = {
        "allocations",      "frees",           "allocated_bytes",      "freed_bytes",
        "inherited_blocks", "inherited_bytes", "live_blocks",          "live_bytes",
        "peak_bytes",       "peak_time_ns",    "temporary_allocations"};
    static const struct query_figures nothing;
    add_nulls(writing, keys, sizeof keys / sizeof *keys);
    add_nulls(writing, kernel_keys, sizeof kernel_keys / sizeof *kernel_keys);
    add_change(writing, &nothing, 0);
}

static void add_totals(struct writing *writing, uint32_t process)
{
    const struct profile_process *from = &writing->profile->processes[process];
    json_stream_begin_object(&writing->stream, "totals");
    if (from->has_totals && from->about.observed && writing->profile->whole)
        add_interval_totals(writing, process);
    else if (from->has_totals && from->about.observed)
        add_known_totals(writing, &from->totals);
    else
        add_unknown_totals(writing);
    json_stream_end(&writing->stream);
}

/* ---- sites ---- */

static void add_site(struct writing *writing, const struct profile_site *site)
{
    static const enum query_metric before[] = {QUERY_ALLOCATIONS, QUERY_FREES,
                                               QUERY_ALLOCATED_BYTES, QUERY_FREED_BYTES};
    static const enum query_metric after[] = {QUERY_LIVE_BLOCKS, QUERY_LIVE_BYTES,
                                              QUERY_PEAK_BLOCKS, QUERY_PEAK_BYTES, QUERY_TEMPORARY};
    struct json_stream *stream = &writing->stream;
    uint32_t known = known_of(writing, site->process);
    struct query_figures figures = {0};
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    query_figures_add_site(&figures, site);
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "fingerprint",
                    json_string(fingerprint_format(site->fingerprint, fingerprint)));
    json_stream_add(stream, "allocation_function",
                    json_string(profile_function_name(site->function)));
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        add_metric(writing, query_metric_at(before[i])->key, &figures, before[i],
                   query_site_seen(site, before[i]));
    add_inherited(writing, &figures, site->estimates);
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        if (known >> after[i] & 1)
            add_metric(writing, query_metric_at(after[i])->key, &figures, after[i],
                       query_site_seen(site, after[i]));
        else
            json_stream_add(stream, query_metric_at(after[i])->key, NULL);
    json_stream_add_number(stream, "first_time_ns", site->figures.first_ns);
    json_stream_add_number(stream, "last_time_ns", site->figures.last_ns);
    json_stacks_add(&writing->stacks, stream, "stack", site->stack_node);
    add_change(writing, &figures, known);
    json_stream_end(stream);
}

static bool add_sites(struct writing *writing, uint32_t process, struct error *error)
{
    struct query query = writing->options->query;
    struct query_result result;
    query.grouping = QUERY_BY_SITE;
    query.process = process;
    query.limit = limit_of(writing->options);
    if (!query_run(writing->profile, &query, &result, error))
        return false;
    const struct query_metric_info *sort = query_metric_at(query.sort);
    json_stream_begin_array(&writing->stream, "sites");
    for (size_t i = 0; i < result.row_count; i++)
        add_site(writing, &writing->profile->sites[result.rows[i].site]);
    json_stream_end(&writing->stream);
    json_add_omitted(&writing->stream, "omitted", result.omitted_count, result.omitted_bytes,
                     query_metric_at(sort->bytes_metric)->key);
    query_result_clear(&result);
    return true;
}

/* ---- --by ---- */

static void set_bounds(json_t *object, const char *key, struct estimate_interval bounds)
{
    char name[64];
    snprintf(name, sizeof name, "%s_low", key);
    json_object_set_new(object, name, json_number(bounds.low));
    snprintf(name, sizeof name, "%s_high", key);
    json_object_set_new(object, name, json_number(bounds.high));
}

static json_t *make_figures(const struct profile *profile, const struct query_figures *figures,
                            uint32_t known)
{
    json_t *object = json_object();
    for (int i = 0; i < QUERY_ALL_METRIC_COUNT; i++) {
        const struct query_metric_info *metric = query_metric_at((size_t)i);
        bool is_known = known >> i & 1;
        json_object_set_new(object, metric->key,
                            is_known ? json_metric(metric->metric, figures->values[i])
                                     : json_null());
        if (is_known && profile_is_sampled(profile))
            set_bounds(object, metric->key,
                       query_figures_interval(profile, figures, metric->metric, 0));
    }
    return object;
}

static void add_row(struct writing *writing, const struct query_grouping_info *grouping,
                    const struct query_row *row, uint32_t known)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_text(row->name));
    json_object_set_new(object, "file", json_text(row->file));
    json_object_set_new(object, "line", row->line ? json_number(row->line) : json_null());
    json_object_set_new(object, "module", json_text(row->module));
    json_object_set_new(object, "tid", row->tid ? json_number(row->tid) : json_null());
    json_object_set_new(object, "sites", json_number(row->site_count));
    json_object_set_new(object, "self", make_figures(writing->profile, &row->self, known));
    json_object_set_new(object, "inclusive",
                        grouping->has_inclusive
                            ? make_figures(writing->profile, &row->inclusive, known)
                            : json_null());
    json_stream_add(&writing->stream, NULL, object);
}

static bool add_groups(struct writing *writing, uint32_t process, struct error *error)
{
    struct query query = writing->options->query;
    if (writing->options->is_by_type) {
        type_add_report_json(&writing->stream, writing->options, process,
                             limit_of(writing->options));
        return true;
    }
    if (!writing->options->has_grouping || query.grouping == QUERY_BY_SITE) {
        json_stream_add(&writing->stream, "by", NULL);
        return true;
    }
    struct query_result result;
    query.process = process;
    query.limit = limit_of(writing->options);
    if (!query_run(writing->profile, &query, &result, error))
        return false;
    const struct query_grouping_info *grouping = query_grouping_at(query.grouping);
    const struct query_metric_info *sort = query_metric_at(query.sort);
    json_stream_begin_object(&writing->stream, "by");
    json_stream_add(&writing->stream, "grouping", json_string(grouping->name));
    json_stream_begin_array(&writing->stream, "rows");
    for (size_t i = 0; i < result.row_count; i++)
        add_row(writing, grouping, &result.rows[i], result.known_metrics);
    json_stream_end(&writing->stream);
    json_add_omitted(&writing->stream, "omitted", result.omitted_count, result.omitted_bytes,
                     query_metric_at(sort->bytes_metric)->key);
    json_stream_end(&writing->stream);
    query_result_clear(&result);
    return true;
}

/* ---- --tree: a list of nodes, since stacks nest deeper than many readers of JSON do ---- */

/* `ids` says where nodes stand in the list: depth first, the largest child first. */
static void add_node(struct writing *writing, const struct call_tree *tree, uint32_t position,
                     const uint32_t *ids)
{
    const struct profile *profile = writing->profile;
    const struct call_tree_node *node = &tree->nodes[position];
    const struct profile_location *location = position ? &profile->locations[node->location] : NULL;
    uint32_t module = position ? profile->frames[node->frame].module_plus_1 : 0;
    uint32_t known = known_of(writing, QUERY_ALL_PROCESSES);
    json_t *object = json_object();
    json_object_set_new(object, "id", json_number(ids[position]));
    json_object_set_new(object, "parent_id",
                        position ? json_number(ids[node->parent]) : json_null());
    json_object_set_new(object, "function",
                        json_text(location && location->is_symbolized ? location->function : NULL));
    json_object_set_new(object, "file", json_text(location ? location->file : NULL));
    json_object_set_new(object, "line", node->line ? json_number(node->line) : json_null());
    json_object_set_new(object, "module",
                        json_text(module ? profile->modules[module - 1].path : NULL));
    json_object_set_new(object, "inlined", json_boolean(node->is_inlined));
    json_object_set_new(object, "tail_call", json_boolean(node->is_tail_call));
    json_object_set_new(object, "pruned_nodes", json_number(node->pruned_count));
    json_object_set_new(object, "inclusive", make_figures(profile, &node->figures, known));
    json_object_set_new(object, "self", make_figures(profile, &node->self, known));
    json_stream_add(&writing->stream, NULL, object);
}

static void add_nodes(struct writing *writing, const struct call_tree *tree)
{
    uint32_t *ids = memory_allocate_zeroed(tree->node_count, sizeof *ids);
    uint32_t at = 0, count = 0;
    while (at != CALL_TREE_NONE) {
        ids[at] = count++;
        add_node(writing, tree, at, ids);
        if (tree->nodes[at].first_child != CALL_TREE_NONE) {
            at = tree->nodes[at].first_child;
            continue;
        }
        while (at && tree->nodes[at].next_sibling == CALL_TREE_NONE)
            at = tree->nodes[at].parent;
        at = at ? tree->nodes[at].next_sibling : CALL_TREE_NONE;
    }
    free(ids);
}

static bool add_tree(struct writing *writing, uint32_t process, struct error *error)
{
    const struct report_options *options = writing->options;
    if (!options->is_tree) {
        json_stream_add(&writing->stream, "tree", NULL);
        return true;
    }
    struct call_tree_options tree_options = {.direction = options->direction,
                                             .metric = options->query.sort,
                                             .process = process,
                                             .min_share = options->min_share,
                                             .is_own_code_first = true,
                                             .filter = options->query.filter};
    struct call_tree tree;
    if (!call_tree_build(writing->profile, &tree_options, &tree, error))
        return false;
    json_stream_begin_object(&writing->stream, "tree");
    json_stream_add(&writing->stream, "direction",
                    json_string(options->direction == CALL_TREE_TOP_DOWN ? "callers-first"
                                                                         : "allocators-first"));
    json_stream_add(&writing->stream, "metric",
                    json_string(query_metric_at(options->query.sort)->key));
    json_stream_begin_array(&writing->stream, "nodes");
    add_nodes(writing, &tree);
    json_stream_end(&writing->stream);
    json_stream_end(&writing->stream);
    call_tree_clear(&tree);
    return true;
}

/* ---- mappings and misuse ---- */

static void add_mapping(struct writing *writing, const struct recording_mapping_site *mapping)
{
    struct json_stream *stream = &writing->stream;
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "function",
                    json_string(profile_function_name((enum function_kind)mapping->function)));
    json_stream_add(stream, "live_bytes", json_number(mapping->live_bytes));
    json_stream_add(stream, "count", json_number(mapping->live_count));
    json_stream_add(stream, "anonymous", json_boolean(mapping->is_anonymous != 0));
    json_stream_add(stream, "calls", json_number(mapping->count));
    json_stream_add(stream, "mapped_bytes", json_number(mapping->mapped_bytes));
    json_stacks_add(&writing->stacks, stream, "stack", (uint32_t)mapping->stack_node_id);
    json_stream_add(stream, "note",
                    mapping->function == FUNCTION_PYTHON_ARENA
                        ? json_string("objects inside not traced; --python=objects")
                        : json_null());
    json_stream_end(stream);
}

static bool add_mappings(struct writing *writing, uint32_t process, struct error *error)
{
    const struct profile *profile = writing->profile;
    const struct profile_process *owner = &profile->processes[process];
    uint64_t limit = limit_of(writing->options), written = 0, omitted_count = 0, omitted_bytes = 0;
    uint8_t *is_kept = memory_allocate_zeroed(profile->node_count, 1);
    if (!query_filter_stacks(profile, &writing->options->query.filter, is_kept, error)) {
        free(is_kept);
        return false;
    }
    json_stream_begin_array(&writing->stream, "mappings");
    for (uint32_t i = 0; i < owner->mapping_count; i++) {
        const struct recording_mapping_site *mapping = &profile->mappings[owner->first_mapping + i];
        if (!is_kept[mapping->stack_node_id])
            continue;
        if (!limit || written < limit) {
            add_mapping(writing, mapping);
            written++;
        } else {
            omitted_count++;
            omitted_bytes += mapping->live_bytes;
        }
    }
    json_stream_end(&writing->stream);
    json_add_omitted(&writing->stream, "mappings_omitted", omitted_count, omitted_bytes,
                     "live_bytes");
    free(is_kept);
    return true;
}

static const char *misuse_name(uint64_t kind)
{
    static const char *const names[] = {[0] = "unknown",
                                        [RECORDING_MISUSE_DOUBLE_FREE] = "double_free",
                                        [RECORDING_MISUSE_FOREIGN_FREE] = "foreign_free",
                                        [RECORDING_MISUSE_MISMATCH] = "mismatch",
                                        [RECORDING_MISUSE_WRONG_SIZE] = "wrong_size"};
    return kind < sizeof names / sizeof *names ? names[kind] : names[0];
}

static void add_misuse(struct writing *writing, uint32_t process)
{
    struct json_stream *stream = &writing->stream;
    const struct profile_process *owner = &writing->profile->processes[process];
    json_stream_begin_array(stream, "misuse");
    for (uint32_t i = 0; i < owner->misuse_count; i++) {
        const struct recording_misuse *misuse = &writing->profile->misuses[owner->first_misuse + i];
        json_stream_begin_object(stream, NULL);
        json_stream_add(stream, "kind", json_string(misuse_name(misuse->kind)));
        json_stream_add(stream, "function",
                        json_string(profile_function_name((enum function_kind)misuse->function)));
        json_stream_add(stream, "count", json_number(misuse->count));
        json_stream_add(stream, "time_ns", json_number(misuse->time_ns));
        json_stream_add(stream, "address", json_address(misuse->address));
        json_stream_add(stream, "size", misuse->size ? json_number(misuse->size) : NULL);
        json_stream_add(stream, "allocation_function",
                        misuse->allocation_function
                            ? json_string(profile_function_name(
                                  (enum function_kind)misuse->allocation_function))
                            : NULL);
        json_stacks_add(&writing->stacks, stream, "stack", (uint32_t)misuse->stack_node_id);
        json_stacks_add(&writing->stacks, stream, "allocation_stack",
                        (uint32_t)misuse->allocation_stack_node_id);
        json_stream_end(stream);
    }
    json_stream_end(stream);
}

/* ---- growth ---- */

static json_t *make_rate(double rate)
{
    return json_integer(rate > 9e18 ? INT64_MAX : rate < -9e18 ? INT64_MIN : (int64_t)rate);
}

static void add_growth(struct writing *writing, uint32_t process)
{
    struct json_stream *stream = &writing->stream;
    const struct process_growths *growths = writing->options->growths;
    const struct process_growth *growth = growths ? process_growths_of(growths, process) : NULL;
    uint64_t limit = limit_of(writing->options);
    json_stream_begin_array(stream, "growth");
    for (size_t i = 0; growth && i < growth->growth.count && (!limit || i < limit); i++) {
        const struct growth_site *site = &growth->growth.sites[i];
        const struct profile_site *from = &writing->profile->sites[site->site];
        char fingerprint[FINGERPRINT_TEXT_BYTES];
        json_stream_begin_object(stream, NULL);
        json_stream_add(stream, "fingerprint",
                        json_string(fingerprint_format(from->fingerprint, fingerprint)));
        json_stream_add(stream, "bytes_per_minute", make_rate(site->bytes_per_minute));
        json_stream_add(stream, "low", make_rate(site->low));
        json_stream_add(stream, "high", make_rate(site->high));
        json_stream_add(stream, "verdict", json_string(trend_verdict_name(site->verdict)));
        json_stream_add(
            stream, "held_by",
            path_make_json(i < growth->growth.growing_count ? &growth->paths[i].path : NULL));
        json_stacks_add(&writing->stacks, stream, "stack", from->stack_node);
        json_stream_end(stream);
    }
    json_stream_end(stream);
}

/* ---- the whole ---- */

static json_t *make_instant(const char *name, uint64_t time_ns, uint64_t asked_ns)
{
    json_t *object = json_object();
    json_object_set_new(object, "instant", json_text(name));
    json_object_set_new(object, "time_ns", json_number(time_ns));
    json_object_set_new(object, "asked_ns", json_number(asked_ns));
    return object;
}

static void add_interval(struct writing *writing)
{
    const struct profile_interval *from = &writing->profile->interval;
    json_t *object = writing->profile->whole ? json_object() : NULL;
    if (object) {
        json_object_set_new(object, "from",
                            make_instant(from->from, from->from_ns, from->from_asked_ns));
        json_object_set_new(object, "to", make_instant(from->to, from->to_ns, from->to_asked_ns));
        json_object_set_new(object, "bucket_ns",
                            from->bucket_ns ? json_number(from->bucket_ns) : json_null());
        json_object_set_new(object, "survivors_unknown", json_text(from->survivors_unknown));
    }
    json_stream_add(&writing->stream, "interval", object);
}

static bool add_process(struct writing *writing, uint32_t process, struct error *error)
{
    struct json_stream *stream = &writing->stream;
    json_stream_begin_object(stream, NULL);
    json_add_process(stream, writing->profile, process, writing->options->are_arguments_shown);
    add_totals(writing, process);
    if (!add_sites(writing, process, error) || !add_groups(writing, process, error) ||
        !add_tree(writing, process, error))
        return false;
    const struct process_memory *memory = memory_uses_of(writing->options->memories, process);
    memory_add_categories(stream, memory);
    if (!add_mappings(writing, process, error))
        return false;
    add_growth(writing, process);
    python_add_json(stream, &writing->stacks, python_heaps_of(writing->options->pythons, process),
                    limit_of(writing->options));
    add_misuse(writing, process);
    memory_add_json(stream, &writing->stacks, memory);
    json_stream_end(stream);
    return true;
}

static bool add_processes(struct writing *writing, struct error *error)
{
    uint32_t asked = writing->options->query.process;
    for (uint32_t i = 0; i < writing->profile->process_count; i++)
        if ((asked == QUERY_ALL_PROCESSES || asked == i) && !add_process(writing, i, error))
            return false;
    return true;
}

bool json_write_report(const struct profile *profile, const struct report_options *options,
                       FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .options = options};
    json_stream_init(&writing.stream, out);
    json_stacks_init(&writing.stacks, profile);
    json_begin_report(&writing.stream, profile, "seep/report", "1.0", options->instant,
                      options->are_arguments_shown);
    add_interval(&writing);
    json_stream_begin_array(&writing.stream, "processes");
    bool is_written = add_processes(&writing, error);
    if (is_written) {
        json_stream_end(&writing.stream);
        json_stream_end(&writing.stream);
    }
    json_stacks_clear(&writing.stacks);
    return is_written;
}
