#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_server.h"

/* What stands at the front of a line that is left to be read. */
struct line {
    const char *at, *end;
};

static bool skip_letter(struct line *line, char letter)
{
    bool is_there = line->at < line->end && *line->at == letter;
    line->at += is_there;
    return is_there;
}

/* Neither strtoull nor sscanf: lines are read by the dozen for each process that ends. */
static bool read_number(struct line *line, unsigned base, uint64_t *number)
{
    const char *begin = line->at;
    *number = 0;
    for (; line->at < line->end; line->at++) {
        unsigned char letter = (unsigned char)*line->at;
        unsigned digit = letter - (unsigned)'0';
        if (digit > 9)
            digit = letter >= 'a' ? letter - (unsigned)'a' + 10 : base;
        if (digit >= base)
            break;
        if (*number > (UINT64_MAX - digit) / base)
            return false;
        *number = *number * base + digit;
    }
    return line->at != begin;
}

static bool read_modes(struct line *line, uint32_t *flags)
{
    static const struct {
        char letter;
        uint32_t flag;
    } modes[] = {{'r', TARGET_MAPPING_READ},
                 {'w', TARGET_MAPPING_WRITE},
                 {'x', TARGET_MAPPING_EXECUTE},
                 {'s', TARGET_MAPPING_SHARED}};
    const size_t count = sizeof modes / sizeof *modes;
    *flags = 0;
    if ((size_t)(line->end - line->at) < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (line->at[i] == modes[i].letter)
            *flags |= modes[i].flag;
    line->at += count;
    return true;
}

/* start-end rwxp offset major:minor inode   path (Documentation/filesystems/proc.rst). The kernel
 * writes a line feed in a name as \012. */
static bool parse_line(const char *text, size_t length, struct target_mapping *mapping)
{
    struct line line = {text, text + length};
    uint64_t major, minor;
    *mapping = (struct target_mapping){0};
    if (!read_number(&line, 16, &mapping->start) || !skip_letter(&line, '-') ||
        !read_number(&line, 16, &mapping->end) || !skip_letter(&line, ' ') ||
        !read_modes(&line, &mapping->flags) || !skip_letter(&line, ' ') ||
        !read_number(&line, 16, &mapping->offset) || !skip_letter(&line, ' ') ||
        !read_number(&line, 16, &major) || !skip_letter(&line, ':') ||
        !read_number(&line, 16, &minor) || !skip_letter(&line, ' ') ||
        !read_number(&line, 10, &mapping->inode) || mapping->start >= mapping->end)
        return false;
    while (skip_letter(&line, ' '))
        ;
    size_t path_bytes = (size_t)(line.end - line.at);
    mapping->path = memory_allocate(path_bytes + 1);
    memcpy(mapping->path, line.at, path_bytes);
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
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    struct text text = {0};
    char piece[16384];
    ssize_t count;
    while ((count = read(fd, piece, sizeof piece)) > 0)
        text_add_bytes(&text, piece, (size_t)count);
    close(fd);
    target_mappings_parse(mappings, text_get(&text));
    text_clear(&text);
    return mappings->count > 0 || error_set(error, "%s is empty: the process is gone", path);
}

bool target_mappings_ask(struct target_mappings *mappings, struct target_server *server,
                         struct error *error)
{
    *mappings = (struct target_mappings){0};
    char *text = target_server_read_text(server, EXCHANGE_MAPS, error);
    if (text == NULL)
        return false;
    target_mappings_parse(mappings, text);
    free(text);
    return mappings->count > 0 || error_set(error, "the process has no mappings");
}

void target_mappings_clear(struct target_mappings *mappings)
{
    for (size_t i = 0; i < mappings->count; i++)
        free(mappings->items[i].path);
    free(mappings->items);
    *mappings = (struct target_mappings){0};
}
