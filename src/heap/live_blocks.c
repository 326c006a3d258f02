#include "heap/live_blocks.h"

#include <stdlib.h>

#include "base/memory.h"
#include "heap/page_memory.h"

/* address << 16 | thread;  size << 16 | birth's high 16 bits;  birth's low 40 bits << 24 | site. */
struct block_slot {
    uint64_t address_thread;
    uint64_t size_birth;
    uint64_t birth_site;
};

enum {
    GROUP_SLOTS = 5,
    FIRST_GROUPS = 8,
    KEPT_SLOTS = 32 << 10, /* so few are not given back: queues fill and empty all the time */
    OVERFLOW_SHIFT = 48
};

/* The first word: a byte for each slot, 0 = free, else 0x80 and seven bits of the hash; and from
 * bit 48 on how many blocks passed by because it was full (at its maximum it stays). */
struct block_group {
    uint64_t word;
    struct block_slot slots[GROUP_SLOTS];
};
_Static_assert(sizeof(struct block_group) == 128, "a group is two cache lines");

#define EACH_TAG     UINT64_C(0x0101010101)
#define EACH_IN_USE  UINT64_C(0x8080808080)
#define ONE_OVERFLOW (UINT64_C(1) << OVERFLOW_SHIFT)

/* How full a table may be, and a segment until its turn comes to move. */
#define LOAD_OF(slots)         ((slots) / 16 * 9)
#define SEGMENT_LOAD_OF(slots) ((slots) / 32 * 25)

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

static uint64_t tag_of(uint64_t hash)
{
    return (hash >> 8 & 0x7f) | 0x80;
}

/* ---- groups ------------------------------------------------------------------------------- */

/* The groups of one segment, and where the search for a block begins. */
struct place {
    struct block_group *first, *end, *home;
};

static struct place place_in(struct block_group *first, uint32_t group_count, uint64_t hash)
{
    return (struct place){.first = first,
                          .end = first + group_count,
                          .home = first + ((hash >> 32) * group_count >> 32)};
}

static struct block_group *next_group(const struct place *place, struct block_group *group)
{
    return group + 1 == place->end ? place->first : group + 1;
}

/* A bit for each slot that has the tag, and perhaps for one above such a slot (Warren, Hacker's
 * Delight, 6-1). */
static uint64_t slots_with_tag(const struct block_group *group, uint64_t tag)
{
    uint64_t other = group->word ^ EACH_TAG * tag;
    return (other - EACH_TAG) & ~other & EACH_IN_USE;
}

static uint64_t free_slots(const struct block_group *group)
{
    return ~group->word & EACH_IN_USE;
}

static unsigned lowest_slot(uint64_t slots)
{
    return (unsigned)__builtin_ctzll(slots) / 8;
}

static uint64_t overflow_of(const struct block_group *group)
{
    return group->word >> OVERFLOW_SHIFT;
}

/* For a block that passes the groups from one to before another; or passes them no more. */
static inline void change_overflow(const struct place *place, struct block_group *from,
                                   const struct block_group *to, uint64_t by)
{
    for (; from != to; from = next_group(place, from))
        if (overflow_of(from) != UINT64_MAX >> OVERFLOW_SHIFT)
            from->word += by;
}

/* The slot of this address in this group, or NULL. */
static inline struct block_slot *find_in_group(struct block_group *group, uint64_t tag,
                                               uint64_t address)
{
    for (uint64_t slots = slots_with_tag(group, tag); slots != 0; slots &= slots - 1) {
        struct block_slot *slot = &group->slots[lowest_slot(slots)];
        if (slot_address(slot) == address)
            return slot;
    }
    return NULL;
}

/* The slot of this address, and its group, or NULL. */
static inline struct block_slot *find_slot(const struct place *place, uint64_t hash,
                                           uint64_t address, struct block_group **group)
{
    struct block_group *at = place->home;
    do {
        struct block_slot *slot = find_in_group(at, tag_of(hash), address);
        *group = at;
        if (slot != NULL || overflow_of(at) == 0)
            return slot;
        at = next_group(place, at);
    } while (at != place->home);
    return NULL;
}

static void put_into_group(struct block_group *group, uint64_t tag, const struct block_slot *packed)
{
    unsigned slot = lowest_slot(free_slots(group));
    group->slots[slot] = *packed;
    group->word |= tag << 8 * slot;
}

