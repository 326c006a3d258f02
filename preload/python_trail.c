#include "preload/python_trail.h"

#include <stdatomic.h>
#include <stddef.h>

#include "preload/stack_hash.h"

#define ALWAYS_INLINE __attribute__((always_inline))

enum {
    END = PYTHON_TRAIL_FRAMES,
    LEFT_AT_ONCE = 4 /* so many frames may have been left since the last stack */
};

/* Where the words stand that are compared. */
struct layout {
    uint64_t code, instruction, group, previous, file_name, line_table;
    uint64_t instruction_mask, tags;
    bool has_frames_of_c;
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
static inline ALWAYS_INLINE struct layout layout_of(const struct cpython_offsets *offsets)
{
    struct layout layout = {
        .code = offsets->frame_code,
        .instruction = offsets->frame_instruction,
        .group = offsets->frame_code,
        .previous = offsets->frame_previous,
        .file_name = offsets->code_filename,
        .line_table = offsets->code_line_table,
        .instruction_mask = offsets->minor >= 11 ? UINT64_MAX : UINT32_MAX,
        .tags = offsets->minor >= 14 ? PYTHON_FRAME_TAGS : 0,
        .has_frames_of_c = offsets->minor >= 12,
    };
    if (offsets->minor == 11)
        layout.group = offsets->frame_is_entry;
    else if (offsets->minor >= 12)
        layout.group = offsets->frame_owner;
    return layout;
}

/* Does a frame of the trail run the same code? */
static inline ALWAYS_INLINE bool has_same_code(const struct layout *layout,
                                               const struct python_trail_frame *known)
{
    uint64_t code_word = python_frame_load(known->at + layout->code);
    uint8_t group_byte = python_frame_load_byte(known->at + layout->group);
    if (code_word != known->code_word || group_byte != known->group_byte)
        return false;
    if (layout->has_frames_of_c && group_byte == CPYTHON_FRAME_OF_C)
        return true;
    uint64_t code = code_word & ~layout->tags;
    return python_frame_load(code + layout->file_name) == known->file_name &&
           python_frame_load(code + layout->line_table) == known->line_table;
}

static inline ALWAYS_INLINE bool has_same_instruction(const struct layout *layout,
                                                      const struct python_trail_frame *known)
{
    uint64_t word = python_frame_load(known->at + layout->instruction);
    return ((word ^ known->instruction_word) & layout->instruction_mask) == 0;
}

static inline ALWAYS_INLINE bool has_same_caller(const struct layout *layout,
                                                 const struct python_trail_frame *known)
{
    return python_frame_load(known->at + layout->previous) == known[1].at;
}

/* Is the frame what the trail has, and its caller as well? */
static inline ALWAYS_INLINE bool is_unchanged(const struct layout *layout,
                                              const struct python_trail_frame *known)
{
    return has_same_caller(layout, known) && has_same_instruction(layout, known) &&
           has_same_code(layout, known);
}

/* Which frame of the trail this is, if it is `known` or one of those right outside of it; else END.
 */
static inline ALWAYS_INLINE uint32_t find_on_trail(const struct python_trail *trail, uint32_t known,
                                                   uint64_t at)
{
    uint32_t end = known + LEFT_AT_ONCE < END ? known + LEFT_AT_ONCE : END;
    for (; known < end; known++)
        if (trail->frames[known].at == at)
            return known;
    return END;
}

/* All but the hash of what is outside. False: it is no frame. */
static inline ALWAYS_INLINE bool read_frame(const struct cpython_offsets *offsets,
                                            const struct layout *layout, uint64_t at,
                                            struct python_trail_frame *read)
{
    struct python_frame frame = python_frame_read(offsets, at);
    read->at = at;
    read->code_word = python_frame_load(at + layout->code);
    read->instruction_word = python_frame_load(at + layout->instruction);
    read->group_byte = python_frame_load_byte(at + layout->group);
    read->ends_group = frame.ends_group;
    read->file_name = read->line_table = 0;
    if (!layout->has_frames_of_c || read->group_byte != CPYTHON_FRAME_OF_C) {
        if (!python_frame_is_pointer(frame.code))
            return false;
        read->file_name = python_frame_load(frame.code + layout->file_name);
        read->line_table = python_frame_load(frame.code + layout->line_table);
    }
    read->code_hash = stack_hash_step(frame.ends_group, frame.code ^ read->file_name << 16);
    return true;
}

/* Once what is outside stands behind it. */
static inline ALWAYS_INLINE void hash_all(const struct layout *layout,
                                          struct python_trail_frame *frame)
{
    bool is_of_c = layout->has_frames_of_c && frame->group_byte == CPYTHON_FRAME_OF_C;
    uint64_t instruction = is_of_c ? 0 : frame->instruction_word & layout->instruction_mask;
    uint64_t own_hash = stack_hash_step(frame->code_hash, instruction ^ frame->line_table << 16);
    frame->hash = stack_hash_step(frame[1].hash, own_hash);
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
        trail->words[met] = 0;
        hash_all(&walk.layout, &trail->frames[met]);
    }
    return end_writing(trail, met);
}

