#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/fingerprint.h"
#include "analysis/site_lists.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "profile_builder.h"

static struct profile *load_and_forget(struct profile_builder *builder)
{
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

static bool append_function(void *context, const struct profile_frame *frame,
                            const struct profile_location *location)
{
    (void)frame;
    text_print(context, "%s%s ", location->is_inlined ? "~" : "", location->function);
    return true;
}

static void expect_stack(const struct profile *profile, uint32_t node, const char *expected)
{
    struct text text = {0};
    profile_visit_stack(profile, node, append_function, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void everything_is_there(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_thread(builder, 0, "demo");
    profile_builder_add_thread(builder, 0, "worker");
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1;small@m.c:9", 3, 30, 1, 10);
    profile_builder_add_site(builder, 0, FUNCTION_CALLOC, "main@m.c:2;big@m.c:8;~in@m.h:3", 4, 4000,
                             0, 0);
    struct profile *profile = load_and_forget(builder);

    assert_true(profile->is_complete);
    assert_true(profile->is_finished);
    assert_int_equal(profile->duration_ns, 2000000000);
    assert_int_equal(profile->session.command.count, 2);
    assert_string_equal(profile->session.command.items[1], "--verbose");
    assert_int_equal(profile->process_count, 1);
    assert_string_equal(profile->processes[0].about.executable, PROFILE_BUILDER_PROGRAM);
    assert_int_equal(profile->processes[0].totals.live_bytes, 4020);
    assert_int_equal(profile->processes[0].quality.events, 8);
    assert_int_equal(profile->processes[0].site_count, 2);
    assert_int_equal(profile->sites[0].figures.live_bytes, 4000); /* the larger one first */
    assert_int_equal(profile->sites[0].function, FUNCTION_CALLOC);
    expect_stack(profile, profile->sites[0].stack_node, "~in big main ");
    expect_stack(profile, profile->sites[1].stack_node, "small main ");
    assert_string_equal(profile_find_thread(profile, 0, 1)->name, "worker");
    assert_null(profile_find_thread(profile, 0, 2));
    assert_null(profile_find_thread(profile, 7, 0));
    assert_int_equal(profile->module_count, 1);
    assert_string_equal(profile->modules[0].name, "demo");
    assert_false(profile->modules[0].is_system);
    profile_destroy(profile);
}

static void frames_without_symbols_have_names(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    uint64_t node = profile_builder_stack(builder, "main;!/x/libvendor.so.3");
    struct recording_frame outside = {
        .id = 2, .kind = RECORDING_FRAME_UNKNOWN, .offset = 0x7f0012345678};
    struct recording_frame omitted = {.id = 3, .kind = RECORDING_FRAME_OMITTED, .offset = 12};
    struct recording_stack_node inner = {.id = node + 1, .parent_id = node, .frame_id = 3};
    struct recording_stack_node innermost = {.id = node + 2, .parent_id = node + 1, .frame_id = 2};
    profile_builder_add_record(builder, RECORDING_frame, &outside);
    profile_builder_add_record(builder, RECORDING_frame, &omitted);
    profile_builder_add_record(builder, RECORDING_stack_node, &inner);
    profile_builder_add_record(builder, RECORDING_stack_node, &innermost);
    struct profile *profile = load_and_forget(builder);
    expect_stack(profile, (uint32_t)node + 2,
                 "0x7f0012345678 [12 frames omitted] libvendor.so.3+0x1010 main ");
    assert_int_equal(profile->modules[1].unsymbolized_frame_count, 1);
    assert_int_equal(profile->modules[0].unsymbolized_frame_count, 0);
    assert_true(profile->is_complete);
    profile_destroy(profile);
}

/* A journal holds a site once per checkpoint: the last one counts. */
static void the_last_record_wins(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    struct recording_site *site = profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                                                           "main@m.c:1", 1, 10, 0, 0);
    struct recording_site later = *site;
    later.allocations = 7;
    later.live_bytes = 70;
    profile_builder_add_record(builder, RECORDING_site, &later);
    struct recording_process process = *profile_builder_add_process(builder, "/bin/first");
    process.executable = "/bin/second";
    profile_builder_add_record(builder, RECORDING_process, &process);
    struct profile *profile = load_and_forget(builder);
    assert_int_equal(profile->site_count, 1);
    assert_int_equal(profile->sites[0].figures.allocations, 7);
    assert_int_equal(profile->sites[0].figures.live_bytes, 70);
    assert_int_equal(profile->process_count, 2);
    assert_string_equal(profile->processes[1].about.executable, "/bin/second");
    profile_destroy(profile);
}

/* In any order, and of a process that has no record of a site besides. */
static void inherited_sites_are_sites(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_process(builder, "/bin/child");
    profile_builder_add_process(builder, "/bin/other");
    struct recording_site site = *profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                                                           "main@m.c:1", 1, 10, 1, 10);
    uint64_t node = site.stack_node_id << 1; /* zigzag */
    const uint64_t first[] = {0, node, FUNCTION_MALLOC, 3, 30, 1, 0, FUNCTION_CALLOC, 4, 40};
    const uint64_t second[] = {2, node, FUNCTION_MALLOC, 5, 50};
    const uint64_t nowhere[] = {0, UINT64_MAX - 1, FUNCTION_MALLOC, 1, 1, UINT64_MAX, 0, 0, 0, 0};
    struct recording_inherited_sites lists[] = {
        {.process_id = 2, .sites = {second, 5}}, {.process_id = 1, .sites = {first, 10}},
        {.process_id = 1, .sites = {first, 10}}, /* a journal may have it twice */
        {.process_id = 9, .sites = {second, 5}}, {.process_id = 2, .sites = {nowhere, 10}},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        profile_builder_add_record(builder, RECORDING_inherited_sites, &lists[i]);
    site.process_id = 1; /* the child has freed a block since */
    site.id = 1;
    site.allocations = 0;
    site.inherited_blocks = 4;
    site.frees = 1;
    site.live_blocks = 3;
    profile_builder_add_record(builder, RECORDING_site, &site);
    struct profile *profile = load_and_forget(builder);
    assert_int_equal(profile->processes[0].site_count, 1);
    assert_int_equal(profile->processes[1].site_count, 2);
    assert_int_equal(profile->processes[2].site_count, 2); /* the node is gone, not the site */
    uint64_t live[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        const struct profile_site *found = &profile->sites[profile->processes[1].first_site + i];
        live[found->figures.id] = found->figures.live_blocks;
        assert_int_equal(found->stack_node,
                         profile->sites[profile->processes[0].first_site].stack_node);
    }
    assert_int_equal(live[0], 3);
    assert_int_equal(live[1], 3);
    assert_int_equal(profile->dropped_records, 3);
    profile_destroy(profile);
}

static void an_unfinished_recording_is_not_complete(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM)->end_ns = 123456789;
    profile_builder_set_unfinished(builder);
    struct profile *profile = load_and_forget(builder);
    assert_false(profile->is_finished);
    assert_false(profile->is_complete);
    assert_int_equal(profile->duration_ns, 123456789);
    profile_destroy(profile);
}

static void lost_events_make_it_incomplete(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_quality(builder, 0)->lost_events = 1;
    struct profile *profile = load_and_forget(builder);
    assert_true(profile->is_finished);
    assert_false(profile->is_complete);
    profile_destroy(profile);
}

/* ---- forged records ---- */

#define FORGED UINT64_C(0xfffffffffffffff0)

static void forged_ids_are_dropped(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    struct recording_site good = *profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                                                           "main@m.c:1", 1, 10, 0, 0);
    struct recording_string string = {.id = FORGED, .text = "far"};
    struct recording_module module = {.id = FORGED, .path = "/far"};
    struct recording_frame frame = {.id = FORGED};
    struct recording_stack_node node = {.id = FORGED};
    struct recording_stack_node root = {.id = 0, .frame_id = 0};
    struct recording_site nobody = good;
    nobody.process_id = 99;
    struct recording_site far = good;
    far.id = FORGED;
    struct recording_totals totals = {.process_id = FORGED};
    struct recording_quality quality = {.process_id = FORGED};
    struct recording_thread thread = {.process_id = 5, .name = ""};
    struct recording_sample sample = {.process_id = 5};
    struct recording_mapping_site mapping = {.process_id = 5};
    struct recording_misuse misuse = {.process_id = 5};
    const struct {
        enum recording_kind kind;
        const void *record;
    } forged[] = {{RECORDING_string, &string},
                  {RECORDING_module, &module},
                  {RECORDING_frame, &frame},
                  {RECORDING_stack_node, &node},
                  {RECORDING_stack_node, &root},
                  {RECORDING_site, &nobody},
                  {RECORDING_site, &far},
                  {RECORDING_totals, &totals},
                  {RECORDING_quality, &quality},
                  {RECORDING_thread, &thread},
                  {RECORDING_sample, &sample},
                  {RECORDING_misuse, &misuse},
                  {RECORDING_mapping_site, &mapping}};
    const size_t count = sizeof forged / sizeof *forged;
    for (size_t i = 0; i < count; i++)
        profile_builder_add_record(builder, forged[i].kind, forged[i].record);
    struct profile *profile = load_and_forget(builder);
    assert_int_equal(profile->dropped_records, count);
    assert_false(profile->is_complete);
    assert_int_equal(profile->site_count, 1);
    assert_int_equal(profile->thread_count + profile->sample_count + profile->misuse_count +
                         profile->mapping_count,
                     0);
    expect_stack(profile, profile->sites[0].stack_node, "main ");
    profile_destroy(profile);
}

