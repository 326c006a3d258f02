#include "heap/estimates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void estimate_table_clear(struct estimate_table *table)
{
    free(table->sites);
    *table = (struct estimate_table){0};
}

struct estimates *estimate_table_at(struct estimate_table *table, uint32_t site)
{
    if (site >= table->count) {
        table->sites = memory_grow(table->sites, &table->capacity, (size_t)site + 1,
                                   sizeof *table->sites);
        memset(&table->sites[table->count], 0, (site + 1 - table->count) * sizeof *table->sites);
        table->count = (size_t)site + 1;
    }
    return &table->sites[site];
}

static double chance(uint64_t mean, uint64_t size)
{
    return -expm1(-((double)size + 1) / (double)mean);
}

/* The same for the same block, always; uniform in [0, 1) over blocks. */
static double fraction_of(const struct block *block, uint64_t salt)
{
    uint64_t mixed = (block->address ^ block->birth_ns * UINT64_C(0x9e3779b97f4a7c15)) + salt;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((mixed ^ mixed >> 31) >> 11) * 0x1p-53;
}

struct weight estimates_weigh(uint64_t mean, const struct block *block)
{
    if (mean == 0)
        return (struct weight){1, block->size};
    double p = chance(mean, block->size);
    return (struct weight){(uint64_t)(1 / p + fraction_of(block, 1)),
                           (uint64_t)((double)block->size / p + fraction_of(block, 2))};
}

void estimate_add(struct estimate *estimate, uint64_t mean, const struct block *block)
{
    double p = chance(mean, block->size), size = (double)block->size;
    double spread = (1 - p) / (p * p);
    estimate->seen_blocks += 1;
    estimate->seen_bytes += size;
    estimate->blocks_variance += spread;
    estimate->bytes_variance += size * size * spread;
}

/* Of what nothing is left the variance is 0, whatever rounding says. */
void estimate_subtract(struct estimate *from, const struct estimate *taken)
{
    from->seen_blocks -= taken->seen_blocks;
    from->seen_bytes -= taken->seen_bytes;
    from->blocks_variance -= taken->blocks_variance;
    from->bytes_variance -= taken->bytes_variance;
    if (from->seen_blocks < 0.5)
        *from = (struct estimate){0};
}

struct estimate estimates_live(const struct estimates *estimates)
{
    struct estimate live = estimates->allocated;
    live.seen_blocks += estimates->inherited.seen_blocks;
    live.seen_bytes += estimates->inherited.seen_bytes;
    live.blocks_variance += estimates->inherited.blocks_variance;
    live.bytes_variance += estimates->inherited.bytes_variance;
    estimate_subtract(&live, &estimates->freed);
    return live;
}

static uint64_t to_number(double value)
{
    return value > 0 ? value < 0x1p63 ? (uint64_t)(value + 0.5) : (uint64_t)1 << 63 : 0;
}

static void put(uint64_t numbers[4], const struct estimate *estimate)
{
    numbers[0] = to_number(estimate->seen_blocks);
    numbers[1] = to_number(estimate->seen_bytes);
    numbers[2] = to_number(sqrt(fmax(estimate->blocks_variance, 0)) * 1000);
    numbers[3] = to_number(sqrt(fmax(estimate->bytes_variance, 0)) * 1000);
}

void estimates_to_numbers(const struct estimates *estimates, const struct estimate *peak,
                          uint64_t numbers[ESTIMATES_NUMBERS])
{
    put(numbers, &estimates->inherited);
    put(numbers + 4, &estimates->allocated);
    put(numbers + 8, &estimates->freed);
    put(numbers + 12, &estimates->temporary);
    put(numbers + 16, peak);
    struct estimate live = estimates_live(estimates);
    put(numbers + 20, &live);
}
