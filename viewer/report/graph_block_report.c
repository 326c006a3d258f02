#include "config.h"

#include "report/graph_block_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "analysis/fingerprint.h"
#include "base/units.h"
#include "graph/graph_block.h"
#include "graph/graph_names.h"

enum {
    SLOT_COLUMNS = 28,
    TEXT_ROWS_PER_LIMIT = 4 /* members and words are short rows */
};

static bool is_within(uint64_t position, uint64_t limit)
{
    return limit == 0 || position < limit;
}

/* ---- for people ---- */

struct block_page {
    struct page *page;
    const struct process_graph *graph;
    const struct graph_block *about;
    uint64_t limit;
};

static void write_row(struct page *page, const char *slot, const char *what)
{
    struct text safe = {0};
    int columns;

    page_make_safe(&safe, slot);
    columns = text_columns(text_get(&safe));
    page_add(page, "  ");
    page_add_foreign(page, slot, page_left(page, 20));
    page_add(page, "%*s", columns < SLOT_COLUMNS ? SLOT_COLUMNS - columns + 2 : 2, "");
    page_add_foreign(page, what, page_left(page, 20));
    page_end_line(page);
    text_clear(&safe);
}

static void write_more(struct page *page, uint64_t count)
{
    char number[UNITS_TEXT_BYTES];

    page_add(page, "  ... %s more", units_format_count(count, number));
    page_end_line(page);
}

static void write_links(const struct block_page *writing, const char *heading,
                        const struct graph_link *links, size_t count, bool are_all)
{
    char number[UNITS_TEXT_BYTES];

    page_heading(writing->page, "%s: %s", heading,
                 count ? units_format_count(count, number) : "none");
    for (size_t i = 0; i < count; i++) {
        struct text slot = {0}, what = {0};

        if (!are_all && !is_within(i, writing->limit)) {
            write_more(writing->page, count - i);
            return;
        }
        if (links[i].omitted > 0)
            write_more(writing->page, links[i].omitted);
        graph_link_add_slot(writing->graph, &links[i], &slot);
        graph_names_add_link(writing->graph, writing->about->node, &links[i], &what);
        write_row(writing->page, text_get(&slot), text_get(&what));
        text_clear(&slot);
        text_clear(&what);
    }
}

static void write_member(const struct block_page *writing, const struct graph_member *member)
{
    struct text slot = {0}, what = {0};

    text_print(&slot, "+%" PRIu64 " %s", member->offset, member->path);
    graph_names_add_value(writing->graph, writing->about->block, member, &what);
    write_row(writing->page, text_get(&slot), text_get(&what));
    text_clear(&slot);
    text_clear(&what);
}

static void write_members(const struct block_page *writing)
{
    const struct graph_members *members = &writing->about->members;
    uint64_t all = members->count + members->omitted, shown = 0;
    char number[UNITS_TEXT_BYTES];

    if (all == 0)
        return;
    page_heading(writing->page, "Members: %s", units_format_count(all, number));
    while (shown < members->count && is_within(shown, writing->limit * TEXT_ROWS_PER_LIMIT))
        write_member(writing, &members->items[shown++]);
    if (shown < all)
        write_more(writing->page, all - shown);
}

static void write_words_line(struct page *page, const struct text *line)
{
    page_add(page, "  %s", text_get(line));
    page_end_line(page);
}

/* Equal rows as one, and a star. */
static void write_words(const struct block_page *writing)
{
    const struct graph_block *about = writing->about;
    struct text line = {0};
    uint64_t row = 0;

    graph_block_describe_words(writing->graph, about, &line);
    page_heading(writing->page, "Words: %s", text_get(&line));
    for (size_t at = 0, next; at < about->count; at = next, row++) {
        if (!is_within(row, writing->limit * TEXT_ROWS_PER_LIMIT)) {
            write_more(writing->page, about->count - at);
            break;
        }
        next = graph_block_next_row(about, at);
        line.count = 0;
        graph_block_add_row(about, at, &line);
        write_words_line(writing->page, &line);
        line.count = 0;
        text_add(&line, "*");
        if (next > at + GRAPH_BLOCK_ROW_BYTES)
            write_words_line(writing->page, &line);
    }
    text_clear(&line);
}

static void write_label(struct page *page, const char *label, const struct text *foreign)
{
    struct text safe = {0};

    page_make_safe(&safe, text_get(foreign));
    page_label(page, label, text_get(&safe));
    text_clear(&safe);
}

static void write_facts(const struct block_page *writing)
{
    const struct process_graph *graph = writing->graph;
    const struct snapshot_block *block = &graph->snapshot->blocks[writing->about->block];
    uint32_t node = writing->about->node;
    char bytes[UNITS_TEXT_BYTES], retained[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];
    struct text line = {0};

    page_heading(writing->page, "Block 0x%" PRIx64, block->address);
    text_print(&line, "%s; it retains %s in %s block%s", units_format_size(block->bytes, bytes),
               units_format_size(graph->graph.retained_bytes[node], retained),
               units_format_count(graph->graph.retained_blocks[node], blocks),
               units_plural(graph->graph.retained_blocks[node]));
    page_label(writing->page, "Size", text_get(&line));
    line.count = 0;
    graph_names_add_type(graph, writing->about->block, &line);
    write_label(writing->page, "Type", &line);
    line.count = 0;
    graph_names_add_site(graph, writing->about->block, &line);
    write_label(writing->page, "Born in", &line);
    text_clear(&line);
}

