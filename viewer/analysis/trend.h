/* Does a figure grow? A line through what it was at equal steps of time, how sure that is, and a
 * verdict.
 *
 * What a program holds is no line with independent noise: what is there now is what was there
 * before and a bit more or less. Of such a series ordinary regression finds a trend nearly always.
 * So the bounds come from changes, not from levels. The first third, in which programs start and
 * caches fill, is left out; the rest is cut into TREND_PARTS parts. The means of the parts give the
 * slope, by least squares, and the spread of the differences between neighbours gives its error as
 * if the figure were a random walk with drift: the worst case, too careful for noise around a line.
 * (Of a random walk, differences of means over parts of length L have the variance 2/3 L, and the
 * slope through n means 6/5 / (n L); so the error is spread * sqrt(1.8 / n) a part.)
 *
 * Growing: the slope is more than four times its error, nearly all parts (13 of 15) rise above the
 * one before, and the rise of the last third has not slowed below 0.6 of that of the first, since
 * what slows down like this will have stopped before the run is as long again. That keeps apart a
 * leak from churn, saw-teeth, steps, the doubling of tables, and caches that still fill slowly.
 * Of random walks without drift 4 in 10,000 are taken to grow (tests/unit/test_trend.c).
 *
 * Plateau: it ends no more than 5 % above where the judged part began, or has risen by no more than
 * that in the last third after it slowed down. Unclear: the rest. */
#ifndef SEEP_ANALYSIS_TREND_H
#define SEEP_ANALYSIS_TREND_H

#include <stddef.h>
#include <stdint.h>

enum {
    TREND_PARTS = 16,
    TREND_LEAST_POINTS = 48 /* fewer are unclear */
};

enum trend_verdict {
    TREND_UNCLEAR,
    TREND_PLATEAU,
    TREND_GROWING
};

struct trend {
    enum trend_verdict verdict;
    double slope;     /* a step */
    double low, high; /* 95 % bounds */
    double rise;      /* of the line, over what was judged */
};

/* `levels` at equal steps. Below `least_rise` nothing is taken to grow. */
void trend_judge(const double *levels, size_t count, double least_rise, struct trend *trend);

/* A slope in whole units, for those who print it. */
int64_t trend_whole(double value);

/* "unclear", "plateau", "growing". */
const char *trend_verdict_name(enum trend_verdict verdict);

#endif
