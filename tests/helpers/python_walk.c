/* Prints what seep sees of a stopped CPython process, for tests that compare it with what the
 * process says of itself:
 *
 *     python_walk PID            of a process
 *     python_walk PID IMAGE      the same, and keeps what was read of it in a file
 *     python_walk --replay IMAGE of such a file
 *     python_walk --damage IMAGE SEED RUNS
 *                                of such a file, RUNS times, each time damaged in another way and
 *                                with all that is read of Python; prints how many were not refused,
 *                                and of how many several threads see something else than one;
 *                                run 0 is of the file as it is
 *
 * An image is compressed by zlib: the size of /proc/PID/maps in 8 bytes, its text, then pages: 8
 * bytes of address and 4096 of content each.
 *
 *     class SIZE POOLS USED FREE      as sys._debugmallocstats has them
 *     object ADDRESS TYPE             a + behind ADDRESS: the collector knows it
 *     garbage ADDRESS TYPE
 *     refused WHY, note WHAT
 *
 * Of PyPy:
 *
 *     heap ARENAS and bytes: USED BY-ITS-OWN-COUNT LARGE BY-ITS-OWN-COUNT NURSERY
 *     unsure BLOCKS PAGES MOVED-OBJECTS IS-COLLECTING
 *     old|large|young ADDRESS TYPE BYTES REFERENCES THEIR-SUM NAME
 *                                     a + behind the first word: something refers to it */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/text.h"
#include "recording/record_codec.h"
#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/objects.h"
#include "runtimes/python_runtimes.h"

#include "pypy_walk.h"

static void print_class(const struct obmalloc *arenas, size_t position)
{
    const struct obmalloc_class *class = &arenas->classes[position];
    if (class->pools > 0)
        printf("class %zu %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
               (position + 1) * OBMALLOC_ALIGNMENT, class->pools, class->used_blocks,
               class->free_blocks);
}

static void print_objects(struct cpython_objects *objects, const struct cpython_garbage *garbage)
{
    for (uint32_t i = 0; i < cpython_objects_count(objects); i++) {
        if (!cpython_objects_is_object(objects, i))
            continue;
        const char *type = objects->types.items[cpython_objects_type(objects, i)].name;
        uint64_t address = cpython_objects_address(objects, i);
        printf("object %" PRIx64 "%s %s\n", address,
               cpython_objects_is_tracked(objects, i) ? "+" : "", type);
        if (cpython_garbage_has(garbage, i))
            printf("garbage %" PRIx64 " %s\n", address, type);
    }
}

static int walk(struct cpython *python)
{
    struct obmalloc arenas;
    struct cpython_team team;
    struct cpython_objects objects;
    struct cpython_garbage garbage;
    char reason[256] = "";
    if (!obmalloc_read(&arenas, python, reason, sizeof reason)) {
        printf("refused %s\n", reason);
        obmalloc_clear(&arenas);
        return 0;
    }
    printf("arenas %zu torn %" PRIu64 "\n", arenas.arena_count, arenas.torn_pools);
    for (size_t i = 0; i < OBMALLOC_CLASSES; i++)
        print_class(&arenas, i);
    cpython_team_init(&team, python, 1, arenas.block_count);
    if (cpython_objects_read(&objects, &team, &arenas, reason, sizeof reason)) {
        cpython_objects_find_storage(&objects);
        cpython_garbage_find(&garbage, &objects);
        printf("unknown %" PRIu64 " of %" PRIu64 ", negative %" PRIu64 "\n", objects.unknown_blocks,
               arenas.block_count, garbage.negative_count);
        print_objects(&objects, &garbage);
        cpython_garbage_clear(&garbage);
    }
    cpython_objects_clear(&objects);
    cpython_team_clear(&team);
    obmalloc_clear(&arenas);
    return 0;
}

/* ---- images ---- */

enum {
    PAGE_BYTES = 4096,
    KEPT_BYTES_MOST = 1 << 20,
    MAPS_BYTES_MAX = 1 << 20
};

