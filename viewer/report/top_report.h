/* `seep top` without a terminal: what a program does now, as text and as JSON. */
#ifndef SEEP_REPORT_TOP_REPORT_H
#define SEEP_REPORT_TOP_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/live_picture.h"
#include "analysis/rates.h"
#include "base/error.h"

struct top_report_options {
    struct rates_question question; /* its growths are the picture's */
    uint64_t limit;                 /* of sites; 0 = all */
    bool are_arguments_shown;       /* of targets */
    bool is_colour;                 /* text only */
    int width;                      /* columns; 0 = unlimited. text only */
};

bool top_write_text(const struct live_picture *picture, const struct top_report_options *options,
                    FILE *out, struct error *error);
bool top_write_json(const struct live_picture *picture, const struct top_report_options *options,
                    FILE *out, struct error *error);

#endif
