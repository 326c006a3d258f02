/* seep/report: one object, an entry a line; schema/seep-report.json describes it, and within a
 * major version of the schema keys are only added. Everything is streamed: a site is gone from
 * memory once it is written. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"
#include "report/formats.h"
#include "report/json_parts.h"
#include "report/json_stacks.h"
#include "report/json_stream.h"

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

static void add_totals(struct writing *writing, uint32_t process)
{
    const struct profile_process *from = &writing->profile->processes[process];
    const struct recording_totals *totals = &from->totals;
    bool is_known = from->has_totals && from->about.observed;
    const struct {
        const char *key;
        uint64_t value;
        bool is_known;
    } entries[] = {
        {"allocations", totals->allocations, true},
        {"frees", totals->frees, true},
        {"allocated_bytes", totals->allocated_bytes, true},
        {"freed_bytes", totals->freed_bytes, true},
        {"inherited_blocks", totals->inherited_blocks, true},
        {"inherited_bytes", totals->inherited_bytes, true},
        {"live_blocks", totals->live_blocks, true},
        {"live_bytes", totals->live_bytes, true},
        {"peak_bytes", totals->peak_bytes, true},
        {"peak_time_ns", totals->peak_time_ns, true},
        {"temporary_allocations", totals->temporary_allocations, true},
        {"peak_resident_bytes", totals->peak_resident_bytes, totals->peak_resident_bytes != 0},
        {"peak_blocks", totals->peak_blocks, true},
        {"reallocations", totals->reallocations, true},
        {"failed_allocations", totals->failed_allocations, true},
        {"mapped_bytes", totals->mapped_bytes, true},
        {"mapped_peak_bytes", totals->mapped_peak_bytes, true},
        {"common_peak_bytes", totals->common_peak_bytes, true},
        {"common_peak_time_ns", totals->common_peak_time_ns, true},
    };
    json_stream_begin_object(&writing->stream, "totals");
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        json_stream_add(&writing->stream, entries[i].key,
                        is_known && entries[i].is_known ? json_number(entries[i].value) : NULL);
    json_stream_end(&writing->stream);
}

/* ---- sites ---- */

static void add_site(struct writing *writing, const struct profile_site *site)
{
    struct json_stream *stream = &writing->stream;
    const struct recording_site *figures = &site->figures;
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "fingerprint",
                    json_string(fingerprint_format(site->fingerprint, fingerprint)));
    json_stream_add(stream, "allocation_function",
                    json_string(profile_function_name(site->function)));
    const struct {
        const char *key;
        uint64_t value;
    } entries[] = {
        {"allocations", figures->allocations},
        {"frees", figures->frees},
        {"allocated_bytes", figures->allocated_bytes},
        {"freed_bytes", figures->freed_bytes},
        {"inherited_blocks", figures->inherited_blocks},
        {"inherited_bytes", figures->inherited_bytes},
        {"live_blocks", figures->live_blocks},
        {"live_bytes", figures->live_bytes},
        {"peak_blocks", figures->peak_blocks},
        {"peak_bytes", figures->peak_bytes},
        {"temporary_allocations", figures->temporary_allocations},
        {"first_time_ns", figures->first_ns},
        {"last_time_ns", figures->last_ns},
    };
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        json_stream_add_number(stream, entries[i].key, entries[i].value);
    json_stacks_add(&writing->stacks, stream, "stack", site->stack_node);
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

static json_t *make_figures(const struct query_figures *figures, uint32_t known)
{
    json_t *object = json_object();
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        json_object_set_new(object, query_metric_at((size_t)i)->key,
                            known >> i & 1 ? json_number(figures->values[i]) : json_null());
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
    json_object_set_new(object, "self", make_figures(&row->self, known));
    json_object_set_new(object, "inclusive",
                        grouping->has_inclusive ? make_figures(&row->inclusive, known)
                                                : json_null());
    json_stream_add(&writing->stream, NULL, object);
}

static bool add_groups(struct writing *writing, uint32_t process, struct error *error)
{
    struct query query = writing->options->query;
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
    json_object_set_new(object, "pruned_nodes", json_number(node->pruned_count));
    json_object_set_new(object, "inclusive", make_figures(&node->figures, UINT32_MAX));
    json_object_set_new(object, "self", make_figures(&node->self, UINT32_MAX));
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

/* ---- the whole ---- */

static bool add_process(struct writing *writing, uint32_t process, struct error *error)
{
    struct json_stream *stream = &writing->stream;
    json_stream_begin_object(stream, NULL);
    json_add_process(stream, writing->profile, process, writing->options->are_arguments_shown);
    add_totals(writing, process);
    if (!add_sites(writing, process, error) || !add_groups(writing, process, error) ||
        !add_tree(writing, process, error))
        return false;
    json_stream_add(stream, "categories", json_array());
    json_stream_add(stream, "trimmable_bytes", NULL);
    if (!add_mappings(writing, process, error))
        return false;
    json_stream_add(stream, "growth", json_array());
    json_stream_add(stream, "python", NULL);
    add_misuse(writing, process);
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
    json_stream_begin_array(&writing.stream, "processes");
    bool is_written = add_processes(&writing, error);
    if (is_written) {
        json_stream_end(&writing.stream);
        json_stream_end(&writing.stream);
    }
    json_stacks_clear(&writing.stacks);
    return is_written;
}
