#include "analysis/memory_diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"

static const char large_objects[] = "large objects";

/* ---- which processes ---- */

static const struct process_memory *find_largest(const struct memory_uses *memories,
                                                 const struct python_heaps *pythons)
{
    const struct process_memory *largest = NULL;
    for (size_t i = 0; memories != NULL && i < memories->count; i++) {
        const struct process_memory *memory = &memories->items[i];
        bool is_python = python_heaps_of(pythons, memory->process) != NULL;
        bool was_python = largest != NULL && python_heaps_of(pythons, largest->process) != NULL;
        if (!memory->use.is_measured || (was_python && !is_python))
            continue;
        if (largest == NULL || (is_python && !was_python) ||
            memory->use.figures.resident_bytes > largest->use.figures.resident_bytes)
            largest = memory;
    }
    return largest;
}

/* ---- reasons ---- */

/* Those of the side that has more of it. */
struct reasoning {
    const struct memory_use *use;
    const struct python_heap *python; /* NULL: it has none that could be read */
};

static const struct memory_part *largest_part(const struct memory_use *use,
                                              enum memory_category category)
{
    const struct memory_part *largest = NULL;
    for (size_t i = 0; i < use->part_count; i++)
        if (use->parts[i].category == category &&
            (largest == NULL ||
             use->parts[i].amount.resident_bytes > largest->amount.resident_bytes))
            largest = &use->parts[i];
    return largest;
}

static bool is_known(const struct reasoning *reasoning, uint64_t figure)
{
    return reasoning->python != NULL && figure != PYTHON_NOT_KNOWN;
}

static void tell_files(const struct reasoning *reasoning, struct text *text)
{
    const struct memory_part *part = largest_part(reasoning->use, MEMORY_FILES);
    if (part == NULL)
        return;
    const char *name = text_file_name(part->name);
    text_print(text, "%s alone has ", name);
    units_add_size(text, part->amount.resident_bytes);
    if (text_starts_with(name, "libpypy"))
        text_add(text, ": the interpreter's code, and objects that were made when it was built");
    else
        text_add(text, " of code and data");
}

static void tell_nursery(const struct reasoning *reasoning, struct text *text)
{
    const struct python_heap *python = reasoning->python;
    uint64_t excess = memory_nursery_excess(
        reasoning->use->categories[MEMORY_GC_NURSERY].resident_bytes);
    text_add(text, "all objects are made in a nursery first");
    for (size_t i = 0; python != NULL && i < python->text_count; i++)
        if (python->texts[i].kind == PYTHON_TEXT_NURSERY) {
            text_print(text, ": %s", python->texts[i].text);
            break;
        }
    if (excess == 0)
        return;
    text_add(text, " (" MEMORY_NURSERY_SETTING " has ");
    units_add_size(text, excess);
    text_add(text, " less of it)");
}

static void tell_old(const struct reasoning *reasoning, struct text *text)
{
    text_add(text, "arenas of objects that outlived the nursery");
    if (!is_known(reasoning, reasoning->python ? reasoning->python->figures.unreached_bytes : 0) ||
        reasoning->python->figures.unreached_bytes == 0)
        return;
    text_add(text, "; nothing was found to refer to ");
    units_add_size(text, reasoning->python->figures.unreached_bytes);
    text_add(text, " of all old objects: they go at the next major collection, not when they die");
}

static void tell_large(const struct reasoning *reasoning, struct text *text)
{
    text_add(text, "objects that are too large for arenas, each from malloc");
    if (!is_known(reasoning, reasoning->python ? reasoning->python->figures.large_objects : 0))
        return;
    text_add(text, ": ");
    units_add_count(text, reasoning->python->figures.large_objects);
    text_add(text, " of them");
}

static void tell_code(const struct reasoning *reasoning, struct text *text)
{
    const struct memory_part *part = largest_part(reasoning->use, MEMORY_JIT);
    uint64_t bytes = reasoning->use->categories[MEMORY_JIT].virtual_bytes;
    text_add(text, "machine code that was made of loops that ran often");
    if (part == NULL || part->count == 0)
        return;
    text_add(text, ", in ");
    units_add_count(text, part->count);
    text_print(text, " piece%s of ", part->count == 1 ? "" : "s");
    units_add_size(text, bytes / part->count);
    if (reasoning->python != NULL)
        text_add(text, " (--jit off makes none)");
}

static void tell_arenas(const struct reasoning *reasoning, struct text *text)
{
    text_add(text, "arenas of small objects, each freed when its reference count falls to 0");
    if (!is_known(reasoning, reasoning->python ? reasoning->python->figures.arenas : 0))
        return;
    text_add(text, ": ");
    units_add_size(text, reasoning->python->figures.live_bytes);
    text_add(text, " of them are live");
}

static void tell_free(const struct reasoning *reasoning, struct text *text)
{
    text_add(text, "freed, and kept by malloc");
    if (reasoning->use->figures.trimmable_bytes == MEMORY_NOT_KNOWN)
        return;
    text_add(text, ": malloc_trim(0) would give back ");
    units_add_size(text, reasoning->use->figures.trimmable_bytes);
}

static void tell_stacks(const struct reasoning *reasoning, struct text *text)
{
    if (reasoning->use->figures.stack_count == MEMORY_NOT_KNOWN)
        return;
    units_add_count(text, reasoning->use->figures.stack_count);
    text_print(text, " stack%s", reasoning->use->figures.stack_count == 1 ? "" : "s");
}

static void tell_shared(const struct reasoning *reasoning, struct text *text)
{
    (void)reasoning;
    text_add(text, "shared with other processes");
}

static void tell_live(const struct reasoning *reasoning, struct text *text)
{
    (void)reasoning;
    text_add(text, "blocks from malloc that were in use");
}

