#include "analysis/memory_uses.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "analysis/site_numbers.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"
#include "snapshot/snapshot.h"

enum {
    WORTH_SHARE = 20,             /* of what is resident: a twentieth is worth to speak of */
    LARGE_BLOCK_BYTES = 32 << 10, /* from here on a block may well be mapped alone */
    TRIM_THRESHOLD_BYTES = 128 << 10
};

#define WORTH_BYTES          (UINT64_C(1) << 20)
#define MODEST_NURSERY_BYTES (UINT64_C(4) << 20) /* PyPy's own choice where it knows no cache */

/* ---- categories ---- */

const char *memory_category_title(enum memory_category category)
{
    static const char *const titles[MEMORY_CATEGORY_COUNT] = {
        [MEMORY_HEAP_LIVE] = "live heap",
        [MEMORY_HEAP_FREE] = "free heap",
        [MEMORY_HEAP_OVERHEAD] = "overhead of the heap",
        [MEMORY_PYTHON_ARENAS] = "Python arenas",
        [MEMORY_GC_NURSERY] = "nursery",
        [MEMORY_GC_OLD] = "old generation",
        [MEMORY_JIT] = "JIT code",
        [MEMORY_STACKS] = "stacks",
        [MEMORY_FILES] = "files",
        [MEMORY_ANONYMOUS] = "anonymous",
        [MEMORY_SHARED] = "shared",
        [MEMORY_OTHER] = "other",
    };
    return titles[category];
}

void memory_sort_categories(const struct memory_use *use,
                            enum memory_category order[MEMORY_CATEGORY_COUNT])
{
    for (size_t i = 0; i < MEMORY_CATEGORY_COUNT; i++) {
        size_t at = i;
        for (; at > 0 &&
               use->categories[order[at - 1]].resident_bytes < use->categories[i].resident_bytes;
             at--)
            order[at] = order[at - 1];
        order[at] = (enum memory_category)i;
    }
}

/* ---- which snapshot ---- */

static unsigned rank(const struct recording_snapshot *head, const struct memory_use *use)
{
    return use->is_measured ? snapshot_reason_rank((enum snapshot_reason)head->reason) : 1;
}

static bool find_of_process(struct memory_uses *uses, uint32_t process,
                            const struct snapshot_list *list, uint64_t process_id,
                            struct recording_reader *reader, struct error *error)
{
    struct process_memory best = {.process = process};
    unsigned best_rank = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct recording_snapshot *head = &list->heads[i];
        struct memory_use use;
        bool is_found;
        if (head->process_id != process_id)
            continue;
        memory_use_init(&use);
        if (!memory_use_read(reader, head->id, &use, &is_found, error)) {
            memory_use_clear(&best.use);
            return false;
        }
        if (!is_found || rank(head, &use) < best_rank) {
            memory_use_clear(&use);
            continue;
        }
        memory_use_clear(&best.use);
        best_rank = rank(head, &use);
        best.snapshot_id = head->id;
        best.time_ns = head->time_ns;
        best.use = use;
    }
    if (best_rank == 0)
        return true;
    uses->items = memory_grow(uses->items, &uses->capacity, uses->count + 1, sizeof *uses->items);
    uses->items[uses->count++] = best;
    return true;
}

/* ---- sites ---- */

static uint32_t site_of(const struct site_numbers *sites, uint64_t id)
{
    return id != MEMORY_SITE_UNKNOWN ? site_numbers_find(sites, id) : MEMORY_NO_SITE;
}

static void find_sites(struct process_memory *memory, const struct profile *profile)
{
    struct site_numbers sites;
    site_numbers_init(&sites, profile, memory->process);
    memory->pin_sites = memory_allocate_zeroed(memory->use.pin_count + 1,
                                               sizeof *memory->pin_sites);
    memory->holder_sites = memory_allocate_zeroed(memory->use.holder_count + 1,
                                                  sizeof *memory->holder_sites);
    for (size_t i = 0; i < memory->use.pin_count; i++)
        memory->pin_sites[i] = site_of(&sites, memory->use.pins[i].site);
    for (size_t i = 0; i < memory->use.holder_count; i++)
        memory->holder_sites[i] = site_of(&sites, memory->use.holders[i].site);
    site_numbers_clear(&sites);
}

