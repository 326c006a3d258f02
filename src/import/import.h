/* Recordings of other tools, made into ours, so that every command can read them.
 *
 * Each format is a file that reads it and tells an import_writer what it finds; all are in one
 * table. Files are foreign: what is not of the format is refused with its line, counts and sizes
 * are bounded, and no more memory is taken than a multiple of the file. */
#ifndef SEEP_IMPORT_IMPORT_H
#define SEEP_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "import/import_writer.h"

struct import_format {
    const char *name;
    const char *summary; /* a line of help */
    /* Does a file that begins so look like one? `head` is NUL-terminated. */
    bool (*matches)(const char *head);
    /* `text` is the whole file, NUL-terminated behind its `count` bytes. */
    bool (*read)(const char *text, size_t count, struct import_writer *writer, struct error *error);
};

/* In the order of help; NULL past the end. */
const struct import_format *import_format_at(size_t position);

struct import_options {
    const char *path;                   /* what is read; also .gz and .zst */
    const char *output;                 /* what is written */
    bool may_replace;                   /* a recording that stands there */
    bool is_force;                      /* the output may replace any file, not only a recording */
    const struct import_format *format; /* NULL: by its content */
};

/* What could not be told, a line for the user; "" = nothing. */
struct import_result {
    const struct import_format *format;
    char note[256];
};

bool import_file(const struct import_options *options, struct import_result *result,
                 struct error *error);

/* The readers. */
bool import_heaptrack_matches(const char *head);
bool import_heaptrack(const char *text, size_t count, struct import_writer *writer,
                      struct error *error);
bool import_dhat_matches(const char *head);
bool import_dhat(const char *text, size_t count, struct import_writer *writer, struct error *error);
bool import_massif_matches(const char *head);
bool import_massif(const char *text, size_t count, struct import_writer *writer,
                   struct error *error);

#endif
