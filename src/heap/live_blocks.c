#include "heap/live_blocks.h"

#include <stdlib.h>

#include "base/memory.h"
#include "heap/page_memory.h"

/* address << 16 | thread;  size << 16 | birth's high 16 bits;  birth's low 40 bits << 24 | site.
 * A slot is empty when all its address bits are 0. */
struct block_slot {
    uint64_t address_thread;
    uint64_t size_birth;
    uint64_t birth_site;
};
_Static_assert(sizeof(struct block_slot) == 24, "a slot is 24 bytes");

enum {
    FIRST_CAPACITY = 32,
    DOUBLING_CAPACITY = 1024 /* below, tables double: few bytes, many tables */
};

static struct block_slot pack(const struct block *block)
{
    return (struct block_slot){
        .address_thread = block->address << 16 | (block->thread & 0xffff),
        .size_birth = block->size << 16 | block->birth_ns >> 40,
        .birth_site = block->birth_ns << BLOCK_SITE_BITS | (block->site & BLOCK_SITE_NONE),
    };
}

static struct block unpack(const struct block_slot *slot)
{
    return (struct block){
        .address = slot->address_thread >> 16,
        .thread = (uint32_t)(slot->address_thread & 0xffff),
        .size = slot->size_birth >> 16,
        .birth_ns = (slot->size_birth & 0xffff) << 40 | slot->birth_site >> BLOCK_SITE_BITS,
        .site = (uint32_t)(slot->birth_site & BLOCK_SITE_NONE),
    };
}

static uint64_t slot_address(const struct block_slot *slot)
{
    return slot->address_thread >> 16;
}

/* Two products with a fold between: neighbouring addresses must not become neighbouring runs. */
static uint64_t address_hash(uint64_t address)
{
    uint64_t hash = address * 0x9e3779b97f4a7c15u;
    return (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
}

/* The place by the hash's high half; the segment by its low bits. */
static uint32_t home_of(const struct block_segment *segment, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * segment->capacity >> 32);
}

static struct block_segment *segment_of(const struct live_blocks *table, uint64_t hash)
{
    if (!table->segments)
        return (struct block_segment *)&table->small;
    return &table->segments[hash & (LIVE_BLOCKS_SEGMENTS - 1)];
}

static uint32_t next_place(const struct block_segment *segment, uint32_t place)
{
    return ++place == segment->capacity ? 0 : place;
}

/* The slot of this address, or the empty one where it would go. The segment has an empty slot. */
static struct block_slot *find_slot(const struct block_segment *segment, uint64_t hash,
                                    uint64_t address)
{
    uint32_t place = home_of(segment, hash);
    for (;;) {
        struct block_slot *slot = &segment->slots[place];
        uint64_t there = slot_address(slot);
        if (there == address || there == 0)
            return slot;
        place = next_place(segment, place);
    }
}

static void segment_resize(struct block_segment *segment, uint32_t capacity)
{
    struct block_segment old = *segment;
    segment->capacity = capacity;
    segment->slots = page_memory_allocate((uint64_t)capacity * sizeof *segment->slots);
    for (uint32_t i = 0; i < old.capacity; i++) {
        uint64_t address = slot_address(&old.slots[i]);
        if (address != 0)
            *find_slot(segment, address_hash(address), address) = old.slots[i];
    }
    page_memory_release(old.slots, (uint64_t)old.capacity * sizeof *old.slots);
}

static void segment_make_room(struct block_segment *segment)
{
    uint64_t capacity = segment->capacity;
    if ((uint64_t)segment->count + 1 <= capacity - capacity / 4 && capacity > 0)
        return;
    if (capacity < FIRST_CAPACITY)
        capacity = FIRST_CAPACITY;
    else
        capacity += capacity < DOUBLING_CAPACITY ? capacity : capacity / 4;
    if (capacity > UINT32_MAX)
        capacity = UINT32_MAX;
    segment_resize(segment, (uint32_t)capacity);
}

/* A table that was large once gives its memory back. */
static void segment_give_back(struct block_segment *segment)
{
    if (segment->capacity > DOUBLING_CAPACITY && segment->count < segment->capacity / 8)
        segment_resize(segment, segment->capacity / 4);
}

static void segment_put_new(struct block_segment *segment, uint64_t hash, struct block_slot slot)
{
    segment_make_room(segment);
    *find_slot(segment, hash, slot_address(&slot)) = slot;
    segment->count++;
}

