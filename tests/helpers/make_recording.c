/* make_recording FILE [torn]: writes a small recording with known figures, for tests of the
 * commands that read. One process, `./demo 7`, ended with status 3:
 *
 *   main > leak      malloc         10 allocations of 100 bytes, none freed: 1000 bytes live
 *   main > churn     operator new   1000 allocations of 64 bytes, all freed, 64 bytes at the peak
 *
 * totals: 1010 allocations, 1000 frees, 65000 bytes allocated, 64000 freed; live 10 blocks, 1000
 * bytes; peak 1064 bytes. `torn` leaves out what a finished recording ends with. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "recording/recording_writer.h"
#include "wire/function_kinds.h"

enum {
    DEMO_MODULE = 0
};
enum {
    STRING_MAIN = 1,
    STRING_LEAK,
    STRING_CHURN,
    STRING_FILE
};

static const char *const command_words[] = {"./demo", "7"};
static const struct recording_text_list command = {command_words, 2};

static void add_session(struct recording_writer *writer)
{
    recording_writer_add(writer, RECORDING_session,
                         &(struct recording_session){.tool_version = "0.1.0",
                                                     .start_time_unix_ns = 1700000000000000000,
                                                     .host = "testhost",
                                                     .kernel = "Linux 6.1.0",
                                                     .working_folder = "/home/test",
                                                     .command = command,
                                                     .page_bytes = 4096,
                                                     .stack_depth = 256,
                                                     .checkpoint_ns = 5000000000});
}

static void add_process(struct recording_writer *writer)
{
    recording_writer_add(writer, RECORDING_process,
                         &(struct recording_process){.id = 0,
                                                     .pid = 4242,
                                                     .executable = "/home/test/demo",
                                                     .arguments = command,
                                                     .start_time_unix_ns = 1700000000000000000,
                                                     .end_ns = 1500000000,
                                                     .exit_kind = RECORDING_EXIT_STATUS,
                                                     .exit_value = 3,
                                                     .observed = 1,
                                                     .reason = "",
                                                     .allocator_name = "glibc",
                                                     .allocator_linkage = "dynamic",
                                                     .is_own_image = 1});
    recording_writer_add(writer, RECORDING_totals,
                         &(struct recording_totals){.allocations = 1010,
                                                    .frees = 1000,
                                                    .allocated_bytes = 65000,
                                                    .freed_bytes = 64000,
                                                    .live_blocks = 10,
                                                    .live_bytes = 1000,
                                                    .peak_blocks = 11,
                                                    .peak_bytes = 1064,
                                                    .peak_time_ns = 1200000000,
                                                    .temporary_allocations = 1000});
    recording_writer_add(writer, RECORDING_quality, &(struct recording_quality){.events = 2010});
}

static void add_frame(struct recording_writer *writer, uint64_t id, uint64_t parent,
                      uint64_t function, uint64_t line)
{
    uint64_t entry[] = {function, STRING_FILE, line, 0};

    recording_writer_add(writer, RECORDING_frame,
                         &(struct recording_frame){.id = id,
                                                   .kind = RECORDING_FRAME_NATIVE,
                                                   .module_id_plus_1 = DEMO_MODULE + 1,
                                                   .offset = 0x1100 + 16 * id});
    recording_writer_add(writer, RECORDING_symbol,
                         &(struct recording_symbol){.frame_id = id, .entries = {entry, 4}});
    recording_writer_add(
        writer, RECORDING_stack_node,
        &(struct recording_stack_node){.id = id + 1, .parent_id = parent, .frame_id = id});
}

static void add_stacks(struct recording_writer *writer)
{
    static const uint8_t build_id[] = {0xde, 0xad, 0xbe, 0xef};
    static const char *const texts[] = {[STRING_MAIN] = "main",
                                        [STRING_LEAK] = "leak",
                                        [STRING_CHURN] = "churn",
                                        [STRING_FILE] = "/home/test/demo.c"};

    recording_writer_add(writer, RECORDING_module,
                         &(struct recording_module){.id = DEMO_MODULE,
                                                    .path = "/home/test/demo",
                                                    .build_id = {build_id, sizeof build_id},
                                                    .file_bytes = 16384,
                                                    .has_symbols = 3});
    for (uint64_t i = STRING_MAIN; i <= STRING_FILE; i++)
        recording_writer_add(writer, RECORDING_string,
                             &(struct recording_string){.id = i, .text = texts[i]});
    add_frame(writer, 0, 0, STRING_MAIN, 30);
    add_frame(writer, 1, 1, STRING_LEAK, 10);
    add_frame(writer, 2, 1, STRING_CHURN, 20);
}

static void add_sites(struct recording_writer *writer)
{
    recording_writer_add(writer, RECORDING_site,
                         &(struct recording_site){.id = 0,
                                                  .stack_node_id = 2,
                                                  .allocation_function = FUNCTION_MALLOC,
                                                  .allocations = 10,
                                                  .allocated_bytes = 1000,
                                                  .live_blocks = 10,
                                                  .live_bytes = 1000,
                                                  .peak_blocks = 10,
                                                  .peak_bytes = 1000,
                                                  .first_ns = 1000,
                                                  .last_ns = 1000000000});
    recording_writer_add(writer, RECORDING_site,
                         &(struct recording_site){.id = 1,
                                                  .stack_node_id = 3,
                                                  .allocation_function = FUNCTION_NEW,
                                                  .allocations = 1000,
                                                  .frees = 1000,
                                                  .allocated_bytes = 64000,
                                                  .freed_bytes = 64000,
                                                  .peak_blocks = 1,
                                                  .peak_bytes = 64,
                                                  .temporary_allocations = 1000,
                                                  .first_ns = 2000,
                                                  .last_ns = 1400000000});
}

int main(int argument_count, char **arguments)
{
    bool is_torn = argument_count == 3 && strcmp(arguments[2], "torn") == 0;
    struct recording_writer_options options = {.is_force = true, .session_id = 0x5eeb};
    struct error error;

    if (argument_count < 2)
        return 2;
    options.path = arguments[1];
    struct recording_writer *writer = recording_writer_open(&options, &error);
    bool is_good = writer && recording_writer_publish(writer, &error) &&
                   (is_torn || recording_writer_begin_compacted(writer, &error));
    if (is_good) {
        add_session(writer);
        add_process(writer);
        add_stacks(writer);
        add_sites(writer);
        if (!is_torn)
            recording_writer_add(
                writer, RECORDING_end,
                &(struct recording_end){.duration_ns = 1500000000, .is_complete = 1});
        is_good = recording_writer_flush(writer, false, &error) &&
                  (is_torn || recording_writer_finish_compacted(writer, &error));
    }
    recording_writer_close(writer);
    if (!is_good)
        fprintf(stderr, "make_recording: %s\n", error.message);
    return is_good ? 0 : 1;
}
