/* The cycles of the garbage, as a person would write them down: from each object that no cycle was
 * found through yet, the shortest way back to itself. Cycles of the same types and labels are
 * counted together. What merely hangs from a cycle has no way back, and is no part of it.
 *
 * Garbage may be millions of small cycles, all alike. So a cycle has a sign, the sum over its steps
 * of what it goes from, by which field or name, and to what: it is the same wherever the search
 * began, and only the first cycle of each sign is put into words. All searches together look at a
 * bounded number of objects, and at a bounded number of what they refer to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/text.h"
#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/labels.h"

enum {
    SEARCH_MOST = 20000,         /* objects looked at for one way back */
    ALL_SEARCHES_MOST = 4000000, /* objects looked at for all */
    ALL_STEPS_MOST = 40000000,   /* references followed for all */
    SIGNS_MOST = 20000,          /* put into words */
    CYCLE_SHOWN_MOST = 12,       /* objects of one that are written down */
    BEGINS_TRIED = 8,
    KINDS_MOST = 1000
};

struct cycle_kind {
    char *text;
    char *first_type;
    uint64_t count, bytes;
};

struct cycle_search {
    struct cpython_garbage *garbage;
    struct hash_map parents; /* of an object: parent + 1 */
    uint32_t *queue;
    size_t count, capacity;
    uint32_t start, from;
    uint32_t last; /* that refers to the start again, or CPYTHON_NO_OBJECT */
    uint64_t looked_at, steps;
    struct hash_map signs; /* of cycles: kind + 1; 0: of none */
    uint64_t held_bytes;   /* of the cycle that is being weighed */

    struct cycle_kind *kinds;
    size_t kind_count, kind_capacity;
};

static void step(void *context, const struct cpython_edge *edge)
{
    struct cycle_search *search = context;
    bool is_new;
    uint32_t target = edge->is_counted
                          ? cpython_objects_find(search->garbage->objects, edge->target)
                          : CPYTHON_NO_OBJECT;
    search->steps++;
    if (target == CPYTHON_NO_OBJECT || !cpython_garbage_has(search->garbage, target) ||
        search->last != CPYTHON_NO_OBJECT)
        return;
    if (target == search->start) {
        search->last = search->from;
        return;
    }
    uint64_t *parent = hash_map_put(&search->parents, target, &is_new);
    if (!is_new || search->count >= SEARCH_MOST)
        return;
    *parent = (uint64_t)search->from + 1;
    search->queue = memory_grow(search->queue, &search->capacity, search->count + 1,
                                sizeof *search->queue);
    search->queue[search->count++] = target;
}

static bool find_way_back(struct cycle_search *search, uint32_t start)
{
    hash_map_clear(&search->parents);
    search->queue = memory_grow(search->queue, &search->capacity, 1, sizeof *search->queue);
    search->queue[0] = start;
    search->count = 1;
    search->start = start;
    search->last = CPYTHON_NO_OBJECT;
    for (size_t i = 0; i < search->count && search->last == CPYTHON_NO_OBJECT; i++) {
        search->from = search->queue[i];
        search->looked_at++;
        cpython_objects_visit_edges(search->garbage->objects, search->from, step, search);
    }
    return search->last != CPYTHON_NO_OBJECT;
}

/* ---- in words ---- */

struct label_search {
    struct cpython_objects *objects;
    const struct cpython_type *type;
    uint32_t target;
    bool of_attributes;
    bool is_found;
    struct cpython_label label;
};

static void look_for_target(void *context, const struct cpython_edge *edge)
{
    struct label_search *search = context;
    if (search->is_found || !edge->is_counted ||
        cpython_objects_find(search->objects, edge->target) != search->target)
        return;
    search->is_found = true;
    cpython_label_make(search->objects->python, search->type, edge, search->of_attributes, true,
                       &search->label);
}

/* "(next) ", without the dot that stands in paths; a dictionary of attributes is passed over. */
static void add_step(struct cpython_objects *objects, uint32_t from, uint32_t to,
                     bool *of_attributes, struct text *out)
{
    struct label_search search = {
        .objects = objects,
        .type = &objects->types.items[cpython_objects_type(objects, from)],
        .target = to,
        .of_attributes = *of_attributes,
    };
    cpython_objects_visit_edges(objects, from, look_for_target, &search);
    *of_attributes = search.label.is_attributes;
    if (search.label.is_attributes)
        return;
    const char *label = search.label.text;
    text_print(out, " -> (%s) %s", label[0] == '.' ? label + 1 : label,
               objects->types.items[cpython_objects_type(objects, to)].name);
}