/* ---- the usual stacks: a frame has run on, and may have called another ---------------------- */

/* Has the frame that may have run on the trail's caller, and have those from there to the `end` not
 * changed? */
typedef bool (*rest_comparer)(const struct python_trail_frame *run_on,
                              const struct python_trail_frame *end);

static inline ALWAYS_INLINE bool is_rest_unchanged(const struct cpython_offsets *offsets,
                                                   const struct python_trail_frame *run_on,
                                                   const struct python_trail_frame *end)
{
    struct layout layout = layout_of(offsets);
    if (!has_same_caller(&layout, run_on))
        return false;
    for (run_on++; run_on != end; run_on++)
        if (!is_unchanged(&layout, run_on))
            return false;
    return true;
}

/* Frames were left, or one was entered, or a frame runs other code. */
static inline ALWAYS_INLINE uint64_t hash_other_top(struct python_trail *trail,
                                                    const struct cpython_offsets *offsets,
                                                    uint64_t at, rest_comparer compare_rest)
{
    struct layout layout = layout_of(offsets);
    uint64_t innermost = at;
    uint32_t first = END - trail->count, place = find_on_trail(trail, first, at);
    bool has_called = place == END;
    if (has_called) {
        if (!python_frame_is_pointer(at))
            return 0;
        at = python_frame_load(at + layout.previous);
        place = find_on_trail(trail, first, at);
    }
    if (place == END || place < has_called ||
        !compare_rest(&trail->frames[place], &trail->frames[END]))
        return hash_any(trail, offsets, innermost);
    struct python_trail_frame *run_on = &trail->frames[place], *called = run_on - has_called;
    begin_writing(trail);
    if (!read_frame(offsets, &layout, at, run_on))
        return 0;
    hash_all(&layout, run_on);
    trail->words[place] = 0;
    if (has_called) {
        if (!read_frame(offsets, &layout, innermost, called))
            return 0;
        hash_all(&layout, called);
        trail->words[place - 1] = 0;
    }
    return end_writing(trail, place - has_called);
}

/* The innermost frame is the trail's, and has run on at most. */
static inline ALWAYS_INLINE bool has_only_run_on(const struct python_trail *trail,
                                                 const struct layout *layout,
                                                 const struct python_trail_frame *innermost,
                                                 uint64_t at, rest_comparer compare_rest)
{
    return at != 0 && at == innermost->at && compare_rest(innermost, &trail->frames[END]) &&
           has_same_code(layout, innermost);
}

typedef uint64_t (*hasher)(struct python_trail *trail, uint64_t at);

/* What is handed in is not inlined: the loop of the one needs the registers, and the other, saved
 * ones. */
static inline ALWAYS_INLINE uint64_t hash_usual(struct python_trail *trail,
                                                const struct cpython_offsets *offsets, uint64_t at,
                                                rest_comparer compare_rest, hasher hash_others)
{
    struct layout layout = layout_of(offsets);
    struct python_trail_frame *innermost = &trail->frames[END - trail->count];
    if (__builtin_expect(!has_only_run_on(trail, &layout, innermost, at, compare_rest), 0))
        return hash_others(trail, at);
    if (has_same_instruction(&layout, innermost))
        return innermost->hash | 1;
    uint32_t count = trail->count;
    begin_writing(trail);
    innermost->instruction_word = python_frame_load(at + layout.instruction);
    hash_all(&layout, innermost);
    trail->words[END - count] = 0;
    return end_writing(trail, END - count);
}

