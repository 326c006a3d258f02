/* The same heap scanned by one thread and by several, and with neighbours read together and each
 * block by itself: what they find is the same, in the same order. The heap has more blocks than one
 * thread takes at once, large ones between, a page that cannot be read, and objects of two classes
 * that come in every part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "snapshot/snapshot_scan.h"

#define ROOTS UINT64_C(0x10000)
#define DATA  UINT64_C(0x30000)
#define CODE  UINT64_C(0x40000)
#define HEAP  UINT64_C(0x1000000)

enum {
    HEAP_BYTES = 6 << 20,
    UNREADABLE = 3 << 20, /* where the page is */
    PAGE_BYTES = 4096,
    LARGE_EVERY = 40000, /* blocks */
    LARGE_BYTES = 100000,
    BLOCKS_MOST = HEAP_BYTES / 32,
    BLOCKS_ALONE = 12000
};

static const char maps[] = "10000-11000 rw-p 00000000 00:00 0 \n"
                           "30000-31000 r--p 00001000 08:01 77 /lib/x.so\n"
                           "40000-41000 r-xp 00002000 08:01 77 /lib/x.so\n"
                           "1000000-1600000 rw-p 00000000 00:00 0 \n";

struct heap {
    uint64_t roots[512], data[512];
    uint64_t *words;
    struct snapshot_block *blocks;
    size_t count;
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void make_blocks(struct heap *heap, size_t most, uint64_t *random)
{
    uint64_t address = HEAP;
    while (address + LARGE_BYTES < HEAP + HEAP_BYTES && heap->count < most) {
        uint64_t bytes = heap->count % LARGE_EVERY == LARGE_EVERY / 2
                             ? LARGE_BYTES
                             : 8 + next_random(random) % 80;
        heap->blocks[heap->count++] = (struct snapshot_block){.address = address, .bytes = bytes};
        address += (bytes + 31) & ~UINT64_C(15);
    }
}

/* Numbers, pointers to starts and into the middle, the same ones again, and tables of classes. */
static uint64_t draw_word(const struct heap *heap, uint64_t before, uint64_t *random)
{
    const struct snapshot_block *block = &heap->blocks[next_random(random) % heap->count];
    switch (next_random(random) % 8) {
    case 0:
    case 1:
        return block->address;
    case 2:
        return block->address + next_random(random) % (block->bytes + 8);
    case 3:
        return before;
    case 4:
        return DATA + 16 + 0x20 * (next_random(random) % 2);
    default:
        return next_random(random) % 64;
    }
}

static void heap_init(struct heap *heap, size_t most)
{
    uint64_t random = 7, word = 0;
    *heap = (struct heap){.words = memory_allocate(HEAP_BYTES),
                          .blocks = memory_allocate(BLOCKS_MOST * sizeof *heap->blocks)};
    make_blocks(heap, most, &random);
    for (size_t i = 0; i < HEAP_BYTES / 8; i++)
        heap->words[i] = word = draw_word(heap, word, &random);
    for (size_t i = 0; i < 512; i++)
        heap->roots[i] = heap->blocks[next_random(&random) % heap->count].address;
    for (size_t class = 0; class < 2; class ++) /* no type information, and a function */
        heap->data[4 * class + 2] = CODE + 16 * class;
}

/* Memory that gives out words and what is within one block, and no more of the heap at once. */
struct narrow_memory {
    const struct heap *heap;
    struct target_memory all;
};

static bool is_within_a_block(const struct heap *heap, uint64_t start, uint64_t end)
{
    size_t low = 0, high = heap->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (heap->blocks[middle].address <= start)
            low = middle;
        else
            high = middle;
    }
    return start >= heap->blocks[low].address &&
           end <= heap->blocks[low].address + heap->blocks[low].bytes;
}

static size_t narrow_read(void *context, uint64_t address, void *bytes, size_t count)
{
    const struct narrow_memory *memory = context;
    bool is_heap = address < HEAP + HEAP_BYTES && address + count > HEAP;
    if (is_heap && count > sizeof(uint64_t) &&
        !is_within_a_block(memory->heap, address, address + count))
        return 0;
    return memory->all.read(memory->all.context, address, bytes, count);
}

