/* The viewer over a made-up profile that never changes: what the screens in this folder show, and
 * what the terminal tests play with. Usage: demo_viewer [SOURCES] [OPTION...] with --ascii,
 * --without-mouse, --colors=SCHEME, --one (one process only), --large (3,000 sites), --rare
 * (30 small sites below one function), --empty
 * (nothing happened, and the recorder was killed), --graph (with an object graph), --types (the
 * same, and what its blocks are), --leaks (with what is lost; the worker was not scanned),
 * --unscanned (nobody was), --suppressions=FILE, --compare (with another run),
 * --python (with the heap of an interpreter, and of one that could not be read), --memory (what all
 * memory is used for; of the worker that is not known), --live (a program
 * that runs, of which :refresh has the next picture; the last is of its end). */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/leak_report.h"
#include "analysis/live_picture.h"
#include "analysis/memory_uses.h"
#include "analysis/query.h"
#include "analysis/python_heaps.h"
#include "base/memory.h"
#include "graph/process_graph.h"
#include "tests/tui/demo_live.h"
#include "tests/unit/profile_builder.h"
#include "tui/tui.h"

#define MS  1000000ull
#define KIB 1024ull
#define MIB (1024 * 1024ull)

enum {
    SAMPLE_COUNT = 41
};

#define MAIN "_start!/home/dev/demo/demo;main@/home/dev/demo/main.c:42"
#define PARSE                                                                                      \
    MAIN ";parse_document@/home/dev/demo/parser.c:23;parse_expression@/home/dev/demo/parser.c:8"
#define CACHE                                                                                      \
    MAIN ";serve(Connection&)@/home/dev/demo/server.cpp:120;"                                      \
         "std::map<std::string, std::vector<Session>, std::less<std::string> >::operator[]"        \
         "(std::string const&)@/usr/include/c++/12/bits/stl_map.h:511;"                            \
         "~__gnu_cxx::new_allocator<std::_Rb_tree_node<std::pair<std::string const, "              \
         "std::vector<Session> > > >::allocate(unsigned long, void const*)"                        \
         "@/usr/include/c++/12/bits/new_allocator.h:137"

static const uint64_t size_histogram[] = {5, 1200, 6, 300, 10, 12, 21, 1};
static const uint64_t lifetime_histogram[] = {10, 4, 20, 900, 30, 96};
static const uint64_t token_threads[] = {0, 1400, 900 * KIB, 1000, 600 * KIB, 400, 300 * KIB,
                                         1, 113,  100 * KIB, 0,    0,         113, 100 * KIB};

static void fill_site(struct recording_site *site, uint64_t peak_blocks, uint64_t peak_bytes,
                      uint64_t temporary)
{
    site->peak_blocks = peak_blocks;
    site->peak_bytes = peak_bytes;
    site->temporary_allocations = temporary;
    site->first_ns = 12 * MS;
    site->last_ns = 1900 * MS;
}

static void add_sites(struct profile_builder *builder)
{
    struct recording_site *site = profile_builder_add_site(
        builder, 0, FUNCTION_MALLOC,
        PARSE ";parse_expression@/home/dev/demo/parser.c:11;"
              "parse_expression@/home/dev/demo/parser.c:9",
        1513, 1000 * KIB, 1000, 600 * KIB);
    fill_site(site, 900, 700 * KIB, 20);
    site->size_histogram = (struct recording_list){size_histogram, 8};
    site->lifetime_histogram = (struct recording_list){lifetime_histogram, 6};
    site->threads = (struct recording_list){token_threads, 14};
    site = profile_builder_add_site(builder, 0, FUNCTION_NEW, CACHE, 64, 8 * MIB, 16, 2 * MIB);
    fill_site(site, 64, 8 * MIB, 0);
    site = profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                                    MAIN ";read_configuration@/home/dev/demo/configuration.c:77;"
                                         "strdup!libc",
                                    12, 480, 0, 0);
    fill_site(site, 12, 480, 0);
    site = profile_builder_add_site(builder, 0, FUNCTION_REALLOC,
                                    PARSE ";node_append@/home/dev/demo/tree.c:31;"
                                          "~grow@/home/dev/demo/tree.c:17",
                                    20000, 40 * MIB, 19990, 39 * MIB);
    fill_site(site, 30, 3 * MIB, 18000);
    site = profile_builder_add_site(builder, 0, FUNCTION_CALLOC,
                                    MAIN ";größe_データ@/home/dev/demo/unicode.c:5", 3, 99, 0, 0);
    fill_site(site, 3, 99, 0);
    site = profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                                    MAIN ";bad\033[31m\001name\377!/opt/plugins/libplugin.so", 7,
                                    7000, 7, 7000);
    fill_site(site, 0, 0, 7);
    site = profile_builder_add_site(builder, 0, FUNCTION_MALLOC, MAIN ";!/opt/plugins/libplugin.so",
                                    2, 64 * KIB, 0, 0);
    fill_site(site, 2, 64 * KIB, 0);
}

