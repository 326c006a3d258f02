/* Frames as Valgrind's tools write them: "0x109157: main (demo.cpp:12)", "0x4848899: ??? (in
 * /usr/lib/libx.so)". */
#ifndef SEEP_IMPORT_FRAME_TEXT_H
#define SEEP_IMPORT_FRAME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "import/import_writer.h"
#include "wire/function_kinds.h"

struct frame_text {
    char *copy; /* owns the texts below */
    uint64_t address;
    const char *function; /* NULL = not known */
    const char *file;
    const char *module;
    uint64_t line;
};

/* Takes anything; what does not look so becomes the function's name. Clear after use. */
void frame_text_parse(const char *text, struct frame_text *frame);
void frame_text_clear(struct frame_text *frame);

/* The function that allocates which this is, by its name; FUNCTION_NONE = none. */
enum function_kind frame_text_allocator(const struct frame_text *frame);

uint32_t frame_text_add(const struct frame_text *frame, struct import_writer *writer);

#endif
