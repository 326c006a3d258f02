/* The heap profile of gperftools as text, for google-pprof, jeprof and pprof:
 *
 *     heap profile: LIVE: BYTES [ALLOCATIONS: ALLOCATED] @ heapprofile
 *         LIVE:    BYTES [ALLOCATIONS: ALLOCATED] @ 0xADDRESS...      a line a site, innermost
 * first MAPPED_LIBRARIES: START-END r-xp 00000000 00:00 0 FILE
 *
 * Its readers name addresses by themselves, from the files: frames are written as addresses in
 * modules that stand one behind the other. Inlined functions have no address, and are not there. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "report/export_parts.h"

static const uint64_t FIRST_ADDRESS = UINT64_C(0x100000000);
static const uint64_t MODULE_EDGE = UINT64_C(0x100000);
static const uint64_t LARGEST_OFFSET = UINT64_C(1) << 40; /* forged ones would overflow the sums */

struct writing {
    const struct profile *profile;
    uint64_t *starts; /* by module; the last: where the next would begin */
};

/* Where modules are put: each has room for the largest offset of its frames. */
static void place_modules(struct writing *writing)
{
    const struct profile *profile = writing->profile;
    uint64_t *sizes = memory_allocate_zeroed(profile->module_count + 1, sizeof *sizes);
    uint64_t next = FIRST_ADDRESS;

    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        uint64_t *size = &sizes[frame->module_plus_1];

        if (frame->offset >= *size && frame->offset < LARGEST_OFFSET)
            *size = frame->offset + 1;
    }
    writing->starts = memory_allocate_zeroed(profile->module_count + 1, sizeof(uint64_t));
    for (size_t i = 0; i < profile->module_count; i++) {
        writing->starts[i] = next;
        next += (sizes[i + 1] + 2 * MODULE_EDGE - 1) / MODULE_EDGE * MODULE_EDGE;
    }
    writing->starts[profile->module_count] = next;
    free(sizes);
}

static uint64_t address_of(const struct writing *writing, const struct profile_frame *frame)
{
    if (frame->module_plus_1 == 0 || frame->offset >= LARGEST_OFFSET)
        return frame->module_plus_1 ? 0 : frame->offset;
    return writing->starts[frame->module_plus_1 - 1] + frame->offset;
}

static void write_figures(const uint64_t *values, FILE *out)
{
    fprintf(out, "%6" PRIu64 ": %8" PRIu64 " [%6" PRIu64 ": %8" PRIu64 "] @",
            values[QUERY_LIVE_BLOCKS], values[QUERY_LIVE_BYTES], values[QUERY_ALLOCATIONS],
            values[QUERY_ALLOCATED_BYTES]);
}

static void write_site(const struct writing *writing, const struct profile_site *site, FILE *out)
{
    const struct profile *profile = writing->profile;
    struct query_figures figures = {0};

    query_figures_add_site(&figures, site);
    write_figures(figures.values, out);
    for (uint32_t node = site->stack_node; node; node = profile->nodes[node].parent) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];

        if (frame->kind != RECORDING_FRAME_OMITTED)
            fprintf(out, " 0x%016" PRIx64, address_of(writing, frame));
    }
    fputc('\n', out);
}

static void write_modules(const struct writing *writing, FILE *out)
{
    fputs("\nMAPPED_LIBRARIES:\n", out);
    for (size_t i = 0; i < writing->profile->module_count; i++) {
        struct text path = {0};

        export_add_name(&path, writing->profile->modules[i].path, "", ' ');
        fprintf(out, "%08" PRIx64 "-%08" PRIx64 " r-xp 00000000 00:00 0          %s\n",
                writing->starts[i], writing->starts[i + 1], text_get(&path));
        text_clear(&path);
    }
}

bool export_write_gperftools(const struct profile *profile, const struct export_options *options,
                             FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile};
    struct query_figures total = {0};
    struct export_sites sites;

    if (!export_sites_select(profile, options, &sites, error))
        return false;
    place_modules(&writing);
    for (size_t i = 0; i < sites.count; i++)
        query_figures_add_site(&total, &profile->sites[sites.positions[i]]);
    fputs("heap profile: ", out);
    write_figures(total.values, out);
    fputs(" heapprofile\n", out);
    for (size_t i = 0; i < sites.count; i++)
        write_site(&writing, &profile->sites[sites.positions[i]], out);
    write_modules(&writing, out);
    free(writing.starts);
    export_sites_clear(&sites);
    return true;
}
