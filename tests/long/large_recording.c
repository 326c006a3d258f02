/* Recordings at scale: how large they are, and how long opening and reporting take.
 *
 *   hour    what a busy hour leaves: synthetic events through the heap model, on 50,000 sites whose
 *           blocks have all sizes and lifetimes, sampled 2048 times, with a full timeline
 *   sites   a million sites on two million stack nodes, as records
 *
 * Prints bytes and processor time; asserts only the bytes of the first, since time depends on the
 * machine. Usage: large_recording [million events of the hour, default 100 (a real one: 1000)]
 * [folder to leave the recordings in] */
#include "config.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "analysis/profile.h"
#include "base/hash_map.h"
#include "heap/heap_model.h"
#include "recording/recording_reader.h"
#include "recording/recording_writer.h"
#include "report/report.h"
#include "report/summary.h"

enum {
    MOST_HOUR_BYTES = 20 * 1000 * 1000,
    HOUR_SITES = 50000,
    HOUR_SLOTS = 1 << 20,
    SAMPLES = 2048,
    BATCH = 512,
    MANY_SITES = 1000000,
    MANY_NODES = 2000000,
    FRAMES = 40000,
    FUNCTIONS = 15000,
    FILES = 1000,
    MODULES = 30
};

static void fail(const struct error *error)
{
    fprintf(stderr, "large_recording: %s\n", error->message);
    exit(1);
}

/* Processor time: the machine may have other things to do. */
static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Deterministic: the same recording each time. */
static uint64_t random_of(uint64_t stream, uint64_t i)
{
    return hash_mix(hash_mix(stream) + i);
}

/* 0 .. 2^bits - 1, each power of two as likely as the next. */
static uint64_t spread(uint64_t random, unsigned bits)
{
    return (random >> 8) & ((UINT64_C(1) << (random & 0xff) % (bits + 1)) - 1);
}

/* ---- code: the same for both ---- */

static void add_strings(struct recording_writer *writer)
{
    char text[128];
    for (uint64_t i = 0; i < FUNCTIONS; i++) {
        snprintf(text, sizeof text, "%s_%s_%" PRIu64,
                 random_of(1, i) & 1 ? "server::connection" : "parse", i & 2 ? "read" : "table", i);
        recording_writer_add(writer, RECORDING_string,
                             &(struct recording_string){.id = i + 1, .text = text});
    }
    for (uint64_t i = 0; i < FILES; i++) {
        snprintf(text, sizeof text, "/home/dev/project/src/part%" PRIu64 "/file%" PRIu64 ".cpp",
                 i / 20, i);
        recording_writer_add(writer, RECORDING_string,
                             &(struct recording_string){.id = FUNCTIONS + i + 1, .text = text});
    }
}

static void add_modules(struct recording_writer *writer)
{
    char path[64];
    uint8_t build_id[20];
    for (uint64_t i = 0; i < MODULES; i++) {
        snprintf(path, sizeof path, "/usr/lib/libpart%" PRIu64 ".so.1", i);
        for (size_t j = 0; j < sizeof build_id; j++)
            build_id[j] = (uint8_t)random_of(2, i * 20 + j);
        recording_writer_add(
            writer, RECORDING_module,
            &(struct recording_module){
                .id = i, .path = path, .build_id = {build_id, sizeof build_id}, .has_symbols = 3});
    }
}

/* A tenth of the frames has no symbol, a tenth two inlined functions. */
static void add_frames(struct recording_writer *writer)
{
    for (uint64_t i = 0; i < FRAMES; i++) {
        uint64_t function = random_of(3, i) % FUNCTIONS;
        recording_writer_add(writer, RECORDING_frame,
                             &(struct recording_frame){.id = i,
                                                       .module_id_plus_1 = 1 + function % MODULES,
                                                       .offset = 4096 + i * 60});
        uint64_t entries[8], count = 0;
        for (unsigned j = 0; j < (i % 10 == 1 ? 2u : 1u); j++) {
            entries[count++] = 1 + (function + j) % FUNCTIONS;
            entries[count++] = 1 + FUNCTIONS + (function + j) % FILES;
            entries[count++] = 1 + random_of(4, i) % 3000;
            entries[count++] = j == 0 && i % 10 == 1;
        }
        if (i % 10)
            recording_writer_add(
                writer, RECORDING_symbol,
                &(struct recording_symbol){.frame_id = i, .entries = {entries, count}});
    }
}

