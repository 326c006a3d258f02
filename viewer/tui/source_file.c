#include "tui/source_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    MAX_SOURCE_BYTES = 16 << 20,
    MAX_SOURCE_LINES = 1 << 20
};

static bool is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, R_OK) == 0;
}

static bool is_there_else_clear(struct text *path)
{
    if (is_there(text_get(path)))
        return true;
    text_clear(path);
    return false;
}

bool source_file_find(const struct view_context *context, const char *file, struct text *path)
{
    const struct tui_options *options = context->options;
    for (size_t i = 0; i < options->path_map_count; i++) {
        const struct tui_path_map *map = &options->path_maps[i];
        if (!text_starts_with(file, map->from))
            continue;
        text_print(path, "%s%s", map->to, file + strlen(map->from));
        if (is_there_else_clear(path))
            return true;
    }
    text_add(path, file);
    if (is_there_else_clear(path))
        return true;
    if (file[0] != '/') {
        text_print(path, "%s/%s", context->profile->session.working_folder, file);
        if (is_there_else_clear(path))
            return true;
    }
    text_add(path, text_file_name(file));
    return is_there_else_clear(path);
}

static void split_lines(struct source_file *source, size_t count)
{
    size_t capacity = 0;
    char *line = source->bytes, *end = source->bytes + count;
    while (line < end && source->line_count < MAX_SOURCE_LINES) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        if (!next)
            next = end;
        *next = '\0';
        if (next > line && next[-1] == '\r')
            next[-1] = '\0';
        source->lines = memory_grow(source->lines, &capacity, source->line_count + 1,
                                    sizeof *source->lines);
        source->lines[source->line_count++] = line;
        line = next + 1;
    }
}

bool source_file_read(struct source_file *source, const char *path, struct error *error)
{
    struct stat status;
    *source = (struct source_file){0};
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
        fclose(file);
        return error_set(error, "cannot read %s: it is not a file", path);
    }
    size_t wanted = status.st_size < MAX_SOURCE_BYTES ? (size_t)status.st_size : MAX_SOURCE_BYTES;
    source->bytes = memory_allocate(wanted + 1);
    size_t count = fread(source->bytes, 1, wanted, file);
    fclose(file);
    source->bytes[count] = '\0';
    for (size_t i = 0; i < count; i++)
        if (!source->bytes[i])
            source->bytes[i] = 1; /* a NUL would hide the rest of its line */
    split_lines(source, count);
    return true;
}

void source_file_clear(struct source_file *source)
{
    free(source->bytes);
    free(source->lines);
    *source = (struct source_file){0};
}

void source_request(const char *file, uint32_t line, struct reaction *reaction)
{
    if (!file) {
        text_add(&reaction->message, "the source file is not known");
        return;
    }
    reaction->opened = &view_source;
    reaction->request.file = file;
    reaction->request.line = line;
}

void source_request_edit(const struct view_context *context, const char *file, uint32_t line,
                         struct reaction *reaction)
{
    if (!file)
        text_add(&reaction->message, "the source file is not known");
    else if (!source_file_find(context, file, &reaction->edited_file))
        text_print(&reaction->message, "%s is not here (--path-map FROM=TO tells where)", file);
    reaction->edited_line = line;
}

bool source_file_act(const struct view_context *context, const struct profile_location *location,
                     uint32_t line, enum action action, struct reaction *reaction)
{
    const char *file = location ? location->file : NULL;
    if (action != ACTION_SOURCE && action != ACTION_EDIT)
        return false;
    if (!line && location)
        line = location->line;
    if (action == ACTION_SOURCE)
        source_request(file, line, reaction);
    else
        source_request_edit(context, file, line, reaction);
    return true;
}
