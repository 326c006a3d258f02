/* The kernel's PAGEMAP_SCAN (Documentation/admin-guide/mm/pagemap.rst, since 6.7), for headers that
 * do not know it. */
#ifndef SEEP_WIRE_PAGEMAP_SCAN_H
#define SEEP_WIRE_PAGEMAP_SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

struct pagemap_scan {
    uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct pagemap_region {
    uint64_t start, end, categories;
};

#define PAGEMAP_SCAN_REQUEST _IOWR('f', 16, struct pagemap_scan)
#define PAGEMAP_SCAN_PRESENT UINT64_C(8)
#define PAGEMAP_SCAN_SWAPPED UINT64_C(16)
#define PAGEMAP_SCAN_ZERO    UINT64_C(32) /* the kernel's own page of zeroes stands there */
#define PAGEMAP_SCAN_HUGE    UINT64_C(64)
#define PAGEMAP_SCAN_TOUCHED (PAGEMAP_SCAN_PRESENT | PAGEMAP_SCAN_SWAPPED)

#endif
