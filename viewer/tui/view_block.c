/* One block, or root, of the object graph: how it is reached from a root, who refers to it by which
 * slot, what it refers to, its members and its words. Enter goes on to the other end, and back
 * leads the same way back. All of it is graph/graph_block.h. */
#include "tui/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "graph/graph_block.h"
#include "graph/graph_names.h"

enum {
    COLUMN_SLOT,
    COLUMN_RETAINED,
    COLUMN_ITSELF,
    COLUMN_NAME,
    BLOCK_COLUMNS
};
enum {
    LEAST_SLOT_COLUMNS = 18,
    LABEL_COLUMNS = 14
};

enum block_row_kind {
    ROW_TYPE,
    ROW_SITE, /* opens the stack */
    ROW_HEADING,
    ROW_OMITTED,
    ROW_LINK,
    ROW_MEMBER,
    ROW_WORDS_HEADING,
    ROW_WORDS,
    ROW_SAME_WORDS
};

struct block_row {
    enum block_row_kind kind;
    const char *heading;
    uint64_t count;                    /* of a heading; of omitted steps; of words: their offset */
    const struct graph_link *link;     /* in `about` */
    const struct graph_member *member; /* the same */
};

/* Where the user came through. */
struct visited {
    uint32_t node;
    size_t selected, top;
};

struct block_view {
    const struct process_graph *graph; /* borrowed from the options */
    struct graph_block about;
    struct block_row *rows;
    size_t row_count, row_capacity;
    struct visited *visited;
    size_t visited_count, visited_capacity;
    struct table_column columns[BLOCK_COLUMNS];
};

static uint32_t block_of(const struct block_view *shown, uint32_t node)
{
    return object_graph_is_block(&shown->graph->graph, node)
               ? object_graph_block(&shown->graph->graph, node)
               : SNAPSHOT_NONE;
}

static bool block_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct block_view *shown = view->state;
    const struct tui_options *options = view->context->options;

    if (!options->get_graph)
        return error_set(error, "there is no graph of this recording");
    shown->graph = options->get_graph(options->graph_context, &view->context->progress, error);
    if (!shown->graph)
        return false;
    if (request->node == OBJECT_GRAPH_WHOLE || request->node >= shown->graph->graph.node_count)
        return error_set(error, "there is no such block: choose one on the graph's screen");
    shown->about.node = request->node;
    return true;
}

static void block_close(struct view *view)
{
    struct block_view *shown = view->state;

    graph_block_clear(&shown->about);
    free(shown->rows);
    free(shown->visited);
}

/* ---- rows ---- */

static void add_row(struct block_view *shown, const struct block_row *row)
{
    shown->rows = memory_grow(shown->rows, &shown->row_capacity, shown->row_count + 1,
                              sizeof *shown->rows);
    shown->rows[shown->row_count++] = *row;
}

static void add_links(struct block_view *shown, const char *heading, const struct graph_link *links,
                      size_t count)
{
    add_row(shown, &(struct block_row){.kind = ROW_HEADING, .heading = heading, .count = count});
    for (size_t i = 0; i < count; i++) {
        if (links[i].omitted > 0)
            add_row(shown, &(struct block_row){.kind = ROW_OMITTED, .count = links[i].omitted});
        add_row(shown, &(struct block_row){.kind = ROW_LINK, .link = &links[i]});
    }
}

static bool can_select(const void *context, size_t row)
{
    const struct view *view = context;
    const struct block_view *shown = view->state;
    const struct block_row *chosen = &shown->rows[row];

    return chosen->kind == ROW_LINK || chosen->kind == ROW_SITE || chosen->kind == ROW_MEMBER ||
           chosen->kind == ROW_WORDS;
}

static void set_columns(struct view *view, int slot_columns)
{
    struct block_view *shown = view->state;
    const struct table_column columns[BLOCK_COLUMNS] = {
        [COLUMN_SLOT] = {"Slot", slot_columns, false, false, 90, TABLE_NO_SORT},
        [COLUMN_RETAINED] = {"Retained", 11, false, true, 80, TABLE_NO_SORT},
        [COLUMN_ITSELF] = {"Itself", 11, false, true, 20, TABLE_NO_SORT},
        [COLUMN_NAME] = {"What", 16, true, false, 100, TABLE_NO_SORT},
    };

    memcpy(shown->columns, columns, sizeof columns);
    view->table.columns = shown->columns;
    view->table.column_count = BLOCK_COLUMNS;
}

static void block_fit(struct view *view, int rows, int columns)
{
    (void)rows;
    set_columns(view, columns / 4 > LEAST_SLOT_COLUMNS ? columns / 4 : LEAST_SLOT_COLUMNS);
}

static void add_members(struct block_view *shown)
{
    const struct graph_members *members = &shown->about.members;

    if (members->count == 0)
        return;
    add_row(shown, &(struct block_row){.kind = ROW_HEADING,
                                       .heading = "Members",
                                       .count = members->count + members->omitted});
    for (size_t i = 0; i < members->count; i++)
        add_row(shown, &(struct block_row){.kind = ROW_MEMBER, .member = &members->items[i]});
    if (members->omitted > 0)
        add_row(shown, &(struct block_row){.kind = ROW_OMITTED, .count = members->omitted});
}

