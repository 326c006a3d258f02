/* JSON of Valgrind's DHAT, version 2 (the comment "File format notes" of its dh_main.c), and of the
 * crate dhat for Rust. A program point is a site: what it allocated, held at the peak and held at
 * the end. */
#include "import/import.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "import/frame_text.h"

struct reading {
    struct import_writer *writer;
    const json_t *frames;
    uint32_t *frame_of_text;                         /* + 1; 0 = not added yet */
    uint64_t blocks, bytes, peak_blocks, peak_bytes; /* of all points so far */
};

bool import_dhat_matches(const char *head)
{
    return head[strspn(head, " \t\r\n")] == '{' && strstr(head, "\"dhatFileVersion\"") != NULL;
}

/* 0 when it is not there. */
static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));
    return number > 0 ? (uint64_t)number : 0;
}

static uint32_t frame_at(struct reading *reading, size_t position)
{
    uint32_t *frame = &reading->frame_of_text[position];
    if (*frame == 0) {
        const char *text = json_string_value(json_array_get(reading->frames, position));
        struct frame_text parsed;
        frame_text_parse(text != NULL ? text : "", &parsed);
        *frame = frame_text_add(&parsed, reading->writer) + 1;
        frame_text_clear(&parsed);
    }
    return *frame - 1;
}

/* Which allocation function a stack begins with; it is not part of the stack then. */
static enum function_kind allocator_of(const struct reading *reading, size_t position)
{
    struct frame_text parsed;
    const char *text = json_string_value(json_array_get(reading->frames, position));
    frame_text_parse(text != NULL ? text : "", &parsed);
    enum function_kind kind = frame_text_allocator(&parsed);
    frame_text_clear(&parsed);
    return kind;
}

static bool read_stack(struct reading *reading, const json_t *stack, uint32_t *node,
                       enum function_kind *kind, struct error *error)
{
    size_t count = json_array_size(stack), first = 0;
    *node = 0;
    *kind = FUNCTION_MALLOC;
    for (size_t i = 0; i < count; i++) {
        json_int_t position = json_integer_value(json_array_get(stack, i));
        if (position < 0 || (size_t)position >= json_array_size(reading->frames))
            return error_set(error, "a stack has a frame that is not in the table of frames");
    }
    if (count != 0) {
        enum function_kind found = allocator_of(
            reading, (size_t)json_integer_value(json_array_get(stack, 0)));
        first = found != FUNCTION_NONE;
        *kind = found != FUNCTION_NONE ? found : FUNCTION_MALLOC;
    }
    for (size_t i = count; i-- > first;)
        *node = import_writer_add_node(
            reading->writer, *node,
            frame_at(reading, (size_t)json_integer_value(json_array_get(stack, i))));
    return true;
}

/* Sums of all points, and with them those of each site, stay below INT64_MAX. */
static bool add_within(uint64_t *sum, uint64_t part)
{
    if (part > INT64_MAX - *sum)
        return false;
    *sum += part;
    return true;
}

static bool read_point(struct reading *reading, const json_t *point, struct error *error)
{
    uint64_t bytes = number_of(point, "tb"), blocks = number_of(point, "tbk");
    uint64_t end_bytes = number_of(point, "eb"), end_blocks = number_of(point, "ebk");
    uint64_t peak_bytes = number_of(point, "gb"), peak_blocks = number_of(point, "gbk");
    enum function_kind kind;
    uint32_t node;
    if (end_bytes > bytes || end_blocks > blocks)
        return error_set(error, "a program point holds more at the end than it allocated");
    if (!read_stack(reading, json_object_get(point, "fs"), &node, &kind, error))
        return false;
    struct recording_site *site = import_writer_site(reading->writer, node);
    if (!add_within(&reading->blocks, blocks) || !add_within(&reading->bytes, bytes) ||
        !add_within(&reading->peak_blocks, peak_blocks) ||
        !add_within(&reading->peak_bytes, peak_bytes))
        return error_set(error, "it has more blocks or bytes than there can be");
    site->allocation_function = kind;
    site->allocations += blocks;
    site->allocated_bytes += bytes;
    site->frees += blocks - end_blocks;
    site->freed_bytes += bytes - end_bytes;
    site->peak_blocks += peak_blocks;
    site->peak_bytes += peak_bytes;
    return true;
}

/* Times are in microseconds, or in instructions, which are no times. */
static void read_times(const json_t *document, struct reading *reading)
{
    const char *unit = json_string_value(json_object_get(document, "tu"));
    bool is_time = unit != NULL && text_ends_with(unit, "s") && strlen(unit) <= 3;
    uint64_t end = number_of(document, "te"), peak = number_of(document, "tg");
    is_time = is_time && end < INT64_MAX / 1000 && peak <= end;
    if (!is_time)
        import_writer_note(reading->writer, "its times are counts of instructions: none are shown");
    import_writer_set_duration(reading->writer, is_time ? end * 1000 : 0);
    import_writer_set_peak(reading->writer, reading->peak_bytes, is_time ? peak * 1000 : 0, 0);
}

static bool read_document(const json_t *document, struct reading *reading, struct error *error)
{
    const char *mode = json_string_value(json_object_get(document, "mode"));
    const char *command = json_string_value(json_object_get(document, "cmd"));
    const json_t *points = json_object_get(document, "pps"), *point;
    size_t i;
    if (number_of(document, "dhatFileVersion") != 2)
        return error_set(error, "its version is not 2");
    if (mode == NULL || (strcmp(mode, "heap") != 0 && strcmp(mode, "rust-heap") != 0))
        return error_set(error, "it is not of a heap, but of \"%.40s\"", mode != NULL ? mode : "");
    import_writer_set_command(reading->writer, command != NULL ? command : "");
    import_writer_set_pid(reading->writer, number_of(document, "pid"));
    json_array_foreach((json_t *)points, i,
                       point) if (!read_point(reading, point, error)) return false;
    read_times(document, reading);
    return true;
}

bool import_dhat(const char *text, size_t count, struct import_writer *writer, struct error *error)
{
    json_error_t problem;
    json_t *document = json_loadb(text, count, 0, &problem);
    if (document == NULL)
        return error_set(error, "line %d: %s", problem.line, problem.text);
    struct reading reading = {.writer = writer, .frames = json_object_get(document, "ftbl")};
    reading.frame_of_text = memory_allocate_zeroed(json_array_size(reading.frames) + 1,
                                                   sizeof *reading.frame_of_text);
    bool is_good = read_document(document, &reading, error);
    free(reading.frame_of_text);
    json_decref(document);
    return is_good;
}
