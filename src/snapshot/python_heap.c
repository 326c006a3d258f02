#include "snapshot/python_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/python_graph.h"

enum {
    FIGURE_COUNT = sizeof(struct python_figures) / sizeof(uint64_t),
    CLASS_FIELDS = 4,
    GENERATION_FIELDS = 5,
    TYPE_FIELDS = 3,
    PIECE_TYPES = 4096 /* types a record */
};

void python_heap_init(struct python_heap *heap)
{
    *heap = (struct python_heap){0};
#define PYTHON_UNKNOWN(name) heap->figures.name = PYTHON_NOT_KNOWN;
    PYTHON_FIGURES(PYTHON_UNKNOWN)
#undef PYTHON_UNKNOWN
}

void python_heap_clear(struct python_heap *heap)
{
    for (size_t table = 0; table < PYTHON_TABLE_COUNT; table++) {
        for (size_t i = 0; i < heap->tables[table].count; i++)
            free(heap->tables[table].rows[i].name);
        free(heap->tables[table].rows);
    }
    for (size_t i = 0; i < heap->text_count; i++) {
        free(heap->texts[i].subject);
        free(heap->texts[i].text);
    }
    free(heap->texts);
    for (size_t i = 0; i < heap->leak_count; i++) {
        free(heap->leaks[i].type);
        free(heap->leaks[i].example);
        free(heap->leaks[i].path);
    }
    free(heap->leaks);
    for (size_t i = 0; i < heap->site_count; i++)
        free(heap->sites[i].type);
    free(heap->sites);
    python_graph_destroy(heap->graph);
    free(heap->memory);
    *heap = (struct python_heap){0};
}

void python_heap_add_type(struct python_heap *heap, enum python_table table,
                          const struct python_type_row *row)
{
    struct python_type_table *types = &heap->tables[table];
    types->rows = memory_grow(types->rows, &types->capacity, types->count + 1, sizeof *types->rows);
    types->rows[types->count] = *row;
    types->rows[types->count++].name = memory_duplicate_text(row->name);
}

void python_heap_add_text(struct python_heap *heap, const struct python_text *text)
{
    heap->texts = memory_grow(heap->texts, &heap->text_capacity, heap->text_count + 1,
                              sizeof *heap->texts);
    struct python_text *added = &heap->texts[heap->text_count++];
    *added = *text;
    added->subject = memory_duplicate_text(text->subject);
    added->text = memory_duplicate_text(text->text);
}

void python_heap_add_leak(struct python_heap *heap, const struct python_leak *leak)
{
    heap->leaks = memory_grow(heap->leaks, &heap->leak_capacity, heap->leak_count + 1,
                              sizeof *heap->leaks);
    struct python_leak *added = &heap->leaks[heap->leak_count++];
    *added = *leak;
    added->type = memory_duplicate_text(leak->type);
    added->example = memory_duplicate_text(leak->example);
    added->path = memory_duplicate_text(leak->path);
}

void python_heap_add_site(struct python_heap *heap, const struct python_site *site)
{
    heap->sites = memory_grow(heap->sites, &heap->site_capacity, heap->site_count + 1,
                              sizeof *heap->sites);
    struct python_site *added = &heap->sites[heap->site_count++];
    *added = *site;
    added->type = memory_duplicate_text(site->type);
}

void python_heap_add_memory(struct python_heap *heap, enum python_memory_kind kind, uint64_t start,
                            uint64_t end)
{
    if (start >= end)
        return;
    heap->memory = memory_grow(heap->memory, &heap->memory_capacity, heap->memory_count + 1,
                               sizeof *heap->memory);
    heap->memory[heap->memory_count++] = (struct python_memory){start, end, kind};
}

