#include "config.h"

#include "leak_samples.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "profile_builder.h"

enum {
    MAIN_PROCESS,
    KILLED_PROCESS,
    CLEAN_PROCESS = 3
};

/* Sites by their position here. */
static const struct {
    enum function_kind function;
    const char *stack;
} sites[] = {
    {FUNCTION_MALLOC, "_start;__libc_start_main!libc;main@/home/dev/demo/src/main.c:20;"
                      "load_config@/home/dev/demo/src/config.c:41;strdup!libc"},
    {FUNCTION_CALLOC,
     "_start;__libc_start_main!libc;main@/home/dev/demo/src/main.c:33;"
     "read_tree@/home/dev/demo/src/tree.c:12;node_create@/home/dev/demo/src/tree.c:4"},
    {FUNCTION_NEW, "main@/home/dev/demo/src/main.c:40;"
                   "Session<Socket>::open(std::string const&)@/home/dev/demo/src/session.cpp:77"},
    {FUNCTION_NEW_ARRAY,
     "main@/home/dev/demo/src/main.c:40;"
     "Session<Socket>::open(std::string const&)@/home/dev/demo/src/session.cpp:80;"
     "Buffer::Buffer(unsigned long)@/home/dev/demo/src/buffer.h:9"},
    {FUNCTION_MALLOC, "main@/home/dev/demo/src/main.c:50;!/usr/lib/libplugin.so.1;"
                      "plugin_init!/usr/lib/libplugin.so.1"},
    {FUNCTION_MALLOC, "main@/home/dev/demo/src/main.c:51;pool_create@/home/dev/demo/src/pool.c:7"},
    {FUNCTION_MALLOC, "main@/home/dev/demo/src/main.c:52;xmalloc@/home/dev/demo/src/util.c:3"},
};

struct block {
    uint32_t site;
    uint32_t bytes;
};

static const struct block blocks[] = {
    /* 0, 1: lost texts */ {0, 14},
    {0, 22},
    /* 2..4: nodes of a lost ring, 5: hangs from it */ {1, 48},
    {1, 48},
    {1, 48},
    {0, 5},
    /* 6: a session and 7: its buffer */ {2, 96},
    {3, 4096},
    /* 8: only an interior pointer leads there, 9: and to this through it */ {4, 200},
    {4, 64},
    /* 10: a pool and 11: what is in it, reachable by a mapping */ {5, 65536},
    {6, 1024},
    /* 12: reachable */ {6, 2048},
    /* 13: lost at a site that is not known */ {77, 1},
};

static const struct {
    uint32_t from, to;
    uint64_t slot;
    enum snapshot_reference_kind kind;
} references[] = {{2, 3, 1, SNAPSHOT_START},  {2, 5, 4, SNAPSHOT_START},
                  {3, 4, 1, SNAPSHOT_START},  {4, 2, 2, SNAPSHOT_INTERIOR},
                  {6, 7, 3, SNAPSHOT_START},  {8, 9, 0, SNAPSHOT_START},
                  {10, 11, 8, SNAPSHOT_START}};

static void add_root(struct snapshot *snapshot, enum snapshot_root_kind kind, uint32_t block,
                     enum snapshot_reference_kind reference)
{
    snapshot_add_root(snapshot, &(struct snapshot_root){.address = 0x4000 + 8 * block,
                                                        .block = block,
                                                        .module = SNAPSHOT_NONE,
                                                        .thread = SNAPSHOT_NONE,
                                                        .kind = (uint8_t)kind,
                                                        .reference = (uint8_t)reference});
}

static void begin(struct snapshot *snapshot, uint32_t number, uint32_t process,
                  enum snapshot_reason reason)
{
    snapshot_init(snapshot);
    snapshot->number = number;
    snapshot->process_id = process;
    snapshot->reason = reason;
    snapshot->time_ns = 1000000000u + 900000000u * number;
    snapshot->stop_ns = 850000;
    snapshot->scan_ns = 12000000;
}