static void add_words(struct block_view *shown)
{
    add_row(shown, &(struct block_row){.kind = ROW_WORDS_HEADING});
    for (size_t i = 0, next; i < shown->about.count; i = next) {
        next = graph_block_next_row(&shown->about, i);
        add_row(shown, &(struct block_row){.kind = ROW_WORDS, .count = i});
        if (next > i + GRAPH_BLOCK_ROW_BYTES)
            add_row(shown, &(struct block_row){.kind = ROW_SAME_WORDS});
    }
}

/* Selected is what the user came for: the first that holds it. */
static void show_node(struct view *view, uint32_t node)
{
    struct block_view *shown = view->state;
    const struct graph_links *links = &shown->about.links;

    graph_block_clear(&shown->about);
    shown->row_count = 0;
    graph_block_find(shown->graph, node, &shown->about);
    if (shown->about.block != SNAPSHOT_NONE) {
        add_row(shown, &(struct block_row){.kind = ROW_TYPE});
        add_row(shown, &(struct block_row){.kind = ROW_SITE});
        add_links(shown, "Way from a root", links->way, links->way_count);
        add_links(shown, "Who refers to it", links->retainers, links->retainer_count);
    }
    view->table.selected = shown->row_count > 0 ? shown->row_count - links->retainer_count : 1;
    add_links(shown, "What it refers to", links->referents, links->referent_count);
    if (shown->about.block != SNAPSHOT_NONE) {
        add_members(shown);
        add_words(shown);
    }
    view->table.row_count = shown->row_count;
    view->table.can_select = can_select;
    view->table.context = view;
    view->table.top = 0;
    set_columns(view, LEAST_SLOT_COLUMNS);
    table_move_to(&view->table, view->table.selected);
}

static bool block_load(struct view *view, struct error *error)
{
    struct block_view *shown = view->state;

    (void)error;
    if (shown->row_count == 0) /* it does not depend on what is asked */
        show_node(view, shown->about.node);
    return true;
}

/* ---- words ---- */

static void block_describe(const struct view *view, struct text *out)
{
    const struct block_view *shown = view->state;
    const struct process_graph *graph = shown->graph;
    uint32_t block = shown->about.block;
    char bytes[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];

    graph_names_add_node(graph, shown->about.node, out);
    if (block != SNAPSHOT_NONE)
        text_print(out, ", %s", units_format_size(graph->snapshot->blocks[block].bytes, bytes));
    text_print(out, ": retains %s in %s block%s",
               units_format_size(graph->graph.retained_bytes[shown->about.node], bytes),
               units_format_count(graph->graph.retained_blocks[shown->about.node], blocks),
               graph->graph.retained_blocks[shown->about.node] == 1 ? "" : "s");
}

/* "+24 db[0].dict". */
static void add_place(const struct graph_member *member, struct text *out)
{
    text_print(out, "+%" PRIu64 " %s", member->offset, member->path);
}

static void add_row_text(const struct block_view *shown, const struct block_row *row,
                         struct text *out)
{
    char number[UNITS_TEXT_BYTES];

    switch (row->kind) {
    case ROW_TYPE:
        graph_names_add_type(shown->graph, shown->about.block, out);
        return;
    case ROW_SITE:
        graph_names_add_site(shown->graph, shown->about.block, out);
        return;
    case ROW_HEADING:
        text_print(out, "%s: %s", row->heading,
                   row->count ? units_format_count(row->count, number) : "none");
        return;
    case ROW_OMITTED:
        text_print(out, "... %s more", units_format_count(row->count, number));
        return;
    case ROW_LINK:
        graph_link_add_slot(shown->graph, row->link, out);
        text_add(out, " ");
        graph_names_add_link(shown->graph, shown->about.node, row->link, out);
        return;
    case ROW_MEMBER:
        add_place(row->member, out);
        text_add(out, " ");
        graph_names_add_value(shown->graph, shown->about.block, row->member, out);
        return;
    case ROW_WORDS_HEADING:
        text_add(out, "Words: ");
        graph_block_describe_words(shown->graph, &shown->about, out);
        return;
    case ROW_WORDS:
        graph_block_add_row(&shown->about, row->count, out);
        return;
    case ROW_SAME_WORDS:
        text_add(out, "*");
    }
}

static void block_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct block_view *shown = view->state;

    add_row_text(shown, &shown->rows[row], out);
}

/* ---- drawing ---- */

static void draw_label(struct screen *screen, struct area area, const char *label, const char *text)
{
    screen_put(screen, area.row, area.column + 1, LABEL_COLUMNS, STYLE_FAINT, label);
    screen_put_cut(screen, area.row, area.column + LABEL_COLUMNS, area.columns - LABEL_COLUMNS,
                   STYLE_TEXT, text);
}