static void add_worker(struct profile_builder *builder)
{
    struct recording_process *process = profile_builder_add_process(builder,
                                                                    "/home/dev/demo/worker");
    process->parent_id_plus_1 = 1;
    process->start_ns = 500 * MS;
    process->end_ns = 1500 * MS;
    process->exit_kind = RECORDING_EXIT_SIGNAL;
    process->exit_value = 9;
    fill_site(profile_builder_add_site(builder, process->id, FUNCTION_MALLOC,
                                       "main@/home/dev/demo/worker.c:9;"
                                       "fill_queue@/home/dev/demo/worker.c:30",
                                       4096, 4 * MIB, 4000, 3900 * KIB),
              2000, 2 * MIB, 100);
    profile_builder_add_thread(builder, process->id, "worker");
}

/* A climb with a peak after 1.2 s, then a fall; the mappings come and go. `samples` must stand
 * until the recording is written. */
static void add_samples(struct profile_builder *builder, struct recording_sample *samples)
{
    for (uint64_t i = 0; i < SAMPLE_COUNT; i++) {
        uint64_t heap = i <= 24 ? i * 480 * KIB : 11520 * KIB - (i - 24) * 256 * KIB;
        samples[i] = (struct recording_sample){.time_ns = i * 50 * MS,
                                               .heap_bytes = heap,
                                               .heap_peak_bytes = heap + 100 * KIB,
                                               .mapped_bytes = i >= 10 && i < 30 ? 3 * MIB : 0,
                                               .resident_bytes = i ? 6 * MIB + i * 300 * KIB : 0,
                                               .live_blocks = i * 100};
        profile_builder_add_record(builder, RECORDING_sample, &samples[i]);
    }
}

static void add_many_sites(struct profile_builder *builder)
{
    for (uint64_t i = 0; i < 3000; i++) {
        char stack[256];
        snprintf(stack, sizeof stack, MAIN ";level_%u@/home/dev/demo/a.c:1;function_%u@b.c:%u",
                 (unsigned)(i % 300), (unsigned)i, (unsigned)i);
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, i + 1, (i + 1) * 16, i / 2, i);
    }
}

/* Each 0.04 % of what is live, all together 1.2 %. */
static void add_rare_sites(struct profile_builder *builder)
{
    for (unsigned i = 0; i < 30; i++) {
        char stack[256];
        snprintf(stack, sizeof stack, MAIN ";rarely@/home/dev/demo/a.c:1;rare_%u@a.c:%u", i,
                 i + 10);
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, 1, 3 * KIB, 0, 0);
    }
}

/* The first process, in full. */
static void fill_demo(struct profile_builder *builder, bool is_large, bool is_rare,
                      struct recording_sample *samples)
{
    add_sites(builder);
    profile_builder_add_thread(builder, 0, "demo");
    profile_builder_add_thread(builder, 0, "pool-1");
    if (is_large)
        add_many_sites(builder);
    if (is_rare)
        add_rare_sites(builder);
    struct recording_totals *totals = profile_builder_totals(builder, 0);
    totals->peak_time_ns = 1200 * MS;
    totals->peak_bytes = 11620 * KIB;
    totals->peak_blocks = 1010;
    totals->peak_resident_bytes = 18 * MIB;
    totals->mapped_peak_bytes = 3 * MIB;
    totals->common_peak_bytes = 14 * MIB;
    profile_builder_quality(builder, 0)->truncated_stacks = 3;
    add_samples(builder, samples);
}

/* ---- a graph: a list of tokens with texts under one key, sessions under another ---- */

struct demo_graph {
    const struct profile *profile;
    struct snapshot snapshot;
    struct process_graph graph;
    bool is_built, has_types;
};

/* ---- heaps of Python ---- */

