#include "symbols/known_answers.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/text.h"

#define MAGIC UINT64_C(0x31534d414e504553) /* "SEPNAMS1" */

enum {
    MOST_BYTES = 16 << 20, /* beyond, nothing is added */
    MOST_TEXT_BYTES = 1 << 20
};

struct file_header {
    uint64_t magic;
    uint32_t identity_bytes;
    uint32_t check; /* CRC-32 of the records */
};

enum record_kind {
    RECORD_LOCATIONS = 1, /* key[0]: offset; `count` locations, then their texts */
    RECORD_CALLS = 2,     /* key: a known_pair; `count` calls */
    RECORD_DETAIL = 3     /* key[0]: the detail; key[1]: bytes of the reason, which follows */
};

struct record_head {
    uint32_t kind;
    uint32_t count;
    uint64_t key[3];
};

struct location_words {
    uint32_t has_function, function_bytes;
    uint32_t has_file, file_bytes;
    uint32_t line, is_inlined;
};

struct call_words {
    uint64_t offset;
    uint32_t is_of_callee, is_exact;
};

struct known_answers {
    char *identity;
    char *name;            /* of the file */
    struct text records;   /* those of the file, and behind them what is new */
    struct hash_map found; /* offset to where its record is */
    struct hash_map calls; /* hash of a pair to where its record is */
    size_t detail_at;      /* SIZE_MAX = not known */
    bool has_news;
};

/* ---- reading records ---------------------------------------------------------------------- */

struct cursor {
    const char *bytes;
    size_t at, count;
};

static bool take(struct cursor *cursor, void *bytes, size_t count)
{
    if (cursor->count - cursor->at < count)
        return false;
    memcpy(bytes, cursor->bytes + cursor->at, count);
    cursor->at += count;
    return true;
}

static bool take_text(struct cursor *cursor, uint32_t has, uint32_t count, struct known_text *text)
{
    *text = (struct known_text){NULL, 0};
    if (count > MOST_TEXT_BYTES || cursor->count - cursor->at < count)
        return false;
    if (has != 0)
        *text = (struct known_text){cursor->bytes + cursor->at, count};
    cursor->at += count;
    return true;
}

static bool take_locations(struct cursor *cursor, size_t count,
                           struct known_location locations[KNOWN_LOCATIONS_MOST])
{
    struct location_words words[KNOWN_LOCATIONS_MOST];
    if (count > KNOWN_LOCATIONS_MOST || !take(cursor, words, count * sizeof *words))
        return false;
    for (size_t i = 0; i < count; i++) {
        locations[i].line = words[i].line;
        locations[i].is_inlined = words[i].is_inlined != 0;
        if (!take_text(cursor, words[i].has_function, words[i].function_bytes,
                       &locations[i].function) ||
            !take_text(cursor, words[i].has_file, words[i].file_bytes, &locations[i].file))
            return false;
    }
    return true;
}

static bool take_calls(struct cursor *cursor, size_t count,
                       struct known_call calls[KNOWN_CALLS_MOST])
{
    struct call_words words[KNOWN_CALLS_MOST];
    if (count > KNOWN_CALLS_MOST || !take(cursor, words, count * sizeof *words))
        return false;
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct known_call){words[i].is_of_callee != 0, words[i].is_exact != 0,
                                       words[i].offset};
    return true;
}

static uint64_t hash_pair(const uint64_t key[3])
{
    return hash_mix(key[0] + hash_mix(key[1] + hash_mix(key[2])));
}

/* Steps over a record, which it makes known; false: it is none. */
static bool learn(struct known_answers *answers, struct cursor *cursor)
{
    struct known_location locations[KNOWN_LOCATIONS_MOST];
    struct known_call calls[KNOWN_CALLS_MOST];
    struct known_text reason;
    struct record_head head;
    size_t begin = cursor->at;
    if (!take(cursor, &head, sizeof head))
        return false;
    if (head.kind == RECORD_LOCATIONS) {
        *hash_map_put(&answers->found, head.key[0], NULL) = begin;
        return take_locations(cursor, head.count, locations);
    }
    if (head.kind == RECORD_CALLS) {
        *hash_map_put(&answers->calls, hash_pair(head.key), NULL) = begin;
        return take_calls(cursor, head.count, calls);
    }
    answers->detail_at = begin;
    return head.kind == RECORD_DETAIL && head.key[0] >= SYMBOLIZER_NOTHING &&
           head.key[0] <= SYMBOLIZER_LINES && head.key[1] <= MOST_TEXT_BYTES &&
           take_text(cursor, 1, (uint32_t)head.key[1], &reason);
}