/* Beyond the home group. False: there is no room at all. */
static bool put_further(const struct place *place, uint64_t tag, const struct block_slot *packed)
{
    struct block_group *group = place->home;
    while (free_slots(group) == 0) {
        group = next_group(place, group);
        if (group == place->home)
            return false;
    }
    change_overflow(place, place->home, group, ONE_OVERFLOW);
    put_into_group(group, tag, packed);
    return true;
}

/* A block that is not there yet. */
static inline bool put_new(const struct place *place, uint64_t hash,
                           const struct block_slot *packed)
{
    if (free_slots(place->home) == 0)
        return put_further(place, tag_of(hash), packed);
    put_into_group(place->home, tag_of(hash), packed);
    return true;
}

static uint64_t distance(const struct place *place, const struct block_group *from,
                         const struct block_group *to)
{
    return (uint64_t)(to >= from ? to - from : (to - place->first) + (place->end - from));
}

/* A block that passed `group` and stands in `other`; NULL: none does. */
static struct block_slot *find_passer(const struct place *place, const struct block_group *group,
                                      struct block_group *other)
{
    uint32_t group_count = (uint32_t)(place->end - place->first);
    for (uint64_t used = other->word & EACH_IN_USE; used != 0; used &= used - 1) {
        struct block_slot *slot = &other->slots[lowest_slot(used)];
        struct place own = place_in(place->first, group_count, live_blocks_hash(slot_address(slot)));
        if (distance(place, own.home, other) >= distance(place, group, other))
            return slot;
    }
    return NULL;
}

static void free_slot(struct block_group *group, const struct block_slot *slot)
{
    group->word &= ~(UINT64_C(0xff) << 8 * (slot - group->slots));
}

/* A group that was full has room again: a block that passed it comes back, and one that passed
 * where that stood takes its place, and so on. Else blocks that come and go would in time stand
 * ever further from their homes. */
static __attribute__((noinline)) void call_back(const struct place *place,
                                                struct block_group *group)
{
    struct block_group *other = next_group(place, group);
    for (; other != group; other = next_group(place, other)) {
        struct block_slot *slot = find_passer(place, group, other);
        if (slot) {
            put_into_group(group, tag_of(live_blocks_hash(slot_address(slot))), slot);
            change_overflow(place, group, other, -ONE_OVERFLOW);
            free_slot(other, slot);
            group = other;
        }
        if (overflow_of(other) == 0)
            return;
    }
}

/* ---- areas -------------------------------------------------------------------------------- */

static uint64_t area_bytes(const struct live_blocks *table, const struct block_area *area)
{
    return (uint64_t)area->group_count * table->segment_count * sizeof *area->groups;
}

static void open_area(const struct live_blocks *table, struct block_area *area, uint64_t groups)
{
    area->group_count = (uint32_t)groups;
    area->groups = page_memory_reserve(area_bytes(table, area));
}

static void close_areas(struct live_blocks *table)
{
    for (int i = 0; i < 2; i++)
        page_memory_release(table->areas[i].groups, area_bytes(table, &table->areas[i]));
}

static uint64_t segment_slots(const struct block_area *area)
{
    return (uint64_t)area->group_count * GROUP_SLOTS;
}

static uint64_t slot_count(const struct live_blocks *table)
{
    return table->moved_count * segment_slots(&table->areas[1]) +
           (table->segment_count - table->moved_count) * segment_slots(&table->areas[0]);
}

static bool is_shrinking(const struct live_blocks *table)
{
    return table->moved_count != 0 && table->areas[1].group_count < table->areas[0].group_count;
}

/* While it shrinks, the segments that have moved are the fullest. */
static void set_limits(struct live_blocks *table)
{
    uint64_t slots = slot_count(table), limit = LOAD_OF(slots);
    uint64_t smallest = SEGMENT_LOAD_OF(segment_slots(&table->areas[1]) * table->segment_count);
    table->limit = is_shrinking(table) && smallest < limit ? smallest : limit;
    table->least = slots > KEPT_SLOTS ? slots / 8 : 0;
}

static struct block_group *segment_start(const struct block_area *area, uint64_t segment)
{
    return area->groups + segment * area->group_count;
}

