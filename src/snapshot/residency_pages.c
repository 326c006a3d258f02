/* The kernel writes 25 lines for each mapping in /proc/PID/smaps, of which two are of interest:
 * that takes longer than all the rest of a look at a small process. Its page tables say the same at
 * a fraction of the price, where nothing is swapped out (of shared memory they do not tell) and no
 * mapping is of a kind that counts otherwise. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/residency.h"
#include "wire/pagemap_scan.h"

enum {
    REGIONS_MAX = 1024 /* of one answer */
};

struct page_walk {
    struct residency *residency;
    int fd;
    size_t position; /* of the mapping that the last region was in */
};

static bool is_anything_swapped(void)
{
    struct sysinfo info;
    return sysinfo(&info) != 0 || info.freeswap != info.totalswap;
}

/* Of devices and the like the tables may hold what is no memory. */
static bool is_plain(const struct target_mapping *mapping)
{
    const char *path = mapping->path;
    return !text_starts_with(path, "anon_inode:") &&
           (!text_starts_with(path, "/dev/") || text_starts_with(path, "/dev/shm/") ||
            text_starts_with(path, "/dev/zero"));
}

static bool is_of_process(const struct target_mapping *mapping)
{
    return strcmp(mapping->path, "[vsyscall]") != 0;
}

static void take_part(struct page_walk *walk, size_t position, uint64_t start, uint64_t end)
{
    const struct target_mapping *mapping = &walk->residency->mappings.items[position];
    walk->residency->items[position].resident_bytes += end - start;
    if (mapping->inode == 0)
        range_list_add(&walk->residency->touched, start, end);
}

/* False: this kind of pages is counted otherwise. */
static bool take_region(struct page_walk *walk, const struct pagemap_region *region)
{
    const struct target_mappings *mappings = &walk->residency->mappings;
    if (region->categories & PAGEMAP_SCAN_SWAPPED)
        return false;
    if (region->categories & PAGEMAP_SCAN_ZERO)
        return true;
    for (size_t i = walk->position; i < mappings->count; i++) {
        const struct target_mapping *mapping = &mappings->items[i];
        if (mapping->end <= region->start)
            continue;
        if (mapping->start >= region->end)
            break;
        walk->position = i;
        /* Huge pages that are reserved for that do not count. */
        if ((region->categories & PAGEMAP_SCAN_HUGE) && mapping->inode != 0)
            return false;
        take_part(walk, i, region->start > mapping->start ? region->start : mapping->start,
                  region->end < mapping->end ? region->end : mapping->end);
    }
    return true;
}

static bool walk_pages(struct page_walk *walk, uint64_t start, uint64_t end)
{
    struct pagemap_region regions[REGIONS_MAX];
    while (start < end) {
        struct pagemap_scan scan = {
            .size = sizeof scan,
            .start = start,
            .end = end,
            .regions = (uintptr_t)regions,
            .region_count = REGIONS_MAX,
            .category_anyof_mask = PAGEMAP_SCAN_TOUCHED,
            .return_mask = PAGEMAP_SCAN_TOUCHED | PAGEMAP_SCAN_ZERO | PAGEMAP_SCAN_HUGE,
        };
        int count = ioctl(walk->fd, PAGEMAP_SCAN_REQUEST, &scan);
        if (count < 0 || scan.walk_end <= start)
            return false;
        for (int i = 0; i < count; i++)
            if (!take_region(walk, &regions[i]))
                return false;
        start = scan.walk_end;
    }
    return true;
}

/* As in residency_parse: where all of it is there, and of files, pages count alike. */
static void settle_touched(struct residency *residency)
{
    struct range_list touched = {0};
    size_t position = 0;
    range_list_sort(&residency->touched);
    for (size_t i = 0; i < residency->mappings.count; i++) {
        const struct target_mapping *mapping = &residency->mappings.items[i];
        struct residency_mapping *item = &residency->items[i];
        if (mapping->inode != 0 || item->resident_bytes == mapping->end - mapping->start)
            continue;
        for (; position < residency->touched.count; position++) {
            const struct address_range *range = &residency->touched.items[position];
            if (range->start >= mapping->end)
                break;
            uint64_t start = range->start > mapping->start ? range->start : mapping->start;
            uint64_t end = range->end < mapping->end ? range->end : mapping->end;
            range_list_add(&touched, start, end);
            item->touched_bytes += end > start ? end - start : 0;
            if (range->end > mapping->end)
                break; /* it goes on in the next one */
        }
    }
    range_list_clear(&residency->touched);
    residency->touched = touched;
}

static bool read_mappings(struct page_walk *walk)
{
    const struct target_mappings *mappings = &walk->residency->mappings;
    size_t count = mappings->count;
    while (count > 0 && !is_of_process(&mappings->items[count - 1]))
        count--;
    for (size_t i = 0; i < count; i++)
        if (!is_plain(&mappings->items[i]))
            return false;
    return count > 0 && walk_pages(walk, mappings->items[0].start, mappings->items[count - 1].end);
}

bool residency_read_pages(struct residency *residency, uint32_t pid)
{
    char path[64];
    struct page_walk walk = {.residency = residency};
    *residency = (struct residency){0};
    if (is_anything_swapped() || !target_mappings_read(&residency->mappings, pid, NULL))
        return false;
    residency->items = memory_allocate_zeroed(residency->mappings.count + 1,
                                              sizeof *residency->items);
    snprintf(path, sizeof path, "/proc/%u/pagemap", pid);
    walk.fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_read = walk.fd >= 0 && read_mappings(&walk);
    if (walk.fd >= 0)
        close(walk.fd);
    if (!is_read) {
        residency_clear(residency);
        return false;
    }
    settle_touched(residency);
    residency_sum_up(residency);
    return true;
}