void graph_block_write_text(struct page *page, const struct process_graph *graph, uint32_t block,
                            uint64_t limit)
{
    struct graph_block about;
    const struct block_page writing = {page, graph, &about, limit};

    graph_block_find(graph, object_graph_node(&graph->graph, block), &about);
    write_facts(&writing);
    write_links(&writing, "Way from a root", about.links.way, about.links.way_count, true);
    write_links(&writing, "Who refers to it", about.links.retainers, about.links.retainer_count,
                false);
    write_links(&writing, "What it refers to", about.links.referents, about.links.referent_count,
                false);
    write_members(&writing);
    write_words(&writing);
    graph_block_clear(&about);
}

/* ---- as JSON ---- */

static json_t *make_address(const struct process_graph *graph, uint32_t block)
{
    char text[32];

    if (block == SNAPSHOT_NONE)
        return json_null();
    snprintf(text, sizeof text, "0x%" PRIx64, graph->snapshot->blocks[block].address);
    return json_string(text);
}

static json_t *make_text(struct text *text)
{
    json_t *value = text->count > 0 ? json_text(text_get(text)) : json_null();

    text_clear(text);
    return value;
}

static json_t *make_link(const struct process_graph *graph, uint32_t self,
                         const struct graph_link *link)
{
    json_t *object = json_object();
    struct text name = {0}, slot = {0};
    bool is_block = object_graph_is_block(&graph->graph, link->node);

    graph_names_add_node(graph, link->node, &name);
    graph_link_add_slot(graph, link, &slot);
    json_object_set_new(object, "name",
                        link->node == self ? json_string("this block") : make_text(&name));
    text_clear(&name);
    json_object_set_new(object, "address",
                        make_address(graph, is_block ? object_graph_block(&graph->graph, link->node)
                                                     : SNAPSHOT_NONE));
    json_object_set_new(object, "slot", make_text(&slot));
    json_object_set_new(object, "offset",
                        link->offset == GRAPH_LINK_NO_OFFSET ? json_null()
                                                             : json_number(link->offset));
    json_object_set_new(object, "keeps", json_boolean(link->is_keeping));
    json_object_set_new(object, "omitted_before", json_number(link->omitted));
    return object;
}

static void add_links(struct json_stream *stream, const char *key,
                      const struct process_graph *graph, uint32_t self,
                      const struct graph_link *links, size_t count, uint64_t limit)
{
    json_stream_begin_array(stream, key);
    for (size_t i = 0; i < count && is_within(i, limit); i++)
        json_stream_add(stream, NULL, make_link(graph, self, &links[i]));
    json_stream_end(stream);
}

static json_t *make_member(const struct process_graph *graph, const struct graph_member *member)
{
    json_t *object = json_object();
    const char *module = member->module != SNAPSHOT_NONE
                             ? graph->snapshot->modules[member->module].path
                             : NULL;

    json_object_set_new(object, "member", json_text(*member->path ? member->path : NULL));
    json_object_set_new(object, "type", json_text(member->type));
    json_object_set_new(object, "offset", json_number(member->offset));
    json_object_set_new(object, "bytes", json_number(member->bytes));
    json_object_set_new(object, "value", json_text(member->value));
    json_object_set_new(object, "block", make_address(graph, member->block));
    json_object_set_new(object, "block_offset",
                        member->block != SNAPSHOT_NONE ? json_number(member->block_offset)
                                                       : json_null());
    json_object_set_new(object, "module", json_text(module));
    return object;
}

static json_t *make_words(const struct graph_block *about)
{
    struct text words = {0};

    if (!about->bytes)
        return json_null();
    for (size_t i = 0; i < about->count; i++)
        text_print(&words, "%02x", about->bytes[i]);
    return make_text(&words);
}

static json_t *make_fingerprint(const struct process_graph *graph, uint32_t site)
{
    char fingerprint[FINGERPRINT_TEXT_BYTES];

    return site == GRAPH_NO_SITE ? json_null()
                                 : json_string(fingerprint_format(
                                       graph->profile->sites[site].fingerprint, fingerprint));
}

void graph_block_write_json(struct json_stream *stream, const struct process_graph *graph,
                            uint32_t block, uint64_t limit)
{
    struct graph_block about;
    uint32_t node;

    if (block == SNAPSHOT_NONE) {
        json_stream_add(stream, "block", NULL);
        return;
    }
    node = object_graph_node(&graph->graph, block);
    graph_block_find(graph, node, &about);
    json_stream_begin_object(stream, "block");
    json_stream_add(stream, "address", make_address(graph, block));
    json_stream_add_number(stream, "bytes", graph->snapshot->blocks[block].bytes);
    json_stream_add_number(stream, "retained_blocks", graph->graph.retained_blocks[node]);
    json_stream_add_number(stream, "retained_bytes", graph->graph.retained_bytes[node]);
    json_stream_add(stream, "type", json_text(process_graph_type_name(graph, block)));
    json_stream_add(stream, "fingerprint", make_fingerprint(graph, graph->site_of_block[block]));
    add_links(stream, "way", graph, node, about.links.way, about.links.way_count, 0);
    add_links(stream, "retainers", graph, node, about.links.retainers, about.links.retainer_count,
              limit);
    add_links(stream, "referents", graph, node, about.links.referents, about.links.referent_count,
              limit);
    json_stream_begin_array(stream, "members");
    for (size_t i = 0; i < about.members.count && is_within(i, limit); i++)
        json_stream_add(stream, NULL, make_member(graph, &about.members.items[i]));
    json_stream_end(stream);
    json_stream_add(stream, "words", make_words(&about));
    json_stream_end(stream);
    graph_block_clear(&about);
}
