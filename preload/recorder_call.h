/* Asks the recorder for something that this process waits for: a snapshot of itself, or what of its
 * memory is lost. The question and the answer stand in the session's memory (struct session_call).
 */
#ifndef SEEP_PRELOAD_RECORDER_CALL_H
#define SEEP_PRELOAD_RECORDER_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/exit_hold.h"
#include "wire/session.h"

enum recorder_call_result {
    RECORDER_CALL_DONE,
    RECORDER_CALL_NOT_RECORDED,
    RECORDER_CALL_NO_ANSWER, /* the recorder is dead or stopped, or it took too long */
    RECORDER_CALL_NOT_DONE,  /* it could not look */
    RECORDER_CALL_BUSY /* this very thread asks already, or it is not this process that calls */
};

struct recorder_call_sum {
    uint64_t blocks, bytes;
};

/* Is this process recorded, and its recorder not known to be gone? */
bool recorder_call_is_possible(void);

/* `registers` was filled by arch_capture_registers in the function that the program called: what is
 * on the stack below it does not count. */
struct recorder_question {
    enum session_call_what what;
    const struct exit_registers *registers;
    uint64_t mark_ticks; /* of a snapshot: the time of the mark that names it; 0 = none */
};

/* Waits, but never for long. `sums` (may be NULL) is filled when it was done. Leaves errno alone.
 */
enum recorder_call_result recorder_call(const struct recorder_question *question,
                                        struct recorder_call_sum sums[SESSION_CALL_KINDS]);

#endif