static void split(struct live_blocks *table)
{
    struct block_segment old = table->small;
    table->segments = memory_allocate_zeroed(LIVE_BLOCKS_SEGMENTS, sizeof *table->segments);
    table->small = (struct block_segment){0};
    for (uint32_t i = 0; i < old.capacity; i++) {
        uint64_t address = slot_address(&old.slots[i]);
        if (address == 0)
            continue;
        uint64_t hash = address_hash(address);
        segment_put_new(segment_of(table, hash), hash, old.slots[i]);
    }
    page_memory_release(old.slots, (uint64_t)old.capacity * sizeof *old.slots);
}

void live_blocks_clear(struct live_blocks *table)
{
    uint32_t count = table->segments ? LIVE_BLOCKS_SEGMENTS : 1;
    struct block_segment *segments = table->segments ? table->segments : &table->small;
    for (uint32_t i = 0; i < count; i++)
        page_memory_release(segments[i].slots,
                            (uint64_t)segments[i].capacity * sizeof(struct block_slot));
    free(table->segments);
    *table = (struct live_blocks){0};
}

bool live_blocks_find(const struct live_blocks *table, uint64_t address, struct block *block)
{
    uint64_t hash = address_hash(address);
    const struct block_segment *segment = segment_of(table, hash);
    if (segment->count == 0)
        return false;
    const struct block_slot *slot = find_slot(segment, hash, address);
    if (slot_address(slot) == 0)
        return false;
    if (block)
        *block = unpack(slot);
    return true;
}

bool live_blocks_put(struct live_blocks *table, const struct block *block, struct block *old)
{
    uint64_t hash = address_hash(block->address);
    struct block_segment *segment = segment_of(table, hash);
    segment_make_room(segment);
    struct block_slot *slot = find_slot(segment, hash, block->address);
    bool is_replaced = slot_address(slot) != 0;
    if (is_replaced)
        *old = unpack(slot);
    *slot = pack(block);
    if (is_replaced)
        return true;
    segment->count++;
    table->count++;
    if (!table->segments && table->count >= LIVE_BLOCKS_SPLIT_COUNT)
        split(table);
    return false;
}

/* Moves back each block behind the hole whose home is not between the hole and itself: Knuth, The
 * Art of Computer Programming 3, 6.4, algorithm R. */
static void close_hole(struct block_segment *segment, uint32_t hole)
{
    uint32_t capacity = segment->capacity;
    for (uint32_t at = next_place(segment, hole);; at = next_place(segment, at)) {
        uint64_t address = slot_address(&segment->slots[at]);
        if (address == 0)
            break;
        uint32_t home = home_of(segment, address_hash(address));
        uint32_t from_home = at >= home ? at - home : at + capacity - home;
        uint32_t from_hole = at >= hole ? at - hole : at + capacity - hole;
        if (from_home < from_hole)
            continue;
        segment->slots[hole] = segment->slots[at];
        hole = at;
    }
    segment->slots[hole] = (struct block_slot){0};
}

bool live_blocks_remove(struct live_blocks *table, uint64_t address, struct block *old)
{
    uint64_t hash = address_hash(address);
    struct block_segment *segment = segment_of(table, hash);
    if (segment->count == 0)
        return false;
    struct block_slot *slot = find_slot(segment, hash, address);
    if (slot_address(slot) == 0)
        return false;
    if (old)
        *old = unpack(slot);
    close_hole(segment, (uint32_t)(slot - segment->slots));
    segment->count--;
    table->count--;
    segment_give_back(segment);
    return true;
}

void live_blocks_prefetch(const struct live_blocks *table, uint64_t address)
{
    uint64_t hash = address_hash(address);
    const struct block_segment *segment = segment_of(table, hash);
    if (segment->capacity > 0)
        __builtin_prefetch(&segment->slots[home_of(segment, hash)], 1);
}

bool live_blocks_next(const struct live_blocks *table, struct live_blocks_cursor *cursor,
                      struct block *block)
{
    uint32_t count = table->segments ? LIVE_BLOCKS_SEGMENTS : 1;
    const struct block_segment *segments = table->segments ? table->segments : &table->small;
    for (; cursor->segment < count; cursor->segment++, cursor->slot = 0) {
        const struct block_segment *segment = &segments[cursor->segment];
        while (cursor->slot < segment->capacity) {
            const struct block_slot *slot = &segment->slots[cursor->slot++];
            if (slot_address(slot) != 0) {
                *block = unpack(slot);
                return true;
            }
        }
    }
    return false;
}

uint64_t live_blocks_own_bytes(const struct live_blocks *table)
{
    uint64_t slots = table->small.capacity;
    uint64_t bytes = 0;
    if (table->segments) {
        bytes = LIVE_BLOCKS_SEGMENTS * sizeof *table->segments;
        for (uint32_t i = 0; i < LIVE_BLOCKS_SEGMENTS; i++)
            slots += table->segments[i].capacity;
    }
    return bytes + slots * sizeof(struct block_slot);
}
