#include "config.h"

#include "report/json_stacks.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"

enum {
    MOST_KEPT_BYTES = 256 << 20 /* names may be long where a recording is forged */
};

static const char *kind_name(const struct profile_frame *frame)
{
    static const char *const names[] = {[RECORDING_FRAME_NATIVE] = "native",
                                        [RECORDING_FRAME_JIT] = "jit",
                                        [RECORDING_FRAME_UNKNOWN] = "unknown",
                                        [RECORDING_FRAME_OMITTED] = "unknown",
                                        [RECORDING_FRAME_PYTHON] = "python"};
    return names[frame->kind];
}

static json_t *make_frame(const struct profile *profile, const struct profile_frame *frame,
                          const struct profile_location *location)
{
    const struct profile_module *module = frame->module_plus_1
                                              ? &profile->modules[frame->module_plus_1 - 1]
                                              : NULL;
    bool is_omission = frame->kind == RECORDING_FRAME_OMITTED;
    bool is_jit = frame->kind == RECORDING_FRAME_JIT;
    bool has_name = location->is_symbolized || is_omission || is_jit;
    json_t *object = json_object();
    json_object_set_new(object, "kind", json_string(kind_name(frame)));
    json_object_set_new(object, "function", json_text(has_name ? location->function : NULL));
    json_object_set_new(object, "file", json_text(location->file));
    json_object_set_new(object, "line", location->line ? json_number(location->line) : json_null());
    json_object_set_new(object, "module", json_text(module ? module->path : NULL));
    json_object_set_new(object, "build_id",
                        json_text(module && module->build_id[0] ? module->build_id : NULL));
    bool has_offset = !is_omission && !is_jit && frame->kind != RECORDING_FRAME_PYTHON;
    json_object_set_new(object, "offset", has_offset ? json_address(frame->offset) : json_null());
    json_object_set_new(object, "inlined", json_boolean(location->is_inlined));
    json_object_set_new(object, "tail_call", json_boolean(frame->is_tail_call));
    return object;
}

void json_stacks_init(struct json_stacks *stacks, const struct profile *profile)
{
    *stacks = (struct json_stacks){.profile = profile};
    stacks->texts = memory_allocate_zeroed(profile->location_count, sizeof *stacks->texts);
}

void json_stacks_clear(struct json_stacks *stacks)
{
    for (size_t i = 0; stacks->profile && i < stacks->profile->location_count; i++)
        free(stacks->texts[i]);
    free(stacks->texts);
    *stacks = (struct json_stacks){0};
}

struct stack_writing {
    struct json_stacks *stacks;
    struct json_stream *stream;
};

static bool write_location(void *context, const struct profile_frame *frame,
                           const struct profile_location *location)
{
    struct stack_writing *writing = context;
    struct json_stacks *stacks = writing->stacks;
    char **kept = &stacks->texts[location - stacks->profile->locations];
    if (*kept) {
        json_stream_add_written(writing->stream, *kept);
        return true;
    }
    json_t *object = make_frame(stacks->profile, frame, location);
    char *text = json_dumps(object, JSON_ENCODE_ANY);
    json_decref(object);
    json_stream_add_written(writing->stream, text ? text : "null");
    size_t bytes = text ? strlen(text) : 0;
    if (bytes && stacks->kept_bytes + bytes <= MOST_KEPT_BYTES) {
        stacks->kept_bytes += bytes;
        *kept = text;
    } else {
        free(text);
    }
    return true;
}

void json_stacks_add(struct json_stacks *stacks, struct json_stream *stream, const char *key,
                     uint32_t node)
{
    struct stack_writing writing = {stacks, stream};
    json_stream_begin_array(stream, key);
    profile_visit_stack(stacks->profile, node, write_location, &writing);
    json_stream_end(stream);
}

void json_stacks_add_site(struct json_stacks *stacks, struct json_stream *stream, uint32_t site)
{
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    if (site >= stacks->profile->site_count) {
        json_stream_add(stream, "fingerprint", NULL);
        json_stream_add(stream, "stack", json_array());
        return;
    }
    const struct profile_site *found = &stacks->profile->sites[site];
    json_stream_add(stream, "fingerprint",
                    json_string(fingerprint_format(found->fingerprint, fingerprint)));
    json_stacks_add(stacks, stream, "stack", found->stack_node);
}
