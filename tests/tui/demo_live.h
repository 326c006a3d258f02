/* Pictures of a program that never ran, one for each time that the viewer asks: what it shows of
 * programs that run, without one. */
#ifndef SEEP_TESTS_DEMO_LIVE_H
#define SEEP_TESTS_DEMO_LIVE_H

#include <stdbool.h>

#include "tests/unit/profile_builder.h"
#include "tui/tui.h"

enum {
    DEMO_LIVE_END = 12 /* the picture after the program's end; the last one */
};

/* What the demo is to make of it. */
struct demo_live_uses {
    void *context;

    /* Adds what there is of the picture `number`, which is of `time_ns`; the last one is finished.
     */
    void (*fill)(void *context, struct profile_builder *builder, unsigned number);

    /* This profile is shown from now on; NULL: none. */
    void (*show)(void *context, const struct profile *profile);
};

struct demo_live {
    struct demo_live_uses uses;
    unsigned number; /* of the next picture */
    const struct live_picture *shown;
    struct rates_reading *readings[DEMO_LIVE_END + 1]; /* of the pictures so far */
    struct tui_live_use use;
    bool is_told; /* a snapshot was asked for, and nobody was told of it yet */
    struct tui_live live;
};

/* Makes the first picture; live.live is then for the viewer's options. */
void demo_live_begin(struct demo_live *live, const struct demo_live_uses *uses);
void demo_live_end(struct demo_live *live);

#endif
