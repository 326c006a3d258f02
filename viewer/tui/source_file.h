/* Finding and reading the source files that a recording names, which may stand elsewhere by now. */
#ifndef SEEP_TUI_SOURCE_FILE_H
#define SEEP_TUI_SOURCE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "tui/view.h"

struct source_file {
    char *bytes;
    char **lines; /* into bytes */
    size_t line_count;
};

/* The path to read `file` at: through the path maps, as recorded, below the folder that the program
 * ran in, or by its name in the current folder. False when it is nowhere. */
bool source_file_find(const struct view_context *context, const char *file, struct text *path);

/* At most 16 MiB are read. */
bool source_file_read(struct source_file *source, const char *path, struct error *error);
void source_file_clear(struct source_file *source);

/* Reactions that show or edit a place; they say so when it is not known. */
void source_request(const char *file, uint32_t line, struct reaction *reaction);
void source_request_edit(const struct view_context *context, const char *file, uint32_t line,
                         struct reaction *reaction);

/* What ACTION_SOURCE and ACTION_EDIT do where a row stands for this location (NULL: for none), at
 * `line` (0: the location's own). False: another action. */
bool source_file_act(const struct view_context *context, const struct profile_location *location,
                     uint32_t line, enum action action, struct reaction *reaction);

#endif