struct line_search {
    const struct profile_location *found;
};

static bool is_no_python(void *context, const struct profile_frame *frame,
                         const struct profile_location *location)
{
    struct line_search *search = context;
    if (frame->kind != RECORDING_FRAME_PYTHON)
        return true;
    search->found = location;
    return false;
}

const struct profile_location *memory_site_location(const struct profile *profile, uint32_t site)
{
    struct line_search search = {0};
    struct place place;
    if (site >= profile->site_count)
        return NULL;
    uint32_t node = profile->sites[site].stack_node;
    profile_visit_stack(profile, node, is_no_python, &search);
    if (search.found != NULL)
        return search.found;
    place_find(profile, node, PLACE_NAMED_CALLER, &place);
    return place_named_location(&place);
}

uint64_t memory_pinned_bytes(const struct memory_use *use, size_t pins)
{
    uint64_t bytes = use->figures.main_top_bytes != MEMORY_NOT_KNOWN ? use->figures.main_top_bytes
                                                                     : 0;
    for (size_t i = 0; i < use->pin_count && pins > 0; i++)
        if (use->pins[i].arena == 0) {
            bytes += use->pins[i].free_bytes;
            pins--;
        }
    return bytes;
}

/* ---- what can be done ---- */

static bool is_worth(const struct memory_use *use, uint64_t bytes)
{
    return bytes != MEMORY_NOT_KNOWN && bytes >= WORTH_BYTES &&
           bytes >= use->figures.resident_bytes / WORTH_SHARE;
}

static void add_advice(struct process_memory *memory, const char *setting, uint64_t bytes,
                       struct text *text)
{
    memory->advice = memory_grow(memory->advice, &memory->advice_capacity, memory->advice_count + 1,
                                 sizeof *memory->advice);
    memory->advice[memory->advice_count++] = (struct memory_advice){setting, bytes,
                                                                    text_take(text)};
}

static void advise_arenas(struct process_memory *memory)
{
    const struct memory_figures *figures = &memory->use.figures;
    char size[UNITS_TEXT_BYTES];
    struct text text = {0};
    if (figures->arenas == MEMORY_NOT_KNOWN || figures->arenas < 2 ||
        !is_worth(&memory->use, figures->arena_free_bytes))
        return;
    text_print(&text,
               "%llu arenas of threads keep %s that is free, each for itself: fewer arenas share "
               "it (threads then wait for each other more often)",
               (unsigned long long)figures->arenas,
               units_format_size(figures->arena_free_bytes, size));
    add_advice(memory, "MALLOC_ARENA_MAX=2", figures->arena_free_bytes, &text);
}

/* glibc trims the top by itself at 128 KiB, until a large block was freed: then at twice its size.
 */
static void advise_top(struct process_memory *memory)
{
    const struct memory_figures *figures = &memory->use.figures;
    char size[UNITS_TEXT_BYTES];
    struct text text = {0};
    if (!is_worth(&memory->use, figures->trimmable_top_bytes) ||
        figures->trimmable_top_bytes <= TRIM_THRESHOLD_BYTES)
        return;
    text_print(&text,
               "%s are free behind the heap's last block: glibc keeps so much since a large block "
               "was freed; with a fixed threshold it gives that back",
               units_format_size(figures->trimmable_top_bytes, size));
    add_advice(memory, "MALLOC_TRIM_THRESHOLD_=131072", figures->trimmable_top_bytes, &text);
}

