/* import: another tool's recording as one of ours. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "import/import.h"

struct values {
    struct option_number format;
    const char *output;
    bool is_force;
};

static const char *format_at(size_t position)
{
    const struct import_format *format = import_format_at(position);

    return format ? format->name : NULL;
}

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "format",
     .kind = OPTION_CHOICE,
     PLACE(format),
     .choice_at = format_at,
     .help = "what it is (default: by its content)"},
    OPTION_OUTPUT(offsetof(struct values, output), OPTION_TYPED_ONLY,
                  "write the recording to FILE (default: its name and .seep, here)"),
    OPTION_FORCE(offsetof(struct values, is_force), OPTION_TYPED_ONLY),
};
/* clang-format on */

static bool import(const struct invocation *invocation, const char *path, struct error *error)
{
    const struct values *values = invocation->values;
    char *own_name = memory_print_text("%s.seep", text_file_name(path));
    const struct import_options options = {
        .path = path,
        .output = values->output ? values->output : own_name,
        .may_replace = values->output,
        .is_force = values->is_force,
        .format = values->format.is_given ? import_format_at(values->format.value) : NULL};
    struct import_result result;
    bool is_good = import_file(&options, &result, error);

    if (is_good && result.note[0])
        log_note("%s: %s", path, result.note);
    if (is_good && !invocation->common->is_quiet)
        printf("%s\n", options.output);
    free(own_name);
    return is_good;
}

static int run(const struct invocation *invocation)
{
    struct error error;
    bool is_good = invocation->operands.count == 1
                       ? import(invocation, invocation->operands.items[0], &error)
                       : error_set(&error, "import: name the file: seep import FILE");

    if (!is_good)
        log_error("%s", error.message);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_import = {
    .name = "import",
    .summary = "make a recording of another tool's file",
    .synopsis = "[options] FILE",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_FILE,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
