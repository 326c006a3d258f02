/* The child of a batch (symbol_batch.h), and what it tells. */
#ifndef SEEP_SYMBOLS_SYMBOL_WORKER_H
#define SEEP_SYMBOLS_SYMBOL_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "symbols/symbol_batch.h"

/* What the child writes: messages of u32s, each followed by its texts.
 *   MESSAGE_FRAME   frame id, count; per location: function bytes, file bytes, line, is inlined
 *   MESSAGE_TAIL    position of the pair, count; per call: module, offset in two halves, is exact
 *   MESSAGE_MODULE  module, detail, bytes of the reason
 *   MESSAGE_GONE    a call as in MESSAGE_TAIL, count; per location as in MESSAGE_FRAME
 *   MESSAGE_DONE    nothing: that was all of what was asked
 * How far it is stands in a page that both share. */
enum {
    MESSAGE_FRAME = 1,
    MESSAGE_MODULE = 2,
    MESSAGE_TAIL = 3,
    MESSAGE_GONE = 4,
    MESSAGE_DONE = 5
};
/* Of one message. */
enum {
    SYMBOL_WORKER_LOCATIONS = 64,
    SYMBOL_WORKER_TAIL_CALLS = 16
};

enum {
    MODULE_NONE = 0 /* modules count from 1 in the shared page */
};

/* In memory that parent and child share; written by the child. */
struct batch_progress {
    _Atomic uint32_t done_count;
    _Atomic uint32_t module;         /* that is being read; MODULE_NONE once all is said */
    _Atomic uint32_t answered_count; /* of requests, of which all is written to the pipe */
};

/* Writes all that is to be said of `input` to fd; then of what comes from `requests`, while that
 * lasts; and ends the process. */
void symbol_worker_become(const struct symbol_batch_input *input, int fd, int requests,
                          struct batch_progress *progress) __attribute__((noreturn));

#endif