static int compare_memory(const void *left, const void *right)
{
    const struct python_memory *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* What overlaps is the first one's: read from a process that may say anything. */
static void sort_memory(struct python_heap *heap)
{
    size_t kept = 0;
    uint64_t end = 0;
    if (heap->memory_count > 0)
        qsort(heap->memory, heap->memory_count, sizeof *heap->memory, compare_memory);
    for (size_t i = 0; i < heap->memory_count; i++) {
        struct python_memory memory = heap->memory[i];
        if (memory.start < end)
            memory.start = end;
        if (memory.start >= memory.end)
            continue;
        end = memory.end;
        heap->memory[kept++] = memory;
    }
    heap->memory_count = kept;
}

static int compare_types(const void *left, const void *right)
{
    const struct python_type_row *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->name, b->name);
}

static int compare_texts(const void *left, const void *right)
{
    const struct python_text *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    int subjects = strcmp(a->subject, b->subject);
    return subjects != 0 ? subjects : strcmp(a->text, b->text);
}

void python_heap_sort(struct python_heap *heap)
{
    for (size_t table = 0; table < PYTHON_TABLE_COUNT; table++)
        if (heap->tables[table].count > 0)
            qsort(heap->tables[table].rows, heap->tables[table].count,
                  sizeof *heap->tables[table].rows, compare_types);
    if (heap->text_count > 0)
        qsort(heap->texts, heap->text_count, sizeof *heap->texts, compare_texts);
    sort_memory(heap);
}

/* ---- writing ---------------------------------------------------------------------------- */

static void write_head(const struct python_heap *heap, uint64_t snapshot_id,
                       snapshot_add_record add, void *context)
{
    const uint64_t figures[] = {
#define PYTHON_VALUE(name) heap->figures.name,
        PYTHON_FIGURES(PYTHON_VALUE)
#undef PYTHON_VALUE
    };
    uint64_t classes[PYTHON_CLASSES_MAX * CLASS_FIELDS];
    uint64_t generations[PYTHON_GENERATIONS * GENERATION_FIELDS];
    size_t class_words = 0, generation_words = 0;
    for (size_t i = 0; i < heap->class_count; i++) {
        const struct python_size_class *class = &heap->classes[i];
        classes[class_words++] = class->bytes;
        classes[class_words++] = class->pools;
        classes[class_words++] = class->used_blocks;
        classes[class_words++] = class->free_blocks;
    }
    for (size_t i = 0; i < heap->generation_count; i++) {
        const struct python_generation *generation = &heap->generations[i];
        generations[generation_words++] = generation->threshold;
        generations[generation_words++] = generation->count;
        generations[generation_words++] = generation->collections;
        generations[generation_words++] = generation->collected;
        generations[generation_words++] = generation->uncollectable;
    }
    const struct recording_snapshot_python record = {
        .snapshot_id = snapshot_id,
        .implementation = heap->implementation,
        .version = heap->version,
        .is_read = heap->is_read,
        .refusal = heap->refusal,
        .note = heap->note,
        .figures = {figures, FIGURE_COUNT},
        .size_classes = {classes, class_words},
        .generations = {generations, generation_words},
    };
    add(context, RECORDING_snapshot_python, &record);
}

static void write_types(const struct python_heap *heap, size_t table, uint64_t snapshot_id,
                        snapshot_add_record add, void *context)
{
    const struct python_type_table *types = &heap->tables[table];
    const char **names = memory_allocate_zeroed(PIECE_TYPES, sizeof *names);
    uint64_t *figures = memory_allocate_zeroed(PIECE_TYPES * TYPE_FIELDS, sizeof *figures);
    for (size_t first = 0; first < types->count; first += PIECE_TYPES) {
        size_t count = types->count - first < PIECE_TYPES ? types->count - first : PIECE_TYPES;
        for (size_t i = 0; i < count; i++) {
            const struct python_type_row *row = &types->rows[first + i];
            names[i] = row->name;
            figures[i * TYPE_FIELDS] = row->count;
            figures[i * TYPE_FIELDS + 1] = row->bytes;
            figures[i * TYPE_FIELDS + 2] = row->retained_bytes;
        }
        const struct recording_snapshot_python_types record = {
            .snapshot_id = snapshot_id,
            .table = table,
            .names = {names, count},
            .figures = {figures, count * TYPE_FIELDS},
        };
        add(context, RECORDING_snapshot_python_types, &record);
    }
    free(names);
    free(figures);
}

