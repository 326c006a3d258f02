/* A JitCell remembers a place in a program that is worth compiling: the code object, and the
 * instruction. Once that is done it refers, weakly, to the loop's token, from which follows where
 * the loop's code and that of its bridges lies, as pairs of addresses. */
#include "runtimes/pypy/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "runtimes/pypy/frames.h"

enum {
    PIECES_MOST = 1 << 16,
    PIECE_BYTES_MOST = 64 << 20,
    FUNCTIONS_MOST = 1 << 16
};

struct function {
    uint64_t code; /* PyCode */
    uint64_t loops, bytes;
};

struct code_search {
    const struct pypy *pypy;
    uint32_t code_type, token_type;
    struct function *items;
    size_t count, capacity;
    struct hash_map index;  /* address of a PyCode to position */
    struct hash_map tokens; /* those that were counted */
    uint64_t bytes;
};

/* The two addresses of each piece, which a list holds as tuples. */
static uint64_t sum_pieces(const struct pypy *pypy, uint64_t list)
{
    enum {
        LIST_LENGTH = 8,
        LIST_ITEMS = 16,
        ARRAY_ITEMS = 16,
        TUPLE_START = 8,
        TUPLE_END = 16
    };
    struct memory_view *view = pypy->view;
    uint64_t bytes = 0, items = list == 0 ? 0 : memory_view_word_or_0(view, list + LIST_ITEMS);
    uint64_t count = list == 0 ? 0 : memory_view_word_or_0(view, list + LIST_LENGTH);
    for (uint64_t i = 0; items != 0 && count <= PIECES_MOST && i < count; i++) {
        uint64_t tuple = memory_view_word_or_0(view, items + ARRAY_ITEMS + 8 * i);
        uint64_t start = tuple == 0 ? 0 : memory_view_word_or_0(view, tuple + TUPLE_START);
        uint64_t end = tuple == 0 ? 0 : memory_view_word_or_0(view, tuple + TUPLE_END);
        if (start < end && end - start <= PIECE_BYTES_MOST)
            bytes += end - start;
    }
    return bytes;
}

static struct function *find_function(struct code_search *search, uint64_t code)
{
    bool is_new;
    uint64_t *place = hash_map_put(&search->index, code, &is_new);
    if (is_new) {
        search->items = memory_grow(search->items, &search->capacity, search->count + 1,
                                    sizeof *search->items);
        *place = search->count;
        search->items[search->count++] = (struct function){code, 0, 0};
    }
    return &search->items[*place];
}

struct cell {
    const struct code_search *search;
    uint64_t code, token;
};

static void look_at_field(void *context, const struct pypy_edge *edge)
{
    struct cell *cell = context;
    const struct pypy *pypy = cell->search->pypy;
    uint32_t type = pypy_type_at(pypy, edge->target);
    if (type == PYPY_NO_TYPE)
        return;
    if (pypy_types_is_a(&pypy->types, type, cell->search->code_type))
        cell->code = edge->target;
    else if (pypy->types.items[type].flags & PYPY_TYPE_IS_WEAK_REFERENCE)
        cell->token = memory_view_word_or_0(pypy->view, edge->target + 8);
}

static void take_cell(struct code_search *search, uint32_t type, uint64_t address)
{
    const struct pypy *pypy = search->pypy;
    struct cell cell = {.search = search};
    bool is_new;
    pypy_edges_visit(pypy, type, address, look_at_field, &cell);
    if (cell.code == 0 || search->count >= FUNCTIONS_MOST ||
        !pypy_types_is_a(&pypy->types, pypy_type_at(pypy, cell.token), search->token_type))
        return;
    hash_map_put(&search->tokens, cell.token, &is_new);
    if (!is_new)
        return;
    uint64_t compiled = pypy_follow(pypy, cell.token, "inst_compiled_loop_token");
    uint64_t bytes = sum_pieces(pypy, pypy_follow(pypy, compiled, "inst_asmmemmgr_blocks"));
    struct function *function = find_function(search, cell.code);
    function->loops++;
    function->bytes += bytes;
    search->bytes += bytes;
}

/* Functions that were made from the same text, again and again, are one. */
static void tell(const struct code_search *search, struct python_heap *heap)
{
    struct hash_map by_text = {0}; /* to position among the texts */
    for (size_t i = 0; i < search->count; i++) {
        const struct function *function = &search->items[i];
        char where[700];
        bool is_new;
        if (!pypy_code_tell(search->pypy, function->code, -1, where, sizeof where))
            continue;
        uint64_t *place = hash_map_put(&by_text, hash_bytes(where, strlen(where), 0), &is_new);
        if (is_new) {
            *place = heap->text_count;
            python_heap_add_text(heap,
                                 &(struct python_text){PYTHON_TEXT_CODE, (char *)"", where, 0, 0});
        }
        heap->texts[*place].count += function->loops;
        heap->texts[*place].bytes += function->bytes;
    }
    hash_map_clear(&by_text);
}

void pypy_code_find(const struct pypy_objects *objects, struct python_heap *heap)
{
    const struct pypy *pypy = objects->pypy;
    const struct pypy_types *types = &pypy->types;
    struct code_search search = {
        .pypy = pypy,
        .code_type = pypy_types_find_text(types, "pypy.interpreter.pycode.PyCode "),
        .token_type = pypy_types_find_text(types, "rpython.jit.metainterp.history.JitCellToken "),
    };
    for (size_t i = 0; i < objects->count; i++)
        if (strcmp(types->items[objects->types[i]].name, "JitCell") == 0)
            take_cell(&search, objects->types[i], objects->addresses[i]);
    tell(&search, heap);
    heap->figures.code_used_bytes = search.bytes;
    free(search.items);
    hash_map_clear(&search.index);
    hash_map_clear(&search.tokens);
}
