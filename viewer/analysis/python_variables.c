#include "analysis/python_variables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "symbols/variables.h"

#define BEGINNING "(C variable "
#define OF_THREAD "(thread-local C variable "

struct named_module {
    char *path;
    uint8_t *build_id;
    size_t build_id_bytes;
    struct variables *variables; /* NULL = not opened */
};

struct naming {
    uint64_t snapshot_id;
    struct named_module *modules;
    size_t count, capacity;
};

static bool take_module(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct naming *naming = context;
    const struct recording_snapshot_module *read = record;
    if (read->snapshot_id != naming->snapshot_id)
        return true;
    naming->modules = memory_grow(naming->modules, &naming->capacity, naming->count + 1,
                                  sizeof *naming->modules);
    struct named_module *module = &naming->modules[naming->count++];
    *module = (struct named_module){.path = memory_duplicate_text(read->path),
                                    .build_id = memory_allocate(read->build_id.count + 1),
                                    .build_id_bytes = read->build_id.count};
    memcpy(module->build_id, read->build_id.bytes, read->build_id.count);
    return true;
}

static const struct variables *find_variables(struct naming *naming, const char *name, size_t bytes)
{
    static const struct symbolizer_options options = {0};
    for (size_t i = 0; i < naming->count; i++) {
        struct named_module *module = &naming->modules[i];
        const char *file = text_file_name(module->path);
        if (strlen(file) != bytes || memcmp(file, name, bytes) != 0)
            continue;
        const struct symbolizer_module wanted = {.path = module->path,
                                                 .fd = -1,
                                                 .build_id = module->build_id,
                                                 .build_id_bytes = module->build_id_bytes};
        if (module->variables == NULL)
            module->variables = variables_open(&wanted, &options);
        return module->variables;
    }
    return NULL;
}

/* What stands behind the beginning: "_foo.so+0x4048)". Returns how much of it was told in other
 * words; 0: it is left as it is. */
static size_t name_one(struct naming *naming, bool is_thread_local, const char *at,
                       struct text *out)
{
    const char *plus = strstr(at, "+0x"); /* names may have one, as libstdc++.so has */
    size_t bytes = plus != NULL ? (size_t)(plus - at) : 0;
    uint64_t address, start = 0;
    int used = 0;
    if (plus == NULL || sscanf(plus, "+0x%" SCNx64 "%n", &address, &used) != 1 ||
        at[bytes + (size_t)used] != ')')
        return 0;
    const struct variables *variables = find_variables(naming, at, bytes);
    char *name = NULL, *section = NULL;
    if (variables != NULL && is_thread_local)
        name = variables_find_thread_local(variables, address, &start);
    else if (variables != NULL)
        name = variables_find(variables, address, &start);
    if (variables != NULL && !is_thread_local)
        section = variables_find_section(variables, address);
    if (name != NULL && address != start)
        text_print(out, "%s+0x%" PRIx64 " of %.*s", name, address - start, (int)bytes, at);
    else if (name != NULL)
        text_print(out, "%s of %.*s", name, (int)bytes, at);
    else if (section != NULL)
        text_print(out, "%.*s in %s", (int)(bytes + (size_t)used), at, section);
    bool is_told = name != NULL || section != NULL;
    free(name);
    free(section);
    return is_told ? bytes + (size_t)used : 0;
}

static bool has_any(const char *text)
{
    return strstr(text, BEGINNING) != NULL || strstr(text, OF_THREAD) != NULL;
}

static void name_all(struct naming *naming, const char *beginning, char **text)
{
    const bool is_thread_local = strcmp(beginning, OF_THREAD) == 0;
    struct text named = {0};
    const char *at = *text;
    for (const char *found; (found = strstr(at, beginning)) != NULL;) {
        found += strlen(beginning);
        text_add_bytes(&named, at, (size_t)(found - at));
        at = found + name_one(naming, is_thread_local, found, &named);
    }
    if (at != *text) {
        text_add(&named, at);
        free(*text);
        *text = memory_duplicate_text(text_get(&named));
    }
    text_clear(&named);
}

static void name_both(struct naming *naming, char **text)
{
    name_all(naming, BEGINNING, text);
    name_all(naming, OF_THREAD, text);
}

bool python_variables_name(struct python_heap *heap, struct recording_reader *reader,
                           uint64_t snapshot_id, struct error *error)
{
    struct naming naming = {.snapshot_id = snapshot_id};
    bool is_any_there = false, is_read = true;
    for (size_t i = 0; i < heap->text_count; i++)
        is_any_there |= has_any(heap->texts[i].text);
    for (size_t i = 0; i < heap->leak_count; i++)
        is_any_there |= has_any(heap->leaks[i].path);
    if (is_any_there)
        is_read = recording_reader_visit_owned(reader, RECORDING_snapshot_module, snapshot_id,
                                               take_module, &naming, error);
    for (size_t i = 0; is_any_there && i < heap->text_count; i++)
        name_both(&naming, &heap->texts[i].text);
    for (size_t i = 0; is_any_there && i < heap->leak_count; i++)
        name_both(&naming, &heap->leaks[i].path);
    for (size_t i = 0; i < naming.count; i++) {
        variables_close(naming.modules[i].variables);
        free(naming.modules[i].path);
        free(naming.modules[i].build_id);
    }
    free(naming.modules);
    return is_read;
}
