/* Blocks are judged first and summed up by site afterwards. Suppressions come in between, since an
 * entry may be for some kinds only: what they take away, and what hangs from that, is no longer
 * lost, and leaders are sought again among the rest. (They are the same ones as before: whatever
 * led to a block that is still there is still there, too. Only what hangs from them may have become
 * less.) */
#include "config.h"

#include "analysis/leaks.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "snapshot/leak_leaders.h"
#include "snapshot/reachability.h"

enum how {
    COUNTED,
    BY_ENTRY,      /* suppressed by an entry */
    BY_CONNECTION, /* it hangs from suppressed ones */
    NOT_COUNTED    /* the parent's, or there before */
};

enum {
    NOT_MATCHED = 0, /* in `matches`; else 1 = no entry, and from 2 on an entry's position */
    NO_ENTRY = 1,
    FIRST_ENTRY = 2
};

struct finding {
    const struct profile *profile;
    uint32_t process;
    const struct snapshot *snapshot;
    const struct leaks_options *options;
    struct leaks *leaks;

    uint8_t *kind_of; /* by block: enum leak_kind, as without suppressions */
    uint8_t *how_of;  /* by block: enum how */

    struct hash_map sites; /* id to place: position in the process's sites */
    uint32_t *place_of;    /* by block; site_count: not known */
    uint32_t site_count;
    uint32_t *matches;     /* by place and kind */
    bool *is_void;         /* entries that do not count */
    struct leak_sum *sums; /* by entry: of this process */
    struct suppression_stack stack;

    uint32_t *leak_at; /* by place and kind: position among the leaks + 1 */
    size_t leak_capacity;
};

static size_t entry_count(const struct finding *finding)
{
    return finding->options->suppressions ? finding->options->suppressions->count : 0;
}

/* ---- sites ---- */

static void place_blocks(struct finding *finding)
{
    const struct profile_process *process = &finding->profile->processes[finding->process];
    const struct snapshot *snapshot = finding->snapshot;
    finding->site_count = process->site_count;
    hash_map_init(&finding->sites);
    for (uint32_t i = 0; i < process->site_count; i++)
        *hash_map_put(&finding->sites, finding->profile->sites[process->first_site + i].figures.id,
                      NULL) = i;
    finding->place_of = memory_allocate_large(snapshot->block_count, sizeof *finding->place_of);
    for (size_t i = 0; i < snapshot->block_count; i++) {
        const uint64_t *place = hash_map_find(&finding->sites, snapshot->blocks[i].site);
        finding->place_of[i] = place ? (uint32_t)*place : finding->site_count;
    }
}

static uint32_t site_at(const struct finding *finding, uint32_t place)
{
    return place == finding->site_count
               ? LEAKS_NO_SITE
               : finding->profile->processes[finding->process].first_site + place;
}

/* ---- kinds ---- */

static void judge_reach(struct finding *finding)
{
    const struct snapshot *snapshot = finding->snapshot;
    static const uint8_t kinds[] = {[REACH_NONE] = LEAK_DEFINITE,
                                    [REACH_POSSIBLE] = LEAK_POSSIBLE,
                                    [REACH_SURE] = LEAK_REACHABLE};
    reachability_mark(snapshot, finding->options->roots_off, finding->kind_of);
    for (size_t i = 0; i < snapshot->block_count; i++) {
        uint16_t flags = snapshot->blocks[i].flags;
        finding->kind_of[i] = kinds[finding->kind_of[i]];
        if (flags & SNAPSHOT_BLOCK_INHERITED)
            finding->how_of[i] = NOT_COUNTED;
    }
}

