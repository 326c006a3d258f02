/* What was found out about a module before, by this or an earlier symbolizer, so that its files
 * need not be read again: names of addresses, and functions that are gone between calls.
 *
 * An answer holds as long as it would come out the same again. So the file in which answers are
 * kept begins with all that they depend on: the module's own file, those with its debug
 * information, and our program; it counts only where this agrees to the byte.
 *
 *   file   = header, identity, records
 *   record = head, words, texts          what follows the head depends on its kind */
#ifndef SEEP_SYMBOLS_KNOWN_ANSWERS_H
#define SEEP_SYMBOLS_KNOWN_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file_cache.h"
#include "symbols/symbolizer.h"

enum {
    KNOWN_LOCATIONS_MOST = 64,
    KNOWN_CALLS_MOST = 16
};

struct known_answers;

/* `identity` says what the answers depend on; what is kept of it in the cache is read. Caller owns.
 */
struct known_answers *known_answers_open(const struct file_cache *cache, const char *identity);
void known_answers_close(struct known_answers *answers);

/* Writes the file anew if there is news. */
void known_answers_keep(struct known_answers *answers, const struct file_cache *cache);

/* Texts are not NUL-terminated, and borrowed until something is added. */
struct known_text {
    const char *bytes; /* NULL = none */
    size_t count;
};

struct known_location {
    struct known_text function, file;
    uint32_t line;
    bool is_inlined;
};

/* False: not known. *count may be 0: there is nothing. */
bool known_answers_find(const struct known_answers *answers, uint64_t offset,
                        struct known_location locations[KNOWN_LOCATIONS_MOST], size_t *count);
void known_answers_add(struct known_answers *answers, uint64_t offset,
                       const struct source_location *locations, size_t count);

/* A pair, as symbolizer_find_tail_calls takes it. */
struct known_pair {
    uint64_t return_offset;
    uint64_t callee_identity; /* a hash of that of its module; 0 = what allocates */
    uint64_t callee_offset;   /* or which kind of that */
};

struct known_call {
    bool is_of_callee; /* the module, else the caller's */
    bool is_exact;
    uint64_t offset;
};

bool known_answers_find_calls(const struct known_answers *answers, const struct known_pair *pair,
                              struct known_call calls[KNOWN_CALLS_MOST], size_t *count);
void known_answers_add_calls(struct known_answers *answers, const struct known_pair *pair,
                             const struct known_call *calls, size_t count);

/* What the module offers, and why not more. */
bool known_answers_detail(const struct known_answers *answers, enum symbolizer_detail *detail,
                          struct known_text *reason);
void known_answers_set_detail(struct known_answers *answers, enum symbolizer_detail detail,
                              const char *reason);

#endif
