#include "tui/leak_words.h"

#include <limits.h>
#include <string.h>

#include "analysis/own_code.h"
#include "analysis/place.h"
#include "base/memory.h"
#include "base/units.h"
#include "snapshot/snapshot.h"

const char *leak_words_meaning(enum leak_kind kind)
{
    static const char *const meanings[LEAK_KIND_COUNT] = {
        [LEAK_DEFINITE] = "nothing refers to them any more",
        [LEAK_INDIRECT] = "only lost blocks refer to them",
        [LEAK_POSSIBLE] = "only pointers into their middle lead to them",
        [LEAK_REACHABLE] = "something still refers to them",
        [LEAK_SUPPRESSED] = "known, by suppressions or the program's own word"};
    return meanings[kind];
}

void leak_words_add_sum(const struct leak_sum *sum, struct text *out)
{
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    text_print(out, "%s in %s block%s", units_format_size(sum->bytes, size),
               units_format_count(sum->blocks, count), sum->blocks == 1 ? "" : "s");
}

static struct place find_place(const struct leak_words *words, uint32_t site)
{
    struct place place = {0};
    if (site != LEAKS_NO_SITE)
        place_find(words->profile, words->profile->sites[site].stack_node, PLACE_NAMED_CALLER,
                   &place);
    return place;
}

const struct profile_location *leak_words_location(const struct leak_words *words, uint32_t site)
{
    struct place place = find_place(words, site);
    return place_named_location(&place);
}

void leak_words_add_site(const struct leak_words *words, uint32_t site, int columns,
                         struct text *out)
{
    struct place place = find_place(words, site);
    const struct profile_location *location = place_named_location(&place);
    struct text called = {0}, caller = {0};
    int room = columns ? columns : INT_MAX;
    text_add(out, location                ? own_code_qualified_name(location->function)
                  : site == LEAKS_NO_SITE ? "from before the recording, or not known"
                                          : "no stack known");
    if (location && location->file)
        text_print(out, "  %s:%u", text_file_name(location->file), location->line);
    room -= text_columns(text_get(out)) + 2;
    place_add_called(&place, room, &called);
    if (called.count && text_columns(text_get(&called)) <= room) {
        text_print(out, "  %s", text_get(&called));
        room -= text_columns(text_get(&called)) + 2;
    }
    if (place.caller && place.caller != location)
        text_print(&caller, "< %s", own_code_qualified_name(place.caller->function));
    if (caller.count && text_columns(text_get(&caller)) <= room)
        text_print(out, "  %s", text_get(&caller));
    text_clear(&called);
    text_clear(&caller);
}

void leak_words_add_thread(const struct leak_words *words, const struct leak_line *line,
                           struct text *out)
{
    const struct leak *leak = leak_line_leak(line);
    const struct recording_thread *thread;
    if (leak->thread == LEAKS_NO_THREAD || leak->thread == LEAKS_SEVERAL_THREADS) {
        text_add(out, leak->thread == LEAKS_NO_THREAD ? "-" : "several");
        return;
    }
    thread = profile_find_thread(words->profile, line->process->process, leak->thread);
    if (thread && *thread->name)
        text_add(out, thread->name);
    else
        text_print(out, "%u", leak->thread);
}

/* "parse +8 -> grow +16, into it -> parse": where in each the pointer to the next stands. */
static void print_step(const struct leak_words *words, const struct leak_report_step *step,
                       struct text *out)
{
    const struct profile_location *location = leak_words_location(words, step->site);
    text_add(out, location ? own_code_qualified_name(location->function) : "?");
    if (step->slot == SNAPSHOT_FAR_SLOT)
        text_add(out, " +...");
    else
        text_print(out, " +%u", (unsigned)step->slot * 8);
    text_add(out, step->kind == SNAPSHOT_INTERIOR ? " -> into " : " -> ");
}

void leak_words_add_cycle(const struct leak_words *words, const struct leak_report_cycle *cycle,
                          struct text *out)
{
    size_t told = cycle->length < LEAK_REPORT_STEPS ? cycle->length : LEAK_REPORT_STEPS;
    text_add(out, "cycle: ");
    for (size_t i = 0; i < told; i++) {
        if (i == told - 1 && cycle->length > told)
            text_print(out, "(%zu more) -> ", cycle->length - told);
        print_step(words, &cycle->steps[i], out);
    }
    text_add(out, "the first");
}

struct stack_printing {
    struct text *out;
    size_t count;
};

static bool print_frame(void *context, const struct profile_frame *frame,
                        const struct profile_location *location)
{
    struct stack_printing *printing = context;
    (void)frame;
    text_print(printing->out, " < %s", own_code_qualified_name(location->function));
    return ++printing->count < 32 && strcmp(location->function, "main") != 0;
}

void leak_words_add_stack(const struct leak_words *words, uint32_t site, struct text *out)
{
    const struct profile *profile = words->profile;
    struct stack_printing printing = {out, 0};
    text_add(out, profile_function_name(profile->sites[site].function));
    profile_visit_stack(profile, profile->sites[site].stack_node, print_frame, &printing);
}