static void make_demo_python(struct python_heap *heap)
{
    python_heap_init(heap);
    heap->is_present = heap->is_read = true;
    snprintf(heap->implementation, sizeof heap->implementation, "CPython");
    snprintf(heap->version, sizeof heap->version, "3.11.2");
    heap->figures.arenas = 8;
    heap->figures.arena_bytes = 2 * MIB;
    heap->figures.live_blocks = 21000;
    heap->figures.live_bytes = MIB + 100 * KIB;
    heap->figures.pinned_arenas = 2;
    heap->figures.pinned_bytes = 510 * KIB;
    heap->figures.pinned_blocks = 7;
    heap->figures.pinned_live_bytes = 112;
    heap->figures.pinned_most_blocks = 4;
    heap->figures.garbage_objects = 300;
    heap->figures.garbage_bytes = 40 * KIB;
    heap->classes[0] = (struct python_size_class){16, 30, 7000, 590};
    heap->classes[1] = (struct python_size_class){512, 1, 3, 4};
    heap->class_count = 2;
    heap->generations[0] = (struct python_generation){.threshold = 0, .count = 1234};
    heap->generation_count = 1;
    python_heap_add_type(heap, PYTHON_LIVE_TYPES,
                         &(struct python_type_row){(char[]){"größe_データ"}, 5000, 700 * KIB, MIB});
    python_heap_add_type(
        heap, PYTHON_LIVE_TYPES,
        &(struct python_type_row){(char[]){"bad\033[31m\001type"}, 9, 70, PYTHON_NOT_KNOWN});
    python_heap_add_type(heap, PYTHON_PINNING_TYPES,
                         &(struct python_type_row){(char[]){"object"}, 7, 112, PYTHON_NOT_KNOWN});
    python_heap_add_text(heap, &(struct python_text){PYTHON_TEXT_CYCLE, (char[]){"Node"},
                                                     (char[]){"Node -> (next) Node -> (next) Node"},
                                                     150, 40 * KIB});
    python_heap_sort(heap);
}

static void add_demo_python(const struct profile *profile, struct python_heaps *heaps)
{
    heaps->items = memory_allocate_zeroed(2, sizeof *heaps->items);
    heaps->count = profile->process_count < 2 ? 1 : 2;
    for (uint32_t i = 0; i < heaps->count; i++)
        heaps->items[i] = (struct process_python){.process = i, .time_ns = 1900 * MS};
    make_demo_python(&heaps->items[0].heap);
    if (heaps->count < 2)
        return;
    python_heap_init(&heaps->items[1].heap);
    heaps->items[1].heap.is_present = true;
    snprintf(heaps->items[1].heap.refusal, sizeof heaps->items[1].heap.refusal,
             "the interpreter has ended");
}

/* ---- another run, to compare with ---- */

static struct profile *make_base(void)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM)->end_ns = 1000 * MS;
    fill_site(profile_builder_add_site(builder, 0, FUNCTION_NEW, CACHE, 64, 8 * MIB, 60, 8000), 64,
              8 * MIB, 0);
    fill_site(profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                                       MAIN ";read_configuration@/home/dev/demo/configuration.c:70;"
                                            "strdup!libc",
                                       12, 480, 0, 0),
              12, 480, 0);
    fill_site(profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                                       MAIN ";read_old_format@/home/dev/demo/old.c:5", 9, 9 * MIB,
                                       0, 0),
              9, 9 * MIB, 0);
    fill_site(profile_builder_add_site(builder, 0, FUNCTION_CALLOC,
                                       MAIN ";größe_データ@/home/dev/demo/unicode.c:5", 3, 100, 0,
                                       0),
              3, 100, 0);
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

struct demo_comparison {
    const struct profile *shown;
    struct profile *base;
};

static bool compare(void *context, const char *base, const struct progress *progress,
                    struct tui_comparison *comparison, struct error *error)
{
    struct demo_comparison *demo = context;
    (void)progress;
    if (strcmp(base, "old.seep") != 0)
        return error_set(error, "%s: there is no such file", base);
    if (!demo->base)
        demo->base = make_base();
    *comparison = (struct tui_comparison){.profiles = {demo->base, demo->shown},
                                          .names = {"old.seep@end", "demo.seep@end"}};
    return true;
}

static uint32_t site_at(const struct profile *profile, unsigned position)
{
    return (uint32_t)profile->sites[position].figures.id;
}