/* At the exit; or earlier, when only the first text was lost and the rest was not there. */
static void make_main(struct snapshot *snapshot, bool is_early)
{
    size_t count = is_early ? 2 : sizeof blocks / sizeof *blocks;
    for (size_t i = 0; i < count; i++)
        snapshot_add_block(snapshot, &(struct snapshot_block){.address = 0x10000 + 0x20000 * i,
                                                              .bytes = blocks[i].bytes,
                                                              .birth_ns = 1000000 * (i + 1),
                                                              .site = blocks[i].site});
    for (size_t i = 0; i < sizeof references / sizeof *references && !is_early; i++)
        snapshot_add_reference(snapshot, references[i].from, references[i].to, references[i].slot,
                               references[i].kind);
    snapshot_end_references(snapshot);
    if (is_early) {
        add_root(snapshot, SNAPSHOT_ROOT_STACK, 1, SNAPSHOT_START);
        return;
    }
    snapshot->missing_threads = 1;
    add_root(snapshot, SNAPSHOT_ROOT_STACK, 8, SNAPSHOT_INTERIOR);
    add_root(snapshot, SNAPSHOT_ROOT_MAPPING, 10, SNAPSHOT_START);
    add_root(snapshot, SNAPSHOT_ROOT_GLOBAL, 12, SNAPSHOT_START);
}

static struct profile_builder *make_builder(struct snapshot snapshots[4])
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    struct recording_process *killed = profile_builder_add_process(builder, "/usr/bin/helper");
    killed->exit_kind = RECORDING_EXIT_SIGNAL;
    killed->exit_value = SIGKILL;
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM)->is_own_image = 0;
    profile_builder_add_process(builder, "/usr/bin/tool");
    for (unsigned i = 0; i < sizeof sites / sizeof *sites; i++)
        profile_builder_add_site(builder, 0, sites[i].function, sites[i].stack, 4, 8192, 0, 0);
    begin(&snapshots[0], 0, MAIN_PROCESS, SNAPSHOT_AT_INTERVAL);
    make_main(&snapshots[0], true);
    begin(&snapshots[1], 1, MAIN_PROCESS, SNAPSHOT_AT_EXIT);
    make_main(&snapshots[1], false);
    begin(&snapshots[2], 2, KILLED_PROCESS, SNAPSHOT_AT_EXIT);
    snapshots[2].end = SNAPSHOT_KILLED;
    snprintf(snapshots[2].note, sizeof snapshots[2].note, "SIGKILL");
    snapshot_end_references(&snapshots[2]);
    begin(&snapshots[3], 3, CLEAN_PROCESS, SNAPSHOT_AT_EXIT);
    snapshot_end_references(&snapshots[3]);
    for (unsigned i = 0; i < 4; i++)
        profile_builder_add_snapshot(builder, &snapshots[i]);
    return builder;
}

static const char known[] = "# seep: reason=\"freed by the plugin\" expires=2030-01-01\n"
                            "leak:plugin_init\n"
                            "leak:^load_config$\n"
                            "# seep: expires=2025-12-31\n"
                            "leak:node_create\n"
                            "# seep: max-bytes=64\n"
                            "leak:session.cpp\n"
                            "leak:never\n";

/* The recording, read from a file that is gone afterwards. */
static struct recording_reader *open_sample(struct profile **profile)
{
    struct snapshot snapshots[4];
    char folder[] = "/tmp/seep-test-XXXXXX";
    struct error error;
    if (!mkdtemp(folder))
        abort();
    char *path = memory_print_text("%s/demo.seep", folder);
    struct profile_builder *builder = make_builder(snapshots);
    profile_builder_write(builder, path);
    profile_builder_destroy(builder);
    for (unsigned i = 0; i < 4; i++)
        snapshot_clear(&snapshots[i]);
    struct recording_reader *reader = recording_reader_open(path, &error);
    *profile = reader ? profile_load(reader, &(struct profile_options){0}, &error) : NULL;
    if (!*profile) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    (*profile)->info.path = "demo.seep";
    unlink(path);
    rmdir(folder);
    free(path);
    return reader;
}

bool leak_sample_write(const char *format, struct leaks_report_options *options, bool is_suppressed,
                       uint64_t snapshot, uint64_t since, struct error *error)
{
    struct suppressions list;
    struct leak_report report;
    struct profile *profile;
    struct recording_reader *reader = open_sample(&profile);
    suppressions_init(&list);
    bool is_written = !is_suppressed ||
                      suppressions_read(&list, "known.supp", known, strlen(known), error);
    options->suppressions = &list;
    options->instant = "end";
    struct leak_report_options asked = {
        .suppressions = &list, .process = options->process, .snapshot = snapshot, .since = since};
    is_written = is_written && leak_report_build(profile, reader, &asked, &report, error) &&
                 leaks_report_write(leaks_format_find(format), profile, &report, options, stdout,
                                    error);
    if (is_written)
        leak_report_clear(&report);
    suppressions_clear(&list);
    profile_destroy(profile);
    recording_reader_close(reader);
    return is_written;
}
