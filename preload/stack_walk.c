#define _GNU_SOURCE
#include "preload/stack_walk.h"

#include <sys/syscall.h>

/* Other frames' memory is read as plain words, which a sanitizer (in tests) would take amiss. */
#define READS_FOREIGN_FRAMES __attribute__((no_sanitize("address", "undefined", "thread")))

/* ---- memory that may be read -------------------------------------------------------------------
 */

/* A signal handler may walk, and change the ranges, between any two instructions here. So a range
 * is read as a whole (again, if it changed meanwhile) and written as a whole, empty in between; a
 * range that gets lost that way is only tested again. */
static struct walk_range range_read(const struct walk_range *range)
{
    const volatile struct walk_range *place = range;
    struct walk_range copy;

    do {
        copy.low = place->low;
        copy.high = place->high;
    } while (copy.low != place->low);
    return copy;
}

static void range_write(struct walk_range *range, struct walk_range copy)
{
    volatile struct walk_range *place = range;

    place->high = 0;
    place->low = copy.low;
    place->high = copy.high;
}

static bool range_has_word(struct walk_range range, uint64_t address)
{
    return address >= range.low && address < range.high && range.high - address >= 8;
}

static uint64_t page_of(uint64_t address)
{
    return address & ~(uint64_t)(ARCH_PAGE_BYTES - 1);
}

/* `page` is aligned, so the 8 bytes that the kernel copies stand for all of it. Page 0 would mean
 * "no argument"; it is never a stack. */
static bool is_page_readable(uint64_t page)
{
    enum {
        NO_SUCH_OPERATION = 0x7fff,
        SIGNAL_SET_BYTES = 8,
        BAD_ADDRESS = -14
    };

    return page && arch_system_call(SYS_rt_sigprocmask, NO_SUCH_OPERATION, page, 0,
                                    SIGNAL_SET_BYTES, 0, 0) != BAD_ADDRESS;
}

/* Joins `added` with the ranges that it touches; returns the union. */
static struct walk_range memory_join(struct walk_memory *memory, struct walk_range added)
{
    struct walk_range *kept = NULL;

    for (int i = 0; i < WALK_MEMORY_RANGES; i++) {
        struct walk_range range = range_read(&memory->ranges[i]);

        if (range.low >= range.high || range.low > added.high || range.high < added.low)
            continue;
        added.low = range.low < added.low ? range.low : added.low;
        added.high = range.high > added.high ? range.high : added.high;
        if (kept)
            range_write(&memory->ranges[i], (struct walk_range){0});
        else
            kept = &memory->ranges[i];
    }
    if (!kept)
        kept = &memory->ranges[memory->next_range++ % WALK_MEMORY_RANGES];
    range_write(kept, added);
    return added;
}

/* Makes *range one that has the word at `address`. False when it cannot be read, or that cannot be
 * known. */
static __attribute__((noinline, cold)) bool memory_find(struct walk_memory *memory,
                                                        uint64_t address, struct walk_range *range)
{
    uint64_t first = page_of(address), last = page_of(address + 7);

    for (int i = 0; i < WALK_MEMORY_RANGES; i++) {
        struct walk_range known = range_read(&memory->ranges[i]);

        if (range_has_word(known, address)) {
            *range = known;
            return true;
        }
    }
    if (memory->are_system_calls_forbidden || last < first || last == page_of(UINT64_MAX))
        return false;
    if (!is_page_readable(first) || (last != first && !is_page_readable(last)))
        return false;
    *range = memory_join(memory, (struct walk_range){first, last + ARCH_PAGE_BYTES});
    return true;
}

struct walk_range walk_memory_enter(struct walk_memory *memory, uint64_t sp)
{
    uint64_t page = page_of(sp - 8);

    for (int i = 0; i < WALK_MEMORY_RANGES; i++) {
        struct walk_range known = range_read(&memory->ranges[i]);

        if (range_has_word(known, sp - 8))
            return known;
    }
    return memory_join(memory, (struct walk_range){page, page + ARCH_PAGE_BYTES});
}

void walk_memory_add(struct walk_memory *memory, uint64_t low, uint64_t high)
{
    if (low < high)
        memory_join(memory, (struct walk_range){low, high});
}

void walk_memory_forget(struct walk_memory *memory)
{
    for (int i = 0; i < WALK_MEMORY_RANGES; i++)
        range_write(&memory->ranges[i], (struct walk_range){0});
}

