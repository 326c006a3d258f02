/* Unpacks what zlib has packed (RFC 1950, RFC 1951), at more than twice its speed: all of it lies
 * in memory, packed and unpacked, and how much it will be is known. So there is no window and
 * nothing to interrupt; several bytes of input are taken at a time, and copied at a time. */
#ifndef SEEP_SYMBOLS_INFLATE_H
#define SEEP_SYMBOLS_INFLATE_H

#include <stdbool.h>
#include <stddef.h>

/* False when that is no such stream, is damaged, or does not unpack to `content_bytes`; what stands
 * in `content` then means nothing. */
bool inflate_zlib(const void *packed, size_t packed_bytes, void *content, size_t content_bytes);

#endif
