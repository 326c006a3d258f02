/* completion: scripts that complete commands, options and their values in a shell, written out of
 * the tables of commands and options. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"

struct shell {
    const char *name;
    void (*write)(FILE *out);
};

/* Calls `visit` for each option of the command, then for the common ones. */
typedef void (*visit_option)(FILE *out, const struct command *command,
                             const struct option_row *row);

static void visit_options(FILE *out, const struct command *command, visit_option visit)
{
    for (size_t i = 0; i < command->options.count; i++)
        visit(out, command, &command->options.rows[i]);
    for (size_t i = 0; i < command_common_options.count; i++)
        visit(out, command, &command_common_options.rows[i]);
}

static bool is_file_option(const struct option_row *row)
{
    return row->value_name &&
           (strcmp(row->value_name, "FILE") == 0 || strcmp(row->value_name, "FOLDER") == 0);
}

static void write_choices(FILE *out, const struct option_row *row, const char *between)
{
    for (size_t i = 0; row->choice_at(i); i++)
        fprintf(out, "%s%s", i > 0 ? between : "", row->choice_at(i));
}

static void write_commands(FILE *out, const char *between)
{
    for (size_t i = 0; command_at(i); i++)
        fprintf(out, "%s%s", i > 0 ? between : "", command_at(i)->name);
}

static void write_shells(FILE *out);

/* --- bash ---------------------------------------------------------------------------------- */

static void bash_option(FILE *out, const struct command *command, const struct option_row *row)
{
    (void)command;
    fprintf(out, " --%s%s", row->name, row->kind == OPTION_FLAG || row->plain ? "" : "=");
}

static void bash_value(FILE *out, const struct command *command, const struct option_row *row)
{
    if (row->kind != OPTION_CHOICE && !is_file_option(row))
        return;
    fprintf(out, "    %s:--%s", command->name, row->name);
    if (row->letter)
        fprintf(out, " | %s:-%c", command->name, row->letter);
    if (row->kind == OPTION_CHOICE) {
        fputs(") mapfile -t COMPREPLY < <(compgen -W '", out);
        write_choices(out, row, " ");
        fputs("' -- \"$word\") ;;\n", out);
    } else {
        fputs(") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n",
              out);
    }
}

/* Operands; `run` hands over to the completion of the command behind it where bash-completion is
 * there to do it. */
static void bash_operand(FILE *out, const struct command *command)
{
    fprintf(out, "    %s) ", command->name);
    switch (command->operands) {
    case OPERANDS_PROGRAM:
        fputs("mapfile -t COMPREPLY < <(compgen -c -- \"$word\") ;;\n", out);
        break;
    case OPERANDS_EXECUTABLE:
        fputs("mapfile -t COMPREPLY < <(compgen -c -- \"$word\") ;;\n", out);
        break;
    case OPERANDS_RECORDING:
        fputs("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -X '!*.seep' -- \"$word\";"
              " compgen -d -- \"$word\") ;;\n",
              out);
        break;
    case OPERANDS_FILE:
        fputs("compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n", out);
        break;
    case OPERANDS_SHELL:
        fputs("mapfile -t COMPREPLY < <(compgen -W '", out);
        write_shells(out);
        fputs("' -- \"$word\") ;;\n", out);
        break;
    case OPERANDS_TOPIC:
        fputs("mapfile -t COMPREPLY < <(compgen -W 'schema ", out);
        write_commands(out, " ");
        fputs("' -- \"$word\") ;;\n", out);
        break;
    case OPERANDS_NONE:
        fputs(";;\n", out);
        break;
    }
}

