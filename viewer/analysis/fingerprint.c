#include "analysis/fingerprint.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "analysis/profile.h"
#include "base/hash_map.h"
#include "base/memory.h"

/* ---- the hash ---- */

static const uint64_t fnv_start = UINT64_C(14695981039346656037);
static const uint64_t fnv_prime = UINT64_C(1099511628211);

/* Goes on from the hash of what stands before, or from fnv_start. */
static uint64_t fnv_add(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * fnv_prime;
    return hash;
}

static uint64_t finalise(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

const char *fingerprint_format(uint64_t fingerprint, char text[FINGERPRINT_TEXT_BYTES])
{
    snprintf(text, FINGERPRINT_TEXT_BYTES, "fp1:%016" PRIx64, fingerprint);
    return text;
}

bool fingerprint_parse(const char *text, uint64_t *fingerprint)
{
    if (strncmp(text, "fp1:", 4) != 0 || strlen(text) != 20)
        return false;
    uint64_t value = 0;
    for (const char *at = text + 4; *at; at++) {
        if (!isdigit((unsigned char)*at) && !(*at >= 'a' && *at <= 'f'))
            return false;
        value = value << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    }
    *fingerprint = value;
    return true;
}

/* ---- names ---- */

static bool is_identifier(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '$' ||
           (unsigned char)byte >= 0x80;
}

/* Bytes of the balanced <...> that `at` begins with; 0 when it is not balanced. A '>' in
 * parentheses or of "->" is none. */
static size_t template_arguments(const char *at)
{
    size_t depth = 0, parentheses = 0;
    for (const char *byte = at; *byte; byte++) {
        if (*byte == '(')
            parentheses++;
        else if (*byte == ')')
            parentheses -= parentheses > 0;
        else if (*byte == '<' && !parentheses)
            depth++;
        else if (*byte == '>' && !parentheses && byte[-1] != '-' && --depth == 0)
            return (size_t)(byte - at) + 1;
    }
    return 0;
}

/* Bytes of an operator's name ("operator<<"), 0 when there is none here. */
static size_t operator_name(const char *name, const char *at)
{
    static const char *const signs[] = {
        "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "()", "[]", "<", ">"};
    if (*at != 'o' || !text_starts_with(at, "operator") || (at > name && is_identifier(at[-1])))
        return 0;
    const char *sign = at + strlen("operator");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (text_starts_with(sign, signs[i]))
            return strlen("operator") + strlen(signs[i]);
    size_t others = strspn(sign, "+-*/%^&|~!=,");
    return others ? strlen("operator") + others : 0;
}

/* Bytes of "[clone ...]" or "[abi:...]", 0 when there is none here. */
static size_t bracket_mark(const char *at)
{
    if (*at != '[' || (!text_starts_with(at, "[clone ") && !text_starts_with(at, "[abi:")))
        return 0;
    const char *end = strchr(at, ']');
    return end ? (size_t)(end - at) + 1 : strlen(at);
}

/* Bytes of ".isra.0" and its like, 0 when there is none here. */
static size_t compiler_suffix(const char *name, const char *at)
{
    static const char *const words[] = {"isra", "part", "constprop", "cold", "lto_priv", "llvm"};
    if (*at != '.' || at == name)
        return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t count = 1 + strlen(words[i]);
        if (text_starts_with(at + 1, words[i]) && !is_identifier(at[count])) {
            while (is_identifier(at[count]) || at[count] == '.')
                count++;
            return count;
        }
    }
    return 0;
}

static void remove_spaces(struct text *text, size_t start)
{
    while (text->count > start && text->bytes[text->count - 1] == ' ')
        text->bytes[--text->count] = 0;
}

void fingerprint_simplify_name(const char *function, struct text *out)
{
    size_t start = out->count;
    const char *name = function + strspn(function, " ");
    const char *operator_end = NULL;
    for (const char *at = name; *at;) {
        size_t mark = bracket_mark(at);
        if (mark)
            remove_spaces(out, start);
        else
            mark = compiler_suffix(name, at);
        if (mark) {
            at += mark;
            continue;
        }
        const char *bracket = at == operator_end && *at == ' ' ? at + 1 : at;
        if (*bracket == '<' && at > name && (at == operator_end || is_identifier(at[-1]))) {
            size_t skipped = template_arguments(bracket);
            text_add(out, skipped ? "" : at); /* not balanced: the rest as it is */
            at = bracket + (skipped ? skipped : strlen(bracket));
            continue;
        }
        size_t kept = operator_name(name, at);
        if (kept)
            operator_end = at + kept;
        text_add_bytes(out, at, kept ? kept : 1);
        at += kept ? kept : 1;
    }
    remove_spaces(out, start);
}

/* ---- what all compilers say of a function ---- */

/* Bytes of the (...) or {...} that `at` begins with; to the end when it is not balanced. */
static size_t balanced(const char *at, char open, char close)
{
    size_t depth = 0;
    for (const char *byte = at; *byte; byte++) {
        depth += *byte == open;
        if (*byte == close && --depth == 0)
            return (size_t)(byte - at) + 1;
    }
    return strlen(at);
}

/* Bytes of "{lambda(int)#1}" (GCC), "<lambda(int)>" (its debug information), "$_0" (Clang) or
 * "{closure#0}" (Rust); 0 when there is none here. */
static size_t lambda_name(const char *at)
{
    if (text_starts_with(at, "{lambda") || text_starts_with(at, "{closure"))
        return balanced(at, '{', '}');
    if (text_starts_with(at, "<lambda"))
        return balanced(at, '<', '>');
    if (text_starts_with(at, "$_"))
        return 2 + strspn(at + 2, "0123456789");
    return 0;
}

/* "operator bool": the space in it. */
static bool is_after_operator(const char *name, const char *at)
{
    size_t count = strlen("operator");
    return (size_t)(at - name) >= count && text_starts_with(at - count, "operator");
}

/* Without parameters: "f", "A::f", "operator()". */
static void add_bare_name(const char *name, struct text *out)
{
    for (const char *at = name; *at;) {
        size_t kept = operator_name(name, at), lambda = lambda_name(at);
        if (lambda) {
            text_add(out, "{lambda}");
            at += lambda;
        } else if (*at == '(') {
            at += balanced(at, '(', ')');
        } else if (*at == '<' && !kept) {
            at += balanced(at, '<', '>'); /* of Rust: "<Vec as Iterator>::next" */
        } else if (*at == ' ' && !is_after_operator(name, at)) {
            at += strlen(at); /* "const", "&" */
        } else {
            text_add_bytes(out, at, kept ? kept : 1);
            at += kept ? kept : 1;
        }
    }
}

void fingerprint_reduce_name(const char *function, struct text *out)
{
    struct text simple = {0}, bare = {0};
    fingerprint_simplify_name(own_code_qualified_name(function), &simple);
    add_bare_name(text_get(&simple), &bare);
    const char *name = text_get(&bare);
    for (const char *at = name; *at; at++)
        if (text_starts_with(at, "::") && at[2])
            name = at + 2;
    text_add(out, name);
    text_clear(&simple);
    text_clear(&bare);
}

/* ---- stacks ---- */

enum location_class {
    LOCATION_NONE, /* of omitted frames */
    LOCATION_LIBRARY,
    LOCATION_OWN,
    LOCATION_SEVERAL /* of a frame that has more than one: they stand elsewhere */
};

struct hashed_location {
    uint64_t hash; /* of several: where those begin, and how many they are */
    enum location_class class;
};

struct fingerprint_table {
    const struct profile *profile;
    struct hashed_location *locations; /* those of frames that have several, next to each other */
    uint32_t location_count;
    struct hashed_location *frames; /* mostly they have one: a walk needs nothing else of them */
    struct hash_map names; /* hashes of functions, by their texts' addresses: a text stands once */
};

/* Most functions occur in several frames. */
static uint64_t hash_name(struct fingerprint_table *table, const char *function,
                          struct text *scratch)
{
    bool is_new;
    uint64_t *hash = hash_map_put(&table->names, (uintptr_t)function, &is_new);
    if (is_new) {
        fingerprint_reduce_name(function, scratch);
        *hash = fnv_add(fnv_start, text_get(scratch), scratch->count);
    }
    return *hash;
}

/* The name, a NUL, and the file's name. */
static uint64_t hash_location(struct fingerprint_table *table, const struct profile_frame *frame,
                              const struct profile_location *location, struct text *scratch)
{
    const char *file = location->is_symbolized && location->file ? text_file_name(location->file)
                                                                 : "";
    uint64_t hash;
    scratch->count = 0;
    if (location->is_symbolized && frame->kind != RECORDING_FRAME_PYTHON) {
        hash = hash_name(table, location->function, scratch);
    } else {
        if (location->is_symbolized)
            text_add(scratch, location->function); /* "<module>", "<lambda>" are names */
        else if (frame->module_plus_1)
            text_print(scratch, "%s+0x%" PRIx64,
                       table->profile->modules[frame->module_plus_1 - 1].name, frame->offset);
        else
            text_add(scratch, "?");
        hash = fnv_add(fnv_start, text_get(scratch), scratch->count);
    }
    return fnv_add(fnv_add(hash, "", 1), file, strlen(file));
}

static void hash_frame(struct fingerprint_table *table, uint32_t position, struct text *scratch)
{
    const struct profile *profile = table->profile;
    const struct profile_frame *frame = &profile->frames[position];
    struct hashed_location *hashed = &table->frames[position];
    if (frame->kind == RECORDING_FRAME_OMITTED)
        return;
    struct hashed_location *places = hashed;
    if (frame->location_count != 1) {
        places = &table->locations[table->location_count];
        hashed->class = LOCATION_SEVERAL;
        hashed->hash = (uint64_t)table->location_count << 32 | frame->location_count;
        table->location_count += frame->location_count;
    }
    for (uint32_t i = 0; i < frame->location_count; i++) {
        const struct profile_location *location = &profile->locations[frame->first_location + i];
        struct hashed_location *place = &places[i];
        bool is_own = own_code_is_own(profile, frame, location);
        place->class = is_own ? LOCATION_OWN : LOCATION_LIBRARY;
        place->hash = hash_location(table, frame, location, scratch);
    }
}

struct fingerprint_table *fingerprint_table_create(const struct profile *profile)
{
    struct fingerprint_table *table = memory_allocate_zeroed(1, sizeof *table);
    table->profile = profile;
    table->locations = memory_allocate_zeroed(profile->location_count, sizeof *table->locations);
    table->frames = memory_allocate_zeroed(profile->frame_count, sizeof *table->frames);
    hash_map_init(&table->names);
    struct text scratch = {0};
    for (size_t i = 0; i < profile->frame_count; i++)
        hash_frame(table, (uint32_t)i, &scratch);
    text_clear(&scratch);
    hash_map_clear(&table->names);
    return table;
}

void fingerprint_table_destroy(struct fingerprint_table *table)
{
    if (!table)
        return;
    free(table->locations);
    free(table->frames);
    free(table);
}

/* A way along a stack: the first locations of at least a class, hashed. What calls itself counts
 * once: compilers make loops of it, or inline a few of its calls. */
struct walk {
    uint32_t node; /* the next one; 0: at its end */
    unsigned count;
    uint64_t last, hash;
};

static void take_location(const struct hashed_location *location, enum location_class least,
                          struct walk *walk)
{
    if (location->class < least || (walk->count > 0 && location->hash == walk->last))
        return;
    walk->last = location->hash;
    walk->hash = finalise(walk->hash ^ walk->last);
    walk->count++;
}

static void take_locations(const struct fingerprint_table *table,
                           const struct hashed_location *several, enum location_class least,
                           struct walk *walk)
{
    const struct hashed_location *locations = &table->locations[several->hash >> 32];
    uint32_t count = (uint32_t)several->hash;
    for (uint32_t i = 0; i < count && walk->count < FINGERPRINT_FRAMES; i++)
        take_location(&locations[i], least, walk);
}

static void take_node(const struct fingerprint_table *table, enum location_class least,
                      struct walk *walk)
{
    const struct profile_node *node = &table->profile->nodes[walk->node];
    const struct hashed_location *frame = &table->frames[node->frame];
    walk->node = node->parent;
    if (frame->class == LOCATION_SEVERAL)
        take_locations(table, frame, least, walk);
    else
        take_location(frame, least, walk);
    if (walk->count == FINGERPRINT_FRAMES)
        walk->node = 0;
}

/* Returns how many there were. */
static unsigned add_locations(const struct fingerprint_table *table, uint32_t node,
                              enum location_class least, uint64_t *hash)
{
    struct walk walk = {.node = node, .hash = *hash};
    while (walk.node)
        take_node(table, least, &walk);
    *hash = walk.hash;
    return walk.count;
}

static uint64_t hash_function(enum function_kind function)
{
    const char *name = profile_function_name(function);
    return finalise(fnv_add(fnv_start, name, strlen(name)));
}

uint64_t fingerprint_of_stack(const struct fingerprint_table *table, enum function_kind function,
                              uint32_t stack_node)
{
    uint64_t hash = hash_function(function);
    if (!add_locations(table, stack_node, LOCATION_OWN, &hash))
        add_locations(table, stack_node, LOCATION_LIBRARY, &hash);
    return hash;
}

/* Each step along a stack waits for memory; of several stacks at once they wait together. */
void fingerprint_of_stacks(const struct fingerprint_table *table, struct profile_site *sites,
                           size_t count)
{
    enum {
        TOGETHER = 16
    };
    const struct profile_node *nodes = table->profile->nodes;
    struct walk walks[TOGETHER];
    for (size_t first = 0; first < count; first += TOGETHER) {
        size_t walk_count = count - first < TOGETHER ? count - first : TOGETHER, left = walk_count;
        for (size_t i = 0; i < walk_count; i++) {
            const struct profile_site *site = &sites[first + i];
            walks[i] = (struct walk){.node = site->stack_node,
                                     .hash = hash_function(site->function)};
            __builtin_prefetch(&nodes[site->stack_node]);
        }
        while (left) {
            left = 0;
            for (size_t i = 0; i < walk_count; i++) {
                if (!walks[i].node)
                    continue;
                take_node(table, LOCATION_OWN, &walks[i]);
                __builtin_prefetch(&nodes[walks[i].node]);
                left++;
            }
        }
        for (size_t i = 0; i < walk_count; i++) {
            struct profile_site *site = &sites[first + i];
            site->fingerprint = walks[i].count
                                    ? walks[i].hash
                                    : fingerprint_of_stack(table, site->function, site->stack_node);
        }
    }
}
