/* Options that several commands have under the same name and with the same meaning: rows of their
 * tables, for a `struct values` with the field that each names. */
#ifndef SEEP_CLI_COMMON_ROWS_H
#define SEEP_CLI_COMMON_ROWS_H

#include "cli/options.h"

#define ROW_AT(option, option_kind, field, value, text)                                            \
    {                                                                                              \
        .name = option, .kind = option_kind, .offset = offsetof(struct values, field),             \
        .value_name = value, .help = text                                                          \
    }

/* `struct option_number limit`; the text says of what, and how many without it. */
#define ROW_LIMIT(text) ROW_AT("limit", OPTION_COUNT, limit, "N", text)

/* `struct option_number process` */
#define ROW_PROCESS                                                                                \
    ROW_AT("process", OPTION_COUNT, process, "ID", "only the process with this id (default: all)")

/* `const char *at`; the text says which instants the command knows. */
#define ROW_INSTANT(text) ROW_AT("at", OPTION_TEXT, at, "INSTANT", text)

/* `const char *from` and `const char *to` */
#define ROWS_INTERVAL                                                                              \
    ROW_AT("from", OPTION_TEXT, from, "INSTANT",                                                   \
           "what was allocated, freed and net from this instant on (default: start)"),             \
        ROW_AT("to", OPTION_TEXT, to, "INSTANT", "the same, up to this instant (default: end)")

/* `bool is_json` */
#define ROW_JSON ROW_AT("json", OPTION_FLAG, is_json, NULL, "print JSON")

/* `bool are_arguments_shown` */
#define ROW_ARGUMENTS                                                                              \
    ROW_AT("arguments", OPTION_FLAG, are_arguments_shown, NULL,                                    \
           "show command-line arguments also under CI")

/* `struct option_texts debug_folders`; the text says what for. */
#define ROW_DEBUG_FOLDERS(text) ROW_AT("debug-dir", OPTION_TEXTS, debug_folders, "FOLDER", text)

/* `bool is_debuginfod_allowed` */
#define ROW_DEBUGINFOD                                                                             \
    ROW_AT("debuginfod", OPTION_FLAG, is_debuginfod_allowed, NULL,                                 \
           "fetch missing debug information from $DEBUGINFOD_URLS")

/* `bool is_ascii` and `bool is_without_mouse` */
#define ROWS_TERMINAL                                                                              \
    ROW_AT("ascii", OPTION_FLAG, is_ascii, NULL, "no lines and blocks of Unicode"),                \
        ROW_AT("no-mouse", OPTION_FLAG, is_without_mouse, NULL, "leave the mouse to the terminal")

#endif