static void add_demo_root(struct snapshot *snapshot, uint32_t block, uint32_t key)
{
    snapshot_add_root(snapshot, &(struct snapshot_root){.kind = SNAPSHOT_ROOT_KEY,
                                                        .block = block,
                                                        .number = key,
                                                        .module = SNAPSHOT_NONE,
                                                        .thread = SNAPSHOT_NONE});
}

/* Blocks 0 .. 9: a list, each with one of 10 .. 19; 20 holds 21 .. 24; 25 is lost. */
static void make_demo_snapshot(const struct profile *profile, struct snapshot *snapshot)
{
    snapshot_init(snapshot);
    for (uint32_t i = 0; i < 26; i++)
        snapshot_add_block(snapshot,
                           &(struct snapshot_block){.address = 0x10000 + i * 0x10000,
                                                    .bytes = i < 10   ? 64
                                                             : i < 20 ? 4096
                                                             : i < 21 ? 512
                                                                      : 1024,
                                                    .site = site_at(profile, i < 10   ? 0
                                                                             : i < 20 ? 1
                                                                                      : 2)});
    for (uint32_t i = 0; i < 10; i++) {
        if (i + 1 < 10)
            snapshot_add_reference(snapshot, i, i + 1, 0, SNAPSHOT_START);
        snapshot_add_reference(snapshot, i, i + 10, 1, SNAPSHOT_START);
    }
    for (uint32_t i = 21; i < 25; i++)
        snapshot_add_reference(snapshot, 20, i, i - 21, SNAPSHOT_START);
    snapshot_end_references(snapshot);
    add_demo_root(snapshot, 0, 1);
    add_demo_root(snapshot, 20, 2);
}

/* The list's tokens, their texts, and a table that is only likely to be one; the rest is unknown.
 */
static void name_types(struct process_graph *graph)
{
    static const struct {
        const char *name;
        uint32_t first, end;
        enum type_source source;
        enum type_confidence confidence;
        bool is_plain;
    } named[] = {
        {"token", 0, 10, TYPE_SOURCE_DWARF, TYPE_SURE, false},
        {"char[]", 10, 20, TYPE_SOURCE_DWARF, TYPE_UNSURE, true},
        {"std::unordered_map<std::string, std::shared_ptr<Session>, std::hash<std::string>,"
         " std::equal_to<std::string>, \033[31mArena\001<Session> >::bucket[]",
         20, 21, TYPE_SOURCE_CONTAINER, TYPE_LIKELY, false}};

    process_graph_find_types(graph, &(struct symbolizer_options){0});
    struct type_names *types = graph->types;
    for (size_t i = 0; i < types->group_count; i++)
        free(types->groups[i].name);
    for (uint32_t i = 0; i < sizeof named / sizeof *named; i++) {
        types->groups = memory_grow(types->groups, &types->group_capacity, i + 1,
                                    sizeof *types->groups);
        types->groups[i] = (struct type_group){.name = memory_duplicate_text(named[i].name),
                                               .is_plain = named[i].is_plain};
        types->groups[i].blocks = named[i].end - named[i].first;
        types->groups[i].by_source[named[i].source] = types->groups[i].blocks;
        types->groups[i].by_confidence[named[i].confidence] = types->groups[i].blocks;
        types->group_count = i + 1;
        for (uint32_t j = named[i].first; j < named[i].end; j++)
            types->group_of_block[j] = i;
    }
}

static const struct process_graph *get_graph(void *context, const struct progress *progress,
                                             struct error *error)
{
    struct demo_graph *demo = context;

    (void)progress;
    (void)error;
    if (!demo->is_built) {
        make_demo_snapshot(demo->profile, &demo->snapshot);
        process_graph_build(demo->profile, 0, &demo->snapshot, &(struct symbolizer_options){0},
                            &demo->graph);
        if (demo->has_types)
            name_types(&demo->graph);
        demo->is_built = true;
    }
    return &demo->graph;
}

/* ---- leaks: of the first process ---- */

struct demo_leaks {
    const struct profile *profile;
    bool is_scanned;
};

static void add_lost_block(const struct profile *profile, struct snapshot *snapshot, uint32_t i,
                           uint64_t bytes, unsigned site)
{
    snapshot_add_block(snapshot, &(struct snapshot_block){.address = 0x7f0000000000 + i * 0x1000,
                                                          .bytes = bytes,
                                                          .birth_ns = (100 + i) * MS,
                                                          .site = site_at(profile, site),
                                                          .thread = i < 8 ? 0 : i % 2});
}

