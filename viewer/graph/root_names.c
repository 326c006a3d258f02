#include "graph/root_names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/text.h"
#include "symbols/variables.h"

struct naming {
    const struct profile *profile;
    const struct snapshot *snapshot;
    const struct symbolizer_options *options;
    struct root_names *names;
    size_t capacity;
    struct hash_index index;      /* of names by kind, module and text */
    struct variables **variables; /* by module; NULL = not opened */
};

/* ---- names of slots ---- */

static struct variables *variables_of(struct naming *naming, uint32_t position)
{
    const struct snapshot_module *module = &naming->snapshot->modules[position];
    const struct symbolizer_module wanted = {.path = module->path,
                                             .fd = -1,
                                             .build_id = module->build_id,
                                             .build_id_bytes = module->build_id_bytes};

    if (!naming->variables[position])
        naming->variables[position] = variables_open(&wanted, naming->options);
    return naming->variables[position];
}

/* What versions of the C++ library's classes add to names is nothing that people write. */
static void drop_tags(char *name)
{
    static const char tag[] = "[abi:cxx11]";

    for (char *at = strstr(name, tag); at; at = strstr(at, tag))
        memmove(at, at + sizeof tag - 1, strlen(at + sizeof tag - 1) + 1);
}

static const struct snapshot_module *module_of(const struct naming *naming,
                                               const struct snapshot_root *root)
{
    return root->module < naming->snapshot->module_count ? &naming->snapshot->modules[root->module]
                                                         : NULL;
}

static void name_variable(struct naming *naming, const struct snapshot_root *root, struct text *out)
{
    const struct snapshot_module *module = module_of(naming, root);
    bool is_tls = root->kind == SNAPSHOT_ROOT_TLS;
    uint64_t start;
    char *name = NULL;

    if (module && is_tls)
        name = variables_find_thread_local(variables_of(naming, root->module), root->number,
                                           &start);
    else if (module)
        name = variables_find(variables_of(naming, root->module), root->address - module->bias,
                              &start);
    if (name)
        drop_tags(name);
    if (name)
        text_add(out, name);
    else
        text_print(out, "%s of %s", is_tls ? "thread-local data" : "data",
                   module ? text_file_name(module->path) : "an unknown module");
    free(name);
}

/* Where the frame that an address of a stack lies in stands in the source: frames are listed by
 * address, each from its stack pointer on. NULL: not known. */
