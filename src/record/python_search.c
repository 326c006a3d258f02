#include "record/python_search.h"

#include <string.h>

#include "base/memory.h"

enum {
    STRANGERS_MAX = 1 << 14
};

void python_search_clear(struct python_search *search)
{
    hash_map_clear(&search->strangers);
}

/* A build-id is as good as random, all over. */
static uint64_t key_of(const struct snapshot_module *module)
{
    uint64_t key;
    memcpy(&key, module->build_id, sizeof key);
    return key;
}

static bool has_key(const struct snapshot_module *module)
{
    return module->build_id_bytes >= sizeof(uint64_t);
}

/* Without modules nothing is known of it. */
static bool are_all_strangers(const struct python_search *search, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->module_count; i++)
        if (!has_key(&snapshot->modules[i]) ||
            hash_map_find(&search->strangers, key_of(&snapshot->modules[i])) == NULL)
            return false;
    return snapshot->module_count != 0;
}

static void remember(struct python_search *search, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->module_count; i++)
        if (has_key(&snapshot->modules[i]) && search->strangers.count < STRANGERS_MAX)
            hash_map_put(&search->strangers, key_of(&snapshot->modules[i]), NULL);
}

bool python_search_has_none(const struct python_search *search, const struct snapshot *snapshot)
{
    return search != NULL && are_all_strangers(search, snapshot);
}

void python_search_read(struct python_search *search, const struct python_runtimes_input *input,
                        struct snapshot *snapshot)
{
    snapshot->python = memory_allocate(sizeof *snapshot->python);
    python_runtimes_read(input, snapshot->python);
    if (search != NULL && !snapshot->python->is_present)
        remember(search, snapshot);
}
