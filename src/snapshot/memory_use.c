#include "snapshot/memory_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    FIGURE_COUNT = sizeof(struct memory_figures) / sizeof(uint64_t),
    AMOUNT_FIELDS = 2,
    PART_FIELDS = 4,
    PIN_FIELDS = 6,
    HOLDER_FIELDS = 4
};

const char *memory_category_name(enum memory_category category)
{
    static const char *const names[MEMORY_CATEGORY_COUNT] = {
        [MEMORY_HEAP_LIVE] = "heap_live",
        [MEMORY_HEAP_FREE] = "heap_free",
        [MEMORY_HEAP_OVERHEAD] = "heap_overhead",
        [MEMORY_PYTHON_ARENAS] = "python_arenas",
        [MEMORY_GC_NURSERY] = "gc_nursery",
        [MEMORY_GC_OLD] = "gc_old",
        [MEMORY_JIT] = "jit",
        [MEMORY_STACKS] = "stacks",
        [MEMORY_FILES] = "files",
        [MEMORY_ANONYMOUS] = "anonymous",
        [MEMORY_SHARED] = "shared",
        [MEMORY_OTHER] = "other",
    };
    return names[category];
}

void memory_use_init(struct memory_use *use)
{
    *use = (struct memory_use){0};
#define MEMORY_UNKNOWN(name) use->figures.name = MEMORY_NOT_KNOWN;
    MEMORY_FIGURES(MEMORY_UNKNOWN)
#undef MEMORY_UNKNOWN
}

void memory_use_clear(struct memory_use *use)
{
    for (size_t i = 0; i < use->part_count; i++)
        free(use->parts[i].name);
    free(use->parts);
    free(use->pins);
    free(use->holders);
    *use = (struct memory_use){0};
}

void memory_use_add_part(struct memory_use *use, const struct memory_part *part)
{
    use->parts = memory_grow(use->parts, &use->part_capacity, use->part_count + 1,
                             sizeof *use->parts);
    use->parts[use->part_count] = *part;
    use->parts[use->part_count++].name = memory_duplicate_text(part->name);
}

void memory_use_add_pin(struct memory_use *use, const struct memory_pin *pin)
{
    use->pins = memory_grow(use->pins, &use->pin_capacity, use->pin_count + 1, sizeof *use->pins);
    use->pins[use->pin_count++] = *pin;
}

void memory_use_add_holder(struct memory_use *use, const struct memory_holder *holder)
{
    use->holders = memory_grow(use->holders, &use->holder_capacity, use->holder_count + 1,
                               sizeof *use->holders);
    use->holders[use->holder_count++] = *holder;
}

/* ---- writing ---- */

/* All lists of numbers of the record, in one piece of memory. */
struct numbers {
    uint64_t *items;
    size_t count, capacity;
};

static void add_number(struct numbers *numbers, uint64_t number)
{
    numbers->items = memory_grow(numbers->items, &numbers->capacity, numbers->count + 1,
                                 sizeof *numbers->items);
    numbers->items[numbers->count++] = number;
}

static void add_parts(struct numbers *numbers, const struct memory_use *use, const char **names)
{
    for (size_t i = 0; i < use->part_count; i++) {
        names[i] = use->parts[i].name;
        add_number(numbers, use->parts[i].category);
        add_number(numbers, use->parts[i].count);
        add_number(numbers, use->parts[i].amount.virtual_bytes);
        add_number(numbers, use->parts[i].amount.resident_bytes);
    }
}

static void add_pins(struct numbers *numbers, const struct memory_use *use)
{
    for (size_t i = 0; i < use->pin_count; i++) {
        add_number(numbers, use->pins[i].arena);
        add_number(numbers, use->pins[i].address);
        add_number(numbers, use->pins[i].bytes);
        add_number(numbers, use->pins[i].site);
        add_number(numbers, use->pins[i].is_cached);
        add_number(numbers, use->pins[i].free_bytes);
    }
}

static void add_holders(struct numbers *numbers, const struct memory_use *use)
{
    for (size_t i = 0; i < use->holder_count; i++) {
        add_number(numbers, use->holders[i].site);
        add_number(numbers, use->holders[i].blocks);
        add_number(numbers, use->holders[i].bytes);
        add_number(numbers, use->holders[i].free_bytes);
    }
}

