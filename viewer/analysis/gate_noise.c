#include "analysis/gate_noise.h"

#include <math.h>
#include <stddef.h>

void gate_figure_join(struct gate_figure *figure, const struct gate_figure *added)
{
    double runs = (double)figure->runs, more = (double)added->runs;
    double distance = added->mean - figure->mean;

    if (added->runs == 0)
        return;
    if (figure->runs == 0) {
        *figure = *added;
        return;
    }
    figure->squares += added->squares + distance * distance * runs * more / (runs + more);
    figure->mean += distance * more / (runs + more);
    figure->runs += added->runs;
    figure->least = added->least < figure->least ? added->least : figure->least;
    figure->most = added->most > figure->most ? added->most : figure->most;
}

void gate_figure_add(struct gate_figure *figure, uint64_t value)
{
    const struct gate_figure one = {
        .runs = 1, .mean = (double)value, .least = value, .most = value};

    gate_figure_join(figure, &one);
}

double gate_figure_deviation(const struct gate_figure *figure)
{
    return figure->runs < 2 ? 0 : sqrt(figure->squares / (double)(figure->runs - 1));
}

/* The quantile 0.999 of Student's distribution (Abramowitz and Stegun, table 26.10); between its
 * entries that of the smaller degree, which is larger. */
static double student_quantile(uint64_t degrees)
{
    static const struct {
        uint64_t degrees;
        double quantile;
    } table[] = {{1000, 3.098}, {120, 3.160}, {60, 3.232}, {40, 3.307}, {30, 3.385}, {25, 3.450},
                 {20, 3.552},   {18, 3.610},  {16, 3.686}, {14, 3.787}, {12, 3.930}, {11, 4.025},
                 {10, 4.144},   {9, 4.297},   {8, 4.501},  {7, 4.785},  {6, 5.208},  {5, 5.893},
                 {4, 7.173},    {3, 10.215},  {2, 22.327}, {1, 318.31}};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (degrees >= table[i].degrees)
            return table[i].quantile;
    return 0;
}

double gate_noise_margin(const struct gate_figure *left, const struct gate_figure *right)
{
    uint64_t runs = left->runs + right->runs;
    double variance;

    if (left->runs == 0 || right->runs == 0 || runs < 3)
        return 0;
    variance = (left->squares + right->squares) / (double)(runs - 2);
    return student_quantile(runs - 2) *
           sqrt(variance * (1 / (double)left->runs + 1 / (double)right->runs));
}