/* Of the blocks that are lost and count, all but the leaders are indirect. */
static void judge_lost(struct finding *finding, struct leak_leaders *leaders)
{
    size_t count = finding->snapshot->block_count;
    uint8_t *is_lost = memory_allocate_zeroed(count, 1);
    for (size_t i = 0; i < count; i++) {
        is_lost[i] = finding->kind_of[i] <= LEAK_INDIRECT && finding->how_of[i] == COUNTED;
        if (is_lost[i])
            finding->kind_of[i] = LEAK_INDIRECT;
    }
    leak_leaders_find(finding->snapshot, is_lost, leaders);
    for (size_t i = 0; i < leaders->count; i++)
        finding->kind_of[leaders->items[i].block] = LEAK_DEFINITE;
    free(is_lost);
}

/* ---- suppressions ---- */

static void void_expired(struct finding *finding)
{
    uint64_t now_s = finding->profile->session.start_time_unix_ns / 1000000000;
    for (size_t i = 0; i < entry_count(finding); i++) {
        const struct suppression *entry = &finding->options->suppressions->items[i];
        finding->is_void[i] = entry->expires && now_s >= entry->expires_unix_s;
        if (finding->is_void[i] && finding->options->uses)
            finding->options->uses[i].state = LEAK_USE_EXPIRED;
    }
}

static uint32_t match(struct finding *finding, uint32_t place, enum leak_kind kind)
{
    const struct suppressions *list = finding->options->suppressions;
    const struct profile_site *site = &finding->profile->sites[site_at(finding, place)];
    suppression_stack_fill(&finding->stack, finding->profile, site->function, site->stack_node);
    for (size_t i = 0; i < list->count; i++)
        if (!finding->is_void[i] && suppression_matches(&list->items[i], &finding->stack, kind))
            return FIRST_ENTRY + (uint32_t)i;
    return NO_ENTRY;
}

/* Stacks are matched once for each kind that occurs with them. */
static uint32_t match_block(struct finding *finding, uint32_t block)
{
    uint32_t place = finding->place_of[block];
    enum leak_kind kind = (enum leak_kind)finding->kind_of[block];
    if (place == finding->site_count)
        return NO_ENTRY;
    uint32_t *known = &finding->matches[(size_t)place * LEAK_KIND_COUNT + kind];
    if (*known == NOT_MATCHED)
        *known = match(finding, place, kind);
    return *known;
}

static bool is_any_for_reachable(const struct suppressions *list)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < list->count; i++)
        kinds |= list->items[i].kinds;
    return kinds >> LEAK_REACHABLE & 1;
}

/* Marks what entries suppress, and adds it up by entry. */
static void apply_entries(struct finding *finding)
{
    bool with_reachable = is_any_for_reachable(finding->options->suppressions);
    memset(finding->sums, 0, entry_count(finding) * sizeof *finding->sums);
    memset(finding->matches, 0,
           (size_t)finding->site_count * LEAK_KIND_COUNT * sizeof *finding->matches);
    for (uint32_t i = 0; i < finding->snapshot->block_count; i++) {
        if (finding->how_of[i] == BY_ENTRY)
            finding->how_of[i] = COUNTED;
        if (finding->how_of[i] != COUNTED ||
            (finding->kind_of[i] == LEAK_REACHABLE && !with_reachable))
            continue;
        uint32_t entry = match_block(finding, i);
        if (entry < FIRST_ENTRY)
            continue;
        finding->how_of[i] = BY_ENTRY;
        finding->sums[entry - FIRST_ENTRY].blocks++;
        finding->sums[entry - FIRST_ENTRY].bytes += finding->snapshot->blocks[i].bytes;
    }
}

/* Entries that suppressed more than they may are void. True: there was one. */
static bool void_exceeded(struct finding *finding)
{
    bool is_any = false;
    for (size_t i = 0; i < entry_count(finding); i++) {
        const struct suppression *entry = &finding->options->suppressions->items[i];
        if (!entry->has_max_bytes || finding->sums[i].bytes <= entry->max_bytes)
            continue;
        finding->is_void[i] = is_any = true;
        if (finding->options->uses)
            finding->options->uses[i] = (struct leak_use){LEAK_USE_EXCEEDED, finding->sums[i]};
    }
    return is_any;
}

