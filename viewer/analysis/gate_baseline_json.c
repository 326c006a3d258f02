/* Baselines from what --json prints: seep/report (totals and sites), seep/leaks, and seep/check
 * (what an earlier run of the gate measured, and its leaks). What is missing in a document is not
 * known, and what it has too much is passed over: a newer seep may have written it. */
#include "config.h"

#include <string.h>

#include <jansson.h>

#include "analysis/fingerprint.h"
#include "analysis/gate_baseline.h"
#include "base/memory.h"
#include "base/text.h"

/* The figures of totals and of sites, by key. */
static const struct {
    const char *key;
    enum gate_budget budget;
} total_keys[] = {{"common_peak_bytes", GATE_PEAK},
                  {"peak_bytes", GATE_HEAP},
                  {"peak_resident_bytes", GATE_RESIDENT},
                  {"live_bytes", GATE_LIVE},
                  {"allocations", GATE_ALLOCATIONS},
                  {"temporary_allocations", GATE_TEMPORARY}},
  site_keys[] = {{"peak_bytes", GATE_PEAK},
                 {"live_bytes", GATE_LIVE},
                 {"allocations", GATE_ALLOCATIONS},
                 {"temporary_allocations", GATE_TEMPORARY}};

static bool get_number(const json_t *object, const char *key, uint64_t *number)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *number = (uint64_t)json_integer_value(value);
    return true;
}

static const char *get_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* Counts how often a name, of processes or of a place, was met before. */
static uint32_t count_name(struct hash_map *counts, const char *name)
{
    return (uint32_t)(*hash_map_put(counts, hash_bytes(name, strlen(name), 0), NULL))++;
}

static struct gate_baseline_site *get_site(struct gate_baseline_process *process,
                                           const json_t *object)
{
    uint64_t fingerprint;

    return fingerprint_parse(get_text(object, "fingerprint"), &fingerprint)
               ? gate_baseline_get_site(process, fingerprint)
               : NULL;
}

/* ---- seep/report ---- */

static void add_report(struct gate_baseline_process *process, const json_t *object)
{
    const json_t *totals = json_object_get(object, "totals"), *site;
    uint64_t value;
    size_t i;

    for (i = 0; i < sizeof total_keys / sizeof *total_keys; i++)
        if (get_number(totals, total_keys[i].key, &value))
            gate_figure_add(&process->figures[total_keys[i].budget], value);
    json_array_foreach(json_object_get(object, "sites"), i, site)
    {
        struct gate_baseline_site *to = get_site(process, site);

        for (size_t j = 0; to && j < sizeof site_keys / sizeof *site_keys; j++)
            if (get_number(site, site_keys[j].key, &value))
                to->values[site_keys[j].budget] += value;
    }
}

/* ---- seep/leaks, and the leaks of seep/check ---- */

static void add_leak(struct gate_baseline_process *process, const json_t *leak)
{
    struct gate_baseline_site *site = get_site(process, leak);
    uint64_t bytes;

    for (unsigned kind = 0; site && leak_kind_name(kind); kind++)
        if (strcmp(get_text(leak, "kind"), leak_kind_name(kind)) == 0 &&
            get_number(leak, "bytes", &bytes)) {
            site->leaked[kind] += bytes;
            site->is_leaked = true;
        }
}

static void add_leaks(struct gate_baseline_process *process, const json_t *object)
{
    const json_t *leak;
    size_t i;

    process->is_scanned |= json_is_true(json_object_get(json_object_get(object, "scan"), "done"));
    json_array_foreach(json_object_get(object, "leaks"), i, leak) add_leak(process, leak);
}

/* ---- seep/check ---- */

static void add_check(struct gate_baseline_process *process, const json_t *result)
{
    const char *name = get_text(result, "budget");
    const struct gate_budget_info *budget = gate_budget_find(name, strlen(name));
    const json_t *finding;
    uint64_t value;
    size_t i;

    if (!budget || !get_number(result, "value", &value))
        return;
    if (!budget->is_of_leaks) {
        gate_figure_add(&process->figures[budget->budget], value);
        return;
    }
    if (process->is_scanned) /* the same leaks stand with each budget of leaks */
        return;
    process->is_scanned = true;
    json_array_foreach(json_object_get(result, "findings"), i,
                       finding) if (strcmp(get_text(finding, "state"), "fixed") != 0)
        add_leak(process, finding);
}

/* ---- documents ---- */

typedef void (*add_process)(struct gate_baseline_process *process, const json_t *object);

static const struct {
    const char *schema;
    const char *list; /* of the objects */
    add_process add;
} documents[] = {{"seep/report", "processes", add_report},
                 {"seep/leaks", "processes", add_leaks},
                 {"seep/check", "results", add_check}};

static void read_objects(struct gate_baseline *baseline, const json_t *list, add_process add)
{
    struct hash_map counts = {0};
    const json_t *object;
    uint64_t rank;
    size_t i;

    json_array_foreach(list, i, object)
    {
        const char *name = text_file_name(get_text(object, "executable"));

        if (!*name || json_is_string(json_object_get(object, "scope")))
            continue;
        if (!get_number(object, "rank", &rank))
            rank = count_name(&counts, name);
        if (rank < UINT32_MAX)
            add(gate_baseline_get(baseline, name, (uint32_t)rank), object);
    }
    hash_map_clear(&counts);
}

bool gate_baseline_read_json(struct gate_baseline *baseline, const char *text, const char *path,
                             struct error *error)
{
    json_error_t reason;
    json_t *root = json_loads(text, 0, &reason);
    bool is_read = false;

    if (!root)
        return error_set(error, "%s:%d: %s", path, reason.line, reason.text);
    for (size_t i = 0; i < sizeof documents / sizeof *documents && !is_read; i++)
        if (strcmp(get_text(root, "schema"), documents[i].schema) == 0 &&
            text_starts_with(get_text(root, "schema_version"), "1.")) {
            read_objects(baseline, json_object_get(root, documents[i].list), documents[i].add);
            is_read = true;
        }
    json_decref(root);
    return is_read || error_set(error, "%s: it is no JSON of seep report, leaks or check", path);
}
