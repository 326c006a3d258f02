#include "tui/kept_row.h"

#include "tui/view.h"

enum {
    MOST_ROWS = 10000 /* a row that is further away is not looked for: it takes too long */
};

static const uint64_t FNV_PRIME = UINT64_C(0x100000001b3);

uint64_t kept_row_add_number(uint64_t key, uint64_t number)
{
    for (int i = 0; i < 8; i++, number >>= 8)
        key = (key ^ (number & 0xff)) * FNV_PRIME;
    return key;
}

uint64_t kept_row_add_text(uint64_t key, const char *text)
{
    for (; text && *text; text++)
        key = (key ^ (unsigned char)*text) * FNV_PRIME;
    return kept_row_add_number(key, 0); /* where it ends */
}

void kept_row_keep(struct view *view)
{
    const struct table *table = &view->table;
    struct kept_row *kept = &view->kept;
    kept->has_moved = table->selected != kept->first;
    kept->is_kept = table->selected < table->row_count;
    kept->row = table->selected;
    kept->offset = table->selected >= table->top ? table->selected - table->top : 0;
    if (kept->is_kept)
        kept->key = view->ops->row_key(view, table->selected);
    if (view->ops->remember)
        view->ops->remember(view);
}

/* From where it was outwards: the nearest of several that are alike. */
static bool find(const struct view *view, size_t *row)
{
    const struct kept_row *kept = &view->kept;
    size_t count = view->table.row_count;
    for (size_t distance = 0; distance <= count + kept->row && distance < MOST_ROWS; distance++) {
        size_t above = kept->row - distance, below = kept->row + distance;
        *row = below;
        if (below < count && view->ops->row_key(view, below) == kept->key)
            return true;
        *row = above;
        if (distance <= kept->row && above < count && view->ops->row_key(view, above) == kept->key)
            return true;
    }
    return false;
}

void kept_row_find(struct view *view)
{
    struct kept_row *kept = &view->kept;
    struct table *table = &view->table;
    size_t row;
    if (!kept->is_kept) {
        kept->first = table->selected;
        return;
    }
    kept->is_kept = false;
    kept->first = table->selected;
    if (!kept->has_moved)
        return;
    if (!find(view, &row))
        row = kept->row < table->row_count ? kept->row
              : table->row_count           ? table->row_count - 1
                                           : 0;
    table->selected = row;
    table->top = row > kept->offset ? row - kept->offset : 0;
}
