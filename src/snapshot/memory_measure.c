/* In order, since who comes first is right: what the runtimes say, seep's own memory, and code that
 * the program made; stacks of threads; the heap; then, mapping by mapping, what is left. */
#include "snapshot/memory_measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/thread_stacks.h"

enum {
    PARTS_MAX = 200 /* that are kept, of those that hold most */
};

static const char own_name[] = "seep's own";

/* ---- painting ---- */

static struct memory_part *find_part(struct memory_painter *painter, enum memory_category category,
                                     const char *name)
{
    bool is_new;
    uint64_t key = hash_bytes(name, strlen(name), (uint64_t)category + 1);
    uint64_t *position = hash_map_put(&painter->parts, key, &is_new);
    if (is_new) {
        *position = painter->use->part_count;
        memory_use_add_part(painter->use, &(struct memory_part){.category = category,
                                                                .name = (char *)(uintptr_t)name});
    }
    return &painter->use->parts[*position];
}

static void add_amount(struct memory_amount *sum, const struct memory_amount *more)
{
    sum->virtual_bytes += more->virtual_bytes;
    sum->resident_bytes += more->resident_bytes;
}

/* Names of a category mostly come again and again, from where they stand. */
static size_t part_position(struct memory_painter *painter, enum memory_category category,
                            const char *name)
{
    if (painter->last_names[category] != name) {
        painter->last_positions[category] = (size_t)(find_part(painter, category, name) -
                                                     painter->use->parts);
        painter->last_names[category] = name;
    }
    return painter->last_positions[category];
}

/* Chunks lie side by side: most are in the stretch that the one before was in. */
static uint64_t count_gap(struct memory_painter *painter, uint64_t start, uint64_t end)
{
    struct residency_stretch *stretch = &painter->stretch;
    if (start < stretch->start || start >= stretch->end)
        *stretch = residency_find_stretch(painter->input->residency, start);
    if (end <= stretch->end && start >= stretch->start)
        return stretch->is_resident ? end - start : 0;
    return residency_count(painter->input->residency, start, end);
}

struct memory_amount memory_painter_paint(struct memory_painter *painter, uint64_t start,
                                          uint64_t end, enum memory_category category,
                                          const char *name)
{
    struct memory_amount amount = {0};
    while (start < end) {
        struct address_range *clear = &painter->clear;
        if (start < clear->start || start >= clear->end) {
            if (!range_list_next_gap(&painter->taken, &painter->clear_position, start, UINT64_MAX,
                                     clear))
                break;
            start = clear->start > start ? clear->start : start;
            continue;
        }
        uint64_t gap_end = end < clear->end ? end : clear->end;
        amount.virtual_bytes += gap_end - start;
        amount.resident_bytes += count_gap(painter, start, gap_end);
        start = gap_end;
    }
    add_amount(&painter->use->categories[category], &amount);
    if (name != NULL && amount.virtual_bytes > 0) {
        size_t position = part_position(painter, category, name); /* the parts may move */
        add_amount(&painter->use->parts[position].amount, &amount);
    }
    return amount;
}

void memory_painter_take(struct memory_painter *painter, uint64_t start, uint64_t end)
{
    range_list_add(&painter->taken, start, end);
    painter->clear = (struct address_range){0};
}

void memory_painter_count(struct memory_painter *painter, enum memory_category category,
                          const char *name, uint64_t count)
{
    size_t position = part_position(painter, category, name); /* the parts may move */
    painter->use->parts[position].count += count;
}

/* Ranges of a step, in any order, are painted by address, and each address once. */
static void paint_and_take(struct memory_painter *painter, const struct range_list *ranges,
                           enum memory_category category, const char *name)
{
    for (size_t i = 0; i < ranges->count; i++) {
        memory_painter_paint(painter, ranges->items[i].start, ranges->items[i].end, category, name);
        memory_painter_count(painter, category, name, 1);
    }
    for (size_t i = 0; i < ranges->count; i++)
        memory_painter_take(painter, ranges->items[i].start, ranges->items[i].end);
    range_list_sort(&painter->taken);
}

/* ---- what is known before ---- */

/* Large objects of a collector's are each a range; arenas are all of one size. */
static bool is_large_object(const struct python_heap *python, const struct python_memory *memory)
{
    uint64_t arenas = python->figures.arenas;
    return memory->kind == PYTHON_MEMORY_OLD &&
           (arenas == 0 || arenas == PYTHON_NOT_KNOWN ||
            memory->end - memory->start != python->figures.arena_bytes / arenas);
}

