/* Verdicts on series whose nature is known, and how often chance is taken for growth. */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/trend.h"

enum {
    POINTS = 240
};

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double uniform(uint64_t *seed)
{
    return (double)(next_random(seed) >> 11) / 9007199254740992.0;
}

/* The sum of twelve: mean 0, variance 1. */
static double normal(uint64_t *seed)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += uniform(seed);
    return sum;
}

static struct trend judge(const double *levels)
{
    struct trend trend;

    trend_judge(levels, POINTS, 1, &trend);
    return trend;
}

#define EXPECT(wanted, expression)                                                                 \
    do {                                                                                           \
        double levels[POINTS];                                                                     \
        uint64_t seed = 1;                                                                         \
        (void)seed;                                                                                \
        for (int i = 0; i < POINTS; i++)                                                           \
            levels[i] = (expression);                                                              \
        assert_int_equal(judge(levels).verdict, wanted);                                           \
    } while (0)

static void test_growing(void **state)
{
    (void)state;
    EXPECT(TREND_GROWING, 1000.0 * i);
    EXPECT(TREND_GROWING, 1e9 + 1000.0 * i + 3000 * normal(&seed));
    EXPECT(TREND_GROWING, 1000.0 * i + 20000 * fmod(i / 7.3, 1)); /* on top of a saw */
    EXPECT(TREND_GROWING, 10.0 * i * i);                          /* ever faster */
}

static void test_not_growing(void **state)
{
    (void)state;
    EXPECT(TREND_PLATEAU, 5000);
    EXPECT(TREND_PLATEAU, 0);
    EXPECT(TREND_PLATEAU, 1e5 + 10000 * normal(&seed));
    EXPECT(TREND_PLATEAU, 1e6 - 1000.0 * i);
    EXPECT(TREND_PLATEAU, i < 60 ? 1000.0 * i : 60000);      /* a cache that is full */
    EXPECT(TREND_PLATEAU, 1e5 * (1 - exp(-i / 60.0)));       /* and one that fills slowly */
    EXPECT(TREND_UNCLEAR, 1e5 * log(1 + i / 4.0));           /* which never ends, but slows down */
    EXPECT(TREND_UNCLEAR, i < 200 ? 1000 : 2000);            /* a step, near the end */
    EXPECT(TREND_PLATEAU, i < 100 ? 1000 : 2000);            /* and one long ago */
    EXPECT(TREND_PLATEAU, pow(2, floor(log2(1 + i))));       /* a table that doubles */
    EXPECT(TREND_UNCLEAR, pow(2, floor(log2(1 + i * 1.2)))); /* the same, just now */
    for (double teeth = 1.7; teeth < 30; teeth += 1.3) {
        double levels[POINTS];

        for (int i = 0; i < POINTS; i++)
            levels[i] = 1e5 * fmod(i * teeth / POINTS, 1);
        assert_int_not_equal(judge(levels).verdict, TREND_GROWING);
    }
}

static void test_slope(void **state)
{
    double levels[POINTS];
    struct trend trend;

    (void)state;
    for (int i = 0; i < POINTS; i++)
        levels[i] = 300.0 * i;
    trend = judge(levels);
    assert_true(fabs(trend.slope - 300) < 1e-6);
    assert_true(trend.low > 299.9 && trend.low <= trend.slope);
    assert_true(trend.high < 300.1 && trend.high >= trend.slope);
    trend_judge(levels, POINTS, 1e6, &trend); /* rises by less */
    assert_int_not_equal(trend.verdict, TREND_GROWING);
    trend_judge(levels, TREND_LEAST_POINTS - 1, 1, &trend);
    assert_int_equal(trend.verdict, TREND_UNCLEAR);
}

/* Random walks: 4 in 10,000 are taken to grow, and the bounds hold what is true in 95 of 100. */
static void test_random_walks(void **state)
{
    enum {
        RUNS = 20000
    };
    uint64_t seed = 42;
    int growing = 0, drifting = 0, held = 0;

    (void)state;
    for (int run = 0; run < RUNS; run++) {
        double levels[POINTS], with_drift[POINTS], sum = 1e6;
        struct trend trend;

        for (int i = 0; i < POINTS; i++) {
            levels[i] = sum += 1000 * normal(&seed);
            with_drift[i] = levels[i] + 1000.0 * i;
        }
        trend = judge(levels);
        growing += trend.verdict == TREND_GROWING;
        held += trend.low <= 0 && trend.high >= 0;
        drifting += judge(with_drift).verdict == TREND_GROWING;
    }
    print_message("of %d random walks %d grow, %d are bounded rightly; with a drift %d grow\n",
                  (int)RUNS, growing, held, drifting);
    assert_in_range(growing, 0, RUNS / 1000);
    assert_in_range(held, RUNS * 94 / 100, RUNS * 96 / 100);
    assert_in_range(drifting, RUNS * 98 / 100, RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_not_growing),
        cmocka_unit_test(test_slope),
        cmocka_unit_test(test_random_walks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
