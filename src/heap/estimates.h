/* What the blocks of a sampled recording stand for.
 *
 * A block of `size` bytes was chosen with the chance p = 1 - exp(-(size + 1) / mean)
 * (preload/sampler.h); so it stands for 1 / p blocks and size / p bytes, and sums of these are
 * unbiased estimates (Horvitz and Thompson, 1952). They are booked in place of the block itself, so
 * everything that is made of bookings (sites, totals, peak, timeline, histograms) is an estimate,
 * too. Whole numbers are booked: a fraction is rounded up with its own chance, taken from the
 * block's address and birth, so that its release takes away the very same.
 *
 * How far an estimate may be off is told by its variance: each block was chosen independently, and
 * adds x^2 (1 - p) / p^2 to it for a figure of x. That, and what was really seen, is summed here
 * beside the figures, by site and for the process; the viewer makes intervals of it. */
#ifndef SEEP_HEAP_ESTIMATES_H
#define SEEP_HEAP_ESTIMATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/block.h"

/* What is booked for one block. Without sampling it is the block itself. */
struct weight {
    uint64_t blocks;
    uint64_t bytes;
};

struct estimate {
    double seen_blocks;
    double seen_bytes;
    double blocks_variance;
    double bytes_variance;
};

/* Beside the figures of a site, or of the process. What is live is inherited + allocated - freed.
 */
struct estimates {
    struct estimate inherited;
    struct estimate allocated;
    struct estimate freed;
    struct estimate temporary;
    struct estimate peak;
    uint64_t peak_epoch; /* as in site.h */
};

enum {
    ESTIMATES_NUMBERS = 24 /* of estimates_to_numbers */
};

/* Of all sites; empty in a recording that is not sampled. A zeroed struct is valid. */
struct estimate_table {
    struct estimates total;
    struct estimates *sites; /* by site */
    size_t count, capacity;
};

void estimate_table_clear(struct estimate_table *table);

/* The site's, made when it is new. Valid until the next call. */
struct estimates *estimate_table_at(struct estimate_table *table, uint32_t site);

struct weight estimates_weigh(uint64_t mean, const struct block *block);

/* One block more, with its variance. */
void estimate_add(struct estimate *estimate, uint64_t mean, const struct block *block);
void estimate_subtract(struct estimate *from, const struct estimate *taken);

struct estimate estimates_live(const struct estimates *estimates);

/* As a recording has them (struct recording_site): blocks and bytes seen, and the roots of the
 * variances in thousandths, of each in the order of the struct. */
void estimates_to_numbers(const struct estimates *estimates, const struct estimate *peak,
                          uint64_t numbers[ESTIMATES_NUMBERS]);

#endif
