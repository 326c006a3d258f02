/* The fast part looks at nothing but what it must; the last bytes of a stream, and of what it
 * unpacks to, are for the part that looks at everything. */
#include "symbols/inflate.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "symbols/inflate_tables.h"

#define ALWAYS_INLINE __attribute__((always_inline))

/* While so much is left on both sides, nothing need be checked within a step. */
enum {
    FAST_INPUT = 24,
    COPIED_WORDS = 4,
    FAST_OUTPUT = 258 + 3 + COPIED_WORDS * 8
};

struct stream {
    const uint8_t *in, *in_end;
    uint8_t *begin, *out, *out_end;
    uint64_t bits; /* the next ones of the input; those above bit_count are right, or 0 */
    int bit_count; /* below 0: the input ended before */
    uint32_t literals[INFLATE_LITERAL_ENTRIES];
    uint32_t distances[INFLATE_DISTANCE_ENTRIES];
};

/* ---- bits -------------------------------------------------------------------------------------
 */

/* Behind the end there are zeroes, and bit_count does not grow. */
static inline void refill(struct stream *stream)
{
    while (stream->bit_count >= 0 && stream->bit_count < 56 && stream->in != stream->in_end) {
        stream->bits |= (uint64_t)*stream->in++ << stream->bit_count;
        stream->bit_count += 8;
    }
}

static inline void skip(struct stream *stream, uint32_t count)
{
    stream->bits >>= count;
    stream->bit_count -= (int)count;
}

static inline uint32_t peek(const struct stream *stream, uint32_t count)
{
    return (uint32_t)(stream->bits & ((UINT64_C(1) << count) - 1));
}

static uint32_t take(struct stream *stream, uint32_t count)
{
    refill(stream);
    uint32_t value = peek(stream, count);
    skip(stream, count);
    return value;
}

/* Whole bytes go back; those of the one that was begun are lost. */
static void go_to_byte(struct stream *stream)
{
    if (stream->bit_count > 0)
        stream->in -= stream->bit_count / 8;
    stream->bits = 0;
    stream->bit_count = stream->bit_count < 0 ? -1 : 0;
}

/* ---- tables -----------------------------------------------------------------------------------
 */

static bool make_tables(struct stream *stream, const uint8_t *lengths, uint32_t literal_count,
                        uint32_t distance_count)
{
    return inflate_tables_make_literals(stream->literals, lengths, literal_count) &&
           inflate_tables_make_distances(stream->distances, lengths + literal_count,
                                         distance_count);
}

