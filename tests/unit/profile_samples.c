#include "config.h"

#include "profile_samples.h"

#include <string.h>

static void build_simple(struct profile_builder *builder)
{
    static const uint64_t reader_threads[] = {0, 1000, 64000, 1000, 64000, 0, 0};
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_thread(builder, 0, "demo");
    struct recording_site *site;
    site = profile_builder_add_site(
        builder, 0, FUNCTION_MALLOC,
        "_start;__libc_start_main!libc;main@/home/dev/demo/src/main.c:20;"
        "load_config@/home/dev/demo/src/config.c:41",
        1, 4096, 0, 0);
    site = profile_builder_add_site(
        builder, 0, FUNCTION_MALLOC,
        "_start;__libc_start_main!libc;main@/home/dev/demo/src/main.c:33;"
        "read_lines@/home/dev/demo/src/lines.c:12;strdup!libc",
        1000, 64000, 1000, 64000);
    site->peak_bytes = 8192;
    site->peak_blocks = 128;
    site->temporary_allocations = 360;
    site->threads = (struct recording_list){reader_threads, 7};
    site = profile_builder_add_site(
        builder, 0, FUNCTION_CALLOC,
        "_start;__libc_start_main!libc;main@/home/dev/demo/src/main.c:33;"
        "read_lines@/home/dev/demo/src/lines.c:10;table_create@/home/dev/demo/src/table.c:8",
        2, 3 << 20, 1, 1 << 20);
    site = profile_builder_add_site(builder, 0, FUNCTION_REALLOC,
                                    "_start;__libc_start_main!libc;"
                                    "main@/home/dev/demo/src/main.c:34;"
                                    "grow@/home/dev/demo/src/table.c:30;"
                                    "grow@/home/dev/demo/src/table.c:31",
                                    12, 8190, 11, 4094);
    struct recording_totals *totals = profile_builder_totals(builder, 0);
    totals->peak_resident_bytes = 6 << 20;
    totals->reallocations = 11;
}

static void add_mappings(struct profile_builder *builder)
{
    profile_builder_add_mapping(builder, 0, FUNCTION_MMAP,
                                "main@/src/server/main.cpp:18;"
                                "Cache::Cache()@/src/server/cache.cpp:77",
                                4, 64 << 20);
    struct recording_mapping_site *file = profile_builder_add_mapping(
        builder, 0, FUNCTION_MMAP,
        "main@/src/server/main.cpp:19;load_index@/src/server/index.cpp:5", 1, 12345678);
    file->is_anonymous = 0;
    struct recording_totals *totals = profile_builder_totals(builder, 0);
    totals->mapped_bytes = 64 << 20;
    totals->mapped_peak_bytes = 80 << 20;
    totals->common_peak_bytes = 90 << 20;
}

static void build_cxx(struct profile_builder *builder)
{
    static const uint64_t request_threads[] = {1, 30000, 1 << 20, 30000, 1 << 20, 0,  0, //
                                               2, 10000, 1 << 19, 9990,  523264,  10, 1024};
    static const char main_frame[] = "main@/src/server/main.cpp:25";
    profile_builder_add_process(builder, "/opt/server/bin/server");
    profile_builder_add_thread(builder, 0, "server");
    profile_builder_add_thread(builder, 0, "worker-1");
    profile_builder_add_thread(builder, 0, "worker-2");
    struct recording_site *site = profile_builder_add_site(
        builder, 0, FUNCTION_NEW,
        "clone3!libc;start_thread!libc;"
        "Server::Worker::run(std::atomic<bool>&)@/src/server/worker.cpp:102;"
        "std::map<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, "
        "Request, std::less<std::__cxx11::basic_string<char> > >::operator[](std::string const&)"
        "@/usr/include/c++/12/bits/stl_map.h:501;"
        "~std::__new_allocator<std::_Rb_tree_node<Request> >::allocate(unsigned long, void "
        "const*)@/usr/include/c++/12/bits/new_allocator.h:137",
        40000, (1 << 20) + (1 << 19), 39990, (1 << 20) + 523264);
    site->threads = (struct recording_list){request_threads, 14};
    site->peak_bytes = 700000;
    site->temporary_allocations = 39000;
    profile_builder_add_site(
        builder, 0, FUNCTION_NEW_ARRAY,
        "main@/src/server/main.cpp:25;"
        "Server::Configuration::Configuration<Server::JsonReader<Server::DefaultTraits> >"
        "(Server::JsonReader<Server::DefaultTraits>&, std::filesystem::__cxx11::path const&)"
        "@/src/server/include/server/configuration/configuration.hpp:1201;"
        "~Server::Buffer::reserve(unsigned long)@/src/server/buffer.hpp:60",
        3, 9000000, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@/src/server/main.cpp:30;!/opt/vendor/libvendor.so.3;"
                             "!/opt/vendor/libvendor.so.3",
                             10, 100000, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_NEW_ALIGNED, main_frame, 1, 64, 1, 64)
        ->temporary_allocations = 1;
    add_mappings(builder);
    struct recording_misuse misuse = {
        .process_id = 0,
        .kind = RECORDING_MISUSE_MISMATCH,
        .time_ns = 700000000,
        .address = 0x5555aaaa1230,
        .size = 80,
        .function = FUNCTION_FREE,
        .stack_node_id = profile_builder_stack(
            builder, "main@/src/server/main.cpp:40;release@/src/server/legacy.c:9"),
        .allocation_function = FUNCTION_NEW_ARRAY,
        .allocation_stack_node_id = profile_builder_stack(builder, main_frame),
        .count = 17};
    profile_builder_add_record(builder, RECORDING_misuse, &misuse);
    profile_builder_totals(builder, 0)->failed_allocations = 1;
}