static void tell_overhead(const struct reasoning *reasoning, struct text *text)
{
    (void)reasoning;
    text_add(text, "heads of blocks, and what rounding costs");
}

static void tell_anonymous(const struct reasoning *reasoning, struct text *text)
{
    (void)reasoning;
    text_add(text, "mapped by the program itself");
}

static void tell_other(const struct reasoning *reasoning, struct text *text)
{
    (void)reasoning;
    text_add(text, "seep's own memory in the process, and the kernel's pages");
}

static char *make_reason(const struct memory_diff_row *row, const struct reasoning *reasoning)
{
    static void (*const tellers[MEMORY_CATEGORY_COUNT])(const struct reasoning *, struct text *) = {
        [MEMORY_HEAP_LIVE] = tell_live,
        [MEMORY_HEAP_FREE] = tell_free,
        [MEMORY_HEAP_OVERHEAD] = tell_overhead,
        [MEMORY_PYTHON_ARENAS] = tell_arenas,
        [MEMORY_GC_NURSERY] = tell_nursery,
        [MEMORY_GC_OLD] = tell_old,
        [MEMORY_JIT] = tell_code,
        [MEMORY_STACKS] = tell_stacks,
        [MEMORY_FILES] = tell_files,
        [MEMORY_ANONYMOUS] = tell_anonymous,
        [MEMORY_SHARED] = tell_shared,
        [MEMORY_OTHER] = tell_other,
    };
    struct text text = {0};
    text_add(&text, "");
    if (row->part != NULL)
        tell_large(reasoning, &text);
    else
        tellers[row->category](reasoning, &text);
    return text_take(&text);
}

/* ---- rows ---- */

static struct memory_amount amount_of(const struct memory_use *use, enum memory_category category,
                                      const char *name)
{
    struct memory_amount amount = {0};
    for (size_t i = 0; i < use->part_count; i++)
        if (use->parts[i].category == category && strcmp(use->parts[i].name, name) == 0)
            amount = use->parts[i].amount;
    return amount;
}

static void add_row(struct memory_diff *diff, struct memory_diff_row *row)
{
    row->change = diff_change(row->amounts[DIFF_BASE].resident_bytes,
                              row->amounts[DIFF_OTHER].resident_bytes);
    if (row->change == 0)
        return;
    enum diff_side more = row->change > 0 ? DIFF_OTHER : DIFF_BASE;
    const struct process_python *python = diff->pythons[more];
    const struct reasoning reasoning = {
        .use = &diff->memories[more]->use,
        .python = python != NULL && python->heap.is_read ? &python->heap : NULL,
    };
    row->reason = make_reason(row, &reasoning);
    diff->rows = memory_grow(diff->rows, &diff->row_capacity, diff->row_count + 1,
                             sizeof *diff->rows);
    diff->rows[diff->row_count++] = *row;
}

/* Large objects of a collector are told apart from its arenas. */
static void add_category(struct memory_diff *diff, enum memory_category category)
{
    struct memory_diff_row all = {.category = category};
    struct memory_diff_row large = {.category = category, .part = large_objects};
    for (int side = 0; side < DIFF_SIDES; side++) {
        const struct memory_use *use = &diff->memories[side]->use;
        all.amounts[side] = use->categories[category];
        if (category != MEMORY_GC_OLD)
            continue;
        large.amounts[side] = amount_of(use, category, large_objects);
        all.amounts[side].resident_bytes -= large.amounts[side].resident_bytes;
        all.amounts[side].virtual_bytes -= large.amounts[side].virtual_bytes;
    }
    add_row(diff, &all);
    add_row(diff, &large);
}

static uint64_t size_of(int64_t change)
{
    return change < 0 ? 0 - (uint64_t)change : (uint64_t)change;
}

static int compare_rows(const void *left, const void *right)
{
    const struct memory_diff_row *a = left, *b = right;
    if (size_of(a->change) != size_of(b->change))
        return size_of(a->change) < size_of(b->change) ? 1 : -1;
    if (a->category != b->category)
        return a->category < b->category ? -1 : 1;
    return (a->part != NULL) - (b->part != NULL);
}

void memory_diff_run(const struct memory_diff_input *input, struct memory_diff *diff)
{
    *diff = (struct memory_diff){0};
    for (int side = 0; side < DIFF_SIDES; side++) {
        diff->memories[side] = find_largest(input->memories[side], input->pythons[side]);
        if (diff->memories[side] == NULL)
            return;
        diff->pythons[side] = python_heaps_of(input->pythons[side], diff->memories[side]->process);
    }
    diff->is_known = true;
    diff->change = diff_change(diff->memories[DIFF_BASE]->use.figures.resident_bytes,
                               diff->memories[DIFF_OTHER]->use.figures.resident_bytes);
    for (int i = 0; i < MEMORY_CATEGORY_COUNT; i++)
        add_category(diff, (enum memory_category)i);
    if (diff->row_count > 0)
        qsort(diff->rows, diff->row_count, sizeof *diff->rows, compare_rows);
}

void memory_diff_clear(struct memory_diff *diff)
{
    for (size_t i = 0; i < diff->row_count; i++)
        free(diff->rows[i].reason);
    free(diff->rows);
    *diff = (struct memory_diff){0};
}

void memory_diff_name(const struct memory_diff *diff, const struct profile *profile,
                      enum diff_side side, char *name, size_t name_bytes)
{
    const struct process_python *python = diff->pythons[side];
    const struct profile_process *process = &profile->processes[diff->memories[side]->process];
    if (python != NULL)
        snprintf(name, name_bytes, "%s %s", python->heap.implementation, python->heap.version);
    else
        snprintf(name, name_bytes, "%s", profile_process_name(process));
}
