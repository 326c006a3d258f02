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

static void begin_entry(struct json_stream *stream, const char *key)
{
    if (stream->depth) {
        fputs(stream->has_entries[stream->depth - 1] ? ",\n" : "\n", stream->out);
        stream->has_entries[stream->depth - 1] = true;
        fprintf(stream->out, "%*s", (int)(2 * stream->depth), "");
    }
    if (key)
        fprintf(stream->out, "\"%s\": ", key);
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
        fprintf(stream->out, "\n%*s", (int)(2 * stream->depth), "");
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
