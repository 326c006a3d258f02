#include "config.h"

#include "graph/graph_type_list.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LEAST_EXACT = 50 /* as reports have them */
};

/* Visits of blocks that may go into retained sizes: about a second. */
#define MOST_VISITS 200000000u

void graph_type_list_find(const struct process_graph *graph, struct graph_type_list *list)
{
    uint64_t visits = graph->snapshot->block_count + graph->snapshot->reference_count + 1;
    size_t exact = (size_t)(MOST_VISITS / visits);

    *list = (struct graph_type_list){.graph = graph};
    list->rows = process_graph_all_types(graph, exact < LEAST_EXACT ? LEAST_EXACT : exact,
                                         &list->row_count);
    list->shown = memory_allocate_zeroed(list->row_count + 1, sizeof *list->shown);
    for (size_t i = 0; i < list->row_count; i++) {
        list->bytes += list->rows[i].bytes;
        list->blocks += list->rows[i].blocks;
    }
    graph_type_list_select(list, NULL, NULL, NULL);
}

void graph_type_list_clear(struct graph_type_list *list)
{
    free(list->rows);
    free(list->shown);
    *list = (struct graph_type_list){0};
}

const char *graph_type_list_name(const struct graph_type_list *list,
                                 const struct graph_type_row *row)
{
    return row->group == TYPE_NO_GROUP ? "not known" : list->graph->types->groups[row->group].name;
}

/* ---- those that match ---- */

static bool compile(regex_t *compiled, const char *expression, struct error *error)
{
    char reason[256];
    int status = regcomp(compiled, expression ? expression : "", REG_EXTENDED | REG_NOSUB);

    if (status == 0)
        return true;
    regerror(status, compiled, reason, sizeof reason);
    return error_set(error, "the regular expression \"%s\" is malformed: %s", expression, reason);
}

static void show(struct graph_type_list *list, const regex_t *include, const regex_t *exclude)
{
    list->shown_count = 0;
    list->shown_bytes = list->shown_blocks = 0;
    for (size_t i = 0; i < list->row_count; i++) {
        const struct graph_type_row *row = &list->rows[i];
        const char *name = graph_type_list_name(list, row);

        if (regexec(include, name, 0, NULL, 0) != 0 ||
            (exclude && regexec(exclude, name, 0, NULL, 0) == 0))
            continue;
        list->shown[list->shown_count++] = (uint32_t)i;
        list->shown_bytes += row->bytes;
        list->shown_blocks += row->blocks;
    }
}

bool graph_type_list_select(struct graph_type_list *list, const char *include, const char *exclude,
                            struct error *error)
{
    regex_t included, excluded;

    if (!compile(&included, include, error))
        return false;
    if (!compile(&excluded, exclude, error)) {
        regfree(&included);
        return false;
    }
    show(list, &included, exclude ? &excluded : NULL);
    regfree(&included);
    regfree(&excluded);
    return true;
}

/* ---- order ---- */

struct ordering {
    const struct graph_type_list *list;
    enum graph_type_order order;
    bool is_inverted;
};

static int compare_figures(uint64_t a, uint64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0;
}

static const char *source_of(const struct graph_type_list *list, const struct graph_type_row *row)
{
    return row->group == TYPE_NO_GROUP
               ? ""
               : type_source_name(type_group_source(&list->graph->types->groups[row->group]));
}

static int compare_by(const struct graph_type_list *list, enum graph_type_order order,
                      const struct graph_type_row *a, const struct graph_type_row *b)
{
    switch (order) {
    case GRAPH_TYPES_BY_RETAINED:
        if (a->is_retained_known != b->is_retained_known)
            return a->is_retained_known ? -1 : 1;
        return compare_figures(a->retained_bytes, b->retained_bytes);
    case GRAPH_TYPES_BY_BYTES:
        return compare_figures(a->bytes, b->bytes);
    case GRAPH_TYPES_BY_BLOCKS:
        return compare_figures(a->blocks, b->blocks);
    case GRAPH_TYPES_BY_ELEMENTS:
        return compare_figures(a->elements, b->elements);
    case GRAPH_TYPES_BY_SOURCE:
        return strcmp(source_of(list, a), source_of(list, b));
    case GRAPH_TYPES_BY_NAME:
        return strcmp(graph_type_list_name(list, a), graph_type_list_name(list, b));
    case GRAPH_TYPE_ORDER_COUNT:
        break;
    }
    return 0;
}

/* What is equal stands by bytes, then as the graph found it, whichever way the rest is turned. */
static int compare_shown(const void *left, const void *right, void *context)
{
    const struct ordering *ordering = context;
    const struct graph_type_row *a = &ordering->list->rows[*(const uint32_t *)left];
    const struct graph_type_row *b = &ordering->list->rows[*(const uint32_t *)right];
    int order = compare_by(ordering->list, ordering->order, a, b);

    if (order != 0)
        return ordering->is_inverted ? -order : order;
    if (a->bytes != b->bytes)
        return compare_figures(a->bytes, b->bytes);
    return a->group < b->group ? -1 : a->group > b->group;
}

void graph_type_list_sort(struct graph_type_list *list, enum graph_type_order order,
                          bool is_inverted)
{
    struct ordering ordering = {list, order, is_inverted};

    if (list->shown_count > 0)
        qsort_r(list->shown, list->shown_count, sizeof *list->shown, compare_shown, &ordering);
}
