/* Where commands write what they were asked for beside their own output. */
#ifndef SEEP_CLI_OUTPUT_FILE_H
#define SEEP_CLI_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

typedef bool (*output_writer)(const void *context, FILE *out, struct error *error);

/* Into a file beside the wanted one first, so that a failure leaves what was there; what is no
 * plain file (a pipe, a terminal) is written as it is, and "-" is standard output. */
bool output_file_write(const char *path, output_writer write, const void *context,
                       struct error *error);

#endif