void memory_use_write(const struct memory_use *use, uint64_t snapshot_id, snapshot_add_record add,
                      void *context)
{
    const uint64_t figures[] = {
#define MEMORY_VALUE(name) use->figures.name,
        MEMORY_FIGURES(MEMORY_VALUE)
#undef MEMORY_VALUE
    };
    uint64_t categories[MEMORY_CATEGORY_COUNT * AMOUNT_FIELDS];
    struct numbers parts = {0}, pins = {0}, holders = {0};
    const char **names = memory_allocate_zeroed(use->part_count + 1, sizeof *names);
    for (size_t i = 0; i < MEMORY_CATEGORY_COUNT; i++) {
        categories[i * AMOUNT_FIELDS] = use->categories[i].virtual_bytes;
        categories[i * AMOUNT_FIELDS + 1] = use->categories[i].resident_bytes;
    }
    add_parts(&parts, use, names);
    add_pins(&pins, use);
    add_holders(&holders, use);
    const struct recording_snapshot_memory record = {
        .snapshot_id = snapshot_id,
        .is_measured = use->is_measured,
        .note = use->note,
        .figures = {figures, FIGURE_COUNT},
        .categories = {categories, MEMORY_CATEGORY_COUNT * AMOUNT_FIELDS},
        .part_names = {names, use->part_count},
        .parts = {parts.items, parts.count},
        .pins = {pins.items, pins.count},
        .holders = {holders.items, holders.count},
    };
    add(context, RECORDING_snapshot_memory, &record);
    free(names);
    free(parts.items);
    free(pins.items);
    free(holders.items);
}

/* ---- reading ---- */

struct use_reading {
    struct memory_use *use;
    uint64_t snapshot_id;
    bool is_found;
};

static uint64_t list_at(const struct recording_list *list, size_t position)
{
    return position < list->count ? list->items[position] : MEMORY_NOT_KNOWN;
}

static void take_parts(struct memory_use *use, const struct recording_snapshot_memory *record)
{
    for (size_t i = 0; i < record->part_names.count && (i + 1) * PART_FIELDS <= record->parts.count;
         i++) {
        const uint64_t *from = record->parts.items + i * PART_FIELDS;
        if (from[0] < MEMORY_CATEGORY_COUNT)
            memory_use_add_part(
                use, &(struct memory_part){.category = (enum memory_category)from[0],
                                           .name = (char *)(uintptr_t)record->part_names.items[i],
                                           .count = from[1],
                                           .amount = {from[2], from[3]}});
    }
}

static bool take_use(void *context, enum recording_kind kind, const void *read)
{
    (void)kind;
    struct use_reading *reading = context;
    struct memory_use *use = reading->use;
    const struct recording_snapshot_memory *record = read;
    if (record->snapshot_id != reading->snapshot_id || reading->is_found)
        return true;
    reading->is_found = true;
    use->is_measured = record->is_measured != 0;
    snprintf(use->note, sizeof use->note, "%s", record->note);
    size_t position = 0;
#define MEMORY_TAKE(name) use->figures.name = list_at(&record->figures, position++);
    MEMORY_FIGURES(MEMORY_TAKE)
#undef MEMORY_TAKE
    for (size_t i = 0;
         i < MEMORY_CATEGORY_COUNT && (i + 1) * AMOUNT_FIELDS <= record->categories.count; i++)
        use->categories[i] = (struct memory_amount){
            record->categories.items[i * AMOUNT_FIELDS],
            record->categories.items[i * AMOUNT_FIELDS + 1]};
    take_parts(use, record);
    for (size_t i = 0; i + PIN_FIELDS <= record->pins.count; i += PIN_FIELDS) {
        const uint64_t *from = record->pins.items + i;
        memory_use_add_pin(
            use, &(struct memory_pin){from[0], from[1], from[2], from[3], from[4], from[5]});
    }
    for (size_t i = 0; i + HOLDER_FIELDS <= record->holders.count; i += HOLDER_FIELDS) {
        const uint64_t *from = record->holders.items + i;
        memory_use_add_holder(use, &(struct memory_holder){from[0], from[1], from[2], from[3]});
    }
    return true;
}

bool memory_use_read(struct recording_reader *reader, uint64_t snapshot_id, struct memory_use *use,
                     bool *is_found, struct error *error)
{
    struct use_reading reading = {.use = use, .snapshot_id = snapshot_id};
    bool is_good = recording_reader_visit_owned(reader, RECORDING_snapshot_memory, snapshot_id,
                                                take_use, &reading, error);
    *is_found = is_good && reading.is_found;
    if (!is_good)
        memory_use_clear(use);
    return is_good;
}
