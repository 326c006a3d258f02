/* heaptrack's file, version 2 (its accumulatedtracedata.cpp), for heaptrack_gui and
 * heaptrack_print. One process: the file has room for no more. All numbers are hexadecimal:
 *
 *     v 10400 2           who wrote it, version of the format
 *     s TEXT              a text; the first is 1
 *     i IP MODULE [FUNCTION FILE LINE]...    an instruction, the innermost inlined function first
 *     t INSTRUCTION CALLER                   a stack: an instruction and the stack above it, 0 =
 * none a BYTES STACK       a kind of block; the first is 0
 *     + KIND / - KIND     a block of that kind is allocated / freed
 *     c MS / R PAGES      the time now / resident memory now
 *
 * heaptrack wants every event; a recording has the sums of each site. So events are made up of
 * which its readers get the recorded sums again: calls, temporary ones, peak and leaks of each
 * site. First come the blocks that were neither there at the peak nor at the end, one after the
 * other, so that they do not raise the peak; then what was held at the peak; then what of this was
 * freed, and what came later and stays. Blocks of a site are of two sizes, a byte apart, that have
 * the right sum.
 *
 * A block is temporary to its readers when it is freed right after it was allocated. Others are
 * chained: the next one is allocated before the last one is freed. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/export_parts.h"

/* More blocks would make files of gigabytes: one then stands for several. */
static const uint64_t MOST_BLOCKS = UINT64_C(1) << 24;
static const uint64_t PAGE_BYTES = 4096;

/* Blocks of a site, the first `large_count` of them a byte larger than the others. */
struct batch {
    uint64_t count;
    uint64_t bytes; /* of all */
    uint64_t small_bytes;
    uint64_t large_count;
    uint64_t kind; /* of large ones; next to it, small ones; transient ones have two of each */
};

struct plan {
    const struct profile_site *site;
    struct batch kept;      /* there at the peak and at the end */
    struct batch dropped;   /* at the peak, not at the end */
    struct batch grown;     /* at the end, not at the peak */
    struct batch transient; /* neither */
    uint64_t temporary_count;
};