static void write_bash(FILE *out)
{
    fputs("# bash completion of seep: source <(seep completion bash)\n"
          "_seep() {\n"
          "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
          "  local command=${COMP_WORDS[1]} options=\n"
          "  COMPREPLY=()\n"
          "  # bash splits --name=value into three words\n"
          "  if [[ $word == = ]]; then word=; "
          "elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
          "  if ((COMP_CWORD == 1)); then\n"
          "    mapfile -t COMPREPLY < <(compgen -W '",
          out);
    write_commands(out, " ");
    fputs(" --help --version' -- \"$word\")\n"
          "    return\n"
          "  fi\n"
          "  case $command:$before in\n",
          out);
    for (size_t i = 0; command_at(i); i++)
        visit_options(out, command_at(i), bash_value);
    fputs("    *) ;;\n"
          "  esac\n"
          "  ((${#COMPREPLY[@]} == 0)) || return\n"
          "  case $command in\n",
          out);
    for (size_t i = 0; command_at(i); i++) {
        fprintf(out, "    %s) options='", command_at(i)->name);
        visit_options(out, command_at(i), bash_option);
        fputs("' ;;\n", out);
    }
    fputs("    *) return ;;\n"
          "  esac\n"
          "  if [[ $word == -* ]]; then\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
          "    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace\n"
          "    return\n"
          "  fi\n"
          "  case $command in\n",
          out);
    for (size_t i = 0; command_at(i); i++)
        bash_operand(out, command_at(i));
    fputs("  esac\n"
          "}\n"
          "complete -F _seep seep\n",
          out);
}

/* --- zsh ----------------------------------------------------------------------------------- */

/* Text within single quotes, within a specification of _arguments. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void zsh_specification(FILE *out, const struct option_row *row, bool is_letter)
{
    char *value = options_value_name(row);

    fputs("      '", out);
    if (row->kind == OPTION_TEXTS)
        fputc('*', out);
    if (is_letter)
        fprintf(out, "-%c%s", row->letter, value ? "+" : "");
    else
        fprintf(out, "--%s%s", row->name, row->plain ? "=-" : value ? "=" : "");
    fputc('[', out);
    zsh_text(out, row->help);
    fputc(']', out);
    if (value) {
        fputs(row->plain ? "::" : ":", out);
        zsh_text(out, row->value_name ? row->value_name : row->name);
        fputc(':', out);
        if (row->kind == OPTION_CHOICE) {
            fputc('(', out);
            write_choices(out, row, " ");
            fputc(')', out);
        } else if (is_file_option(row)) {
            fputs("_files", out);
        }
    }
    fputs("' \\\n", out);
    free(value);
}

static void zsh_option(FILE *out, const struct command *command, const struct option_row *row)
{
    (void)command;
    if (row->letter)
        zsh_specification(out, row, true);
    zsh_specification(out, row, false);
}

static void zsh_operand(FILE *out, const struct command *command)
{
    switch (command->operands) {
    case OPERANDS_PROGRAM:
        fputs("      '(-):command:_command_names -e' '*::arguments:_normal'\n", out);
        break;
    case OPERANDS_EXECUTABLE:
        fputs("      '1:program:_command_names -e'\n", out);
        break;
    case OPERANDS_RECORDING:
        fputs("      '*:recording:_files -g \"*.seep\"'\n", out);
        break;
    case OPERANDS_FILE:
        fputs("      '1:file:_files'\n", out);
        break;
    case OPERANDS_SHELL:
        fputs("      '1:shell:(", out);
        write_shells(out);
        fputs(")'\n", out);
        break;
    case OPERANDS_TOPIC:
        fputs("      '1:topic:(schema ", out);
        write_commands(out, " ");
        fputs(")'\n", out);
        break;
    case OPERANDS_NONE:
        fputs("      && return\n", out);
        break;
    }
}

static void write_zsh(FILE *out)
{
    fputs("#compdef seep\n"
          "# zsh completion of seep: seep completion zsh > a folder of $fpath, as _seep\n"
          "_seep() {\n"
          "  local -a commands=(\n",
          out);
    for (size_t i = 0; command_at(i); i++) {
        fprintf(out, "    '%s:", command_at(i)->name);
        zsh_text(out, command_at(i)->summary);
        fputs("'\n", out);
    }
    fputs("  )\n"
          "  if ((CURRENT == 2)); then\n"
          "    _describe command commands\n"
          "    return\n"
          "  fi\n"
          "  local command=$words[2]\n"
          "  shift words\n"
          "  ((CURRENT--))\n"
          "  case $command in\n",
          out);
    for (size_t i = 0; command_at(i); i++) {
        fprintf(out, "    %s) _arguments -s -S \\\n", command_at(i)->name);
        visit_options(out, command_at(i), zsh_option);
        zsh_operand(out, command_at(i));
        fputs("      ;;\n", out);
    }
    fputs("  esac\n"
          "}\n"
          "if [[ $funcstack[1] == _seep ]]; then _seep \"$@\"; else compdef _seep seep; fi\n",
          out);
}

/* --- fish ---------------------------------------------------------------------------------- */

