#include "report/json_stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

void json_stream_init(struct json_stream *stream, FILE *out)
{
    *stream = (struct json_stream){.out = out};
}

static void start_line(struct json_stream *stream)
{
    static const char start[] = "\n                                ";
    _Static_assert(sizeof start == 2 * JSON_STREAM_MAX_DEPTH + 2, "room for the deepest line");
    fwrite(start, 1, 1 + 2 * (size_t)stream->depth, stream->out);
}

static void begin_entry(struct json_stream *stream, const char *key)
{
    if (stream->depth) {
        if (stream->has_entries[stream->depth - 1])
            putc(',', stream->out);
        stream->has_entries[stream->depth - 1] = true;
        start_line(stream);
    }
    if (key) {
        putc('"', stream->out);
        fputs(key, stream->out);
        fputs("\": ", stream->out);
    }
}

static void begin(struct json_stream *stream, const char *key, char opener, char closer)
{
    assert(stream->depth < JSON_STREAM_MAX_DEPTH);
    begin_entry(stream, key);
    putc(opener, stream->out);
    stream->has_entries[stream->depth] = false;
    stream->closers[stream->depth++] = closer;
}

void json_stream_begin_object(struct json_stream *stream, const char *key)
{
    begin(stream, key, '{', '}');
}

void json_stream_begin_array(struct json_stream *stream, const char *key)
{
    begin(stream, key, '[', ']');
}

void json_stream_end(struct json_stream *stream)
{
    assert(stream->depth > 0);
    stream->depth--;
    if (stream->has_entries[stream->depth])
        start_line(stream);
    putc(stream->closers[stream->depth], stream->out);
    if (stream->depth == 0)
        putc('\n', stream->out);
}

void json_stream_add(struct json_stream *stream, const char *key, json_t *value)
{
    begin_entry(stream, key);
    if (value)
        json_dumpf(value, stream->out, JSON_ENCODE_ANY);
    else
        fputs("null", stream->out);
    json_decref(value);
}

void json_stream_add_written(struct json_stream *stream, const char *value)
{
    begin_entry(stream, NULL);
    fputs(value, stream->out);
}

void json_stream_add_number(struct json_stream *stream, const char *key, uint64_t number)
{
    begin_entry(stream, key);
    fprintf(stream->out, "%" PRIu64, number > INT64_MAX ? INT64_MAX : number);
}

json_t *json_number(uint64_t number)
{
    return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number);
}

json_t *json_text(const char *text)
{
    if (!text)
        return json_null();
    size_t room = strlen(text) + 1;
    char *safe = memory_allocate(room);
    text_make_safe(text, safe, room);
    json_t *value = json_string(safe);
    free(safe);
    return value ? value : json_string("?");
}

json_t *json_address(uint64_t address)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, address);
    return json_string(text);
}
