#include "analysis/rates.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/partial_order.h"
#include "analysis/query.h"
#include "base/key_sort.h"
#include "base/memory.h"

static const double NS_PER_SECOND = 1e9;

/* ---- readings ---- */

static int compare_ids(const struct rates_entry *a, const struct rates_entry *b)
{
    if (a->process_id != b->process_id)
        return a->process_id < b->process_id ? -1 : 1;
    return a->site_id < b->site_id ? -1 : a->site_id > b->site_id;
}

static struct rates_entry entry_of(const struct profile *profile, const struct profile_site *site)
{
    const struct profile_figures *figures = &site->figures;

    return (struct rates_entry){.process_id = profile->processes[site->process].about.id,
                                .site_id = figures->id,
                                .counts = {
                                    .allocations = figures->allocations,
                                    .frees = figures->frees,
                                    .allocated_bytes = figures->allocated_bytes,
                                    .freed_bytes = figures->freed_bytes,
                                    .live_blocks = query_site_value(site, QUERY_LIVE_BLOCKS),
                                    .live_bytes = query_site_value(site, QUERY_LIVE_BYTES),
                                }};
}

static struct rates_counts totals_of(const struct recording_totals *totals)
{
    return (struct rates_counts){.allocations = totals->allocations,
                                 .frees = totals->frees,
                                 .allocated_bytes = totals->allocated_bytes,
                                 .freed_bytes = totals->freed_bytes,
                                 .live_blocks = totals->live_blocks,
                                 .live_bytes = totals->live_bytes};
}

/* First by the number, then, which keeps that order, by the process. Caller frees. */
static struct sort_key *sort_sites(const struct profile *profile)
{
    size_t count = profile->site_count;
    struct sort_key *keys = memory_allocate_large(count + 1, sizeof *keys);

    for (size_t i = 0; i < count; i++)
        keys[i] = (struct sort_key){profile->sites[i].figures.id, (uint32_t)i};
    key_sort(keys, count);
    for (size_t i = 0; i < count; i++)
        keys[i].key = profile->processes[profile->sites[keys[i].position].process].about.id;
    key_sort(keys, count);
    return keys;
}

struct rates_reading *rates_reading_create(const struct profile *profile, uint64_t time_ns)
{
    size_t count = profile->site_count;
    struct sort_key *keys = sort_sites(profile);
    struct rates_reading *reading = memory_allocate_zeroed(1, sizeof *reading);

    *reading = (struct rates_reading){
        .time_ns = time_ns,
        .entries = memory_allocate_large(count + 1, sizeof *reading->entries),
        .sites = memory_allocate_large(count + 1, sizeof *reading->sites),
        .count = count,
        .totals = memory_allocate_zeroed(profile->process_count + 1, sizeof *reading->totals),
        .process_count = profile->process_count};
    for (size_t i = 0; i < count; i++) {
        reading->entries[i] = entry_of(profile, &profile->sites[keys[i].position]);
        reading->sites[i] = keys[i].position;
    }
    for (size_t i = 0; i < profile->process_count; i++)
        reading->totals[i] = totals_of(&profile->processes[i].totals);
    free(keys);
    return reading;
}

void rates_reading_destroy(struct rates_reading *reading)
{
    if (!reading)
        return;
    free(reading->entries);
    free(reading->sites);
    free(reading->totals);
    free(reading);
}

/* ---- differences ---- */

