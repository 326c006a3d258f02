#include "cli/root_list.h"

#include <string.h>

#include "cli/word_list.h"
#include "snapshot/snapshot.h"

/* Each by both of its names: of one root, as reports have it, and of all, as in --no-root-stacks. */
static const char *name_at(unsigned position)
{
    static const char *const plurals[SNAPSHOT_ROOT_KIND_COUNT] = {
        "globals", "stacks", "registers", "tls", "keys", "threads", "regions", "mappings"};
    if (position < SNAPSHOT_ROOT_KIND_COUNT)
        return snapshot_root_kind_name((enum snapshot_root_kind)position);
    position -= SNAPSHOT_ROOT_KIND_COUNT;
    return position < SNAPSHOT_ROOT_KIND_COUNT ? plurals[position] : NULL;
}

bool root_list_parse_off(const char *list, uint64_t *off, struct error *error)
{
    unsigned on = 0;
    if (list == NULL)
        return true;
    if (strcmp(list, "none") != 0 && !word_list_parse("roots", list, name_at, &on, error))
        return false;
    on |= on >> SNAPSHOT_ROOT_KIND_COUNT;
    *off |= ~(uint64_t)on & ((UINT64_C(1) << SNAPSHOT_ROOT_KIND_COUNT) - 1);
    return true;
}