static void build_several(struct profile_builder *builder)
{
    static const char *const command[] = {"sh", "-c", "make -j2 \"it's all\""};
    profile_builder_session(builder)->command = (struct recording_text_list){command, 3};
    profile_builder_add_process(builder, "/usr/bin/sh");
    struct recording_process *forked = profile_builder_add_process(builder, "/usr/bin/sh");
    forked->is_own_image = 0;
    forked->exit_kind = RECORDING_EXIT_EXEC;
    struct recording_process *compiler = profile_builder_add_process(
        builder, "/usr/lib/gcc/x86_64-linux-gnu/12/cc1");
    compiler->parent_id_plus_1 = 2;
    compiler->pid = 4001;
    compiler->image = 1;
    compiler->exit_kind = RECORDING_EXIT_SIGNAL;
    compiler->exit_value = 11;
    struct recording_process *box = profile_builder_add_process(builder, "/bin/busybox");
    box->observed = 0;
    box->reason = "statically linked";
    box->exit_kind = RECORDING_EXIT_RUNNING;
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@/build/dash/src/main.c:98;parse@/build/dash/src/parser.c:500",
                             50, 5000, 40, 4000);
    struct recording_site *inherited = profile_builder_add_site(
        builder, 1, FUNCTION_MALLOC,
        "main@/build/dash/src/main.c:98;parse@/build/dash/src/parser.c:500", 0, 0, 10, 1000);
    inherited->inherited_blocks = 12;
    inherited->inherited_bytes = 1200;
    inherited->live_blocks = inherited->peak_blocks = 2;
    inherited->live_bytes = inherited->peak_bytes = 200;
    profile_builder_add_site(builder, 2, FUNCTION_CALLOC,
                             "main@/build/gcc/main.c:24;toplev@/build/gcc/toplev.c:2200;"
                             "xcalloc@/build/libiberty/xmalloc.c:162",
                             3000, 12 << 20, 10, 4096);
    profile_builder_add_site(builder, 2, FUNCTION_MALLOC,
                             "main@/build/gcc/main.c:24;toplev@/build/gcc/toplev.c:2201;"
                             "xmalloc@/build/libiberty/xmalloc.c:147",
                             9000, 5 << 20, 9000, 5 << 20);
}

static void build_torn(struct profile_builder *builder)
{
    build_simple(builder);
    profile_builder_set_unfinished(builder);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "", 2, 20, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@m.c:1;evil\033[31m\nname@e\tvil.c:3", 2, 20, 0, 0);
    struct recording_quality *quality = profile_builder_quality(builder, 0);
    quality->lost_events = 1234;
    quality->unknown_frees = 7;
    quality->missed_frees = 1;
    quality->failed_unwinds = 3;
    quality->truncated_stacks = 2;
    quality->bad_records = 1;
    quality->wait_ns = 5000000;
}

static void build_empty(struct profile_builder *builder)
{
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
}

static const struct {
    const char *name;
    void (*build)(struct profile_builder *builder);
} samples[] = {{"simple", build_simple},
               {"cxx", build_cxx},
               {"several", build_several},
               {"torn", build_torn},
               {"empty", build_empty}};

enum {
    SAMPLE_COUNT = sizeof samples / sizeof *samples
};

const char *profile_sample_name(size_t position)
{
    return position < SAMPLE_COUNT ? samples[position].name : NULL;
}

struct profile_builder *profile_sample_create(const char *name)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        if (strcmp(samples[i].name, name) != 0)
            continue;
        struct profile_builder *builder = profile_builder_create();
        samples[i].build(builder);
        return builder;
    }
    return NULL;
}