static double a_second(uint64_t now, uint64_t before, double seconds)
{
    return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

static struct rates_change change_of(const struct rates_counts *now,
                                     const struct rates_counts *before,
                                     const struct rates_counts *mark, double seconds)
{
    struct rates_change change = {.counts = *now};

    if (before)
        change.speed = (struct rates_speed){
            .allocations = a_second(now->allocations, before->allocations, seconds),
            .frees = a_second(now->frees, before->frees, seconds),
            .allocated_bytes = a_second(now->allocated_bytes, before->allocated_bytes, seconds),
            .freed_bytes = a_second(now->freed_bytes, before->freed_bytes, seconds)};
    change.grown_bytes = (int64_t)(now->live_bytes - mark->live_bytes);
    change.grown_blocks = (int64_t)(now->live_blocks - mark->live_blocks);
    return change;
}

static void add_change(struct rates_change *sum, const struct rates_change *added)
{
    sum->counts.allocations += added->counts.allocations;
    sum->counts.frees += added->counts.frees;
    sum->counts.allocated_bytes += added->counts.allocated_bytes;
    sum->counts.freed_bytes += added->counts.freed_bytes;
    sum->counts.live_blocks += added->counts.live_blocks;
    sum->counts.live_bytes += added->counts.live_bytes;
    sum->speed.allocations += added->speed.allocations;
    sum->speed.frees += added->speed.frees;
    sum->speed.allocated_bytes += added->speed.allocated_bytes;
    sum->speed.freed_bytes += added->speed.freed_bytes;
    sum->grown_bytes += added->grown_bytes;
    sum->grown_blocks += added->grown_blocks;
}

static const struct rates_counts nothing = {0};

/* The same site's counts in another reading, which is gone through in the same order: *at is where
 * it got to. What was not there yet has counted nothing. */
static const struct rates_counts *counts_in(const struct rates_reading *reading,
                                            const struct rates_entry *entry, size_t *at)
{
    if (!reading)
        return NULL;
    while (*at < reading->count && compare_ids(&reading->entries[*at], entry) < 0)
        ++*at;
    bool is_there = *at < reading->count && compare_ids(&reading->entries[*at], entry) == 0;
    return is_there ? &reading->entries[*at].counts : &nothing;
}

static const struct rates_counts *totals_in(const struct rates_reading *reading, size_t process)
{
    if (!reading)
        return NULL;
    return process < reading->process_count ? &reading->totals[process] : &nothing;
}

/* By position in profile.sites. Caller frees. */
static const struct growth_site **find_growths(const struct profile *profile,
                                               const struct growth *growths)
{
    const struct growth_site **by_site = memory_allocate_zeroed(profile->site_count + 1,
                                                                sizeof *by_site);

    for (size_t i = 0; growths && i < profile->process_count; i++)
        for (size_t j = 0; j < growths[i].count; j++)
            by_site[growths[i].sites[j].site] = &growths[i].sites[j];
    return by_site;
}

static bool is_growing(const struct rates_row *row)
{
    return row->growth && row->growth->verdict == TREND_GROWING;
}

static bool is_worth_a_row(const struct rates_row *row)
{
    const struct rates_change *change = &row->change;

    return change->speed.allocations > 0 || change->speed.frees > 0 || change->grown_bytes ||
           change->grown_blocks || is_growing(row);
}

/* ---- order ---- */

struct ordered {
    struct rates_row row;
    double key;
    unsigned rank; /* before the key: smaller ones first */
    uint64_t fingerprint;
};

static double key_of(const struct rates_row *row, enum rates_order order)
{
    switch (order) {
    case RATES_BY_ALLOCATED_BYTES:
        return row->change.speed.allocated_bytes;
    case RATES_BY_ALLOCATIONS:
        return row->change.speed.allocations;
    case RATES_BY_GROWN_BYTES:
        return (double)row->change.grown_bytes;
    case RATES_BY_SLOPE:
        return row->growth ? row->growth->bytes_per_minute : 0;
    case RATES_BY_LIVE_BYTES:
    case RATES_ORDER_COUNT:
        break;
    }
    return (double)row->change.counts.live_bytes;
}

static unsigned rank_of(const struct rates_row *row, enum rates_order order)
{
    if (order != RATES_BY_SLOPE)
        return 0;
    if (!row->growth)
        return 3;
    return is_growing(row) ? 0 : row->growth->verdict == TREND_UNCLEAR ? 1 : 2;
}

static int compare_rows(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->key < b->key || a->key > b->key)
        return a->key < b->key ? 1 : -1;
    if (a->row.change.counts.live_bytes != b->row.change.counts.live_bytes)
        return a->row.change.counts.live_bytes < b->row.change.counts.live_bytes ? 1 : -1;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    return a->row.site < b->row.site ? -1 : a->row.site > b->row.site;
}

static struct ordered ordered_row(const struct profile *profile, const struct rates_row *row,
                                  enum rates_order order)
{
    return (struct ordered){*row, key_of(row, order), rank_of(row, order),
                            profile->sites[row->site].fingerprint};
}

static void sort(const struct profile *profile, enum rates_order order, struct rates *rates)
{
    struct ordered *list = memory_allocate_zeroed(rates->row_count + 1, sizeof *list);

    for (size_t i = 0; i < rates->row_count; i++)
        list[i] = ordered_row(profile, &rates->rows[i], order);
    qsort(list, rates->row_count, sizeof *list, compare_rows);
    for (size_t i = 0; i < rates->row_count; i++)
        rates->rows[i] = list[i].row;
    free(list);
}

/* ---- order where it is looked at ---- */

struct rates_ordering {
    struct partial_order order;
    const struct profile *profile;
    const struct rates_row *rows;
    enum rates_order by;
};

static bool is_row_before(const void *context, uint32_t a, uint32_t b)
{
    const struct rates_ordering *ordering = context;
    struct ordered one = ordered_row(ordering->profile, &ordering->rows[a], ordering->by);
    struct ordered other = ordered_row(ordering->profile, &ordering->rows[b], ordering->by);

    return compare_rows(&one, &other) < 0;
}

/* Descending, as numbers without a sign. */
static uint64_t smallness_of(double value)
{
    const uint64_t sign = UINT64_C(1) << 63;
    double plain = value + 0.0; /* of the two zeros the one */
    uint64_t bits;

    memcpy(&bits, &plain, sizeof bits);
    return ~(bits & sign ? ~bits : bits | sign);
}

