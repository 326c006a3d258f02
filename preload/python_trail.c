#include "preload/python_trail.h"

#include <stdatomic.h>

#include "preload/stack_hash.h"

enum {
    END = PYTHON_TRAIL_FRAMES,
    LEFT_AT_ONCE = 4 /* so many frames may have been left since the last stack */
};

/* Where the words stand that are compared. */
struct layout {
    uint64_t code, instruction, group, previous, file_name, line_table;
    uint64_t instruction_mask;
};

struct trail_walk {
    struct python_trail *trail;
    const struct cpython_offsets *offsets;
    struct layout layout;
    uint64_t at;          /* not yet put out */
    uint32_t known;       /* frames of the trail inside of this one are passed */
    uint32_t fresh_count; /* frames put out */
};

/* As python_frame_read reads them; what tells nothing in a version is code's own byte. */
static inline struct layout layout_of(const struct cpython_offsets *offsets)
{
    struct layout layout = {
        .code = offsets->frame_code,
        .instruction = offsets->frame_instruction,
        .group = offsets->frame_code,
        .previous = offsets->frame_previous,
        .file_name = offsets->code_filename,
        .line_table = offsets->code_line_table,
        .instruction_mask = offsets->minor >= 11 ? UINT64_MAX : UINT32_MAX,
    };
    if (offsets->minor == 11)
        layout.group = offsets->frame_is_entry;
    else if (offsets->minor >= 12)
        layout.group = offsets->frame_owner;
    return layout;
}

/* Is the frame what the trail has, and its caller as well? */
static inline bool is_unchanged(const struct layout *layout, const struct python_trail_frame *known)
{
    uint64_t at = known->at;
    if (((python_frame_load(at + layout->previous) ^ known[1].at) |
         (python_frame_load(at + layout->code) ^ known->code_word) |
         ((python_frame_load(at + layout->instruction) ^ known->instruction_word) &
          layout->instruction_mask) |
         (python_frame_load_byte(at + layout->group) ^ known->group_byte)) != 0)
        return false;
    uint64_t code = known->code;
    return code == 0 || ((python_frame_load(code + layout->file_name) ^ known->file_name) |
                         (python_frame_load(code + layout->line_table) ^ known->line_table)) == 0;
}

/* Which frame of the trail this is, if it is `known` or one of those right outside of it; else END.
 */
static inline uint32_t find_on_trail(const struct python_trail *trail, uint32_t known, uint64_t at)
{
    uint32_t end = known + LEFT_AT_ONCE < END ? known + LEFT_AT_ONCE : END;
    for (; known < end; known++)
        if (trail->frames[known].at == at)
            return known;
    return END;
}

static uint64_t hash_of_frame(const struct python_frame *frame, uint64_t file_name,
                              uint64_t line_table)
{
    uint64_t hash = stack_hash_step(frame->ends_group, frame->code ^ file_name << 16);
    return stack_hash_step(hash, frame->instruction ^ line_table << 16);
}

/* All but the hash of what is outside. False: it is no frame. */
static inline bool read_frame(const struct cpython_offsets *offsets, const struct layout *layout,
                              uint64_t at, struct python_trail_frame *read)
{
    struct python_frame frame = python_frame_read(offsets, at);
    if (frame.code != 0 && !python_frame_is_pointer(frame.code))
        return false;
    read->at = at;
    read->code_word = python_frame_load(at + layout->code);
    read->instruction_word = python_frame_load(at + layout->instruction);
    read->group_byte = python_frame_load_byte(at + layout->group);
    read->code = frame.code;
    read->file_name = frame.code != 0 ? python_frame_load(frame.code + layout->file_name) : 0;
    read->line_table = frame.code != 0 ? python_frame_load(frame.code + layout->line_table) : 0;
    read->own_hash = hash_of_frame(&frame, read->file_name, read->line_table);
    return true;
}

/* Once what is outside stands behind it. */
static inline void hash_all(struct python_trail_frame *frame)
{
    frame->hash = stack_hash_step(frame[1].hash, frame->own_hash);
}

/* ---- any stack ----------------------------------------------------------------------------- */

