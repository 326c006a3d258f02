#include "runtimes/memory_view.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    PAGE_BYTES = 1 << MEMORY_VIEW_PAGE_BITS,
    PAGES = MEMORY_VIEW_PIECE_BYTES / PAGE_BYTES,
    ALL_PAGES = (1 << PAGES) - 1
};

/* What is borrowed takes no room. */
#define BORROWED_BYTES ((size_t)1 << 30)

#define NO_PIECE UINT64_MAX

void memory_view_init(struct memory_view *view, const struct target_memory *memory,
                      size_t kept_bytes)
{
    size_t sets = 1;
    if (memory->borrow != NULL)
        kept_bytes = BORROWED_BYTES;
    while (sets * MEMORY_VIEW_WAYS * MEMORY_VIEW_PIECE_BYTES < kept_bytes)
        sets *= 2;
    *view = (struct memory_view){.memory = memory, .set_mask = sets - 1, .last_number = NO_PIECE};
    view->pieces = memory_allocate_zeroed(sets * MEMORY_VIEW_WAYS, sizeof *view->pieces);
    for (size_t i = 0; i < sets * MEMORY_VIEW_WAYS; i++)
        view->pieces[i].number = NO_PIECE;
}

void memory_view_clear(struct memory_view *view)
{
    for (size_t i = 0; view->pieces != NULL && i < (view->set_mask + 1) * MEMORY_VIEW_WAYS; i++)
        free(view->pieces[i].own);
    free(view->pieces);
    *view = (struct memory_view){.last_number = NO_PIECE};
}

/* Images of tests begin anywhere: what a page lacks counts as zeroes once any of it is there. */
static void fill(struct memory_view *view, struct memory_view_piece *piece)
{
    const struct target_memory *memory = view->memory;
    uint64_t start = piece->number << MEMORY_VIEW_PIECE_BITS;
    piece->readable_pages = ALL_PAGES;
    piece->bytes = memory->borrow != NULL
                       ? memory->borrow(memory->context, start, MEMORY_VIEW_PIECE_BYTES)
                       : NULL;
    if (piece->bytes != NULL)
        return;
    if (piece->own == NULL)
        piece->own = memory_allocate(MEMORY_VIEW_PIECE_BYTES);
    piece->bytes = piece->own;
    size_t count = memory->read(memory->context, start, piece->own, MEMORY_VIEW_PIECE_BYTES);
    view->read_bytes += count;
    if (count == MEMORY_VIEW_PIECE_BYTES)
        return;
    piece->readable_pages = 0;
    for (size_t page = 0; page < PAGES; page++) {
        uint8_t *bytes = piece->own + page * PAGE_BYTES;
        size_t offset = page * PAGE_BYTES;
        size_t here = offset + PAGE_BYTES <= count
                          ? PAGE_BYTES
                          : memory->read(memory->context, start + offset, bytes, PAGE_BYTES);
        memset(bytes + here, 0, PAGE_BYTES - here);
        if (here > 0)
            piece->readable_pages |= UINT32_C(1) << page;
    }
}

struct memory_view_piece *memory_view_load(struct memory_view *view, uint64_t number)
{
    struct memory_view_piece *set = &view->pieces[(number & view->set_mask) * MEMORY_VIEW_WAYS];
    struct memory_view_piece *found = NULL;
    for (size_t i = 0; i < MEMORY_VIEW_WAYS && found == NULL; i++)
        if (set[i].number == number)
            found = &set[i];
    if (found == NULL) {
        found = &set[view->next_way++ % MEMORY_VIEW_WAYS];
        found->number = number;
        fill(view, found);
    }
    view->last_number = number;
    view->last = found;
    return found;
}

bool memory_view_read(struct memory_view *view, uint64_t address, void *bytes, size_t count)
{
    uint8_t *to = bytes;
    if (address > UINT64_MAX - count)
        return false;
    while (count > 0) {
        size_t part = target_memory_page_part(address, count);
        const uint8_t *from = memory_view_at(view, address, part);
        if (from == NULL)
            return false;
        memcpy(to, from, part);
        to += part;
        address += part;
        count -= part;
    }
    return true;
}

bool memory_view_text(struct memory_view *view, uint64_t address, char *text, size_t text_bytes)
{
    for (size_t i = 0; i < text_bytes; i++) {
        const uint8_t *byte = memory_view_at(view, address + i, 1);
        if (byte == NULL || (*byte < ' ' && *byte != 0) || *byte == 0x7f)
            break;
        text[i] = (char)*byte;
        if (*byte == 0)
            return i > 0;
    }
    text[0] = '\0';
    return false;
}
