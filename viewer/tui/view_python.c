/* The heaps that Python interpreters keep within their processes, as branches: arenas and what pins
 * them, sizes of blocks, types, garbage with its cycles step by step, free lists. What an
 * interpreter has none of is left out. All figures are of analysis/python_heaps.h. */
#include <stdlib.h>
#include <string.h>

#include "analysis/python_heaps.h"
#include "base/memory.h"
#include "base/units.h"
#include "tui/tree_rows.h"
#include "tui/view.h"

enum {
    COLUMN_BYTES,
    COLUMN_COUNT,
    COLUMN_RETAINED,
    COLUMN_NAME,
    PYTHON_COLUMNS
};

static const struct table_column all_columns[PYTHON_COLUMNS] = {
    [COLUMN_BYTES] = {"Bytes", 9, false, true, 90, TABLE_NO_SORT},
    [COLUMN_COUNT] = {"Count", 9, false, true, 80, TABLE_NO_SORT},
    [COLUMN_RETAINED] = {"Retained", 9, false, true, 20, TABLE_NO_SORT},
    [COLUMN_NAME] = {"What", 20, true, false, 100, TABLE_NO_SORT},
};

struct python_node {
    uint32_t parent, first_child, last_child, next_sibling, depth;
    uint64_t bytes, count, retained; /* PYTHON_NOT_KNOWN: nothing stands there */
    char *text;
    bool is_note; /* a sentence that explains */
};

struct python_view {
    struct python_node *nodes;
    size_t count, capacity;
    struct tree_rows rows;
    struct table_column columns[PYTHON_COLUMNS];
};

static const char *python_missing(const struct view_context *context)
{
    const struct python_heaps *heaps = context->options->pythons;

    return heaps && heaps->count ? NULL : "no Python: no snapshot has the heap of an interpreter";
}

/* ---- the tree ---- */

/* Takes the text over. */
static uint32_t add_node(struct python_view *shown, uint32_t parent, char *text)
{
    uint32_t number = (uint32_t)shown->count;

    shown->nodes = memory_grow(shown->nodes, &shown->capacity, shown->count + 1,
                               sizeof *shown->nodes);
    shown->nodes[shown->count++] = (struct python_node){.parent = parent,
                                                        .first_child = TREE_ROWS_NONE,
                                                        .last_child = TREE_ROWS_NONE,
                                                        .next_sibling = TREE_ROWS_NONE,
                                                        .bytes = PYTHON_NOT_KNOWN,
                                                        .count = PYTHON_NOT_KNOWN,
                                                        .retained = PYTHON_NOT_KNOWN,
                                                        .text = text};
    if (parent == TREE_ROWS_NONE)
        return number;
    struct python_node *above = &shown->nodes[parent];
    shown->nodes[number].depth = above->depth + 1;
    if (above->last_child == TREE_ROWS_NONE)
        above->first_child = number;
    else
        shown->nodes[above->last_child].next_sibling = number;
    above->last_child = number;
    return number;
}

static uint32_t add_figures(struct python_view *shown, uint32_t parent, const char *text,
                            uint64_t bytes, uint64_t count)
{
    uint32_t node = add_node(shown, parent, memory_duplicate_text(text));

    shown->nodes[node].bytes = bytes;
    shown->nodes[node].count = count;
    return node;
}

/* A row of figures that may not be known: then there is none. */
static void add_known(struct python_view *shown, uint32_t parent, const char *text, uint64_t bytes,
                      uint64_t count)
{
    if (bytes != PYTHON_NOT_KNOWN || count != PYTHON_NOT_KNOWN)
        add_figures(shown, parent, text, bytes, count);
}

static void add_note(struct python_view *shown, uint32_t parent, const char *text)
{
    uint32_t node = add_node(shown, parent, memory_duplicate_text(text));

    shown->nodes[node].is_note = true;
}

static void add_types(struct python_view *shown, uint32_t parent,
                      const struct python_type_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct python_type_row *row = &table->rows[i];
        uint32_t node = add_figures(shown, parent, row->name, row->bytes, row->count);

        shown->nodes[node].retained = row->retained_bytes;
    }
}

static void add_type_section(struct python_view *shown, uint32_t parent, const char *title,
                             const struct python_type_table *table)
{
    char number[UNITS_TEXT_BYTES];

    if (table->count)
        add_types(
            shown,
            add_node(shown, parent,
                     memory_print_text("%s: %s", title, units_format_count(table->count, number))),
            table);
}

/* "Node -> (other) Node": a row a step. */
static void add_steps(struct python_view *shown, uint32_t parent, const char *text)
{
    const char *arrow = strstr(text, " -> ");

    if (!arrow)
        return;
    while (text) {
        arrow = strstr(*text == ' ' ? text + 4 : text, " -> ");
        size_t length = arrow ? (size_t)(arrow - text) : strlen(text);
        const char *start = *text == ' ' ? text + 1 : text;
        add_node(shown, parent,
                 memory_print_text("%.*s", (int)(length - (size_t)(start - text)), start));
        text = arrow;
    }
}

