#include "symbols/inflate_tables.h"

#include <string.h>

enum {
    MAX_CODE_BITS = 15
};

static uint32_t reverse(uint32_t code, uint32_t count)
{
    uint32_t reversed = 0;
    for (uint32_t i = 0; i < count; i++, code >>= 1)
        reversed = reversed << 1 | (code & 1);
    return reversed;
}

struct code_set {
    const uint8_t *lengths; /* of each symbol's code; 0 = it has none */
    uint32_t symbol_count;
    const uint32_t *symbols; /* what an entry says of it, but for the lengths */
    uint32_t counts[MAX_CODE_BITS + 1];
};

/* Is every sequence of bits a code, and is none two? One code alone may leave others out, and none
 * at all may be there where none is used. */
static bool is_complete(struct code_set *set)
{
    int32_t left = 1;
    uint32_t used = 0;

    memset(set->counts, 0, sizeof set->counts);
    for (uint32_t i = 0; i < set->symbol_count; i++)
        set->counts[set->lengths[i]]++;
    for (uint32_t length = 1; length <= MAX_CODE_BITS; length++) {
        left = left * 2 - (int32_t)set->counts[length];
        used += set->counts[length];
        if (left < 0)
            return false;
    }
    set->counts[0] = used;
    return left == 0 || used == 0 || (used == 1 && set->counts[1] == 1);
}

/* How many bits the second table has whose first code has `length`. */
static uint32_t second_bits(const struct code_set *set, const uint32_t *done, uint32_t length,
                            uint32_t first_bits)
{
    uint32_t count = length - first_bits;
    int32_t left = 1 << count;

    while (count + first_bits < MAX_CODE_BITS) {
        left -= (int32_t)(set->counts[count + first_bits] - done[count + first_bits]);
        if (left <= 0)
            break;
        count++;
        left *= 2;
    }
    return count;
}

/* Each place of a table whose low bits are the code. */
static void fill(uint32_t *table, uint32_t bits, uint32_t code, uint32_t length, uint32_t entry)
{
    for (uint32_t place = code; place < UINT32_C(1) << bits; place += UINT32_C(1) << length)
        table[place] = entry;
}

/* The codes of RFC 1951, 3.2.2. */
static bool make_table(uint32_t *table, uint32_t capacity, uint32_t first_bits,
                       struct code_set *set)
{
    uint32_t next = UINT32_C(1) << first_bits, code = 0, done[MAX_CODE_BITS + 1] = {0};
    uint32_t prefix = UINT32_MAX, start = 0, bits = 0;

    if (!is_complete(set))
        return false;
    for (uint32_t i = 0; i < next; i++)
        table[i] = INFLATE_IS_INVALID | first_bits;
    for (uint32_t length = 1; length <= MAX_CODE_BITS; length++, code <<= 1) {
        for (uint32_t i = 0; i < set->symbol_count && done[length] < set->counts[length]; i++) {
            if (set->lengths[i] != length)
                continue;
            uint32_t reversed = reverse(code++, length);
            uint32_t own = length <= first_bits ? length : length - first_bits;
            uint32_t entry = set->symbols[i] + own + (own << 5);

            if (length <= first_bits) {
                fill(table, first_bits, reversed, length, entry);
                done[length]++;
                continue;
            }
            if ((reversed & ((1u << first_bits) - 1)) != prefix) {
                prefix = reversed & ((1u << first_bits) - 1);
                bits = second_bits(set, done, length, first_bits);
                start = next;
                next += UINT32_C(1) << bits;
                if (next > capacity)
                    return false;
                table[prefix] = first_bits | bits << 5 | INFLATE_IS_FURTHER | start << 16;
            }
            fill(table + start, bits, reversed >> first_bits, own, entry);
            done[length]++;
        }
    }
    return true;
}

/* What entries say of symbols (RFC 1951, 3.2.5): kind, value, and bits that follow. */
static void describe_literals(uint32_t *symbols)
{
    uint32_t base = 3;

    for (uint32_t i = 0; i < 256; i++)
        symbols[i] = INFLATE_IS_LITERAL | i << 16;
    symbols[256] = INFLATE_IS_END;
    for (uint32_t i = 257; i < 285; i++) {
        uint32_t extra = i < 265 ? 0 : (i - 261) / 4;
        symbols[i] = base << 16 | extra;
        base += UINT32_C(1) << extra;
    }
    symbols[285] = 258 << 16;
    symbols[286] = symbols[287] = INFLATE_IS_INVALID;
}

static void describe_distances(uint32_t *symbols)
{
    uint32_t base = 1;

    for (uint32_t i = 0; i < 30; i++) {
        uint32_t extra = i < 4 ? 0 : i / 2 - 1;
        symbols[i] = base << 16 | extra;
        base += UINT32_C(1) << extra;
    }
    symbols[30] = symbols[31] = INFLATE_IS_INVALID;
}

bool inflate_tables_make_literals(uint32_t table[INFLATE_LITERAL_ENTRIES], const uint8_t *lengths,
                                  uint32_t count)
{
    uint32_t symbols[INFLATE_LITERALS];
    struct code_set set = {lengths, count, symbols, {0}};

    describe_literals(symbols);
    return make_table(table, INFLATE_LITERAL_ENTRIES, INFLATE_LITERAL_BITS, &set);
}

bool inflate_tables_make_distances(uint32_t table[INFLATE_DISTANCE_ENTRIES], const uint8_t *lengths,
                                   uint32_t count)
{
    uint32_t symbols[INFLATE_DISTANCES];
    struct code_set set = {lengths, count, symbols, {0}};

    describe_distances(symbols);
    return make_table(table, INFLATE_DISTANCE_ENTRIES, INFLATE_DISTANCE_BITS, &set);
}

bool inflate_tables_make_orders(uint32_t table[1 << INFLATE_ORDER_BITS],
                                const uint8_t lengths[INFLATE_ORDERS])
{
    uint32_t symbols[INFLATE_ORDERS];
    struct code_set set = {lengths, INFLATE_ORDERS, symbols, {0}};

    for (uint32_t i = 0; i < INFLATE_ORDERS; i++)
        symbols[i] = i << 16;
    return make_table(table, 1 << INFLATE_ORDER_BITS, INFLATE_ORDER_BITS, &set);
}
