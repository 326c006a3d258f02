#include "graph/object_labels.h"

#include <inttypes.h>

#include "snapshot/python_graph.h"

static bool add_label(const struct snapshot *snapshot, uint64_t reference, struct text *out)
{
    const struct snapshot_objects *objects = snapshot->objects;
    uint32_t label = objects->labels[reference];

    if (label == PYTHON_GRAPH_NO_LABEL)
        return false;
    if (label < PYTHON_GRAPH_TEXTS)
        text_print(out, "[%" PRIu32 "]", label);
    else if (label - PYTHON_GRAPH_TEXTS < objects->label_count)
        text_add(out, objects->label_texts[label - PYTHON_GRAPH_TEXTS]);
    return true;
}

bool object_labels_add(const struct snapshot *snapshot, uint32_t from, uint32_t to,
                       struct text *out)
{
    if (!snapshot->objects)
        return false;
    for (uint64_t i = snapshot->first_reference[from]; i < snapshot->first_reference[from + 1]; i++)
        if (snapshot->references[i].block == to && add_label(snapshot, i, out))
            return true;
    return false;
}

bool object_labels_add_slot(const struct snapshot *snapshot, uint32_t from, uint64_t slot,
                            struct text *out)
{
    if (!snapshot->objects)
        return false;
    uint64_t reference = snapshot_first_reference_from(snapshot, from, slot);
    return reference < snapshot->first_reference[from + 1] &&
           snapshot->references[reference].slot == slot && add_label(snapshot, reference, out);
}