struct image_page {
    uint64_t address;
    uint8_t bytes[PAGE_BYTES];
};

/* What was read of a process, or what is read instead of one. */
struct image {
    struct target_memory process; /* unused in a replay */
    struct hash_map index;        /* page's address to position */
    struct image_page *pages;
    size_t count, capacity;
    char *maps;
    uint64_t maps_bytes;
};

static struct image_page *add_page(struct image *image, uint64_t address)
{
    image->pages = memory_grow(image->pages, &image->capacity, image->count + 1,
                               sizeof *image->pages);
    *hash_map_put(&image->index, address, NULL) = image->count;
    image->pages[image->count].address = address;
    return &image->pages[image->count++];
}

/* All but what is searched from end to end: what is found there is read once more. */
static size_t read_and_keep(void *context, uint64_t address, void *bytes, size_t count)
{
    struct image *image = context;
    size_t got = image->process.read(image->process.context, address, bytes, count);
    if (count > KEPT_BYTES_MOST)
        return got;
    for (uint64_t page = address & ~(uint64_t)(PAGE_BYTES - 1); page < address + got;
         page += PAGE_BYTES)
        if (hash_map_find(&image->index, page) == NULL) {
            struct image_page kept;
            if (image->process.read(image->process.context, page, kept.bytes, PAGE_BYTES) ==
                PAGE_BYTES)
                memcpy(add_page(image, page)->bytes, kept.bytes, PAGE_BYTES);
        }
    return got;
}

static size_t read_image(void *context, uint64_t address, void *bytes, size_t count)
{
    const struct image *image = context;
    size_t done = 0;
    while (done < count) {
        uint64_t at = address + done, offset = at & (PAGE_BYTES - 1);
        const uint64_t *position = hash_map_find(&image->index, at - offset);
        size_t part = PAGE_BYTES - offset < count - done ? PAGE_BYTES - offset : count - done;
        if (position == NULL || *position >= image->count)
            break;
        memcpy((uint8_t *)bytes + done, image->pages[*position].bytes + offset, part);
        done += part;
    }
    return done;
}

static bool read_maps(struct image *image, uint32_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    FILE *file = fopen(path, "r");
    image->maps = memory_allocate_zeroed(MAPS_BYTES_MAX + 1, 1);
    if (file != NULL) {
        image->maps_bytes = fread(image->maps, 1, MAPS_BYTES_MAX, file);
        fclose(file);
    }
    return image->maps_bytes > 0;
}

static bool save(const struct image *image, const char *path)
{
    gzFile file = gzopen(path, "wb9");
    if (file == NULL)
        return false;
    bool is_good = gzwrite(file, &image->maps_bytes, 8) == 8 &&
                   gzwrite(file, image->maps, (unsigned)image->maps_bytes) ==
                       (int)image->maps_bytes;
    for (size_t i = 0; is_good && i < image->count; i++)
        is_good = gzwrite(file, &image->pages[i], sizeof image->pages[i]) ==
                  (int)sizeof image->pages[i];
    return gzclose(file) == Z_OK && is_good;
}

static bool load(struct image *image, const char *path)
{
    struct image_page page;
    gzFile file = gzopen(path, "rb");
    if (file == NULL)
        return false;
    image->maps = memory_allocate_zeroed(MAPS_BYTES_MAX + 1, 1);
    bool is_good = gzread(file, &image->maps_bytes, 8) == 8 &&
                   image->maps_bytes <= MAPS_BYTES_MAX &&
                   gzread(file, image->maps, (unsigned)image->maps_bytes) == (int)image->maps_bytes;
    while (is_good && gzread(file, &page, sizeof page) == (int)sizeof page)
        memcpy(add_page(image, page.address)->bytes, page.bytes, PAGE_BYTES);
    gzclose(file);
    return is_good;
}

/* ---- both ---- */