static void add_texts(struct python_view *shown, uint32_t parent, const struct python_heap *heap,
                      enum python_text_kind kind)
{
    for (size_t i = 0; i < heap->text_count; i++) {
        const struct python_text *text = &heap->texts[i];
        uint32_t node;

        if (text->kind != kind)
            continue;
        node = add_node(shown, parent,
                        *text->subject && kind != PYTHON_TEXT_CYCLE
                            ? memory_print_text("%s: %s", text->subject, text->text)
                            : memory_duplicate_text(text->text));
        shown->nodes[node].count = text->count;
        if (text->bytes)
            shown->nodes[node].bytes = text->bytes;
        if (kind == PYTHON_TEXT_CYCLE)
            add_steps(shown, node, text->text);
    }
}

static void add_text_section(struct python_view *shown, uint32_t parent,
                             const struct python_heap *heap, enum python_text_kind kind,
                             const char *title)
{
    size_t count = 0;
    char number[UNITS_TEXT_BYTES];

    for (size_t i = 0; i < heap->text_count; i++)
        count += heap->texts[i].kind == kind;
    if (count)
        add_texts(shown,
                  add_node(shown, parent,
                           memory_print_text("%s: %s", title, units_format_count(count, number))),
                  heap, kind);
}

/* ---- sections ---- */

static void add_arenas(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->arenas == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Arenas", figures->arena_bytes, figures->arenas);
    add_known(shown, section, "live blocks", figures->live_bytes, figures->live_blocks);
    add_known(shown, section, "free pools", figures->free_pool_bytes, PYTHON_NOT_KNOWN);
    add_known(shown, section, "free between live blocks", figures->partly_free_bytes,
              PYTHON_NOT_KNOWN);
    add_known(shown, section, "heads of pools, and what is too short for a block",
              figures->overhead_bytes, PYTHON_NOT_KNOWN);
    add_known(shown, section, "pools with live blocks", PYTHON_NOT_KNOWN, figures->pools);
    if (figures->torn_pools && figures->torn_pools != PYTHON_NOT_KNOWN)
        add_known(shown, section, "pools that changed meanwhile: off by a block at most",
                  PYTHON_NOT_KNOWN, figures->torn_pools);
}

static void add_pinned(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    char number[UNITS_TEXT_BYTES];
    char *title;
    uint32_t section;

    if (figures->pinned_arenas == PYTHON_NOT_KNOWN || figures->pinned_arenas == 0)
        return;
    title = memory_print_text("Pinned arenas, of fewer than %s live blocks each",
                              units_format_count(python_pinned_limit(heap), number));
    section = add_figures(shown, parent, title, figures->pinned_bytes, figures->pinned_arenas);
    free(title);
    add_known(shown, section, "live in them, which keeps all of these bytes",
              figures->pinned_live_bytes, figures->pinned_blocks);
    add_types(shown, section, &heap->tables[PYTHON_PINNING_TYPES]);
    add_texts(shown, section, heap, PYTHON_TEXT_PINNING);
    add_note(shown, section, "An arena goes back to the system when nothing in it is live:");
    add_note(shown, section, "free these objects, or make what lives long before what does not.");
}

static void add_objects(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->objects == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Objects with their storage", figures->object_bytes,
                          figures->objects);
    add_known(shown, section, "storage in arenas, of objects", figures->storage_bytes,
              figures->storage_blocks);
    add_known(shown, section, "blocks of arenas that nothing tells", figures->unknown_bytes,
              figures->unknown_blocks);
    add_known(shown, section, "static, no heap", PYTHON_NOT_KNOWN, figures->static_objects);
    add_known(shown, section, "large, each in a block of its own", figures->large_bytes,
              figures->large_objects);
    add_known(shown, section, "old ones that nothing refers to", figures->unreached_bytes,
              figures->unreached_objects);
}

static void add_nursery(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->nursery_bytes == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Nursery", figures->nursery_bytes, PYTHON_NOT_KNOWN);
    add_known(shown, section, "used since the last minor collection; referred to",
              figures->nursery_used_bytes, figures->nursery_objects);
    add_texts(shown, section, heap, PYTHON_TEXT_NURSERY);
}

