#include "record/snapshot_levels.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

static bool parse_percent(const char *text, uint64_t *percent, struct error *error)
{
    char *end;
    *percent = strtoull(text, &end, 10);
    if (end != text && *text >= '0' && *text <= '9' && (*end == '\0' || strcmp(end, "%") == 0) &&
        *percent >= 1 && *percent <= 100)
        return true;
    return error_set(error, "\"%s\" is no share between 1%% and 100%%", text);
}

bool snapshot_level_parse(const char *text, struct snapshot_level *level, struct error *error)
{
    static const struct {
        const char *prefix;
        enum snapshot_level_kind kind;
    } sizes[] = {{"heap=", SNAPSHOT_LEVEL_HEAP}, {"rss=", SNAPSHOT_LEVEL_RESIDENT}};

    *level = (struct snapshot_level){.kind = SNAPSHOT_LEVEL_HEAP};
    if (strcmp(text, "peak") == 0) {
        level->kind = SNAPSHOT_LEVEL_PEAK;
        return true;
    }
    if (strncmp(text, "limit=", 6) == 0) {
        level->kind = SNAPSHOT_LEVEL_LIMIT;
        return parse_percent(text + 6, &level->value, error);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strncmp(text, sizes[i].prefix, strlen(sizes[i].prefix)) == 0) {
            level->kind = sizes[i].kind;
            return units_parse_size(text + strlen(sizes[i].prefix), &level->value, error);
        }
    if (*text >= '0' && *text <= '9')
        return units_parse_size(text, &level->value, error);
    return error_set(error, "\"%s\" is not peak, rss=SIZE, limit=SHARE%% or a size", text);
}

bool snapshot_levels_have(const struct snapshot_level *levels, size_t count,
                          enum snapshot_level_kind kind)
{
    for (size_t i = 0; i < count; i++)
        if (levels[i].kind == kind)
            return true;
    return false;
}

static bool is_higher_peak(uint64_t heap_bytes, uint64_t before_bytes)
{
    return heap_bytes >= SNAPSHOT_PEAK_FROM_BYTES && heap_bytes > before_bytes &&
           heap_bytes - before_bytes >= before_bytes / SNAPSHOT_PEAK_STEP_SHARE;
}

static bool is_reached(const struct snapshot_level *level,
                       const struct snapshot_level_figures *figures, uint64_t peak_bytes)
{
    switch (level->kind) {
    case SNAPSHOT_LEVEL_HEAP:
        return figures->heap_bytes >= level->value;
    case SNAPSHOT_LEVEL_RESIDENT:
        return figures->resident_bytes >= level->value;
    case SNAPSHOT_LEVEL_LIMIT:
        return figures->limit_percent >= level->value;
    case SNAPSHOT_LEVEL_PEAK:
        return is_higher_peak(figures->heap_bytes, peak_bytes);
    }
    return false;
}

bool snapshot_levels_check(const struct snapshot_level *levels, size_t count,
                           const struct snapshot_level_figures *figures,
                           struct snapshot_levels_reached *reached, bool *is_peak)
{
    bool is_any = false, is_other = false;
    for (size_t i = 0; i < count && i < SNAPSHOT_LEVELS_MOST; i++) {
        bool is_of_peak = levels[i].kind == SNAPSHOT_LEVEL_PEAK;
        uint32_t bit = UINT32_C(1) << i;
        if ((reached->set & bit) != 0 || !is_reached(&levels[i], figures, reached->peak_bytes))
            continue;
        reached->set |= is_of_peak ? 0 : bit;
        is_any = true;
        is_other |= !is_of_peak;
    }
    *is_peak = is_any && !is_other;
    return is_any;
}