static void fish_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void fish_option(FILE *out, const struct command *command, const struct option_row *row)
{
    fprintf(out, "complete -c seep -n '__fish_seen_subcommand_from %s' -l %s", command->name,
            row->name);
    if (row->letter)
        fprintf(out, " -s %c", row->letter);
    if (row->kind == OPTION_CHOICE) {
        fputs(" -x -a '", out);
        write_choices(out, row, " ");
        fputc('\'', out);
    } else if (row->kind != OPTION_FLAG && !row->plain) {
        fputs(is_file_option(row) ? " -r -F" : " -x", out);
    }
    fputs(" -d '", out);
    fish_text(out, row->help);
    fputs("'\n", out);
}

static void fish_operand(FILE *out, const struct command *command)
{
    fprintf(out, "complete -c seep -n '__fish_seen_subcommand_from %s' ", command->name);
    switch (command->operands) {
    case OPERANDS_PROGRAM:
        fputs("-x -a '(__fish_complete_subcommand --fcs-skip=2)'\n", out);
        break;
    case OPERANDS_EXECUTABLE:
        fputs("-x -a '(__fish_complete_command)'\n", out);
        break;
    case OPERANDS_RECORDING:
        fputs("-x -a '(__fish_complete_suffix .seep)'\n", out);
        break;
    case OPERANDS_FILE:
        fputs("-F\n", out);
        break;
    case OPERANDS_SHELL:
        fputs("-x -a '", out);
        write_shells(out);
        fputs("'\n", out);
        break;
    case OPERANDS_TOPIC:
        fputs("-x -a 'schema ", out);
        write_commands(out, " ");
        fputs("'\n", out);
        break;
    case OPERANDS_NONE:
        fputs("-f\n", out);
        break;
    }
}

static void write_fish(FILE *out)
{
    fputs("# fish completion of seep: seep completion fish | source\n"
          "complete -c seep -f\n",
          out);
    for (size_t i = 0; command_at(i); i++) {
        fprintf(out, "complete -c seep -n __fish_use_subcommand -a %s -d '", command_at(i)->name);
        fish_text(out, command_at(i)->summary);
        fputs("'\n", out);
        visit_options(out, command_at(i), fish_option);
        fish_operand(out, command_at(i));
    }
}

/* ------------------------------------------------------------------------------------------- */

static const struct shell shells[] = {
    {"bash", write_bash},
    {"zsh", write_zsh},
    {"fish", write_fish},
};

enum {
    SHELL_COUNT = sizeof shells / sizeof shells[0]
};

static void write_shells(FILE *out)
{
    for (size_t i = 0; i < SHELL_COUNT; i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", shells[i].name);
}

static int run(const struct invocation *invocation)
{
    const char *name = invocation->operands.count > 0 ? invocation->operands.items[0] : NULL;

    for (size_t i = 0; name && i < SHELL_COUNT; i++)
        if (strcmp(shells[i].name, name) == 0) {
            shells[i].write(stdout);
            return 0;
        }
    if (name)
        log_error("there is no completion for \"%s\": it is bash, zsh or fish", name);
    else
        log_error("usage: seep completion %s", cli_command_completion.synopsis);
    return EXIT_TROUBLE;
}

const struct command cli_command_completion = {
    .name = "completion",
    .summary = "print a script that completes seep's words in a shell",
    .synopsis = "bash|zsh|fish",
    .operands = OPERANDS_SHELL,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
