/* The options that choose stacks by what stands on them, for each command that has a
 * `struct query_filter` in its values. */
#ifndef SEEP_CLI_FILTER_ROWS_H
#define SEEP_CLI_FILTER_ROWS_H

#include "analysis/query.h"
#include "cli/options.h"

#define FILTER_ROW(option, values, field, text)                                                    \
    {                                                                                              \
        .name = option, .kind = OPTION_TEXT, .offset = offsetof(values, field),                    \
        .value_name = "REGEX", .help = text                                                        \
    }

/* Rows of an option table; `field` is the filter's place in `values`. */
#define FILTER_ROWS(values, field)                                                                 \
    FILTER_ROW("function", values, field.include_function,                                         \
               "only stacks with a function that matches"),                                        \
        FILTER_ROW("exclude-function", values, field.exclude_function,                             \
                   "no stacks with a function that matches"),                                      \
        FILTER_ROW("file", values, field.include_file,                                             \
                   "only stacks through a source file that matches"),                              \
        FILTER_ROW("exclude-file", values, field.exclude_file,                                     \
                   "no stacks through a source file that matches"),                                \
        FILTER_ROW("module", values, field.include_module,                                         \
                   "only stacks through a program or library that matches"),                       \
        FILTER_ROW("exclude-module", values, field.exclude_module,                                 \
                   "no stacks through a program or library that matches")

#endif
