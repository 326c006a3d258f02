#include "snapshot/residency.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/mapping_search.h"

#define KIB_BYTES UINT64_C(1024)

/* "Rss:       132 kB": of the mapping whose line came last. */
static bool read_figure(const char *line, const char *name, uint64_t *bytes)
{
    if (!text_starts_with(line, name))
        return false;
    uint64_t kib = strtoull(line + strlen(name), NULL, 10);
    *bytes = kib > UINT64_MAX / KIB_BYTES ? 0 : kib * KIB_BYTES;
    return true;
}

/* Lines of mappings begin with a hexadecimal number in small letters, figures with a capital. */
static bool is_figure(const char *line)
{
    return *line >= 'A' && *line <= 'Z';
}

static void take_figure(struct residency *residency, size_t count, const char *line)
{
    if (count == 0 || count > residency->mappings.count)
        return;
    struct residency_mapping *item = &residency->items[count - 1];
    if (!read_figure(line, "Rss:", &item->resident_bytes))
        read_figure(line, "Swap:", &item->swapped_bytes);
}

/* The lines of mappings alone are what /proc/PID/maps says: its parser reads them. */
static char *mapping_lines(const char *smaps)
{
    struct text lines = {0};
    text_add(&lines, "");
    for (const char *at = smaps; *at;) {
        size_t length = strcspn(at, "\n");
        length += at[length] == '\n';
        if (!is_figure(at))
            text_add_bytes(&lines, at, length);
        at += length;
    }
    return text_take(&lines);
}

/* The parser leaves out what makes no sense; figures are of the mapping with this beginning. */
static void take_figures(struct residency *residency, const char *smaps)
{
    size_t count = 0;
    bool is_known = false;
    for (const char *at = smaps; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        if (is_figure(at)) {
            if (is_known)
                take_figure(residency, count, at);
            continue;
        }
        uint64_t start = strtoull(at, NULL, 16);
        is_known = count < residency->mappings.count &&
                   residency->mappings.items[count].start == start;
        count += is_known;
    }
}

/* Where all of it is there or nothing, and where it is one thing whatever is there, its pages need
 * not be looked at. */
static void look_at_pages(struct residency *residency, size_t position,
                          const struct target_memory *memory)
{
    const struct target_mapping *mapping = &residency->mappings.items[position];
    struct residency_mapping *item = &residency->items[position];
    uint64_t bytes = mapping->end - mapping->start, start, end;
    if (mapping->inode != 0 || item->resident_bytes == 0 || item->resident_bytes >= bytes ||
        memory == NULL || !memory->find_touched)
        return;
    for (uint64_t at = mapping->start;
         at < mapping->end && memory->find_touched(memory->context, at, mapping->end, &start, &end);
         at = end) {
        if (start < at || end <= start || end > mapping->end)
            return;
        range_list_add(&residency->touched, start, end);
        item->touched_bytes += end - start;
    }
}

/* How much of it is there, by its pages alone. */
static uint64_t count_pages(const struct target_mapping *mapping,
                            const struct target_memory *memory)
{
    uint64_t bytes = 0, start, end;
    for (uint64_t at = mapping->start;
         at < mapping->end && memory->find_touched(memory->context, at, mapping->end, &start, &end);
         at = end) {
        if (start < at || end <= start || end > mapping->end)
            break;
        bytes += end - start;
    }
    return bytes;
}

/* What a fork leaves behind: pages of files, which the copy would map anew, and of what was to be
 * wiped. */
static bool is_left_behind(const struct residency *residency, size_t position)
{
    return residency->mappings.items[position].inode != 0 ||
           residency->items[position].resident_bytes == 0;
}

void residency_sum_up(struct residency *residency)
{
    uint64_t before = 0;
    range_list_sort(&residency->touched);
    residency->touched_before = memory_allocate_zeroed(residency->touched.count + 1,
                                                       sizeof *residency->touched_before);
    for (size_t i = 0; i < residency->touched.count; i++) {
        residency->touched_before[i] = before;
        before += residency->touched.items[i].end - residency->touched.items[i].start;
    }
    for (size_t i = 0; i < residency->mappings.count; i++) {
        const struct target_mapping *mapping = &residency->mappings.items[i];
        residency->virtual_bytes += mapping->end - mapping->start;
        residency->resident_bytes += residency->items[i].resident_bytes;
        residency->swapped_bytes += residency->items[i].swapped_bytes;
    }
}

void residency_parse_copied(struct residency *residency, const char *smaps,
                            const struct target_memory *memory, const struct target_memory *process)
{
    *residency = (struct residency){0};
    char *lines = mapping_lines(smaps);
    target_mappings_parse(&residency->mappings, lines);
    free(lines);
    residency->items = memory_allocate_zeroed(residency->mappings.count + 1,
                                              sizeof *residency->items);
    take_figures(residency, smaps);
    for (size_t i = 0; i < residency->mappings.count; i++) {
        bool is_of_process = process != NULL && is_left_behind(residency, i);
        if (is_of_process)
            residency->items[i].resident_bytes = count_pages(&residency->mappings.items[i],
                                                             process);
        look_at_pages(residency, i, is_of_process ? process : memory);
    }
    residency_sum_up(residency);
}

void residency_parse(struct residency *residency, const char *smaps,
                     const struct target_memory *memory)
{
    residency_parse_copied(residency, smaps, memory, NULL);
}

static char *read_smaps(uint32_t pid, struct error *error)
{
    char path[64], piece[32768];
    struct text text = {0};
    ssize_t count;
    snprintf(path, sizeof path, "/proc/%u/smaps", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot read %s", path);
        return NULL;
    }
    while ((count = read(fd, piece, sizeof piece)) > 0)
        text_add_bytes(&text, piece, (size_t)count);
    close(fd);
    if (text.count == 0) {
        error_set(error, "%s is empty", path);
        text_clear(&text);
        return NULL;
    }
    return text_take(&text);
}

