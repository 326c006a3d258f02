/* "memory" in differences: schema/seep-diff.json describes it. */
#include "config.h"

#include "report/memory_report.h"

static json_t *make_side(const struct memory_diff *diff, const struct profile *profile,
                         enum diff_side side)
{
    const struct process_memory *memory = diff->memories[side];
    const struct process_python *python = diff->pythons[side];
    json_t *object = json_object();
    json_object_set_new(object, "process_id",
                        json_number(profile->processes[memory->process].about.id));
    json_object_set_new(object, "snapshot", json_number(memory->snapshot_id));
    json_object_set_new(object, "implementation",
                        python != NULL ? json_text(python->heap.implementation) : json_null());
    json_object_set_new(object, "version",
                        python != NULL ? json_text(python->heap.version) : json_null());
    json_object_set_new(object, "resident_bytes", json_number(memory->use.figures.resident_bytes));
    json_object_set_new(object, "virtual_bytes", json_number(memory->use.figures.virtual_bytes));
    return object;
}

static json_t *make_row(const struct memory_diff_row *row)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(memory_category_name(row->category)));
    json_object_set_new(object, "part", json_text(row->part));
    json_object_set_new(object, "base_bytes", json_number(row->amounts[DIFF_BASE].resident_bytes));
    json_object_set_new(object, "new_bytes", json_number(row->amounts[DIFF_OTHER].resident_bytes));
    json_object_set_new(object, "change", json_integer(row->change));
    json_object_set_new(object, "reason", json_text(row->reason));
    return object;
}

void memory_add_diff_json(struct json_stream *stream,
                          const struct profile *const profiles[DIFF_SIDES],
                          const struct memory_diff *diff)
{
    if (diff == NULL || !diff->is_known) {
        json_stream_add(stream, "memory", NULL);
        return;
    }
    json_stream_begin_object(stream, "memory");
    json_stream_add(stream, "base", make_side(diff, profiles[DIFF_BASE], DIFF_BASE));
    json_stream_add(stream, "new", make_side(diff, profiles[DIFF_OTHER], DIFF_OTHER));
    json_stream_add(stream, "change", json_integer(diff->change));
    json_stream_begin_array(stream, "categories");
    for (size_t i = 0; i < diff->row_count; i++)
        json_stream_add(stream, NULL, make_row(&diff->rows[i]));
    json_stream_end(stream);
    json_stream_end(stream);
}
