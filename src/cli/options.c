#include "config.h"

#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "cli/nearest_name.h"

enum {
    HELP_COLUMN = 26,  /* where the explanation of an option begins */
    HELP_COLUMNS = 80, /* how wide help is */
    LONG_BASE = 256    /* getopt's value of row n is LONG_BASE + n: above any letter */
};

/* --- finding ------------------------------------------------------------------------------- */

const struct option_row *options_find(const struct option_binding *bindings, size_t binding_count,
                                      const char *name, const struct option_binding **binding)
{
    for (size_t i = 0; i < binding_count; i++)
        for (size_t j = 0; j < bindings[i].table.count; j++)
            if (strcmp(bindings[i].table.rows[j].name, name) == 0) {
                *binding = &bindings[i];
                return &bindings[i].table.rows[j];
            }
    return NULL;
}

/* The row that getopt's number stands for: rows of all bindings are counted through. */
static const struct option_row *row_at(const struct option_binding *bindings, size_t binding_count,
                                       size_t position, const struct option_binding **binding)
{
    for (size_t i = 0; i < binding_count; i++) {
        if (position < bindings[i].table.count) {
            *binding = &bindings[i];
            return &bindings[i].table.rows[position];
        }
        position -= bindings[i].table.count;
    }
    return NULL;
}

static size_t row_count(const struct option_binding *bindings, size_t binding_count)
{
    size_t count = 0;

    for (size_t i = 0; i < binding_count; i++)
        count += bindings[i].table.count;
    return count;
}

void options_assign(struct option_assignments *list, const struct option_row *row, void *values,
                    const char *text, enum option_source source, const char *origin)
{
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct option_assignment){
        .row = row, .values = values, .text = text, .source = source, .origin = origin};
}

/* --- the command line ---------------------------------------------------------------------- */

/* What getopt_long wants, made from the tables. */
struct getopt_tables {
    struct option *longs; /* ends with a zeroed row */
    struct text letters;
};

static void make_getopt_tables(const struct option_binding *bindings, size_t binding_count,
                               struct getopt_tables *tables)
{
    size_t count = row_count(bindings, binding_count);
    const struct option_binding *binding;

    tables->longs = memory_allocate_zeroed(count + 1, sizeof *tables->longs);
    text_add(&tables->letters, "+:");
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = row_at(bindings, binding_count, i, &binding);
        bool is_flag = row->kind == OPTION_FLAG || row->plain;

        tables->longs[i] = (struct option){.name = row->name,
                                           .has_arg = is_flag ? optional_argument
                                                              : required_argument,
                                           .val = LONG_BASE + (int)i};
        if (row->letter)
            text_print(&tables->letters, "%c%s", row->letter, is_flag ? "" : ":");
    }
}

static bool fail_unknown(const struct option_binding *bindings, size_t binding_count,
                         const char *word, struct error *error)
{
    struct nearest_name nearest;
    const struct option_binding *binding;
    char *name;

    if (!text_starts_with(word, "--"))
        return error_set(error, "there is no option -%c", optopt);
    name = memory_duplicate_text(word + 2);
    name[strcspn(name, "=")] = '\0';
    nearest_name_init(&nearest, name);
    for (size_t i = 0; i < row_count(bindings, binding_count); i++)
        nearest_name_offer(&nearest, row_at(bindings, binding_count, i, &binding)->name);
    if (nearest.best)
        error_set(error, "there is no option --%s; did you mean --%s?", name, nearest.best);
    else
        error_set(error, "there is no option --%s", name);
    free(name);
    return false;
}

/* getopt takes every beginning that only one option has; such a word would mean something else
 * once another option exists. */
static bool is_whole_name(const char *word, const char *name)
{
    size_t length = strlen(name);

    return text_starts_with(word, "--") && strncmp(word + 2, name, length) == 0 &&
           (word[2 + length] == '\0' || word[2 + length] == '=');
}

static const struct option_row *row_of_letter(const struct option_binding *bindings,
                                              size_t binding_count, int letter,
                                              const struct option_binding **binding)
{
    for (size_t i = 0; i < row_count(bindings, binding_count); i++) {
        const struct option_row *row = row_at(bindings, binding_count, i, binding);
        if (row->letter == letter)
            return row;
    }
    return NULL;
}