static void add_classes(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    char number[UNITS_TEXT_BYTES], pools[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];
    uint32_t section;

    if (heap->class_count == 0)
        return;
    section = add_node(
        shown, parent,
        memory_print_text("Sizes of blocks: %s", units_format_count(heap->class_count, number)));
    for (size_t i = 0; i < heap->class_count; i++) {
        const struct python_size_class *class = &heap->classes[i];
        char *text = memory_print_text(
            "blocks of %s, %s free, in %s pool%s", units_format_size(class->bytes, number),
            units_format_count(class->free_blocks, blocks), units_format_count(class->pools, pools),
            class->pools == 1 ? "" : "s");

        add_figures(shown, section, text, PYTHON_NOT_KNOWN, class->used_blocks);
        free(text);
    }
}

static void add_generations(struct python_view *shown, uint32_t parent,
                            const struct python_heap *heap)
{
    char count[UNITS_TEXT_BYTES], threshold[UNITS_TEXT_BYTES];

    for (size_t i = 0; i < heap->generation_count; i++)
        add_node(shown, parent,
                 memory_print_text("generation %zu: counted %s, collected beyond %s%s", i,
                                   units_format_count(heap->generations[i].count, count),
                                   units_format_count(heap->generations[i].threshold, threshold),
                                   heap->generations[0].threshold == 0 ? " (0: never)" : ""));
}

static void add_garbage(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->garbage_objects == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent,
                          figures->garbage_objects ? "Garbage, kept by cycles alone"
                                                   : "Garbage: nothing is kept by cycles alone",
                          figures->garbage_bytes, figures->garbage_objects);
    if (figures->garbage_objects == 0)
        return;
    if (figures->start_garbage_objects)
        add_known(shown, section, "of it, what every start of an interpreter leaves",
                  figures->start_garbage_bytes, figures->start_garbage_objects);
    add_types(shown, section, &heap->tables[PYTHON_GARBAGE_TYPES]);
    add_texts(shown, section, heap, PYTHON_TEXT_CYCLE);
    add_generations(shown, section, heap);
    add_note(shown, section,
             "gc.collect() frees it; weakref, or cutting a cycle, lets it go at"
             " once.");
}

static void add_code(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->code_bytes == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Code made while it ran", figures->code_bytes,
                          PYTHON_NOT_KNOWN);
    add_known(shown, section, "of loops that are known", figures->code_used_bytes,
              PYTHON_NOT_KNOWN);
    add_types(shown, section, &heap->tables[PYTHON_JIT_TYPES]);
    add_texts(shown, section, heap, PYTHON_TEXT_CODE);
}

static void add_heap(struct python_view *shown, uint32_t parent, const struct python_heap *heap)
{
    if (!heap->is_read) {
        add_node(shown, parent, memory_print_text("not read: %s", heap->refusal));
        return;
    }
    if (heap->note[0])
        add_note(shown, parent, heap->note);
    add_arenas(shown, parent, heap);
    add_nursery(shown, parent, heap);
    add_pinned(shown, parent, heap);
    add_objects(shown, parent, heap);
    add_garbage(shown, parent, heap);
    add_type_section(shown, parent, "Types", &heap->tables[PYTHON_LIVE_TYPES]);
    add_classes(shown, parent, heap);
    add_type_section(shown, parent, "Free lists, kept to be used again",
                     &heap->tables[PYTHON_FREE_TYPES]);
    add_type_section(shown, parent, "Old objects that nothing refers to",
                     &heap->tables[PYTHON_UNREACHED_TYPES]);
    add_text_section(shown, parent, heap, PYTHON_TEXT_PATH, "What holds objects");
    add_code(shown, parent, heap);
    add_text_section(shown, parent, heap, PYTHON_TEXT_STACK, "Threads and what they run");
}

/* ---- the view ---- */

static void clear_nodes(struct python_view *shown)
{
    for (size_t i = 0; i < shown->count; i++)
        free(shown->nodes[i].text);
    shown->count = 0;
}

static void python_close(struct view *view)
{
    struct python_view *shown = view->state;

    clear_nodes(shown);
    free(shown->nodes);
    tree_rows_clear(&shown->rows);
}

static struct tree_links links_of(const void *context, uint32_t number)
{
    const struct python_node *node = &((const struct python_view *)context)->nodes[number];

    return (struct tree_links){node->parent, node->first_child, node->next_sibling};
}

/* Short branches are open at first: those of arenas, of what pins them and of garbage. */
static bool is_open_at_first(const struct python_view *shown, uint32_t number)
{
    enum {
        MOST_ROWS = 12
    };
    size_t children = 0;

    for (uint32_t child = shown->nodes[number].first_child; child != TREE_ROWS_NONE;
         child = shown->nodes[child].next_sibling)
        children++;
    return shown->nodes[number].depth <= 1 ||
           (shown->nodes[number].depth == 2 && shown->nodes[number].bytes != PYTHON_NOT_KNOWN &&
            children <= MOST_ROWS);
}