static void paint_runtimes(struct memory_painter *painter)
{
    static const struct {
        enum memory_category category;
        const char *name;
    } kinds[] = {
        [PYTHON_MEMORY_ARENA] = {MEMORY_PYTHON_ARENAS, "arenas of Python"},
        [PYTHON_MEMORY_NURSERY] = {MEMORY_GC_NURSERY, "nursery"},
        [PYTHON_MEMORY_OLD] = {MEMORY_GC_OLD, "arenas of old objects"},
        [PYTHON_MEMORY_JIT] = {MEMORY_JIT, "JIT code"},
    };
    const struct python_heap *python = painter->input->python;
    for (size_t i = 0; python != NULL && i < python->memory_count; i++) {
        const struct python_memory *memory = &python->memory[i];
        enum memory_category category = kinds[memory->kind].category;
        const char *name = is_large_object(python, memory) ? "large objects"
                                                           : kinds[memory->kind].name;
        memory_painter_paint(painter, memory->start, memory->end, category, name);
        memory_painter_count(painter, category, name, 1);
    }
    for (size_t i = 0; python != NULL && i < python->memory_count; i++)
        memory_painter_take(painter, python->memory[i].start, python->memory[i].end);
    range_list_sort(&painter->taken);
}

static void paint_own(struct memory_painter *painter)
{
    struct range_list own = {0};
    range_list_add_all(&own, &painter->input->own);
    const struct target_mappings *mappings = &painter->input->residency->mappings;
    for (size_t i = 0; i < mappings->count; i++)
        if (text_starts_with(mappings->items[i].path, "/memfd:seep-"))
            range_list_add(&own, mappings->items[i].start, mappings->items[i].end);
    range_list_sort(&own);
    paint_and_take(painter, &own, MEMORY_OTHER, own_name);
    range_list_clear(&own);
}

static void paint_stacks(struct memory_painter *painter, const struct target_modules *modules,
                         struct word_cache *words)
{
    const struct target_mappings *mappings = &painter->input->residency->mappings;
    struct range_list first = {0}, others = {0}, kept = {0};
    size_t count;
    struct thread_stack *stacks = thread_stacks_list(mappings, modules, words, painter->input->libc,
                                                     &count);
    uint64_t used = 0;
    for (size_t i = 0; i < count; i++) {
        range_list_add(stacks[i].is_kept ? &kept : &others, stacks[i].range.start,
                       stacks[i].range.end);
        used += !stacks[i].is_kept;
    }
    for (size_t i = 0; i < mappings->count; i++)
        if (strcmp(mappings->items[i].path, "[stack]") == 0)
            range_list_add(&first, mappings->items[i].start, mappings->items[i].end);
    /* Neighbours are not merged: each is counted. */
    paint_and_take(painter, &first, MEMORY_STACKS, "of the first thread");
    paint_and_take(painter, &others, MEMORY_STACKS, "of threads");
    paint_and_take(painter, &kept, MEMORY_STACKS, "kept for threads to come");
    painter->use->figures.stack_count = used + first.count;
    range_list_clear(&first);
    range_list_clear(&others);
    range_list_clear(&kept);
    free(stacks);
}

/* Variables that no file backs follow those that one does. */
static void paint_variables(struct memory_painter *painter, const struct target_modules *modules)
{
    for (size_t i = 0; i < modules->count; i++) {
        const struct target_module *module = &modules->items[i];
        for (size_t j = 0; j < module->writable_count; j++)
            memory_painter_paint(painter, module->writable[j].start, module->writable[j].end,
                                 module->is_own ? MEMORY_OTHER : MEMORY_FILES,
                                 module->is_own ? own_name : module->path);
    }
    for (size_t i = 0; i < modules->count; i++)
        for (size_t j = 0; j < modules->items[i].writable_count; j++)
            memory_painter_take(painter, modules->items[i].writable[j].start,
                                modules->items[i].writable[j].end);
    range_list_sort(&painter->taken);
}

/* ---- what is left ---- */

static bool is_shared_memory(const struct target_mapping *mapping)
{
    return text_starts_with(mapping->path, "/dev/shm/") ||
           text_starts_with(mapping->path, "/dev/zero") ||
           text_starts_with(mapping->path, "/memfd:") || text_starts_with(mapping->path, "/SYSV") ||
           ((mapping->flags & TARGET_MAPPING_SHARED) && mapping->inode == 0);
}

static bool is_of_kernel(const struct target_mapping *mapping)
{
    return strcmp(mapping->path, "[vdso]") == 0 || strcmp(mapping->path, "[vsyscall]") == 0 ||
           text_starts_with(mapping->path, "[vvar");
}

static bool is_preload(const struct target_mapping *mapping)
{
    return strcmp(text_file_name(mapping->path), "libseep-preload.so") == 0;
}

