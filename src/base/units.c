#include "base/units.h"

#include <stdio.h>
#include <string.h>

typedef unsigned __int128 wide_integer; /* products of two 64-bit numbers */

struct unit {
    const char *name;
    uint64_t factor;
};

struct number {
    uint64_t digits; /* value = digits / scale */
    uint64_t scale;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

/* "12", "1.5", ".5"; digits that a 64-bit number cannot hold behind the point are left out.
 * Returns where the number ends, or NULL when it is none or too large. */
static const char *parse_number(const char *text, struct number *number)
{
    bool has_digits = false;
    *number = (struct number){.scale = 1};
    for (; is_digit(*text); text++, has_digits = true)
        if (__builtin_mul_overflow(number->digits, 10u, &number->digits) ||
            __builtin_add_overflow(number->digits, (uint64_t)(*text - '0'), &number->digits))
            return NULL;
    if (*text == '.') {
        for (text++; is_digit(*text); text++, has_digits = true) {
            if (number->digits > UINT64_MAX / 10 - 1 || number->scale > UINT64_MAX / 10)
                continue;
            number->digits = number->digits * 10 + (uint64_t)(*text - '0');
            number->scale *= 10;
        }
    }
    return has_digits ? text : NULL;
}

static bool scale_number(struct number number, uint64_t factor, uint64_t *result)
{
    wide_integer value = (wide_integer)number.digits * factor / number.scale;
    *result = (uint64_t)value;
    return value <= UINT64_MAX;
}

/* Both without regard to case and up to trailing blanks. */
static bool is_unit(const char *text, const char *name)
{
    while (*name && to_lower(*text) == *name) {
        text++;
        name++;
    }
    return !*name && !*skip_blanks(text);
}

static bool find_unit(const char *text, const struct unit *units, size_t count, uint64_t *factor)
{
    for (size_t i = 0; i < count; i++)
        if (is_unit(text, units[i].name)) {
            *factor = units[i].factor;
            return true;
        }
    return false;
}

bool units_parse_size(const char *text, uint64_t *bytes, struct error *error)
{
    static const struct unit sizes[] = {
        {"", 1},
        {"b", 1},
        {"k", 1u << 10},
        {"kb", 1u << 10},
        {"ki", 1u << 10},
        {"kib", 1u << 10},
        {"m", 1u << 20},
        {"mb", 1u << 20},
        {"mi", 1u << 20},
        {"mib", 1u << 20},
        {"g", 1u << 30},
        {"gb", 1u << 30},
        {"gi", 1u << 30},
        {"gib", 1u << 30},
        {"t", UINT64_C(1) << 40},
        {"tb", UINT64_C(1) << 40},
        {"ti", UINT64_C(1) << 40},
        {"tib", UINT64_C(1) << 40},
    };
    struct number number;
    uint64_t factor;
    const char *end = parse_number(skip_blanks(text), &number);
    if (!end || !find_unit(skip_blanks(end), sizes, sizeof sizes / sizeof *sizes, &factor))
        return error_set(error, "\"%s\" is not a size (such as 4096, 64k, 1.5MiB or 2 GB)", text);
    if (factor == 1 && number.scale > 1)
        return error_set(error, "\"%s\" is a fraction of a byte", text);
    if (!scale_number(number, factor, bytes))
        return error_set(error, "the size \"%s\" is too large", text);
    return true;
}

bool units_parse_duration(const char *text, uint64_t *nanoseconds, struct error *error)
{
    static const struct unit durations[] = {
        {"", UINT64_C(1000000000)},      {"ns", 1},
        {"us", UINT64_C(1000)},          {"ms", UINT64_C(1000000)},
        {"s", UINT64_C(1000000000)},     {"m", UINT64_C(60000000000)},
        {"min", UINT64_C(60000000000)},  {"h", UINT64_C(3600000000000)},
        {"d", UINT64_C(86400000000000)},
    };
    struct number number;
    uint64_t factor;
    const char *end = parse_number(skip_blanks(text), &number);
    if (!end ||
        !find_unit(skip_blanks(end), durations, sizeof durations / sizeof *durations, &factor))
        return error_set(error, "\"%s\" is not a duration (such as 5s, 250ms, 1.5min or 2h)", text);
    if (!scale_number(number, factor, nanoseconds))
        return error_set(error, "the duration \"%s\" is too long", text);
    return true;
}

static uint64_t divide_rounding(wide_integer value, uint64_t divisor)
{
    return (uint64_t)((value + divisor / 2) / divisor);
}

/* "1.0", "99.9", "100", ... The value is value/unit, rounded, below `limit` when true is returned:
 * rounding may reach the limit, and then the next unit is wanted. */
static bool print_three_digits(uint64_t value, uint64_t unit, uint64_t limit, char *text)
{
    uint64_t tenths = divide_rounding((wide_integer)value * 10, unit);
    uint64_t whole = divide_rounding(value, unit);
    if (tenths < 1000)
        snprintf(text, UNITS_TEXT_BYTES, "%u.%u", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    else
        snprintf(text, UNITS_TEXT_BYTES, "%llu", (unsigned long long)whole);
    return tenths < 1000 || whole < limit;
}

static void add_unit(char *text, const char *unit)
{
    size_t length = strlen(text);
    snprintf(text + length, UNITS_TEXT_BYTES - length, "%s", unit);
}

const char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_BYTES])
{
    static const char *const units[] = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    if (bytes < 1024) {
        snprintf(text, UNITS_TEXT_BYTES, "%u B", (unsigned)bytes);
        return text;
    }
    unsigned unit = 0;
    while (!print_three_digits(bytes, UINT64_C(1) << (10 * (unit + 1)), 1024, text))
        unit++;
    add_unit(text, units[unit]);
    return text;
}