struct writing {
    const struct profile *profile;
    FILE *out;
    uint64_t text_count;
    uint64_t instruction_count;
    uint64_t stack_count;
    uint64_t kind_count;
    uint64_t *text_of_location;     /* of the function; 0 = not written yet */
    uint64_t *text_of_file;         /* by location */
    uint64_t *text_of_module;       /* by module_plus_1 */
    uint64_t *instruction_of_frame; /* 0 = not written yet */
    uint64_t *stack_of_node;
    uint8_t *is_wanted; /* by node */
    struct plan *plans;
    size_t plan_count;
    struct plan *last; /* one block of its dropped ones is temporary */
    uint64_t peak_bytes;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t rest_of(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* ---- what happened ---- */

/* Takes `blocks` as the number of those that stayed from the peak to the end, if the sums allow it:
 * each batch has bytes only where it has blocks. */
static bool try_kept(struct plan *plan, uint64_t blocks)
{
    const struct recording_site *figures = &plan->site->figures;
    uint64_t all_blocks = figures->allocations + figures->inherited_blocks;
    uint64_t all_bytes = figures->allocated_bytes + figures->inherited_bytes;
    uint64_t held_blocks = figures->peak_blocks + figures->live_blocks - blocks;
    uint64_t held_bytes = figures->peak_bytes + figures->live_bytes;
    uint64_t lowest = rest_of(held_bytes, all_bytes);
    uint64_t highest = least(figures->peak_bytes, figures->live_bytes);

    if (blocks == 0)
        highest = 0;
    if (blocks == figures->peak_blocks && lowest < figures->peak_bytes)
        lowest = figures->peak_bytes;
    if (blocks == figures->live_blocks && lowest < figures->live_bytes)
        lowest = figures->live_bytes;
    if (held_blocks == all_blocks)
        highest = least(highest, rest_of(held_bytes, all_bytes));
    if (held_blocks > all_blocks || lowest > highest)
        return false;
    plan->kept.count = blocks;
    plan->kept.bytes = blocks ? figures->peak_bytes / figures->peak_blocks * blocks : 0;
    if (plan->kept.bytes < lowest)
        plan->kept.bytes = lowest;
    plan->kept.bytes = least(plan->kept.bytes, highest);
    return true;
}

/* As many as can be; where all is too many, any number between is as good. Estimates and forged
 * figures may fit nothing: then none, and peak and end at least are right. */
static void plan_site(struct plan *plan)
{
    const struct recording_site *figures = &plan->site->figures;
    uint64_t most = least(figures->peak_blocks, figures->live_blocks);

    if (!try_kept(plan, most) && !(most && try_kept(plan, most - 1)))
        try_kept(plan, 0);
    plan->dropped.count = figures->peak_blocks - plan->kept.count;
    plan->dropped.bytes = figures->peak_bytes - plan->kept.bytes;
    plan->grown.count = figures->live_blocks - plan->kept.count;
    plan->grown.bytes = figures->live_bytes - plan->kept.bytes;
    plan->transient.count = rest_of(figures->allocations + figures->inherited_blocks,
                                    figures->peak_blocks + plan->grown.count);
    plan->transient.bytes = rest_of(figures->allocated_bytes + figures->inherited_bytes,
                                    figures->peak_bytes + plan->grown.bytes);
    plan->temporary_count = least(figures->temporary_allocations, plan->transient.count);
}

static void fit_batch(struct batch *batch, uint64_t divisor)
{
    batch->count = batch->count / divisor + (batch->count % divisor > 0);
    if (batch->count == 0 && batch->bytes > 0) /* forged */
        batch->count = 1;
    if (batch->count == 0)
        return;
    batch->small_bytes = batch->bytes / batch->count;
    batch->large_count = batch->bytes % batch->count;
}

/* Transient blocks keep their size, or they would rise above the peak. */
static void fit_transient(struct batch *batch, uint64_t divisor)
{
    if (batch->count > 0) {
        batch->small_bytes = batch->bytes / batch->count;
        batch->large_count = batch->bytes % batch->count / divisor;
        batch->count /= divisor;
    }
}

/* How many recorded blocks one in the file stands for. */
static uint64_t find_divisor(const struct writing *writing)
{
    uint64_t count = 0;

    for (size_t i = 0; i < writing->plan_count; i++) {
        const struct plan *plan = &writing->plans[i];
        const uint64_t parts[] = {plan->kept.count, plan->dropped.count, plan->grown.count,
                                  plan->transient.count};

        for (size_t j = 0; j < sizeof parts / sizeof *parts; j++)
            count = parts[j] > UINT64_MAX - count ? UINT64_MAX : count + parts[j];
    }
    return count > MOST_BLOCKS ? count / MOST_BLOCKS + 1 : 1;
}

static void make_plans(struct writing *writing, const struct export_sites *sites)
{
    uint64_t divisor;

    writing->plans = memory_allocate_zeroed(sites->count, sizeof *writing->plans);
    writing->plan_count = sites->count;
    for (size_t i = 0; i < sites->count; i++) {
        writing->plans[i].site = &writing->profile->sites[sites->positions[i]];
        plan_site(&writing->plans[i]);
        writing->peak_bytes += writing->plans[i].site->figures.peak_bytes;
    }
    divisor = find_divisor(writing);
    if (divisor > 1)
        fprintf(writing->out, "# each block stands for %" PRIu64 "\n", divisor);
    for (size_t i = 0; i < writing->plan_count; i++) {
        struct plan *plan = &writing->plans[i];

        if (plan->site->figures.temporary_allocations > plan->transient.count &&
            plan->dropped.count > 0)
            writing->last = plan;
        fit_batch(&plan->kept, divisor);
        fit_batch(&plan->dropped, divisor);
        fit_batch(&plan->grown, divisor);
        fit_transient(&plan->transient, divisor);
        plan->temporary_count /= divisor;
    }
}

/* ---- texts, instructions and stacks ---- */

static uint64_t write_text(struct writing *writing, const char *foreign)
{
    struct text text = {0};

    export_add_name(&text, foreign, "", ' ');
    fprintf(writing->out, "s %s\n", text_get(&text));
    text_clear(&text);
    return ++writing->text_count;
}

static void write_texts(struct writing *writing, const struct profile_frame *frame)
{
    const struct profile *profile = writing->profile;

    if (frame->module_plus_1 && !writing->text_of_module[frame->module_plus_1])
        writing->text_of_module[frame->module_plus_1] = write_text(
            writing, profile->modules[frame->module_plus_1 - 1].path);
    for (uint32_t i = 0; i < frame->location_count; i++) {
        uint32_t at = frame->first_location + i;

        if (!writing->text_of_location[at])
            writing->text_of_location[at] = write_text(writing, profile->locations[at].function);
        if (!writing->text_of_file[at] && profile->locations[at].file)
            writing->text_of_file[at] = write_text(writing, profile->locations[at].file);
    }
}

static uint64_t write_instruction(struct writing *writing, uint32_t position)
{
    const struct profile_frame *frame = &writing->profile->frames[position];

    write_texts(writing, frame);
    fprintf(writing->out, "i %" PRIx64 " %" PRIx64, frame->offset,
            frame->module_plus_1 ? writing->text_of_module[frame->module_plus_1] : 0);
    for (uint32_t i = 0; i < frame->location_count; i++) {
        uint32_t at = frame->first_location + i;

        fprintf(writing->out, " %" PRIx64 " %" PRIx64 " %" PRIx32, writing->text_of_location[at],
                writing->text_of_file[at], writing->profile->locations[at].line);
    }
    fputc('\n', writing->out);
    return ++writing->instruction_count;
}

/* A caller stands before its callees among the nodes. */
static void write_stacks(struct writing *writing)
{
    const struct profile *profile = writing->profile;

    for (size_t i = 0; i < writing->plan_count; i++)
        for (uint32_t node = writing->plans[i].site->stack_node; node && !writing->is_wanted[node];
             node = profile->nodes[node].parent)
            writing->is_wanted[node] = 1;
    for (uint32_t node = 1; node < profile->node_count; node++) {
        uint32_t frame = profile->nodes[node].frame;
        uint64_t caller = writing->stack_of_node[profile->nodes[node].parent];

        if (!writing->is_wanted[node])
            continue;
        if (profile->frames[frame].kind == RECORDING_FRAME_OMITTED) {
            writing->stack_of_node[node] = caller;
            continue;
        }
        if (!writing->instruction_of_frame[frame])
            writing->instruction_of_frame[frame] = write_instruction(writing, frame);
        fprintf(writing->out, "t %" PRIx64 " %" PRIx64 "\n", writing->instruction_of_frame[frame],
                caller);
        writing->stack_of_node[node] = ++writing->stack_count;
    }
}

/* ---- blocks ---- */

static void write_kind(struct writing *writing, uint64_t bytes, uint64_t stack)
{
    fprintf(writing->out, "a %" PRIx64 " %" PRIx64 "\n", bytes, stack);
    writing->kind_count++;
}

static void write_kinds_of(struct writing *writing, struct batch *batch, uint64_t stack,
                           unsigned copies)
{
    batch->kind = writing->kind_count;
    for (unsigned i = 0; batch->count > 0 && i < copies; i++) {
        write_kind(writing, batch->small_bytes + 1, stack);
        write_kind(writing, batch->small_bytes, stack);
    }
}

/* Kind 0 is not used: to readers of it "nothing was allocated last" looks the same. */
static void write_kinds(struct writing *writing)
{
    if (writing->plan_count > 0)
        write_kind(writing, 0, writing->stack_of_node[writing->plans[0].site->stack_node]);
    for (size_t i = 0; i < writing->plan_count; i++) {
        struct plan *plan = &writing->plans[i];
        uint64_t stack = writing->stack_of_node[plan->site->stack_node];

        write_kinds_of(writing, &plan->kept, stack, 1);
        write_kinds_of(writing, &plan->dropped, stack, 1);
        write_kinds_of(writing, &plan->grown, stack, 1);
        write_kinds_of(writing, &plan->transient, stack, 2);
    }
}

static void write_event(const struct writing *writing, char event, uint64_t kind)
{
    fprintf(writing->out, "%c %" PRIx64 "\n", event, kind);
}

static uint64_t kind_at(const struct batch *batch, uint64_t position)
{
    return batch->kind + (position >= batch->large_count);
}

static void write_events(const struct writing *writing, char event, const struct batch *batch,
                         uint64_t first)
{
    for (uint64_t i = first; i < batch->count; i++)
        write_event(writing, event, kind_at(batch, i));
}

static void write_temporary(const struct writing *writing)
{
    for (size_t i = 0; i < writing->plan_count; i++) {
        const struct plan *plan = &writing->plans[i];

        for (uint64_t j = 0; j < plan->temporary_count; j++) {
            write_event(writing, '+', kind_at(&plan->transient, j));
            write_event(writing, '-', kind_at(&plan->transient, j));
        }
    }
}

/* Two of the chain are there at once; where these would rise above the peak, it begins anew. */
static void write_others(const struct writing *writing)
{
    uint64_t last_kind = 0, last_bytes = 0; /* kind 0: none */

    for (size_t i = 0; i < writing->plan_count; i++) {
        const struct batch *batch = &writing->plans[i].transient;

        for (uint64_t j = writing->plans[i].temporary_count; j < batch->count; j++) {
            uint64_t kind = kind_at(batch, j) + 2 * (j % 2);
            uint64_t bytes = batch->small_bytes + (j < batch->large_count);
            bool is_anew = last_kind && last_bytes > rest_of(writing->peak_bytes, bytes);

            if (is_anew)
                write_event(writing, '-', last_kind);
            write_event(writing, '+', kind);
            if (last_kind && !is_anew)
                write_event(writing, '-', last_kind);
            last_kind = kind;
            last_bytes = bytes;
        }
    }
    if (last_kind)
        write_event(writing, '-', last_kind);
}

static void write_time(const struct writing *writing, const struct profile_process *process,
                       uint64_t time_ns)
{
    fprintf(writing->out, "c %" PRIx64 "\n", rest_of(time_ns, process->about.start_ns) / 1000000);
}

static void write_blocks(const struct writing *writing, const struct profile_process *process)
{
    const struct plan *last = writing->last;

    write_time(writing, process, process->about.start_ns);
    write_temporary(writing);
    write_others(writing);
    write_time(writing, process, process->totals.peak_time_ns);
    for (size_t i = 0; i < writing->plan_count; i++) {
        write_events(writing, '+', &writing->plans[i].kept, 0);
        write_events(writing, '+', &writing->plans[i].dropped, &writing->plans[i] == last);
    }
    if (last) {
        write_event(writing, '+', kind_at(&last->dropped, 0));
        write_event(writing, '-', kind_at(&last->dropped, 0));
    }
    fprintf(writing->out, "R %" PRIx64 "\n", process->totals.peak_resident_bytes / PAGE_BYTES);
    write_time(writing, process, process->about.end_ns);
    for (size_t i = 0; i < writing->plan_count; i++)
        write_events(writing, '-', &writing->plans[i].dropped, &writing->plans[i] == last);
    for (size_t i = 0; i < writing->plan_count; i++)
        write_events(writing, '+', &writing->plans[i].grown, 0);
}

/* ---- all ---- */

static void write_document(struct writing *writing, const struct export_options *options,
                           const struct profile_process *process, const struct export_sites *sites)
{
    struct text command = {0};

    export_add_command(&command, writing->profile, options);
    fprintf(writing->out, "v 10400 2\n# written by %s %s\nX %s\nI %" PRIx64 " 0\n", PACKAGE_NAME,
            PACKAGE_VERSION, text_get(&command), PAGE_BYTES);
    text_clear(&command);
    make_plans(writing, sites);
    write_stacks(writing);
    write_kinds(writing);
    write_blocks(writing, process);
}

bool export_write_heaptrack(const struct profile *profile, const struct export_options *options,
                            FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .out = out};
    struct export_options of_process = *options;
    struct export_sites sites;

    if (query_filter_is_given(&options->filter))
        return error_set(error, "the heaptrack format holds whole heaps: it cannot be filtered");
    if (!export_choose_process(profile, options, "heaptrack", &of_process.process, error) ||
        !export_sites_select(profile, &of_process, &sites, error))
        return false;
    writing.text_of_location = memory_allocate_zeroed(profile->location_count, sizeof(uint64_t));
    writing.text_of_file = memory_allocate_zeroed(profile->location_count, sizeof(uint64_t));
    writing.text_of_module = memory_allocate_zeroed(profile->module_count + 1, sizeof(uint64_t));
    writing.instruction_of_frame = memory_allocate_zeroed(profile->frame_count, sizeof(uint64_t));
    writing.stack_of_node = memory_allocate_zeroed(profile->node_count + 1, sizeof(uint64_t));
    writing.is_wanted = memory_allocate_zeroed(profile->node_count + 1, 1);
    write_document(&writing, options, &profile->processes[of_process.process], &sites);
    free(writing.text_of_location);
    free(writing.text_of_file);
    free(writing.text_of_module);
    free(writing.instruction_of_frame);
    free(writing.stack_of_node);
    free(writing.is_wanted);
    free(writing.plans);
    export_sites_clear(&sites);
    return true;
}
