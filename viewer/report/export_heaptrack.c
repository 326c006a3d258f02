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
 * which its readers get the recorded sums again (analysis/site_plans.h).
 *
 * A block is temporary to its readers when it is freed right after it was allocated. Others are
 * chained: the next one is allocated before the last one is freed. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/site_plans.h"
#include "base/memory.h"
#include "report/export_parts.h"

/* More blocks would make files of gigabytes: one then stands for several. */
static const uint64_t MOST_BLOCKS = UINT64_C(1) << 24;
static const uint64_t PAGE_BYTES = 4096;

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
    struct site_plans plans;
};

static uint64_t rest_of(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
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

    for (size_t i = 0; i < writing->plans.count; i++)
        for (uint32_t node = writing->plans.items[i].site->stack_node;
             node && !writing->is_wanted[node]; node = profile->nodes[node].parent)
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

/* A batch's kind is the one of its large blocks; next to it, that of small ones; transient ones
 * have two of each. */
static void write_kinds_of(struct writing *writing, struct site_batch *batch, uint64_t stack,
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
    if (writing->plans.count > 0)
        write_kind(writing, 0, writing->stack_of_node[writing->plans.items[0].site->stack_node]);
    for (size_t i = 0; i < writing->plans.count; i++) {
        struct site_plan *plan = &writing->plans.items[i];
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

static uint64_t kind_at(const struct site_batch *batch, uint64_t position)
{
    return batch->kind + (position >= batch->large_count);
}

static void write_events(const struct writing *writing, char event, const struct site_batch *batch,
                         uint64_t first)
{
    for (uint64_t i = first; i < batch->count; i++)
        write_event(writing, event, kind_at(batch, i));
}

static void write_temporary(const struct writing *writing)
{
    for (size_t i = 0; i < writing->plans.count; i++) {
        const struct site_plan *plan = &writing->plans.items[i];

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

    for (size_t i = 0; i < writing->plans.count; i++) {
        const struct site_batch *batch = &writing->plans.items[i].transient;

        for (uint64_t j = writing->plans.items[i].temporary_count; j < batch->count; j++) {
            uint64_t kind = kind_at(batch, j) + 2 * (j % 2);
            uint64_t bytes = batch->small_bytes + (j < batch->large_count);
            bool is_anew = last_kind && last_bytes > rest_of(writing->plans.peak_bytes, bytes);

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
    const struct site_plan *last = writing->plans.last;

    write_time(writing, process, process->about.start_ns);
    write_temporary(writing);
    write_others(writing);
    write_time(writing, process, process->totals.peak_time_ns);
    for (size_t i = 0; i < writing->plans.count; i++) {
        write_events(writing, '+', &writing->plans.items[i].kept, 0);
        write_events(writing, '+', &writing->plans.items[i].dropped,
                     &writing->plans.items[i] == last);
    }
    if (last) {
        write_event(writing, '+', kind_at(&last->dropped, 0));
        write_event(writing, '-', kind_at(&last->dropped, 0));
    }
    fprintf(writing->out, "R %" PRIx64 "\n", process->totals.peak_resident_bytes / PAGE_BYTES);
    write_time(writing, process, process->about.end_ns);
    for (size_t i = 0; i < writing->plans.count; i++)
        write_events(writing, '-', &writing->plans.items[i].dropped,
                     &writing->plans.items[i] == last);
    for (size_t i = 0; i < writing->plans.count; i++)
        write_events(writing, '+', &writing->plans.items[i].grown, 0);
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
    site_plans_make(writing->profile, sites->positions, sites->count, MOST_BLOCKS, &writing->plans);
    if (writing->plans.divisor > 1)
        fprintf(writing->out, "# each block stands for %" PRIu64 "\n", writing->plans.divisor);
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
    site_plans_clear(&writing.plans);
    export_sites_clear(&sites);
    return true;
}
