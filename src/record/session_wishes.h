/* What people asked for, in the words of those who do it. */
#ifndef SEEP_RECORD_SESSION_WISHES_H
#define SEEP_RECORD_SESSION_WISHES_H

#include <stdint.h>

#include "record/process_hold.h"
#include "record/recorder.h"

/* SESSION_* (wire/session.h), which its targets act by. */
uint32_t session_wishes_flags(const struct record_options *options);

enum process_hold_way session_wishes_hold_way(const struct record_options *options);

/* Of samples: another one each time, unless one was asked for. Any where nothing is sampled. */
uint64_t session_wishes_seed(const struct record_options *options);

#endif
