/* The heap model at scale: memory per live block and per site, and time per event, at a million
 * blocks and at many more. Prints its figures; asserts only the bytes, since time depends on the
 * machine. Usage: heap_scale [million blocks of the large run, default 50] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/hash_map.h"
#include "heap/heap_model.h"

enum {
    BATCH = 512,
    CHURN = 20000000,
    MOST_BYTES_PER_BLOCK = 48, /* of tables that are large; smaller ones have more room */
    LARGE_BLOCKS = 1000000,
    MOST_BYTES_PER_SITE = 400
};

/* Processor time: the machine may have other things to do. */
static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Resident bytes of this process. */
static uint64_t resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2)
            resident = 0;
        fclose(file);
    }
    return (uint64_t)resident * 4096;
}

/* The most that was ever resident, what a growing table needed in passing included. */
static uint64_t peak_resident_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

struct feeder {
    struct heap_model *model;
    struct heap_event events[BATCH];
    size_t count;
    uint64_t time_ns;
    uint64_t apply_ns; /* spent in heap_model_apply */
};

static void flush(struct feeder *feeder)
{
    uint64_t start = now_ns();
    heap_model_apply(feeder->model, feeder->events, feeder->count);
    feeder->apply_ns += now_ns() - start;
    feeder->count = 0;
}

static void feed(struct feeder *feeder, uint8_t kind, uint64_t address, uint32_t stack)
{
    feeder->time_ns += 50;
    feeder->events[feeder->count++] = (struct heap_event){
        .kind = kind,
        .time_ns = feeder->time_ns,
        .address = address,
        .size = kind == HEAP_EVENT_BIRTH ? 16 + address / 16 % 100 : 0,
        .stack = {stack},
        .function = kind == HEAP_EVENT_BIRTH ? FUNCTION_MALLOC : FUNCTION_FREE,
    };
    if (feeder->count == BATCH)
        flush(feeder);
}

static uint64_t address_of(uint64_t i)
{
    return 0x7f0000000000 + i * 48;
}

static void start(struct feeder *feeder)
{
    struct heap_model_options options = {0};
    *feeder = (struct feeder){.model = heap_model_create(&options)};
    heap_model_add_thread(feeder->model, 1, "main", 0);
}

/* Fills to `blocks`, then releases a random block and allocates it anew from another site, over and
 * over: each event misses every cache there is. Returns whether the memory promise holds (with few
 * sites, since theirs is another). */
static int run_blocks(uint64_t blocks, uint64_t sites)
{
    struct feeder feeder;
    start(&feeder);
    uint64_t resident_before = resident_bytes();
    double worst = 0;
    for (uint64_t i = 0; i < blocks; i++) {
        feed(&feeder, HEAP_EVENT_BIRTH, address_of(i), (uint32_t)(hash_mix(i) % sites));
        if (i % 10000 == 0 && i >= LARGE_BLOCKS) {
            double bytes = (double)heap_model_own_bytes(feeder.model) / (double)i;
            worst = bytes > worst ? bytes : worst;
        }
    }
    flush(&feeder);
    uint64_t fill_ns = feeder.apply_ns;
    double own = (double)heap_model_own_bytes(feeder.model) / (double)blocks;
    double resident = (double)(resident_bytes() - resident_before) / (double)blocks;
    double peak = (double)peak_resident_bytes() / (double)blocks;
    feeder.apply_ns = 0;
    for (uint64_t i = 0; i < CHURN / 2; i++) {
        uint64_t random = hash_mix(i);
        uint64_t address = address_of(random % blocks);
        feed(&feeder, HEAP_EVENT_RELEASE, address, 0);
        feed(&feeder, HEAP_EVENT_BIRTH, address, (uint32_t)((random >> 40) % sites));
    }
    flush(&feeder);
    printf("%8.2f million blocks, %7lu sites: %5.1f bytes/block (resident %5.1f, at most %5.1f; "
           "worst while growing %5.1f); %5.1f ns/event filling, %5.1f ns/event churning\n",
           (double)blocks / 1e6, (unsigned long)sites, own, resident, peak, worst,
           (double)fill_ns / (double)blocks, (double)feeder.apply_ns / CHURN);
    fflush(stdout);
    heap_model_destroy(feeder.model);
    return sites > 1000 || blocks < LARGE_BLOCKS ||
           (own <= MOST_BYTES_PER_BLOCK && worst <= MOST_BYTES_PER_BLOCK);
}

static int run_sites(uint64_t sites)
{
    struct feeder feeder;
    start(&feeder);
    for (uint64_t i = 0; i < sites * 8; i++) {
        uint32_t site = (uint32_t)(hash_mix(i) % sites);
        feed(&feeder, HEAP_EVENT_BIRTH, address_of(i), site);
        if (i % 4 != 0)
            feed(&feeder, HEAP_EVENT_RELEASE, address_of(i), site);
    }
    flush(&feeder);
    double blocks_bytes = (double)sites * 2 * 40;
    double own = ((double)heap_model_own_bytes(feeder.model) - blocks_bytes) / (double)sites;
    printf("%8.2f million sites: %5.1f bytes/site without blocks, with timeline\n",
           (double)sites / 1e6, own);
    heap_model_destroy(feeder.model);
    return own <= MOST_BYTES_PER_SITE;
}

int main(int argc, char **argv)
{
    uint64_t millions = argc > 1 ? strtoull(argv[1], NULL, 10) : 50;
    int is_kept = run_blocks(1000000, 1000);
    is_kept &= run_blocks(1000000, 100000);
    is_kept &= run_blocks(millions * 1000000, 1000);
    is_kept &= run_blocks(millions * 1000000, 100000);
    is_kept &= run_sites(1000000);
    if (!is_kept)
        fprintf(stderr, "heap_scale: more memory than promised\n");
    return is_kept ? 0 : 1;
}