struct python_frame python_trail_frame_at(const struct python_trail *trail,
                                          const struct cpython_offsets *offsets, uint32_t index)
{
    const struct python_trail_frame *known = &trail->frames[END - trail->count + index];
    struct layout layout = layout_of(offsets);
    if (layout.has_frames_of_c && known->group_byte == CPYTHON_FRAME_OF_C)
        return (struct python_frame){.ends_group = true};
    return (struct python_frame){
        .code = known->code_word & ~(uint64_t)PYTHON_FRAME_TAGS,
        .instruction = known->instruction_word & layout.instruction_mask,
        .ends_group = offsets->minor == 11 ? known->group_byte != 0 : offsets->minor < 11,
    };
}

/* ---- by version ----------------------------------------------------------------------------- */

/* Where the offsets stand in the instructions they need not be loaded, nor versions told apart. The
 * newest versions only: others come by the function for all. */
#define VALUE_11(name, v38, v39, v310, v311, v312, v313, v314, ...) .name = v311,
#define VALUE_12(name, v38, v39, v310, v311, v312, v313, v314, ...) .name = v312,
#define VALUE_13(name, v38, v39, v310, v311, v312, v313, v314, ...) .name = v313,
#define VALUE_14(name, v38, v39, v310, v311, v312, v313, v314, ...) .name = v314,

#define VERSION(number)                                                                            \
    static const struct cpython_offsets offsets_##number = {.minor = number,                       \
                                                            CPYTHON_FIELDS(VALUE_##number)};       \
    static __attribute__((noinline)) bool is_rest_unchanged_##number(                              \
        const struct python_trail_frame *run_on, const struct python_trail_frame *end)             \
    {                                                                                              \
        return is_rest_unchanged(&offsets_##number, run_on, end);                                  \
    }                                                                                              \
    static __attribute__((noinline))                                                               \
    uint64_t hash_others_##number(struct python_trail *trail, uint64_t at)                         \
    {                                                                                              \
        return hash_other_top(trail, &offsets_##number, at, is_rest_unchanged_##number);           \
    }                                                                                              \
    static uint64_t hash_##number(struct python_trail *trail,                                      \
                                  const struct cpython_offsets *offsets, uint64_t at)              \
    {                                                                                              \
        (void)offsets;                                                                             \
        return hash_usual(trail, &offsets_##number, at, is_rest_unchanged_##number,                \
                          hash_others_##number);                                                   \
    }

VERSION(11)
VERSION(12)
VERSION(13)
VERSION(14)

uint64_t python_trail_hash(struct python_trail *trail, const struct cpython_offsets *offsets,
                           uint64_t at)
{
    return hash_any(trail, offsets, at);
}

/* As far as a trail reads. */
static bool is_of(const struct cpython_offsets *offsets, const struct cpython_offsets *version)
{
    return offsets->minor == version->minor && offsets->frame_code == version->frame_code &&
           offsets->frame_previous == version->frame_previous &&
           offsets->frame_instruction == version->frame_instruction &&
           offsets->frame_is_entry == version->frame_is_entry &&
           offsets->frame_owner == version->frame_owner &&
           offsets->code_filename == version->code_filename &&
           offsets->code_line_table == version->code_line_table;
}

python_trail_hasher python_trail_find_hasher(const struct cpython_offsets *offsets)
{
    static const struct {
        const struct cpython_offsets *offsets;
        python_trail_hasher hasher;
    } versions[] = {{&offsets_11, hash_11},
                    {&offsets_12, hash_12},
                    {&offsets_13, hash_13},
                    {&offsets_14, hash_14}};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (is_of(offsets, versions[i].offsets))
            return versions[i].hasher;
    return python_trail_hash;
}
