#include "graph/graph_block.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "snapshot/block_contents.h"

static void find_words(const struct process_graph *graph, struct graph_block *found)
{
    if (graph->snapshot->content_limit == 0 || !graph->reader)
        return;
    block_contents_find(graph->reader, graph->snapshot->number, found->block, &found->bytes,
                        &found->count, &found->trouble);
    if (found->count > graph->snapshot->blocks[found->block].bytes)
        found->count = (size_t)graph->snapshot->blocks[found->block].bytes;
}

void graph_block_find(const struct process_graph *graph, uint32_t node, struct graph_block *found)
{
    *found = (struct graph_block){.node = node, .block = SNAPSHOT_NONE};
    graph_links_find(graph, node, &found->links);
    if (!object_graph_is_block(&graph->graph, node))
        return;
    found->block = object_graph_block(&graph->graph, node);
    find_words(graph, found);
    graph_members_find(graph, found->block, found->bytes, found->count, &found->members);
}

void graph_block_clear(struct graph_block *found)
{
    graph_links_clear(&found->links);
    graph_members_clear(&found->members);
    free(found->bytes);
    *found = (struct graph_block){0};
}

void graph_block_describe_words(const struct process_graph *graph, const struct graph_block *found,
                                struct text *out)
{
    char kept[UNITS_TEXT_BYTES], all[UNITS_TEXT_BYTES];
    uint64_t bytes = graph->snapshot->blocks[found->block].bytes;

    if (found->trouble.message[0])
        text_add(out, found->trouble.message);
    else if (graph->snapshot->content_limit == 0)
        text_add(out, "not kept (seep run --contents keeps them)");
    else if (found->count == 0)
        text_add(out, bytes == 0 ? "it has none" : "they could not be read");
    else if (found->count == bytes)
        text_print(out, "%s bytes", units_format_count(bytes, all));
    else
        text_print(out, "the first %s of %s bytes", units_format_count(found->count, kept),
                   units_format_count(bytes, all));
}

void graph_block_add_row(const struct graph_block *found, size_t offset, struct text *out)
{
    text_print(out, "%04zx ", offset);
    for (size_t i = 0; i < GRAPH_BLOCK_ROW_BYTES; i++) {
        if (i % 8 == 0)
            text_add(out, " ");
        if (offset + i < found->count)
            text_print(out, "%02x ", found->bytes[offset + i]);
        else
            text_add(out, "   ");
    }
    text_add(out, " ");
    for (size_t i = offset; i < found->count && i < offset + GRAPH_BLOCK_ROW_BYTES; i++)
        text_print(out, "%c",
                   found->bytes[i] >= ' ' && found->bytes[i] < 0x7f ? found->bytes[i] : '.');
}

size_t graph_block_next_row(const struct graph_block *found, size_t offset)
{
    size_t next = offset + GRAPH_BLOCK_ROW_BYTES;

    while (next + GRAPH_BLOCK_ROW_BYTES < found->count &&
           memcmp(found->bytes + next, found->bytes + offset, GRAPH_BLOCK_ROW_BYTES) == 0)
        next += GRAPH_BLOCK_ROW_BYTES;
    return next;
}
