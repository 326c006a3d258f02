/* Books one birth or one release everywhere at once: site, totals, threads, histograms, peak.
 * Nothing else changes these figures, so inherited + allocated = live + freed holds after every
 * booking, and the sum of the sites is the totals. */
#ifndef SEEP_HEAP_LEDGER_H
#define SEEP_HEAP_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap_state.h"

/* `thread` made the call; block->thread is that thread as blocks name it. */
void ledger_birth(struct heap_model *model, const struct block *block, uint32_t thread);

void ledger_release(struct heap_model *model, const struct block *block, uint64_t time_ns,
                    bool is_temporary);

/* Both of a block that its own thread released right after its birth, before time moved on to
 * another bucket: the same as ledger_birth, ledger_release and ledger_release_call. */
void ledger_birth_and_release(struct heap_model *model, const struct block *block, uint32_t thread,
                              uint64_t release_ns, bool is_temporary);

/* The call that released a block, for the figures of the calling thread. */
void ledger_release_call(struct heap_model *model, uint32_t thread, const struct block *block);

/* A block that the fork passed on unnoticed. */
void ledger_inherit(struct heap_model *model, const struct block *block);

/* An inherited block that was gone when the fork came. */
void ledger_disinherit(struct heap_model *model, const struct block *block);

/* Has the thread that allocated this block allocated nothing since? */
bool ledger_is_newest(const struct heap_model *model, const struct block *block);

/* The sum of heap and anonymous mappings may be at a new maximum. */
void ledger_note_common_peak(struct heap_model *model, uint64_t time_ns);

#endif
