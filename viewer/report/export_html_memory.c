#include "report/export_html_memory.h"

#include "base/text.h"
#include "base/units.h"
#include "report/json_stream.h"

static void set_amount(json_t *object, const struct memory_amount *amount)
{
    json_object_set_new(object, "resident_bytes", json_number(amount->resident_bytes));
    json_object_set_new(object, "virtual_bytes", json_number(amount->virtual_bytes));
}

static json_t *make_parts(const struct memory_use *use, enum memory_category category)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < use->part_count; i++) {
        const struct memory_part *part = &use->parts[i];
        if (part->category != category)
            continue;
        json_t *object = json_object();
        json_object_set_new(object, "title", json_text(part->name));
        json_object_set_new(object, "count", json_number(part->count));
        set_amount(object, &part->amount);
        json_array_append_new(parts, object);
    }
    return parts;
}

static json_t *make_categories(const struct memory_use *use)
{
    enum memory_category order[MEMORY_CATEGORY_COUNT];
    json_t *categories = json_array();
    memory_sort_categories(use, order);
    for (size_t i = 0; i < MEMORY_CATEGORY_COUNT; i++) {
        const struct memory_amount *amount = &use->categories[order[i]];
        if (amount->virtual_bytes == 0)
            continue;
        json_t *object = json_object();
        json_object_set_new(object, "title", json_string(memory_category_title(order[i])));
        set_amount(object, amount);
        json_object_set_new(object, "parts", make_parts(use, order[i]));
        json_array_append_new(categories, object);
    }
    return categories;
}

static json_t *make_notes(const struct process_memory *memory)
{
    json_t *notes = json_array();
    if (memory->use.note[0])
        json_array_append_new(notes, json_text(memory->use.note));
    for (size_t i = 0; i < memory->advice_count; i++) {
        struct text text = {0};
        text_print(&text, "%s%s%s", memory->advice[i].setting,
                   memory->advice[i].setting[0] ? ": " : "", memory->advice[i].text);
        json_array_append_new(notes, json_text(text_get(&text)));
        text_clear(&text);
    }
    return notes;
}

json_t *export_html_memory(const struct process_memory *memory)
{
    char when[UNITS_TEXT_BYTES];
    struct text text = {0};
    if (!memory || !memory->use.is_measured)
        return json_null();
    const struct memory_figures *figures = &memory->use.figures;
    const struct memory_amount all = {figures->virtual_bytes, figures->resident_bytes};
    json_t *object = json_object();
    text_print(&text, "at snapshot:%llu, %s after the start",
               (unsigned long long)memory->snapshot_id,
               units_format_duration(memory->time_ns, when));
    json_object_set_new(object, "when", json_text(text_get(&text)));
    text_clear(&text);
    set_amount(object, &all);
    json_object_set_new(object, "trimmable_bytes",
                        figures->trimmable_bytes == MEMORY_NOT_KNOWN
                            ? json_null()
                            : json_number(figures->trimmable_bytes));
    json_object_set_new(object, "categories", make_categories(&memory->use));
    json_object_set_new(object, "notes", make_notes(memory));
    return object;
}
