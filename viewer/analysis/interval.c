#include "config.h"

#include "analysis/interval.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/profile_at_mark.h"
#include "analysis/query.h"
#include "analysis/timeline_deltas.h"
#include "base/memory.h"
#include "base/units.h"

/* What a site had allocated and freed by one instant. */
struct sums {
    uint64_t allocations, allocated_bytes, frees, freed_bytes;
};

struct end {
    const struct instant *instant;
    uint64_t asked_ns; /* when it was */
    uint64_t time_ns;  /* where its figures stand */
    const struct recording_mark *mark;
    struct sums *sites; /* by position in profile.sites */
};

enum {
    FROM,
    TO,
    ENDS
};

struct cutting {
    const struct profile *whole;
    struct profile *interval;
    struct recording_reader *reader;
    struct end ends[ENDS];
    struct timeline_deltas *timelines; /* by process */
    uint64_t bucket_ns;                /* the widest of them; 0: there is none */
};

void interval_print_time(uint64_t time_ns, struct text *out)
{
    char time[UNITS_TEXT_BYTES];
    text_print(out, "+%s", units_format_duration(time_ns, time));
}

/* ---- where the instants are ---- */

static void find_timelines(struct cutting *cutting)
{
    const struct profile *whole = cutting->whole;
    cutting->timelines = memory_allocate_zeroed(whole->process_count, sizeof *cutting->timelines);
    for (size_t i = 0; i < whole->process_count; i++) {
        timeline_deltas_find(&cutting->timelines[i], cutting->reader, whole->processes[i].about.id);
        if (cutting->timelines[i].bucket_ns > cutting->bucket_ns)
            cutting->bucket_ns = cutting->timelines[i].bucket_ns;
    }
}

static bool is_exact(const struct end *end)
{
    return end->instant->kind == INSTANT_START || end->instant->kind == INSTANT_END || end->mark;
}

static void move_to_edge(const struct cutting *cutting, struct end *end)
{
    uint64_t bucket_ns = cutting->bucket_ns, before = bucket_ns ? end->time_ns % bucket_ns : 0;
    if (is_exact(end) || !bucket_ns)
        return;
    end->time_ns -= before;
    if (before >= bucket_ns - before)
        end->time_ns += bucket_ns;
    if (end->time_ns > cutting->whole->duration_ns)
        end->time_ns = cutting->whole->duration_ns;
}

static bool find_end(const struct cutting *cutting, const struct snapshot_list *snapshots,
                     struct end *end, struct error *error)
{
    if (!instant_find_time(cutting->whole, snapshots, QUERY_ALL_PROCESSES, end->instant,
                           &end->time_ns, error))
        return false;
    if (end->instant->kind == INSTANT_MARK) {
        end->mark = instant_find_mark(cutting->whole, end->instant->mark);
        if (!end->mark->has_figures || !end->mark->process_id_plus_1)
            end->mark = NULL;
    }
    end->asked_ns = end->time_ns;
    move_to_edge(cutting, end);
    return true;
}

static bool check_order(const struct cutting *cutting, struct error *error)
{
    const struct end *from = &cutting->ends[FROM], *to = &cutting->ends[TO];
    char time[UNITS_TEXT_BYTES];
    struct text names[ENDS] = {{0}, {0}};
    bool is_good = from->time_ns < to->time_ns || from->instant->kind == INSTANT_START;
    instant_print(from->instant, &names[FROM]);
    instant_print(to->instant, &names[TO]);
    if (from->time_ns > to->time_ns)
        error_set(error, "%s is later than %s", text_get(&names[FROM]), text_get(&names[TO]));
    else if (!is_good)
        error_set(error, "between %s and %s is less than what this recording tells apart (%s)",
                  text_get(&names[FROM]), text_get(&names[TO]),
                  units_format_duration(cutting->bucket_ns, time));
    text_clear(&names[FROM]);
    text_clear(&names[TO]);
    return is_good;
}

/* ---- what was allocated and freed by then ---- */

struct adding {
    struct cutting *cutting;
    const struct profile_process *process;
    uint64_t bucket_ns;
    uint32_t *positions; /* by site id: position + 1, 0 = none */
    uint64_t id_count;
    bool is_wanted[ENDS];
};

static void add_delta(void *context, const struct timeline_delta *delta)
{
    struct adding *adding = context;
    uint64_t time_ns = (delta->bucket + 1) * adding->bucket_ns;
    uint32_t position = delta->site < adding->id_count ? adding->positions[delta->site] : 0;
    for (int i = 0; i < ENDS && position; i++) {
        struct end *end = &adding->cutting->ends[i];
        if (!adding->is_wanted[i] || time_ns > end->time_ns)
            continue;
        struct sums *sums = &end->sites[position - 1];
        sums->allocations += delta->allocations;
        sums->allocated_bytes += delta->allocated_bytes;
        sums->frees += delta->frees;
        sums->freed_bytes += delta->freed_bytes;
    }
}

