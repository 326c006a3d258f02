#include "snapshot/libc_facts.h"

#include <string.h>

struct libc_build *libc_facts_find(struct libc_facts *facts, const struct target_module *module)
{
    if (facts == NULL || module->build_id_bytes == 0)
        return NULL;
    for (size_t i = 0; i < facts->count; i++) {
        struct libc_build *build = &facts->builds[i];
        if (build->id_bytes == module->build_id_bytes &&
            memcmp(build->id, module->build_id, build->id_bytes) == 0)
            return build;
    }
    if (facts->count == LIBC_BUILDS_MAX)
        return NULL;
    struct libc_build *build = &facts->builds[facts->count++];
    memcpy(build->id, module->build_id, sizeof build->id);
    build->id_bytes = module->build_id_bytes;
    return build;
}
