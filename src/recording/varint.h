/* Unsigned LEB128: seven bits a byte, least significant first, the top bit set on all but the last;
 * at most ten bytes. Signed numbers are zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
#ifndef SEEP_RECORDING_VARINT_H
#define SEEP_RECORDING_VARINT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

/* Byte by byte: the end may be near, and the number long. */
static __attribute__((noinline, unused)) bool
varint_read_slowly(const uint8_t **from, const uint8_t *end, uint64_t *value)
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

/* Reads from *from, moved behind it, before `end`. False: cut, or longer than 64 bits. Numbers of
 * up to eight bytes are taken in one load and their groups of seven bits pushed together in three
 * steps: lengths vary from field to field, and a loop over bytes would be mispredicted each time.
 * Inline even where it stands often, so that the place stays in a register. */
static inline __attribute__((always_inline)) bool varint_read(const uint8_t **from,
                                                              const uint8_t *end, uint64_t *value)
{
    if (*from < end && **from < 0x80) { /* most numbers: the processor guesses on */
        *value = *(*from)++;
        return true;
    }
    if (end - *from < 8)
        return varint_read_slowly(from, end, value);
    uint64_t word;
    memcpy(&word, *from, 8); /* little-endian, as asserted in recording_format.c */
    uint64_t last = ~word & 0x8080808080808080u;
    if (last == 0)
        return varint_read_slowly(from, end, value);
    word &= last ^ (last - 1); /* up to the last byte of the number */
    word = (word & 0x007f007f007f007fu) | (word & 0x7f007f007f007f00u) >> 1;
    word = (word & 0x00003fff00003fffu) | (word & 0x3fff00003fff0000u) >> 2;
    word = (word & 0x000000000fffffffu) | (word & 0x0fffffff00000000u) >> 4;
    *value = word;
    *from += __builtin_ctzll(last) / 8 + 1;
    return true;
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
