/* What objects refer to, by the lists of offsets of their types. Some have a function of their own
 * for it instead: frames of compiled code, where a map of bits says which of the frame's slots hold
 * references; and those that stand for references elsewhere, on the stacks of threads and beside
 * code. */
#include "runtimes/pypy/objects.h"

#include <string.h>

enum {
    ITEMS_MOST = 1 << 30,
    WORDS_MOST = 1 << 24,
    FRAME_MAP = 32, /* of JITFRAME: address of its map: count of words, words */
    FRAME_MAP_WORDS_MOST = 4096
};

struct edge_walk {
    const struct pypy *pypy;
    pypy_visit_edge visit;
    void *context;
};

static void follow(const struct edge_walk *walk, uint64_t address, struct pypy_edge edge)
{
    if (memory_view_word(walk->pypy->view, address, &edge.target) && pypy_is_pointer(edge.target))
        walk->visit(walk->context, &edge);
}

static void visit_items(const struct edge_walk *walk, const struct pypy_type *type,
                        uint64_t address)
{
    const uint32_t *offsets = walk->pypy->types.offsets + type->item_pointers;
    uint64_t count = memory_view_word_or_0(walk->pypy->view, address + type->count_offset);
    uint64_t at = address + type->items_offset;
    for (uint64_t i = 0; i < count && i < ITEMS_MOST; i++, at += type->item_bytes) {
        uint64_t word;
        if (!memory_view_word(walk->pypy->view, at, &word))
            return;
        for (uint32_t k = 0; k < type->item_pointer_count; k++)
            follow(walk, at + offsets[k], (struct pypy_edge){0, i, offsets[k], true});
    }
}

static void visit_frame_slots(const struct edge_walk *walk, const struct pypy_type *type,
                              uint64_t address)
{
    struct memory_view *view = walk->pypy->view;
    uint64_t map = memory_view_word_or_0(view, address + FRAME_MAP);
    uint64_t words = memory_view_word_or_0(view, map);
    uint64_t slots = memory_view_word_or_0(view, address + type->count_offset);
    for (uint64_t i = 0; map != 0 && words <= FRAME_MAP_WORDS_MOST && i < words; i++) {
        uint64_t bits = memory_view_word_or_0(view, map + 8 + 8 * i);
        for (uint64_t slot = 64 * i; bits != 0 && slot < slots; slot++, bits >>= 1)
            if (bits & 1)
                follow(walk, address + type->items_offset + 8 * slot,
                       (struct pypy_edge){0, slot, 0, true});
    }
}

static void visit_words(const struct edge_walk *walk, uint64_t start, uint64_t count)
{
    for (uint64_t i = 0; pypy_is_pointer(start) && i < count && i < WORDS_MOST; i++)
        follow(walk, start + 8 * i, (struct pypy_edge){0, i, 0, true});
}

static void visit_traced(const struct edge_walk *walk, const struct pypy_type *type,
                         uint64_t address)
{
    uint64_t first = memory_view_word_or_0(walk->pypy->view, address + 8);
    uint64_t second = memory_view_word_or_0(walk->pypy->view, address + 16);
    if (strcmp(type->name, "JITFRAME") == 0)
        visit_frame_slots(walk, type, address);
    else if (strcmp(type->name, "GCREFTRACER") == 0)
        visit_words(walk, first, second);
    else if (strcmp(type->name, "ShadowStackRef") == 0 && second > first)
        visit_words(walk, first, (second - first) / 8);
}

void pypy_edges_visit(const struct pypy *pypy, uint32_t type, uint64_t address,
                      pypy_visit_edge visit, void *context)
{
    const struct pypy_type *of = &pypy->types.items[type];
    const struct edge_walk walk = {pypy, visit, context};
    for (uint32_t i = 0; i < of->pointer_count; i++) {
        uint32_t offset = pypy->types.offsets[of->pointers + i];
        follow(&walk, address + offset, (struct pypy_edge){0, 0, offset, false});
    }
    if (of->flags & PYPY_TYPE_HAS_OWN_TRACE)
        visit_traced(&walk, of, address);
    else if (of->item_pointer_count > 0)
        visit_items(&walk, of, address);
}
