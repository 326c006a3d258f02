#include "config.h"

#include "analysis/scan_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "snapshot/snapshot.h"

static const char *when(uint64_t reason)
{
    static const char *const words[] = {
        [SNAPSHOT_AT_EXIT] = "after the last destructor",
        [SNAPSHOT_AT_BEFORE_EXIT] = "when the program was about to exit",
        [SNAPSHOT_AT_REQUEST] = "on request",
        [SNAPSHOT_AT_CALL] = "when the program called for it",
        [SNAPSHOT_AT_INTERVAL] = "at an interval",
        [SNAPSHOT_AT_LEVEL] = "when a level was reached",
        [SNAPSHOT_AT_EXEC] = "before an exec",
        [SNAPSHOT_AT_CRASH] = "at a crash",
        [SNAPSHOT_AT_PEAK] = "where the heap was largest"};
    return reason < sizeof words / sizeof *words ? words[reason] : "at an unknown instant";
}

static const char *why_not(const char *reason)
{
    static const struct {
        const char *reason, *words;
    } table[] = {
        {"killed", "killed by a signal"},
        {"crashed", "it crashed"},
        {"exec", "another program took its place"},
        {"off", "not asked for"},
        {"failed", "the scan failed"},
        {"budget", "it would have taken too long (seep run --scan-budget)"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].reason, reason) == 0)
            return table[i].words;
    return reason;
}

void scan_text_describe(const struct leak_report_process *process, struct text *out)
{
    char time[UNITS_TEXT_BYTES], held[UNITS_TEXT_BYTES];
    const struct recording_snapshot *head = &process->head;
    if (!process->is_done) {
        text_print(out, "not scanned: %s", why_not(process->reason));
        if (process->has_head && head->note[0])
            text_print(out, ": %s", head->note);
        return;
    }
    text_print(out, "%s, +%s; held for %s", when(head->reason),
               units_format_duration(head->time_ns, time),
               units_format_duration(head->stop_ns, held));
    if (head->is_copied)
        text_add(out, " and copied");
    if (head->is_self_read)
        text_add(out, ", read by itself");
}

void scan_text_advise(const struct profile *profile, const struct leak_report_process *process,
                      struct text *out)
{
    static const struct {
        const char *reason, *words;
    } table[] = {
        {"killed", "take one while it runs: seep snapshot PID, seep run --snapshot-every=TIME"},
        {"crashed", "seep run --scan-on-crash"},
        {"exec", "that has a row of its own"},
        {"failed", "seep doctor says what is missing"},
        {"budget", "give it more time: seep run --scan-budget=1min"},
    };
    const struct recording_process *about = &profile->processes[process->process].about;
    const char *words = "";
    if (process->is_done)
        return;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].reason, process->reason) == 0)
            words = table[i].words;
    if (strcmp(process->reason, "off") == 0)
        words = !about->is_own_image                         ? "seep run --scan-forks"
                : about->exit_kind == RECORDING_EXIT_RUNNING ? "seep snapshot PID while it runs"
                                                             : "record it without --no-scan";
    text_add(out, words);
}

static void begin_part(struct text *out)
{
    text_add(out, out->count ? "; " : "incomplete: ");
}

static void add_roots_off(uint64_t off, struct text *out)
{
    bool is_first = true;
    for (unsigned kind = 0; kind < SNAPSHOT_ROOT_KIND_COUNT; kind++) {
        if (!(off >> kind & 1))
            continue;
        text_print(out, "%s%s", is_first ? "" : ", ",
                   snapshot_root_kind_name((enum snapshot_root_kind)kind));
        is_first = false;
    }
}

void scan_text_describe_missing(const struct leak_report_process *process, struct text *out)
{
    const struct recording_snapshot *head = &process->head;
    char number[UNITS_TEXT_BYTES];
    if (!process->is_done)
        return;
    if (head->unreadable_bytes) {
        begin_part(out);
        text_print(out, "%s could not be read", units_format_size(head->unreadable_bytes, number));
    }
    if (head->missing_threads) {
        begin_part(out);
        text_print(out, "%s thread%s without registers or stack",
                   units_format_count(head->missing_threads, number),
                   head->missing_threads == 1 ? "" : "s");
    }
    if (head->unsure_blocks) {
        begin_part(out);
        text_print(out, "%s block%s on the move", units_format_count(head->unsure_blocks, number),
                   head->unsure_blocks == 1 ? "" : "s");
    }
    if (head->roots_off) {
        begin_part(out);
        text_add(out, "roots left out: ");
        add_roots_off(head->roots_off, out);
    }
    if (head->note[0]) {
        begin_part(out);
        text_add(out, head->note);
    }
}

void scan_text_format_short(const struct leak_report_process *process, char word[32])
{
    if (process->is_done && strcmp(process->reason, "snapshot") == 0)
        snprintf(word, 32, "snapshot:%" PRIu64, process->head.id);
    else
        snprintf(word, 32, "%s", process->reason);
}
