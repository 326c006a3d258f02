/* A flame graph as one SVG, for browsers: a row a level, each box as wide as its value. A click or
 * Enter zooms, '/' searches; nothing is loaded from anywhere. Without scripts (in an <img>) it is a
 * picture whose tooltips still tell the figures. */
#ifndef SEEP_REPORT_FLAME_SVG_H
#define SEEP_REPORT_FLAME_SVG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FLAME_SVG_NONE UINT32_MAX

/* Narrower than that share of the whole nothing can be seen. */
#define FLAME_SVG_LEAST_SHARE 0.0005

/* A node comes behind its parent; the first is the whole. */
struct flame_svg_node {
    uint32_t first_child, next_sibling; /* FLAME_SVG_NONE = none */
    uint32_t depth;
    uint64_t value;
};

struct flame_svg {
    const char *title;
    const char *what; /* the figure, in words */
    bool is_bytes;
    const struct flame_svg_node *nodes;
    uint32_t count;
    const void *context; /* of these */
    /* Foreign, borrowed until the next call. */
    const char *(*name)(const void *context, uint32_t node);
    /* What the tooltip tells before the figure, escaped. */
    void (*write_title)(const void *context, uint32_t node, FILE *out);
    /* Of what gives it its hue: a module, a kind; borrowed until the next call. */
    const char *(*family)(const void *context, uint32_t node);
};

void flame_svg_write(const struct flame_svg *flame, FILE *out);

#endif