static void draw_link(const struct view *view, struct screen *screen, int row,
                      const struct graph_link *link)
{
    const struct block_view *shown = view->state;
    struct table_place slot = table_place(&view->table, COLUMN_SLOT);
    struct table_place retained = table_place(&view->table, COLUMN_RETAINED);
    struct table_place itself = table_place(&view->table, COLUMN_ITSELF);
    struct table_place name = table_place(&view->table, COLUMN_NAME);
    uint32_t block = block_of(shown, link->node);
    struct text text = {0};
    char number[UNITS_TEXT_BYTES];

    graph_link_add_slot(shown->graph, link, &text);
    screen_put_cut(screen, row, slot.column, slot.columns, STYLE_PLACE, text_get(&text));
    text_clear(&text);
    screen_put_right(screen, row, retained.column, retained.columns, STYLE_STRONG,
                     units_format_size(shown->graph->graph.retained_bytes[link->node], number));
    if (block != SNAPSHOT_NONE)
        screen_put_right(screen, row, itself.column, itself.columns, STYLE_TEXT,
                         units_format_size(shown->graph->snapshot->blocks[block].bytes, number));
    graph_names_add_link(shown->graph, shown->about.node, link, &text);
    screen_put_cut(screen, row, name.column, name.columns,
                   !link->is_keeping        ? STYLE_FAINT
                   : block == SNAPSHOT_NONE ? STYLE_STRONG
                                            : STYLE_FUNCTION,
                   text_get(&text));
    text_clear(&text);
}

static void draw_member(const struct view *view, struct screen *screen, int row,
                        const struct graph_member *member)
{
    const struct block_view *shown = view->state;
    struct table_place slot = table_place(&view->table, COLUMN_SLOT);
    struct table_place name = table_place(&view->table, COLUMN_NAME);
    int start = slot.column + slot.columns + 1;
    struct text text = {0};

    add_place(member, &text);
    screen_put_cut(screen, row, slot.column, slot.columns, STYLE_PLACE, text_get(&text));
    text_clear(&text);
    graph_names_add_value(shown->graph, shown->about.block, member, &text);
    screen_put_cut(screen, row, start, name.column + name.columns - start,
                   member->block != SNAPSHOT_NONE ? STYLE_FUNCTION : STYLE_TEXT, text_get(&text));
    text_clear(&text);
}

static void block_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t number)
{
    const struct block_view *shown = view->state;
    const struct block_row *row = &shown->rows[number];
    struct text text = {0};

    if (row->kind == ROW_LINK) {
        draw_link(view, screen, area.row, row->link);
        return;
    }
    if (row->kind == ROW_MEMBER) {
        draw_member(view, screen, area.row, row->member);
        return;
    }
    add_row_text(shown, row, &text);
    if (row->kind == ROW_TYPE)
        draw_label(screen, area, "Type", text_get(&text));
    else if (row->kind == ROW_SITE)
        draw_label(screen, area, "Allocated by", text_get(&text));
    else
        screen_put_cut(screen, area.row, area.column + 1, area.columns - 1,
                       row->kind == ROW_HEADING || row->kind == ROW_WORDS_HEADING ? STYLE_STRONG
                       : row->kind == ROW_WORDS                                   ? STYLE_TEXT
                                                                                  : STYLE_FAINT,
                       text_get(&text));
    text_clear(&text);
}

/* ---- going on and back ---- */

static void go_on(struct view *view, const struct block_row *row, struct reaction *reaction)
{
    struct block_view *shown = view->state;

    if (row->kind == ROW_SITE) {
        reaction->request.site = shown->graph->site_of_block[shown->about.block];
        reaction->opened = &view_stack;
        return;
    }
    uint32_t node = row->kind == ROW_LINK ? row->link->node
                    : row->kind == ROW_MEMBER && row->member->block != SNAPSHOT_NONE
                        ? object_graph_node(&shown->graph->graph, row->member->block)
                        : shown->about.node;
    if (node == shown->about.node)
        return;
    shown->visited = memory_grow(shown->visited, &shown->visited_capacity, shown->visited_count + 1,
                                 sizeof *shown->visited);
    shown->visited[shown->visited_count++] = (struct visited){
        shown->about.node, view->table.selected, view->table.top};
    show_node(view, node);
}

static bool block_act(struct view *view, enum action action, struct reaction *reaction)
{
    struct block_view *shown = view->state;

    if (action == ACTION_OPEN && shown->row_count > 0) {
        go_on(view, &shown->rows[view->table.selected], reaction);
        return true;
    }
    if (action == ACTION_BACK && shown->visited_count > 0) {
        struct visited before = shown->visited[--shown->visited_count];

        show_node(view, before.node);
        view->table.selected = before.selected;
        view->table.top = before.top;
        return true;
    }
    return false;
}

const struct view_ops view_block = {
    .name = "block",
    .title = "Block",
    .is_of_snapshot = true,
    .scopes = SCOPE_OPENS,
    .state_bytes = sizeof(struct block_view),
    .open = block_open,
    .close = block_close,
    .load = block_load,
    .fit = block_fit,
    .describe = block_describe,
    .draw_row = block_draw_row,
    .row_text = block_row_text,
    .act = block_act,
};