/* Definite: 0 .. 3 of 64 bytes, each with one of 4 .. 7 of 1 KiB. A cycle: 8 -> 9 -> 10 -> 8, and
 * from 9 hangs 11. Reachable: 12, and through its middle, so possibly lost, 13. Of an unknown site:
 * 14. */
static void make_leak_snapshot(const struct profile *profile, struct snapshot *snapshot)
{
    static const unsigned sites[] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 1, 0, 4, 99};
    snapshot_init(snapshot);
    for (uint32_t i = 0; i < 15; i++)
        add_lost_block(profile, snapshot, i,
                       i < 4   ? 64
                       : i < 8 ? 1024
                               : 100 + i,
                       sites[i] == 99 ? 0 : sites[i]);
    snapshot->blocks[14].site = 999999;
    for (uint32_t i = 0; i < 4; i++)
        snapshot_add_reference(snapshot, i, i + 4, 1, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 8, 9, 1, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 9, 10, 2, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 9, 11, 3, SNAPSHOT_START);
    snapshot_add_reference(snapshot, 10, 8, 0, SNAPSHOT_INTERIOR);
    snapshot_add_reference(snapshot, 12, 13, 0, SNAPSHOT_INTERIOR);
    snapshot_end_references(snapshot);
    add_demo_root(snapshot, 12, 1);
}

static void add_demo_cycle(const struct profile *profile, const struct snapshot *snapshot,
                           struct leak_report_process *process)
{
    process->cycles = memory_allocate_zeroed(1, sizeof *process->cycles);
    for (size_t i = 0; i < process->leaks.count; i++) {
        struct leak_cycle_step steps[LEAK_REPORT_STEPS];
        struct leak_report_cycle *cycle = &process->cycles[0];
        if (!process->leaks.items[i].cycles)
            continue;
        cycle->leak = i;
        cycle->length = leak_cycle_find(snapshot, process->leaks.items[i].cycle_block, steps,
                                        LEAK_REPORT_STEPS);
        process->cycle_count = 1;
        for (size_t j = 0; j < cycle->length; j++) {
            const struct snapshot_block *block = &snapshot->blocks[steps[j].block];
            cycle->steps[j].bytes = block->bytes;
            cycle->steps[j].slot = steps[j].slot;
            cycle->steps[j].kind = steps[j].kind;
            for (uint32_t site = 0; site < profile->site_count; site++)
                if (profile->sites[site].process == 0 &&
                    profile->sites[site].figures.id == block->site)
                    cycle->steps[j].site = site;
        }
    }
}

static bool find_demo_leaks(void *context, const struct leak_report_options *asked,
                            struct leak_report *report, struct error *error)
{
    const struct demo_leaks *demo = context;
    size_t count = demo->profile->process_count;
    (void)error;
    *report = (struct leak_report){
        .processes = memory_allocate_zeroed(count, sizeof *report->processes),
        .process_count = count};
    for (uint32_t i = 0; i < count; i++)
        report->processes[i] = (struct leak_report_process){.process = i, .reason = "killed"};
    struct leak_report_process *process = &report->processes[0];
    if (!demo->is_scanned)
        return true;
    *process = (struct leak_report_process){.is_done = true,
                                            .has_head = true,
                                            .reason = "exit",
                                            .head = {.id = 2,
                                                     .reason = SNAPSHOT_AT_EXIT,
                                                     .time_ns = 2000 * MS,
                                                     .stop_ns = 2 * MS,
                                                     .note = ""}};
    struct snapshot snapshot;
    make_leak_snapshot(demo->profile, &snapshot);
    leaks_find(demo->profile, 0, &snapshot,
               &(struct leaks_options){.suppressions = asked->suppressions}, &process->leaks);
    add_demo_cycle(demo->profile, &snapshot, process);
    snapshot_clear(&snapshot);
    return true;
}

/* ---- what all memory is used for ---- */

static void add_demo_part(struct memory_use *use, enum memory_category category, const char *name,
                          uint64_t count, uint64_t resident_bytes, uint64_t virtual_bytes)
{
    memory_use_add_part(
        use, &(struct memory_part){category, (char *)name, count, {virtual_bytes, resident_bytes}});
    use->categories[category].virtual_bytes += virtual_bytes;
    use->categories[category].resident_bytes += resident_bytes;
    use->figures.virtual_bytes += virtual_bytes;
    use->figures.resident_bytes += resident_bytes;
}

