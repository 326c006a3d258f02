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
    DOUBLING_CAPACITY = 1024, /* below, tables double: few bytes, many tables */
    CACHE_LINE = 64,
    PREFETCH_LINES = 3 /* to the end of a run, most often */
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

/* How far the block in this place stands behind its home. */
static uint32_t distance_at(const struct block_segment *segment, uint32_t place)
{
    uint32_t home = home_of(segment, address_hash(slot_address(&segment->slots[place])));
    return place >= home ? place - home : place + segment->capacity - home;
}

/* The slot of this address, or NULL. The segment has an empty slot. */
static struct block_slot *find_slot(const struct block_segment *segment, uint64_t hash,
                                    uint64_t address)
{
    uint32_t place = home_of(segment, hash);
    for (;;) {
        struct block_slot *slot = &segment->slots[place];
        uint64_t there = slot_address(slot);
        if (there == address)
            return slot;
        if (there == 0)
            return NULL;
        place = next_place(segment, place);
    }
}

/* Does the block in this place come after one that would stand `distance` behind its home here?
 * Blocks of a run are in order of their hashes: also of one home, so that they still are in a
 * larger table. */
static bool comes_after(const struct block_segment *segment, uint32_t place, uint64_t hash,
                        uint32_t distance)
{
    uint32_t there = distance_at(segment, place);
    return there < distance ||
           (there == distance &&
            address_hash(slot_address(&segment->slots[place])) >> 32 > hash >> 32);
}

/* The slot of this address, or the one where it goes. */
static struct block_slot *find_place(const struct block_segment *segment, uint64_t hash,
                                     uint64_t address)
{
    uint32_t place = home_of(segment, hash);
    for (uint32_t distance = 0;; distance++) {
        struct block_slot *slot = &segment->slots[place];
        uint64_t there = slot_address(slot);
        if (there == address || there == 0 || comes_after(segment, place, hash, distance))
            return slot;
        place = next_place(segment, place);
    }
}

/* Pushes the blocks from this place on one further, up to the next empty slot. */
static void make_way(const struct block_segment *segment, uint32_t place)
{
    struct block_slot pushed = segment->slots[place];
    while (slot_address(&pushed) != 0) {
        place = next_place(segment, place);
        struct block_slot next = segment->slots[place];
        segment->slots[place] = pushed;
        pushed = next;
    }
}

static void put_new(struct block_segment *segment, uint64_t hash, struct block_slot slot)
{
    struct block_slot *place = find_place(segment, hash, slot_address(&slot));
    make_way(segment, (uint32_t)(place - segment->slots));
    *place = slot;
}

/* Copies into a larger segment without looking for places: blocks come in the order of their
 * hashes, so each goes to its home or right behind the one before. That order begins behind any
 * empty slot; homes that come after the wrap are one capacity further. The last run cannot reach
 * the first one, because in the smaller segment it ended before the empty slot. */
static void copy_in_order(const struct block_segment *old, struct block_segment *larger)
{
    uint32_t start = 0;
    while (slot_address(&old->slots[start]) != 0)
        start++;
    uint64_t free_place = 0;
    uint32_t at = start;
    for (uint32_t i = 1; i < old->capacity; i++) {
        at = next_place(old, at);
        const struct block_slot *slot = &old->slots[at];
        if (slot_address(slot) == 0)
            continue;
        uint64_t hash = address_hash(slot_address(slot));
        uint64_t place = home_of(larger, hash);
        if (home_of(old, hash) < start)
            place += larger->capacity;
        if (place < free_place)
            place = free_place;
        free_place = place + 1;
        larger->slots[place >= larger->capacity ? place - larger->capacity : place] = *slot;
    }
}

static void copy_any(const struct block_segment *old, struct block_segment *smaller)
{
    for (uint32_t i = 0; i < old->capacity; i++) {
        uint64_t address = slot_address(&old->slots[i]);
        if (address != 0)
            put_new(smaller, address_hash(address), old->slots[i]);
    }
}

static void segment_resize(struct block_segment *segment, uint32_t capacity)
{
    struct block_segment old = *segment;
    segment->capacity = capacity;
    segment->slots = page_memory_allocate((uint64_t)capacity * sizeof *segment->slots);
    if (capacity < old.capacity)
        copy_any(&old, segment);
    else if (old.count > 0)
        copy_in_order(&old, segment);
    page_memory_release(old.slots, (uint64_t)old.capacity * sizeof *old.slots);
}

static void segment_make_room(struct block_segment *segment)
{
    uint64_t capacity = segment->capacity;
    if (segment->count < capacity / 16 * 11)
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
        struct block_segment *segment = segment_of(table, hash);
        segment_make_room(segment);
        put_new(segment, hash, old.slots[i]);
        segment->count++;
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
    if (!slot)
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
    struct block_slot *slot = find_place(segment, hash, block->address);
    if (slot_address(slot) == block->address) {
        *old = unpack(slot);
        *slot = pack(block);
        return true;
    }
    make_way(segment, (uint32_t)(slot - segment->slots));
    *slot = pack(block);
    segment->count++;
    table->count++;
    if (!table->segments && table->count >= LIVE_BLOCKS_SPLIT_COUNT)
        split(table);
    return false;
}

/* Moves the rest of the run back by one, up to a block that stands at its home. */
static void close_hole(struct block_segment *segment, uint32_t hole)
{
    for (;;) {
        uint32_t at = next_place(segment, hole);
        if (slot_address(&segment->slots[at]) == 0 || distance_at(segment, at) == 0)
            break;
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
    if (!slot)
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
    if (segment->capacity == 0)
        return;
    const char *home = (const char *)&segment->slots[home_of(segment, hash)];
    for (int line = 0; line < PREFETCH_LINES; line++)
        __builtin_prefetch(home + line * CACHE_LINE, 1);
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
