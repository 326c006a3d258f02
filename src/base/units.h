/* Sizes, counts and times, to and from what people read and write. Locale-independent. */
#ifndef SEEP_BASE_UNITS_H
#define SEEP_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum { UNITS_TEXT_BYTES = 32 }; /* room that is enough for every format function below */

/* "4096", "64k", "64 KiB", "1.5MiB", "2 GB", "1g": k, M, G, T with or without "i" and "B" are all
 * powers of 1024; case does not matter. */
bool units_parse_size(const char *text, uint64_t *bytes, struct error *error);

/* "5s", "250ms", "1.5m" or "1.5min", "2h", "100us", "10ns", "3d"; a bare number is seconds. */
bool units_parse_duration(const char *text, uint64_t *nanoseconds, struct error *error);

/* "0 B", "999 B", "1.0 KiB", "12.3 MiB", "123 GiB": at most four significant digits. */
const char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_BYTES]);
void units_add_size(struct text *out, uint64_t bytes);

/* With a sign: "+1.5 MiB", "-12 B", "0 B". */
const char *units_format_signed_size(int64_t bytes, char text[UNITS_TEXT_BYTES]);

/* "1,234,567". */
const char *units_format_count(uint64_t count, char text[UNITS_TEXT_BYTES]);
void units_add_count(struct text *out, uint64_t count);

/* What follows the noun: "" of one, else "s". */
const char *units_plural(uint64_t count);

/* "812", "81.2k", "8.1M", "1.2G": at most five columns, for narrow tables (powers of 1000). */
const char *units_format_short_count(uint64_t count, char text[UNITS_TEXT_BYTES]);

/* "12 ns", "3.4 us", "850 ms", "1.23 s", "2 min 05 s", "3 h 12 min". */
const char *units_format_duration(uint64_t nanoseconds, char text[UNITS_TEXT_BYTES]);

/* part/whole as "12.3 %"; "-" when whole is 0. */
const char *units_format_percent(uint64_t part, uint64_t whole, char text[UNITS_TEXT_BYTES]);

#endif
