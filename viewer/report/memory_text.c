/* What a process's memory is used for, for people: by category and part, and what keeps memory that
 * is free from going back to the system, with what can be done about it. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "report/formats.h"
#include "report/memory_report.h"
#include "report/site_line.h"

enum {
    CATEGORIES_IN_A_LINE = 5,
    PARTS_SHOWN = 8, /* of a category */
    HOLDERS_SHOWN = 3,
    ARENAS_SHOWN = 4, /* of threads */
    SIZE_COLUMNS = 11
};

#define WORTH_BYTES (UINT64_C(1) << 20) /* what is free in a heap, to be spoken of */

static bool is_known(uint64_t figure)
{
    return figure != MEMORY_NOT_KNOWN;
}

/* ---- in a few lines ---- */

static void write_sum(struct page *page, const struct memory_use *use)
{
    enum memory_category order[MEMORY_CATEGORY_COUNT];
    struct text line = {0};
    uint64_t rest = use->figures.resident_bytes;
    units_add_size(&line, use->figures.resident_bytes);
    text_add(&line, " of ");
    units_add_size(&line, use->figures.virtual_bytes);
    text_add(&line, " virtual:");
    memory_sort_categories(use, order);
    for (size_t i = 0; i < CATEGORIES_IN_A_LINE; i++) {
        uint64_t bytes = use->categories[order[i]].resident_bytes;
        if (bytes == 0)
            break;
        text_print(&line, "%s %s ", i > 0 ? "," : "", memory_category_title(order[i]));
        units_add_size(&line, bytes);
        rest -= bytes < rest ? bytes : rest;
    }
    if (rest > 0) {
        text_add(&line, ", the rest ");
        units_add_size(&line, rest);
    }
    page_label_line(page, "Resident", &line);
}

/* "4001 bytes of <listcomp> at frag.py:3". */
static void add_pin(struct page *page, struct text *line, const struct memory_pin *pin,
                    uint32_t site)
{
    units_add_size(line, pin->bytes);
    if (pin->is_cached)
        text_add(line, " that are free, in the cache of a thread");
    else if (site == MEMORY_NO_SITE)
        text_add(line, " that nobody recorded");
    else
        page_add_site(page, line, site);
}

/* The block that holds most of what the last few blocks of a heap hold. */
static size_t find_heaviest(const struct memory_use *use, uint64_t arena)
{
    size_t heaviest = use->pin_count;
    for (size_t i = 0; i < use->pin_count; i++)
        if (use->pins[i].arena == arena &&
            (heaviest == use->pin_count ||
             use->pins[i].free_bytes > use->pins[heaviest].free_bytes))
            heaviest = i;
    return heaviest;
}

static void write_end_of(struct page *page, const struct process_memory *memory, uint64_t arena)
{
    const struct memory_use *use = &memory->use;
    struct text line = {0};
    size_t first = 0, heaviest = find_heaviest(use, arena);
    while (first < use->pin_count && use->pins[first].arena != arena)
        first++;
    if (first == use->pin_count || use->pins[heaviest].free_bytes < WORTH_BYTES / 4)
        return;
    text_add(&line, "the last block of ");
    if (arena == 0)
        text_add(&line, "the main heap, ");
    else
        text_print(&line, "arena %" PRIu64 ", ", arena);
    add_pin(page, &line, &use->pins[first], memory->pin_sites[first]);
    text_add(&line, ", keeps ");
    units_add_size(&line, use->pins[first].free_bytes);
    text_add(&line, " of free memory before it from going back");
    if (heaviest != first && use->pins[heaviest].free_bytes > use->pins[first].free_bytes) {
        text_print(&line, "; %zu before it, ", heaviest - first);
        add_pin(page, &line, &use->pins[heaviest], memory->pin_sites[heaviest]);
        text_add(&line, ", keeps ");
        units_add_size(&line, use->pins[heaviest].free_bytes);
    }
    page_label_line(page, "Heap end", &line);
}

static void write_holders(struct page *page, const struct process_memory *memory)
{
    const struct memory_use *use = &memory->use;
    /* What a single one keeps was told of the heap's end, or is no pattern. */
    if (use->holder_count > 0 && use->holders[0].blocks == 1)
        return;
    for (size_t i = 0; i < use->holder_count && i < HOLDERS_SHOWN; i++) {
        const struct memory_holder *holder = &use->holders[i];
        char count[UNITS_TEXT_BYTES];
        struct text line = {0};
        if (holder->free_bytes < WORTH_BYTES)
            break;
        units_add_size(&line, holder->free_bytes);
        text_print(&line, " free before %s block%s (", units_format_count(holder->blocks, count),
                   holder->blocks == 1 ? "" : "s");
        units_add_size(&line, holder->bytes);
        text_add(&line, ")");
        if (memory->holder_sites[i] == MEMORY_NO_SITE)
            text_add(&line, " that nobody recorded");
        else
            page_add_site(page, &line, memory->holder_sites[i]);
        page_label_line(page, i == 0 ? "Between" : "", &line);
    }
}

