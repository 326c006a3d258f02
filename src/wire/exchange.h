/* How a process is read that nobody else may read: it is asked, and answers, in memory that both
 * share. The recorder asks (src/snapshot/target_server.h); what answers is a copy of the process,
 * or a child that shares its memory while it is held (preload/self_reader.h).
 *
 * One question at a time in each exchange, and whoever answers is named by the number of the copy
 * that was asked for (session_process.copy): one that comes too late answers nobody. `state` is a
 * ticket, new with each question, above one of enum exchange_state, and a futex word; the rest is
 * the asker's until it says ASKED, and the answerer's until it says ANSWERED. */
#ifndef SEEP_WIRE_EXCHANGE_H
#define SEEP_WIRE_EXCHANGE_H

#include "wire/session.h"

enum exchange_state {
    EXCHANGE_IDLE = 0,
    EXCHANGE_ASKED = 1,
    EXCHANGE_ANSWERED = 2
};

enum {
    EXCHANGE_STATE_BITS = 2,
    EXCHANGE_STRETCHES = 64,
    EXCHANGE_HEAD_BYTES = 4096,
    EXCHANGE_BYTES = SESSION_EXCHANGE_BYTES - EXCHANGE_HEAD_BYTES
};

/* `result` is what there is in `bytes`, or -errno. */
enum exchange_what {
    EXCHANGE_MEMORY = 1, /* the stretches, one behind the other: bytes before the first that cannot
                            be read */
    EXCHANGE_MAPS = 2, /* what stands from `offset` on in its /proc/PID/maps: bytes; 0 = the end */
    EXCHANGE_SMAPS = 3,
    EXCHANGE_PAGES = 4 /* which pages of the first stretch were touched: struct pagemap_region, so
                          many, for what there is before `walked` */
};

/* As struct iovec. */
struct exchange_stretch {
    uint64_t address, bytes;
};

struct exchange {
    _Atomic uint32_t state;
    _Atomic uint32_t copy; /* who is asked */
    uint32_t what;         /* enum exchange_what */
    uint32_t count;        /* of stretches */
    uint64_t offset;
    int64_t result;
    uint64_t walked;
    struct exchange_stretch stretches[EXCHANGE_STRETCHES];
    _Alignas(EXCHANGE_HEAD_BYTES) uint8_t bytes[EXCHANGE_BYTES];
};
_Static_assert(sizeof(struct exchange) == SESSION_EXCHANGE_BYTES, "as session.h lays it out");

/* By the number of a copy: one that is held has the second, so that it can be read beside a copy of
 * another process, which goes on. */
static inline struct exchange *exchange_of(void *memory, uint32_t copy)
{
    return (struct exchange *)((char *)memory + SESSION_EXCHANGES_OFFSET) +
           ((copy & SESSION_COPY_IN_PLACE) != 0);
}

#endif