static void note_uses(struct finding *finding)
{
    for (size_t i = 0; finding->options->uses && i < entry_count(finding); i++) {
        struct leak_use *use = &finding->options->uses[i];
        if (!finding->sums[i].blocks || use->state == LEAK_USE_EXCEEDED)
            continue;
        use->state = LEAK_USE_USED;
        use->sum.blocks += finding->sums[i].blocks;
        use->sum.bytes += finding->sums[i].bytes;
    }
}

/* Everything not reachable that suppressed blocks lead to is suppressed with them. */
static void spread(struct finding *finding)
{
    const struct snapshot *snapshot = finding->snapshot;
    uint32_t *pending = memory_allocate_large(snapshot->block_count, sizeof *pending);
    size_t count = 0;
    for (uint32_t i = 0; i < snapshot->block_count; i++)
        if (finding->kind_of[i] != LEAK_REACHABLE &&
            (finding->how_of[i] == BY_ENTRY || finding->how_of[i] == BY_CONNECTION))
            pending[count++] = i;
    while (count) {
        uint32_t block = pending[--count];
        uint64_t end = snapshot->first_reference[block + 1];
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++) {
            uint32_t other = snapshot->references[i].block;
            if (finding->kind_of[other] == LEAK_REACHABLE || finding->how_of[other] != COUNTED)
                continue;
            finding->how_of[other] = BY_CONNECTION;
            pending[count++] = other;
        }
    }
    free(pending);
}

static void suppress(struct finding *finding)
{
    size_t entries = entry_count(finding);
    if (entries) {
        finding->is_void = memory_allocate_zeroed(entries, sizeof *finding->is_void);
        finding->sums = memory_allocate_zeroed(entries, sizeof *finding->sums);
        finding->matches = memory_allocate_zeroed((size_t)finding->site_count + 1,
                                                  LEAK_KIND_COUNT * sizeof *finding->matches);
        void_expired(finding);
        do
            apply_entries(finding);
        while (void_exceeded(finding));
        note_uses(finding);
    }
    spread(finding);
}

/* ---- what was there before ---- */

/* What was lost already at the earlier snapshot does not count, and of what is reachable what was
 * there. Both lists of blocks are sorted by address. */
static void leave_out_old(struct finding *finding)
{
    const struct snapshot *now = finding->snapshot, *then = finding->options->since;
    if (!then)
        return;
    uint8_t *reach = memory_allocate_zeroed(then->block_count, 1);
    reachability_mark(then, finding->options->roots_off, reach);
    for (size_t i = 0, j = 0; i < now->block_count; i++) {
        while (j < then->block_count && then->blocks[j].address < now->blocks[i].address)
            j++;
        if (j == then->block_count)
            break;
        if (then->blocks[j].address != now->blocks[i].address ||
            then->blocks[j].birth_ns != now->blocks[i].birth_ns)
            continue;
        if (finding->kind_of[i] == LEAK_REACHABLE || reach[j] == REACH_NONE ||
            (reach[j] == REACH_POSSIBLE && finding->kind_of[i] == LEAK_POSSIBLE))
            finding->how_of[i] = NOT_COUNTED;
    }
    free(reach);
}

/* ---- sums ---- */

static struct leak *leak_of(struct finding *finding, uint32_t block, enum leak_kind kind)
{
    struct leaks *leaks = finding->leaks;
    uint32_t place = finding->place_of[block];
    uint32_t *at = &finding->leak_at[(size_t)place * LEAK_KIND_COUNT + kind];
    if (!*at) {
        leaks->items = memory_grow(leaks->items, &finding->leak_capacity, leaks->count + 1,
                                   sizeof *leaks->items);
        leaks->items[leaks->count] = (struct leak){.kind = kind,
                                                   .site = site_at(finding, place),
                                                   .first_block = block,
                                                   .suppression = LEAKS_NO_SUPPRESSION};
        *at = (uint32_t)++leaks->count;
    }
    return &leaks->items[*at - 1];
}

