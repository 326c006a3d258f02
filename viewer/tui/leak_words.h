/* A leak in words: what it is, where it comes from, how its cycle closes, where to look. */
#ifndef SEEP_TUI_LEAK_WORDS_H
#define SEEP_TUI_LEAK_WORDS_H

#include "analysis/leak_list.h"
#include "analysis/profile.h"
#include "analysis/suppressions.h"
#include "base/text.h"
#include "graph/last_seen.h"
#include "tui/view.h"

/* What words are taken from; all borrowed. */
struct leak_words {
    const struct profile *profile;
    const struct suppressions *suppressions; /* that the leaks were found with */
};

const char *leak_words_meaning(enum leak_kind kind);

/* "1.2 KiB in 3 blocks". */
void leak_words_add_sum(const struct leak_sum *sum, struct text *out);

/* The location that a site is named after; NULL where none is known. `site` may be LEAKS_NO_SITE.
 */
const struct profile_location *leak_words_location(const struct leak_words *words, uint32_t site);

/* Its function and line, and where there is room its caller; 0 columns: any. */
void leak_words_add_site(const struct leak_words *words, uint32_t site, int columns,
                         struct text *out);

void leak_words_add_thread(const struct leak_words *words, const struct leak_line *line,
                           struct text *out);
void leak_words_add_cycle(const struct leak_words *words, const struct leak_report_cycle *cycle,
                          struct text *out);

/* "malloc < grow < parse < main". */
void leak_words_add_stack(const struct leak_words *words, uint32_t site, struct text *out);

/* "by NAME (FILE:3), reason". */
void leak_words_add_suppression(const struct leak_words *words, const struct leak *leak,
                                struct text *out);

/* All of it, for the view of its stack. `seen`: where it was last held; NULL = not known. */
void leak_words_add_notes(const struct leak_words *words, const struct leak_line *line,
                          const struct last_seen *seen, struct view_request *request);

#endif