static void write_leaks(const struct python_heap *heap, uint64_t snapshot_id,
                        snapshot_add_record add, void *context)
{
    for (size_t i = 0; i < heap->leak_count; i++) {
        const struct python_leak *leak = &heap->leaks[i];
        const struct recording_snapshot_python_leak record = {
            .snapshot_id = snapshot_id,
            .type = leak->type,
            .example = leak->example,
            .path = leak->path,
            .count = leak->count,
            .surplus = leak->surplus,
            .alone = leak->alone,
            .bytes = leak->bytes,
            .retained_bytes = leak->retained_bytes,
        };
        add(context, RECORDING_snapshot_python_leak, &record);
    }
    for (size_t i = 0; i < heap->site_count; i++) {
        const struct python_site *site = &heap->sites[i];
        const struct recording_snapshot_python_site record = {
            .snapshot_id = snapshot_id,
            .kind = site->kind,
            .leak = site->leak,
            .type = site->type,
            .site_id = site->site,
            .count = site->count,
            .bytes = site->bytes,
        };
        add(context, RECORDING_snapshot_python_site, &record);
    }
}

void python_heap_write(const struct python_heap *heap, uint64_t snapshot_id,
                       snapshot_add_record add, void *context)
{
    if (!heap->is_present)
        return;
    write_head(heap, snapshot_id, add, context);
    for (size_t table = 0; table < PYTHON_TABLE_COUNT; table++)
        write_types(heap, table, snapshot_id, add, context);
    for (size_t i = 0; i < heap->text_count; i++) {
        const struct recording_snapshot_python_text record = {
            .snapshot_id = snapshot_id,
            .kind = heap->texts[i].kind,
            .subject = heap->texts[i].subject,
            .text = heap->texts[i].text,
            .count = heap->texts[i].count,
            .bytes = heap->texts[i].bytes,
        };
        add(context, RECORDING_snapshot_python_text, &record);
    }
    write_leaks(heap, snapshot_id, add, context);
    if (heap->graph != NULL)
        python_graph_write(heap->graph, snapshot_id, add, context);
}

/* ---- reading ---------------------------------------------------------------------------- */

struct heap_reading {
    struct python_heap *heap;
    uint64_t snapshot_id;
};

static uint64_t list_at(const struct recording_list *list, size_t position)
{
    return position < list->count ? list->items[position] : PYTHON_NOT_KNOWN;
}

static bool take_head(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct heap_reading *reading = context;
    struct python_heap *heap = reading->heap;
    const struct recording_snapshot_python *head = record;
    if (head->snapshot_id != reading->snapshot_id || heap->is_present)
        return true;
    heap->is_present = true;
    heap->is_read = head->is_read != 0;
    snprintf(heap->implementation, sizeof heap->implementation, "%s", head->implementation);
    snprintf(heap->version, sizeof heap->version, "%s", head->version);
    snprintf(heap->refusal, sizeof heap->refusal, "%s", head->refusal);
    snprintf(heap->note, sizeof heap->note, "%s", head->note);
    size_t position = 0;
#define PYTHON_TAKE(name) heap->figures.name = list_at(&head->figures, position++);
    PYTHON_FIGURES(PYTHON_TAKE)
#undef PYTHON_TAKE
    for (size_t i = 0;
         i + CLASS_FIELDS <= head->size_classes.count && heap->class_count < PYTHON_CLASSES_MAX;
         i += CLASS_FIELDS)
        heap->classes[heap->class_count++] = (struct python_size_class){
            head->size_classes.items[i], head->size_classes.items[i + 1],
            head->size_classes.items[i + 2], head->size_classes.items[i + 3]};
    for (size_t i = 0; i + GENERATION_FIELDS <= head->generations.count &&
                       heap->generation_count < PYTHON_GENERATIONS;
         i += GENERATION_FIELDS)
        heap->generations[heap->generation_count++] = (struct python_generation){
            head->generations.items[i], head->generations.items[i + 1],
            head->generations.items[i + 2], head->generations.items[i + 3],
            head->generations.items[i + 4]};
    return true;
}