/* What is the same here is compared in full. */
static struct partial_key partial_key_of(const struct rates_row *row, uint32_t item,
                                         enum rates_order order)
{
    struct partial_key key = {smallness_of(key_of(row, order)), 0, item};
    float live = (float)row->change.counts.live_bytes; /* as good as it goes in 32 bits */
    uint32_t live_bits;

    memcpy(&live_bits, &live, sizeof live_bits);
    if (order == RATES_BY_SLOPE)
        key.first = (uint64_t)rank_of(row, order) << 62 | key.first >> 2;
    else
        key.second = ~live_bits;
    return key;
}

static void order_rows(const struct profile *profile, enum rates_order by, struct rates *rates)
{
    struct rates_ordering *ordering = memory_allocate_zeroed(1, sizeof *ordering);

    *ordering = (struct rates_ordering){.profile = profile, .rows = rates->rows, .by = by};
    ordering->order = (struct partial_order){.is_before = is_row_before, .context = ordering};
    partial_order_init(&ordering->order, rates->row_count);
    for (size_t i = 0; i < rates->row_count; i++)
        ordering->order.keys[i] = partial_key_of(&rates->rows[i], (uint32_t)i, by);
    ordering->order.count = rates->row_count;
    partial_order_begin(&ordering->order, false);
    rates->ordering = ordering;
}

static void end_ordering(struct rates *rates)
{
    if (rates->ordering)
        partial_order_clear(&rates->ordering->order);
    free(rates->ordering);
    rates->ordering = NULL;
}

void rates_reorder(struct rates *rates, enum rates_order order)
{
    const struct profile *profile = rates->ordering->profile;

    end_ordering(rates);
    order_rows(profile, order, rates);
}

const struct rates_row *rates_row_at(const struct rates *rates, size_t position)
{
    return rates->ordering ? &rates->rows[partial_order_at(&rates->ordering->order, position)]
                           : &rates->rows[position];
}

/* ---- the whole ---- */

static void sum_up(const struct rates_reading *now, const struct rates_question *question,
                   struct rates *rates)
{
    for (size_t i = 0; i < now->process_count; i++) {
        if (question->process != QUERY_ALL_PROCESSES && question->process != i)
            continue;
        const struct rates_counts *mark = totals_in(question->mark, i);
        struct rates_change change = change_of(&now->totals[i], totals_in(question->before, i),
                                               mark ? mark : &nothing, rates->seconds);
        add_change(&rates->total, &change);
    }
}

static void gather(const struct profile *profile, const struct rates_reading *now,
                   const struct rates_question *question, struct rates *rates)
{
    const struct growth_site **growths = find_growths(profile, question->growths);
    const struct rates_reading *before = question->before;
    size_t at_before = 0, at_mark = 0;

    if (before && before->time_ns >= now->time_ns)
        before = NULL;
    *rates = (struct rates){.has_speed = before != NULL,
                            .has_mark = question->mark != NULL,
                            .rows = memory_allocate_large(now->count + 1, sizeof *rates->rows)};
    if (before)
        rates->seconds = (double)(now->time_ns - before->time_ns) / NS_PER_SECOND;
    if (question->mark)
        rates->mark_ns = question->mark->time_ns;
    const struct rates_question asked = {question->process, question->order, before, question->mark,
                                         question->growths};
    sum_up(now, &asked, rates);
    for (size_t i = 0; i < now->count; i++) {
        const struct rates_entry *entry = &now->entries[i];
        const struct rates_counts *earlier = counts_in(before, entry, &at_before);
        const struct rates_counts *mark = counts_in(question->mark, entry, &at_mark);
        struct rates_row row = {.site = now->sites[i], .growth = growths[now->sites[i]]};

        if (question->process != QUERY_ALL_PROCESSES &&
            profile->sites[row.site].process != question->process)
            continue;
        row.change = change_of(&entry->counts, earlier, mark ? mark : &nothing, rates->seconds);
        if (is_worth_a_row(&row))
            rates->rows[rates->row_count++] = row;
        else
            rates->idle_count++;
        rates->growing_count += is_growing(&row);
    }
    free(growths);
}

void rates_find(const struct profile *profile, const struct rates_reading *now,
                const struct rates_question *question, struct rates *rates)
{
    gather(profile, now, question, rates);
    sort(profile, question->order, rates);
}

void rates_find_unordered(const struct profile *profile, const struct rates_reading *now,
                          const struct rates_question *question, struct rates *rates)
{
    gather(profile, now, question, rates);
    order_rows(profile, question->order, rates);
}

void rates_clear(struct rates *rates)
{
    end_ordering(rates);
    free(rates->rows);
    *rates = (struct rates){0};
}

const char *rates_order_name(size_t order)
{
    static const char *const names[] = {[RATES_BY_ALLOCATED_BYTES] = "bytes",
                                        [RATES_BY_ALLOCATIONS] = "allocations",
                                        [RATES_BY_GROWN_BYTES] = "growth",
                                        [RATES_BY_SLOPE] = "slope",
                                        [RATES_BY_LIVE_BYTES] = "live"};

    return order < RATES_ORDER_COUNT ? names[order] : NULL;
}
