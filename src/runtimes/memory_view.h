/* Memory of a stopped process for readers that walk hundreds of megabytes of it: pieces of 64 KiB
 * are kept, four ways of each set, so that what lies together is asked for once and memory stays
 * bounded whatever the target's size; of memory that is here already they are that memory. What
 * cannot be read is told page by page. */
#ifndef SEEP_RUNTIMES_MEMORY_VIEW_H
#define SEEP_RUNTIMES_MEMORY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "snapshot/target_memory.h"

enum {
    MEMORY_VIEW_PIECE_BITS = 16,
    MEMORY_VIEW_PIECE_BYTES = 1 << MEMORY_VIEW_PIECE_BITS,
    MEMORY_VIEW_PAGE_BITS = 12,
    MEMORY_VIEW_WAYS = 4
};

struct memory_view_piece {
    uint64_t number;         /* address / piece; UINT64_MAX: empty */
    uint32_t readable_pages; /* set of 1 << page within the piece */
    const uint8_t *bytes;    /* `own`, or borrowed */
    uint8_t *own;            /* NULL until it is needed */
};

struct memory_view {
    const struct target_memory *memory;
    struct memory_view_piece *pieces; /* sets of ways */
    size_t set_mask;
    uint32_t next_way;
    uint64_t last_number; /* of the piece that was asked for last */
    struct memory_view_piece *last;
    uint64_t read_bytes;
};

/* Keeps up to `kept_bytes`. `memory` is borrowed. */
void memory_view_init(struct memory_view *view, const struct target_memory *memory,
                      size_t kept_bytes);
void memory_view_clear(struct memory_view *view);

/* The piece of this number; its pages may be unreadable. Borrowed until the next call. */
struct memory_view_piece *memory_view_load(struct memory_view *view, uint64_t number);

/* All of [address, address + count), or false. */
bool memory_view_read(struct memory_view *view, uint64_t address, void *bytes, size_t count);

/* `count` bytes within one piece, borrowed until the next call of this view; NULL: not readable, or
 * not within one piece. */
static inline const uint8_t *memory_view_at(struct memory_view *view, uint64_t address,
                                            size_t count)
{
    uint64_t number = address >> MEMORY_VIEW_PIECE_BITS;
    size_t offset = address & (MEMORY_VIEW_PIECE_BYTES - 1);
    if (count == 0 || count > MEMORY_VIEW_PIECE_BYTES - offset)
        return NULL;
    const struct memory_view_piece *piece = number == view->last_number
                                                ? view->last
                                                : memory_view_load(view, number);
    size_t first = offset >> MEMORY_VIEW_PAGE_BITS;
    size_t last = (offset + count - 1) >> MEMORY_VIEW_PAGE_BITS;
    uint32_t wanted = (UINT32_C(2) << last) - (UINT32_C(1) << first);
    return (piece->readable_pages & wanted) == wanted ? piece->bytes + offset : NULL;
}

static inline bool memory_view_word(struct memory_view *view, uint64_t address, uint64_t *word)
{
    const uint8_t *bytes = memory_view_at(view, address, sizeof *word);
    if (bytes == NULL)
        return memory_view_read(view, address, word, sizeof *word);
    memcpy(word, bytes, sizeof *word);
    return true;
}

/* What cannot be read is 0. */
static inline uint64_t memory_view_word_or_0(struct memory_view *view, uint64_t address)
{
    uint64_t word = 0;
    return memory_view_word(view, address, &word) ? word : 0;
}

static inline uint32_t memory_view_half_or_0(struct memory_view *view, uint64_t address)
{
    uint32_t half = 0;
    return memory_view_read(view, address, &half, sizeof half) ? half : 0;
}

static inline uint8_t memory_view_byte_or_0(struct memory_view *view, uint64_t address)
{
    const uint8_t *byte = memory_view_at(view, address, 1);
    return byte == NULL ? 0 : *byte;
}

/* A text that ends within `text_bytes`, printable ASCII or beyond; false, and "": it is none. */
bool memory_view_text(struct memory_view *view, uint64_t address, char *text, size_t text_bytes);

#endif