/* One answer of getopt; `word` is the word that it was reading. */
static bool take_option(const struct option_binding *bindings, size_t binding_count, int answer,
                        const char *word, struct option_assignments *list, struct error *error)
{
    const struct option_binding *binding = NULL;
    const struct option_row *row = NULL;

    if (answer == '?')
        return fail_unknown(bindings, binding_count, word, error);
    if (answer == ':')
        return error_set(error, "option %s needs a value", word);
    if (answer >= LONG_BASE) {
        row = row_at(bindings, binding_count, (size_t)(answer - LONG_BASE), &binding);
        if (!is_whole_name(word, row->name))
            return fail_unknown(bindings, binding_count, word, error);
    } else {
        row = row_of_letter(bindings, binding_count, answer, &binding);
    }
    options_assign(list, row, binding->values, optarg, OPTION_FROM_COMMAND_LINE, NULL);
    return true;
}

/* getopt stops at each operand ("+"); unless it wraps a command, scanning goes on behind it. */
bool options_scan(const struct option_binding *bindings, size_t binding_count, bool is_wrapping,
                  int word_count, char **words, struct option_assignments *list,
                  struct option_operands *operands, struct error *error)
{
    struct getopt_tables tables = {0};
    char **found = memory_allocate_zeroed((size_t)word_count + 1, sizeof *found);
    size_t count = 0, rest_count = 0;
    bool is_good = true, has_rest = false;

    make_getopt_tables(bindings, binding_count, &tables);
    optind = 0;
    opterr = 0;
    while (is_good) {
        const char *word = words[optind > 0 ? optind : 1];
        int answer = getopt_long(word_count, words, text_get(&tables.letters), tables.longs, NULL);

        if (answer != -1) {
            is_good = take_option(bindings, binding_count, answer, word, list, error);
            continue;
        }
        has_rest = optind > 1 && strcmp(words[optind - 1], "--") == 0;
        bool is_rest = is_wrapping || has_rest;
        while (optind < word_count) {
            found[count++] = words[optind++];
            rest_count += has_rest;
            if (!is_rest)
                break;
        }
        if (is_rest || optind >= word_count)
            break;
    }
    for (size_t i = 0; i < count; i++)
        words[(size_t)word_count - count + i] = found[i];
    *operands = (struct option_operands){.items = words + word_count - count,
                                         .count = count,
                                         .rest_count = rest_count,
                                         .has_rest = has_rest};
    free(found);
    free(tables.longs);
    text_clear(&tables.letters);
    return is_good;
}

/* --- setting ------------------------------------------------------------------------------- */

static bool parse_flag(const char *text, bool *value, struct error *error)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (!text || strcmp(text, yes[i]) == 0) {
            *value = true;
            return true;
        }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (strcmp(text, no[i]) == 0) {
            *value = false;
            return true;
        }
    return error_set(error, "\"%s\" is neither yes nor no", text);
}

static bool parse_count(const struct option_row *row, const char *text, uint64_t *value,
                        struct error *error)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || *text < '0' || *text > '9')
        return error_set(error, "\"%s\" is not a whole number", text);
    if (row->most && *value > row->most)
        return error_set(error, "%s is more than %" PRIu64, text, row->most);
    return true;
}

static bool parse_choice(const struct option_row *row, const char *text, uint64_t *value,
                         struct error *error)
{
    struct text choices = {0};
    const char *choice;

    for (size_t i = 0; (choice = row->choice_at(i)); i++)
        if (strcmp(choice, text) == 0) {
            *value = i;
            return true;
        }
    options_print_choices(row, &choices);
    error_set(error, "\"%s\" is not %s", text, text_get(&choices));
    text_clear(&choices);
    return false;
}

static bool parse_number(const struct option_row *row, const char *text, uint64_t *value,
                         struct error *error)
{
    switch (row->kind) {
    case OPTION_COUNT:
        return parse_count(row, text, value, error);
    case OPTION_SIZE:
        return units_parse_size(text, value, error);
    case OPTION_DURATION:
        return units_parse_duration(text, value, error);
    case OPTION_CHOICE:
        return parse_choice(row, text, value, error);
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_TEXTS:
        break;
    }
    return error_set(error, "not a number");
}

