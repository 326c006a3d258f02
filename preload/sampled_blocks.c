#include "preload/sampled_blocks.h"

struct sampled_blocks *sampled_blocks;

/* Fibonacci hashing: the upper bits of a product depend on all of the address. */
static _Atomic uint64_t *line_of(struct sampled_blocks *blocks, unsigned table, uint64_t address)
{
    uint64_t hash = (address >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t first = 0;
    for (unsigned smaller = 0; smaller < table; smaller++)
        first += 1u << (SAMPLED_SMALLEST_LINES_LOG2 + 3 * smaller);
    return blocks->addresses[first + (hash >> (64 - SAMPLED_SMALLEST_LINES_LOG2 - 3 * table))];
}

/* Turns an entry that holds `from` into `to`. */
static bool exchange(struct sampled_blocks *blocks, uint64_t address, uint64_t from, uint64_t to)
{
    for (unsigned table = 0; table < SAMPLED_TABLES; table++) {
        _Atomic uint64_t *line = line_of(blocks, table, address);
        for (unsigned place = 0; place < SAMPLED_LINE; place++) {
            uint64_t seen = from;
            if (atomic_load_explicit(&line[place], memory_order_relaxed) == from &&
                atomic_compare_exchange_strong(&line[place], &seen, to))
                return true;
        }
    }
    return false;
}

static void change_counter(_Atomic uint8_t *counter, int by)
{
    uint8_t seen = atomic_load(counter);
    while (seen != SAMPLED_COUNTER_FULL && !(seen == 0 && by < 0) &&
           !atomic_compare_exchange_weak(counter, &seen, (uint8_t)(seen + by)))
        ;
}

void sampled_blocks_add(struct sampled_blocks *blocks, const void *block)
{
    uint64_t address = (uint64_t)(uintptr_t)block;
    _Atomic uint8_t *counter = &blocks->counters[sampled_blocks_counter(block)];
    if (exchange(blocks, address, address, address))
        return; /* its last release was not seen */
    if (exchange(blocks, address, 0, address))
        change_counter(counter, 1);
    else
        atomic_store(counter, SAMPLED_COUNTER_FULL);
    /* The block's address is not yet known to anybody; whoever learns it finds it here. */
    atomic_thread_fence(memory_order_release);
}

void sampled_blocks_never_pass(struct sampled_blocks *blocks, const void *address)
{
    atomic_store(&blocks->counters[sampled_blocks_counter(address)], SAMPLED_COUNTER_FULL);
}

enum sampled_answer sampled_blocks_remove(struct sampled_blocks *blocks, const void *block)
{
    uint64_t address = (uint64_t)(uintptr_t)block;
    _Atomic uint8_t *counter = &blocks->counters[sampled_blocks_counter(block)];
    uint8_t count = atomic_load(counter);
    if (count == 0)
        return SAMPLED_NO;
    if (!exchange(blocks, address, address, 0))
        return count == SAMPLED_COUNTER_FULL ? SAMPLED_MAYBE : SAMPLED_NO;
    change_counter(counter, -1);
    return SAMPLED_YES;
}
