/* What an event costs the recorder, without a target: rings in a real session's memory are filled
 * by hand, a full one at a time, and only the draining is measured, in CPU time of this process.
 * Stamps advance as they would, so buckets, histograms and peaks are those of a real run.
 *
 * drain_cost [WORKLOAD [ROUNDS [EVENTS]]]: nanoseconds an event, the median of the rounds. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/process_tree.h"

enum {
    RINGS_MAX = 4,
    TICKS_PER_EVENT = 20,
    MAX_ROUNDS = 99
};

struct live {
    uint64_t address; /* 0 = free */
};

struct feed {
    struct tick_clock clock;
    struct session_host *host;
    struct process_tree tree;
    struct ring rings[RINGS_MAX];
    unsigned ring_count;
    unsigned turn;
    uint64_t ticks;
    uint64_t random;
    uint64_t event_count;
    uint64_t cpu_ns;
    struct live *live;
    unsigned slot_count, site_count;
    unsigned step;
};

static uint64_t random_below(struct feed *feed, uint64_t limit)
{
    feed->random ^= feed->random << 13;
    feed->random ^= feed->random >> 7;
    feed->random ^= feed->random << 17;
    return (feed->random >> 11) % limit;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Empties all rings. */
static void drain(struct feed *feed)
{
    uint64_t slack = feed->clock.ticks_per_second / 5000;
    while (tick_clock_now(&feed->clock) < feed->ticks + slack)
        ;
    uint64_t before = cpu_ns();
    while (process_tree_drain(&feed->tree) != 0)
        ;
    feed->cpu_ns += cpu_ns() - before;
}

static void emit(struct feed *feed, unsigned ring_index, uint64_t kind, const uint64_t *words,
                 uint32_t count)
{
    struct ring *ring = &feed->rings[ring_index];
    uint64_t *room;
    while ((room = ring_reserve(ring, (count + 1) * 8)) == NULL)
        drain(feed);
    feed->ticks += TICKS_PER_EVENT;
    room[0] = kind | feed->ticks << WIRE_TICKS_SHIFT;
    memcpy(room + 1, words, count * sizeof *words);
    ring_commit(ring, (count + 1) * 8);
    feed->event_count++;
}

static uint64_t called(uint64_t address, unsigned function)
{
    return address | (uint64_t)function << WIRE_FUNCTION_SHIFT;
}

static void birth(struct feed *feed, unsigned ring, uint64_t address, uint64_t size, unsigned site)
{
    emit(feed, ring, WIRE_BIRTH, (uint64_t[]){called(address, FUNCTION_MALLOC), site | size << 32},
         2);
}

static void release(struct feed *feed, unsigned ring, uint64_t address)
{
    emit(feed, ring, WIRE_RELEASE, (uint64_t[]){called(address, FUNCTION_FREE)}, 1);
}

/* ---- workloads: each call makes one or a few events --------------------------------------- */

static void make_pair(struct feed *feed)
{
    unsigned ring = feed->turn++ % feed->ring_count;
    birth(feed, ring, 0x7f0000001000 + ring * UINT64_C(0x100000), 64, ring);
    emit(feed, ring, WIRE_FREE_LAST, NULL, 0);
}

/* Pairs of many sizes, sites and addresses. */
static void make_mixed_pair(struct feed *feed)
{
    unsigned ring = feed->turn++ % feed->ring_count;
    uint64_t address = 0x7f0000001000 + random_below(feed, 64) * 128;
    birth(feed, ring, address, 1 + random_below(feed, 3000),
          (unsigned)random_below(feed, feed->site_count));
    emit(feed, ring, WIRE_FREE_LAST, NULL, 0);
}

/* Two blocks, the inner one released first. */
static void make_nested(struct feed *feed)
{
    unsigned ring = feed->turn++ % feed->ring_count;
    birth(feed, ring, 0x7f0000001000, 64, 1);
    birth(feed, ring, 0x7f0000001100, 100, 2);
    emit(feed, ring, WIRE_FREE_LAST, NULL, 0);
    release(feed, ring, 0x7f0000001000);
}

/* Each ring's event in turn, as threads that run side by side give them. */
static void make_interleaved(struct feed *feed)
{
    for (unsigned ring = 0; ring < feed->ring_count; ring++)
        birth(feed, ring, 0x7f0000001000 + ring * UINT64_C(0x100000), 64, ring);
    for (unsigned ring = 0; ring < feed->ring_count; ring++)
        emit(feed, ring, WIRE_FREE_LAST, NULL, 0);
}

static void make_random(struct feed *feed)
{
    unsigned ring = feed->turn++ % feed->ring_count;
    unsigned slot = (unsigned)random_below(feed, feed->slot_count);
    struct live *live = &feed->live[slot];
    if (live->address != 0) {
        release(feed, ring, live->address);
        live->address = 0;
        return;
    }
    live->address = 0x7f0000001000 + slot * UINT64_C(48);
    birth(feed, ring, live->address, 1 + random_below(feed, 3000),
          (unsigned)random_below(feed, feed->site_count));
}

static void make_realloc(struct feed *feed)
{
    unsigned slot = (unsigned)random_below(feed, feed->slot_count);
    struct live *live = &feed->live[slot];
    uint64_t other = 0x7f0000001000 + (2 * slot + (feed->step++ & 1)) * UINT64_C(4096);
    if (live->address == 0) {
        birth(feed, 0, other, 100, 0);
    } else {
        emit(feed, 0, WIRE_LEAVE, (uint64_t[]){called(live->address, FUNCTION_REALLOC)}, 1);
        emit(feed, 0, WIRE_ARRIVE,
             (uint64_t[]){called(other, FUNCTION_REALLOC), 1 | (UINT64_C(1) + feed->step % 3000)
                                                                   << 32},
             2);
    }
    live->address = other;
}

static const struct workload {
    const char *name;
    void (*make)(struct feed *feed);
    unsigned ring_count, site_count, slot_count;
} WORKLOADS[] = {
    {"pairs", make_pair, 1, 1, 0},
    {"mixed-pairs", make_mixed_pair, 1, 200, 0},
    {"nested", make_nested, 1, 3, 0},
    {"random-10-1k", make_random, 1, 10, 2000},
    {"random-1k-1k", make_random, 1, 1000, 2000},
    {"random-10-1m", make_random, 1, 10, 2000000},
    {"random-1k-1m", make_random, 1, 1000, 2000000},
    {"random-5k-100k", make_random, 1, 5000, 200000},
    {"realloc", make_realloc, 1, 2, 100},
    {"pairs-4-rings", make_pair, 4, 4, 0},
    {"interleaved-4", make_interleaved, 4, 4, 0},
    {"random-4-rings", make_random, 4, 100, 20000},
};

/* ---- a session ---------------------------------------------------------------------------- */

static void open_ring(struct feed *feed, unsigned index)
{
    struct session_header *header = session_host_header(feed->host);
    struct ring_control *control = (void *)((char *)header + session_ring_offset(index));
    control->process_slot = 0;
    atomic_store(&control->capacity, SESSION_RING_MAX_BYTES);
    atomic_store(&control->tid, 1000 + index);
    feed->rings[index] = (struct ring){.control = control,
                                       .data = (char *)control + SESSION_RING_CONTROL_BYTES,
                                       .capacity = SESSION_RING_MAX_BYTES};
    if (index == 0)
        emit(feed, 0, WIRE_PROCESS,
             (uint64_t[]){(uint64_t)getpid() | (uint64_t)getppid() << 32, WIRE_PROCESS_EXEC, 0, 0,
                          0, 0, 0},
             7);
    emit(feed, index, WIRE_THREAD, (uint64_t[]){(uint64_t)getpid() + index, 0}, 2);
    for (unsigned site = 0; site < feed->site_count; site++)
        emit(feed, index, WIRE_STACK, (uint64_t[]){site | UINT64_C(1) << 32, 0, 0x1000 + site}, 3);
    atomic_store(&control->state, SESSION_SLOT_CLAIMED);
    atomic_store(&header->ring_high, index + 1);
    drain(feed);
}

static bool open_feed(struct feed *feed, const struct workload *workload)
{
    struct error error;
    struct session_settings settings = {.preload_path = "/proc/self/exe", .stack_depth = 256};
    *feed = (struct feed){.random = 88172645463325252, .ring_count = workload->ring_count};
    feed->site_count = workload->site_count;
    feed->slot_count = workload->slot_count;
    feed->live = calloc(workload->slot_count + 1, sizeof *feed->live);
    tick_clock_start(&feed->clock);
    feed->host = session_host_create(&settings, &feed->clock, &error);
    if (feed->host == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return false;
    }
    process_tree_init(&feed->tree, feed->host, &feed->clock, 256, -1);
    feed->ticks = tick_clock_now(&feed->clock);
    for (unsigned i = 0; i < feed->ring_count; i++)
        open_ring(feed, i);
    return true;
}

static void close_feed(struct feed *feed)
{
    process_tree_clear(&feed->tree);
    session_host_destroy(feed->host);
    free(feed->live);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void run(const struct workload *workload, int rounds, uint64_t events)
{
    double ns[MAX_ROUNDS];
    struct feed feed;
    if (!open_feed(&feed, workload))
        exit(1);
    /* Half of the slots live before anything counts. */
    for (uint64_t i = 0; i < 3 * (uint64_t)workload->slot_count; i++)
        workload->make(&feed);
    drain(&feed);
    for (int round = 0; round < rounds; round++) {
        feed.event_count = feed.cpu_ns = 0;
        while (feed.event_count < events)
            workload->make(&feed);
        drain(&feed);
        ns[round] = (double)feed.cpu_ns / (double)feed.event_count;
    }
    struct recording_quality quality;
    heap_model_quality(feed.tree.processes[0]->model, &quality);
    struct recording_totals totals;
    heap_model_totals(feed.tree.processes[0]->model, &totals);
    qsort(ns, (size_t)rounds, sizeof *ns, compare_doubles);
    printf("%-16s %6.1f ns/event (%.1f to %.1f), %llu events, %llu live, %llu misfits\n",
           workload->name, ns[rounds / 2], ns[0], ns[rounds - 1],
           (unsigned long long)quality.events, (unsigned long long)totals.live_blocks,
           (unsigned long long)(quality.unknown_frees + quality.missed_frees +
                                quality.repaired_events + quality.bad_records +
                                feed.tree.processes[0]->bad_records));
    fflush(stdout);
    close_feed(&feed);
}

int main(int count, char **arguments)
{
    const char *wanted = count > 1 ? arguments[1] : "all";
    int rounds = count > 2 ? atoi(arguments[2]) : 5;
    uint64_t events = count > 3 ? strtoull(arguments[3], NULL, 10) : 4000000;
    if (rounds < 1 || rounds > MAX_ROUNDS)
        return 2;
    for (size_t i = 0; i < sizeof WORKLOADS / sizeof *WORKLOADS; i++)
        if (strcmp(wanted, "all") == 0 || strcmp(wanted, WORKLOADS[i].name) == 0)
            run(&WORKLOADS[i], rounds, events);
    return 0;
}
