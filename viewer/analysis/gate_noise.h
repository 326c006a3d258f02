/* Is one figure larger than another, when both vary from run to run?
 *
 * Student's t test on the means, with the variances taken together: a difference counts when chance
 * would make one so large once in a thousand comparisons. One run on either side says nothing of
 * how much a figure varies; then there is no margin, and tolerances alone decide. */
#ifndef SEEP_ANALYSIS_GATE_NOISE_H
#define SEEP_ANALYSIS_GATE_NOISE_H

#include <stdint.h>

/* A figure over some runs. A zeroed struct has none. */
struct gate_figure {
    uint64_t runs;
    double mean;
    double squares; /* sum of the squares of the distances from the mean (Welford's method) */
    uint64_t least, most;
};

void gate_figure_add(struct gate_figure *figure, uint64_t value);

/* All runs of `added` too. */
void gate_figure_join(struct gate_figure *figure, const struct gate_figure *added);

/* The standard deviation of one run; 0 for a single one. */
double gate_figure_deviation(const struct gate_figure *figure);

/* A difference of the means up to this is chance. */
double gate_noise_margin(const struct gate_figure *left, const struct gate_figure *right);

#endif
