/* JSON written as it comes, so that a report of a million sites needs no tree in memory. Objects
 * and arrays that are opened here have an entry a line; values (also whole objects) come from
 * jansson and stand on one line. Keys keep the order in which they are added. */
#ifndef SEEP_REPORT_JSON_STREAM_H
#define SEEP_REPORT_JSON_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum {
    JSON_STREAM_MAX_DEPTH = 16
};

struct json_stream {
    FILE *out;
    unsigned depth;
    bool has_entries[JSON_STREAM_MAX_DEPTH];
    char closers[JSON_STREAM_MAX_DEPTH];
};

void json_stream_init(struct json_stream *stream, FILE *out);

/* `key` is NULL in arrays and for the outermost. */
void json_stream_begin_object(struct json_stream *stream, const char *key);
void json_stream_begin_array(struct json_stream *stream, const char *key);
void json_stream_end(struct json_stream *stream); /* the innermost; the last one ends the line */

/* Takes the reference to `value`; NULL is written as null. */
void json_stream_add(struct json_stream *stream, const char *key, json_t *value);

/* Into an array: a value that is JSON already. */
void json_stream_add_written(struct json_stream *stream, const char *value);

void json_stream_add_number(struct json_stream *stream, const char *key, uint64_t number);

/* Values that callers own, or give away. Numbers beyond 2^63 - 1 stay there: they are forged. Texts
 * are made harmless; NULL is null. */
json_t *json_number(uint64_t number);
json_t *json_text(const char *text);
json_t *json_address(uint64_t address); /* "0x..." */

#endif