static bool make_fixed_tables(struct stream *stream)
{
    uint8_t lengths[INFLATE_LITERALS + INFLATE_DISTANCES];

    for (uint32_t i = 0; i < INFLATE_LITERALS; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    memset(lengths + INFLATE_LITERALS, 5, INFLATE_DISTANCES);
    return make_tables(stream, lengths, INFLATE_LITERALS, INFLATE_DISTANCES);
}

/* One length of a code, or several alike; returns how many, 0 = damaged. */
static uint32_t read_lengths(struct stream *stream, const uint32_t *table, uint8_t *lengths,
                             uint32_t done, uint32_t total)
{
    refill(stream);
    uint32_t entry = table[peek(stream, INFLATE_ORDER_BITS)], symbol = entry >> 16, count = 1;
    uint8_t length = (uint8_t)symbol;

    skip(stream, entry & 31);
    if ((entry & INFLATE_IS_INVALID) != 0 || (symbol == 16 && done == 0))
        return 0;
    if (symbol == 16) {
        length = lengths[done - 1];
        count = 3 + take(stream, 2);
    } else if (symbol >= 17) {
        length = 0;
        count = symbol == 17 ? 3 + take(stream, 3) : 11 + take(stream, 7);
    }
    if (count > total - done || stream->bit_count < 0)
        return 0;
    memset(lengths + done, length, count);
    return count;
}

static bool read_tables(struct stream *stream)
{
    static const uint8_t places[INFLATE_ORDERS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t order_lengths[INFLATE_ORDERS] = {0}, lengths[INFLATE_LITERALS + INFLATE_DISTANCES];
    uint32_t table[1 << INFLATE_ORDER_BITS];
    uint32_t literal_count = 257 + take(stream, 5), distance_count = 1 + take(stream, 5);
    uint32_t order_count = 4 + take(stream, 4), total = literal_count + distance_count;

    if (literal_count > 286 || distance_count > 30)
        return false;
    for (uint32_t i = 0; i < order_count; i++)
        order_lengths[places[i]] = (uint8_t)take(stream, 3);
    if (!inflate_tables_make_orders(table, order_lengths))
        return false;
    for (uint32_t done = 0; done < total;) {
        uint32_t count = read_lengths(stream, table, lengths, done, total);
        if (count == 0)
            return false;
        done += count;
    }
    return lengths[256] != 0 && make_tables(stream, lengths, literal_count, distance_count);
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

enum step {
    STEP_ON,
    STEP_END,
    STEP_DAMAGED
};

/* The next bits of the input and where it goes on, in registers. */
struct fast {
    const uint8_t *in;
    uint64_t bits;
    uint32_t bit_count;
};

/* At least 56 bits, where 8 bytes are there. */
static inline ALWAYS_INLINE void fast_refill(struct fast *fast)
{
    uint64_t word;

    memcpy(&word, fast->in, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    fast->bits |= word << fast->bit_count;
    fast->in += (63 - fast->bit_count) >> 3;
    fast->bit_count |= 56;
}

static inline ALWAYS_INLINE void fast_skip(struct fast *fast, uint32_t entry)
{
    fast->bits >>= entry & 31;
    fast->bit_count -= entry & 31;
}

static inline ALWAYS_INLINE uint32_t fast_entry(const struct fast *fast, const uint32_t *table,
                                                uint32_t bits)
{
    return table[fast->bits & ((1u << bits) - 1)];
}

static inline ALWAYS_INLINE uint32_t fast_further(struct fast *fast, const uint32_t *table,
                                                  uint32_t entry)
{
    fast_skip(fast, entry);
    return table[(entry >> 16) + (fast->bits & ((UINT64_C(1) << (entry >> 5 & 15)) - 1))];
}

/* Base and the bits that follow the code. */
static inline ALWAYS_INLINE uint32_t fast_value(struct fast *fast, uint32_t entry)
{
    uint64_t all = fast->bits & ((UINT64_C(1) << (entry & 31)) - 1);

    fast_skip(fast, entry);
    return (entry >> 16) + (uint32_t)(all >> (entry >> 5 & 15));
}

static inline ALWAYS_INLINE uint64_t load_word(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

static inline ALWAYS_INLINE void store_word(uint8_t *to, uint64_t word)
{
    memcpy(to, &word, sizeof word);
}

/* A repetition, whole words at a time, and most in one go: there is room behind it. */
static inline ALWAYS_INLINE void fast_copy(uint8_t *out, uint32_t distance, uint32_t length)
{
    const uint8_t *from = out - distance, *end = out + length;

    if (__builtin_expect(distance >= sizeof(uint64_t), 1)) {
        do {
            for (uint32_t i = 0; i < COPIED_WORDS; i++)
                store_word(out + i * sizeof(uint64_t), load_word(from + i * sizeof(uint64_t)));
            from += COPIED_WORDS * sizeof(uint64_t);
            out += COPIED_WORDS * sizeof(uint64_t);
        } while (out < end);
    } else {
        while (out != end)
            *out++ = *from++;
    }
}

/* Many codes, while nothing need be checked within a step. A code is 15 bits at most, with what
 * follows it 28: of 56 there is enough for two literals and a length. */
static inline ALWAYS_INLINE enum step read_many(struct stream *stream)
{
    const uint32_t *const literals = stream->literals, *const distances = stream->distances;
    const uint8_t *const in_limit = stream->in_end - FAST_INPUT;
    uint8_t *const begin = stream->begin, *const out_limit = stream->out_end - FAST_OUTPUT;
    uint8_t *out = stream->out;
    struct fast fast = {stream->in, stream->bits, (uint32_t)stream->bit_count};
    enum step step = STEP_ON;

    fast_refill(&fast);
    uint32_t entry = fast_entry(&fast, literals, INFLATE_LITERAL_BITS);
    while (fast.in <= in_limit && out <= out_limit) {
        if ((entry & INFLATE_IS_LITERAL) != 0) {
            fast_skip(&fast, entry);
            *out++ = (uint8_t)(entry >> 16);
            entry = fast_entry(&fast, literals, INFLATE_LITERAL_BITS);
            if ((entry & INFLATE_IS_LITERAL) != 0) {
                fast_skip(&fast, entry);
                *out++ = (uint8_t)(entry >> 16);
                entry = fast_entry(&fast, literals, INFLATE_LITERAL_BITS);
            }
        }
        if (__builtin_expect(
                (entry & (INFLATE_IS_FURTHER | INFLATE_IS_END | INFLATE_IS_INVALID)) != 0, 0)) {
            if ((entry & INFLATE_IS_FURTHER) != 0)
                entry = fast_further(&fast, literals, entry);
            if ((entry & (INFLATE_IS_END | INFLATE_IS_INVALID)) != 0) {
                fast_skip(&fast, entry);
                step = (entry & INFLATE_IS_END) != 0 ? STEP_END : STEP_DAMAGED;
                break;
            }
        }
        if ((entry & INFLATE_IS_LITERAL) != 0) {
            fast_skip(&fast, entry);
            *out++ = (uint8_t)(entry >> 16);
            fast_refill(&fast);
            entry = fast_entry(&fast, literals, INFLATE_LITERAL_BITS);
            continue;
        }
        uint32_t length = fast_value(&fast, entry);
        fast_refill(&fast);
        entry = fast_entry(&fast, distances, INFLATE_DISTANCE_BITS);
        if (__builtin_expect((entry & INFLATE_IS_FURTHER) != 0, 0))
            entry = fast_further(&fast, distances, entry);
        uint32_t distance = fast_value(&fast, entry);
        if ((entry & INFLATE_IS_INVALID) != 0 || distance > (size_t)(out - begin)) {
            step = STEP_DAMAGED;
            break;
        }
        /* Looked up before the copy, which need not be waited for. */
        fast_refill(&fast);
        entry = fast_entry(&fast, literals, INFLATE_LITERAL_BITS);
        fast_copy(out, distance, length);
        out += length;
    }
    stream->in = fast.in;
    stream->out = out;
    stream->bit_count = (int)fast.bit_count;
    /* What was taken beyond the count is taken again. */
    stream->bits = fast.bits & ((UINT64_C(1) << fast.bit_count) - 1);
    return step;
}

/* The entry of the next code. */
static uint32_t next_entry(struct stream *stream, const uint32_t *table, uint32_t bits)
{
    refill(stream);
    uint32_t entry = table[peek(stream, bits)];

    if ((entry & INFLATE_IS_FURTHER) != 0) {
        skip(stream, entry & 31);
        entry = table[(entry >> 16) + peek(stream, entry >> 5 & 15)];
    }
    return entry;
}

static uint32_t take_value(struct stream *stream, uint32_t entry)
{
    uint32_t value = (entry >> 16) + (peek(stream, entry & 31) >> (entry >> 5 & 15));

    skip(stream, entry & 31);
    return value;
}

/* One code and what belongs to it. */
static enum step do_step(struct stream *stream)
{
    uint32_t entry = next_entry(stream, stream->literals, INFLATE_LITERAL_BITS);

    if ((entry & (INFLATE_IS_LITERAL | INFLATE_IS_END | INFLATE_IS_INVALID)) != 0) {
        skip(stream, entry & 31);
        if ((entry & INFLATE_IS_INVALID) != 0 || stream->bit_count < 0)
            return STEP_DAMAGED;
        if ((entry & INFLATE_IS_END) != 0)
            return STEP_END;
        if (stream->out == stream->out_end)
            return STEP_DAMAGED;
        *stream->out++ = (uint8_t)(entry >> 16);
        return STEP_ON;
    }
    uint32_t length = take_value(stream, entry);
    entry = next_entry(stream, stream->distances, INFLATE_DISTANCE_BITS);
    uint32_t distance = take_value(stream, entry);

    if ((entry & INFLATE_IS_INVALID) != 0 || distance > (size_t)(stream->out - stream->begin) ||
        length > (size_t)(stream->out_end - stream->out) || stream->bit_count < 0)
        return STEP_DAMAGED;
    for (; length > 0; length--, stream->out++)
        *stream->out = *(stream->out - distance);
    return STEP_ON;
}

#ifdef __x86_64__
/* Shifts by a register are three times as fast with these instructions. */
__attribute__((target("bmi,bmi2"))) static enum step read_many_bmi2(struct stream *stream)
{
    return read_many(stream);
}
#endif

static enum step read_fast(struct stream *stream)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("bmi2"))
        return read_many_bmi2(stream);
#endif
    return read_many(stream);
}

static bool read_packed_block(struct stream *stream)
{
    enum step step = STEP_ON;

    if (stream->bit_count >= 0 && stream->in_end - stream->in > FAST_INPUT &&
        stream->out_end - stream->out > FAST_OUTPUT)
        step = read_fast(stream);
    while (step == STEP_ON)
        step = do_step(stream);
    return step == STEP_END;
}

static bool read_stored_block(struct stream *stream)
{
    go_to_byte(stream);
    if (stream->bit_count < 0 || stream->in_end - stream->in < 4)
        return false;
    uint32_t length = stream->in[0] | (uint32_t)stream->in[1] << 8;
    uint32_t inverted = stream->in[2] | (uint32_t)stream->in[3] << 8;

    stream->in += 4;
    if ((length ^ inverted) != 0xffff || length > (size_t)(stream->in_end - stream->in) ||
        length > (size_t)(stream->out_end - stream->out))
        return false;
    memcpy(stream->out, stream->in, length);
    stream->in += length;
    stream->out += length;
    return true;
}

static bool read_block(struct stream *stream, bool *is_last)
{
    *is_last = take(stream, 1);
    switch (take(stream, 2)) {
    case 0:
        return read_stored_block(stream);
    case 1:
        return make_fixed_tables(stream) && read_packed_block(stream);
    case 2:
        return read_tables(stream) && read_packed_block(stream);
    default:
        return false;
    }
}

/* RFC 1950: two bytes in front, no dictionary, and a checksum behind. */
static bool is_zlib_header(const uint8_t *bytes)
{
    return (bytes[0] & 15) == 8 && (bytes[0] * 256 + bytes[1]) % 31 == 0 && (bytes[1] & 32) == 0;
}

static bool has_right_sum(struct stream *stream)
{
    go_to_byte(stream);
    if (stream->bit_count < 0 || stream->in_end - stream->in < 4)
        return false;
    uint32_t sum = (uint32_t)stream->in[0] << 24 | (uint32_t)stream->in[1] << 16 |
                   (uint32_t)stream->in[2] << 8 | stream->in[3];
    return adler32_z(1, stream->begin, (size_t)(stream->out - stream->begin)) == sum;
}

bool inflate_zlib(const void *packed, size_t packed_bytes, void *content, size_t content_bytes)
{
    struct stream stream;
    bool is_last = false;

    if (packed_bytes < 6 || !is_zlib_header(packed))
        return false;
    stream.in = (const uint8_t *)packed + 2;
    stream.in_end = (const uint8_t *)packed + packed_bytes;
    stream.begin = stream.out = content;
    stream.out_end = stream.begin + content_bytes;
    stream.bits = 0;
    stream.bit_count = 0;
    while (!is_last)
        if (!read_block(&stream, &is_last))
            return false;
    return stream.out == stream.out_end && has_right_sum(&stream);
}