static int locate_and_walk(const struct target_memory *memory,
                           const struct target_mappings *mappings)
{
    struct target_modules modules;
    struct memory_view view;
    struct cpython python;
    char reason[256] = "";
    struct word_cache *words = word_cache_create(memory);
    target_modules_find(&modules, mappings, words);
    memory_view_init(&view, memory, (size_t)64 << 20);
    enum cpython_presence presence = cpython_locate(&python, &view, mappings, &modules, words,
                                                    reason, sizeof reason);
    int status = 0;
    if (presence == CPYTHON_FOUND)
        status = walk(&python);
    else if (presence == CPYTHON_REFUSED || !pypy_walk(memory, mappings))
        printf("refused %s\n", presence == CPYTHON_ABSENT ? "no CPython" : reason);
    memory_view_clear(&view);
    target_modules_clear(&modules);
    word_cache_destroy(words);
    return status;
}

static int walk_process(uint32_t pid, const char *path, struct image *image)
{
    struct error error = {""};
    struct target_mappings mappings = {0};
    struct target_process *process = target_process_open(pid, &error);
    if (process == NULL || !read_maps(image, pid)) {
        fprintf(stderr, "python_walk: cannot read process %u %s\n", pid, error.message);
        target_process_close(process);
        return 1;
    }
    target_mappings_parse(&mappings, image->maps);
    image->process = target_process_memory(process);
    struct target_memory memory = {.read = read_and_keep, .context = image};
    int status = locate_and_walk(path != NULL ? &memory : &image->process, &mappings);
    if (path != NULL && !save(image, path)) {
        fprintf(stderr, "python_walk: cannot write %s\n", path);
        status = 1;
    }
    target_mappings_clear(&mappings);
    target_process_close(process);
    return status;
}

static int replay(const char *path, struct image *image)
{
    struct target_mappings mappings = {0};
    struct target_memory memory = {.read = read_image, .context = image};
    if (!load(image, path)) {
        fprintf(stderr, "python_walk: cannot read %s\n", path);
        return 1;
    }
    target_mappings_parse(&mappings, image->maps);
    int status = locate_and_walk(&memory, &mappings);
    target_mappings_clear(&mappings);
    return status;
}

/* ---- damage ---- */

enum {
    DAMAGES_MOST_LOG2 = 13,
    WORDS_OF_PAGE = PAGE_BYTES / 8
};

/* Of a seed; the constants are those of SplitMix64. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ mixed >> 31) % below;
}

static uint8_t *draw_word(struct image *image, uint64_t *random)
{
    return image->pages[draw(random, image->count)].bytes + 8 * draw(random, WORDS_OF_PAGE);
}

/* What a word may become: other numbers, an address of elsewhere or of itself. */
static uint64_t draw_value(struct image *image, uint64_t old, uint64_t *random)
{
    const struct image_page *page = &image->pages[draw(random, image->count)];
    uint64_t other;
    switch (draw(random, 8)) {
    case 0:
        return draw(random, 2) - 1;
    case 1:
        return draw(random, 1 << 12);
    case 2:
        return UINT64_C(1) << draw(random, 64);
    case 3:
        return old + 8 * draw(random, 64) - 256;
    case 4:
        return old ^ UINT64_C(1) << draw(random, 64);
    case 5:
        return page->address + 16 * draw(random, PAGE_BYTES / 16);
    case 6:
        return draw(random, UINT64_MAX);
    default:
        memcpy(&other, draw_word(image, random), sizeof other);
        return other;
    }
}

/* Every word that holds a pointer is more worth its damage than zeroes are. */
static void damage_one(struct image *image, uint64_t *random)
{
    uint64_t word = 0;
    uint8_t *place = NULL;
    for (size_t tries = 0; tries < 8 && word == 0; tries++) {
        place = draw_word(image, random);
        memcpy(&word, place, sizeof word);
    }
    if (draw(random, 4) == 0)
        place[draw(random, sizeof word)] = (uint8_t)draw(random, 256);
    else {
        word = draw_value(image, word, random);
        memcpy(place, &word, sizeof word);
    }
}

