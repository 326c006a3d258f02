/* From the rings of simulated targets to a recording, and back: what is read is what was written
 * into the rings. */
#define _GNU_SOURCE
#include "record/recording_output.h"

#include <link.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "recording_fixture.h"
#include "simulation.h"

enum {
    PARENT = 5000001, /* larger than any pid of Linux */
    CHILD = 5000002,
    BLOCK = 0x10000,
    MAX_RECORDS = 16
};
#define MS UINT64_C(1000000)

static struct simulation simulation;
static struct recording_writer *writer;
static struct recording_output *output;
static const char *path;

static int set_up(void **state)
{
    static char name[] = "server", option[] = "--quick", *command[] = {name, option, NULL};
    if (recording_set_up(state) != 0 || !simulation_start(&simulation))
        return -1;
    path = path_in(*state, "x.seep");
    writer = open_writer(path);
    struct recording_output_options options = {
        .writer = writer,
        .tree = &simulation.tree,
        .symbols = {.is_line_wanted = true},
        .start_time_unix_ns = 1000,
        .stack_depth = 64,
        .command = command,
    };
    output = recording_output_create(&options);
    return 0;
}

static int tear_down(void **state)
{
    recording_output_destroy(output);
    recording_writer_close(writer);
    simulation_end(&simulation);
    return recording_tear_down(state);
}

/* ---- what was read ---------------------------------------------------------------------- */

/* The last record of each process counts, as in every reader. */
struct content {
    struct recording_totals totals[MAX_RECORDS];
    struct recording_quality quality[MAX_RECORDS];
    struct recording_process processes[MAX_RECORDS];
    char executables[MAX_RECORDS][64];
    char reasons[MAX_RECORDS][128];
    size_t process_count, node_count, frame_count, module_count, range_count;
    struct recording_site sites[MAX_RECORDS];
    size_t site_count;
    char strings[MAX_RECORDS][128];
    uint64_t symbol_frame, symbol_string;
    size_t symbol_count;
    bool has_session, has_end;
    struct recording_end end;
};

static void copy_text(char *to, size_t bytes, const char *from)
{
    snprintf(to, bytes, "%s", from);
}

static void take_site(struct content *content, const struct recording_site *site)
{
    size_t i = 0;
    while (i < content->site_count &&
           (content->sites[i].process_id != site->process_id || content->sites[i].id != site->id))
        i++;
    assert_true(i < MAX_RECORDS);
    content->sites[i] = *site;
    content->site_count += i == content->site_count;
}

static void take_process(struct content *content, const struct recording_process *process)
{
    assert_true(process->id < MAX_RECORDS);
    content->processes[process->id] = *process;
    copy_text(content->executables[process->id], sizeof content->executables[0],
              process->executable);
    copy_text(content->reasons[process->id], sizeof content->reasons[0], process->reason);
    if (process->id >= content->process_count)
        content->process_count = process->id + 1;
}

static void take_symbol(struct content *content, const struct recording_symbol *symbol)
{
    if (symbol->entries.count < 4)
        return;
    content->symbol_count++;
    content->symbol_frame = symbol->frame_id;
    content->symbol_string = symbol->entries.items[0];
}

static bool take(void *context, enum recording_kind kind, const void *record)
{
    struct content *content = context;
    switch ((int)kind) {
    case RECORDING_session: {
        const struct recording_session *session = record;
        content->has_session = true;
        assert_int_equal(session->command.count, 2);
        assert_string_equal(session->command.items[1], "--quick");
        break;
    }
    case RECORDING_process:
        take_process(content, record);
        break;
    case RECORDING_totals:
        content->totals[((const struct recording_totals *)record)->process_id] = *(
            const struct recording_totals *)record;
        break;
    case RECORDING_quality:
        content->quality[((const struct recording_quality *)record)->process_id] = *(
            const struct recording_quality *)record;
        break;
    case RECORDING_site:
        take_site(content, record);
        break;
    case RECORDING_string: {
        const struct recording_string *string = record;
        if (string->id < MAX_RECORDS)
            copy_text(content->strings[string->id], sizeof content->strings[0], string->text);
        break;
    }
    case RECORDING_symbol:
        take_symbol(content, record);
        break;
    case RECORDING_stack_node:
        content->node_count++;
        break;
    case RECORDING_frame:
        content->frame_count++;
        break;
    case RECORDING_module:
        content->module_count++;
        break;
    case RECORDING_loaded_module:
        content->range_count++;
        break;
    case RECORDING_end:
        content->has_end = true;
        content->end = *(const struct recording_end *)record;
        break;
    default:
        break;
    }
    return true;
}