void leak_words_add_suppression(const struct leak_words *words, const struct leak *leak,
                                struct text *out)
{
    if (leak->suppression == LEAKS_NO_SUPPRESSION) {
        text_add(out, "by the program's own word, or with what it hangs from");
        return;
    }
    const struct suppression *entry = &words->suppressions->items[leak->suppression];
    text_print(out, "by %s (", entry->name);
    if (entry->origin)
        text_print(out, "%s:%u)", entry->origin, entry->line);
    else
        text_add(out, "built in)");
    if (entry->reason)
        text_print(out, ", %s", entry->reason);
}

/* ---- one leak ---- */

static void add_note(struct view_request *request, size_t *capacity, const char *label,
                     struct text *text)
{
    request->notes = memory_grow(request->notes, capacity, request->note_count + 1,
                                 sizeof *request->notes);
    request->notes[request->note_count++] = (struct view_note){memory_duplicate_text(label),
                                                               text_take(text)};
}

/* Each block of it, and by which word it refers to the next; the last edge closes it. */
static void add_cycle_notes(const struct leak_words *words, const struct leak_report_cycle *cycle,
                            struct view_request *request, size_t *capacity)
{
    size_t told = cycle->length < LEAK_REPORT_STEPS ? cycle->length : LEAK_REPORT_STEPS;
    char size[UNITS_TEXT_BYTES];
    struct text text = {0};
    text_print(&text, "of %zu block%s that refer to each other; the oldest leads", cycle->length,
               cycle->length == 1 ? "" : "s");
    add_note(request, capacity, "Cycle", &text);
    for (size_t i = 0; i < told; i++) {
        bool is_last = i == told - 1;
        if (is_last && cycle->length > told) {
            text_print(&text, "%zu more", cycle->length - told);
            add_note(request, capacity, "", &text);
        }
        print_step(words, &cycle->steps[i], &text);
        text_print(&text, "%s (%s)", is_last ? "the first: closes the cycle" : "the next",
                   units_format_size(cycle->steps[i].bytes, size));
        add_note(request, capacity, "", &text);
    }
}

static const char *advice_for(const struct leak *leak)
{
    switch (leak->kind) {
    case LEAK_DEFINITE:
        return leak->cycles ? "clear one pointer of the cycle when its owner goes"
                            : "what takes it over from here must free it, on every way out";
    case LEAK_INDIRECT:
        return "it hangs from a definite leak: that one is to be freed, with what it holds";
    case LEAK_POSSIBLE:
        return "keep a pointer to its start, or say that it is known (S)";
    case LEAK_REACHABLE:
        return "the graph (6) shows what refers to it; freeing it at exit is optional";
    case LEAK_SUPPRESSED:
    case LEAK_KIND_COUNT:
        break;
    }
    return "it is known: nothing to do";
}

/* Between that snapshot and this one the last pointer went. */
static void add_seen_note(const struct leak *leak, const struct last_seen *seen,
                          struct view_request *request, size_t *capacity)
{
    char time[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct text text = {0};
    if (seen->blocks < leak->blocks)
        text_print(&text, "%s of them ", units_format_count(seen->blocks, count));
    text_print(&text, "at snapshot:%llu, after %s, by", (unsigned long long)seen->snapshot,
               units_format_duration(seen->time_ns, time));
    add_note(request, capacity, "Last held", &text);
    graph_path_write(&seen->path, &text);
    add_note(request, capacity, "", &text);
}

void leak_words_add_notes(const struct leak_words *words, const struct leak_line *line,
                          const struct last_seen *seen, struct view_request *request)
{
    const struct leak *leak = leak_line_leak(line);
    const struct leak_report_cycle *cycle = leak_report_find_cycle(line->process, line->leak);
    char age[UNITS_TEXT_BYTES], first[UNITS_TEXT_BYTES], last[UNITS_TEXT_BYTES];
    size_t capacity = 0;
    struct text text = {0};
    text_print(&text, "%s: %s", leak_kind_name(leak->kind), leak_words_meaning(leak->kind));
    add_note(request, &capacity, "Leak", &text);
    leak_words_add_sum(&(struct leak_sum){leak->blocks, leak->bytes}, &text);
    if (leak->indirect_blocks) {
        text_add(&text, ", and with it ");
        leak_words_add_sum(&(struct leak_sum){leak->indirect_blocks, leak->indirect_bytes}, &text);
    }
    add_note(request, &capacity, "Lost", &text);
    text_print(&text, "at 0x%llx, %s old", (unsigned long long)leak->address,
               units_format_duration(leak_report_age_ns(line->process, leak), age));
    add_note(request, &capacity, leak->blocks > 1 ? "The oldest" : "Block", &text);
    text_print(&text, "after %s", units_format_duration(leak->oldest_ns, first));
    if (leak->newest_ns != leak->oldest_ns)
        text_print(&text, ", the last after %s", units_format_duration(leak->newest_ns, last));
    add_note(request, &capacity, "Allocated", &text);
    leak_words_add_thread(words, line, &text);
    add_note(request, &capacity, "Thread", &text);
    if (cycle)
        add_cycle_notes(words, cycle, request, &capacity);
    if (leak->kind == LEAK_SUPPRESSED) {
        leak_words_add_suppression(words, leak, &text);
        add_note(request, &capacity, "Suppressed", &text);
    }
    if (seen)
        add_seen_note(leak, seen, request, &capacity);
    leak_words_add_site(words, leak->site, 0, &text);
    add_note(request, &capacity, "Where to look", &text);
    text_add(&text, advice_for(leak));
    add_note(request, &capacity, "", &text);
}