static inline bool put_out(struct trail_walk *walk, const struct python_trail_frame *frame)
{
    if (walk->fresh_count == PYTHON_TRAIL_FRAMES)
        return false;
    walk->trail->fresh[walk->fresh_count++] = *frame;
    return true;
}

/* Reads the frame, puts it out and goes to its caller. */
static inline bool step_out(struct trail_walk *walk)
{
    struct python_trail_frame read;
    if (!python_frame_is_pointer(walk->at) ||
        !read_frame(walk->offsets, &walk->layout, walk->at, &read))
        return false;
    walk->at = python_frame_load(walk->at + walk->layout.previous);
    return put_out(walk, &read);
}

/* Goes on until the rest is the trail's, from its frame `met` on; END: there is no rest. */
static bool walk_to_trail(struct trail_walk *walk, uint32_t *met)
{
    const struct python_trail_frame *frames = walk->trail->frames;
    *met = END;
    while (walk->at != 0) {
        uint32_t here = find_on_trail(walk->trail, walk->known, walk->at), until = here;
        if (here != END) {
            walk->known = here;
            while (until != END && is_unchanged(&walk->layout, &frames[until]))
                until++;
            if (until == END) {
                *met = walk->known;
                return true;
            }
            for (; walk->known != until; walk->known++)
                if (!put_out(walk, &frames[walk->known]))
                    return false;
            walk->at = frames[until].at;
            walk->known = until + 1;
        }
        if (!step_out(walk))
            return false;
    }
    return true;
}

/* Void while it is written: a signal may end this by a jump. */
static void begin_writing(struct python_trail *trail)
{
    trail->count = 0;
    atomic_signal_fence(memory_order_seq_cst);
}

static uint64_t end_writing(struct python_trail *trail, uint32_t first)
{
    atomic_signal_fence(memory_order_seq_cst);
    trail->count = END - first;
    return trail->frames[first].hash | 1;
}

static __attribute__((noinline)) uint64_t
hash_any(struct python_trail *trail, const struct cpython_offsets *offsets, uint64_t at)
{
    struct trail_walk walk = {.trail = trail,
                              .offsets = offsets,
                              .layout = layout_of(offsets),
                              .at = at,
                              .known = END - trail->count};
    uint32_t met;
    if (at == 0 || !walk_to_trail(&walk, &met) || walk.fresh_count > met)
        return 0;
    begin_writing(trail);
    for (uint32_t i = walk.fresh_count; i-- > 0;) {
        trail->frames[--met] = trail->fresh[i];
        hash_all(&trail->frames[met]);
    }
    return end_writing(trail, met);
}

/* ---- the usual stacks: a frame has run on, and may have called another ---------------------- */

/* Does the frame that has run on have the trail's caller, and all outside of it not changed? */
static inline bool is_rest_unchanged(const struct python_trail *trail, const struct layout *layout,
                                     uint32_t run_on)
{
    const struct python_trail_frame *frame = &trail->frames[run_on];
    if (python_frame_load(frame->at + layout->previous) != frame[1].at)
        return false;
    for (frame++; frame != &trail->frames[END]; frame++)
        if (!is_unchanged(layout, frame))
            return false;
    return true;
}

uint64_t python_trail_hash(struct python_trail *trail, const struct cpython_offsets *offsets,
                           uint64_t at)
{
    struct layout layout = layout_of(offsets);
    struct python_trail_frame called, run_on;
    uint32_t first = END - trail->count, place = find_on_trail(trail, first, at);
    bool has_called = place == END;
    if (has_called) {
        if (!python_frame_is_pointer(at) || !read_frame(offsets, &layout, at, &called))
            return 0;
        at = python_frame_load(at + layout.previous);
        place = find_on_trail(trail, first, at);
    }
    if (place == END || place < has_called || !is_rest_unchanged(trail, &layout, place) ||
        !read_frame(offsets, &layout, at, &run_on))
        return hash_any(trail, offsets, has_called ? called.at : at);
    begin_writing(trail);
    trail->frames[place] = run_on;
    hash_all(&trail->frames[place]);
    if (has_called) {
        trail->frames[--place] = called;
        hash_all(&trail->frames[place]);
    }
    return end_writing(trail, place);
}