static inline struct place place_of(const struct live_blocks *table, uint64_t hash)
{
    uint64_t segment = hash & (table->segment_count - 1);
    const struct block_area *area = &table->areas[segment < table->moved_count];
    return place_in(segment_start(area, segment), area->group_count, hash);
}

/* Copies a segment to its place in another area. Blocks come about in the order of their homes, so
 * both sides go from front to back. False: it has no room there. */
static bool copy_segment(struct block_group *from, uint32_t group_count, struct live_blocks *to,
                         const struct block_area *area)
{
    for (uint32_t i = 0; i < group_count; i++) {
        uint64_t used = from[i].word & EACH_IN_USE;
        for (; used != 0; used &= used - 1) {
            const struct block_slot *slot = &from[i].slots[lowest_slot(used)];
            uint64_t hash = live_blocks_hash(slot_address(slot));
            struct place place = area
                                     ? place_in(segment_start(area, hash & (to->segment_count - 1)),
                                                area->group_count, hash)
                                     : place_of(to, hash);
            if (!put_new(&place, hash, slot))
                return false;
        }
    }
    return true;
}

static struct block_group *groups_of(const struct live_blocks *table, uint32_t segment,
                                     uint32_t *count)
{
    const struct block_area *area = &table->areas[segment < table->moved_count];
    *count = area->group_count;
    return segment_start(area, segment);
}

static bool fill_anew(struct live_blocks *table, const struct live_blocks *old, uint64_t groups,
                      uint32_t segments)
{
    *table = (struct live_blocks){.segment_count = segments, .count = old->count};
    open_area(table, &table->areas[0], groups / segments + 1);
    for (uint32_t i = 0, count; i < old->segment_count; i++) {
        struct block_group *from = groups_of(old, i, &count);
        if (!copy_segment(from, count, table, NULL)) {
            close_areas(table);
            return false;
        }
    }
    set_limits(table);
    return true;
}

/* All at once. Addresses that were chosen to stand in one segment make that one too full: then the
 * table becomes slow, and not large. */
static void rebuild(struct live_blocks *table, uint64_t groups)
{
    struct live_blocks old = *table;
    uint32_t segments = old.count < LIVE_BLOCKS_SPLIT_COUNT ? 1 : LIVE_BLOCKS_SEGMENTS;
    if (!fill_anew(table, &old, groups, segments))
        fill_anew(table, &old, groups, 1);
    close_areas(&old);
}

static uint64_t all_groups(const struct live_blocks *table)
{
    return slot_count(table) / GROUP_SLOTS;
}

/* The next segment moves. */
static void move_segment(struct live_blocks *table)
{
    struct block_area *from = &table->areas[0], *to = &table->areas[1];
    uint32_t segment = table->moved_count;
    if (!copy_segment(segment_start(from, segment), from->group_count, table, to)) {
        rebuild(table, all_groups(table) * 2);
        return;
    }
    table->moved_count++;
    page_memory_drop(from->groups, segment_start(from, table->moved_count));
    if (table->moved_count == table->segment_count) {
        page_memory_release(from->groups, area_bytes(table, from));
        *from = *to;
        *to = (struct block_area){0};
        table->moved_count = 0;
    }
    set_limits(table);
}

static __attribute__((noinline)) void grow(struct live_blocks *table)
{
    uint32_t groups = table->areas[0].group_count;
    if (table->segment_count != LIVE_BLOCKS_SEGMENTS || is_shrinking(table)) {
        uint64_t wanted = table->count / GROUP_SLOTS * 3;
        rebuild(table, wanted > FIRST_GROUPS ? wanted : FIRST_GROUPS);
        return;
    }
    if (table->moved_count == 0)
        open_area(table, &table->areas[1], groups + groups / 4 + 1);
    move_segment(table);
}

/* A table that was large once gives its memory back. */
static __attribute__((noinline)) void shrink(struct live_blocks *table)
{
    if (table->segment_count != LIVE_BLOCKS_SEGMENTS ||
        table->count < LIVE_BLOCKS_SPLIT_COUNT / 2) {
        rebuild(table, all_groups(table) / 3);
        return;
    }
    if (table->moved_count == 0)
        open_area(table, &table->areas[1], table->areas[0].group_count / 3 + 1);
    move_segment(table);
}

/* ---- the table ---------------------------------------------------------------------------- */

