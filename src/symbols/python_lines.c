#include "symbols/python_lines.h"

#include <stdbool.h>

enum {
    FIRST_WITH_RANGES = 10,
    FIRST_WITH_LOCATIONS = 11
};

static uint32_t line_of(int64_t line)
{
    return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

/* ---- 3.8, 3.9 ---- */

static uint32_t find_in_steps(const struct python_line_table *table, uint64_t address)
{
    uint64_t reached = 0;
    int64_t line = table->first_line;
    for (size_t i = 0; i + 1 < table->count; i += 2) {
        reached += table->bytes[i];
        if (reached > address)
            break;
        line += (int8_t)table->bytes[i + 1];
    }
    return line_of(line);
}

/* ---- 3.10 ---- */

static uint32_t find_in_ranges(const struct python_line_table *table, uint64_t address)
{
    enum {
        NO_LINE = -128
    };
    uint64_t end = 0;
    int64_t line = table->first_line;
    for (size_t i = 0; i + 1 < table->count; i += 2) {
        int8_t step = (int8_t)table->bytes[i + 1];
        end += table->bytes[i];
        if (step != NO_LINE)
            line += step;
        if (address < end)
            return step != NO_LINE ? line_of(line) : 0;
    }
    return 0;
}

/* ---- 3.11 on ---- */

enum location_kind {
    LOCATION_ONE_LINE = 10, /* 10, 11, 12: so many lines on, less 10; below: on the same line */
    LOCATION_NO_COLUMNS = 13,
    LOCATION_LONG = 14,
    LOCATION_NONE = 15
};

struct cursor {
    const uint8_t *at, *end;
};

static uint8_t take_byte(struct cursor *cursor)
{
    return cursor->at < cursor->end ? *cursor->at++ : 0;
}

/* Six bits a byte, the lowest first; bit 6: there are more. */
static uint64_t take_number(struct cursor *cursor)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 6) {
        uint8_t byte = take_byte(cursor);
        if (shift < 60)
            number |= (uint64_t)(byte & 63) << shift;
        if ((byte & 64) == 0)
            return number;
    }
}

/* The sign is the lowest bit. */
static int64_t take_signed(struct cursor *cursor)
{
    uint64_t number = take_number(cursor);
    int64_t size = (int64_t)(number >> 1);
    return (number & 1) != 0 ? -size : size;
}

/* By how much the line goes on; the rest of the entry is passed over. */
static int64_t take_line_step(struct cursor *cursor, unsigned kind)
{
    int64_t step = 0;
    if (kind == LOCATION_LONG) {
        step = take_signed(cursor);
        take_number(cursor); /* end line, and both columns */
        take_number(cursor);
        take_number(cursor);
    } else if (kind == LOCATION_NO_COLUMNS) {
        step = take_signed(cursor);
    } else if (kind != LOCATION_NONE) {
        bool is_other_line = kind >= LOCATION_ONE_LINE;
        step = is_other_line ? (int64_t)kind - LOCATION_ONE_LINE : 0;
        take_byte(cursor); /* columns */
        if (is_other_line)
            take_byte(cursor);
    }
    return step;
}

static uint32_t find_in_locations(const struct python_line_table *table, uint32_t unit)
{
    struct cursor cursor = {table->bytes, table->bytes + table->count};
    uint64_t end = 0;
    int64_t line = table->first_line;
    while (cursor.at < cursor.end) {
        uint8_t first = take_byte(&cursor);
        unsigned kind = first >> 3 & 15;
        int64_t step = take_line_step(&cursor, kind);
        if (step > INT32_MAX || step < -INT32_MAX)
            return 0;
        line += step;
        end += (first & 7) + 1;
        if (unit < end)
            return kind != LOCATION_NONE ? line_of(line) : 0;
    }
    return 0;
}

uint32_t python_lines_find(const struct python_line_table *table, uint32_t unit)
{
    if (table->version_minor >= FIRST_WITH_LOCATIONS)
        return find_in_locations(table, unit);
    if (table->version_minor >= FIRST_WITH_RANGES)
        return find_in_ranges(table, (uint64_t)unit * 2);
    return find_in_steps(table, (uint64_t)unit * 2);
}
