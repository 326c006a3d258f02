#include "import/frame_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* Takes ":LINE" and ":LINE:COLUMN" off a file. */
static uint64_t take_line(char *file)
{
    uint64_t line = 0;
    for (int i = 0; i < 2; i++) {
        char *colon = strrchr(file, ':');
        if (colon == NULL || colon[1] == '\0' ||
            strspn(colon + 1, "0123456789") != strlen(colon + 1))
            break;
        line = strtoull(colon + 1, NULL, 10);
        *colon = '\0';
    }
    return line;
}

void frame_text_parse(const char *text, struct frame_text *frame)
{
    *frame = (struct frame_text){.copy = memory_duplicate_text(text)};
    char *function = frame->copy;
    if (text_starts_with(function, "0x")) {
        char *end;
        frame->address = strtoull(function, &end, 16);
        if (end[0] == ':' && end[1] == ' ')
            function = end + 2;
    }
    size_t count = strlen(function);
    char *place = NULL;
    for (char *at = strstr(function, " ("); at != NULL; at = strstr(at + 1, " ("))
        place = at;
    if (place != NULL && count != 0 && function[count - 1] == ')') {
        function[count - 1] = '\0';
        *place = '\0';
        place += 2;
        if (text_starts_with(place, "in ")) {
            frame->module = place + 3;
        } else {
            frame->line = take_line(place);
            frame->file = place;
        }
    }
    if (*function != '\0' && strcmp(function, "???") != 0)
        frame->function = function;
}

void frame_text_clear(struct frame_text *frame)
{
    free(frame->copy);
    *frame = (struct frame_text){0};
}

enum function_kind frame_text_allocator(const struct frame_text *frame)
{
#define KIND_NAME(number, name, text) [number] = text,
    static const char *const names[] = {FUNCTION_KINDS(KIND_NAME)};
#undef KIND_NAME
    if (frame->function == NULL)
        return FUNCTION_NONE;
    size_t count = strcspn(frame->function, "(");
    bool is_aligned = strstr(frame->function, "align_val_t") != NULL;
    for (unsigned i = FUNCTION_MALLOC; i < FUNCTION_NEW; i++)
        if (strcmp(frame->function, names[i]) == 0)
            return (enum function_kind)i;
    for (unsigned i = FUNCTION_NEW; i <= FUNCTION_NEW_ARRAY; i++)
        if (strlen(names[i]) == count && memcmp(frame->function, names[i], count) == 0)
            return (enum function_kind)(is_aligned ? i + 2 : i);
    return FUNCTION_NONE;
}

uint32_t frame_text_add(const struct frame_text *frame, struct import_writer *writer)
{
    const struct import_location location = {frame->function, frame->file, frame->line};
    return import_writer_add_frame(writer, frame->module, frame->address, &location,
                                   frame->function != NULL ? 1 : 0);
}
