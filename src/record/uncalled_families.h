/* Families of allocation functions that were named (--allocator) and that nothing calls: a name was
 * mistyped, or stands where calls are not seen. Then the figures lack what was asked for. */
#ifndef SEEP_RECORD_UNCALLED_FAMILIES_H
#define SEEP_RECORD_UNCALLED_FAMILIES_H

#include <stddef.h>
#include <stdint.h>

/* What is to be said of `count` prefixes of which bit i of `called` says that the i-th has calls;
 * NULL when there is nothing to say. Caller owns. */
char *uncalled_families_remark(const char *const *prefixes, size_t count, uint32_t called);

#endif