/* The objects of the cycle in their order. */
static size_t list_cycle(const struct cycle_search *search, uint32_t *cycle, size_t most)
{
    size_t length = 0;
    uint32_t at = search->last;
    while (at != search->start && length + 1 < most) {
        cycle[length++] = at;
        const uint64_t *parent = hash_map_find(&search->parents, at);
        if (parent == NULL || *parent == 0)
            break;
        at = (uint32_t)(*parent - 1);
    }
    cycle[length++] = search->start;
    for (size_t i = 0; i < length / 2; i++) {
        uint32_t swapped = cycle[i];
        cycle[i] = cycle[length - 1 - i];
        cycle[length - 1 - i] = swapped;
    }
    return length;
}

static bool is_plain_dict(const struct cpython_objects *objects, uint32_t object)
{
    return strcmp(objects->types.items[cpython_objects_type(objects, object)].name, "dict") == 0;
}

/* Where a cycle reads best: an instance of a class first, a plain dictionary last. */
static int rank_begin(const struct cpython_objects *objects, uint32_t object)
{
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    bool is_class_made = type->flags & CPYTHON_TYPE_HEAP && strchr(type->name, '.') == NULL;
    return is_class_made ? 2 : is_plain_dict(objects, object) ? 0 : 1;
}

static void describe_from(struct cycle_search *search, const uint32_t *cycle, size_t length,
                          size_t begin, struct text *out)
{
    struct cpython_objects *objects = search->garbage->objects;
    bool of_attributes = false;
    text_add(out, objects->types.items[cpython_objects_type(objects, cycle[begin])].name);
    for (size_t i = 0; i < length; i++) {
        uint32_t from = cycle[(begin + i) % length], to = cycle[(begin + i + 1) % length];
        if (i >= CYCLE_SHOWN_MOST && i + 1 < length) {
            text_print(out, " -> ... (%zu more)", length - i - 1);
            from = cycle[(begin + length - 1) % length];
            to = cycle[begin];
            i = length;
        }
        add_step(objects, from, to, &of_attributes, out);
    }
}

/* Alike cycles read alike, wherever the search began: of all that begin best, the first by text. */
static size_t describe(struct cycle_search *search, const uint32_t *cycle, size_t length,
                       struct text *out)
{
    struct cpython_objects *objects = search->garbage->objects;
    size_t best = 0, tried = 0;
    int best_rank = -1;
    for (size_t i = 0; i < length; i++)
        if (rank_begin(objects, cycle[i]) > best_rank)
            best_rank = rank_begin(objects, cycle[i]);
    for (size_t i = 0; i < length && tried < BEGINS_TRIED; i++) {
        struct text text = {0};
        if (rank_begin(objects, cycle[i]) != best_rank)
            continue;
        describe_from(search, cycle, length, i, &text);
        if (tried++ == 0 || strcmp(text_get(&text), text_get(out)) < 0) {
            struct text swapped = *out;
            *out = text;
            text = swapped;
            best = i;
        }
        text_clear(&text);
    }
    return best;
}

/* ---- signs ---- */

struct sign_step {
    struct cycle_search *search;
    uint32_t from, to;
    uint64_t by; /* what tells this step from others; 0 = not found yet */
};

/* What labels are made from, as far as alike cycles have it in common: names are one object each,
 * other keys and positions are left open. */
static void look_for_step(void *context, const struct cpython_edge *edge)
{
    struct sign_step *step = context;
    struct cpython_objects *objects = step->search->garbage->objects;
    if (step->by != 0 || !edge->is_counted ||
        cpython_objects_find(objects, edge->target) != step->to)
        return;
    bool is_named = edge->kind == CPYTHON_EDGE_ATTRIBUTE || edge->kind == CPYTHON_EDGE_LOCAL;
    bool is_numbered = edge->kind == CPYTHON_EDGE_FIELD || edge->kind == CPYTHON_EDGE_LOCAL;
    if (edge->kind == CPYTHON_EDGE_VALUE)
        is_named = cpython_label_is_name(objects->python, edge->key);
    step->by = hash_mix((is_named ? edge->key : 0) ^
                        hash_mix((is_numbered ? edge->number : 0) * 16 + edge->kind)) |
               1;
}

static uint64_t sign_cycle(struct cycle_search *search, const uint32_t *cycle, size_t length)
{
    struct cpython_objects *objects = search->garbage->objects;
    uint64_t sign = length;
    for (size_t i = 0; i < length; i++) {
        struct sign_step step = {search, cycle[i], cycle[(i + 1) % length], 0};
        cpython_objects_visit_edges(objects, step.from, look_for_step, &step);
        sign += hash_mix(step.by ^
                         hash_mix((uint64_t)cpython_objects_type(objects, step.from) << 32 |
                                  cpython_objects_type(objects, step.to)));
    }
    return sign;
}

/* ---- all of them ---- */