/* What objects retain is not known in every recording. */
static void choose_columns(struct view *view)
{
    struct python_view *shown = view->state;
    bool is_known = false;

    for (size_t i = 0; i < shown->count; i++)
        is_known |= shown->nodes[i].retained != PYTHON_NOT_KNOWN;
    memcpy(shown->columns, all_columns, sizeof all_columns);
    if (!is_known)
        shown->columns[COLUMN_RETAINED] = shown->columns[COLUMN_NAME];
    view->table.columns = shown->columns;
    view->table.column_count = is_known ? PYTHON_COLUMNS : PYTHON_COLUMNS - 1;
}

static bool python_load(struct view *view, struct error *error)
{
    struct python_view *shown = view->state;
    const struct python_heaps *heaps = view->context->options->pythons;
    uint32_t process = view->context->question.process;

    (void)error;
    clear_nodes(shown);
    add_node(shown, TREE_ROWS_NONE, memory_duplicate_text(""));
    for (size_t i = 0; i < heaps->count; i++) {
        const struct process_python *python = &heaps->items[i];
        struct text title = {0};
        char when[UNITS_TEXT_BYTES];

        if (process != QUERY_ALL_PROCESSES && process != python->process)
            continue;
        view_print_process(view->context->profile, python->process, &title);
        text_print(&title, ": %s %s at snapshot:%llu, %s after the start",
                   python->heap.implementation, python->heap.version,
                   (unsigned long long)python->snapshot_id,
                   units_format_duration(python->time_ns, when));
        add_heap(shown, add_node(shown, 0, text_take(&title)), &python->heap);
    }
    tree_rows_set(&shown->rows, shown->count, links_of, shown);
    for (uint32_t i = 0; i < shown->count; i++)
        shown->rows.is_open[i] = is_open_at_first(shown, i);
    choose_columns(view);
    view->table.selected = view->table.top = 0;
    tree_rows_show(&shown->rows, &view->table);
    return true;
}

static void python_describe(const struct view *view, struct text *out)
{
    const struct python_heaps *heaps = view->context->options->pythons;

    text_print(out, "Heaps of Python: %zu interpreter%s", heaps->count,
               heaps->count == 1 ? "" : "s");
}

static void python_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct python_view *shown = view->state;

    text_add(out, shown->nodes[shown->rows.nodes[row]].text);
}

static void python_draw_row(const struct view *view, struct screen *screen, struct area area,
                            size_t row)
{
    const struct python_view *shown = view->state;
    uint32_t number = shown->rows.nodes[row];
    const struct python_node *node = &shown->nodes[number];
    struct table_place place = table_place(&view->table, view->table.column_count - 1);
    char text[UNITS_TEXT_BYTES];

    if (node->bytes != PYTHON_NOT_KNOWN)
        table_draw_cell(&view->table, screen, area.row, COLUMN_BYTES, STYLE_STRONG,
                        units_format_size(node->bytes, text));
    if (node->count != PYTHON_NOT_KNOWN)
        table_draw_cell(&view->table, screen, area.row, COLUMN_COUNT, STYLE_TEXT,
                        units_format_count(node->count, text));
    if (node->retained != PYTHON_NOT_KNOWN)
        table_draw_cell(&view->table, screen, area.row, COLUMN_RETAINED, STYLE_TEXT,
                        units_format_size(node->retained, text));
    bool has_figures = node->bytes != PYTHON_NOT_KNOWN || node->count != PYTHON_NOT_KNOWN;
    if (!has_figures && (node->is_note || node->depth == 1)) {
        /* Sentences take the room that figures leave. */
        place.columns += place.column - area.column - 1;
        place.column = area.column + 1;
    }
    place = tree_rows_draw(&shown->rows, screen, area.row, place, number, node->depth - 1);
    screen_put_cut(screen, area.row, place.column, place.columns,
                   node->is_note      ? STYLE_FAINT
                   : node->depth <= 2 ? STYLE_STRONG
                                      : STYLE_FUNCTION,
                   node->text);
}

static bool python_act(struct view *view, enum action action, struct reaction *reaction)
{
    struct python_view *shown = view->state;
    uint32_t node;

    (void)reaction;
    if (!shown->rows.count)
        return false;
    node = shown->rows.nodes[view->table.selected];
    if (action != ACTION_OPEN)
        return tree_rows_act(&shown->rows, &view->table, node, action);
    if (!tree_rows_is_leaf(&shown->rows, node))
        tree_rows_open(&shown->rows, &view->table, node, !shown->rows.is_open[node]);
    return true;
}

const struct view_ops view_python = {
    .name = "python",
    .title = "Python",
    .digit = '0',
    .is_of_snapshot = true,
    .scopes = SCOPE_FOLDS,
    .state_bytes = sizeof(struct python_view),
    .missing = python_missing,
    .close = python_close,
    .load = python_load,
    .describe = python_describe,
    .draw_row = python_draw_row,
    .row_text = python_row_text,
    .act = python_act,
};