/* References that lead nowhere: the record stays, without what it refers to, so that sums hold. */
static void forged_references_are_not_followed(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    uint64_t last = profile_builder_stack(builder, "main@m.c:1");
    struct recording_frame frame = {.id = 1, .module_id_plus_1 = FORGED, .offset = 0x10};
    struct recording_stack_node loop = {.id = last + 1, .parent_id = last + 1, .frame_id = 0};
    struct recording_stack_node upward = {.id = last + 2, .parent_id = FORGED, .frame_id = FORGED};
    uint64_t entries[] = {FORGED, FORGED, FORGED, 1, 7};
    struct recording_symbol symbol = {.frame_id = 1, .entries = {entries, 4}};
    struct recording_symbol odd = {.frame_id = 1, .entries = {entries, 5}};
    struct recording_symbol nowhere = {.frame_id = FORGED, .entries = {entries, 4}};
    struct recording_site site = {.stack_node_id = FORGED,
                                  .allocation_function = FORGED,
                                  .allocations = 1,
                                  .live_blocks = 1,
                                  .live_bytes = 5,
                                  .allocated_bytes = 5,
                                  .threads = {entries, 5},
                                  .size_histogram = {entries, 3}};
    profile_builder_add_record(builder, RECORDING_frame, &frame);
    profile_builder_add_record(builder, RECORDING_stack_node, &loop);
    profile_builder_add_record(builder, RECORDING_stack_node, &upward);
    profile_builder_add_record(builder, RECORDING_symbol, &symbol);
    profile_builder_add_record(builder, RECORDING_symbol, &odd);
    profile_builder_add_record(builder, RECORDING_symbol, &nowhere);
    profile_builder_add_record(builder, RECORDING_site, &site);
    struct profile *profile = load_and_forget(builder);
    /* module; loop; two of upward; two of symbol; odd; nowhere; three of site */
    assert_int_equal(profile->dropped_records, 11);
    assert_int_equal(profile->site_count, 1);
    assert_int_equal(profile->sites[0].stack_node, 0);
    assert_int_equal(profile->sites[0].function, FUNCTION_NONE);
    struct site_lists lists = {0};
    site_lists_read(&lists, &profile->sites[0]);
    assert_int_equal(lists.threads.count, 0);
    assert_int_equal(lists.size_histogram.count, 2);
    site_lists_clear(&lists);
    expect_stack(profile, (uint32_t)last + 1, "main ");
    expect_stack(profile, (uint32_t)last + 2, "[unknown] ");
    expect_stack(profile, 12345, "");
    profile_destroy(profile);
}

