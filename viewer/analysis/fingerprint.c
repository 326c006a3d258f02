#include "analysis/fingerprint.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "analysis/profile.h"
#include "base/memory.h"

/* ---- the hash ---- */

static const uint64_t fnv_start = UINT64_C(14695981039346656037);
static const uint64_t fnv_prime = UINT64_C(1099511628211);

static uint64_t fnv_hash(const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint64_t hash = fnv_start;
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

/* ---- stacks ---- */

enum frame_class {
    FRAME_NONE,
    FRAME_LIBRARY,
    FRAME_OWN
};

struct fingerprint_table {
    const struct profile *profile;
    uint64_t *hashes; /* by frame */
    uint8_t *classes; /* enum frame_class */
};

static uint64_t hash_frame(const struct profile *profile, const struct profile_frame *frame,
                           const struct profile_location *location, struct text *scratch)
{
    scratch->count = 0;
    const char *file = NULL;
    if (location->is_symbolized) {
        fingerprint_simplify_name(location->function, scratch);
        file = location->file;
    } else if (frame->module_plus_1) {
        text_print(scratch, "%s+0x%" PRIx64, profile->modules[frame->module_plus_1 - 1].name,
                   frame->offset);
    } else {
        text_add(scratch, "?");
    }
    text_add_bytes(scratch, "", 1);
    text_add(scratch, file ? text_file_name(file) : "");
    return fnv_hash(text_get(scratch), scratch->count);
}

struct fingerprint_table *fingerprint_table_create(const struct profile *profile)
{
    struct fingerprint_table *table = memory_allocate_zeroed(1, sizeof *table);
    table->profile = profile;
    table->hashes = memory_allocate_zeroed(profile->frame_count, sizeof *table->hashes);
    table->classes = memory_allocate_zeroed(profile->frame_count, sizeof *table->classes);
    struct text scratch = {0};
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        if (frame->kind == RECORDING_FRAME_OMITTED)
            continue;
        const struct profile_location *location =
            &profile->locations[frame->first_location + frame->location_count - 1];
        bool is_own = own_code_is_own(profile, frame, location);
        table->classes[i] = is_own ? FRAME_OWN : FRAME_LIBRARY;
        table->hashes[i] = hash_frame(profile, frame, location, &scratch);
    }
    text_clear(&scratch);
    return table;
}

void fingerprint_table_destroy(struct fingerprint_table *table)
{
    if (!table)
        return;
    free(table->hashes);
    free(table->classes);
    free(table);
}

/* Hashes the first frames of at least this class; returns how many there were. */
static unsigned add_frames(const struct fingerprint_table *table, uint32_t node,
                           enum frame_class least, uint64_t *hash)
{
    unsigned count = 0;
    for (; node && count < FINGERPRINT_FRAMES; node = table->profile->nodes[node].parent) {
        uint32_t frame = table->profile->nodes[node].frame;
        if (table->classes[frame] < least)
            continue;
        *hash = finalise(*hash ^ table->hashes[frame]);
        count++;
    }
    return count;
}

uint64_t fingerprint_of_stack(const struct fingerprint_table *table, enum function_kind function,
                              uint32_t stack_node)
{
    const char *name = profile_function_name(function);
    uint64_t hash = finalise(fnv_hash(name, strlen(name)));
    if (!add_frames(table, stack_node, FRAME_OWN, &hash))
        add_frames(table, stack_node, FRAME_LIBRARY, &hash);
    return hash;
}