static bool take_types(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct heap_reading *reading = context;
    const struct recording_snapshot_python_types *types = record;
    if (types->snapshot_id != reading->snapshot_id || types->table >= PYTHON_TABLE_COUNT)
        return true;
    for (size_t i = 0; i < types->names.count && (i + 1) * TYPE_FIELDS <= types->figures.count; i++)
        python_heap_add_type(
            reading->heap, (enum python_table)types->table,
            &(struct python_type_row){.name = (char *)types->names.items[i],
                                      .count = types->figures.items[i * TYPE_FIELDS],
                                      .bytes = types->figures.items[i * TYPE_FIELDS + 1],
                                      .retained_bytes = types->figures.items[i * TYPE_FIELDS + 2]});
    return true;
}

static bool take_text(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct heap_reading *reading = context;
    const struct recording_snapshot_python_text *text = record;
    if (text->snapshot_id == reading->snapshot_id && text->kind < PYTHON_TEXT_KIND_COUNT)
        python_heap_add_text(reading->heap,
                             &(struct python_text){.kind = (enum python_text_kind)text->kind,
                                                   .subject = (char *)text->subject,
                                                   .text = (char *)text->text,
                                                   .count = text->count,
                                                   .bytes = text->bytes});
    return true;
}

static bool take_leak(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct heap_reading *reading = context;
    const struct recording_snapshot_python_leak *leak = record;
    if (leak->snapshot_id == reading->snapshot_id)
        python_heap_add_leak(reading->heap,
                             &(struct python_leak){.type = (char *)leak->type,
                                                   .example = (char *)leak->example,
                                                   .path = (char *)leak->path,
                                                   .count = leak->count,
                                                   .surplus = leak->surplus,
                                                   .alone = leak->alone,
                                                   .bytes = leak->bytes,
                                                   .retained_bytes = leak->retained_bytes});
    return true;
}

static bool take_site(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct heap_reading *reading = context;
    const struct recording_snapshot_python_site *site = record;
    if (site->snapshot_id == reading->snapshot_id && site->kind <= PYTHON_SITE_LEAK)
        python_heap_add_site(reading->heap,
                             &(struct python_site){.kind = (enum python_site_kind)site->kind,
                                                   .leak = site->leak,
                                                   .type = (char *)site->type,
                                                   .site = site->site_id,
                                                   .count = site->count,
                                                   .bytes = site->bytes});
    return true;
}

bool python_heap_read(struct recording_reader *reader, uint64_t snapshot_id,
                      struct python_heap *heap, struct error *error)
{
    struct heap_reading reading = {heap, snapshot_id};
    if (recording_reader_visit_owned(reader, RECORDING_snapshot_python, snapshot_id, take_head,
                                     &reading, error) &&
        recording_reader_visit_owned(reader, RECORDING_snapshot_python_types, snapshot_id,
                                     take_types, &reading, error) &&
        recording_reader_visit_owned(reader, RECORDING_snapshot_python_text, snapshot_id, take_text,
                                     &reading, error) &&
        recording_reader_visit_owned(reader, RECORDING_snapshot_python_leak, snapshot_id, take_leak,
                                     &reading, error) &&
        recording_reader_visit_owned(reader, RECORDING_snapshot_python_site, snapshot_id, take_site,
                                     &reading, error))
        return true;
    python_heap_clear(heap);
    return false;
}
