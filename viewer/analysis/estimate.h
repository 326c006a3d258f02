/* Between which bounds an estimate of a sampled recording lies: 95 of 100 such intervals hold the
 * true figure, also of sites of which only one or two blocks were chosen.
 *
 * An estimate is a sum of weights, one of each block that was chosen, and its variance comes with
 * it (src/heap/estimates.h). Few weights make a skewed distribution: as a gamma distribution with
 * the same mean and variance it gives bounds that for equal weights are those of the Poisson
 * distribution (Fay and Feuer, "Confidence intervals for directly standardized rates", Statistics
 * in Medicine 16, 1997). The upper bound supposes one more weight. The lower one supposes one less:
 * what nothing was seen of does not stand in a report, so what does stand there is seen at least
 * once, and one sighting alone says nothing of how much there is below it.
 *
 * Bounds widen in the middle of the range of sizes and close where blocks are so large that none is
 * missed. */
#ifndef SEEP_ANALYSIS_ESTIMATE_H
#define SEEP_ANALYSIS_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording_records.h"

struct estimate_interval {
    uint64_t low;
    uint64_t high;
};

/* `weight`: what one block that was not chosen may have counted for. `seen`: what there is at
 * least. */
struct estimate_interval estimate_interval(uint64_t value, double variance, double weight,
                                           uint64_t seen);

/* What one block of a sum counts for, judged by the sum. `bytes_per_sample`: 0 for a sum of blocks.
 */
double estimate_weight(uint64_t value, double variance, uint64_t bytes_per_sample);

/* Of a list of estimates, of a site or a process. 0 when there is none (NULL), or it is too short.
 */
double estimate_variance(const struct recording_list *estimates, enum recording_estimate place,
                         bool is_bytes);
uint64_t estimate_seen(const struct recording_list *estimates, enum recording_estimate place,
                       bool is_bytes);

/* The point below which the share `probability` of a gamma distribution of scale 1 lies. */
double estimate_gamma_quantile(double shape, double probability);

#endif