static void forget(struct known_answers *answers)
{
    hash_map_clear(&answers->found);
    hash_map_clear(&answers->calls);
    text_clear(&answers->records);
    answers->detail_at = SIZE_MAX;
}

static bool is_sound(const struct known_answers *answers, const char *file, size_t bytes)
{
    struct file_header header;
    size_t identity_bytes = strlen(answers->identity);
    if (bytes < sizeof header || bytes > 2 * (size_t)MOST_BYTES)
        return false;
    memcpy(&header, file, sizeof header);
    size_t begin = sizeof header + identity_bytes;
    return header.magic == MAGIC && header.identity_bytes == identity_bytes && begin <= bytes &&
           memcmp(file + sizeof header, answers->identity, identity_bytes) == 0 &&
           libdeflate_crc32(0, file + begin, bytes - begin) == header.check;
}

static void read_file(struct known_answers *answers, const struct file_cache *cache)
{
    size_t bytes;
    char *file = file_cache_map(cache, answers->name, &bytes);
    if (file == NULL)
        return;
    if (is_sound(answers, file, bytes)) {
        size_t begin = sizeof(struct file_header) + strlen(answers->identity);
        text_add_bytes(&answers->records, file + begin, bytes - begin);
    }
    munmap(file, bytes);
    struct cursor cursor = {text_get(&answers->records), 0, answers->records.count};
    while (cursor.at < cursor.count)
        if (!learn(answers, &cursor)) {
            forget(answers);
            return;
        }
}

struct known_answers *known_answers_open(const struct file_cache *cache, const char *identity)
{
    struct known_answers *answers = memory_allocate_zeroed(1, sizeof *answers);
    size_t bytes = strlen(identity);
    answers->identity = memory_duplicate_text(identity);
    answers->name = memory_print_text("%016llx%016llx.names",
                                      (unsigned long long)hash_bytes(identity, bytes, 1),
                                      (unsigned long long)hash_bytes(identity, bytes, 2));
    answers->detail_at = SIZE_MAX;
    read_file(answers, cache);
    return answers;
}

void known_answers_close(struct known_answers *answers)
{
    if (answers == NULL)
        return;
    forget(answers);
    free(answers->identity);
    free(answers->name);
    free(answers);
}

void known_answers_keep(struct known_answers *answers, const struct file_cache *cache)
{
    if (!answers->has_news)
        return;
    const char *records = text_get(&answers->records);
    size_t count = answers->records.count;
    struct file_header header = {MAGIC, (uint32_t)strlen(answers->identity),
                                 libdeflate_crc32(0, records, count)};
    const struct iovec pieces[] = {{&header, sizeof header},
                                   {answers->identity, header.identity_bytes},
                                   {(void *)records, count}};
    file_cache_store(cache, answers->name, pieces, sizeof pieces / sizeof *pieces);
    answers->has_news = false;
}

/* ---- adding --------------------------------------------------------------------------------- */

/* False: there is enough. */
static bool begin_record(struct known_answers *answers, const struct record_head *head)
{
    if (answers->records.count > MOST_BYTES)
        return false;
    text_add_bytes(&answers->records, (const char *)head, sizeof *head);
    answers->has_news = true;
    return true;
}

static uint32_t text_bytes(const char *text)
{
    return text != NULL ? (uint32_t)strlen(text) : 0;
}

static bool fits(const char *text)
{
    return text == NULL || strlen(text) <= MOST_TEXT_BYTES;
}

static void add_text(struct known_answers *answers, const char *text)
{
    if (text != NULL)
        text_add(&answers->records, text);
}