static enum leak_kind told_kind(const struct finding *finding, uint32_t block)
{
    return finding->how_of[block] == COUNTED ? (enum leak_kind)finding->kind_of[block]
                                             : LEAK_SUPPRESSED;
}

static void add_birth(struct leak *leak, const struct snapshot_block *block)
{
    uint32_t thread = block->thread == UINT16_MAX ? LEAKS_NO_THREAD : block->thread;
    if (leak->blocks == 1)
        leak->thread = thread;
    else if (leak->thread != thread)
        leak->thread = LEAKS_SEVERAL_THREADS;
    if (block->birth_ns > leak->newest_ns)
        leak->newest_ns = block->birth_ns;
}

static void add_block(struct finding *finding, uint32_t block)
{
    enum how how = (enum how)finding->how_of[block];
    enum leak_kind kind = told_kind(finding, block);
    uint64_t bytes = finding->snapshot->blocks[block].bytes;
    struct leak *leak = leak_of(finding, block, kind);
    finding->leaks->kinds[kind].blocks++;
    finding->leaks->kinds[kind].bytes += bytes;
    leak->blocks++;
    leak->bytes += bytes;
    add_birth(leak, &finding->snapshot->blocks[block]);
    if (leak->blocks == 1 || leak_leaders_is_older(finding->snapshot, block, leak->first_block)) {
        leak->first_block = block;
        leak->address = finding->snapshot->blocks[block].address;
        leak->oldest_ns = finding->snapshot->blocks[block].birth_ns;
        leak->suppression = how == BY_ENTRY ? match_block(finding, block) - FIRST_ENTRY
                                            : LEAKS_NO_SUPPRESSION;
    }
}

static void add_leader(struct finding *finding, const struct leak_leader *leader)
{
    if (finding->how_of[leader->block] != COUNTED)
        return;
    struct leak *leak = leak_of(finding, leader->block, LEAK_DEFINITE);
    leak->indirect_blocks += leader->indirect_blocks;
    leak->indirect_bytes += leader->indirect_bytes;
    if (leader->set_blocks > 1 && !leak->cycles++) /* leaders come by age */
        leak->cycle_block = leader->block;
}

static int compare_leaks(const void *left, const void *right, void *context)
{
    const struct profile *profile = context;
    const struct leak *a = left, *b = right;
    uint64_t a_bytes = a->bytes + a->indirect_bytes, b_bytes = b->bytes + b->indirect_bytes;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a_bytes != b_bytes)
        return a_bytes > b_bytes ? -1 : 1;
    if (a->blocks != b->blocks)
        return a->blocks > b->blocks ? -1 : 1;
    if (a->site != b->site && a->site != LEAKS_NO_SITE && b->site != LEAKS_NO_SITE) {
        uint64_t a_print = profile->sites[a->site].fingerprint;
        uint64_t b_print = profile->sites[b->site].fingerprint;
        if (a_print != b_print)
            return a_print < b_print ? -1 : 1;
    }
    return (a->site > b->site) - (a->site < b->site);
}

static void sum_up(struct finding *finding, const struct leak_leaders *leaders)
{
    struct leaks *leaks = finding->leaks;
    finding->leak_at = memory_allocate_zeroed((size_t)finding->site_count + 1,
                                              LEAK_KIND_COUNT * sizeof *finding->leak_at);
    for (uint32_t i = 0; i < finding->snapshot->block_count; i++)
        if (finding->how_of[i] != NOT_COUNTED)
            add_block(finding, i);
    for (size_t i = 0; i < leaders->count; i++)
        add_leader(finding, &leaders->items[i]);
    if (leaks->count)
        qsort_r(leaks->items, leaks->count, sizeof *leaks->items, compare_leaks,
                (void *)(uintptr_t)finding->profile);
}