static void ids_of_processes_may_have_gaps(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    struct recording_process process = *profile_builder_add_process(builder, "/bin/a");
    process.id = FORGED;
    process.executable = "/bin/b";
    profile_builder_add_record(builder, RECORDING_process, &process);
    profile_builder_add_site(builder, FORGED, FUNCTION_MALLOC, "main@m.c:1", 1, 10, 0, 0);
    struct profile *profile = load_and_forget(builder);
    assert_int_equal(profile->process_count, 2);
    assert_int_equal(profile_find_process(profile, FORGED), 1);
    assert_int_equal(profile_find_process(profile, 1), 2);
    assert_int_equal(profile->processes[1].site_count, 1);
    assert_int_equal(profile->sites[0].process, 1);
    profile_destroy(profile);
}

/* ---- order ---- */

static int compare_sites(const void *left, const void *right)
{
    const struct profile_site *a = left, *b = right;
    if (a->process != b->process)
        return a->process < b->process ? -1 : 1;
    if (a->figures.live_bytes != b->figures.live_bytes)
        return a->figures.live_bytes > b->figures.live_bytes ? -1 : 1;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    return (a->figures.id > b->figures.id) - (a->figures.id < b->figures.id);
}

/* Of live bytes at most so many bits: with 64 of them a key has no room for all that it is made of.
 */