/* 20 MiB are resident: 8 live, 6 free, 0.5 overhead, 4 of files, 1 of stacks, 0.5 anonymous. */
static void make_demo_memory(struct process_memory *memory)
{
    struct memory_use *use = &memory->use;
    use->is_measured = true;
    use->figures.virtual_bytes = use->figures.resident_bytes = 0;
    add_demo_part(use, MEMORY_HEAP_LIVE, "main heap", 1, 6 * MIB, 6 * MIB);
    add_demo_part(use, MEMORY_HEAP_LIVE, "arenas of threads", 3, 2 * MIB, 2 * MIB);
    add_demo_part(use, MEMORY_HEAP_FREE, "main heap", 1, 6 * MIB, 7 * MIB);
    add_demo_part(use, MEMORY_HEAP_OVERHEAD, "main heap", 1, 512 * KIB, 512 * KIB);
    add_demo_part(use, MEMORY_FILES, "/usr/lib/größe_データ.so", 1, 3 * MIB, 5 * MIB);
    add_demo_part(use, MEMORY_FILES, "/opt/plugins/bad\033[31m\001name.so", 1, MIB, 2 * MIB);
    add_demo_part(use, MEMORY_STACKS, "stacks of threads", 4, MIB, 32 * MIB);
    add_demo_part(use, MEMORY_ANONYMOUS, "", 1, 512 * KIB, 512 * KIB);
    use->figures.trimmable_bytes = 5 * MIB + 256 * KIB;
    memory_use_add_pin(use, &(struct memory_pin){0, 0x1000, 4001, 0, false, 4 * MIB});
    memory_use_add_pin(use, &(struct memory_pin){2, 0x2000, 32, MEMORY_SITE_UNKNOWN, true, KIB});
    memory_use_add_holder(use, &(struct memory_holder){0, 1300, 130000, MIB});
    memory->pin_sites = memory_allocate_zeroed(2, sizeof *memory->pin_sites);
    memory->pin_sites[1] = MEMORY_NO_SITE;
    memory->holder_sites = memory_allocate_zeroed(1, sizeof *memory->holder_sites);
    memory->advice = memory_allocate_zeroed(1, sizeof *memory->advice);
    memory->advice[0] = (struct memory_advice){"malloc_trim(0)", 5 * MIB,
                                               memory_duplicate_text("gives free memory back")};
    memory->advice_count = 1;
}

struct demo_memories {
    const struct profile *profile;
    struct memory_uses uses;
};

static const struct memory_uses *get_memories(void *context, struct error *error)
{
    struct demo_memories *demo = context;
    (void)error;
    if (demo->uses.count)
        return &demo->uses;
    demo->uses.count = demo->profile->process_count < 2 ? 1 : 2;
    demo->uses.items = memory_allocate_zeroed(2, sizeof *demo->uses.items);
    for (uint32_t i = 0; i < demo->uses.count; i++) {
        demo->uses.items[i] = (struct process_memory){i, 3, 1900 * MS, {0}, NULL, NULL, NULL, 0, 0};
        memory_use_init(&demo->uses.items[i].use);
    }
    make_demo_memory(&demo->uses.items[0]);
    snprintf(demo->uses.items[1].use.note, sizeof demo->uses.items[1].use.note,
             "/proc/77/smaps cannot be read");
    return &demo->uses;
}

/* ---- a program that runs ---- */

struct demo_pictures {
    struct demo_graph *graph;
    struct demo_comparison *compared;
    struct demo_leaks *leaks;
    struct recording_sample samples[SAMPLE_COUNT];
};

/* One site grows with each picture, one comes later, and so does the worker. */
static void fill_picture(void *context, struct profile_builder *builder, unsigned number)
{
    struct demo_pictures *pictures = context;
    struct recording_process *process = profile_builder_add_process(builder,
                                                                    PROFILE_BUILDER_PROGRAM);
    process->end_ns = (2000 + number * 500) * MS;
    process->exit_kind = number == DEMO_LIVE_END ? RECORDING_EXIT_STATUS : RECORDING_EXIT_RUNNING;
    fill_demo(builder, false, false, pictures->samples);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             MAIN ";grow_index@/home/dev/demo/index.c:12", 10 + number,
                             (10 + number) * MIB, number, number * 100 * KIB);
    if (number >= 2)
        profile_builder_add_site(builder, 0, FUNCTION_CALLOC, MAIN ";come_late@late.c:1", number,
                                 number * KIB, 0, 0);
    if (number >= 3)
        add_worker(builder);
}

