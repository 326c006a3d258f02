/* The summary's largest sites. */
#ifndef SEEP_REPORT_SUMMARY_SITES_H
#define SEEP_REPORT_SUMMARY_SITES_H

#include <stdint.h>

#include "report/page.h"

/* At most `limit` lines: where the process at this position held memory at its peak. */
void summary_write_sites(struct page *page, uint32_t process, unsigned limit);

#endif
