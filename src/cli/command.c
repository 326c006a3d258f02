#include "config.h"

#include "cli/command.h"

#include <string.h>

/* clang-format off */
static const struct command *const commands[] = {
    &cli_command_run,
    &cli_command_view,
    &cli_command_report,
    &cli_command_leaks,
    &cli_command_diff,
    &cli_command_graph,
    &cli_command_check,
    &cli_command_export,
    &cli_command_import,
    &cli_command_info,
    &cli_command_dump,
    &cli_command_snapshot,
    &cli_command_top,
    &cli_command_symbolize,
    &cli_command_doctor,
    &cli_command_completion,
    &cli_command_help,
};
/* clang-format on */

enum {
    COMMAND_COUNT = sizeof commands / sizeof commands[0]
};

static const char *color_choice_at(size_t position)
{
    static const char *const names[] = {"auto", "always", "never"};

    return position < sizeof names / sizeof names[0] ? names[position] : NULL;
}

static const struct option_row common_rows[] = {
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct common_values, is_help),
     .scope = OPTION_TYPED_ONLY,
     .help = "print this help"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct common_values, is_quiet),
     .help = "no notes on stderr, errors only"},
    {.name = "verbose",
     .letter = 'v',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct common_values, is_verbose),
     .help = "more notes on stderr"},
    {.name = "color",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct common_values, color),
     .choice_at = color_choice_at,
     .help = "colour: auto asks the terminal, NO_COLOR and CI"},
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct common_values, config),
     .value_name = "FILE",
     .scope = OPTION_TYPED_ONLY,
     .help = "read options from FILE, not from the usual files"},
    {.name = "no-config",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct common_values, is_without_config),
     .scope = OPTION_TYPED_ONLY,
     .help = "read options from no file"},
};

const struct option_table command_common_options = {common_rows,
                                                    sizeof common_rows / sizeof common_rows[0]};

const struct command *command_at(size_t position)
{
    return position < COMMAND_COUNT ? commands[position] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

bool command_is_known(const char *name)
{
    return command_find(name) != NULL;
}

bool command_is_option_of_any(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        for (size_t j = 0; j < commands[i]->options.count; j++)
            if (strcmp(commands[i]->options.rows[j].name, name) == 0)
                return true;
    return false;
}

void command_print_overview(struct text *out)
{
    text_add(out, "seep shows where a program's memory goes, and why it stays.\n\n"
                  "usage: seep COMMAND [options] ...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        text_print(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    text_add(out, "\n\"seep help COMMAND\" tells more.\n");
}

void command_print_help(const struct command *command, struct text *out)
{
    text_print(out, "seep %s: %s\n\nusage: seep %s %s\n", command->name, command->summary,
               command->name, command->synopsis);
    if (command->options.count > 0) {
        text_add(out, "\n");
        options_print_help(command->options, out);
    }
    text_add(out, "\n");
    options_print_help(command_common_options, out);
}