static const struct profile_location *
location_at(const struct naming *naming, const struct snapshot_thread *thread, uint64_t address)
{
    const struct profile *profile = naming->profile;
    const struct snapshot_frame *frames = &naming->snapshot->frames[thread->first_frame];
    uint32_t low = 0, high = thread->frame_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (frames[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || frames[low - 1].frame_id >= profile->frame_count)
        return NULL;
    return &profile->locations[profile->frames[frames[low - 1].frame_id].first_location];
}

/* `is_likeness`: without what is another in each process, and at each instant. */
static void name_thread(const struct naming *naming, const struct snapshot_root *root,
                        bool is_likeness, struct text *out)
{
    const struct snapshot_thread *thread = root->thread < naming->snapshot->thread_count
                                               ? &naming->snapshot->threads[root->thread]
                                               : NULL;
    const struct profile_location *location = NULL;

    if (!thread) {
        text_add(out, "a thread");
        return;
    }
    if (root->kind == SNAPSHOT_ROOT_STACK)
        text_add(out, "stack of ");
    text_print(out, "thread \"%.*s\"", (int)sizeof thread->name, thread->name);
    if (!is_likeness)
        text_print(out, " (tid %" PRIu32 ")", thread->tid);
    if (root->kind == SNAPSHOT_ROOT_STACK)
        location = location_at(naming, thread, root->address);
    if (location && location->function)
        text_print(out, ", in %s", location->function);
    if (location && location->function && location->file && !is_likeness)
        text_print(out, " at %s:%" PRIu32, text_file_name(location->file), location->line);
}

static void name_slot(struct naming *naming, const struct snapshot_root *root, bool is_likeness,
                      struct text *out)
{
    switch ((enum snapshot_root_kind)root->kind) {
    case SNAPSHOT_ROOT_GLOBAL:
    case SNAPSHOT_ROOT_TLS:
        name_variable(naming, root, out);
        break;
    case SNAPSHOT_ROOT_STACK:
    case SNAPSHOT_ROOT_THREAD:
        name_thread(naming, root, is_likeness, out);
        break;
    case SNAPSHOT_ROOT_REGISTER:
        text_add(out, "registers of ");
        name_thread(naming, root, is_likeness, out);
        break;
    case SNAPSHOT_ROOT_KEY:
        text_print(out, "pthread key %" PRIu32, root->number);
        break;
    case SNAPSHOT_ROOT_REGION:
        text_print(out, "registered region %" PRIu32, root->number);
        break;
    case SNAPSHOT_ROOT_MAPPING:
        text_add(out, "mappings");
        break;
    case SNAPSHOT_ROOT_PYTHON:
        text_add(out, naming->snapshot->objects->label_texts[root->number]);
        break;
    default:
        text_add(out, "other roots");
    }
}

/* ---- slots of one name ---- */

struct key {
    enum snapshot_root_kind kind;
    const char *module;
    const char *name;
};

static bool is_same(const void *context, uint32_t position, const void *wanted)
{
    const struct root_name *name = &((const struct root_names *)context)->items[position];
    const struct key *key = wanted;

    return name->kind == key->kind && name->module == key->module &&
           strcmp(name->name, key->name) == 0;
}

static char *likeness_of(struct naming *naming, const struct snapshot_root *root)
{
    struct text text = {0};
    char *likeness;

    if (root->kind != SNAPSHOT_ROOT_STACK && root->kind != SNAPSHOT_ROOT_THREAD &&
        root->kind != SNAPSHOT_ROOT_REGISTER)
        return NULL;
    name_slot(naming, root, true, &text);
    likeness = memory_duplicate_text(text_get(&text));
    text_clear(&text);
    return likeness;
}

static uint32_t root_of(struct naming *naming, const struct snapshot_root *root)
{
    struct root_names *names = naming->names;
    const struct snapshot_module *module = module_of(naming, root);
    struct text text = {0};
    struct key key = {.kind = (enum snapshot_root_kind)root->kind,
                      .module = module ? module->path : NULL};
    uint64_t hash;
    uint32_t position;

    name_slot(naming, root, false, &text);
    key.name = text_get(&text);
    hash = hash_bytes(key.name, text.count, (uint64_t)root->kind << 32 ^ root->module);
    position = hash_index_find(&naming->index, hash, &key, is_same, names);
    if (position == HASH_INDEX_NONE) {
        position = names->count;
        names->items = memory_grow(names->items, &naming->capacity, names->count + 1,
                                   sizeof *names->items);
        names->items[names->count++] = (struct root_name){.kind = key.kind,
                                                          .name = memory_duplicate_text(key.name),
                                                          .likeness = likeness_of(naming, root),
                                                          .module = key.module};
        hash_index_add(&naming->index, hash, position);
    }
    text_clear(&text);
    return position;
}

/* ---- order ---- */

struct sortable {
    struct root_name name;
    uint32_t position;
};

static int compare(const void *left, const void *right)
{
    const struct sortable *a = left, *b = right;
    int order;

    if (a->name.kind != b->name.kind)
        return a->name.kind < b->name.kind ? -1 : 1;
    order = strcmp(a->name.name, b->name.name);
    if (order == 0 && a->name.module && b->name.module)
        order = strcmp(a->name.module, b->name.module);
    return order ? order : (a->position > b->position) - (a->position < b->position);
}

static void sort_names(struct root_names *names, size_t slot_count)
{
    struct sortable *list = memory_allocate_zeroed(names->count, sizeof *list);
    uint32_t *places = memory_allocate_zeroed(names->count, sizeof *places);

    for (uint32_t i = 0; i < names->count; i++)
        list[i] = (struct sortable){names->items[i], i};
    if (names->count > 0)
        qsort(list, names->count, sizeof *list, compare);
    for (uint32_t i = 0; i < names->count; i++) {
        names->items[i] = list[i].name;
        places[list[i].position] = i;
    }
    for (size_t i = 0; i < slot_count; i++)
        names->root_of_slot[i] = places[names->root_of_slot[i]];
    free(list);
    free(places);
}

void root_names_find(const struct profile *profile, const struct snapshot *snapshot,
                     const struct symbolizer_options *options, struct root_names *names)
{
    struct naming naming = {
        .profile = profile, .snapshot = snapshot, .options = options, .names = names};

    *names = (struct root_names){0};
    names->root_of_slot = memory_allocate_zeroed(snapshot->root_count, sizeof(uint32_t));
    naming.variables = memory_allocate_zeroed(snapshot->module_count, sizeof(struct variables *));
    for (size_t i = 0; i < snapshot->root_count; i++)
        names->root_of_slot[i] = root_of(&naming, &snapshot->roots[i]);
    sort_names(names, snapshot->root_count);
    for (size_t i = 0; i < snapshot->module_count; i++)
        variables_close(naming.variables[i]);
    free(naming.variables);
    hash_index_clear(&naming.index);
}

void root_names_clear(struct root_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        free(names->items[i].name);
        free(names->items[i].likeness);
    }
    free(names->items);
    free(names->root_of_slot);
    *names = (struct root_names){0};
}