static struct cycle_kind *find_kind(struct cycle_search *search, const char *text,
                                    const char *first_type)
{
    for (size_t i = 0; i < search->kind_count; i++)
        if (strcmp(search->kinds[i].text, text) == 0)
            return &search->kinds[i];
    if (search->kind_count >= KINDS_MOST)
        return NULL;
    search->kinds = memory_grow(search->kinds, &search->kind_capacity, search->kind_count + 1,
                                sizeof *search->kinds);
    search->kinds[search->kind_count] = (struct cycle_kind){
        memory_duplicate_text(text), memory_duplicate_text(first_type), 0, 0};
    return &search->kinds[search->kind_count++];
}

static void take_held(void *context, const struct cpython_edge *edge)
{
    struct cycle_search *search = context;
    struct cpython_objects *objects = search->garbage->objects;
    uint32_t target = cpython_objects_find(objects, edge->target);
    if (target == CPYTHON_NO_OBJECT || !(search->garbage->marks[target] & GARBAGE_HELD) ||
        search->garbage->marks[target] & GARBAGE_IN_CYCLE)
        return;
    search->garbage->marks[target] |= GARBAGE_IN_CYCLE;
    search->held_bytes += cpython_garbage_bytes_of(objects, target);
}

/* What its objects take, and what they hold that is no garbage of its own. */
static uint64_t weigh_cycle(struct cycle_search *search, const uint32_t *cycle, size_t length)
{
    uint64_t bytes = 0;
    search->held_bytes = 0;
    for (size_t i = 0; i < length; i++) {
        bytes += cpython_garbage_bytes_of(search->garbage->objects, cycle[i]);
        cpython_objects_visit_edges(search->garbage->objects, cycle[i], take_held, search);
    }
    return bytes + search->held_bytes;
}

/* NULL: it is not told of. */
static struct cycle_kind *judge_cycle(struct cycle_search *search, const uint32_t *cycle,
                                      size_t length)
{
    struct cpython_objects *objects = search->garbage->objects;
    uint64_t sign = sign_cycle(search, cycle, length);
    const uint64_t *known = hash_map_find(&search->signs, sign);
    if (known != NULL)
        return *known == 0 ? NULL : &search->kinds[*known - 1];
    if (search->signs.count >= SIGNS_MOST)
        return NULL;
    struct text text = {0};
    size_t begin = describe(search, cycle, length, &text);
    struct cycle_kind *kind = find_kind(
        search, text_get(&text),
        objects->types.items[cpython_objects_type(objects, cycle[begin])].name);
    *hash_map_put(&search->signs, sign, NULL) = kind == NULL ? 0
                                                             : (uint64_t)(kind - search->kinds) + 1;
    text_clear(&text);
    return kind;
}

static void take_cycle(struct cycle_search *search)
{
    uint32_t *cycle = memory_allocate_zeroed(search->count + 1, sizeof *cycle);
    size_t length = list_cycle(search, cycle, search->count + 1);
    struct cycle_kind *kind = judge_cycle(search, cycle, length);
    for (size_t i = 0; i < length; i++)
        search->garbage->marks[cycle[i]] |= GARBAGE_IN_CYCLE;
    if (kind != NULL) {
        kind->count++;
        kind->bytes += weigh_cycle(search, cycle, length);
    }
    free(cycle);
}

/* Until all that may be looked at was. */
static bool is_exhausted(const struct cycle_search *search)
{
    return search->looked_at >= ALL_SEARCHES_MOST || search->steps >= ALL_STEPS_MOST;
}

static void note_rest(const struct cycle_search *search, struct python_heap *heap)
{
    if (is_exhausted(search) && heap->note[0] == '\0')
        snprintf(heap->note, sizeof heap->note,
                 "of the garbage's cycles only the first are told: there are too many");
}

void cpython_cycles_tell(struct cpython_garbage *garbage, struct python_heap *heap)
{
    struct cycle_search search = {.garbage = garbage};
    uint32_t count = cpython_objects_count(garbage->objects);
    for (uint32_t i = 0; i < count && !is_exhausted(&search); i++)
        if (cpython_garbage_has(garbage, i) &&
            !(garbage->marks[i] & (GARBAGE_IN_CYCLE | GARBAGE_OF_START)) &&
            find_way_back(&search, i))
            take_cycle(&search);
    note_rest(&search, heap);
    for (size_t i = 0; i < search.kind_count; i++) {
        python_heap_add_text(heap, &(struct python_text){.kind = PYTHON_TEXT_CYCLE,
                                                         .subject = search.kinds[i].first_type,
                                                         .text = search.kinds[i].text,
                                                         .count = search.kinds[i].count,
                                                         .bytes = search.kinds[i].bytes});
        free(search.kinds[i].text);
        free(search.kinds[i].first_type);
    }
    free(search.kinds);
    free(search.queue);
    hash_map_clear(&search.parents);
    hash_map_clear(&search.signs);
}
