/* The commands of seep: one table. A command is a file command_NAME.c with one `struct command`. */
#ifndef SEEP_CLI_COMMAND_H
#define SEEP_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/options.h"

enum exit_status {
    EXIT_MISSING = 1,      /* `doctor` found that something needed is not there */
    EXIT_TROUBLE = 2,      /* usage, input, output */
    EXIT_NOT_STARTED = 125 /* `run` failed before CMD started */
};

/* What the words behind the options are; for completion. */
enum operand_kind {
    OPERANDS_NONE,
    OPERANDS_RECORDING,
    OPERANDS_FILE,
    OPERANDS_EXECUTABLE, /* the name of a program */
    OPERANDS_PROGRAM,    /* a command line of its own: the first operand ends our options */
    OPERANDS_SHELL,
    OPERANDS_TOPIC
};

/* Values of the options that every command has. */
struct common_values {
    bool is_help;
    bool is_quiet;
    bool is_verbose;
    struct option_number color; /* enum color_choice */
    const char *config;
    bool is_without_config;
};

enum color_choice {
    COLOR_AUTO,
    COLOR_ALWAYS,
    COLOR_NEVER
};

/* One call of a command; everything is borrowed. */
struct invocation {
    const struct command *command;
    const void *values; /* the command's own struct, filled */
    const struct common_values *common;
    struct option_operands operands;
};

struct command {
    const char *name;
    const char *summary;  /* "record a program's allocations" */
    const char *synopsis; /* what follows the name: "[options] [FILE]" */
    struct option_table options;
    size_t values_bytes; /* of the struct that the options fill; it starts zeroed */
    enum operand_kind operands;
    size_t most_operands;  /* more are an error; not counted for OPERANDS_PROGRAM */
    int usage_status;      /* for what was typed wrongly */
    const char *last_line; /* on stderr, also then; NULL = none is promised */
    bool is_launching;     /* starts programs, which get the signals that we were given */
    int (*run)(const struct invocation *invocation); /* the exit status */
};

extern const struct command cli_command_check;
extern const struct command cli_command_completion;
extern const struct command cli_command_diff;
extern const struct command cli_command_doctor;
extern const struct command cli_command_dump;
extern const struct command cli_command_export;
extern const struct command cli_command_graph;
extern const struct command cli_command_import;
extern const struct command cli_command_help;
extern const struct command cli_command_info;
extern const struct command cli_command_leaks;
extern const struct command cli_command_report;
extern const struct command cli_command_run;
extern const struct command cli_command_snapshot;
extern const struct command cli_command_symbolize;
extern const struct command cli_command_top;
extern const struct command cli_command_view;

extern const struct option_table command_common_options;

/* In the order of the overview; NULL past the end, NULL for an unknown name. */
const struct command *command_at(size_t position);
const struct command *command_find(const char *name);

bool command_is_known(const char *name);

/* Has any command an option of this name? */
bool command_is_option_of_any(const char *name);

/* `seep --help`, and `seep NAME --help`. */
void command_print_overview(struct text *out);
void command_print_help(const struct command *command, struct text *out);

#endif
