#include "config.h"

#include "report/flame_svg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"
#include "report/assets.h"
#include "report/xml_text.h"

enum {
    LEFT = 10,
    WIDTH = 1180, /* of the outermost frame; flamegraph.js knows both */
    TOP = 62,
    ROW = 18,
    LETTERS_PER_100 = 725 /* width of a letter, in hundredths */
};

struct writing {
    const struct flame_svg *flame;
    FILE *out;
    double *starts; /* by node: where it begins, 0.0 .. 1.0 */
};

static double share_of(const struct writing *writing, uint32_t node)
{
    uint64_t total = writing->flame->nodes[0].value;

    return total ? (double)writing->flame->nodes[node].value / (double)total : 0;
}

/* Children stand side by side, the largest first; what their parent held itself is the rest. */
static void place_nodes(struct writing *writing)
{
    const struct flame_svg *flame = writing->flame;

    writing->starts = memory_allocate_zeroed(flame->count, sizeof(double));
    for (uint32_t i = 0; i < flame->count; i++) {
        double start = writing->starts[i];

        for (uint32_t j = flame->nodes[i].first_child; j != FLAME_SVG_NONE;
             j = flame->nodes[j].next_sibling) {
            writing->starts[j] = start;
            start += share_of(writing, j);
        }
    }
}

static const char *name_of(const struct writing *writing, uint32_t node)
{
    return node == 0 ? "all" : writing->flame->name(writing->flame->context, node);
}

/* One hue a family, one lightness a name, so that neighbours can be told apart; never the only sign
 * of anything. */
static void write_colour(const struct writing *writing, uint32_t node)
{
    const char *family = writing->flame->family(writing->flame->context, node);
    unsigned hue = (unsigned)(hash_bytes(family, strlen(family), 0) % 360);
    const char *name = name_of(writing, node);

    fprintf(writing->out, "fill=\"hsl(%u,60%%,%u%%)\"/>", hue,
            (unsigned)(72 + hash_bytes(name, strlen(name), 0) % 12));
}

static void write_figure(const struct writing *writing, uint64_t value)
{
    char bytes[UNITS_TEXT_BYTES];

    if (writing->flame->is_bytes)
        fprintf(writing->out, "%s (%" PRIu64 " bytes)", units_format_size(value, bytes), value);
    else
        fprintf(writing->out, "%" PRIu64, value);
}

static void write_title(const struct writing *writing, uint32_t node)
{
    FILE *out = writing->out;

    fputs("<title>", out);
    if (node == 0)
        fputs("all", out);
    else
        writing->flame->write_title(writing->flame->context, node, out);
    fputs(": ", out);
    write_figure(writing, writing->flame->nodes[node].value);
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

static void write_node(const struct writing *writing, uint32_t node)
{
    double start = writing->starts[node], share = share_of(writing, node);
    double x = LEFT + start * WIDTH;
    unsigned depth = writing->flame->nodes[node].depth, y = TOP + depth * ROW;
    FILE *out = writing->out;

    fprintf(out,
            "<g class=\"f\" tabindex=\"0\" data-x=\"%.6f\" data-w=\"%.6f\" data-d=\"%u\" data-n=\"",
            start, share, depth);
    xml_write_text(out, name_of(writing, node));
    fputs("\">", out);
    write_title(writing, node);
    fprintf(out, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" ", x, y, share * WIDTH,
            ROW - 1);
    if (node == 0)
        fputs("fill=\"#d0d7de\"/>", out);
    else
        write_colour(writing, node);
    fprintf(out, "<text x=\"%.2f\" y=\"%u\">", x + 3, y + ROW - 5);
    write_label(out, name_of(writing, node), share * WIDTH);
    fputs("</text></g>\n", out);
}

static void write_head(const struct writing *writing, unsigned depth)
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
    write_label(out, writing->flame->title, WIDTH - 400);
    fprintf(out, "</text>\n<text class=\"note\" id=\"details\" x=\"%d\" y=\"46\">%s: ", LEFT,
            writing->flame->what);
    write_figure(writing, writing->flame->nodes[0].value);
    fputs("</text>\n"
          "<text class=\"button hidden\" id=\"reset\" tabindex=\"0\" x=\"960\" "
          "y=\"22\">reset</text>\n"
          "<text class=\"button\" id=\"search\" tabindex=\"0\" x=\"1040\" y=\"22\">search "
          "(/)</text>\n"
          "<text class=\"note\" id=\"found\" x=\"1040\" y=\"46\"></text>\n",
          out);
}

void flame_svg_write(const struct flame_svg *flame, FILE *out)
{
    struct writing writing = {.flame = flame, .out = out};
    unsigned depth = 0;

    for (uint32_t i = 0; i < flame->count; i++)
        if (share_of(&writing, i) >= FLAME_SVG_LEAST_SHARE && flame->nodes[i].depth > depth)
            depth = flame->nodes[i].depth;
    place_nodes(&writing);
    write_head(&writing, depth);
    for (uint32_t i = 0; i < flame->count; i++)
        if (i == 0 || share_of(&writing, i) >= FLAME_SVG_LEAST_SHARE)
            write_node(&writing, i);
    fprintf(out, "<script><![CDATA[\n%s]]></script>\n</svg>\n", asset_flamegraph_js);
    free(writing.starts);
}
