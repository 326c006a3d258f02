#include "config.h"

#include "analysis/leak_report.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/query.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "snapshot/snapshot_store.h"

enum {
    MOST_CYCLES = 100 /* whose way is looked for, of a process */
};

struct building {
    const struct profile *profile;
    struct recording_reader *reader;
    const struct leak_report_options *options;
    struct leak_report *report;
    struct snapshot_list list;
    struct snapshot since; /* empty unless asked for */
    bool has_since;
};

/* ---- which snapshot ---- */

/* The higher, the rather a snapshot is meant when none was named; 0: it has no blocks. */
static unsigned rank(const struct recording_snapshot *head)
{
    if (head->end != SNAPSHOT_DONE)
        return 0;
    switch (head->reason) {
    case SNAPSHOT_AT_REQUEST:
    case SNAPSHOT_AT_CALL:
        return 5;
    case SNAPSHOT_AT_EXIT:
        return 4;
    case SNAPSHOT_AT_EXEC:
    case SNAPSHOT_AT_CRASH:
        return 3;
    case SNAPSHOT_AT_BEFORE_EXIT:
        return 1;
    default:
        return 2;
    }
}

static const struct recording_snapshot *choose(const struct building *building, uint64_t process_id)
{
    const struct recording_snapshot *best = NULL;
    for (size_t i = 0; i < building->list.count; i++) {
        const struct recording_snapshot *head = &building->list.heads[i];
        if (building->options->snapshot != LEAK_REPORT_DEFAULT) {
            if (head->id == building->options->snapshot && head->process_id == process_id)
                return head;
            continue;
        }
        if (head->process_id == process_id && (!best || rank(head) >= rank(best)))
            best = head;
    }
    return best;
}

static const struct recording_snapshot *find_head(const struct building *building, uint64_t id)
{
    for (size_t i = 0; i < building->list.count; i++)
        if (building->list.heads[i].id == id)
            return &building->list.heads[i];
    return NULL;
}

/* ---- why there is none ---- */

static const char *why_not_scanned(const struct profile_process *process)
{
    const struct recording_process *about = &process->about;
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    if (about->exit_kind == RECORDING_EXIT_EXEC)
        return "exec";
    if (about->exit_kind != RECORDING_EXIT_SIGNAL)
        return "off";
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        if (about->exit_value == (uint64_t)crashes[i])
            return "crashed";
    return "killed";
}

static const char *reason_of(const struct recording_snapshot *head)
{
    static const char *const ends[] = {
        [SNAPSHOT_KILLED] = "killed", [SNAPSHOT_CRASHED] = "crashed", [SNAPSHOT_EXECED] = "exec",
        [SNAPSHOT_OFF] = "off",       [SNAPSHOT_FAILED] = "failed",   [SNAPSHOT_BUDGET] = "budget"};
    if (head->end != SNAPSHOT_DONE)
        return head->end < sizeof ends / sizeof *ends ? ends[head->end] : "failed";
    switch (head->reason) {
    case SNAPSHOT_AT_EXIT:
    case SNAPSHOT_AT_BEFORE_EXIT:
        return "exit";
    case SNAPSHOT_AT_EXEC:
        return "exec";
    case SNAPSHOT_AT_CRASH:
        return "crashed";
    default:
        return "snapshot";
    }
}

/* ---- cycles ---- */

static uint32_t find_site(const struct profile *profile, uint32_t process, uint64_t id)
{
    const struct profile_process *owner = &profile->processes[process];
    for (uint32_t i = 0; i < owner->site_count; i++)
        if (profile->sites[owner->first_site + i].figures.id == id)
            return owner->first_site + i;
    return LEAKS_NO_SITE;
}

static void add_cycle(const struct building *building, struct leak_report_process *process,
                      const struct snapshot *snapshot, size_t leak)
{
    struct leak_cycle_step steps[LEAK_REPORT_STEPS];
    struct leak_report_cycle *cycle = &process->cycles[process->cycle_count];
    cycle->leak = leak;
    cycle->length = leak_cycle_find(snapshot, process->leaks.items[leak].cycle_block, steps,
                                    LEAK_REPORT_STEPS);
    for (size_t i = 0; i < cycle->length && i < LEAK_REPORT_STEPS; i++) {
        const struct snapshot_block *block = &snapshot->blocks[steps[i].block];
        cycle->steps[i] = (struct leak_report_step){
            .site = find_site(building->profile, process->process, block->site),
            .bytes = block->bytes,
            .slot = steps[i].slot,
            .kind = steps[i].kind};
    }
    process->cycle_count += cycle->length > 0;
}

static void add_cycles(const struct building *building, struct leak_report_process *process,
                       const struct snapshot *snapshot)
{
    process->cycles = memory_allocate_zeroed(MOST_CYCLES, sizeof *process->cycles);
    for (size_t i = 0; i < process->leaks.count && process->cycle_count < MOST_CYCLES; i++)
        if (process->leaks.items[i].cycles)
            add_cycle(building, process, snapshot, i);
}

