#include "analysis/estimate.h"

#include <math.h>

enum {
    LARGE_SHAPE = 1000,
    MOST_TERMS = 2000,
    HALVINGS = 100
};

#define NORMAL_QUANTILE 1.959963984540054 /* of 0.975 */
#define LOW_SHARE       0.025
#define HIGH_SHARE      0.975

/* ---- the gamma distribution ---- */

/* The regularized incomplete gamma function P: by its series below the mean, by its continued
 * fraction (of Q = 1 - P, with Lentz's method) above it (Press et al., Numerical Recipes, 6.2). */
static double share_below(double shape, double x)
{
    int sign;
    double factor = exp(shape * log(x) - x - lgamma_r(shape, &sign));
    if (x < shape + 1) {
        double term = 1 / shape, sum = term;
        for (int i = 1; i < MOST_TERMS && term > sum * 1e-15; i++) {
            term *= x / (shape + i);
            sum += term;
        }
        return factor * sum;
    }
    double b = x + 1 - shape, c = 1e300, d = 1 / b, fraction = d;
    for (int i = 1; i < MOST_TERMS; i++) {
        double a = -i * (i - shape);
        b += 2;
        d = 1 / (a * d + b);
        c = b + a / c;
        fraction *= c * d;
        if (fabs(c * d - 1) < 1e-15)
            break;
    }
    return 1 - factor * fraction;
}

/* Wilson and Hilferty, "The distribution of chi-square" (1931): good to 1e-6 at such shapes. */
static double large_quantile(double shape, double probability)
{
    double normal = probability < 0.5 ? -NORMAL_QUANTILE : NORMAL_QUANTILE;
    double root = 1 - 1 / (9 * shape) + normal / (3 * sqrt(shape));
    return shape * root * root * root;
}

/* By halving in the logarithm, since the quantiles of small shapes are very small. */
double estimate_gamma_quantile(double shape, double probability)
{
    if (shape > LARGE_SHAPE)
        return large_quantile(shape, probability);
    double low = -700, high = log(shape + 100 + 10 * sqrt(shape));
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        *(share_below(shape, exp(middle)) < probability ? &low : &high) = middle;
    }
    return exp((low + high) / 2);
}

/* ---- intervals ---- */

static double scaled_quantile(double mean, double variance, double probability)
{
    return variance / mean * estimate_gamma_quantile(mean * mean / variance, probability);
}

/* Of n equal blocks of size x, chosen with the chance p, variance / value is x (1 - p) / p, and one
 * of them counts for x / p. With x = t * mean, the first is mean * t / (e^t - 1), and the second
 * e^t times that. */
static double equal_weight(double ratio, double mean)
{
    double low = 0, high = 40;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        *(middle < ratio / mean * expm1(middle) ? &high : &low) = middle;
    }
    return ratio * exp(low);
}

/* One weight alone makes its square in the variance: none is larger than the root of that. */
double estimate_weight(uint64_t value, double variance, uint64_t bytes_per_sample)
{
    if (value == 0 || !(variance > 0))
        return 0;
    double ratio = variance / (double)value;
    double weight = bytes_per_sample ? equal_weight(ratio, (double)bytes_per_sample) : ratio + 1;
    return fmin(weight, sqrt(variance));
}

static uint64_t to_bound(double value)
{
    return value <= 0 ? 0 : value < 0x1p63 ? (uint64_t)value : (uint64_t)1 << 63;
}

struct estimate_interval estimate_interval(uint64_t value, double variance, double weight,
                                           uint64_t seen)
{
    struct estimate_interval interval = {seen < value ? seen : value, value};
    double mean = (double)value;
    if (!(weight > 0) || !(variance >= 0))
        return (struct estimate_interval){value, value};
    double high = scaled_quantile(mean + weight, variance + weight * weight, HIGH_SHARE);
    if (ceil(high) > mean)
        interval.high = to_bound(ceil(high));
    double rest = variance - weight * weight;
    if (mean > weight && rest > variance * 1e-6) {
        uint64_t low = to_bound(floor(scaled_quantile(mean - weight, rest, LOW_SHARE)));
        if (low > interval.low)
            interval.low = low < value ? low : value;
    } else if (variance == 0) {
        interval.low = value; /* all of it was seen */
    }
    return interval;
}

/* ---- what a recording says ---- */

double estimate_variance(const struct recording_list *estimates, enum recording_estimate place,
                         bool is_bytes)
{
    if (!estimates || estimates->count < (size_t)place + 4)
        return 0;
    double deviation = (double)estimates->items[place + (is_bytes ? 3 : 2)] / 1000;
    return deviation * deviation;
}

uint64_t estimate_seen(const struct recording_list *estimates, enum recording_estimate place,
                       bool is_bytes)
{
    bool is_known = estimates && estimates->count >= (size_t)place + 4;
    return is_known ? estimates->items[place + is_bytes] : 0;
}
