/* A baseline as text that is kept beside the sources: sorted, one line a fingerprint, so that git
 * shows what changed and merges two branches by itself.
 *
 *   # seep baseline 1
 *   demo fp1:00a1b2c3d4e5f607 peak=4096000 live=4096000 allocations=500  # open_session(int) at
 * demo.cpp demo total runs=5 peak=9535312+-41230 heap=9535312 ... scanned
 *
 * The first line says what it is. A word is a process, by its name and, from the second of that
 * name on, ':' and a number; what may not stand in it is written %XX. `total` has the figures of
 * the whole process, the means over `runs` and behind "+-" how much one run differs from them
 * (standard deviation), and `scanned` when its leaks are known. Other lines are those of sites;
 * those of leaks have the bytes by kind (`definite=200`). What is 0 is left out, except of totals.
 * From " #" to its end a line is for people. Lines may stand in any order; of two for the same the
 * larger figures count, and blank ones and those that begin with '#' are passed over. */
#ifndef SEEP_ANALYSIS_GATE_BASELINE_TEXT_H
#define SEEP_ANALYSIS_GATE_BASELINE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/gate_baseline.h"
#include "base/error.h"
#include "base/text.h"

/* How far figures may differ before a line is written anew, and which leaks are told. */
struct gate_baseline_writing {
    double part;           /* 0.05: by 5 % ... */
    uint64_t bytes;        /* ... or by as many bytes (of counts by 0) */
    bool is_resident_told; /* it differs from run to run, so only who budgets it wants it */
    unsigned leaked_kinds; /* 1 << enum leak_kind; those that are lost are always told */
};

bool gate_baseline_is_text(const char *text);
bool gate_baseline_read_text(struct gate_baseline *baseline, const char *text, const char *path,
                             struct error *error);

/* Appends the text of `baseline`. Of processes and sites that `old` has too, figures that the
 * tolerance covers stay as they are there, and its processes that `baseline` does not have stay;
 * `old` may be empty. */
void gate_baseline_write_text(const struct gate_baseline *baseline, const struct gate_baseline *old,
                              const struct gate_baseline_writing *writing, struct text *out);

#endif