static void forget_graph(struct demo_graph *demo)
{
    if (!demo->is_built)
        return;
    process_graph_clear(&demo->graph);
    snapshot_clear(&demo->snapshot);
    demo->is_built = false;
}

static void show_picture(void *context, const struct profile *profile)
{
    struct demo_pictures *pictures = context;
    forget_graph(pictures->graph);
    pictures->graph->profile = pictures->compared->shown = pictures->leaks->profile = profile;
}

int main(int count, char **words)
{
    struct demo_leaks leaks = {0};
    const char *suppression_file;
    struct demo_graph demo = {0};
    struct demo_comparison compared = {0};
    struct python_heaps pythons = {0};
    struct demo_memories memories = {0};
    bool has_python = false;
    struct tui_path_map map = {"/home/dev/demo/", "./"};
    struct tui_options options = {.recording = "demo.seep"};
    struct demo_pictures pictures = {&demo, &compared, &leaks, {{0}}};
    struct demo_live live;
    bool is_live = false, is_one = false, is_large = false, is_rare = false, is_empty = false;
    setlocale(LC_CTYPE, "");
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--ascii") == 0)
            options.is_ascii = true;
        else if (strcmp(words[i], "--without-mouse") == 0)
            options.without_mouse = true;
        else if (strncmp(words[i], "--colors=", 9) == 0)
            options.colors = words[i] + 9;
        else if (strcmp(words[i], "--one") == 0)
            is_one = true;
        else if (strcmp(words[i], "--large") == 0)
            is_large = true;
        else if (strcmp(words[i], "--live") == 0)
            is_live = true;
        else if (strcmp(words[i], "--rare") == 0)
            is_rare = true;
        else if (strcmp(words[i], "--empty") == 0)
            is_empty = true;
        else if (strcmp(words[i], "--graph") == 0)
            options.get_graph = get_graph;
        else if (strcmp(words[i], "--python") == 0)
            has_python = true;
        else if (strcmp(words[i], "--memory") == 0)
            options.get_memories = get_memories;
        else if (strcmp(words[i], "--compare") == 0)
            options.compare = compare;
        else if (strcmp(words[i], "--types") == 0)
            options.get_graph = get_graph, demo.has_types = true;
        else if (strcmp(words[i], "--leaks") == 0 || strcmp(words[i], "--unscanned") == 0) {
            options.find_leaks = find_demo_leaks;
            leaks.is_scanned = strcmp(words[i], "--leaks") == 0;
        } else if (strncmp(words[i], "--suppressions=", 15) == 0) {
            suppression_file = words[i] + 15;
            options.suppression_files = &suppression_file;
            options.suppression_file_count = 1;
        } else
            map.to = words[i];
    }
    options.path_maps = &map;
    options.path_map_count = 1;

    struct error error;
    if (!tui_is_possible(&error)) {
        fprintf(stderr, "demo_viewer: %s\n", error.message);
        return 3;
    }
    struct recording_sample samples[SAMPLE_COUNT];
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM)->end_ns = 2000 * MS;
    if (is_empty)
        profile_builder_set_unfinished(builder);
    else
        fill_demo(builder, is_large, is_rare, samples);
    if (!is_one && !is_empty)
        add_worker(builder);
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    demo.profile = compared.shown = profile;
    options.compare_context = &compared;
    if (is_live) {
        demo_live_begin(&live, &(struct demo_live_uses){&pictures, fill_picture, show_picture});
        options.live = &live.live;
        options.screen = "live";
        options.process = QUERY_ALL_PROCESSES;
    }
    memories.profile = profile;
    options.memories_context = &memories;
    if (has_python)
        add_demo_python(profile, &pythons);
    options.pythons = &pythons;
    options.graph_context = &demo;
    leaks.profile = profile;
    options.leaks_context = &leaks;
    bool is_done = tui_run(is_live ? live.live.first->profile : profile, &options, &error);
    if (is_live)
        demo_live_end(&live);
    forget_graph(&demo);
    memory_uses_clear(&memories.uses);
    python_heaps_clear(&pythons);
    profile_destroy(compared.base);
    profile_destroy(profile);
    if (!is_done)
        fprintf(stderr, "demo_viewer: %s\n", error.message);
    return is_done ? 0 : 1;
}
