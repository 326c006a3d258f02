/* "categories", "trimmable_bytes" and "memory" in reports: schema/seep-report.json describes them.
 */
#include "config.h"

#include "report/memory_report.h"

static json_t *known(uint64_t figure)
{
    return figure == MEMORY_NOT_KNOWN ? json_null() : json_number(figure);
}

static json_t *make_amount(const char *name, const struct memory_amount *amount)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_text(name));
    json_object_set_new(object, "virtual_bytes", json_number(amount->virtual_bytes));
    json_object_set_new(object, "resident_bytes", json_number(amount->resident_bytes));
    return object;
}

void memory_add_categories(struct json_stream *stream, const struct process_memory *memory)
{
    bool is_known = memory != NULL && memory->use.is_measured;
    json_stream_begin_array(stream, "categories");
    for (int i = 0; is_known && i < MEMORY_CATEGORY_COUNT; i++)
        json_stream_add(
            stream, NULL,
            make_amount(memory_category_name((enum memory_category)i), &memory->use.categories[i]));
    json_stream_end(stream);
    json_stream_add(stream, "trimmable_bytes",
                    is_known ? known(memory->use.figures.trimmable_bytes) : NULL);
}

static json_t *make_parts(const struct memory_use *use)
{
    json_t *list = json_array();
    for (size_t i = 0; i < use->part_count; i++) {
        const struct memory_part *part = &use->parts[i];
        json_t *object = make_amount(part->name, &part->amount);
        json_object_set_new(object, "category", json_string(memory_category_name(part->category)));
        json_object_set_new(object, "count", json_number(part->count));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *make_advice(const struct process_memory *memory)
{
    json_t *list = json_array();
    for (size_t i = 0; i < memory->advice_count; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "setting", json_text(memory->advice[i].setting));
        json_object_set_new(object, "bytes", json_number(memory->advice[i].bytes));
        json_object_set_new(object, "text", json_text(memory->advice[i].text));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *make_figures(const struct memory_figures *figures)
{
    json_t *object = json_object();
#define MEMORY_KEY(name) json_object_set_new(object, #name, known(figures->name));
    MEMORY_FIGURES(MEMORY_KEY)
#undef MEMORY_KEY
    return object;
}

static void add_pins(struct json_stream *stream, struct json_stacks *stacks,
                     const struct process_memory *memory)
{
    json_stream_begin_array(stream, "pins");
    for (size_t i = 0; i < memory->use.pin_count; i++) {
        const struct memory_pin *pin = &memory->use.pins[i];
        json_stream_begin_object(stream, NULL);
        json_stream_add(stream, "arena", json_number(pin->arena));
        json_stream_add(stream, "address", json_address(pin->address));
        json_stream_add(stream, "bytes", json_number(pin->bytes));
        json_stream_add(stream, "cached", json_boolean(pin->is_cached != 0));
        json_stream_add(stream, "free_bytes", json_number(pin->free_bytes));
        json_stacks_add_site(stacks, stream, memory->pin_sites[i]);
        json_stream_end(stream);
    }
    json_stream_end(stream);
}

static void add_holders(struct json_stream *stream, struct json_stacks *stacks,
                        const struct process_memory *memory)
{
    json_stream_begin_array(stream, "holders");
    for (size_t i = 0; i < memory->use.holder_count; i++) {
        const struct memory_holder *holder = &memory->use.holders[i];
        json_stream_begin_object(stream, NULL);
        json_stream_add(stream, "blocks", json_number(holder->blocks));
        json_stream_add(stream, "bytes", json_number(holder->bytes));
        json_stream_add(stream, "free_bytes", json_number(holder->free_bytes));
        json_stacks_add_site(stacks, stream, memory->holder_sites[i]);
        json_stream_end(stream);
    }
    json_stream_end(stream);
}

void memory_add_json(struct json_stream *stream, struct json_stacks *stacks,
                     const struct process_memory *memory)
{
    if (memory == NULL) {
        json_stream_add(stream, "memory", NULL);
        return;
    }
    const struct memory_use *use = &memory->use;
    json_stream_begin_object(stream, "memory");
    json_stream_add(stream, "snapshot", json_number(memory->snapshot_id));
    json_stream_add(stream, "time_ns", json_number(memory->time_ns));
    json_stream_add(stream, "measured", json_boolean(use->is_measured));
    json_stream_add(stream, "note", use->note[0] != '\0' ? json_text(use->note) : NULL);
    json_stream_add(stream, "figures", make_figures(&use->figures));
    json_stream_add(stream, "parts", make_parts(use));
    json_stream_add(stream, "advice", make_advice(memory));
    add_pins(stream, stacks, memory);
    add_holders(stream, stacks, memory);
    json_stream_end(stream);
}