static void read_back(struct content *content)
{
    struct error error;
    struct recording_reader *reader = open_reader(path);
    memset(content, 0, sizeof *content);
    if (!recording_reader_visit_all(reader, take, content, &error))
        fail_msg("%s", error.message);
    recording_reader_close(reader);
}

/* What stands there of a process against what the model says itself. */
static void expect_figures(const struct content *content, uint32_t pid)
{
    const struct recorded_process *process = image_of(&simulation, pid);
    struct recording_totals totals, sum = {0};
    heap_model_totals(process->model, &totals);
    totals.process_id = process->id;
    totals.peak_resident_bytes = content->totals[process->id].peak_resident_bytes;
    assert_memory_equal(&content->totals[process->id], &totals, sizeof totals);
    for (size_t i = 0; i < content->site_count; i++) {
        if (content->sites[i].process_id != process->id)
            continue;
        sum.allocations += content->sites[i].allocations;
        sum.live_bytes += content->sites[i].live_bytes;
        sum.peak_bytes += content->sites[i].peak_bytes;
        sum.inherited_bytes += content->sites[i].inherited_bytes;
    }
    assert_int_equal(sum.allocations, totals.allocations);
    assert_int_equal(sum.live_bytes, totals.live_bytes);
    assert_int_equal(sum.peak_bytes, totals.peak_bytes);
    assert_int_equal(sum.inherited_bytes, totals.inherited_bytes);
}

static void checkpoint(void)
{
    struct error error;
    if (!recording_output_checkpoint(output, &error))
        fail_msg("%s", error.message);
}

static void finish(bool is_complete)
{
    struct error error;
    process_tree_finish(&simulation.tree);
    if (!recording_output_finish(output, is_complete, &error))
        fail_msg("%s", error.message);
}

static void publish(void)
{
    struct error error;
    if (!recording_writer_publish(writer, &error))
        fail_msg("%s", error.message);
}

/* ---- tests ------------------------------------------------------------------------------ */

/* A parent with two sites, a child that inherits one block, and what each did after the fork. */
static struct actor play(void)
{
    struct actor parent = start_image(&simulation, 1 * MS, PARENT, 1, "/bin/parent");
    TELL(&parent, 2 * MS, WIRE_STACK, 1 | UINT64_C(2) << 32, 0, 0x1001, 0x2001);
    TELL(&parent, 2 * MS, WIRE_STACK, 2 | UINT64_C(2) << 32, 0, 0x1101, 0x2001);
    TELL(&parent, 3 * MS, WIRE_BIRTH, BLOCK | UINT64_C(1) << 48, 1 | UINT64_C(100) << 32);
    TELL(&parent, 4 * MS, WIRE_BIRTH, 2 * BLOCK | UINT64_C(1) << 48, 2 | UINT64_C(30) << 32);
    tell_release(&parent, 5 * MS, 2 * BLOCK);
    TELL(&parent, 6 * MS, WIRE_FORK, 1);
    TELL(&parent, 7 * MS, WIRE_FORK_DONE, 1, CHILD);
    simulation_drain(&simulation, 10 * MS);
    struct actor child = start_child(&parent, 6 * MS + 1, CHILD);
    tell_release(&child, 8 * MS, BLOCK);
    tell_birth(&child, 9 * MS, BLOCK, 5);
    simulation_drain(&simulation, 20 * MS);
    return parent;
}

