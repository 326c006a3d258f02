/* Tables that say what the next bits of a packed stream are (RFC 1951).
 *
 * A code is looked up by the next bits of the input, as many as the first table has: most are no
 * longer. Longer ones go on in a table of their own. An entry says all there is to do:
 *
 *   bits  0-4    bits to take: of the code, and those that follow it
 *   bits  5-8    bits of the code alone; of an entry that leads on, bits of the second table
 *   bits  9-12   what it is
 *   bits 16-31   the byte, the base of the length or distance, or where the second table begins
 */
#ifndef SEEP_SYMBOLS_INFLATE_TABLES_H
#define SEEP_SYMBOLS_INFLATE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    INFLATE_LITERALS = 288,
    INFLATE_DISTANCES = 32,
    INFLATE_ORDERS = 19, /* codes of lengths of codes */
    INFLATE_LITERAL_BITS = 11,
    INFLATE_DISTANCE_BITS = 8,
    INFLATE_ORDER_BITS = 7,
    /* The most that such tables come to with their second ones (zlib's examples/enough.c). */
    INFLATE_LITERAL_ENTRIES = 2342,
    INFLATE_DISTANCE_ENTRIES = 402
};

enum {
    INFLATE_IS_LITERAL = 1 << 9,
    INFLATE_IS_FURTHER = 1 << 10, /* leads to a second table */
    INFLATE_IS_END = 1 << 11,     /* of the block */
    INFLATE_IS_INVALID = 1 << 12
};

/* By the lengths of all codes, 0 = there is none. False when no codes have such lengths. */
bool inflate_tables_make_literals(uint32_t table[INFLATE_LITERAL_ENTRIES], const uint8_t *lengths,
                                  uint32_t count);
bool inflate_tables_make_distances(uint32_t table[INFLATE_DISTANCE_ENTRIES], const uint8_t *lengths,
                                   uint32_t count);
bool inflate_tables_make_orders(uint32_t table[1 << INFLATE_ORDER_BITS],
                                const uint8_t lengths[INFLATE_ORDERS]);

#endif
