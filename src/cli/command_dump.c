/* dump: everything that stands in a recording, a line a record, in the order of the file. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/recording_argument.h"
#include "recording/record_codec.h"
#include "report/json_stream.h"

struct values {
    bool is_json;
    struct option_texts kinds;
};

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "kind",
     .letter = 'k',
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct values, kinds),
     .value_name = "KIND",
     .help = "only records of this kind, such as site (may be repeated)"},
    {.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct values, is_json),
     .help = "print JSON"},
};
/* clang-format on */

/* Which kinds are wanted (all when none was named), and the line that is being made. */
struct dump {
    bool is_wanted[RECORDING_index + 1];
    struct text line;
    struct json_stream json;
};

static bool choose_kinds(struct dump *dump, const struct option_texts *kinds, struct error *error)
{
    const struct record_kind *kind;

    for (size_t i = 0; (kind = record_kind_at(i)); i++)
        dump->is_wanted[kind->kind] = kinds->count == 0;
    for (size_t i = 0; i < kinds->count; i++) {
        bool is_known = false;
        for (size_t j = 0; (kind = record_kind_at(j)); j++)
            if (strcmp(kind->name, kinds->items[i]) == 0)
                is_known = dump->is_wanted[kind->kind] = true;
        if (!is_known)
            return error_set(error, "--kind: there are no records of kind \"%s\"", kinds->items[i]);
    }
    return true;
}

/* Goes on until the end also when nobody can read it any more: the caller of all commands sees the
 * failed write. */
static bool print_record(void *context, enum recording_kind kind, const void *record)
{
    struct dump *dump = context;

    if (!dump->is_wanted[kind])
        return true;
    dump->line.count = 0;
    record_print(record_kind_find(kind), record, &dump->line);
    fputs(text_get(&dump->line), stdout);
    fputc('\n', stdout);
    return !ferror(stdout);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static json_t *make_hex(const struct recording_bytes *bytes)
{
    struct text hex = {0};
    json_t *value;

    for (size_t i = 0; i < bytes->count; i++)
        text_print(&hex, "%02x", bytes->bytes[i]);
    value = json_text(text_get(&hex));
    text_clear(&hex);
    return value;
}

static json_t *make_numbers(const struct recording_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_number(list->items[i]));
    return array;
}

static json_t *make_texts(const struct recording_text_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_text(list->items[i]));
    return array;
}

static json_t *make_value(const struct record_field *field, const void *place)
{
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
        return json_number(*(const uint64_t *)place);
    case RECORD_FIELD_SIGNED:
        return json_integer(*(const int64_t *)place);
    case RECORD_FIELD_TEXT:
        return json_text(*(const char *const *)place);
    case RECORD_FIELD_BYTES:
        return make_hex(place);
    case RECORD_FIELD_UNSIGNED_LIST:
        return make_numbers(place);
    case RECORD_FIELD_TEXT_LIST:
        return make_texts(place);
    }
    return NULL;
}

static bool add_record(void *context, enum recording_kind number, const void *record)
{
    struct dump *dump = context;
    const struct record_kind *kind = record_kind_find(number);
    json_t *object;

    if (!dump->is_wanted[number])
        return true;
    object = json_object();
    json_object_set_new(object, "record", json_string(kind->name));
    for (size_t i = 0; i < kind->field_count; i++)
        json_object_set_new(
            object, kind->fields[i].name,
            make_value(&kind->fields[i], (const char *)record + kind->fields[i].offset));
    json_stream_add(&dump->json, NULL, object);
    return !ferror(stdout);
}

static bool write_json(struct dump *dump, const struct recording_argument *argument,
                       struct error *error)
{
    const struct recording_info *info = recording_reader_info(argument->reader);
    json_t *tool = json_object();
    bool is_good;

    json_object_set_new(tool, "name", json_string(PACKAGE_NAME));
    json_object_set_new(tool, "version", json_string(PACKAGE_VERSION));
    json_stream_init(&dump->json, stdout);
    json_stream_begin_object(&dump->json, NULL);
    json_stream_add(&dump->json, "schema", json_string("seep/dump"));
    json_stream_add(&dump->json, "schema_version", json_string("1.0"));
    json_stream_add(&dump->json, "tool", tool);
    json_stream_add(&dump->json, "damage", json_text(info->damage[0] ? info->damage : NULL));
    json_stream_begin_array(&dump->json, "records");
    is_good = recording_reader_visit_all(argument->reader, add_record, dump, error);
    json_stream_end(&dump->json);
    json_stream_end(&dump->json);
    return is_good;
}

static bool write_records(struct dump *dump, const struct recording_argument *argument,
                          bool is_json, struct error *error)
{
    if (is_json)
        return write_json(dump, argument, error);
    return recording_reader_visit_all(argument->reader, print_record, dump, error);
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct recording_argument argument = {0};
    struct dump dump = {0};
    struct error error;
    bool is_good;

    is_good = choose_kinds(&dump, &values->kinds, &error) &&
              recording_argument_open(&argument, &invocation->operands, NULL, &error) &&
              write_records(&dump, &argument, values->is_json, &error);
    if (!is_good)
        log_error("%s", error.message);
    else if (recording_reader_info(argument.reader)->is_torn)
        log_note("%s: this recording is torn: %s", argument.path,
                 recording_reader_info(argument.reader)->damage);
    recording_argument_close(&argument);
    text_clear(&dump.line);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_dump = {
    .name = "dump",
    .summary = "print every record of a recording",
    .synopsis = "[options] [FILE]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