static void take(struct residency *residency, char *smaps, struct target_process *process)
{
    struct target_memory memory = {0};
    if (process != NULL)
        memory = target_process_memory(process);
    residency_parse(residency, smaps, process != NULL ? &memory : NULL);
    target_process_close(process);
    free(smaps);
}

bool residency_read(struct residency *residency, uint32_t pid, struct error *error)
{
    return residency_read_pages(residency, pid) || residency_read_smaps(residency, pid, error);
}

bool residency_read_smaps(struct residency *residency, uint32_t pid, struct error *error)
{
    *residency = (struct residency){0};
    char *smaps = read_smaps(pid, error);
    if (smaps != NULL)
        take(residency, smaps, target_process_open(pid, NULL));
    return smaps != NULL;
}

/* Where they are unknown all pages would count as there. */
static bool are_pages_known(uint32_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/pagemap", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bool residency_read_copied(struct residency *residency, uint32_t copy, uint32_t pid,
                           struct error *error)
{
    struct target_memory memory = {0}, left_behind = {0};
    *residency = (struct residency){0};
    char *smaps = read_smaps(copy, error);
    if (smaps == NULL)
        return false;
    struct target_process *read = target_process_open(copy, NULL);
    struct target_process *process = are_pages_known(pid) ? target_process_open(pid, NULL) : NULL;
    if (read != NULL)
        memory = target_process_memory(read);
    if (process != NULL)
        left_behind = target_process_memory(process);
    residency_parse_copied(residency, smaps, read != NULL ? &memory : NULL,
                           process != NULL ? &left_behind : NULL);
    target_process_close(read);
    target_process_close(process);
    free(smaps);
    return true;
}

bool residency_ask(struct residency *residency, struct target_server *server, struct error *error)
{
    *residency = (struct residency){0};
    char *smaps = target_server_read_text(server, EXCHANGE_SMAPS, error);
    if (smaps != NULL)
        take(residency, smaps, target_process_serve(server));
    return smaps != NULL;
}

void residency_clear(struct residency *residency)
{
    target_mappings_clear(&residency->mappings);
    range_list_clear(&residency->touched);
    free(residency->items);
    free(residency->touched_before);
    *residency = (struct residency){0};
}

/* ---- asking ---- */

/* How many touched stretches begin below the address. */
static size_t touched_before(const struct range_list *touched, uint64_t address)
{
    size_t low = 0, high = touched->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (touched->items[middle].start < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Touched bytes below the address. */
static uint64_t touched_below(const struct residency *residency, uint64_t address)
{
    size_t count = touched_before(&residency->touched, address);
    if (count == 0)
        return 0;
    const struct address_range *last = &residency->touched.items[count - 1];
    return residency->touched_before[count - 1] +
           ((address < last->end ? address : last->end) - last->start);
}

/* part * share / whole, for any of them. */
static uint64_t scale(uint64_t part, uint64_t share, uint64_t whole)
{
    return (uint64_t)((unsigned __int128)part * share / whole);
}

static uint64_t count_in(const struct residency *residency, size_t position, uint64_t start,
                         uint64_t end)
{
    const struct target_mapping *mapping = &residency->mappings.items[position];
    const struct residency_mapping *item = &residency->items[position];
    if (item->resident_bytes == 0)
        return 0;
    if (item->touched_bytes == 0)
        return item->resident_bytes == mapping->end - mapping->start
                   ? end - start
                   : scale(end - start, item->resident_bytes, mapping->end - mapping->start);
    uint64_t touched = touched_below(residency, end) - touched_below(residency, start);
    return item->touched_bytes <= item->resident_bytes
               ? touched
               : scale(touched, item->resident_bytes, item->touched_bytes);
}

uint64_t residency_count(const struct residency *residency, uint64_t start, uint64_t end)
{
    uint64_t bytes = 0;
    const struct target_mappings *mappings = &residency->mappings;
    for (size_t i = mapping_first_behind(mappings, start);
         i < mappings->count && mappings->items[i].start < end; i++) {
        const struct target_mapping *mapping = &mappings->items[i];
        bytes += count_in(residency, i, start > mapping->start ? start : mapping->start,
                          end < mapping->end ? end : mapping->end);
    }
    return bytes;
}

struct residency_stretch residency_find_stretch(const struct residency *residency, uint64_t address)
{
    const struct range_list *touched = &residency->touched;
    const struct target_mapping *mapping = mapping_search(&residency->mappings, address);
    struct residency_stretch stretch = {0};
    if (mapping == NULL)
        return stretch;
    const struct residency_mapping *item = &residency->items[mapping - residency->mappings.items];
    uint64_t bytes = mapping->end - mapping->start;
    if (item->resident_bytes == 0 || item->resident_bytes == bytes)
        return (struct residency_stretch){mapping->start, mapping->end, item->resident_bytes != 0};
    if (item->touched_bytes == 0 || item->touched_bytes > item->resident_bytes)
        return stretch;
    size_t before = touched_before(touched, address + 1);
    stretch = (struct residency_stretch){mapping->start, mapping->end, false};
    if (before > 0 && touched->items[before - 1].end > address) {
        stretch.is_resident = true;
        stretch.start = touched->items[before - 1].start;
        stretch.end = touched->items[before - 1].end;
    } else {
        if (before > 0)
            stretch.start = touched->items[before - 1].end;
        if (before < touched->count)
            stretch.end = touched->items[before].start;
    }
    if (stretch.start < mapping->start)
        stretch.start = mapping->start;
    if (stretch.end > mapping->end)
        stretch.end = mapping->end;
    return stretch;
}
