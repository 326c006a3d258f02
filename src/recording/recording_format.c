#include "recording/recording_format.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "headers are read and written as they stand in memory");

/* Each step is a bijection of the state for a given word and of the word for a given state, so a
 * change within any one word is always seen. */
uint64_t recording_checksum(const void *bytes, uint64_t count)
{
    const uint64_t prime = 0x100000001b3u;
    const uint8_t *at = bytes;
    uint64_t state = 0xcbf29ce484222325u;
    uint64_t left = count;
    uint64_t word;
    for (; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        state = (state ^ word) * prime;
    }
    if (left > 0) {
        word = 0;
        memcpy(&word, at, left);
        state = (state ^ word) * prime;
    }
    state = (state ^ count) * prime;
    return state ^ state >> 32;
}