static struct option_texts *texts_of(const struct option_assignment *assignment)
{
    return (void *)((char *)assignment->values + assignment->row->offset);
}

static void add_text(struct option_texts *texts, const char *text, enum option_source source)
{
    if (texts->source != source)
        texts->count = 0;
    texts->source = source;
    texts->items = memory_grow(texts->items, &texts->capacity, texts->count + 1,
                               sizeof *texts->items);
    texts->items[texts->count++] = text;
}

static bool apply_one(const struct option_assignment *assignment, struct error *error)
{
    const struct option_row *row = assignment->row;
    const char *text = assignment->text ? assignment->text : row->plain;
    void *place = (char *)assignment->values + row->offset;
    struct option_number *number = place;

    if (row->kind == OPTION_FLAG)
        return parse_flag(assignment->text, place, error);
    if (!text || !*text)
        return error_set(error, "it needs a value");
    if (row->kind == OPTION_TEXT) {
        *(const char **)place = text;
        return true;
    }
    if (row->kind == OPTION_TEXTS) {
        add_text(texts_of(assignment), text, assignment->source);
        return true;
    }
    number->is_given = parse_number(row, text, &number->value, error);
    return number->is_given;
}

bool options_apply(const struct option_assignments *list, struct error *error)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].row->kind == OPTION_TEXTS)
            texts_of(&list->items[i])->count = 0;
    for (enum option_source source = OPTION_FROM_FILE; source <= OPTION_FROM_COMMAND_LINE; source++)
        for (size_t i = 0; i < list->count; i++) {
            const struct option_assignment *assignment = &list->items[i];
            if (assignment->source != source || apply_one(assignment, error))
                continue;
            error_prefix(error, "--%s: ", assignment->row->name);
            if (assignment->origin)
                error_prefix(error, "%s: ", assignment->origin);
            return false;
        }
    return true;
}

void options_clear_values(struct option_table table, void *values)
{
    for (size_t i = 0; i < table.count; i++)
        if (table.rows[i].kind == OPTION_TEXTS) {
            struct option_texts *texts = (void *)((char *)values + table.rows[i].offset);
            free(texts->items);
            *texts = (struct option_texts){0};
        }
}

/* --- help ---------------------------------------------------------------------------------- */

void options_print_choices(const struct option_row *row, struct text *out)
{
    const char *choice;

    for (size_t i = 0; (choice = row->choice_at(i)); i++) {
        if (i > 0)
            text_add(out, row->choice_at(i + 1) ? ", " : " or ");
        text_add(out, choice);
    }
}

char *options_value_name(const struct option_row *row)
{
    struct text name = {0};

    if (row->kind == OPTION_FLAG)
        return NULL;
    if (row->value_name)
        return memory_duplicate_text(row->value_name);
    for (size_t i = 0; row->choice_at(i); i++)
        text_print(&name, "%s%s", i > 0 ? "|" : "", row->choice_at(i));
    return text_take(&name);
}

/* Wraps `words` behind HELP_COLUMN; the line holds `used` columns already. */
static void print_wrapped(struct text *out, size_t used, const char *words)
{
    if (used + 2 > HELP_COLUMN) {
        text_add(out, "\n");
        used = 0;
    }
    text_print(out, "%*s", (int)(HELP_COLUMN - used), "");
    for (size_t column = HELP_COLUMN; *words;) {
        size_t length = strcspn(words, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_COLUMNS) {
            text_print(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            text_add(out, " ");
            column++;
        }
        text_add_bytes(out, words, length);
        column += length;
        words += length;
        words += strspn(words, " ");
    }
    text_add(out, "\n");
}

void options_print_help(struct option_table table, struct text *out)
{
    for (size_t i = 0; i < table.count; i++) {
        const struct option_row *row = &table.rows[i];
        char *value = options_value_name(row);
        struct text line = {0};

        if (row->letter)
            text_print(&line, "  -%c, --%s", row->letter, row->name);
        else
            text_print(&line, "      --%s", row->name);
        if (value)
            text_print(&line, row->plain ? "[=%s]" : "=%s", value);
        text_add(out, text_get(&line));
        print_wrapped(out, line.count, row->help);
        text_clear(&line);
        free(value);
    }
}