/* ---- the program's own suppressions ---- */

/* Its entries behind those that everybody asked for; what each did is not told. */
struct joined {
    struct suppressions own;
    struct suppressions all; /* items borrowed from both; the array is its own */
    struct leak_use *uses;
};

static bool join_suppressions(const struct building *building, const char *text,
                              struct joined *joined, struct error *error)
{
    const struct suppressions *asked = building->options->suppressions;
    size_t count = asked ? asked->count : 0;
    suppressions_init(&joined->own);
    if (!suppressions_read(&joined->own, "__lsan_default_suppressions()", text, strlen(text),
                           error)) {
        suppressions_clear(&joined->own);
        return false;
    }
    joined->all.count = count + joined->own.count;
    joined->all.items = memory_allocate_zeroed(joined->all.count, sizeof *joined->all.items);
    if (count)
        memcpy(joined->all.items, asked->items, count * sizeof *asked->items);
    if (joined->own.count)
        memcpy(joined->all.items + count, joined->own.items,
               joined->own.count * sizeof *joined->own.items);
    joined->uses = memory_allocate_zeroed(joined->all.count, sizeof *joined->uses);
    if (count)
        memcpy(joined->uses, building->report->uses, count * sizeof *joined->uses);
    return true;
}

static void end_joined(const struct building *building, struct joined *joined, struct leaks *leaks)
{
    const struct suppressions *asked = building->options->suppressions;
    size_t count = asked ? asked->count : 0;
    if (count)
        memcpy(building->report->uses, joined->uses, count * sizeof *joined->uses);
    for (size_t i = 0; i < leaks->count; i++)
        if (leaks->items[i].suppression != LEAKS_NO_SUPPRESSION &&
            leaks->items[i].suppression >= count)
            leaks->items[i].suppression = LEAKS_NO_SUPPRESSION;
    free(joined->uses);
    free(joined->all.items);
    suppressions_clear(&joined->own);
}

static void keep_lost(struct leak_report_process *process, const struct snapshot *snapshot)
{
    const struct leaks *leaks = &process->leaks;
    size_t count = leaks->kinds[LEAK_DEFINITE].blocks + leaks->kinds[LEAK_INDIRECT].blocks +
                   leaks->kinds[LEAK_POSSIBLE].blocks;
    process->lost = memory_allocate_large(count, sizeof *process->lost);
    for (size_t i = 0; i < snapshot->block_count; i++) {
        uint32_t leak = leaks->leak_of_block[i];
        if (leak && LEAK_KINDS_LOST >> leaks->items[leak - 1].kind & 1)
            process->lost[process->lost_count++] = (struct leak_report_block){
                snapshot->blocks[i].address, snapshot->blocks[i].birth_ns, leak - 1};
    }
}

/* ---- processes ---- */

static bool find_leaks(struct building *building, struct leak_report_process *process,
                       struct error *error)
{
    struct leaks_options options = {.suppressions = building->options->suppressions,
                                    .uses = building->report->uses,
                                    .roots_off = building->options->roots_off,
                                    .are_blocks_told = building->options->are_blocks_kept,
                                    .since = building->has_since ? &building->since : NULL};
    const char *text = building->profile->processes[process->process].about.suppressions;
    struct joined joined = {0};
    bool has_own = text && text[0];
    struct snapshot snapshot;
    if (has_own && !join_suppressions(building, text, &joined, error))
        return false;
    snapshot_init(&snapshot);
    if (!snapshot_read(building->reader, process->head.id, &snapshot, error)) {
        if (has_own)
            end_joined(building, &joined, &process->leaks);
        return false;
    }
    if (has_own) {
        options.suppressions = &joined.all;
        options.uses = joined.uses;
    }
    leaks_find(building->profile, process->process, &snapshot, &options, &process->leaks);
    if (has_own)
        end_joined(building, &joined, &process->leaks);
    add_cycles(building, process, &snapshot);
    if (options.are_blocks_told)
        keep_lost(process, &snapshot);
    snapshot_clear(&snapshot);
    return true;
}

static bool add_process(struct building *building, uint32_t position, struct error *error)
{
    struct leak_report *report = building->report;
    const struct profile_process *about = &building->profile->processes[position];
    const struct recording_snapshot *head = choose(building, about->about.id);
    if (!head && building->options->snapshot != LEAK_REPORT_DEFAULT)
        return true;
    struct leak_report_process *process = &report->processes[report->process_count++];
    process->process = position;
    process->reason = head ? reason_of(head) : why_not_scanned(about);
    if (!head)
        return true;
    process->has_head = true;
    process->head = *head;
    process->head.note = arena_copy_text(report->arena, head->note ? head->note : "");
    process->is_done = head->end == SNAPSHOT_DONE;
    return !process->is_done || find_leaks(building, process, error);
}

