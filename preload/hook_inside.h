/* What the files of hooks share, and nobody else calls. */
#ifndef SEEP_PRELOAD_HOOK_INSIDE_H
#define SEEP_PRELOAD_HOOK_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/hook.h"

/* Keeps an event of a handler, with its stack, until the interrupted recording is done. False when
 * there are too many: then it is lost. `words` are those of its record, without stamp and stack. */
bool hook_defer(struct hook *hook, const uint64_t *words, uint32_t word_count, bool has_stack);

/* Writes a record without a stack, from whatever level. Returns false when it was lost. */
bool hook_write_plain(struct hook *hook, const uint64_t *words, uint32_t word_count);

#endif
