/* dump: everything that stands in a recording, a line a record, in the order of the file. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/recording_argument.h"
#include "recording/record_codec.h"

struct values {
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
};
/* clang-format on */

/* Which kinds are wanted (all when none was named), and the line that is being made. */
struct dump {
    bool is_wanted[RECORDING_index + 1];
    struct text line;
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

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct recording_argument argument = {0};
    struct dump dump = {0};
    struct error error;
    bool is_good;

    is_good = choose_kinds(&dump, &values->kinds, &error) &&
              recording_argument_open(&argument, &invocation->operands, NULL, &error) &&
              recording_reader_visit_all(argument.reader, print_record, &dump, &error);
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