static void test_everything_is_there(void **state)
{
    (void)state;
    struct actor parent = play();
    atomic_store(&parent.ring.control->lost_events, 17);
    publish();
    finish(true);
    struct content content;
    read_back(&content);
    assert_true(content.has_session && content.has_end);
    assert_int_equal(content.end.is_complete, 1);
    assert_int_equal(content.process_count, 2);
    assert_string_equal(content.executables[0], "/bin/parent");
    assert_int_equal(content.processes[0].pid, PARENT);
    assert_int_equal(content.processes[0].start_ns, 1 * MS);
    assert_int_equal(content.processes[0].start_time_unix_ns, 1000 + 1 * MS);
    assert_int_equal(content.processes[0].is_own_image, 1);
    assert_int_equal(content.processes[1].parent_id_plus_1, 1);
    assert_int_equal(content.processes[1].is_own_image, 0);
    assert_int_equal(content.totals[0].peak_bytes, 130);
    assert_int_equal(content.totals[0].live_bytes, 100);
    assert_int_equal(content.totals[1].inherited_bytes, 100);
    assert_int_equal(content.totals[1].live_bytes, 5);
    assert_int_equal(content.quality[0].lost_events, 17);
    assert_int_equal(content.quality[1].lost_events, 0);
    assert_int_equal(content.frame_count, 3);
    assert_int_equal(content.node_count, 3); /* 0x2001 is shared */
    expect_figures(&content, PARENT);
    expect_figures(&content, CHILD);
}

/* A recorder that is killed after a checkpoint leaves what was known then. */
static void test_a_checkpoint_can_be_read(void **state)
{
    (void)state;
    struct actor parent = play();
    publish();
    checkpoint();
    struct content content;
    read_back(&content);
    assert_false(content.has_end);
    assert_int_equal(content.process_count, 2);
    expect_figures(&content, PARENT);
    expect_figures(&content, CHILD);

    tell_birth(&parent, 25 * MS, 7 * BLOCK, 1000);
    simulation_drain(&simulation, 30 * MS);
    simulation.now = 31 * MS;
    process_tree_end_pid(&simulation.tree, CHILD, RECORDING_EXIT_SIGNAL, 9);
    checkpoint();
    checkpoint(); /* nothing is new */
    read_back(&content);
    assert_int_equal(content.totals[0].live_bytes, 1100);
    assert_int_equal(content.processes[1].exit_kind, RECORDING_EXIT_SIGNAL);
    assert_int_equal(content.processes[1].exit_value, 9);
    assert_int_equal(content.processes[1].end_ns, 31 * MS);
    expect_figures(&content, PARENT);
    expect_figures(&content, CHILD);
    finish(false);
    read_back(&content);
    assert_int_equal(content.end.is_complete, 0);
    expect_figures(&content, PARENT);
    expect_figures(&content, CHILD);
}

/* A forked image that stood in the journal, and then turned into another before it did anything. */
static void test_folded_images_leave_no_trace(void **state)
{
    (void)state;
    struct actor parent = start_image(&simulation, 1 * MS, PARENT, 1, "/bin/parent");
    tell_birth(&parent, 2 * MS, BLOCK, 100);
    TELL(&parent, 3 * MS, WIRE_FORK, 1);
    TELL(&parent, 4 * MS, WIRE_FORK_DONE, 1, CHILD);
    start_child(&parent, 3 * MS + 1, CHILD);
    simulation_drain(&simulation, 10 * MS);
    simulation_drain(&simulation, 10 * MS); /* its parent was behind */
    publish();
    checkpoint();
    struct content content;
    read_back(&content);
    assert_int_equal(content.totals[1].inherited_bytes, 100);
    struct actor next = start_image(&simulation, 11 * MS, CHILD, PARENT, "/bin/next");
    tell_birth(&next, 12 * MS, BLOCK, 3);
    simulation_drain(&simulation, 20 * MS);
    checkpoint();
    read_back(&content);
    assert_int_equal(content.process_count, 2);
    assert_string_equal(content.executables[1], "/bin/next");
    expect_figures(&content, CHILD);
    assert_int_equal(content.totals[1].inherited_bytes, 0);
}

