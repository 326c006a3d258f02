#include "analysis/gate_baseline_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"

static const char first_line[] = "# seep baseline 1";
static const char about[] =
    "# Figures of programs and of their sites, written by: seep check --update-baseline\n"
    "# Compared by: seep check --baseline=FILE\n";

enum {
    LEAST_SITE_BYTES = 1024, /* smaller sites are written only when they leak ... */
    LEAST_SITE_COUNT = 100,  /* ... or allocate often, and much of what the process does */
    MOST_RUNS = 1000000
};

/* ---- reading ---- */

bool gate_baseline_is_text(const char *text)
{
    return text_starts_with(text, "# seep baseline ");
}

static int digit_of(char byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* "demo", "demo:1", "my%20program"; the word is changed in place. */
static bool parse_process(char *word, uint32_t *rank)
{
    char *colon = strchr(word, ':'), *to = word, *end;

    *rank = 0;
    if (colon) {
        unsigned long number = strtoul(colon + 1, &end, 10);

        *colon = '\0';
        if (!isdigit((unsigned char)colon[1]) || *end || number > UINT32_MAX - 1)
            return false;
        *rank = (uint32_t)number;
    }
    for (const char *from = word; *from; from++) {
        if (*from == '%') {
            int high = digit_of(from[1]), low = high < 0 ? -1 : digit_of(from[2]);

            if (low < 0 || (high == 0 && low == 0))
                return false;
            *to++ = (char)(high << 4 | low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return *word != '\0';
}

/* "NAME=N" or "NAME=N+-D"; *name_length is what stands before the '='. */
static bool parse_figure(const char *word, size_t *name_length, uint64_t *value,
                         uint64_t *deviation)
{
    const char *equals = strchr(word, '=');
    char *end;

    *deviation = 0;
    if (!equals || !isdigit((unsigned char)equals[1]))
        return false;
    *name_length = (size_t)(equals - word);
    errno = 0;
    *value = strtoull(equals + 1, &end, 10);
    if (text_starts_with(end, "+-") && isdigit((unsigned char)end[2]))
        *deviation = strtoull(end + 2, &end, 10);
    return !*end && !errno && *value <= INT64_MAX && *deviation <= INT64_MAX;
}

static struct gate_figure make_figure(uint64_t runs, uint64_t mean, uint64_t deviation)
{
    return (struct gate_figure){
        .runs = runs,
        .mean = (double)mean,
        .squares = runs > 1 ? (double)deviation * (double)deviation * (double)(runs - 1) : 0,
        .least = mean > deviation ? mean - deviation : 0,
        .most = mean + deviation};
}

static bool take_total(struct gate_baseline_process *process, const char *word, uint64_t *runs)
{
    const struct gate_budget_info *budget;
    struct gate_figure figure;
    uint64_t value, deviation;
    size_t length;

    if (strcmp(word, "scanned") == 0) {
        process->is_scanned = true;
        return true;
    }
    if (!parse_figure(word, &length, &value, &deviation))
        return false;
    if (length == strlen("runs") && text_starts_with(word, "runs")) {
        *runs = value;
        return value >= 1 && value <= MOST_RUNS;
    }
    budget = gate_budget_find(word, length);
    if (!budget || budget->is_of_leaks)
        return false;
    figure = make_figure(*runs, value, deviation);
    if (figure.mean >= process->figures[budget->budget].mean)
        process->figures[budget->budget] = figure;
    return true;
}

static bool take_site(struct gate_baseline_site *site, const char *word)
{
    const struct gate_budget_info *budget;
    uint64_t value, deviation;
    size_t length;

    if (!parse_figure(word, &length, &value, &deviation))
        return false;
    for (unsigned kind = 0; leak_kind_name(kind); kind++)
        if (strlen(leak_kind_name(kind)) == length &&
            text_starts_with(word, leak_kind_name(kind))) {
            site->leaked[kind] = value > site->leaked[kind] ? value : site->leaked[kind];
            site->is_leaked = true;
            return true;
        }
    budget = gate_budget_find(word, length);
    if (!budget || budget->is_of_leaks || !budget->is_of_sites)
        return false;
    if (value > site->values[budget->budget])
        site->values[budget->budget] = value;
    return true;
}

static bool read_line(struct gate_baseline *baseline, char *line, struct error *error)
{
    struct gate_baseline_process *process;
    struct gate_baseline_site *site = NULL;
    char *comment = strstr(line, " #"), *rest = line, *word, nothing[] = "";
    uint64_t fingerprint, runs = 1;
    uint32_t rank;
    bool is_good;

    if (comment)
        *comment = '\0';
    word = strsep(&rest, " ");
    if (!parse_process(word, &rank))
        return error_set(error, "\"%s\" is no process", word);
    process = gate_baseline_get(baseline, word, rank);
    word = rest ? strsep(&rest, " ") : nothing;
    if (fingerprint_parse(word, &fingerprint)) {
        site = gate_baseline_get_site(process, fingerprint);
        if (comment && !site->place)
            site->place = memory_duplicate_text(comment + 2 + strspn(comment + 2, " "));
    } else if (strcmp(word, "total") != 0) {
        return error_set(error, "\"%s\" is no fingerprint", word);
    }
    while (rest && (word = strsep(&rest, " "))) {
        is_good = !*word || (site ? take_site(site, word) : take_total(process, word, &runs));
        if (!is_good)
            return error_set(error, "\"%s\" is no figure", word);
    }
    return true;
}

bool gate_baseline_read_text(struct gate_baseline *baseline, const char *text, const char *path,
                             struct error *error)
{
    char *copy = memory_duplicate_text(text), *rest = copy;
    unsigned number = 0;
    bool is_good = true;

    for (char *line; is_good && (line = strsep(&rest, "\n"));) {
        size_t length = strlen(line);

        number++;
        if (length > 0 && line[length - 1] == '\r')
            line[--length] = '\0';
        if (number == 1 && strcmp(line, first_line) != 0)
            is_good = error_set(error, "%s: it is a baseline of a newer seep", path);
        else if (length > 0 && *line != '#')
            is_good = read_line(baseline, line, error) ||
                      error_prefix(error, "%s:%u: ", path, number);
    }
    free(copy);
    return is_good;
}

/* ---- writing ---- */

struct lines {
    char **items;
    size_t count, capacity;
};

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void add_name(struct text *line, const struct gate_baseline_process *process)
{
    for (const char *at = process->name; *at; at++)
        if ((unsigned char)*at <= ' ' || strchr("%#:\x7f", *at))
            text_print(line, "%%%02X", (unsigned char)*at);
        else
            text_add_bytes(line, at, 1);
    if (process->rank)
        text_print(line, ":%" PRIu32, process->rank);
}

static void keep_line(struct lines *lines, struct text *line)
{
    lines->items = memory_grow(lines->items, &lines->capacity, lines->count + 1,
                               sizeof *lines->items);
    lines->items[lines->count++] = text_take(line);
}

static bool is_within(double now, double before, bool is_bytes,
                      const struct gate_baseline_writing *writing)
{
    double distance = fabs(now - before);

    return distance <= writing->part * before || (is_bytes && distance <= (double)writing->bytes);
}

static uint64_t runs_of(const struct gate_baseline_process *process)
{
    uint64_t runs = 1;

    for (size_t i = 0; i < GATE_BUDGET_COUNT; i++)
        runs = process->figures[i].runs > runs ? process->figures[i].runs : runs;
    return runs;
}

static void write_total(const struct gate_baseline_process *process,
                        const struct gate_baseline_process *old,
                        const struct gate_baseline_writing *writing, struct lines *lines)
{
    uint64_t runs = runs_of(process);
    bool is_kept = old && runs_of(old) == runs;
    struct text line = {0};

    add_name(&line, process);
    text_print(&line, " total runs=%" PRIu64, runs);
    for (size_t i = 0; i < GATE_BUDGET_COUNT; i++) {
        const struct gate_budget_info *budget = gate_budget_at(i);
        const struct gate_figure *figure = &process->figures[i];
        double deviation;

        if (figure->runs == 0 || (budget->budget == GATE_RESIDENT && !writing->is_resident_told))
            continue;
        if (is_kept && old->figures[i].runs &&
            is_within(figure->mean, old->figures[i].mean, budget->is_bytes, writing))
            figure = &old->figures[i];
        deviation = gate_figure_deviation(figure);
        text_print(&line, " %s=%.0f", budget->name, figure->mean);
        if (deviation >= 0.5)
            text_print(&line, "+-%.0f", deviation);
    }
    if (process->is_scanned)
        text_add(&line, " scanned");
    keep_line(lines, &line);
}

static unsigned kinds_of(const struct gate_baseline_writing *writing)
{
    return LEAK_KINDS_LOST | writing->leaked_kinds;
}

static bool is_written(const struct gate_baseline_process *process,
                       const struct gate_baseline_site *site,
                       const struct gate_baseline_writing *writing)
{
    if (gate_baseline_site_leaked(site, kinds_of(writing)))
        return true;
    for (size_t i = 0; i < GATE_BUDGET_COUNT; i++) {
        const struct gate_budget_info *budget = gate_budget_at(i);

        if (budget->is_bytes ? site->values[i] >= LEAST_SITE_BYTES
                             : (double)site->values[i] >= process->figures[i].mean / 100 &&
                                   site->values[i] >= LEAST_SITE_COUNT)
            return true;
    }
    return false;
}

/* A site's line stays whole as it was, or is written anew as a whole. */
static bool is_site_within(const struct gate_baseline_site *site,
                           const struct gate_baseline_site *old,
                           const struct gate_baseline_writing *writing)
{
    for (size_t i = 0; i < GATE_BUDGET_COUNT; i++)
        if (!is_within((double)site->values[i], (double)old->values[i], gate_budget_at(i)->is_bytes,
                       writing))
            return false;
    for (size_t kind = 0; kind < LEAK_KIND_COUNT; kind++)
        if (kinds_of(writing) >> kind & 1 && site->leaked[kind] != old->leaked[kind])
            return false;
    return true;
}

static void write_site(const struct gate_baseline_process *process,
                       const struct gate_baseline_site *site,
                       const struct gate_baseline_writing *writing, struct lines *lines)
{
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    struct text line = {0};

    add_name(&line, process);
    text_print(&line, " %s", fingerprint_format(site->fingerprint, fingerprint));
    for (unsigned kind = 0; leak_kind_name(kind); kind++)
        if (kinds_of(writing) >> kind & 1 && site->leaked[kind])
            text_print(&line, " %s=%" PRIu64, leak_kind_name(kind), site->leaked[kind]);
    for (size_t i = 0; i < GATE_BUDGET_COUNT; i++)
        if (site->values[i])
            text_print(&line, " %s=%" PRIu64, gate_budget_at(i)->name, site->values[i]);
    if (site->place)
        text_print(&line, "  # %s", site->place);
    keep_line(lines, &line);
}

static void write_process(const struct gate_baseline_process *process,
                          const struct gate_baseline_process *old,
                          const struct gate_baseline_writing *writing, struct lines *lines)
{
    write_total(process, old, writing, lines);
    for (size_t i = 0; i < process->site_count; i++) {
        const struct gate_baseline_site *site = &process->sites[i];
        const struct gate_baseline_site *before = old ? gate_baseline_find_site(old,
                                                                                site->fingerprint)
                                                      : NULL;

        if (before && is_site_within(site, before, writing))
            write_site(process, before, writing, lines);
        else if (is_written(process, site, writing))
            write_site(process, site, writing, lines);
    }
}

void gate_baseline_write_text(const struct gate_baseline *baseline, const struct gate_baseline *old,
                              const struct gate_baseline_writing *writing, struct text *out)
{
    const struct gate_baseline_writing none = {.leaked_kinds = writing->leaked_kinds,
                                               .is_resident_told = true};
    struct lines lines = {0};

    for (size_t i = 0; i < baseline->count; i++) {
        const struct gate_baseline_process *process = &baseline->processes[i];

        write_process(process, gate_baseline_find(old, process->name, process->rank), writing,
                      &lines);
    }
    for (size_t i = 0; i < old->count; i++)
        if (!gate_baseline_find(baseline, old->processes[i].name, old->processes[i].rank))
            write_process(&old->processes[i], &old->processes[i], &none, &lines);
    if (lines.count > 0)
        qsort(lines.items, lines.count, sizeof *lines.items, compare_lines);
    text_print(out, "%s\n%s", first_line, about);
    for (size_t i = 0; i < lines.count; i++) {
        text_print(out, "%s\n", lines.items[i]);
        free(lines.items[i]);
    }
    free(lines.items);
}
