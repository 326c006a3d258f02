/* Frames that are gone come back into the stacks of a loaded recording, and forged ones do no harm.
 * The recording: main calls step, which is gone and had jumped to work; work calls wrap, which is
 * gone and had jumped to malloc, but calls calloc itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/profile.h"
#include "base/text.h"
#include "profile_builder.h"

static struct profile_builder *make_builder(void)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@a.c:1;work@a.c:2", 3, 300, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_CALLOC, "main@a.c:1;work@a.c:2", 1, 10, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@a.c:1;work@a.c:2;leaf@a.c:3", 1, 1, 0,
                             0);
    /* Frames that stacks may get. */
    profile_builder_stack(builder, "step@a.c:7");
    profile_builder_stack(builder, "wrap@a.c:8;~inner@a.c:9");
    return builder;
}

static uint64_t frame_of(const char *function)
{
    struct profile_builder *builder = make_builder();
    struct profile *profile = profile_builder_load(builder);
    uint64_t found = UINT64_MAX;
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        for (uint32_t j = 0; j < frame->location_count; j++)
            if (strcmp(profile->locations[frame->first_location + j].function, function) == 0)
                found = i;
    }
    assert_true(found != UINT64_MAX);
    profile_destroy(profile);
    profile_builder_destroy(builder);
    return found;
}

static bool add_name(void *context, const struct profile_frame *frame,
                     const struct profile_location *location)
{
    text_print(context, "%s%s ", frame->is_tail_call ? "*" : "", location->function);
    return true;
}

static void assert_stack(const struct profile *profile, enum function_kind function,
                         uint64_t allocations, const char *expected)
{
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        struct text names = {0};
        if (site->function != function || site->figures.allocations != allocations)
            continue;
        profile_visit_stack(profile, site->stack_node, add_name, &names);
        assert_string_equal(text_get(&names), expected);
        text_clear(&names);
        return;
    }
    fail_msg("no such site");
}

static void test_frames_come_back(void **state)
{
    const uint64_t work = frame_of("work"), step[] = {frame_of("step")},
                   wrap[] = {frame_of("wrap")};
    const struct recording_tail_calls calls[] = {
        {frame_of("main"), work + 1, 0, {step, 1}},
        {work, 0, FUNCTION_MALLOC, {wrap, 1}},
    };
    struct profile_builder *builder = make_builder();
    (void)state;
    for (size_t i = 0; i < 2; i++)
        profile_builder_add_record(builder, RECORDING_tail_calls, &calls[i]);
    struct profile *profile = profile_builder_load(builder);
    assert_int_equal(profile->dropped_records, 0);
    assert_true(profile->is_complete);
    assert_stack(profile, FUNCTION_MALLOC, 3, "*inner *wrap work *step main ");
    assert_stack(profile, FUNCTION_CALLOC, 1, "work *step main ");
    assert_stack(profile, FUNCTION_MALLOC, 1, "leaf work *step main ");
    for (size_t i = 1; i < profile->node_count; i++)
        assert_true(profile->nodes[i].parent < i);
    profile_destroy(profile);
    profile_builder_destroy(builder);
}

/* What comes back is part of the name by which builds are compared: the same as of a build in which
 * nothing was gone. */
static void test_fingerprints_are_those_of_a_build_without_jumps(void **state)
{
    const uint64_t work = frame_of("work"), step[] = {frame_of("step")},
                   wrap[] = {frame_of("wrap")};
    const struct recording_tail_calls calls[] = {
        {frame_of("main"), work + 1, 0, {step, 1}},
        {work, 0, FUNCTION_MALLOC, {wrap, 1}},
    };
    struct profile_builder *jumping = make_builder(), *calling = profile_builder_create();
    (void)state;
    for (size_t i = 0; i < 2; i++)
        profile_builder_add_record(jumping, RECORDING_tail_calls, &calls[i]);
    profile_builder_add_process(calling, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(calling, 0, FUNCTION_MALLOC,
                             "main@a.c:1;step@a.c:2;work@a.c:2;wrap@a.c:2;inner@a.c:4", 3, 300, 0,
                             0);
    struct profile *one = profile_builder_load(jumping), *other = profile_builder_load(calling);
    assert_int_equal(one->sites[0].figures.allocations, 3);
    assert_true(one->sites[0].fingerprint == other->sites[0].fingerprint);
    profile_destroy(one);
    profile_destroy(other);
    profile_builder_destroy(jumping);
    profile_builder_destroy(calling);
}

static void test_forged_records_are_dropped(void **state)
{
    uint64_t many[64] = {0}, far[] = {UINT64_MAX}, own[] = {frame_of("work")};
    const struct recording_tail_calls calls[] = {
        {UINT64_MAX, 1, 0, {own, 1}},
        {0, UINT64_MAX, 0, {own, 1}},
        {0, 0, FUNCTION_KIND_COUNT, {own, 1}},
        {0, 1, 0, {many, 64}},
        {0, 1, 0, {far, 1}},
        {frame_of("main"), frame_of("work") + 1, 0, {own, 1}}, /* odd, and possible */
        {frame_of("work"), 0, FUNCTION_MALLOC, {NULL, 0}},
    };
    struct profile_builder *builder = make_builder();
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        profile_builder_add_record(builder, RECORDING_tail_calls, &calls[i]);
    struct profile *profile = profile_builder_load(builder);
    assert_int_equal(profile->dropped_records, 5);
    assert_false(profile->is_complete);
    assert_stack(profile, FUNCTION_CALLOC, 1, "*work *work main ");
    profile_destroy(profile);
    profile_builder_destroy(builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_come_back),
        cmocka_unit_test(test_fingerprints_are_those_of_a_build_without_jumps),
        cmocka_unit_test(test_forged_records_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