static void test_unobserved_images_have_reasons(void **state)
{
    (void)state;
    struct actor parent = start_image(&simulation, 1 * MS, PARENT, 1, "/bin/parent");
    tell_exec(&parent, 2 * MS, PARENT, WIRE_EXEC_STATIC, "/bin/static");
    simulation_drain(&simulation, 10 * MS);
    process_tree_end_pid(&simulation.tree, PARENT, RECORDING_EXIT_STATUS, 4);
    publish();
    finish(true);
    struct content content;
    read_back(&content);
    assert_int_equal(content.process_count, 2);
    assert_int_equal(content.processes[0].exit_kind, RECORDING_EXIT_EXEC);
    assert_string_equal(content.executables[1], "/bin/static");
    assert_int_equal(content.processes[1].observed, 0);
    assert_non_null(strstr(content.reasons[1], "static"));
    assert_int_equal(content.processes[1].image, 1);
    assert_int_equal(content.processes[1].exit_value, 4);
}

/* ---- names ------------------------------------------------------------------------------ */

__attribute__((noinline)) void a_function_with_a_known_name(void);
void a_function_with_a_known_name(void)
{
    __asm__ volatile("" ::: "memory");
}

static int take_own_range(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    uint64_t *range = context; /* start, end, bias of the program itself, which comes first */
    (void)info_bytes;
    range[0] = UINT64_MAX;
    range[2] = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        range[0] = start < range[0] ? start : range[0];
        range[1] = start + info->dlpi_phdr[i].p_memsz;
    }
    return 1;
}

static void tell_own_module(struct actor *actor, uint64_t ticks)
{
    uint64_t words[5 + 512] = {0}, range[3] = {0};
    ssize_t length = readlink("/proc/self/exe", (char *)(words + 5), sizeof words - 48);
    assert_true(length > 0);
    dl_iterate_phdr(take_own_range, range);
    memcpy(words, range, sizeof range);
    words[3] = 1 | (uint64_t)length << 48;
    tell(actor, ticks, WIRE_MODULE, 5 + (uint32_t)(length + 7) / 8, words);
}

static void test_frames_get_names(void **state)
{
    (void)state;
    struct actor actor = start_image(&simulation, 1 * MS, PARENT, 1, "/bin/parent");
    tell_own_module(&actor, 2 * MS);
    TELL(&actor, 3 * MS, WIRE_STACK, 1 | UINT64_C(1) << 32, 0,
         (uint64_t)(uintptr_t)a_function_with_a_known_name + 1);
    TELL(&actor, 4 * MS, WIRE_BIRTH, BLOCK, 1 | UINT64_C(10) << 32);
    simulation_drain(&simulation, 10 * MS);
    assert_true(recording_output_has_unnamed(output));
    while (recording_output_name_frames(output, true)) {
        struct pollfd naming = {recording_output_naming_fd(output), POLLIN, 0};
        poll(&naming, 1, -1);
    }
    assert_false(recording_output_has_unnamed(output));
    publish();
    finish(true);
    struct content content;
    read_back(&content);
    assert_int_equal(content.module_count, 1);
    assert_int_equal(content.range_count, 1);
    assert_int_equal(content.symbol_count, 1);
    assert_true(content.symbol_string < MAX_RECORDS);
    assert_string_equal(content.strings[content.symbol_string], "a_function_with_a_known_name");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_everything_is_there),
        TEST(test_a_checkpoint_can_be_read),
        TEST(test_folded_images_leave_no_trace),
        TEST(test_unobserved_images_have_reasons),
        TEST(test_frames_get_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