/* A tree some 30 deep: a node hangs below the nearer of two nodes before it. */
static void add_nodes(struct recording_writer *writer, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        uint64_t one = random_of(5, i) % i, other = random_of(13, i) % i;
        recording_writer_add(writer, RECORDING_stack_node,
                             &(struct recording_stack_node){.id = i,
                                                            .parent_id = one > other ? one : other,
                                                            .frame_id = random_of(6, i) % FRAMES});
    }
}

static struct recording_writer *begin(const char *path, uint64_t nodes)
{
    struct error error;
    static const char *const words[] = {"server", "--port", "80"};
    const struct recording_text_list command = {(const char **)words, 3};
    struct recording_writer *writer = recording_writer_open(
        &(struct recording_writer_options){.path = path, .is_force = true}, &error);
    if (!writer || !recording_writer_publish(writer, &error) ||
        !recording_writer_begin_compacted(writer, &error))
        fail(&error);
    recording_writer_add(writer, RECORDING_session,
                         &(struct recording_session){.tool_version = "0",
                                                     .start_time_unix_ns = 1,
                                                     .command = command,
                                                     .working_folder = "/home/dev/project"});
    add_strings(writer);
    add_modules(writer);
    add_frames(writer);
    add_nodes(writer, nodes);
    recording_writer_add(writer, RECORDING_process,
                         &(struct recording_process){.pid = 100,
                                                     .executable = "/usr/bin/server",
                                                     .arguments = command,
                                                     .exit_kind = RECORDING_EXIT_STATUS,
                                                     .observed = 1,
                                                     .reason = "",
                                                     .allocator_name = "glibc",
                                                     .allocator_linkage = "dynamic",
                                                     .is_own_image = 1});
    return writer;
}

static uint64_t finish(struct recording_writer *writer, uint64_t duration_ns)
{
    struct error error;
    recording_writer_add(writer, RECORDING_end,
                         &(struct recording_end){.duration_ns = duration_ns, .is_complete = 1});
    if (!recording_writer_finish_compacted(writer, &error))
        fail(&error);
    uint64_t bytes = recording_writer_file_bytes(writer);
    recording_writer_close(writer);
    return bytes;
}

/* ---- the hour ---- */

struct feeder {
    struct heap_model *model;
    struct heap_event events[BATCH];
    size_t count;
    uint64_t time_ns;
    uint8_t *is_live; /* by slot */
};

static void feed(struct feeder *feeder, uint8_t kind, uint64_t slot, uint64_t random)
{
    feeder->events[feeder->count++] = (struct heap_event){
        .kind = kind,
        .time_ns = feeder->time_ns,
        .address = 0x7f0000000000 + slot * (1 << 21),
        .size = kind == HEAP_EVENT_BIRTH ? 1 + spread(random, 20) : 0,
        .stack = {(uint32_t)(1 + 2 * (spread(random >> 20, 17) % HOUR_SITES))},
        .thread = (uint32_t)(random >> 60),
        .function = kind == HEAP_EVENT_BIRTH ? FUNCTION_MALLOC : FUNCTION_FREE,
    };
    if (feeder->count == BATCH) {
        heap_model_apply(feeder->model, feeder->events, feeder->count);
        feeder->count = 0;
    }
}

/* Slots with small numbers are used again soon, others after minutes: lifetimes of all lengths. */
static void run_hour(struct feeder *feeder, uint64_t event_count)
{
    const uint64_t hour_ns = UINT64_C(3600) * 1000000000;
    uint64_t sampled = 0;
    for (uint64_t i = 0; i < event_count; i++) {
        uint64_t random = random_of(7, i), slot = spread(random_of(8, i), 20);
        feeder->time_ns = (uint64_t)((double)i / (double)event_count * (double)hour_ns);
        feed(feeder, feeder->is_live[slot] ? HEAP_EVENT_RELEASE : HEAP_EVENT_BIRTH, slot, random);
        feeder->is_live[slot] ^= 1;
        if (i * SAMPLES / event_count > sampled) {
            heap_model_sample(feeder->model, feeder->time_ns, 1 << 30);
            sampled = i * SAMPLES / event_count;
        }
    }
    heap_model_apply(feeder->model, feeder->events, feeder->count);
    heap_model_settle(feeder->model);
}

