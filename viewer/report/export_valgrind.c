/* Leaks as Valgrind's XML (docs/internals/xml-output-protocol4.txt), for Qt Creator, KDevelop,
 * CLion and Jenkins: an <error> for each leak. One process: the file has room for no more. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/leak_report.h"
#include "report/export_parts.h"
#include "report/xml_text.h"

static const char *const kinds[LEAK_KIND_COUNT] = {
    [LEAK_DEFINITE] = "DefinitelyLost",
    [LEAK_INDIRECT] = "IndirectlyLost",
    [LEAK_POSSIBLE] = "PossiblyLost",
};
static const char *const words[LEAK_KIND_COUNT] = {
    [LEAK_DEFINITE] = "definitely lost",
    [LEAK_INDIRECT] = "indirectly lost",
    [LEAK_POSSIBLE] = "possibly lost",
};

struct writing {
    const struct profile *profile;
    FILE *out;
};

static void write_element(FILE *out, const char *name, const char *foreign)
{
    fprintf(out, "<%s>", name);
    xml_write_text(out, foreign);
    fprintf(out, "</%s>", name);
}

static bool write_frame(void *context, const struct profile_frame *frame,
                        const struct profile_location *location)
{
    const struct writing *writing = context;
    FILE *out = writing->out;

    fprintf(out, "<frame><ip>0x%" PRIX64 "</ip>", frame->offset);
    if (frame->module_plus_1)
        write_element(out, "obj", writing->profile->modules[frame->module_plus_1 - 1].path);
    write_element(out, "fn", location->function);
    if (location->file) {
        const char *name = text_file_name(location->file);
        struct text folder = {0};

        text_add_bytes(&folder, location->file,
                       name > location->file ? (size_t)(name - location->file - 1) : 0);
        if (folder.count)
            write_element(out, "dir", text_get(&folder));
        write_element(out, "file", name);
        if (location->line)
            fprintf(out, "<line>%" PRIu32 "</line>", location->line);
        text_clear(&folder);
    }
    fputs("</frame>\n", out);
    return true;
}

static void write_leak(struct writing *writing, const struct leak *leak, size_t number,
                       size_t count)
{
    FILE *out = writing->out;

    fprintf(out,
            "<error><unique>0x%zx</unique><tid>1</tid><kind>Leak_%s</kind>\n<xwhat><text>%" PRIu64
            " bytes in %" PRIu64
            " blocks are %s in loss record %zu of %zu</text><leakedbytes>%" PRIu64
            "</leakedbytes><leakedblocks>%" PRIu64 "</leakedblocks></xwhat>\n<stack>\n",
            number, kinds[leak->kind], leak->bytes, leak->blocks, words[leak->kind], number + 1,
            count, leak->bytes, leak->blocks);
    if (leak->site != LEAKS_NO_SITE)
        profile_visit_stack(writing->profile, writing->profile->sites[leak->site].stack_node,
                            write_frame, writing);
    fputs("</stack></error>\n", out);
}

static void write_head(const struct writing *writing, const struct export_options *options,
                       const struct profile_process *process)
{
    FILE *out = writing->out;
    struct text command = {0};

    export_add_command(&command, writing->profile, options);
    fprintf(out,
            "<?xml version=\"1.0\"?>\n<valgrindoutput>\n<protocolversion>4</protocolversion>"
            "<protocoltool>memcheck</protocoltool>\n<preamble><line>%s %s</line></preamble>\n"
            "<pid>%" PRIu64 "</pid><ppid>0</ppid><tool>memcheck</tool>\n"
            "<args><vargv><exe>%s</exe></vargv><argv>",
            PACKAGE_NAME, PACKAGE_VERSION, process->about.pid, PACKAGE_NAME);
    write_element(out, "exe", text_get(&command));
    fputs("</argv></args>\n<status><state>RUNNING</state><time>00:00:00:00.000 </time></status>\n"
          "<status><state>FINISHED</state><time>00:00:00:00.000 </time></status>\n",
          out);
    text_clear(&command);
}

static bool is_told(const struct leak *leak)
{
    return kinds[leak->kind] != NULL;
}

static void write_leaks(struct writing *writing, const struct leaks *leaks)
{
    size_t count = 0, number = 0;

    for (size_t i = 0; i < leaks->count; i++)
        count += is_told(&leaks->items[i]);
    for (size_t i = 0; i < leaks->count; i++)
        if (is_told(&leaks->items[i]))
            write_leak(writing, &leaks->items[i], number++, count);
}

/* The leaks of the process; NULL with an error where it was not scanned. */
static const struct leaks *find_leaks(const struct leak_report *report, uint32_t process,
                                      struct error *error)
{
    for (size_t i = 0; i < report->process_count; i++)
        if (report->processes[i].process == process && report->processes[i].is_done)
            return &report->processes[i].leaks;
        else if (report->processes[i].process == process)
            error_set(error, "the process was not scanned (%s): whether it leaks is not known",
                      report->processes[i].reason);
    return NULL;
}

bool export_write_valgrind(const struct profile *profile, const struct export_options *options,
                           FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .out = out};
    struct suppressions suppressions;
    struct leak_report_options wanted = {
        .suppressions = &suppressions, .snapshot = LEAK_REPORT_DEFAULT, .since = LEAK_REPORT_NONE};
    struct leak_report report;
    const struct leaks *leaks;

    if (query_filter_is_given(&options->filter))
        return error_set(error, "leaks cannot be filtered");
    if (!options->reader)
        return error_set(error, "there is no recording to read leaks from");
    if (!export_choose_process(profile, options, "valgrind", &wanted.process, error))
        return false;
    suppressions_init(&suppressions);
    suppressions_add_built_in(&suppressions);
    if (!leak_report_build(profile, options->reader, &wanted, &report, error)) {
        suppressions_clear(&suppressions);
        return false;
    }
    error_set(error, "the process was not scanned: whether it leaks is not known");
    leaks = find_leaks(&report, wanted.process, error);
    if (leaks) {
        write_head(&writing, options, &profile->processes[wanted.process]);
        write_leaks(&writing, leaks);
        fputs("<errorcounts></errorcounts>\n<suppcounts></suppcounts>\n</valgrindoutput>\n", out);
    }
    leak_report_clear(&report);
    suppressions_clear(&suppressions);
    return leaks != NULL;
}
