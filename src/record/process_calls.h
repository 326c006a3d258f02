/* What programs ask while they run, as it stands in the session's memory (struct session_call):
 * finds questions, and writes answers. */
#ifndef SEEP_RECORD_PROCESS_CALLS_H
#define SEEP_RECORD_PROCESS_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot/leak_counts.h"
#include "wire/session.h"

struct process_call {
    struct session_call *shared;
    uint32_t asked; /* its state then */
    enum session_call_what what;
    uint32_t tid;
    uint64_t sp;
    uint64_t mark_ticks; /* 0 = none */
};

/* Does the process of this slot ask for something? What it says makes sense then. */
bool process_calls_find(struct session_header *header, uint32_t slot, struct process_call *call);

/* How much it wants to know; false: nothing but a snapshot. */
bool process_calls_scope(const struct process_call *call, enum leak_counts_scope *scope);

/* `counts` may be NULL. Whoever has given up waiting is not told. */
void process_calls_answer(const struct process_call *call, bool is_done,
                          const struct leak_counts *counts);

#endif