/* Ids are dense where the writer is ours; one far beyond has no place, and then no deltas. */
static void find_positions(struct adding *adding)
{
    const struct profile *whole = adding->cutting->whole;
    uint32_t first = adding->process->first_site, count = adding->process->site_count;
    uint64_t most = 4 * (uint64_t)count + 65536;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t id = whole->sites[first + i].figures.id;
        if (id < most && id >= adding->id_count)
            adding->id_count = id + 1;
    }
    adding->positions = memory_allocate_zeroed(adding->id_count, sizeof *adding->positions);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t id = whole->sites[first + i].figures.id;
        if (id < adding->id_count)
            adding->positions[id] = first + i + 1;
    }
}

static void take_final(struct end *end, const struct profile *whole,
                       const struct profile_process *process)
{
    for (uint32_t i = process->first_site; i < process->first_site + process->site_count; i++) {
        const struct profile_figures *figures = &whole->sites[i].figures;
        end->sites[i] = (struct sums){figures->allocations, figures->allocated_bytes,
                                      figures->frees, figures->freed_bytes};
    }
}

static void take_mark(struct end *end, const struct profile *whole,
                      const struct profile_process *process)
{
    struct hash_map known;
    mark_collect_sites(whole, end->mark, &known);
    for (uint32_t i = process->first_site; i < process->first_site + process->site_count; i++) {
        const uint64_t *place = hash_map_find(&known, whole->sites[i].figures.id);
        const uint64_t *numbers = place ? (const uint64_t *)(uintptr_t)*place : NULL;
        if (numbers)
            end->sites[i] = (struct sums){numbers[MARK_SITE_ALLOCATIONS],
                                          numbers[MARK_SITE_ALLOCATED_BYTES],
                                          numbers[MARK_SITE_FREES], numbers[MARK_SITE_FREED_BYTES]};
    }
    hash_map_clear(&known);
}

/* Is something else than the timeline to be asked? Fills the end's figures then. */
static bool take_exact(const struct cutting *cutting, struct end *end,
                       const struct profile_process *process)
{
    const struct profile *whole = cutting->whole;
    bool is_over = process->about.end_ns && process->about.end_ns <= end->time_ns;
    if (end->instant->kind == INSTANT_START || end->time_ns <= process->about.start_ns)
        return true; /* nothing yet */
    if (end->instant->kind == INSTANT_END || end->time_ns >= whole->duration_ns || is_over) {
        take_final(end, whole, process);
        return true;
    }
    if (!end->mark || end->mark->process_id_plus_1 - 1 != process->about.id)
        return false;
    take_mark(end, whole, process);
    return true;
}

/* Whether it is known. */
static bool sum_process(struct cutting *cutting, uint32_t position)
{
    const struct profile_process *process = &cutting->whole->processes[position];
    const struct timeline_deltas *timeline = &cutting->timelines[position];
    struct adding adding = {
        .cutting = cutting, .process = process, .bucket_ns = timeline->bucket_ns};
    for (int i = 0; i < ENDS; i++)
        adding.is_wanted[i] = !take_exact(cutting, &cutting->ends[i], process);
    if (!adding.is_wanted[FROM] && !adding.is_wanted[TO])
        return true;
    if (!timeline->bucket_ns && process->site_count)
        return false;
    find_positions(&adding);
    timeline_deltas_visit(timeline, add_delta, &adding);
    free(adding.positions);
    return true;
}

/* ---- the interval ---- */

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* A release that was seen before its birth may stand in an earlier bucket: nothing is live then. */
static void set_site(struct profile_figures *site, const struct sums *from, const struct sums *to)
{
    uint64_t blocks = site->inherited_blocks, bytes = site->inherited_bytes;
    site->inherited_blocks = difference(blocks + from->allocations, from->frees);
    site->inherited_bytes = difference(bytes + from->allocated_bytes, from->freed_bytes);
    site->live_blocks = difference(blocks + to->allocations, to->frees);
    site->live_bytes = difference(bytes + to->allocated_bytes, to->freed_bytes);
    site->allocations = difference(to->allocations, from->allocations);
    site->allocated_bytes = difference(to->allocated_bytes, from->allocated_bytes);
    site->frees = difference(site->inherited_blocks + site->allocations, site->live_blocks);
    site->freed_bytes = difference(site->inherited_bytes + site->allocated_bytes, site->live_bytes);
    site->peak_blocks = site->peak_bytes = site->temporary_allocations = 0;
}

static void fill_process(struct cutting *cutting, uint32_t position)
{
    struct profile *interval = cutting->interval;
    struct profile_process *process = &interval->processes[position];
    bool is_known = process->has_totals && sum_process(cutting, position);
    process->totals = (struct recording_totals){.process_id = process->totals.process_id};
    process->has_totals = is_known;
    process->thread_count = process->mapping_count = 0;
    for (uint32_t i = process->first_site; i < process->first_site + process->site_count; i++) {
        static const struct sums nothing;
        struct profile_figures *site = &interval->sites[i].figures;
        interval->sites[i].packed_lists = NULL;
        if (!is_known)
            site->inherited_blocks = site->inherited_bytes = 0;
        set_site(site, is_known ? &cutting->ends[FROM].sites[i] : &nothing,
                 is_known ? &cutting->ends[TO].sites[i] : &nothing);
        profile_add_to_totals(&process->totals, site);
    }
}

