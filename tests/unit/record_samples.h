/* Records of every kind with telling values, and their comparison field by field. */
#ifndef SEEP_TESTS_RECORD_SAMPLES_H
#define SEEP_TESTS_RECORD_SAMPLES_H

#include <stdbool.h>

#include "recording/record_codec.h"

enum record_sample {
    RECORD_SAMPLE_ZERO,    /* nothing set: NULL texts and lists */
    RECORD_SAMPLE_LARGEST, /* all bits set, lists and texts of many parts */
    RECORD_SAMPLE_USUAL,   /* small, different in every field, and by `number` */
    RECORD_SAMPLE_COUNT
};

enum {
    RECORD_SAMPLE_BYTES = 1024
}; /* enough for any record's struct */

/* Fills a struct of `kind`. What it points to lives as long as the program. */
void record_sample_fill(const struct record_kind *kind, enum record_sample sample, unsigned number,
                        void *record);

/* NULL texts equal "". */
bool record_sample_equals(const struct record_kind *kind, const void *left, const void *right);

#endif
