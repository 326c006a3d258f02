/* A list of numbers as records have it: a varint that counts them, and so many varints. */
#ifndef SEEP_RECORDING_PACKED_LIST_H
#define SEEP_RECORDING_PACKED_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "recording/varint.h"

/* Reads the count, at *at, which moves behind it. False: it is cut, or there are fewer bytes than
 * numbers. */
static inline bool packed_list_begin(const uint8_t **at, const uint8_t *end, uint64_t *count)
{
    return varint_read(at, end, count) && *count <= (uint64_t)(end - *at);
}

/* The numbers behind it. `items` has room for them. */
static inline bool packed_list_read(const uint8_t **at, const uint8_t *end, uint64_t count,
                                    uint64_t *items)
{
    const uint8_t *from = *at; /* in a register */
    for (uint64_t i = 0; i < count; i++)
        if (!varint_read(&from, end, &items[i]))
            return false;
    *at = from;
    return true;
}

/* The same, and what they are is not asked: small ones are passed eight at a time. */
static inline bool packed_list_skip(const uint8_t **at, const uint8_t *end, uint64_t count)
{
    const uint8_t *from = *at;
    while (count > 0) {
        uint64_t word;
        if (count >= 8 && end - from >= 8 &&
            (memcpy(&word, from, 8), !(word & 0x8080808080808080u))) {
            from += 8;
            count -= 8;
            continue;
        }
        if (!varint_read(&from, end, &word))
            return false;
        count--;
    }
    *at = from;
    return true;
}

#endif
