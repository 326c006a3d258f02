#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/snapshot_scan.h"

/* start-end rwxp offset major:minor inode   path (Documentation/filesystems/proc.rst). The kernel
 * writes a line feed in a name as \012. */
static bool parse_line(const char *line, size_t length, struct target_mapping *mapping)
{
    char head[128];
    size_t head_bytes = length < sizeof head - 1 ? length : sizeof head - 1;
    memcpy(head, line, head_bytes);
    head[head_bytes] = '\0';
    char modes[5];
    int path_offset = 0;
    *mapping = (struct target_mapping){0};
    if (sscanf(head, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n",
               &mapping->start, &mapping->end, modes, &mapping->offset, &mapping->inode,
               &path_offset) < 5 ||
        path_offset <= 0 || (size_t)path_offset > length || mapping->start >= mapping->end)
        return false;
    static const struct {
        char letter;
        int position;
        uint32_t flag;
    } flags[] = {{'r', 0, TARGET_MAPPING_READ},
                 {'w', 1, TARGET_MAPPING_WRITE},
                 {'x', 2, TARGET_MAPPING_EXECUTE},
                 {'s', 3, TARGET_MAPPING_SHARED}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (modes[flags[i].position] == flags[i].letter)
            mapping->flags |= flags[i].flag;
    size_t path_bytes = length - (size_t)path_offset;
    mapping->path = memory_allocate(path_bytes + 1);
    memcpy(mapping->path, line + path_offset, path_bytes);
    mapping->path[path_bytes] = '\0';
    return true;
}

void target_mappings_parse(struct target_mappings *mappings, const char *text)
{
    *mappings = (struct target_mappings){0};
    uint64_t end = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        struct target_mapping mapping;
        if (parse_line(text, length, &mapping)) {
            if (mapping.start >= end) {
                mappings->items = memory_grow(mappings->items, &mappings->capacity,
                                              mappings->count + 1, sizeof *mappings->items);
                mappings->items[mappings->count++] = mapping;
                end = mapping.end;
            } else {
                free(mapping.path); /* the list changed while it was read */
            }
        }
        text += length;
        if (*text)
            text++;
    }
}

bool target_mappings_read(struct target_mappings *mappings, uint32_t pid, struct error *error)
{
    char path[64];
    *mappings = (struct target_mappings){0};
    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set_errno(error, errno, "cannot read %s", path);
    struct text text = {0};
    char piece[16384];
    size_t count;
    while ((count = fread(piece, 1, sizeof piece, file)) > 0)
        text_add_bytes(&text, piece, count);
    fclose(file);
    target_mappings_parse(mappings, text_get(&text));
    text_clear(&text);
    return mappings->count > 0 || error_set(error, "%s is empty: the process is gone", path);
}

void target_mappings_clear(struct target_mappings *mappings)
{
    for (size_t i = 0; i < mappings->count; i++)
        free(mappings->items[i].path);
    free(mappings->items);
    *mappings = (struct target_mappings){0};
}
