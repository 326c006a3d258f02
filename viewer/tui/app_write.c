/* The rows of a view as a file: by its suffix JSON, CSV, or else text as on a very wide screen.
 * JSON and CSV have the fields that a view tells of its rows, with figures as plain numbers; of a
 * view that tells none, its columns as they are shown. */
#include "config.h"

#include "tui/app.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/memory.h"

struct view_fields {
    json_t *object;
};

/* ---- fields ---- */

/* Names are foreign bytes; JSON is UTF-8. */
static json_t *make_text(const char *text)
{
    if (!text)
        return json_null();
    struct text safe = {0};
    for (uint32_t character; (character = screen_decode(&text));)
        screen_encode(&safe, character);
    json_t *value = json_string(text_get(&safe));
    text_clear(&safe);
    return value ? value : json_null();
}

void view_tell_text(struct view_fields *fields, const char *key, const char *text)
{
    json_object_set_new(fields->object, key, make_text(text));
}

void view_tell_number(struct view_fields *fields, const char *key, uint64_t number)
{
    json_object_set_new(fields->object, key,
                        json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number));
}

void view_tell_value(struct view_fields *fields, const char *key, enum query_metric metric,
                     uint64_t value)
{
    if (query_metric_at(metric)->is_signed)
        json_object_set_new(fields->object, key, json_integer((json_int_t)value));
    else
        view_tell_number(fields, key, value);
}

void view_tell_metric(struct view_fields *fields, enum query_metric metric, uint64_t value)
{
    view_tell_value(fields, query_metric_at(metric)->key, metric, value);
}

/* Of columns, as they are shown. The arrow of the one that sorts is none of its name. */
static void tell_columns(const struct view *view, size_t row, struct view_fields *fields)
{
    struct view wide = *view;
    struct text line = {0}, cell = {0};
    if (!view->table.column_count) {
        app_row_text(view, row, &line);
        view_tell_text(fields, "text", text_get(&line));
        text_clear(&line);
        return;
    }
    struct screen screen;
    app_draw_wide_row(&wide, row, &screen);
    for (size_t i = 0; i < view->table.column_count; i++) {
        struct table_place place = table_place(&wide.table, i);
        text_clear(&cell);
        for (int column = place.column; column < place.column + place.columns; column++) {
            uint32_t character = screen.cells[column].character;
            if (character && (character != ' ' || cell.count))
                screen_encode(&cell, character);
        }
        while (cell.count && cell.bytes[cell.count - 1] == ' ')
            cell.bytes[--cell.count] = '\0';
        view_tell_text(fields, view->table.columns[i].title, text_get(&cell));
    }
    text_clear(&cell);
    screen_clear(&screen);
}

static json_t *make_row(const struct view *view, size_t row)
{
    struct view_fields fields = {json_object()};
    if (!view->ops->tell || !view->ops->tell(view, row, &fields))
        tell_columns(view, row, &fields);
    return fields.object;
}

/* ---- the formats ---- */

static void write_text(const struct view *view, FILE *file)
{
    struct text line = {0};
    view->ops->describe(view, &line);
    fprintf(file, "%s\n", text_get(&line));
    text_clear(&line);
    app_header_text(view, &line);
    if (line.count)
        fprintf(file, "%s\n", text_get(&line));
    for (size_t row = 0; row < view->table.row_count; row++) {
        text_clear(&line);
        app_row_text(view, row, &line);
        fprintf(file, "%s\n", text_get(&line));
    }
    text_clear(&line);
}

static void write_value(json_t *value, FILE *file)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    fputs(text ? text : "null", file);
    free(text);
    json_decref(value);
}

static void write_json(const struct view *view, FILE *file)
{
    const struct profile *profile = view->context->profile;
    struct text shown = {0};
    view->ops->describe(view, &shown);
    fputs("{\"view\": ", file);
    write_value(make_text(view->ops->name), file);
    fputs(", \"recording\": ", file);
    write_value(make_text(profile->info.path), file);
    fputs(", \"from\": ", file);
    write_value(make_text(profile->whole ? profile->interval.from : "start"), file);
    fputs(", \"to\": ", file);
    write_value(make_text(profile->whole ? profile->interval.to : "end"), file);
    fputs(",\n \"shown\": ", file);
    write_value(make_text(text_get(&shown)), file);
    fputs(", \"filter\": ", file);
    write_value(make_text(view->context->question.filter), file);
    fputs(",\n \"rows\": [", file);
    text_clear(&shown);
    for (size_t row = 0; row < view->table.row_count; row++) {
        fputs(row ? ",\n  " : "\n  ", file);
        write_value(make_row(view, row), file);
    }
    fputs("\n ]}\n", file);
}

static void write_csv_cell(const char *text, FILE *file)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static void write_csv_row(json_t *object, bool is_header, FILE *file)
{
    const char *key;
    json_t *value;
    bool is_first = true;
    json_object_foreach(object, key, value)
    {
        if (!is_first)
            fputc(',', file);
        is_first = false;
        if (is_header)
            write_csv_cell(key, file);
        else if (json_is_integer(value))
            fprintf(file, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else
            write_csv_cell(json_is_string(value) ? json_string_value(value) : "", file);
    }
    fputs("\r\n", file);
}

static void write_csv(const struct view *view, FILE *file)
{
    for (size_t row = 0; row < view->table.row_count; row++) {
        json_t *object = make_row(view, row);
        if (row == 0)
            write_csv_row(object, true, file);
        write_csv_row(object, false, file);
        json_decref(object);
    }
}

static const struct {
    const char *suffix;
    void (*write)(const struct view *view, FILE *file);
} formats[] = {{".json", write_json}, {".csv", write_csv}, {"", write_text}};

bool app_save_rows(struct app *app, const char *path, struct error *error)
{
    const struct view *view = app_current_view(app);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    size_t format = 0;
    if (!file) {
        if (fd >= 0)
            close(fd);
        return error_set_errno(error, errno, "cannot write %s", path);
    }
    while (!text_ends_with(path, formats[format].suffix))
        format++;
    formats[format].write(view, file);
    bool is_written = !ferror(file);
    if (fclose(file) != 0 || !is_written)
        return error_set_errno(error, errno, "cannot write %s", path);
    snprintf(app->message, sizeof app->message, "%zu rows written to %.400s", view->table.row_count,
             path);
    return true;
}