/* "+12 s", and where figures stand elsewhere than at what was asked for: "+12 s (asked +12.3 s)",
 * "peak (+12 s, it was at +12.3 s)". */
static char *print_instant(const struct end *end)
{
    bool is_time = end->instant->kind == INSTANT_TIME;
    struct text text = {0}, asked = {0}, stands = {0};
    interval_print_time(end->asked_ns, &asked);
    interval_print_time(end->time_ns, &stands);
    bool is_moved = strcmp(text_get(&asked), text_get(&stands)) != 0;
    if (is_time) {
        text_add(&text, text_get(&stands));
        if (is_moved)
            text_print(&text, " (asked %s)", text_get(&asked));
    } else {
        instant_print(end->instant, &text);
    }
    if (!is_time && end->instant->kind != INSTANT_START && end->instant->kind != INSTANT_END)
        text_print(&text, is_moved ? " (%s, it was at %s)" : " (%s)", text_get(&stands),
                   text_get(&asked));
    text_clear(&asked);
    text_clear(&stands);
    return text_take(&text);
}

static void copy_whole(struct cutting *cutting)
{
    const struct profile *whole = cutting->whole;
    struct profile *interval = memory_allocate_zeroed(1, sizeof *interval);
    cutting->interval = interval;
    *interval = *whole;
    interval->whole = whole;
    interval->is_at_mark = true;
    interval->thread_count = interval->mapping_count = 0;
    interval->sites = memory_allocate_zeroed(whole->site_count, sizeof *interval->sites);
    interval->processes = memory_allocate_zeroed(whole->process_count, sizeof *interval->processes);
    if (whole->site_count)
        memcpy(interval->sites, whole->sites, whole->site_count * sizeof *interval->sites);
    if (whole->process_count)
        memcpy(interval->processes, whole->processes,
               whole->process_count * sizeof *interval->processes);
    interval->interval = (struct profile_interval){
        .from_ns = cutting->ends[FROM].time_ns,
        .to_ns = cutting->ends[TO].time_ns,
        .from_asked_ns = cutting->ends[FROM].asked_ns,
        .to_asked_ns = cutting->ends[TO].asked_ns,
        .from = print_instant(&cutting->ends[FROM]),
        .to = print_instant(&cutting->ends[TO]),
        .is_from_start = cutting->ends[FROM].instant->kind == INSTANT_START,
        .bucket_ns = cutting->bucket_ns,
    };
}

static bool is_any_known(const struct profile *interval)
{
    bool is_any = false;
    for (size_t i = 0; i < interval->process_count; i++)
        is_any |= interval->processes[i].has_totals;
    return is_any;
}

static bool check_whole(const struct profile *whole, struct error *error)
{
    if (profile_is_sampled(whole))
        return error_set(error,
                         "the recording is sampled: what there was at instants is not known");
    return !whole->is_at_mark || error_set(error, "only the end of a recording can be looked back "
                                                  "from");
}

static bool cut(struct cutting *cutting, const struct snapshot_list *snapshots, struct error *error)
{
    const struct profile *whole = cutting->whole;
    for (int i = 0; i < ENDS; i++)
        if (!find_end(cutting, snapshots, &cutting->ends[i], error))
            return false;
    if (!check_order(cutting, error))
        return false;
    for (int i = 0; i < ENDS; i++)
        cutting->ends[i].sites = memory_allocate_zeroed(whole->site_count,
                                                        sizeof *cutting->ends[i].sites);
    copy_whole(cutting);
    for (uint32_t i = 0; i < whole->process_count; i++)
        fill_process(cutting, i);
    if (!is_any_known(cutting->interval))
        return error_set(error, "the recording has no timeline: only its end is known");
    interval_find_survivors(cutting->interval, cutting->reader, snapshots,
                            cutting->ends[TO].instant);
    return true;
}

struct profile *interval_create(const struct profile *whole, struct recording_reader *reader,
                                const struct instant *from, const struct instant *to,
                                struct error *error)
{
    struct cutting cutting = {.whole = whole, .reader = reader};
    struct snapshot_list snapshots = {0};
    cutting.ends[FROM].instant = from;
    cutting.ends[TO].instant = to;
    if (!check_whole(whole, error) || !snapshot_list_read(&snapshots, reader, error))
        return NULL;
    find_timelines(&cutting);
    if (!cut(&cutting, &snapshots, error)) {
        profile_destroy(cutting.interval);
        cutting.interval = NULL;
    }
    for (size_t i = 0; i < whole->process_count; i++)
        timeline_deltas_clear(&cutting.timelines[i]);
    free(cutting.timelines);
    for (int i = 0; i < ENDS; i++)
        free(cutting.ends[i].sites);
    snapshot_list_clear(&snapshots);
    return cutting.interval;
}
