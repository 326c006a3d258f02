#include "config.h"

#include "analysis/instant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

static const char *const names[] = {
    [INSTANT_END] = "end",   [INSTANT_PEAK] = "peak",   [INSTANT_SNAPSHOT] = "snapshot",
    [INSTANT_MARK] = "mark", [INSTANT_START] = "start", [INSTANT_TIME] = "time",
};

static const char snapshot_start[] = "snapshot:";
static const char mark_start[] = "mark:";

const char *instant_name(enum instant_kind kind)
{
    return names[kind];
}

static bool parse_number(const char *digits, uint64_t *number)
{
    char *stop;
    *number = strtoull(digits, &stop, 10);
    return *digits >= '0' && *digits <= '9' && !*stop;
}

/* A bare sign or another one behind it is no time. */
static bool parse_time(const char *name, struct instant *instant)
{
    struct error ignored;
    if (name[0] != '+' && name[0] != '-')
        return false;
    bool is_digit = name[1] >= '0' && name[1] <= '9';
    instant->is_before_the_end = name[0] == '-';
    return (is_digit || name[1] == '.') &&
           units_parse_duration(name + 1, &instant->time_ns, &ignored);
}

bool instant_parse(const char *name, struct instant *instant, struct error *error)
{
    static const enum instant_kind plain[] = {INSTANT_END, INSTANT_PEAK, INSTANT_START};
    *instant = (struct instant){.kind = INSTANT_END};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(names[plain[i]], name) == 0) {
            instant->kind = plain[i];
            return true;
        }
    instant->kind = INSTANT_SNAPSHOT;
    if (text_starts_with(name, snapshot_start) &&
        parse_number(name + strlen(snapshot_start), &instant->snapshot))
        return true;
    instant->kind = INSTANT_MARK;
    if (text_starts_with(name, mark_start) && name[strlen(mark_start)] != '\0') {
        instant->mark = name + strlen(mark_start);
        return true;
    }
    instant->kind = INSTANT_TIME;
    return parse_time(name, instant) ||
           error_set(error,
                     "there is no instant \"%s\": it is \"start\", \"peak\", \"end\", "
                     "\"snapshot:N\", \"mark:NAME\", \"+90s\" after the start or \"-10m\" before "
                     "the end",
                     name);
}

void instant_print(const struct instant *instant, struct text *out)
{
    char time[UNITS_TEXT_BYTES];
    switch (instant->kind) {
    case INSTANT_END:
    case INSTANT_PEAK:
    case INSTANT_START:
        text_add(out, names[instant->kind]);
        return;
    case INSTANT_SNAPSHOT:
        text_print(out, "%s%" PRIu64, snapshot_start, instant->snapshot);
        return;
    case INSTANT_MARK:
        text_print(out, "%s%s", mark_start, instant->mark);
        return;
    case INSTANT_TIME:
        text_print(out, "%c%s", instant->is_before_the_end ? '-' : '+',
                   units_format_duration(instant->time_ns, time));
        return;
    }
}

const struct recording_mark *instant_find_mark(const struct profile *profile, const char *name)
{
    const struct recording_mark *first = NULL;
    for (size_t i = 0; i < profile->mark_count; i++) {
        const struct recording_mark *mark = &profile->marks[i];
        if (strcmp(mark->name, name) == 0 && (!first || mark->time_ns < first->time_ns))
            first = mark;
    }
    return first;
}

static uint64_t time_of_peak(const struct profile *profile, uint32_t process)
{
    const struct recording_totals *highest = NULL;
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct recording_totals *totals = &profile->processes[i].totals;
        bool is_asked = process >= profile->process_count || process == i;
        if (is_asked && (!highest || totals->peak_bytes > highest->peak_bytes))
            highest = totals;
    }
    return highest ? highest->peak_time_ns : 0;
}

static bool find_snapshot_time(const struct snapshot_list *snapshots, uint64_t id,
                               uint64_t *time_ns, struct error *error)
{
    for (size_t i = 0; i < snapshots->count; i++)
        if (snapshots->heads[i].id == id) {
            *time_ns = snapshots->heads[i].time_ns;
            return true;
        }
    return error_set(error, "the recording has no snapshot:%" PRIu64, id);
}

bool instant_find_time(const struct profile *profile, const struct snapshot_list *snapshots,
                       uint32_t process, const struct instant *instant, uint64_t *time_ns,
                       struct error *error)
{
    char time[UNITS_TEXT_BYTES];
    const struct recording_mark *mark;
    *time_ns = 0;
    switch (instant->kind) {
    case INSTANT_START:
        return true;
    case INSTANT_END:
        *time_ns = profile->duration_ns;
        return true;
    case INSTANT_PEAK:
        *time_ns = time_of_peak(profile, process);
        return true;
    case INSTANT_SNAPSHOT:
        return find_snapshot_time(snapshots, instant->snapshot, time_ns, error);
    case INSTANT_MARK:
        mark = instant_find_mark(profile, instant->mark);
        if (!mark)
            return error_set(error, "the recording has no mark:%s%s", instant->mark,
                             profile->mark_count ? "" : ", nor any other");
        *time_ns = mark->time_ns;
        return true;
    case INSTANT_TIME:
        if (instant->time_ns > profile->duration_ns)
            return error_set(error, "the recording lasts %s only",
                             units_format_duration(profile->duration_ns, time));
        *time_ns = instant->is_before_the_end ? profile->duration_ns - instant->time_ns
                                              : instant->time_ns;
        return true;
    }
    return true;
}