static void write_free(struct page *page, const struct process_memory *memory)
{
    const struct memory_figures *figures = &memory->use.figures;
    struct text line = {0};
    if (!is_known(figures->trimmable_bytes))
        return;
    if (figures->trimmable_bytes >= WORTH_BYTES) {
        text_add(&line, "malloc_trim(0) would give back ");
        units_add_size(&line, figures->trimmable_bytes);
        page_label_line(page, "Trimmable", &line);
    }
    if (figures->main_free_bytes >= WORTH_BYTES)
        write_end_of(page, memory, 0);
    for (uint64_t arena = 1; arena <= figures->arenas && arena <= ARENAS_SHOWN; arena++)
        if (figures->arena_free_bytes >= WORTH_BYTES)
            write_end_of(page, memory, arena);
    write_holders(page, memory);
    for (size_t i = 0; i < memory->advice_count; i++) {
        text_add(&line, memory->advice[i].setting);
        text_add(&line, ": ");
        text_add(&line, memory->advice[i].text);
        page_label_line(page, i == 0 ? "Would help" : "", &line);
    }
}

void memory_write_text(struct page *page, const struct process_memory *memory)
{
    char when[UNITS_TEXT_BYTES];
    if (memory == NULL || !memory->use.is_measured)
        return;
    page_heading(page, "All memory, at snapshot %" PRIu64 ", %s after the start",
                 memory->snapshot_id, units_format_duration(memory->time_ns, when));
    page_end_line(page);
    write_sum(page, &memory->use);
    write_free(page, memory);
}

/* ---- by category ---- */

static void write_amount(struct page *page, const struct memory_amount *amount)
{
    char cell[UNITS_TEXT_BYTES];
    page_add_right(page, SIZE_COLUMNS, units_format_size(amount->resident_bytes, cell));
    page_add_right(page, SIZE_COLUMNS, units_format_size(amount->virtual_bytes, cell));
}

static void write_part(struct page *page, const struct memory_part *part)
{
    char cell[UNITS_TEXT_BYTES];
    write_amount(page, &part->amount);
    page_add(page, "    ");
    if (part->count > 1)
        page_add(page, "%s x ", units_format_count(part->count, cell));
    page_add_foreign(page, part->name, page_left(page, 20));
    page_end_line(page);
}

static void write_parts(struct page *page, const struct memory_use *use, size_t category,
                        uint64_t limit)
{
    struct memory_amount rest = {0};
    uint64_t shown = 0, left = 0;
    char cell[UNITS_TEXT_BYTES];
    for (size_t i = 0; i < use->part_count; i++) {
        const struct memory_part *part = &use->parts[i];
        if (part->category != category)
            continue;
        if (limit == 0 || shown < limit) {
            write_part(page, part);
            shown++;
            continue;
        }
        rest.resident_bytes += part->amount.resident_bytes;
        rest.virtual_bytes += part->amount.virtual_bytes;
        left++;
    }
    if (left == 0)
        return;
    write_amount(page, &rest);
    page_add(page, "    and %s more", units_format_count(left, cell));
    page_end_line(page);
}

static void write_head(struct page *page)
{
    page_set_style(page, PAGE_DIM);
    page_add_right(page, SIZE_COLUMNS, "Resident");
    page_add_right(page, SIZE_COLUMNS, "Virtual");
    page_add(page, "  Category");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static void write_categories(struct page *page, const struct memory_use *use, uint64_t limit)
{
    const struct memory_amount sum = {use->figures.virtual_bytes, use->figures.resident_bytes};
    enum memory_category order[MEMORY_CATEGORY_COUNT];
    char size[UNITS_TEXT_BYTES];
    memory_sort_categories(use, order);
    page_end_line(page);
    write_head(page);
    for (size_t i = 0; i < MEMORY_CATEGORY_COUNT; i++) {
        const struct memory_amount *amount = &use->categories[order[i]];
        if (amount->virtual_bytes == 0)
            continue;
        page_set_style(page, PAGE_BOLD);
        write_amount(page, amount);
        page_add(page, "  %s", memory_category_title(order[i]));
        page_set_style(page, PAGE_PLAIN);
        page_end_line(page);
        write_parts(page, use, order[i], limit);
    }
    write_amount(page, &sum);
    page_add(page, "  all");
    page_end_line(page);
    if (is_known(use->figures.reserved_bytes) && use->figures.reserved_bytes > 0) {
        page_add(page, "  of the virtual size %s is reserved, not resident",
                 units_format_size(use->figures.reserved_bytes, size));
        page_end_line(page);
    }
}

static void write_process(struct page *page, const struct report_options *options, uint32_t process)
{
    const struct process_memory *memory = memory_uses_of(options->memories, process);
    const struct profile_process *about = &page->profile->processes[process];
    struct text line = {0};
    page_set_program(page, process);
    if (page->profile->process_count > 1)
        page_heading(page, "Process %" PRIu64 ": %s, pid %" PRIu64, about->about.id,
                     profile_process_name(about), about->about.pid);
    if (memory == NULL) {
        page_label(page, "Not known", "no snapshot of this process tells of its memory");
        return;
    }
    if (!memory->use.is_measured) {
        page_make_safe(&line, memory->use.note);
        page_label_line(page, "Not known", &line);
        return;
    }
    memory_write_text(page, memory);
    if (memory->use.note[0] != '\0') {
        page_make_safe(&line, memory->use.note);
        page_label_line(page, "Note", &line);
    }
    write_categories(page, &memory->use, options->has_limit ? options->query.limit : PARTS_SHOWN);
}

void memory_write_report_text(struct page *page, const struct report_options *options)
{
    uint32_t asked = options->query.process;
    for (uint32_t i = 0; i < page->profile->process_count; i++)
        if (asked == QUERY_ALL_PROCESSES || asked == i)
            write_process(page, options, i);
}
