/* A flame graph as one SVG, for browsers: main above, what it calls below, as wide as the metric.
 * A click or Enter zooms, '/' searches; nothing is loaded from anywhere. Without scripts (in an
 * <img>) it is a picture whose tooltips still tell the figures. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/assets.h"
#include "report/export_parts.h"
#include "report/xml_text.h"

enum {
    LEFT = 10,
    WIDTH = 1180, /* of the outermost frame; flamegraph.js knows both */
    TOP = 62,
    ROW = 18,
    LETTERS_PER_100 = 725 /* width of a letter, in hundredths */
};

static const double LEAST_SHARE = 0.0005; /* narrower than that nothing can be seen */

struct writing {
    const struct profile *profile;
    const struct call_tree *tree;
    const struct query_metric_info *metric;
    FILE *out;
    double *starts; /* by node: where it begins, 0.0 .. 1.0 */
};

static uint64_t value_of(const struct writing *writing, const struct call_tree_node *node)
{
    return node->figures.values[writing->metric->metric];
}

static double share_of(const struct writing *writing, const struct call_tree_node *node)
{
    uint64_t total = value_of(writing, &writing->tree->nodes[0]);

    return total ? (double)value_of(writing, node) / (double)total : 0;
}

/* Children stand side by side, the largest first; what their parent held itself is the rest. */
static void place_nodes(struct writing *writing)
{
    const struct call_tree *tree = writing->tree;

    writing->starts = memory_allocate_zeroed(tree->node_count, sizeof(double));
    for (uint32_t i = 0; i < tree->node_count; i++) {
        double start = writing->starts[i];

        for (uint32_t j = tree->nodes[i].first_child; j != CALL_TREE_NONE;
             j = tree->nodes[j].next_sibling) {
            writing->starts[j] = start;
            start += share_of(writing, &tree->nodes[j]);
        }
    }
}

static const char *name_of(const struct writing *writing, const struct call_tree_node *node)
{
    return node == writing->tree->nodes ? "all"
                                        : writing->profile->locations[node->location].function;
}

/* One hue a module, one lightness a function, so that neighbours can be told apart; never the only
 * sign of anything. */
static void write_colour(const struct writing *writing, const struct call_tree_node *node)
{
    uint32_t module = writing->profile->frames[node->frame].module_plus_1;
    const char *library = module ? writing->profile->modules[module - 1].name : "";
    const char *function = name_of(writing, node);

    fprintf(writing->out, "fill=\"hsl(%u,60%%,%u%%)\"/>",
            (unsigned)(hash_bytes(library, strlen(library), 0) % 360),
            (unsigned)(72 + hash_bytes(function, strlen(function), 0) % 12));
}

static void write_figure(const struct writing *writing, uint64_t value)
{
    char bytes[UNITS_TEXT_BYTES];

    if (writing->metric->is_bytes)
        fprintf(writing->out, "%s (%" PRIu64 " bytes)", units_format_size(value, bytes), value);
    else
        fprintf(writing->out, "%" PRIu64, value);
}

static void write_title(const struct writing *writing, const struct call_tree_node *node)
{
    FILE *out = writing->out;

    fputs("<title>", out);
    xml_write_text(out, name_of(writing, node));
    if (node != writing->tree->nodes) {
        const struct profile_location *location = &writing->profile->locations[node->location];

        if (location->file) {
            fputs(" at ", out);
            xml_write_text(out, text_file_name(location->file));
            if (node->line)
                fprintf(out, ":%" PRIu32, node->line);
        }
        if (node->is_inlined)
            fputs(", inlined", out);
    }
    fputs(": ", out);
    write_figure(writing, value_of(writing, node));
    fprintf(out, ", %.2f %%</title>", 100 * share_of(writing, node));
}

static void write_label(FILE *out, const char *name, double width)
{
    int room = (int)((width - 6) * 100 / LETTERS_PER_100);
    char cut[512];

    if (room < 3)
        return;
    text_make_safe(name, cut, sizeof cut);
    if (text_columns(cut) > room) {
        char whole[sizeof cut];

        memcpy(whole, cut, sizeof whole);
        text_cut_middle(whole, room < 200 ? room : 200, cut, sizeof cut);
    }
    xml_write_text(out, cut);
}