/* Leaks have been sorted since their places were noted. */
static void tell_blocks(struct finding *finding)
{
    struct leaks *leaks = finding->leaks;
    uint32_t first_site = finding->profile->processes[finding->process].first_site;
    if (!finding->options->are_blocks_told)
        return;
    for (size_t i = 0; i < leaks->count; i++) {
        const struct leak *leak = &leaks->items[i];
        uint32_t place = leak->site == LEAKS_NO_SITE ? finding->site_count
                                                     : leak->site - first_site;
        finding->leak_at[(size_t)place * LEAK_KIND_COUNT + leak->kind] = (uint32_t)i + 1;
    }
    leaks->leak_of_block = memory_allocate_zeroed_large(finding->snapshot->block_count,
                                                        sizeof *leaks->leak_of_block);
    for (uint32_t i = 0; i < finding->snapshot->block_count; i++)
        if (finding->how_of[i] != NOT_COUNTED)
            leaks->leak_of_block[i] = finding->leak_at[(size_t)finding->place_of[i] *
                                                           LEAK_KIND_COUNT +
                                                       told_kind(finding, i)];
}

/* What would be lost without the roots of this one kind. */
static void sum_mapping_only(struct finding *finding)
{
    const struct snapshot *snapshot = finding->snapshot;
    uint64_t off = finding->options->roots_off | UINT64_C(1) << SNAPSHOT_ROOT_MAPPING;
    bool is_any = false;
    for (size_t i = 0; i < snapshot->root_count && !is_any; i++)
        is_any = snapshot->roots[i].kind == SNAPSHOT_ROOT_MAPPING;
    if (!is_any || off == finding->options->roots_off)
        return;
    uint8_t *reach = memory_allocate_zeroed(snapshot->block_count, 1);
    reachability_mark(snapshot, off, reach);
    for (size_t i = 0; i < snapshot->block_count; i++)
        if (finding->kind_of[i] == LEAK_REACHABLE && finding->how_of[i] == COUNTED &&
            reach[i] != REACH_SURE) {
            finding->leaks->mapping_only.blocks++;
            finding->leaks->mapping_only.bytes += snapshot->blocks[i].bytes;
        }
    free(reach);
}

void leaks_find(const struct profile *profile, uint32_t process, const struct snapshot *snapshot,
                const struct leaks_options *options, struct leaks *leaks)
{
    struct leak_leaders leaders;
    struct finding finding = {.profile = profile,
                              .process = process,
                              .snapshot = snapshot,
                              .options = options,
                              .leaks = leaks,
                              .kind_of = memory_allocate_zeroed(snapshot->block_count, 1),
                              .how_of = memory_allocate_zeroed(snapshot->block_count, 1)};
    *leaks = (struct leaks){0};
    place_blocks(&finding);
    judge_reach(&finding);
    judge_lost(&finding, &leaders);
    suppress(&finding);
    leak_leaders_clear(&leaders);
    judge_lost(&finding, &leaders);
    leave_out_old(&finding);
    sum_up(&finding, &leaders);
    tell_blocks(&finding);
    sum_mapping_only(&finding);
    leak_leaders_clear(&leaders);
    suppression_stack_clear(&finding.stack);
    hash_map_clear(&finding.sites);
    free(finding.leak_at);
    free(finding.matches);
    free(finding.sums);
    free(finding.is_void);
    free(finding.place_of);
    free(finding.how_of);
    free(finding.kind_of);
}

struct leak_sum leaks_leaked(const struct leaks *leaks)
{
    const struct leak_sum *kinds = leaks->kinds;

    return (struct leak_sum){kinds[LEAK_DEFINITE].blocks + kinds[LEAK_INDIRECT].blocks,
                             kinds[LEAK_DEFINITE].bytes + kinds[LEAK_INDIRECT].bytes};
}

void leaks_clear(struct leaks *leaks)
{
    free(leaks->items);
    free(leaks->leak_of_block);
    *leaks = (struct leaks){0};
}