/* A snapshot that was named must be there, with blocks. */
static bool check_named(const struct building *building, uint64_t id, struct error *error)
{
    const struct recording_snapshot *head = find_head(building, id);
    if (!head)
        return error_set(error, "the recording has no snapshot:%" PRIu64, id);
    if (head->end != SNAPSHOT_DONE)
        return error_set(error, "snapshot:%" PRIu64 " was not taken: %s", id,
                         head->note && head->note[0] ? head->note : reason_of(head));
    return true;
}

static bool read_since(struct building *building, uint32_t *process, struct error *error)
{
    uint64_t id = building->options->since;
    if (id == LEAK_REPORT_NONE)
        return true;
    if (!check_named(building, id, error))
        return false;
    const struct recording_snapshot *head = find_head(building, id);
    uint32_t position = profile_find_process(building->profile, head->process_id);
    if (position == building->profile->process_count)
        return error_set(error, "snapshot:%" PRIu64 " is of an unknown process", id);
    if (*process != QUERY_ALL_PROCESSES && *process != position)
        return error_set(error, "snapshot:%" PRIu64 " is of another process", id);
    *process = position;
    building->has_since = true;
    return snapshot_read(building->reader, id, &building->since, error);
}

static bool add_processes(struct building *building, struct error *error)
{
    uint32_t asked = building->options->process;
    if (building->profile->session.sample_bytes)
        return error_set(error, "the recording is sampled: most blocks are not known, and so is "
                                "what is lost");
    if (!snapshot_list_read(&building->list, building->reader, error))
        return false;
    if (building->options->snapshot != LEAK_REPORT_DEFAULT &&
        !check_named(building, building->options->snapshot, error))
        return false;
    if (!read_since(building, &asked, error))
        return false;
    for (uint32_t i = 0; i < building->profile->process_count; i++)
        if ((asked == QUERY_ALL_PROCESSES || asked == i) && !add_process(building, i, error))
            return false;
    return true;
}

bool leak_report_build(const struct profile *profile, struct recording_reader *reader,
                       const struct leak_report_options *options, struct leak_report *report,
                       struct error *error)
{
    size_t entries = options->suppressions ? options->suppressions->count : 0;
    struct building building = {
        .profile = profile, .reader = reader, .options = options, .report = report};
    *report = (struct leak_report){
        .processes = memory_allocate_zeroed(profile->process_count, sizeof *report->processes),
        .uses = memory_allocate_zeroed(entries, sizeof *report->uses),
        .arena = arena_create()};
    snapshot_init(&building.since);
    bool is_built = add_processes(&building, error);
    snapshot_clear(&building.since);
    snapshot_list_clear(&building.list);
    if (!is_built)
        leak_report_clear(report);
    return is_built;
}

void leak_report_clear(struct leak_report *report)
{
    for (size_t i = 0; i < report->process_count; i++) {
        leaks_clear(&report->processes[i].leaks);
        free(report->processes[i].cycles);
        free(report->processes[i].lost);
    }
    free(report->processes);
    free(report->uses);
    arena_destroy(report->arena);
    *report = (struct leak_report){0};
}

struct leak_sum leak_report_sum(const struct leak_report *report, enum leak_kind kind)
{
    struct leak_sum sum = {0};
    for (size_t i = 0; i < report->process_count; i++) {
        sum.blocks += report->processes[i].leaks.kinds[kind].blocks;
        sum.bytes += report->processes[i].leaks.kinds[kind].bytes;
    }
    return sum;
}

const struct leak_report_cycle *leak_report_find_cycle(const struct leak_report_process *process,
                                                       size_t leak)
{
    for (size_t i = 0; i < process->cycle_count; i++)
        if (process->cycles[i].leak == leak)
            return &process->cycles[i];
    return NULL;
}

uint64_t leak_report_age_ns(const struct leak_report_process *process, const struct leak *leak)
{
    uint64_t now = process->head.time_ns;
    return now > leak->oldest_ns ? now - leak->oldest_ns : 0;
}

uint64_t leak_report_least_age_ns(const struct leak_report_process *process,
                                  const struct leak *leak)
{
    uint64_t now = process->head.time_ns;
    return now > leak->newest_ns ? now - leak->newest_ns : 0;
}

const struct recording_thread *leak_report_find_thread(const struct profile *profile,
                                                       const struct leak_report_process *process,
                                                       const struct leak *leak)
{
    bool is_one = leak->thread != LEAKS_NO_THREAD && leak->thread != LEAKS_SEVERAL_THREADS;
    return is_one ? profile_find_thread(profile, process->process, leak->thread) : NULL;
}
