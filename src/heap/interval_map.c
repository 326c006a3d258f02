#include "heap/interval_map.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

struct interval_node {
    struct interval interval;
    uint32_t priority;
    uint32_t left;
    uint32_t right;
};

void interval_map_clear(struct interval_map *map)
{
    free(map->nodes);
    *map = (struct interval_map){0};
}

static uint32_t new_node(struct interval_map *map, uint64_t start, uint64_t end, uint32_t value)
{
    uint32_t node = map->free_node;
    if (node != 0) {
        map->free_node = map->nodes[node].left;
    } else {
        if (map->node_count == 0)
            map->node_count = 1;
        map->nodes = memory_grow(map->nodes, &map->node_capacity, map->node_count + 1,
                                 sizeof *map->nodes);
        node = (uint32_t)map->node_count++;
    }
    map->random++;
    map->nodes[node] = (struct interval_node){
        .interval = {.start = start, .end = end, .value = value},
        .priority = (uint32_t)hash_mix(map->random),
    };
    map->count++;
    return node;
}

static void free_node(struct interval_map *map, uint32_t node)
{
    map->nodes[node].left = map->free_node;
    map->free_node = node;
    map->count--;
}

/* Divides a tree into starts below `start` and the rest. */
static void split(struct interval_map *map, uint32_t tree, uint64_t start, uint32_t *below,
                  uint32_t *rest)
{
    while (tree != 0) {
        struct interval_node *node = &map->nodes[tree];
        if (node->interval.start < start) {
            *below = tree;
            below = &node->right;
        } else {
            *rest = tree;
            rest = &node->left;
        }
        tree = node->interval.start < start ? node->right : node->left;
    }
    *below = 0;
    *rest = 0;
}

/* All of `below` lies below all of `rest`. */
static uint32_t merge(struct interval_map *map, uint32_t below, uint32_t rest)
{
    uint32_t merged = 0;
    uint32_t *place = &merged;
    while (below != 0 && rest != 0) {
        bool is_below = map->nodes[below].priority >= map->nodes[rest].priority;
        uint32_t top = is_below ? below : rest;
        *place = top;
        place = is_below ? &map->nodes[top].right : &map->nodes[top].left;
        *(is_below ? &below : &rest) = *place;
    }
    *place = below != 0 ? below : rest;
    return merged;
}

static struct interval_node *last_of(struct interval_map *map, uint32_t tree)
{
    if (tree == 0)
        return NULL;
    while (map->nodes[tree].right != 0)
        tree = map->nodes[tree].right;
    return &map->nodes[tree];
}

void interval_map_add(struct interval_map *map, uint64_t start, uint64_t end, uint32_t value)
{
    uint32_t node = new_node(map, start, end, value);
    uint32_t below, rest;
    split(map, map->root, start, &below, &rest);
    map->root = merge(map, merge(map, below, node), rest);
}

/* In order; the last part may end beyond `end`. The tree's depth is logarithmic, so recursion is.
 */
static void remove_tree(struct interval_map *map, uint32_t tree, uint64_t end,
                        interval_removed removed, void *context)
{
    if (tree == 0)
        return;
    remove_tree(map, map->nodes[tree].left, end, removed, context);
    uint32_t right = map->nodes[tree].right;
    struct interval part = map->nodes[tree].interval;
    bool is_whole = part.end <= end;
    if (!is_whole)
        part.end = end;
    free_node(map, tree);
    removed(context, &part, is_whole, false);
    remove_tree(map, right, end, removed, context);
}

void interval_map_carve(struct interval_map *map, uint64_t start, uint64_t end,
                        interval_removed removed, void *context)
{
    if (start >= end)
        return;
    uint32_t below, inside, above;
    split(map, map->root, start, &below, &inside);
    split(map, inside, end, &inside, &above);
    struct interval tail = {0}; /* what is left behind `end` of a range that began before it */

    struct interval_node *before = last_of(map, below);
    if (before && before->interval.end > start) {
        struct interval part = {.start = start, .value = before->interval.value};
        part.end = before->interval.end < end ? before->interval.end : end;
        if (before->interval.end > end)
            tail = (struct interval){end, before->interval.end, part.value};
        before->interval.end = start;
        removed(context, &part, false, tail.end != 0);
    }
    struct interval_node *last = last_of(map, inside);
    if (last && last->interval.end > end)
        tail = (struct interval){end, last->interval.end, last->interval.value};
    remove_tree(map, inside, end, removed, context);
    if (tail.end != 0)
        above = merge(map, new_node(map, tail.start, tail.end, tail.value), above);
    map->root = merge(map, below, above);
}

const struct interval *interval_map_find(const struct interval_map *map, uint64_t address)
{
    uint32_t node = map->root;
    while (node != 0) {
        const struct interval *interval = &map->nodes[node].interval;
        if (address >= interval->start && address < interval->end)
            return interval;
        node = address < interval->start ? map->nodes[node].left : map->nodes[node].right;
    }
    return NULL;
}

/* The depth is logarithmic. */
static void visit_below(const struct interval_map *map, uint32_t node, interval_visit visit,
                        void *context)
{
    if (node == 0)
        return;
    visit_below(map, map->nodes[node].left, visit, context);
    visit(context, &map->nodes[node].interval);
    visit_below(map, map->nodes[node].right, visit, context);
}

void interval_map_visit(const struct interval_map *map, interval_visit visit, void *context)
{
    visit_below(map, map->root, visit, context);
}

uint64_t interval_map_own_bytes(const struct interval_map *map)
{
    return map->node_capacity * sizeof *map->nodes;
}