struct counter {
    struct recording_writer *writer;
    uint64_t sites, deltas, delta_bytes, samples;
};

static void write_record(void *context, enum recording_kind kind, const void *record)
{
    struct counter *counter = context;
    recording_writer_add(counter->writer, kind, record);
    counter->sites += kind == RECORDING_site;
    counter->samples += kind == RECORDING_sample;
    if (kind == RECORDING_timeline) {
        const struct recording_timeline *timeline = record;
        counter->deltas += timeline->delta_count;
        counter->delta_bytes += timeline->deltas.count;
    }
}

static uint64_t make_hour(const char *path, uint64_t event_count)
{
    struct heap_model_options options = {0};
    struct feeder feeder = {.model = heap_model_create(&options), .is_live = calloc(HOUR_SLOTS, 1)};
    for (uint64_t i = 0; i < 16; i++)
        heap_model_add_thread(feeder.model, 100 + i, "worker", 0);
    double start = now_seconds();
    run_hour(&feeder, event_count);
    double model_seconds = now_seconds() - start;
    struct counter counter = {.writer = begin(path, 2 * HOUR_SITES + 2)};
    start = now_seconds();
    heap_model_write_records(feeder.model, 0, true, write_record, &counter);
    struct recording_quality quality;
    heap_model_quality(feeder.model, &quality);
    recording_writer_add(counter.writer, RECORDING_quality, &quality);
    uint64_t bytes = finish(counter.writer, UINT64_C(3600) * 1000000000);
    printf("hour: %" PRIu64 " million events (%.1f s in the heap model), %" PRIu64
           " sites, %" PRIu64 " samples, %.2f million deltas in %.1f MB; written in %.2f s\n",
           event_count / 1000000, model_seconds, counter.sites, counter.samples,
           (double)counter.deltas / 1e6, (double)counter.delta_bytes / 1e6, now_seconds() - start);
    heap_model_destroy(feeder.model);
    free(feeder.is_live);
    return bytes;
}

/* ---- many sites ---- */

static void add_many_sites(struct recording_writer *writer, struct recording_totals *totals)
{
    for (uint64_t i = 0; i < MANY_SITES; i++) {
        uint64_t calls = 1 + spread(random_of(9, i), 12);
        uint64_t size = 16 << random_of(10, i) % 8, frees = calls - calls / 3;
        uint64_t bucket = (uint64_t)__builtin_ctzll(size);
        const uint64_t sizes[] = {bucket, calls};
        const uint64_t lifetimes[] = {12, frees / 2, 20, frees - frees / 2};
        const uint64_t threads[] = {
            random_of(11, i) % 16, calls,         calls * size,          frees,
            frees * size,          calls - frees, (calls - frees) * size};
        struct recording_site site = {
            .id = i,
            .stack_node_id = 1 + i * 2,
            .allocation_function = FUNCTION_MALLOC,
            .allocations = calls,
            .frees = frees,
            .allocated_bytes = calls * size,
            .freed_bytes = frees * size,
            .live_blocks = calls - frees,
            .live_bytes = (calls - frees) * size,
            .peak_blocks = calls - frees,
            .peak_bytes = (calls - frees) * size,
            .first_ns = i * 1000,
            .last_ns = i * 1000 + random_of(12, i) % 1000000000,
            .size_histogram = {sizes, 2},
            .lifetime_histogram = {lifetimes, 4},
            .threads = {threads, 7},
        };
        recording_writer_add(writer, RECORDING_site, &site);
        totals->allocations += site.allocations;
        totals->frees += site.frees;
        totals->allocated_bytes += site.allocated_bytes;
        totals->freed_bytes += site.freed_bytes;
        totals->live_blocks += site.live_blocks;
        totals->live_bytes += site.live_bytes;
    }
}

