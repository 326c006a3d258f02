/* Which leaks are known and not to be told: files in LSan's or Valgrind's grammar, each as it
 * stands (the first line that says anything decides: '{' begins Valgrind's).
 *
 *   LSan      A line "leak:TEMPLATE" each; matched against the function, the source file and the
 *             module of every frame.
 *   Valgrind  Blocks in braces: a name, "Memcheck:Leak", perhaps "match-leak-kinds:", then a line a
 *             frame from the allocation function outwards: "fun:", "obj:", "src:" with a glob, or
 *             "..." for any frames. Blocks for other tools and kinds are passed over.
 *
 * Lines that begin with '#' are comments. One that begins with "# seep:" speaks of the entry behind
 * it, in words that other tools pass over: reason="..." expires=YYYY-MM-DD max-bytes=SIZE. From the
 * day of its expiry on an entry suppresses nothing, and one with max-bytes suppresses nothing when
 * it would suppress more. */
#ifndef SEEP_ANALYSIS_SUPPRESSIONS_H
#define SEEP_ANALYSIS_SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "base/error.h"
#include "snapshot/leak_kind.h"
#include "wire/function_kinds.h"

struct arena;

enum suppression_line_kind {
    SUPPRESSION_ANY_FRAMES, /* "..." */
    SUPPRESSION_FUNCTION,   /* "fun:" */
    SUPPRESSION_MODULE,     /* "obj:" */
    SUPPRESSION_SOURCE      /* "src:" */
};

struct suppression_line {
    enum suppression_line_kind kind;
    const char *glob;
};

/* An entry; texts are borrowed from the list. */
struct suppression {
    const char *name;        /* LSan's template, or the name that Valgrind's entry has */
    const char *origin;      /* the file; NULL = built in */
    unsigned line;           /* where the entry begins */
    const char *reason;      /* NULL = none given */
    const char *expires;     /* "2027-01-01"; NULL = never */
    uint64_t expires_unix_s; /* the start of that day, UTC */
    bool has_max_bytes;
    uint64_t max_bytes;
    unsigned kinds;                       /* leak kinds that it is for, as bits */
    const char *leak_template;            /* LSan's; NULL: Valgrind's lines */
    const struct suppression_line *lines; /* frames, from the allocation function outwards */
    size_t line_count;
};

struct suppressions {
    struct suppression *items; /* in the order in which they are tried */
    size_t count, capacity;
    struct arena *arena;
};

/* A list with nothing in it. Clear after use. */
void suppressions_init(struct suppressions *list);
void suppressions_clear(struct suppressions *list);

/* What every program leaves behind through no fault of its own. */
void suppressions_add_built_in(struct suppressions *list);

/* Adds a file's entries, or those of a text that came from `origin`. A syntax error names file and
 * line, and nothing of the file is added. */
bool suppressions_read_file(struct suppressions *list, const char *path, struct error *error);
bool suppressions_read(struct suppressions *list, const char *origin, const char *bytes,
                       size_t count, struct error *error);

/* A stack as entries see it. Borrowed from the profile; the first frame is the allocation function
 * itself. Clear after use; a zeroed one may be filled again and again. */
struct suppression_frame {
    const char *function; /* NULL = not known */
    const char *file;
    const char *module;
    uint32_t line;
};

struct suppression_stack {
    enum function_kind function;
    struct suppression_frame *frames; /* behind the allocation function */
    size_t count, capacity;
};

void suppression_stack_fill(struct suppression_stack *stack, const struct profile *profile,
                            enum function_kind function, uint32_t stack_node);
void suppression_stack_clear(struct suppression_stack *stack);

/* Is this entry for leaks of this kind with this stack? Nothing but the pattern is looked at. */
bool suppression_matches(const struct suppression *entry, const struct suppression_stack *stack,
                         enum leak_kind kind);

#endif
