/* Leaks as Valgrind's memcheck writes them into its --log-file: CTest and CDash count the lines
 * "==pid== N bytes in M blocks are definitely lost in loss record I of K" (contrib/ctest). */
#include "config.h"

#include <inttypes.h>

#include "base/text.h"
#include "base/units.h"
#include "report/check_report.h"
#include "report/page.h"

struct writing {
    FILE *out;
    uint64_t pid;
    bool is_first; /* frame of a stack */
};

static void write_foreign(FILE *out, const char *foreign)
{
    struct text safe = {0};

    page_make_safe(&safe, foreign);
    fputs(text_get(&safe), out);
    text_clear(&safe);
}

static bool write_frame(void *context, const struct profile_frame *frame,
                        const struct profile_location *location)
{
    struct writing *writing = context;

    fprintf(writing->out, "==%" PRIu64 "==    %s 0x%" PRIX64 ": ", writing->pid,
            writing->is_first ? "at" : "by", frame->offset);
    write_foreign(writing->out, location->function);
    if (location->file) {
        fputs(" (", writing->out);
        write_foreign(writing->out, text_file_name(location->file));
        fprintf(writing->out, ":%" PRIu32 ")", location->line);
    }
    fputc('\n', writing->out);
    writing->is_first = false;
    return true;
}

static bool is_told(const struct gate_finding *finding)
{
    return finding->state != GATE_FINDING_FIXED && finding->leak_kind >= 0;
}

static void write_finding(const struct gate_finding *finding, struct writing *writing,
                          size_t record, size_t count)
{
    static const char *const words[LEAK_KIND_COUNT] = {[LEAK_DEFINITE] = "definitely lost",
                                                       [LEAK_INDIRECT] = "indirectly lost",
                                                       [LEAK_POSSIBLE] = "possibly lost",
                                                       [LEAK_REACHABLE] = "still reachable",
                                                       [LEAK_SUPPRESSED] = "suppressed"};
    char bytes[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];

    fprintf(writing->out,
            "==%" PRIu64 "== %s bytes in %s blocks are %s in loss record %zu of %zu\n",
            writing->pid, units_format_count(finding->bytes, bytes),
            units_format_count(finding->blocks, blocks), words[finding->leak_kind], record, count);
    writing->is_first = true;
    if (finding->profile && finding->site != QUERY_NO_SITE)
        profile_visit_stack(finding->profile, finding->profile->sites[finding->site].stack_node,
                            write_frame, writing);
    fprintf(writing->out, "==%" PRIu64 "== \n", writing->pid);
}

bool check_write_valgrind(const struct check_report *report, FILE *out, struct error *error)
{
    (void)error;
    for (size_t i = 0; i < report->count; i++)
        for (size_t j = 0; j < report->entries[i].gate.count; j++) {
            const struct gate_result *result = &report->entries[i].gate.results[j];
            struct writing writing = {.out = out,
                                      .pid = check_process(&report->entries[i], result)->about.pid};
            size_t count = 0, record = 0;

            if (result->budget != GATE_LEAKED || result->scope || result->verdict != GATE_FAIL)
                continue;
            for (size_t k = 0; k < result->finding_count; k++)
                count += is_told(&result->findings[k]);
            for (size_t k = 0; k < result->finding_count; k++)
                if (is_told(&result->findings[k]))
                    write_finding(&result->findings[k], &writing, ++record, count);
        }
    return true;
}