void live_blocks_clear(struct live_blocks *table)
{
    close_areas(table);
    *table = (struct live_blocks){0};
}

bool live_blocks_find(const struct live_blocks *table, uint64_t address, struct block *block)
{
    return live_blocks_find_hashed(table, address, live_blocks_hash(address), block);
}

bool live_blocks_find_hashed(const struct live_blocks *table, uint64_t address, uint64_t hash,
                             struct block *block)
{
    if (table->count == 0)
        return false;
    struct place place = place_of(table, hash);
    struct block_group *group;
    const struct block_slot *slot = find_slot(&place, hash, address, &group);
    if (slot && block)
        *block = unpack(slot);
    return slot;
}

bool live_blocks_put(struct live_blocks *table, const struct block *block, struct block *old)
{
    if (table->count >= table->limit)
        grow(table);
    uint64_t hash = live_blocks_hash(block->address);
    struct place place = place_of(table, hash);
    struct block_slot packed = pack(block);
    struct block_group *group;
    struct block_slot *slot = find_slot(&place, hash, block->address, &group);
    if (slot) {
        *old = unpack(slot);
        *slot = packed;
        return true;
    }
    while (!put_new(&place, hash, &packed)) {
        rebuild(table, all_groups(table) * 2);
        place = place_of(table, hash);
    }
    table->count++;
    return false;
}

bool live_blocks_add(struct live_blocks *table, const struct block *block, uint64_t hash)
{
    if (table->count >= table->limit)
        return false;
    struct place place = place_of(table, hash);
    struct block_slot packed = pack(block);
    struct block_group *group;
    if (find_slot(&place, hash, block->address, &group) || !put_new(&place, hash, &packed))
        return false;
    table->count++;
    return true;
}

bool live_blocks_take(struct live_blocks *table, uint64_t address, uint64_t hash,
                      uint64_t latest_birth_ns, struct block *old)
{
    if (table->count == 0)
        return false;
    struct place place = place_of(table, hash);
    struct block_group *group;
    const struct block_slot *slot = find_slot(&place, hash, address, &group);
    if (!slot)
        return false;
    *old = unpack(slot);
    if (old->birth_ns > latest_birth_ns)
        return false;
    free_slot(group, slot);
    change_overflow(&place, place.home, group, -ONE_OVERFLOW);
    if (overflow_of(group) != 0)
        call_back(&place, group);
    table->count--;
    if (table->count < table->least)
        shrink(table);
    return true;
}

bool live_blocks_remove(struct live_blocks *table, uint64_t address, struct block *old)
{
    struct block removed;
    if (!live_blocks_take(table, address, live_blocks_hash(address), UINT64_MAX, &removed))
        return false;
    if (old)
        *old = removed;
    return true;
}

void live_blocks_prefetch(const struct live_blocks *table, uint64_t hash)
{
    if (table->segment_count == 0)
        return;
    const struct block_group *home = place_of(table, hash).home;
    __builtin_prefetch(home, 1);
    __builtin_prefetch(&home->slots[3], 1); /* the other line */
}

void live_blocks_prefetch_further(const struct live_blocks *table, uint64_t hash)
{
    if (table->segment_count == 0)
        return;
    struct place place = place_of(table, hash);
    if (overflow_of(place.home) != 0 || free_slots(place.home) == 0) {
        const struct block_group *next = next_group(&place, place.home);
        __builtin_prefetch(next, 1);
        __builtin_prefetch(&next->slots[3], 1);
    }
}

bool live_blocks_next(const struct live_blocks *table, struct live_blocks_cursor *cursor,
                      struct block *block)
{
    for (; cursor->segment < table->segment_count; cursor->segment++, cursor->group = 0) {
        uint32_t count;
        const struct block_group *groups = groups_of(table, cursor->segment, &count);
        for (; cursor->group < count; cursor->group++, cursor->slot = 0) {
            while (cursor->slot < GROUP_SLOTS) {
                unsigned slot = cursor->slot++;
                if ((groups[cursor->group].word >> 8 * slot & 0x80) != 0) {
                    *block = unpack(&groups[cursor->group].slots[slot]);
                    return true;
                }
            }
        }
    }
    return false;
}

uint64_t live_blocks_own_bytes(const struct live_blocks *table)
{
    return all_groups(table) * sizeof(struct block_group);
}