static uint64_t make_sites(const char *path)
{
    struct recording_writer *writer = begin(path, MANY_NODES + 1);
    struct recording_totals totals = {0};
    add_many_sites(writer, &totals);
    totals.peak_blocks = totals.live_blocks;
    totals.peak_bytes = totals.live_bytes;
    recording_writer_add(writer, RECORDING_totals, &totals);
    recording_writer_add(writer, RECORDING_quality,
                         &(struct recording_quality){.events = totals.allocations + totals.frees});
    printf("sites: %d sites, %d stack nodes\n", MANY_SITES, MANY_NODES);
    return finish(writer, 1000000000);
}

/* ---- reading ---- */

static void report(const struct profile *profile, const char *name, const char *format,
                   const struct report_options *options)
{
    struct error error;
    FILE *out = fopen("/dev/null", "w");
    double start = now_seconds();
    if (!out || !report_write(report_format_find(format), profile, options, out, &error))
        fail(&error);
    fclose(out);
    printf("  %-24s %6.3f s\n", name, now_seconds() - start);
}

static void read_all(const char *path, uint64_t bytes)
{
    struct error error;
    struct report_options options;
    struct rusage usage;
    double start = now_seconds();
    struct recording_reader *reader = recording_reader_open(path, &error);
    struct profile *profile = reader ? profile_load(reader, &(struct profile_options){0}, &error)
                                     : NULL;
    if (!profile)
        fail(&error);
    recording_reader_close(reader);
    getrusage(RUSAGE_SELF, &usage);
    printf("  %-24s %6.3f s, %.1f MB on disk, at most %ld MiB resident\n", "open",
           now_seconds() - start, (double)bytes / 1e6, usage.ru_maxrss / 1024);
    report_options_init(&options);
    report(profile, "report", "text", &options);
    report(profile, "report --json", "json", &options);
    options.has_limit = true;
    report(profile, "report --json --limit=0", "json", &options);
    options.has_limit = false;
    options.has_grouping = true;
    for (size_t i = 0; query_grouping_at(i); i++) {
        char name[32];
        options.query.grouping = query_grouping_at(i)->grouping;
        options.query.sort = QUERY_LIVE_BYTES;
        snprintf(name, sizeof name, "report --by=%s", query_grouping_at(i)->name);
        report(profile, name, "text", &options);
    }
    options.query.filter.include_function = "parse_table_1.*";
    report(profile, "report --function=REGEX", "text", &options);
    report_options_init(&options);
    options.is_tree = true;
    report(profile, "report --tree", "text", &options);
    options.direction = CALL_TREE_BOTTOM_UP;
    report(profile, "report --bottom-up", "text", &options);
    FILE *out = fopen("/dev/null", "w");
    start = now_seconds();
    if (!out || !summary_write(profile, &(struct summary_options){0}, out, &error))
        fail(&error);
    fclose(out);
    printf("  %-24s %6.3f s\n", "summary of run", now_seconds() - start);
    profile_destroy(profile);
}

int main(int argc, char **argv)
{
    uint64_t millions = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    char folder[PATH_MAX] = "/tmp/large_recording.XXXXXX", path[PATH_MAX + 16];
    if (argc > 2)
        snprintf(folder, sizeof folder, "%s", argv[2]);
    else if (!mkdtemp(folder))
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);

    snprintf(path, sizeof path, "%s/hour.seep", folder);
    uint64_t hour_bytes = make_hour(path, millions * 1000000);
    read_all(path, hour_bytes);
    if (argc <= 2)
        unlink(path);
    snprintf(path, sizeof path, "%s/sites.seep", folder);
    read_all(path, make_sites(path));
    if (argc <= 2) {
        unlink(path);
        rmdir(folder);
    }
    if (hour_bytes <= MOST_HOUR_BYTES)
        return 0;
    fprintf(stderr, "large_recording: an hour takes more bytes than promised\n");
    return 1;
}