/* Programs that are deleted while they run are still themselves. */
static void name_file(const struct target_mapping *mapping, char *name, size_t name_bytes)
{
    snprintf(name, name_bytes, "%s", mapping->path);
    if (text_ends_with(name, " (deleted)"))
        name[strlen(name) - strlen(" (deleted)")] = '\0';
}

static void paint_rest(struct memory_painter *painter, const struct target_mapping *mapping)
{
    static const uint32_t accessible = TARGET_MAPPING_READ | TARGET_MAPPING_WRITE |
                                       TARGET_MAPPING_EXECUTE;
    enum memory_category category = MEMORY_ANONYMOUS;
    char file[512];
    const char *name = "mapped by the program";
    if (is_of_kernel(mapping)) {
        category = MEMORY_OTHER;
        name = "of the kernel";
    } else if (is_preload(mapping)) {
        category = MEMORY_OTHER;
        name = own_name;
    } else if (is_shared_memory(mapping)) {
        category = MEMORY_SHARED;
        name = "shared memory";
    } else if (mapping->inode != 0) {
        category = MEMORY_FILES;
        name_file(mapping, file, sizeof file);
        painter->last_names[category] = NULL; /* another one stood there */
        name = file;
    } else if (!(mapping->flags & accessible)) {
        category = MEMORY_OTHER;
        name = "reserved addresses";
    } else if (mapping->flags & TARGET_MAPPING_EXECUTE) {
        category = MEMORY_JIT;
        name = "JIT code";
    } else if (strcmp(mapping->path, "[heap]") == 0) {
        name = "of the break, and not known";
    }
    struct memory_amount amount = memory_painter_paint(painter, mapping->start, mapping->end,
                                                       category, name);
    if (amount.virtual_bytes == 0)
        return;
    memory_painter_count(painter, category, name, 1);
    if (!(mapping->flags & accessible))
        painter->use->figures.reserved_bytes += amount.virtual_bytes;
}

/* ---- order ---- */

static int compare_parts(const void *left, const void *right)
{
    const struct memory_part *a = left, *b = right;
    if (a->category != b->category)
        return a->category < b->category ? -1 : 1;
    if (a->amount.resident_bytes != b->amount.resident_bytes)
        return a->amount.resident_bytes < b->amount.resident_bytes ? 1 : -1;
    if (a->amount.virtual_bytes != b->amount.virtual_bytes)
        return a->amount.virtual_bytes < b->amount.virtual_bytes ? 1 : -1;
    return strcmp(a->name, b->name);
}

static void drop_part(struct memory_use *use, size_t position)
{
    free(use->parts[position].name);
    memmove(&use->parts[position], &use->parts[position + 1],
            (--use->part_count - position) * sizeof *use->parts);
}

/* Only files are so many. */
static void sort_parts(struct memory_use *use)
{
    struct memory_part rest = {.category = MEMORY_FILES, .name = (char *)(uintptr_t) "other files"};
    if (use->part_count > 0)
        qsort(use->parts, use->part_count, sizeof *use->parts, compare_parts);
    for (size_t i = use->part_count; i-- > 0 && use->part_count >= PARTS_MAX;) {
        if (use->parts[i].category != MEMORY_FILES)
            continue;
        rest.count += use->parts[i].count;
        add_amount(&rest.amount, &use->parts[i].amount);
        drop_part(use, i);
    }
    if (rest.count == 0)
        return;
    memory_use_add_part(use, &rest);
    qsort(use->parts, use->part_count, sizeof *use->parts, compare_parts);
}

void memory_measure(const struct memory_measure_input *input, struct memory_use *use)
{
    const struct residency *residency = input->residency;
    struct memory_painter painter = {.input = input, .use = use};
    struct target_modules modules;
    struct word_cache *words = word_cache_create(input->memory);
    target_modules_find(&modules, &residency->mappings, words);
    use->is_measured = true;
    use->figures.virtual_bytes = residency->virtual_bytes;
    use->figures.resident_bytes = residency->resident_bytes;
    use->figures.swapped_bytes = residency->swapped_bytes;
    use->figures.reserved_bytes = 0;
    paint_runtimes(&painter);
    paint_own(&painter);
    paint_stacks(&painter, &modules, words);
    paint_variables(&painter, &modules);
    memory_heap_paint(&painter, &modules, words);
    range_list_sort(&painter.taken);
    for (size_t i = 0; i < residency->mappings.count; i++)
        paint_rest(&painter, &residency->mappings.items[i]);
    sort_parts(use);
    hash_map_clear(&painter.parts);
    range_list_clear(&painter.taken);
    target_modules_clear(&modules);
    word_cache_destroy(words);
}
