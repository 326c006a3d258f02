/* Unsigned LEB128: seven bits a byte, least significant first, the top bit set on all but the last;
 * at most ten bytes. Signed numbers are zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
#ifndef SEEP_RECORDING_VARINT_H
#define SEEP_RECORDING_VARINT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    VARINT_MAX_BYTES = 10
};

/* Writes at `to`, which has room for VARINT_MAX_BYTES; returns the end. */
static inline uint8_t *varint_write(uint8_t *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *to++ = (uint8_t)value;
    return to;
}

/* Reads from *from, moved behind it, before `end`. False: cut, or longer than 64 bits. */
static inline bool varint_read(const uint8_t **from, const uint8_t *end, uint64_t *value)
{
    const uint8_t *at = *from;
    uint64_t result = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        uint64_t bits = *at & 0x7f;
        if (shift == 63 && bits > 1)
            return false;
        result |= bits << shift;
        if (!(*at++ & 0x80)) {
            *from = at;
            *value = result;
            return true;
        }
    }
    return false;
}

static inline uint64_t varint_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t varint_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ -(value & 1));
}

#endif