void known_answers_add(struct known_answers *answers, uint64_t offset,
                       const struct source_location *locations, size_t count)
{
    const struct record_head head = {RECORD_LOCATIONS, (uint32_t)count, {offset, 0, 0}};
    size_t begin = answers->records.count;
    if (count > KNOWN_LOCATIONS_MOST)
        return;
    for (size_t i = 0; i < count; i++)
        if (!fits(locations[i].function) || !fits(locations[i].file))
            return;
    if (!begin_record(answers, &head))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct source_location *location = &locations[i];
        const struct location_words words = {location->function != NULL,
                                             text_bytes(location->function),
                                             location->file != NULL,
                                             text_bytes(location->file),
                                             location->line,
                                             location->is_inlined};
        text_add_bytes(&answers->records, (const char *)&words, sizeof words);
    }
    for (size_t i = 0; i < count; i++) {
        add_text(answers, locations[i].function);
        add_text(answers, locations[i].file);
    }
    *hash_map_put(&answers->found, offset, NULL) = begin;
}

void known_answers_add_calls(struct known_answers *answers, const struct known_pair *pair,
                             const struct known_call *calls, size_t count)
{
    const struct record_head head = {
        RECORD_CALLS,
        (uint32_t)count,
        {pair->return_offset, pair->callee_identity, pair->callee_offset}};
    size_t begin = answers->records.count;
    if (count > KNOWN_CALLS_MOST || !begin_record(answers, &head))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct call_words words = {calls[i].offset, calls[i].is_of_callee, calls[i].is_exact};
        text_add_bytes(&answers->records, (const char *)&words, sizeof words);
    }
    *hash_map_put(&answers->calls, hash_pair(head.key), NULL) = begin;
}

void known_answers_set_detail(struct known_answers *answers, enum symbolizer_detail detail,
                              const char *reason)
{
    const struct record_head head = {RECORD_DETAIL, 0, {detail, strlen(reason), 0}};
    size_t begin = answers->records.count;
    if (!fits(reason) || !begin_record(answers, &head))
        return;
    text_add(&answers->records, reason);
    answers->detail_at = begin;
}

/* ---- asking --------------------------------------------------------------------------------- */

static struct cursor cursor_at(const struct known_answers *answers, size_t at)
{
    return (struct cursor){text_get(&answers->records), at, answers->records.count};
}

bool known_answers_find(const struct known_answers *answers, uint64_t offset,
                        struct known_location locations[KNOWN_LOCATIONS_MOST], size_t *count)
{
    const uint64_t *at = hash_map_find(&answers->found, offset);
    struct record_head head;
    if (at == NULL)
        return false;
    struct cursor cursor = cursor_at(answers, *at);
    if (!take(&cursor, &head, sizeof head) || !take_locations(&cursor, head.count, locations))
        return false;
    *count = head.count;
    return true;
}

bool known_answers_find_calls(const struct known_answers *answers, const struct known_pair *pair,
                              struct known_call calls[KNOWN_CALLS_MOST], size_t *count)
{
    const uint64_t key[3] = {pair->return_offset, pair->callee_identity, pair->callee_offset};
    const uint64_t *at = hash_map_find(&answers->calls, hash_pair(key));
    struct record_head head;
    if (at == NULL)
        return false;
    struct cursor cursor = cursor_at(answers, *at);
    if (!take(&cursor, &head, sizeof head) || memcmp(head.key, key, sizeof key) != 0 ||
        !take_calls(&cursor, head.count, calls))
        return false;
    *count = head.count;
    return true;
}

bool known_answers_detail(const struct known_answers *answers, enum symbolizer_detail *detail,
                          struct known_text *reason)
{
    struct record_head head;
    if (answers->detail_at == SIZE_MAX)
        return false;
    struct cursor cursor = cursor_at(answers, answers->detail_at);
    if (!take(&cursor, &head, sizeof head) || !take_text(&cursor, 1, (uint32_t)head.key[1], reason))
        return false;
    *detail = (enum symbolizer_detail)head.key[0];
    return true;
}
