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
    KEPT_CAPACITY = 1024, /* so little is not given back */
    USUAL_TAIL = 128,
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

/* Two products with a fold between: neighbouring addresses must not become neighbouring runs. The
 * high half places the block, the low bits choose its segment. */
static uint64_t address_hash(uint64_t address)
{
    uint64_t hash = address * 0x9e3779b97f4a7c15u;
    return (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
}

static uint32_t place_hash(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

static uint32_t home_of(const struct block_segment *segment, uint64_t hash)
{
    return (uint32_t)((uint64_t)place_hash(hash) * segment->capacity >> 32);
}

/* The very last slot is always empty, so that every search ends. */
static uint64_t slot_count(const struct block_segment *segment)
{
    return (uint64_t)segment->capacity + segment->tail;
}

static uint64_t slot_bytes(const struct block_segment *segment)
{
    return slot_count(segment) * sizeof *segment->slots;
}

static struct block_segment *segment_of(const struct live_blocks *table, uint64_t hash)
{
    if (!table->segments)
        return (struct block_segment *)&table->small;
    return &table->segments[hash & (LIVE_BLOCKS_SEGMENTS - 1)];
}

/* The slot of this address, or NULL. */
static struct block_slot *find_slot(const struct block_segment *segment, uint64_t hash,
                                    uint64_t address)
{
    struct block_slot *slot = &segment->slots[home_of(segment, hash)];
    while (slot_address(slot) != address) {
        if (slot_address(slot) == 0)
            return NULL;
        slot++;
    }
    return slot;
}

/* The slot of this address, or the one where it goes: the run is in order of hashes. */
static struct block_slot *find_place(const struct block_segment *segment, uint64_t hash,
                                     uint64_t address)
{
    struct block_slot *slot = &segment->slots[home_of(segment, hash)];
    for (;; slot++) {
        uint64_t there = slot_address(slot);
        if (there == address || there == 0 || place_hash(address_hash(there)) > place_hash(hash))
            return slot;
    }
}

/* Puts the block here, and what stood here and behind it one further. True when the run has reached
 * the last slot, which must not stay. */
static bool insert(const struct block_segment *segment, struct block_slot *slot,
                   struct block_slot block)
{
    for (;; slot++) {
        struct block_slot next = *slot;
        *slot = block;
        if (slot_address(&next) == 0)
            return slot == &segment->slots[slot_count(segment) - 1];
        block = next;
    }
}

/* Copies without a search: blocks come in the order of their hashes, so each goes to its home or
 * right behind the one before. False when the last run does not fit, which only happens in a
 * smaller segment: in a larger one each block is as far from the end as before, or further. */
static bool copy_in_order(const struct block_segment *from, struct block_segment *to)
{
    uint64_t from_count = slot_count(from), to_last = slot_count(to) - 1;
    uint64_t free_place = 0;
    for (uint64_t i = 0; i < from_count; i++) {
        uint64_t address = slot_address(&from->slots[i]);
        if (address == 0)
            continue;
        uint64_t place = home_of(to, address_hash(address));
        if (place < free_place)
            place = free_place;
        if (place >= to_last)
            return false;
        free_place = place + 1;
        to->slots[place] = from->slots[i];
    }
    return true;
}

static void segment_resize(struct block_segment *segment, uint64_t capacity, uint64_t tail)
{
    struct block_segment resized = {
        .capacity = (uint32_t)capacity, .tail = (uint32_t)tail, .count = segment->count};
    resized.slots = page_memory_allocate(slot_bytes(&resized));
    if (copy_in_order(segment, &resized)) {
        page_memory_release(segment->slots, slot_bytes(segment));
        *segment = resized;
    } else {
        page_memory_release(resized.slots, slot_bytes(&resized));
    }
}

/* How full a segment may be, and by what share it grows then. A search and a removal walk to the
 * end of a run, whose length grows with the square of 1 / (1 - load): so room is spent on speed
 * while it is cheap, and saved when there are millions of blocks. */
struct density {
    uint32_t below_capacity;
    uint32_t sixteenths;
    uint32_t growth_share;
};

static const struct density DENSITIES[] = {
    {8 << 10, 7, 1},    /* up to 230,000 blocks in all: load 0.22 to 0.44 */
    {24 << 10, 8, 4},   /* up to 640,000: 0.40 to 0.50 */
    {UINT32_MAX, 11, 4} /* 0.55 to 0.69 */
};

static const struct density *density_of(const struct block_segment *segment)
{
    const struct density *density = DENSITIES;
    while (segment->capacity >= density->below_capacity)
        density++;
    return density;
}

static void segment_grow(struct block_segment *segment)
{
    uint64_t capacity = FIRST_CAPACITY;
    if (segment->capacity != 0)
        capacity = segment->capacity + segment->capacity / density_of(segment)->growth_share;
    uint64_t tail = capacity < USUAL_TAIL ? capacity : USUAL_TAIL;
    segment_resize(segment, capacity, tail > segment->tail ? tail : segment->tail);
}

static bool is_full(const struct block_segment *segment)
{
    return segment->count >= segment->capacity / 16 * density_of(segment)->sixteenths;
}

/* A table that was large once gives its memory back. */
static void segment_give_back(struct block_segment *segment)
{
    if (segment->capacity > KEPT_CAPACITY && segment->count < segment->capacity / 8)
        segment_resize(segment, segment->capacity / 3, segment->tail);
}

static bool segment_put(struct block_segment *segment, struct block_slot packed,
                        struct block_slot *old)
{
    uint64_t address = slot_address(&packed);
    uint64_t hash = address_hash(address);
    if (is_full(segment))
        segment_grow(segment);
    struct block_slot *slot = find_place(segment, hash, address);
    if (slot_address(slot) == address) {
        *old = *slot;
        *slot = packed;
        return true;
    }
    segment->count++;
    if (insert(segment, slot, packed)) /* rare, unless addresses were chosen for it */
        segment_resize(segment, segment->capacity, segment->tail * (uint64_t)2);
    return false;
}

static void split(struct live_blocks *table)
{
    struct block_segment small = table->small;
    table->segments = memory_allocate_zeroed(LIVE_BLOCKS_SEGMENTS, sizeof *table->segments);
    table->small = (struct block_segment){0};
    for (uint64_t i = 0; i < slot_count(&small); i++) {
        uint64_t address = slot_address(&small.slots[i]);
        struct block_slot none;
        if (address != 0)
            segment_put(segment_of(table, address_hash(address)), small.slots[i], &none);
    }
    page_memory_release(small.slots, slot_bytes(&small));
}

void live_blocks_clear(struct live_blocks *table)
{
    uint32_t count = table->segments ? LIVE_BLOCKS_SEGMENTS : 1;
    struct block_segment *segments = table->segments ? table->segments : &table->small;
    for (uint32_t i = 0; i < count; i++)
        page_memory_release(segments[i].slots, slot_bytes(&segments[i]));
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
    struct block_slot replaced;
    if (segment_put(segment_of(table, address_hash(block->address)), pack(block), &replaced)) {
        *old = unpack(&replaced);
        return true;
    }
    table->count++;
    if (!table->segments && table->count >= LIVE_BLOCKS_SPLIT_COUNT)
        split(table);
    return false;
}

/* Moves the rest of the run back by one, up to a block that stands at its home. */
static void close_hole(struct block_segment *segment, struct block_slot *hole)
{
    for (;; hole++) {
        uint64_t next = slot_address(&hole[1]);
        if (next == 0 || &segment->slots[home_of(segment, address_hash(next))] == &hole[1])
            break;
        hole[0] = hole[1];
    }
    *hole = (struct block_slot){0};
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
    close_hole(segment, slot);
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
        while (cursor->slot < slot_count(segment)) {
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
    uint64_t bytes = slot_bytes(&table->small);
    if (!table->segments)
        return bytes;
    for (uint32_t i = 0; i < LIVE_BLOCKS_SEGMENTS; i++)
        bytes += sizeof *table->segments + slot_bytes(&table->segments[i]);
    return bytes;
}