void units_add_size(struct text *out, uint64_t bytes)
{
    char size[UNITS_TEXT_BYTES];
    text_add(out, units_format_size(bytes, size));
}

const char *units_format_signed_size(int64_t bytes, char text[UNITS_TEXT_BYTES])
{
    char magnitude[UNITS_TEXT_BYTES];
    units_format_size(bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes, magnitude);
    snprintf(text, UNITS_TEXT_BYTES, "%s%.*s",
             bytes < 0   ? "-"
             : bytes > 0 ? "+"
                         : "",
             UNITS_TEXT_BYTES - 2, magnitude);
    return text;
}

const char *units_format_count(uint64_t count, char text[UNITS_TEXT_BYTES])
{
    char digits[UNITS_TEXT_BYTES];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *to = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

void units_add_count(struct text *out, uint64_t count)
{
    char number[UNITS_TEXT_BYTES];
    text_add(out, units_format_count(count, number));
}

const char *units_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

const char *units_format_short_count(uint64_t count, char text[UNITS_TEXT_BYTES])
{
    static const char *const units[] = {"k", "M", "G", "T", "P", "E"};
    if (count < 1000) {
        snprintf(text, UNITS_TEXT_BYTES, "%u", (unsigned)count);
        return text;
    }
    unsigned unit = 0;
    uint64_t factor = 1000;
    for (; !print_three_digits(count, factor, 1000, text); factor *= 1000)
        unit++;
    add_unit(text, units[unit]);
    return text;
}

static void format_long_duration(uint64_t seconds, char *text)
{
    if (seconds < 3600) {
        snprintf(text, UNITS_TEXT_BYTES, "%u min %02u s", (unsigned)(seconds / 60),
                 (unsigned)(seconds % 60));
        return;
    }
    uint64_t minutes = divide_rounding(seconds, 60);
    snprintf(text, UNITS_TEXT_BYTES, "%llu h %02u min", (unsigned long long)(minutes / 60),
             (unsigned)(minutes % 60));
}

const char *units_format_duration(uint64_t nanoseconds, char text[UNITS_TEXT_BYTES])
{
    if (nanoseconds < 1000) {
        snprintf(text, UNITS_TEXT_BYTES, "%u ns", (unsigned)nanoseconds);
        return text;
    }
    if (print_three_digits(nanoseconds, 1000, 1000, text)) {
        add_unit(text, " us");
        return text;
    }
    if (print_three_digits(nanoseconds, 1000000, 1000, text)) {
        add_unit(text, " ms");
        return text;
    }
    uint64_t hundredths = divide_rounding(nanoseconds, 10000000);
    uint64_t tenths = divide_rounding(nanoseconds, 100000000);
    uint64_t seconds = divide_rounding(nanoseconds, 1000000000);
    if (hundredths < 1000)
        snprintf(text, UNITS_TEXT_BYTES, "%u.%02u s", (unsigned)(hundredths / 100),
                 (unsigned)(hundredths % 100));
    else if (tenths < 600)
        snprintf(text, UNITS_TEXT_BYTES, "%u.%u s", (unsigned)(tenths / 10),
                 (unsigned)(tenths % 10));
    else
        format_long_duration(seconds, text);
    return text;
}

const char *units_format_percent(uint64_t part, uint64_t whole, char text[UNITS_TEXT_BYTES])
{
    if (whole == 0) {
        snprintf(text, UNITS_TEXT_BYTES, "-");
        return text;
    }
    wide_integer tenths = ((wide_integer)part * 1000 + whole / 2) / whole;
    wide_integer percent = tenths / 10;
    if (percent > UINT64_MAX)
        percent = UINT64_MAX;
    snprintf(text, UNITS_TEXT_BYTES, "%llu.%u %%", (unsigned long long)percent,
             (unsigned)(tenths % 10));
    return text;
}