bool walk_memory_widen(struct walk_memory *memory, struct walk_range *range, uint64_t address)
{
    struct walk_range found;

    if (!memory_find(memory, address, &found))
        return false;
    if (found.low > range->high) {
        uint64_t page = range->high;

        if (found.low - page > (uint64_t)WALK_MEMORY_GAP_PAGES * ARCH_PAGE_BYTES ||
            memory->are_system_calls_forbidden || memory->gap_count >= WALK_MEMORY_GAPS)
            return false;
        while (page < found.low && is_page_readable(page))
            page += ARCH_PAGE_BYTES;
        if (page < found.low) {
            memory->gap_count++;
            return false;
        }
    }
    found.low = range->low;
    *range = memory_join(memory, found);
    return true;
}

size_t walk_memory_readable(struct walk_memory *memory, uint64_t address, size_t wanted)
{
    uint64_t end = address + wanted < address ? UINT64_MAX : address + wanted;
    uint64_t at = address;
    struct walk_range range;

    /* The word that is looked for lies in the page of `at` and so stands for all of it. */
    while (at < end && memory_find(memory, at & ~UINT64_C(7), &range))
        at = range.high;
    return (at < end ? at : end) - address;
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

/* Where frames go: straight on up to the limit, then round and round in the last quarter. */
struct output {
    uint64_t *at;
    uint64_t *begin_of_tail;
    uint64_t *end;
    uint64_t count; /* of all frames, also those that were overwritten */
};

static inline void output_add(struct output *output, const struct walk_registers *registers)
{
    if (__builtin_expect(output->at == output->end, 0))
        output->at = output->begin_of_tail;
    /* No code has that bit in its address, but what a misread stack holds may. */
    *output->at++ = (registers->pc & ~WIRE_FRAME_EXACT) |
                    (registers->is_exact ? WIRE_FRAME_EXACT : 0);
    output->count++;
}

static void reverse(uint64_t *begin, uint64_t *end)
{
    while (end - begin > 1) {
        uint64_t frame = *begin;

        *begin++ = *--end;
        *end = frame;
    }
}

/* Turns the last quarter so that it begins with its innermost frame, and moves it up to the inner
 * frames that are kept. */
static void output_finish(const struct output *output, struct stack_walk *walk)
{
    struct stack_cut cut = stack_cut_of(output->count, walk->limit);

    walk->count = cut.inner + cut.outer;
    walk->inner_count = cut.inner;
    walk->omitted_count = cut.omitted;
    if (cut.omitted == 0)
        return;
    reverse(output->begin_of_tail, output->at);
    reverse(output->at, output->end);
    reverse(output->begin_of_tail, output->end);
    for (uint32_t i = 0; i < cut.outer; i++)
        walk->frames[cut.inner + i] = output->begin_of_tail[i];
}

/* The state of a walk: the frame that was reached and is not yet put out. An `end` other than
 * COMPLETE ends the walk, and so does is_outermost. */
struct walker {
    struct walk_memory *memory;
    struct walk_range range;
    struct walk_registers registers;
    struct walk_reads *reads; /* NULL = nobody wants to know */
    struct walk_read bp_read; /* where bp comes from, not yet told; address 0 = not from a word */
    bool is_bp_told;          /* or it needs no telling */
    uint32_t signal_count;
    bool is_outermost;
    enum stack_walk_end end;
};

/* ---- any frame, one step at a time --------------------------------------------------------------
 */

READS_FOREIGN_FRAMES
static uint64_t walker_peek(struct walker *walker, uint64_t address)
{
    if (!range_has_word(walker->range, address) &&
        !memory_find(walker->memory, address, &walker->range)) {
        walker->end = STACK_WALK_UNREADABLE;
        return 0;
    }
    return *(const uint64_t *)(uintptr_t)address;
}

static void reads_add(struct walk_reads *reads, uint64_t address, uint64_t value)
{
    if (reads->count < reads->capacity)
        reads->reads[reads->count] = (struct walk_read){address, value};
    reads->count++;
}

static uint64_t walker_read(struct walker *walker, uint64_t address)
{
    uint64_t value = walker_peek(walker, address);

    if (walker->reads != NULL)
        reads_add(walker->reads, address, value);
    return value;
}

/* To be called before a frame is found by bp: only then where it came from counts. */
static void walker_use_bp(struct walker *walker)
{
    if (walker->reads == NULL || walker->is_bp_told)
        return;
    walker->is_bp_told = true;
    if (walker->bp_read.address != 0)
        reads_add(walker->reads, walker->bp_read.address, walker->bp_read.value);
    else
        walker->reads->is_bp_used = true;
}

/* The caller's bp, saved at `address`. */
static uint64_t walker_peek_bp(struct walker *walker, uint64_t address)
{
    uint64_t value = walker_peek(walker, address);

    walker->bp_read = (struct walk_read){address, value};
    walker->is_bp_told = false;
    return value;
}

static uint64_t walker_read_bp(struct walker *walker, struct frame_rule rule, uint64_t cfa)
{
    uint64_t offset = frame_rule_bp_offset(rule);

    switch (frame_rule_bp_place(rule)) {
    case FRAME_RULE_BP_SAME:
        break;
    case FRAME_RULE_BP_AT_CFA:
        return walker_peek_bp(walker, cfa + offset);
    case FRAME_RULE_BP_AT_BP:
        walker_use_bp(walker);
        return walker_peek_bp(walker, walker->registers.bp + offset);
    case FRAME_RULE_BP_AT_SP:
        return walker_peek_bp(walker, walker->registers.sp + offset);
    }
    return walker->registers.bp;
}

/* Steps by a rule whose CFA is known: the return address is at CFA - 8. When it fails the registers
 * stay. */
static void walker_step_to(struct walker *walker, struct frame_rule rule, uint64_t cfa)
{
    uint64_t pc, bp;

    if (cfa < 8 || cfa - 8 < walker->registers.sp) {
        walker->end = STACK_WALK_NO_PROGRESS;
        return;
    }
    pc = walker_read(walker, cfa - 8);
    bp = walker_read_bp(walker, rule, cfa);
    if (walker->end == STACK_WALK_COMPLETE)
        walker->registers = (struct walk_registers){.pc = pc, .sp = cfa, .bp = bp};
}

/* Over a signal frame to what was interrupted, which may be on another stack. */
static void step_over_signal(struct walker *walker)
{
    uint64_t context = walker->registers.sp;
    struct walk_registers interrupted = {.is_exact = true};

    interrupted.pc = walker_read(walker, context + ARCH_SIGNAL_CONTEXT_PC);
    interrupted.sp = walker_read(walker, context + ARCH_SIGNAL_CONTEXT_SP);
    interrupted.bp = walker_read(walker, context + ARCH_SIGNAL_CONTEXT_BP);
    if (++walker->signal_count > STACK_WALK_MAX_SIGNALS)
        walker->end = STACK_WALK_NO_PROGRESS;
    walker->is_bp_told = true; /* it was read as any word */
    if (walker->end == STACK_WALK_COMPLETE)
        walker->registers = interrupted;
}

static void step_by_reading(struct walker *walker, struct frame_rule rule, uint64_t base)
{
    uint64_t cfa = walker_read(walker, base + frame_rule_cfa_offset(rule));

    if (walker->end == STACK_WALK_COMPLETE)
        walker_step_to(walker, rule, cfa + frame_rule_cfa_addend(rule));
}

static void walker_step(struct walker *walker, struct frame_rule rule)
{
    const struct walk_registers *registers = &walker->registers;
    uint64_t offset = frame_rule_cfa_offset(rule);

    if (!ARCH_HAS_EH_FRAME_RULES && registers->bp == 0)
        rule = frame_rule_make(FRAME_RULE_END);
    switch (frame_rule_kind(rule)) {
    case FRAME_RULE_SP:
        walker_step_to(walker, rule, registers->sp + offset);
        break;
    case FRAME_RULE_BP:
        walker_use_bp(walker);
        walker_step_to(walker, rule, registers->bp + offset);
        break;
    case FRAME_RULE_SP_READ:
        step_by_reading(walker, rule, registers->sp);
        break;
    case FRAME_RULE_BP_READ:
        walker_use_bp(walker);
        step_by_reading(walker, rule, registers->bp);
        break;
    case FRAME_RULE_SIGNAL:
        step_over_signal(walker);
        break;
    case FRAME_RULE_END:
        walker->is_outermost = true;
        break;
    case FRAME_RULE_NONE:
        walker->end = STACK_WALK_NO_RULE;
        break;
    case FRAME_RULE_NO_TABLE:
        walker->end = STACK_WALK_NO_TABLE;
        break;
    }
}

/* ---- plain frames, many at a time ---------------------------------------------------------------
 */

/* Goes on over frames whose rules are in the table and plain, and whose words are in the range;
 * leaves the first that is not (nearly always the outermost one of the stack) to walker_step.
 * Everything is in local variables, and nothing is called, so that a frame costs little more than
 * its three dependent loads: the rule, and by it the return address. */
READS_FOREIGN_FRAMES
static inline void walk_plain_frames(struct unwind_rules *rules, uint64_t generation,
                                     struct walker *walker, struct output *output)
{
    uint64_t sp = walker->registers.sp, bp = walker->registers.bp;
    uint64_t low = walker->range.low, last_word = walker->range.high - 8;
    uint64_t frame = walker->registers.pc | (walker->registers.is_exact ? WIRE_FRAME_EXACT : 0);
    uint64_t look_up = walker->registers.pc - !walker->registers.is_exact;
    uint64_t *at = output->at;
    struct frame_rule rule;

    /* An sp at the range's end would turn the distances round: what is behind it is not known. */
    while (at != output->end && sp <= last_word &&
           unwind_rules_look_up(rules, look_up, generation, &rule)) {
        enum frame_rule_kind kind = frame_rule_kind(rule);
        enum frame_rule_bp_place bp_place = frame_rule_bp_place(rule);
        uint64_t cfa = frame_rule_cfa_offset(rule), bp_address;

        /* Branches, not a conditional move: what is predicted need not be waited for. */
        if (__builtin_expect_with_probability(kind == FRAME_RULE_SP, 1, 0.99))
            cfa += sp;
        else if (kind == FRAME_RULE_BP)
            cfa += bp;
        else
            break;
        /* In each pair one compare does for two: what lies below wraps round and is large. */
        if (cfa - 8 - sp > last_word - sp)
            break;
        bp_address = cfa + frame_rule_bp_offset(rule);
        if (bp_place == FRAME_RULE_BP_AT_CFA) {
            if (bp_address - low > last_word - low)
                break;
            bp = *(const uint64_t *)(uintptr_t)bp_address;
        } else if (bp_place != FRAME_RULE_BP_SAME) {
            break;
        }
        *at++ = frame;
        frame = *(const uint64_t *)(uintptr_t)(cfa - 8);
        look_up = frame - 1;
        sp = cfa;
    }
    if (at == output->at)
        return;
    output->count += (uint64_t)(at - output->at);
    output->at = at;
    walker->registers = (struct walk_registers){.pc = frame, .sp = sp, .bp = bp};
}

/* Adds frames until the outermost one, a pc of 0 (which has no frame), or an obstacle. */
static void walk_frames(struct unwind_rules *rules, uint64_t generation, struct walker *walker,
                        struct output *output)
{
    while (!walker->is_outermost && walker->end == STACK_WALK_COMPLETE) {
        const struct walk_registers *registers = &walker->registers;

        /* Only from a place inside the range: distances are counted from it. */
        if (walker->reads == NULL && range_has_word(walker->range, registers->sp))
            walk_plain_frames(rules, generation, walker, output);
        if (registers->pc == 0)
            break;
        if (output->count >= STACK_WALK_MAX_FRAMES) {
            walker->end = STACK_WALK_TOO_DEEP;
            break;
        }
        output_add(output, registers);
        walker_step(walker,
                    unwind_rules_find(rules, registers->pc - !registers->is_exact, generation));
    }
}

static void run(struct unwind_rules *rules, struct walk_memory *memory,
                const struct walk_registers *from, struct stack_walk *walk,
                struct walk_reads *reads)
{
    struct walker walker = {.memory = memory,
                            .range = walk_memory_enter(memory, from->sp),
                            .registers = *from,
                            .reads = reads};
    struct output output = {.at = walk->frames,
                            .begin_of_tail = walk->frames + stack_cut_most_inner(walk->limit),
                            .end = walk->frames + walk->limit};
    uint64_t generation = unwind_rules_generation(rules);

    walk_frames(rules, generation, &walker, &output);
    output_finish(&output, walk);
    walk->end = walker.end;
    walk->last = walker.registers;
}

void stack_walk_run(struct unwind_rules *rules, struct walk_memory *memory,
                    const struct walk_registers *from, struct stack_walk *walk)
{
    run(rules, memory, from, walk, NULL);
}

void stack_walk_run_telling(struct unwind_rules *rules, struct walk_memory *memory,
                            const struct walk_registers *from, struct stack_walk *walk,
                            struct walk_reads *reads)
{
    reads->count = 0;
    reads->is_bp_used = false;
    run(rules, memory, from, walk, reads);
}
