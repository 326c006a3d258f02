/* Suppressions that would silence a leak, written for files that seep reads, and LSan or Valgrind,
 * too. LSan's grammar takes one line a place: the function that a report names first. Valgrind's
 * takes the stack. */
#ifndef SEEP_ANALYSIS_SUPPRESSION_ENTRY_H
#define SEEP_ANALYSIS_SUPPRESSION_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "base/error.h"
#include "base/text.h"

enum suppression_grammar {
    SUPPRESSION_LSAN,
    SUPPRESSION_VALGRIND
};

/* "lsan", "valgrind"; NULL past the end. */
const char *suppression_grammar_name_at(size_t position);

/* What stands behind "leak:" for a site's leaks. False: nothing on its stack has a name. */
bool suppression_entry_print_template(const struct profile *profile, uint32_t site,
                                      struct text *out);

/* The lines of frames between Valgrind's braces. */
void suppression_entry_print_frames(const struct profile *profile, uint32_t site, struct text *out);

enum suppression_outcome {
    SUPPRESSION_FAILED,
    SUPPRESSION_ADDED,
    SUPPRESSION_WAS_THERE /* the file has this very entry; it is as it was */
};

/* Adds an entry for a site's leaks, behind a comment (one line, without '#'; NULL: none), to a
 * file, which is made when it is not there. One that holds anything but suppressions of this
 * grammar is left alone: that fails, as does a name that cannot be opened or a place without names.
 */
enum suppression_outcome suppression_entry_append(const struct profile *profile, uint32_t site,
                                                  enum suppression_grammar grammar,
                                                  const char *comment, const char *path,
                                                  struct error *error);

#endif
