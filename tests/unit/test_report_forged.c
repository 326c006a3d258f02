/* Recordings whose records are well-formed but otherwise random: every report must come to an end,
 * and JSON must be JSON. The same numbers in every run. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "profile_builder.h"
#include "recording/record_codec.h"
#include "report/report.h"
#include "report/summary.h"

struct chance {
    uint64_t state;
};

static uint64_t next(struct chance *chance) /* xorshift64* */
{
    chance->state ^= chance->state >> 12;
    chance->state ^= chance->state << 25;
    chance->state ^= chance->state >> 27;
    return chance->state * UINT64_C(2685821657736338717);
}

/* Mostly small, so that references often hit; sometimes at the edges. */
static uint64_t forge_number(struct chance *chance)
{
    static const uint64_t edges[] = {
        0,         1, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 40, INT64_MAX, UINT64_MAX - 1,
        UINT64_MAX};
    uint64_t choice = next(chance) % 16;
    if (choice == 0)
        return edges[next(chance) % (sizeof edges / sizeof *edges)];
    return choice < 12 ? next(chance) % 8 : next(chance) % 100000;
}

static const char *forge_text(struct chance *chance)
{
    static const char *const texts[] = {
        "",         "main",         "a<b<c<d<",     "/x/y\n\033[2J.c",
        "[clone ",  "operator()<",  "\xff\xfe\xc3", "std::f(",
        "x.isra",   "libc.so.6",    "void g<int>(", "<T as U>::v",
        "]]>[abi:", "(anonymous n", "operator",     ")))(((((("};
    return texts[next(chance) % (sizeof texts / sizeof *texts)];
}

enum {
    MOST_ITEMS = 15
};

struct forged {
    uint64_t numbers[MOST_ITEMS];
    const char *texts[MOST_ITEMS];
};

static void forge_field(struct chance *chance, const struct record_field *field, void *place,
                        struct forged *forged)
{
    size_t count = next(chance) % (MOST_ITEMS + 1);
    switch (field->type) {
    case RECORD_FIELD_UNSIGNED:
    case RECORD_FIELD_SIGNED:
        *(uint64_t *)place = forge_number(chance);
        break;
    case RECORD_FIELD_TEXT:
        *(const char **)place = forge_text(chance);
        break;
    case RECORD_FIELD_BYTES:
        *(struct recording_bytes *)place = (struct recording_bytes){
            (const uint8_t *)forged->numbers, count};
        break;
    case RECORD_FIELD_UNSIGNED_LIST:
        *(struct recording_list *)place = (struct recording_list){forged->numbers, count};
        break;
    case RECORD_FIELD_TEXT_LIST:
        *(struct recording_text_list *)place = (struct recording_text_list){forged->texts, count};
        break;
    }
}

/* Lists are borrowed until the recording is written: each record has its own. */
static void forge_record(struct chance *chance, struct profile_builder *builder,
                         struct forged *forged)
{
    static const enum recording_kind often[] = {
        RECORDING_string,     RECORDING_frame, RECORDING_symbol, RECORDING_stack_node,
        RECORDING_stack_node, RECORDING_site,  RECORDING_site,   RECORDING_thread};
    const struct record_kind *kind = record_kind_find(often[next(chance) % 8]);
    if (next(chance) % 4 == 0)
        kind = record_kind_at(next(chance) % 19);
    uint64_t record[64] = {0};
    assert_true(kind->struct_bytes <= sizeof record);
    for (size_t i = 0; i < MOST_ITEMS; i++) {
        forged->numbers[i] = forge_number(chance);
        forged->texts[i] = forge_text(chance);
    }
    for (size_t i = 0; i < kind->field_count; i++)
        forge_field(chance, &kind->fields[i], (char *)record + kind->fields[i].offset, forged);
    profile_builder_add_record(builder, kind->kind, record);
}

static struct profile *forge_profile(struct chance *chance)
{
    enum {
        RECORDS = 200
    };
    struct profile_builder *builder = profile_builder_create();
    struct forged *forged = calloc(RECORDS, sizeof *forged);
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    for (size_t i = 0; i < RECORDS; i++)
        forge_record(chance, builder, &forged[i]);
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    free(forged);
    return profile;
}

static void write_everything(struct chance *chance, const struct profile *profile)
{
    for (size_t i = 0; report_format_at(i); i++) {
        struct report_options options;
        struct error error;
        report_options_init(&options);
        /* A page holds sites and trees anyway, and refuses to be asked for one of them. */
        bool is_page = strcmp(report_format_at(i)->name, "html") == 0;
        options.has_grouping = next(chance) % 2 && !is_page;
        options.query.grouping = query_grouping_at(next(chance) % 6)->grouping;
        options.query.sort = QUERY_ALLOCATIONS; /* known for all groupings */
        options.is_tree = next(chance) % 2 && !is_page;
        options.direction = next(chance) % 2 ? CALL_TREE_TOP_DOWN : CALL_TREE_BOTTOM_UP;
        options.min_share = 0.001;
        char *bytes = NULL;
        size_t count = 0;
        FILE *out = open_memstream(&bytes, &count);
        if (!report_write(report_format_at(i), profile, &options, out, &error))
            fail_msg("%s", error.message);
        fclose(out);
        if (strcmp(report_format_at(i)->name, "json") == 0) {
            json_error_t problem;
            json_t *report = json_loads(bytes, JSON_REJECT_DUPLICATES, &problem);
            if (!report)
                fail_msg("line %d: %s", problem.line, problem.text);
            json_decref(report);
        }
        free(bytes);
    }
    struct summary_options summary = {.path = "x"};
    struct error error;
    FILE *out = fopen("/dev/null", "w");
    assert_true(summary_write(profile, &summary, out, &error));
    fclose(out);
}

static void forged_recordings_are_survived(void **state)
{
    (void)state;
    struct chance chance = {0x5ee95ee95ee9};
    for (unsigned round = 0; round < 40; round++) {
        struct profile *profile = forge_profile(&chance);
        write_everything(&chance, profile);
        profile_destroy(profile);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forged_recordings_are_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