/* Only blocks that are large enough to have pages of their own are helped by them. */
static void advise_mapping(struct process_memory *memory)
{
    const struct memory_use *use = &memory->use;
    uint64_t free_bytes = 0, blocks = 0, bytes = 0;
    char size[UNITS_TEXT_BYTES];
    struct text text = {0};
    for (size_t i = 0; i < use->holder_count; i++) {
        if (use->holders[i].blocks == 0 ||
            use->holders[i].bytes / use->holders[i].blocks < LARGE_BLOCK_BYTES)
            continue;
        free_bytes += use->holders[i].free_bytes;
        blocks += use->holders[i].blocks;
        bytes += use->holders[i].bytes;
    }
    if (!is_worth(use, free_bytes))
        return;
    text_print(&text, "%s are free between blocks of ", units_format_size(free_bytes, size));
    text_print(&text, "%s on average: mapped one by one, each goes back when it is freed",
               units_format_size(bytes / blocks, size));
    add_advice(memory, "MALLOC_MMAP_THRESHOLD_=32768", free_bytes, &text);
}

static void advise_trim(struct process_memory *memory)
{
    const struct memory_figures *figures = &memory->use.figures;
    char size[UNITS_TEXT_BYTES], share[UNITS_TEXT_BYTES];
    struct text text = {0};
    if (!is_worth(&memory->use, figures->trimmable_bytes))
        return;
    text_print(&text,
               "after work that frees much, gives back whole pages between live blocks too: now "
               "%s of the %s that are resident",
               units_format_size(figures->trimmable_bytes, size),
               units_format_size(figures->resident_bytes, share));
    add_advice(memory, "malloc_trim(0)", figures->trimmable_bytes, &text);
}

uint64_t memory_nursery_excess(uint64_t nursery_bytes)
{
    return nursery_bytes == MEMORY_NOT_KNOWN || nursery_bytes < 2 * MODEST_NURSERY_BYTES
               ? 0
               : nursery_bytes - MODEST_NURSERY_BYTES;
}

static void advise_nursery(struct process_memory *memory)
{
    uint64_t bytes = memory->use.categories[MEMORY_GC_NURSERY].resident_bytes;
    uint64_t excess = memory_nursery_excess(bytes);
    char size[UNITS_TEXT_BYTES];
    struct text text = {0};
    if (excess == 0 || !is_worth(&memory->use, excess))
        return;
    text_print(&text,
               "%s are resident of the nursery in which PyPy makes all objects: a smaller one is "
               "collected more often",
               units_format_size(bytes, size));
    add_advice(memory, MEMORY_NURSERY_SETTING, excess, &text);
}

static int compare_advice(const void *left, const void *right)
{
    const struct memory_advice *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return strcmp(a->setting, b->setting);
}

static void advise(struct process_memory *memory)
{
    if (!memory->use.is_measured)
        return;
    advise_trim(memory);
    advise_arenas(memory);
    advise_top(memory);
    advise_mapping(memory);
    advise_nursery(memory);
    if (memory->advice_count > 0)
        qsort(memory->advice, memory->advice_count, sizeof *memory->advice, compare_advice);
}

/* ---- all of it ---- */

bool memory_uses_find(struct memory_uses *uses, const struct profile *profile,
                      struct recording_reader *reader, struct error *error)
{
    struct snapshot_list list;
    *uses = (struct memory_uses){0};
    if (!snapshot_list_read(&list, reader, error))
        return false;
    bool is_good = true;
    for (uint32_t i = 0; i < profile->process_count && is_good; i++)
        is_good = find_of_process(uses, i, &list, profile->processes[i].about.id, reader, error);
    snapshot_list_clear(&list);
    for (size_t i = 0; i < uses->count; i++) {
        find_sites(&uses->items[i], profile);
        advise(&uses->items[i]);
    }
    if (!is_good)
        memory_uses_clear(uses);
    return is_good;
}

void memory_uses_clear(struct memory_uses *uses)
{
    for (size_t i = 0; i < uses->count; i++) {
        struct process_memory *memory = &uses->items[i];
        for (size_t j = 0; j < memory->advice_count; j++)
            free(memory->advice[j].text);
        free(memory->advice);
        free(memory->pin_sites);
        free(memory->holder_sites);
        memory_use_clear(&memory->use);
    }
    free(uses->items);
    *uses = (struct memory_uses){0};
}

const struct process_memory *memory_uses_of(const struct memory_uses *uses, uint32_t process)
{
    for (size_t i = 0; uses != NULL && i < uses->count; i++)
        if (uses->items[i].process == process)
            return &uses->items[i];
    return NULL;
}