static void write_node(const struct writing *writing, uint32_t position)
{
    const struct call_tree_node *node = &writing->tree->nodes[position];
    double start = writing->starts[position], share = share_of(writing, node);
    double x = LEFT + start * WIDTH;
    unsigned y = TOP + node->depth * ROW;
    FILE *out = writing->out;

    fprintf(out,
            "<g class=\"f\" tabindex=\"0\" data-x=\"%.6f\" data-w=\"%.6f\" data-d=\"%u\" data-n=\"",
            start, share, node->depth);
    xml_write_text(out, name_of(writing, node));
    fputs("\">", out);
    write_title(writing, node);
    fprintf(out, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" ", x, y, share * WIDTH,
            ROW - 1);
    if (position == 0)
        fputs("fill=\"#d0d7de\"/>", out);
    else
        write_colour(writing, node);
    fprintf(out, "<text x=\"%.2f\" y=\"%u\">", x + 3, y + ROW - 5);
    write_label(out, name_of(writing, node), share * WIDTH);
    fputs("</text></g>\n", out);
}

static void write_head(const struct writing *writing, const char *command, unsigned depth)
{
    FILE *out = writing->out;
    unsigned height = TOP + (depth + 1) * ROW + 12;

    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1200 %u\" width=\"1200\" "
            "height=\"%u\" role=\"img\">\n<style>\n%s</style>\n"
            "<rect id=\"back\" width=\"100%%\" height=\"100%%\"/>\n<text class=\"title\" x=\"%d\" "
            "y=\"22\">",
            height, height, asset_flamegraph_css, LEFT);
    write_label(out, command, WIDTH - 400);
    fprintf(out, "</text>\n<text class=\"note\" id=\"details\" x=\"%d\" y=\"46\">%s: ", LEFT,
            writing->metric->help);
    write_figure(writing, value_of(writing, &writing->tree->nodes[0]));
    fputs("</text>\n"
          "<text class=\"button hidden\" id=\"reset\" tabindex=\"0\" x=\"960\" "
          "y=\"22\">reset</text>\n"
          "<text class=\"button\" id=\"search\" tabindex=\"0\" x=\"1040\" y=\"22\">search "
          "(/)</text>\n"
          "<text class=\"note\" id=\"found\" x=\"1040\" y=\"46\"></text>\n",
          out);
}

static void write_graph(struct writing *writing, const char *command)
{
    const struct call_tree *tree = writing->tree;
    unsigned depth = 0;

    for (uint32_t i = 0; i < tree->node_count; i++)
        if (share_of(writing, &tree->nodes[i]) > 0 && tree->nodes[i].depth > depth)
            depth = tree->nodes[i].depth;
    place_nodes(writing);
    write_head(writing, command, depth);
    for (uint32_t i = 0; i < tree->node_count; i++)
        if (i == 0 || share_of(writing, &tree->nodes[i]) >= LEAST_SHARE)
            write_node(writing, i);
    fprintf(writing->out, "<script><![CDATA[\n%s]]></script>\n</svg>\n", asset_flamegraph_js);
    free(writing->starts);
}

bool export_write_flamegraph(const struct profile *profile, const struct export_options *options,
                             FILE *out, struct error *error)
{
    struct call_tree_options tree_options = {.direction = CALL_TREE_TOP_DOWN,
                                             .metric = options->metric,
                                             .process = options->process,
                                             .min_share = LEAST_SHARE,
                                             .filter = options->filter};
    struct call_tree tree;
    struct text command = {0};

    if (!call_tree_build(profile, &tree_options, &tree, error))
        return false;
    struct writing writing = {
        .profile = profile, .tree = &tree, .metric = query_metric_at(options->metric), .out = out};
    export_add_command(&command, profile, options);
    write_graph(&writing, text_get(&command));
    text_clear(&command);
    call_tree_clear(&tree);
    return true;
}
