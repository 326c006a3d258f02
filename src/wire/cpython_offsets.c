#include "wire/cpython_offsets.h"

#include <string.h>

enum {
    VERSIONS = CPYTHON_NEWEST_MINOR - CPYTHON_OLDEST_MINOR + 1,
    /* From here on _PyRuntime has a table of its own. */
    FIRST_WITH_WORDS = 13,
    RELEASE_CANDIDATE = 0xc,
    OFFSET_LIMIT = 1 << 24
};

struct field {
    const char *name;
    uint32_t offsets[VERSIONS];
    uint8_t words[CPYTHON_NEWEST_MINOR - FIRST_WITH_WORDS + 1];
};

static const struct field fields[] = {
#define CPYTHON_ROW(name, v38, v39, v310, v311, v312, v313, v314, word313, word314)                \
    {#name, {v38, v39, v310, v311, v312, v313, v314}, {word313, word314}},
    CPYTHON_FIELDS(CPYTHON_ROW)
#undef CPYTHON_ROW
};

enum {
    FIELDS = sizeof fields / sizeof fields[0]
};
_Static_assert(sizeof(struct cpython_offsets) == (FIELDS + 1) * sizeof(uint32_t),
               "the fields follow one another after the version");

static uint32_t *first_field(struct cpython_offsets *offsets)
{
    return &offsets->minor + 1;
}

bool cpython_offsets_find(uint32_t version_hex, struct cpython_offsets *offsets)
{
    uint32_t major = version_hex >> 24, minor = version_hex >> 16 & 0xff;
    if (major != 3 || minor < CPYTHON_OLDEST_MINOR || minor > CPYTHON_NEWEST_MINOR ||
        (version_hex >> 4 & 0xf) < RELEASE_CANDIDATE)
        return false;
    offsets->minor = minor;
    for (uint32_t i = 0; i < FIELDS; i++)
        first_field(offsets)[i] = fields[i].offsets[minor - CPYTHON_OLDEST_MINOR];
    return true;
}

static bool is_table_of(const uint64_t *words, uint32_t minor)
{
    uint64_t version = words[1], is_free_threaded = words[2];
    return memcmp(words, "xdebugpy", 8) == 0 && version >> 16 == (3 << 8 | minor) &&
           is_free_threaded == 0;
}

bool cpython_offsets_check(struct cpython_offsets *offsets,
                           const uint64_t words[CPYTHON_DEBUG_WORDS], const char **differing)
{
    if (differing != NULL)
        *differing = NULL;
    if (offsets->minor < FIRST_WITH_WORDS)
        return true;
    if (!is_table_of(words, offsets->minor))
        return false;
    struct cpython_offsets checked = *offsets;
    const char *first = NULL;
    for (uint32_t i = 0; i < FIELDS; i++) {
        uint8_t word = fields[i].words[offsets->minor - FIRST_WITH_WORDS];
        if (word == 0)
            continue;
        if (words[word] >= OFFSET_LIMIT)
            return false;
        if (words[word] != first_field(&checked)[i] && first == NULL)
            first = fields[i].name;
        first_field(&checked)[i] = (uint32_t)words[word];
    }
    *offsets = checked;
    if (differing != NULL)
        *differing = first;
    return true;
}
