/* Options of commands, from tables: parsing, --help, completion and the check of the man pages all
 * read the same rows, so that an option is one row and nothing else.
 *
 * Where a value may come from, later ones win: a file, the environment, the command line. All of
 * them are brought to one shape, a row and a text (struct option_assignment), and then set in that
 * order. The results land in a struct of the command's own, at the offset that the row names. */
#ifndef SEEP_CLI_OPTIONS_H
#define SEEP_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum option_kind {
    OPTION_FLAG,     /* bool; --name, --name=yes, --name=no */
    OPTION_COUNT,    /* struct option_number */
    OPTION_SIZE,     /* struct option_number, bytes */
    OPTION_DURATION, /* struct option_number, nanoseconds */
    OPTION_CHOICE,   /* struct option_number, position among the choices */
    OPTION_TEXT,     /* const char *, NULL = not given */
    OPTION_TEXTS     /* struct option_texts; may be given several times */
};

struct option_number {
    uint64_t value;
    bool is_given;
};

/* Texts are borrowed from wherever they were given. A source replaces what a weaker one gave. */
struct option_texts {
    const char **items;
    size_t count;
    size_t capacity;
    unsigned source; /* enum option_source */
};

/* Where an option may be given. A project's file comes with somebody else's checkout, so what could
 * overwrite something stays out of files. */
enum option_scope {
    OPTION_ANYWHERE,
    OPTION_NOT_IN_FILES,
    OPTION_TYPED_ONLY
};

/* By strength. */
enum option_source {
    OPTION_FROM_FILE,
    OPTION_FROM_ENVIRONMENT,
    OPTION_FROM_COMMAND_LINE
};

struct option_row {
    const char *name; /* without dashes */
    char letter;      /* 0 = none */
    enum option_kind kind;
    size_t offset;          /* of the value in the command's struct */
    const char *value_name; /* "FILE"; NULL for flags and choices */
    const char *plain;      /* what --name alone stands for: a value needs "="; NULL: it needs one */
    const char *help;
    const char *(*choice_at)(size_t position); /* of OPTION_CHOICE; NULL past the end */
    uint64_t most; /* of OPTION_COUNT; 0 = whatever fits */
    enum option_scope scope;
    bool is_path; /* in a file, what is relative is so to the file's folder */
};

enum {
    OPTION_MOST_STATUS = 255 /* of a process's exit */
};

/* Rows of commands that write a recording, and what more they say: where, and in what scope. */
#define OPTION_OUTPUT(place, allowed, words)                                                       \
    {.name = "output", .letter = 'o', .kind = OPTION_TEXT, .offset = (place),                      \
     .value_name = "FILE", .scope = (allowed), .help = (words)}
#define OPTION_FORCE(place, allowed)                                                               \
    {.name = "force", .letter = 'f', .kind = OPTION_FLAG, .offset = (place), .scope = (allowed),   \
     .help = "--output may replace any file"}

struct option_table {
    const struct option_row *rows;
    size_t count;
};

/* Tables with the structs that they fill: the command's own and the common one. */
struct option_binding {
    struct option_table table;
    void *values;
};

struct option_assignment {
    const struct option_row *row;
    void *values;
    const char *text; /* NULL: a flag without a value */
    enum option_source source;
    const char *origin; /* for messages: "--sort", "SEEP_OPTIONS", "/home/me/.seep.conf:3" */
};

struct option_assignments {
    struct option_assignment *items;
    size_t count;
    size_t capacity;
};

/* The words of a command line that are no options; borrowed from it. */
struct option_operands {
    char **items;
    size_t count;
    size_t rest_count; /* how many of them, at the end, stood behind a "--" */
    bool has_rest;     /* there was one */
};

/* NULL when no table has the name; *binding is where it stands. */
const struct option_row *options_find(const struct option_binding *bindings, size_t binding_count,
                                      const char *name, const struct option_binding **binding);

void options_assign(struct option_assignments *list, const struct option_row *row, void *values,
                    const char *text, enum option_source source, const char *origin);

/* Splits a command line into assignments (appended) and operands (the words are moved to the end of
 * `words`, in their order). words[0] is the command's name. With `is_wrapping` the first operand
 * ends the options, whatever stands behind it. Long names count only when whole. */
bool options_scan(const struct option_binding *bindings, size_t binding_count, bool is_wrapping,
                  int word_count, char **words, struct option_assignments *list,
                  struct option_operands *operands, struct error *error);

/* Converts the texts and fills the structs, weaker sources first. May be repeated with a longer
 * list. */
bool options_apply(const struct option_assignments *list, struct error *error);

/* Releases what options_apply made inside `values`. */
void options_clear_values(struct option_table table, void *values);

/* Rows as --help prints them. */
void options_print_help(struct option_table table, struct text *out);

/* "one, two or three", for messages and help. */
void options_print_choices(const struct option_row *row, struct text *out);

/* The value name in help: "SIZE", "none|all". Caller frees. NULL for a flag. */
char *options_value_name(const struct option_row *row);

#endif