static void check_order(unsigned live_bits)
{
    enum {
        PROCESSES = 5,
        SITES = 3000
    };
    struct profile_builder *builder = profile_builder_create();
    char stack[64];
    for (int i = 0; i < PROCESSES; i++)
        profile_builder_add_process(builder, "/bin/program");
    for (uint64_t i = 0; i < SITES; i++) {
        uint64_t random = hash_mix(i), live = random >> (64 - live_bits);
        snprintf(stack, sizeof stack, "main@m.c:1;f%u@f.c:2", (unsigned)(random & 63));
        struct recording_site *site = profile_builder_add_site(builder, random % PROCESSES,
                                                               FUNCTION_MALLOC, stack, 1, 1, 0, 0);
        site->live_bytes = random & 256 ? live : random & 512 ? 7 : UINT64_MAX >> (64 - live_bits);
    }
    struct profile *profile = load_and_forget(builder);
    assert_int_equal(profile->site_count, SITES);
    struct profile_site *sorted = memory_duplicate(profile->sites, SITES * sizeof *sorted);
    qsort(sorted, SITES, sizeof *sorted, compare_sites);
    for (size_t i = 0; i < SITES; i++) {
        assert_int_equal(profile->sites[i].process, sorted[i].process);
        assert_int_equal(profile->sites[i].figures.id, sorted[i].figures.id);
    }
    for (uint32_t i = 0, first = 0; i < PROCESSES; i++) {
        assert_int_equal(profile->processes[i].first_site, first);
        first += profile->processes[i].site_count;
    }
    free(sorted);
    profile_destroy(profile);
}

/* So many that two threads find them; one alone is the oracle. */
static void sites_have_their_fingerprints(void **state)
{
    (void)state;
    const size_t count = 3 * PROGRESS_STEP;
    struct profile_builder *builder = profile_builder_create();
    char stack[64];
    profile_builder_add_process(builder, "/bin/program");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t random = hash_mix(i);
        snprintf(stack, sizeof stack, "main@m.c:1;f%u@f.c:2;~g%u@g.h:3", (unsigned)(random & 63),
                 (unsigned)(random >> 8 & 63));
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, 1, random & 0xffff, 0, 0);
    }
    struct profile *profile = load_and_forget(builder);
    struct fingerprint_table *table = fingerprint_table_create(profile);
    assert_int_equal(profile->site_count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(profile->sites[i].fingerprint ==
                    fingerprint_of_stack(table, profile->sites[i].function,
                                         profile->sites[i].stack_node));
    fingerprint_table_destroy(table);
    profile_destroy(profile);
}

static void sites_are_in_their_order(void **state)
{
    (void)state;
    check_order(3);
    check_order(20);
    check_order(50);
    check_order(64);
}

/* ---- told while it is loaded ---- */

struct watcher {
    double last_share;
    unsigned questions, most_questions;
};

static bool goes_on(void *context, double share)
{
    struct watcher *watcher = context;
    assert_true(share >= watcher->last_share && share <= 1);
    watcher->last_share = share;
    return ++watcher->questions < watcher->most_questions;
}

/* At whichever question it is stopped, it fails and says so; of all it asks again and again. */
static void loading_can_be_stopped(void **state)
{
    (void)state;
    char path[] = "/tmp/seep-test-XXXXXX";
    int fd = mkstemp(path);
    struct error error;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, "/bin/program");
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1", 1, 1, 0, 0);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    profile_builder_write(builder, path);
    profile_builder_destroy(builder);
    bool is_loaded = false;
    for (unsigned most = 1; !is_loaded; most++) {
        struct watcher opening = {.most_questions = most}, loading = {.most_questions = most};
        struct progress progress = {goes_on, &opening};
        struct recording_reader *reader = recording_reader_open_watched(path, &progress, &error);
        assert_int_equal(opening.questions == most, reader == NULL);
        if (!reader) {
            assert_non_null(strstr(error.message, "it was stopped"));
            continue;
        }
        progress.context = &loading;
        struct profile *profile = profile_load(
            reader, &(struct profile_options){.progress = &progress}, &error);
        is_loaded = profile != NULL;
        assert_int_equal(loading.questions < most, is_loaded);
        if (!is_loaded)
            assert_non_null(strstr(error.message, "it was stopped"));
        else
            assert_in_range(loading.questions, 8, 1000);
        profile_destroy(profile);
        recording_reader_close(reader);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_there),
        cmocka_unit_test(frames_without_symbols_have_names),
        cmocka_unit_test(the_last_record_wins),
        cmocka_unit_test(inherited_sites_are_sites),
        cmocka_unit_test(an_unfinished_recording_is_not_complete),
        cmocka_unit_test(lost_events_make_it_incomplete),
        cmocka_unit_test(forged_ids_are_dropped),
        cmocka_unit_test(forged_references_are_not_followed),
        cmocka_unit_test(ids_of_processes_may_have_gaps),
        cmocka_unit_test(sites_are_in_their_order),
        cmocka_unit_test(sites_have_their_fingerprints),
        cmocka_unit_test(loading_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
