/* What the objects of each type of a Python heap retain together. */
#ifndef SEEP_GRAPH_PYTHON_RETAINED_H
#define SEEP_GRAPH_PYTHON_RETAINED_H

#include "analysis/profile.h"
#include "analysis/python_heaps.h"
#include "recording/recording_reader.h"
#include "symbols/symbolizer.h"

/* Fills in retained_bytes of the largest live types of each heap whose objects' graph is in the
 * recording and is not so large that working it out would take long. What cannot be known stays
 * PYTHON_NOT_KNOWN. */
void python_retained_find(const struct profile *profile, struct recording_reader *reader,
                          const struct symbolizer_options *options, struct python_heaps *heaps);

#endif
