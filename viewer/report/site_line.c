#include "report/site_line.h"

#include <inttypes.h>

#include "analysis/memory_uses.h"
#include "analysis/place.h"

void page_add_site(struct page *page, struct text *line, uint32_t site)
{
    const struct profile_location *location = memory_site_location(page->profile, site);
    if (location == NULL)
        return;
    text_add(line, " of ");
    place_shorten_name(location->function, line);
    if (location->file != NULL) {
        text_add(line, " at ");
        page_make_safe(line, page_short_path(page->profile, location->file));
        if (location->line != 0)
            text_print(line, ":%" PRIu32, location->line);
    }
}