static void heap_scan(const struct heap *heap, size_t threads, bool is_narrow,
                      struct snapshot *snapshot)
{
    const struct target_image_piece pieces[] = {{ROOTS, heap->roots, sizeof heap->roots},
                                                {DATA, heap->data, sizeof heap->data},
                                                {HEAP, heap->words, UNREADABLE},
                                                {HEAP + UNREADABLE + PAGE_BYTES,
                                                 heap->words + (UNREADABLE + PAGE_BYTES) / 8,
                                                 HEAP_BYTES - UNREADABLE - PAGE_BYTES}};
    const struct target_image image = {pieces, 4};
    struct narrow_memory narrow = {heap, target_image_memory(&image)};
    struct target_memory memory = narrow.all;
    if (is_narrow)
        memory = (struct target_memory){.read = narrow_read, .context = &narrow};
    struct target_mappings mappings = {0};
    struct error error = {""};
    target_mappings_parse(&mappings, maps);
    const struct snapshot_scan_input input = {.memory = &memory,
                                              .mappings = &mappings,
                                              .blocks = heap->blocks,
                                              .block_count = heap->count,
                                              .scan_threads = threads};
    snapshot_init(snapshot);
    if (!snapshot_scan(&input, snapshot, &error))
        fail_msg("%s", error.message);
    target_mappings_clear(&mappings);
}

static void assert_same_references(const struct snapshot *one, const struct snapshot *several)
{
    assert_int_equal(one->reference_count, several->reference_count);
    assert_memory_equal(one->references, several->references,
                        one->reference_count * sizeof *one->references);
    assert_memory_equal(one->first_reference, several->first_reference,
                        (one->block_count + 1) * sizeof *one->first_reference);
    assert_int_equal(one->root_count, several->root_count);
    for (size_t i = 0; i < one->root_count; i++)
        assert_int_equal(one->roots[i].block, several->roots[i].block);
}

static void assert_same_facts(const struct snapshot *one, const struct snapshot *several)
{
    for (size_t kind = 0; kind < SNAPSHOT_FACT_KIND_COUNT; kind++) {
        const struct snapshot_facts *facts = &one->facts[kind];
        assert_int_equal(facts->count, several->facts[kind].count);
        if (facts->count > 0)
            assert_memory_equal(facts->items, several->facts[kind].items,
                                facts->count * sizeof *facts->items);
    }
    assert_int_equal(one->class_count, 2);
    assert_int_equal(several->class_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(one->classes[i].address, several->classes[i].address);
    assert_int_equal(one->scanned_bytes, several->scanned_bytes);
    assert_int_equal(one->unreadable_bytes, several->unreadable_bytes);
    assert_int_equal(one->skipped_bytes, several->skipped_bytes);
}

static void test_threads_find_the_same(void **state)
{
    (void)state;
    struct heap heap;
    struct snapshot one, several;
    heap_init(&heap, BLOCKS_MOST);
    heap_scan(&heap, 1, false, &one);
    assert_true(heap.count > 80000);
    assert_true(one.reference_count > heap.count);
    assert_true(one.facts[SNAPSHOT_FACT_CLASS].count > 1000);
    assert_true(one.facts[SNAPSHOT_FACT_OFFSET].count > 1000);
    assert_true(one.unreadable_bytes > 0);
    for (size_t threads = 2; threads <= 5; threads += 3) {
        heap_scan(&heap, threads, false, &several);
        assert_same_references(&one, &several);
        assert_same_facts(&one, &several);
        snapshot_clear(&several);
    }
    snapshot_clear(&one);
    free(heap.words);
    free(heap.blocks);
}

static void test_runs_find_what_blocks_alone_do(void **state)
{
    (void)state;
    struct heap heap;
    struct snapshot runs, alone;
    heap_init(&heap, BLOCKS_ALONE);
    for (size_t i = 0; i < heap.count; i += 7) /* they need not be whole words */
        heap.blocks[i].address += heap.blocks[i].bytes > 8 ? i % 5 : 0;
    heap_scan(&heap, 1, false, &runs);
    heap_scan(&heap, 1, true, &alone);
    assert_true(runs.reference_count > heap.count / 2);
    assert_true(runs.facts[SNAPSHOT_FACT_OFFSET].count > 1000);
    assert_same_references(&runs, &alone);
    assert_same_facts(&runs, &alone);
    snapshot_clear(&runs);
    snapshot_clear(&alone);
    free(heap.words);
    free(heap.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads_find_the_same),
                                       cmocka_unit_test(test_runs_find_what_blocks_alone_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
