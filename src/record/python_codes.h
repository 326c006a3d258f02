/* What the session's targets told of their Python code: numbers of code objects (enum wire_kind,
 * PYTHON_CODE), and the places in the source that frames of them stand for. Equal places of several
 * code objects or processes are one, so that workers which run the same program have the same
 * frames. */
#ifndef SEEP_RECORD_PYTHON_CODES_H
#define SEEP_RECORD_PYTHON_CODES_H

#include <stddef.h>
#include <stdint.h>

struct python_codes;
struct wire_python_code;

/* Places are numbered from 1; 0 = the code is not known. */
struct python_place {
    const char *function; /* borrowed, as file is; "" = not known */
    const char *file;
    uint32_t line; /* 0 = not known */
};

/* Caller owns. */
struct python_codes *python_codes_create(void);
void python_codes_destroy(struct python_codes *codes);

/* `record` is a checked copy. What is told of a number that is taken already, or beyond what a
 * session can have, is left out. */
void python_codes_add(struct python_codes *codes, const struct wire_python_code *record);

/* A part of a code's table of lines; parts come in their order. */
void python_codes_add_lines(struct python_codes *codes, uint32_t number, uint64_t offset,
                            const void *bytes, size_t count);

/* The place of the frame with this word (WIRE_FRAME_PYTHON). */
uint32_t python_codes_find_place(struct python_codes *codes, uint64_t word);

struct python_place python_codes_place(const struct python_codes *codes, uint32_t place);

#endif
