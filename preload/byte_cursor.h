/* Reads numbers out of bytes without ever leaving them. A read past the end gives 0 and sets
 * is_bad, and so does every read after it, so a parser may check once, at the end of a step. */
#ifndef SEEP_PRELOAD_BYTE_CURSOR_H
#define SEEP_PRELOAD_BYTE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct byte_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool is_bad;
};

static inline size_t byte_cursor_left(const struct byte_cursor *cursor)
{
    return cursor->is_bad ? 0 : (size_t)(cursor->end - cursor->at);
}

static inline void byte_cursor_skip(struct byte_cursor *cursor, uint64_t count)
{
    if (count > byte_cursor_left(cursor))
        cursor->is_bad = true;
    else
        cursor->at += count;
}

/* As the processor reads them, which is little-endian wherever this runs. */
static inline uint64_t byte_cursor_word(const uint8_t *at, unsigned count)
{
    uint64_t value = 0;

    switch (count) {
    case 1:
        return *at;
    case 2:
        __builtin_memcpy(&value, at, 2);
        return value;
    case 4:
        __builtin_memcpy(&value, at, 4);
        return value;
    default:
        for (unsigned i = 0; i < count; i++)
            value |= (uint64_t)at[i] << (8 * i);
        return value;
    }
}

/* `count` is 1 to 8; little-endian. */
static inline uint64_t byte_cursor_unsigned(struct byte_cursor *cursor, unsigned count)
{
    uint64_t value;

    if (count > byte_cursor_left(cursor)) {
        cursor->is_bad = true;
        return 0;
    }
    value = byte_cursor_word(cursor->at, count);
    cursor->at += count;
    return value;
}

static inline int64_t byte_cursor_signed(struct byte_cursor *cursor, unsigned count)
{
    unsigned unused_bits = 64 - 8 * count;

    return (int64_t)(byte_cursor_unsigned(cursor, count) << unused_bits) >> unused_bits;
}

static inline uint8_t byte_cursor_byte(struct byte_cursor *cursor)
{
    return (uint8_t)byte_cursor_unsigned(cursor, 1);
}

/* LEB128 (DWARF 5, section 7.6). Bits beyond 64 are lost, as every reader loses them. */
static inline uint64_t byte_cursor_uleb(struct byte_cursor *cursor)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = byte_cursor_byte(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

static inline int64_t byte_cursor_sleb(struct byte_cursor *cursor)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = byte_cursor_byte(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && byte & 0x40)
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

#endif
