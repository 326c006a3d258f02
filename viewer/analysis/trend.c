#include "analysis/trend.h"

#include <math.h>
#include <stdbool.h>

enum {
    DIFFERENCES = TREND_PARTS - 1,
    THIRD = DIFFERENCES / 3,
    LEAST_RISING = 13 /* of the differences */
};

static const double STUDENT = 2.145; /* 97.5 % with 14 degrees of freedom */
static const double LEAST_ERRORS = 4;
static const double LEAST_LASTING = 0.6;
static const double PLATEAU_SHARE = 0.05;

/* What was judged, in parts. */
struct parts {
    double means[TREND_PARTS];
    double differences[DIFFERENCES];
    double steps; /* a part */
};

static void cut(const double *levels, size_t count, struct parts *parts)
{
    size_t first = count / 3, rest = count - first;

    parts->steps = (double)rest / TREND_PARTS;
    for (size_t i = 0; i < TREND_PARTS; i++) {
        size_t start = first + rest * i / TREND_PARTS, end = first + rest * (i + 1) / TREND_PARTS;
        double sum = 0;

        for (size_t j = start; j < end; j++)
            sum += levels[j];
        parts->means[i] = sum / (double)(end - start);
    }
    for (size_t i = 0; i < DIFFERENCES; i++)
        parts->differences[i] = parts->means[i + 1] - parts->means[i];
}

/* Least squares through the means; a part. */
static double slope_of(const struct parts *parts)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < TREND_PARTS; i++) {
        double x = (double)i - (TREND_PARTS - 1) / 2.0;

        sum += x * parts->means[i];
        squares += x * x;
    }
    return sum / squares;
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

static double error_of(const struct parts *parts)
{
    double mean = mean_of(parts->differences, DIFFERENCES), squares = 0;

    for (size_t i = 0; i < DIFFERENCES; i++)
        squares += (parts->differences[i] - mean) * (parts->differences[i] - mean);
    return sqrt(squares / (DIFFERENCES - 1)) * sqrt(1.8 / TREND_PARTS);
}

static bool is_slowing(const struct parts *parts)
{
    double first = mean_of(parts->differences, THIRD);
    double last = mean_of(parts->differences + DIFFERENCES - THIRD, THIRD);

    return last < LEAST_LASTING * first;
}

static bool is_growing(const struct parts *parts, double slope, double error)
{
    int rising = 0;

    for (size_t i = 0; i < DIFFERENCES; i++)
        rising += parts->differences[i] > 0;
    return rising >= LEAST_RISING && slope > LEAST_ERRORS * error && !is_slowing(parts);
}

static bool is_plateau(const struct parts *parts)
{
    double first = mean_of(parts->means, THIRD);
    double last = mean_of(parts->means + TREND_PARTS - THIRD, THIRD);
    double late_rise = parts->means[TREND_PARTS - 1] - parts->means[TREND_PARTS - 1 - THIRD];

    return last - first <= PLATEAU_SHARE * last ||
           (is_slowing(parts) && late_rise <= PLATEAU_SHARE * last);
}

void trend_judge(const double *levels, size_t count, double least_rise, struct trend *trend)
{
    struct parts parts;
    double slope, error;

    *trend = (struct trend){.verdict = TREND_UNCLEAR};
    if (count < TREND_LEAST_POINTS)
        return;
    cut(levels, count, &parts);
    slope = slope_of(&parts);
    error = error_of(&parts);
    trend->slope = slope / parts.steps;
    trend->low = (slope - STUDENT * error) / parts.steps;
    trend->high = (slope + STUDENT * error) / parts.steps;
    trend->rise = slope * TREND_PARTS;
    if (trend->rise >= least_rise && is_growing(&parts, slope, error))
        trend->verdict = TREND_GROWING;
    else if (is_plateau(&parts))
        trend->verdict = TREND_PLATEAU;
}

int64_t trend_whole(double value)
{
    return value > 9e18 ? INT64_MAX : value < -9e18 ? INT64_MIN : (int64_t)value;
}

const char *trend_verdict_name(enum trend_verdict verdict)
{
    static const char *const names[] = {"unclear", "plateau", "growing"};

    return names[verdict];
}