/* A few places, or thousands; and sometimes a page that is not there any more. */
static void damage(struct image *image, uint64_t *random)
{
    uint64_t count = draw(random, UINT64_C(1) << draw(random, DAMAGES_MOST_LOG2 + 1)) + 1;
    for (uint64_t i = 0; i < count; i++)
        damage_one(image, random);
    for (uint64_t lost = draw(random, 4); lost > 1; lost--) {
        uint64_t page = image->pages[draw(random, image->count)].address;
        *hash_map_put(&image->index, page, NULL) = image->count;
    }
}

enum {
    MANY_THREADS = 3
};

static void add_record(void *context, enum recording_kind kind, const void *record)
{
    record_encode(record_kind_find(kind), record, context);
}

/* All that is read of Python, as it would be recorded. */
static bool read_as_records(const struct target_memory *memory,
                            const struct target_mappings *mappings, size_t threads,
                            struct text *records)
{
    struct python_heap heap = {0};
    const struct python_runtimes_input input = {
        .memory = memory, .mappings = mappings, .read_threads = threads};
    python_runtimes_read(&input, &heap);
    bool is_read = heap.is_read;
    python_heap_write(&heap, 1, add_record, records);
    python_heap_clear(&heap);
    return is_read;
}

/* By one thread, and by several: both see the same. */
static bool read_damaged(struct image *image, const struct target_mappings *mappings, bool *is_same)
{
    const struct target_memory memory = {
        .read = read_image, .is_shareable = true, .context = image};
    struct text one = {0}, several = {0};
    bool is_read = read_as_records(&memory, mappings, 1, &one);
    read_as_records(&memory, mappings, MANY_THREADS, &several);
    *is_same = one.count == several.count &&
               memcmp(text_get(&one), text_get(&several), one.count) == 0;
    text_clear(&one);
    text_clear(&several);
    return is_read;
}

static int replay_damaged(const char *path, struct image *image, uint64_t seed, uint64_t runs)
{
    struct target_mappings mappings = {0};
    if (!load(image, path) || image->count == 0) {
        fprintf(stderr, "python_walk: cannot read %s\n", path);
        return 1;
    }
    target_mappings_parse(&mappings, image->maps);
    size_t bytes = image->count * sizeof *image->pages;
    struct image_page *whole = memory_allocate(bytes);
    memcpy(whole, image->pages, bytes);
    uint64_t read = 0, differing = 0;
    for (uint64_t run = seed; run < seed + runs; run++) {
        uint64_t random = run;
        bool is_same;
        if (run != 0)
            damage(image, &random);
        fprintf(stderr, "run %" PRIu64 "\n", run);
        read += read_damaged(image, &mappings, &is_same);
        differing += !is_same;
        memcpy(image->pages, whole, bytes);
        for (size_t i = 0; i < image->count; i++)
            *hash_map_put(&image->index, image->pages[i].address, NULL) = i;
    }
    printf("%" PRIu64 " not the same by several threads; read %" PRIu64 " of %" PRIu64 "\n",
           differing, read, runs);
    free(whole);
    target_mappings_clear(&mappings);
    return 0;
}

int main(int argument_count, char **arguments)
{
    struct image image = {0};
    int status = 2;
    if (argument_count == 3 && strcmp(arguments[1], "--replay") == 0)
        status = replay(arguments[2], &image);
    else if (argument_count == 5 && strcmp(arguments[1], "--damage") == 0)
        status = replay_damaged(arguments[2], &image, strtoull(arguments[3], NULL, 10),
                                strtoull(arguments[4], NULL, 10));
    else if (argument_count == 2 || argument_count == 3)
        status = walk_process((uint32_t)strtoul(arguments[1], NULL, 10), arguments[2], &image);
    else
        fprintf(stderr, "usage: python_walk PID [IMAGE] | python_walk --replay IMAGE\n"
                        "       python_walk --damage IMAGE SEED RUNS\n");
    hash_map_clear(&image.index);
    free(image.pages);
    free(image.maps);
    return status;
}
