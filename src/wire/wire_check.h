/* Is this byte range a well-formed record? Every reader of a ring asks here first: the bytes come
 * from memory that the target can overwrite at any time. */
#ifndef SEEP_WIRE_WIRE_CHECK_H
#define SEEP_WIRE_WIRE_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* The size of the record at `bytes` (8-aligned), of which `available` bytes are there; 0 when it is
 * malformed or cut. Lengths are read once, and callers that go on to
 * use a record's variable part must copy the record first and check the copy. */
size_t wire_check(const void *bytes, size_t available);

/* Bytes of the part that every record of this kind has; 0 for an unknown kind. */
size_t wire_fixed_bytes(unsigned kind);

/* "BIRTH", ...; "?" for an unknown kind. */
const char *wire_kind_name(unsigned kind);

#endif
