/* massif.out of Valgrind's Massif (its ms_main.c): what was held at some instants, at a few of them
 * by stack.
 *
 * It does not tell how often anything was allocated. A site counts as one block, of the most that
 * it was seen to hold; the peak is the snapshot that Massif marks, and what is live is what the
 * last snapshot with a tree shows. The recording is not complete, therefore, and says so.
 *
 * A tree is lines "nCHILDREN: BYTES FRAME", one blank more for each caller; the outermost line
 * stands for all. */
#include "import/import.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/text.h"
#include "import/frame_text.h"

enum {
    MOST_DEPTH = 512
};

struct reading {
    struct import_writer *writer;
    const char *at; /* of the rest of the file */
    size_t line_number;
    char *line;
    struct hash_map frames; /* hash of a text -> frame + 1 */
    bool is_in_ms;
    uint64_t time, heap_bytes, extra_bytes;
    uint64_t peak_bytes, peak_time, largest_bytes, largest_time, last_time;
    bool has_peak;
    uint64_t tree; /* number of the one that is read */
    struct held *held;
    size_t held_count, held_capacity;
    struct hash_map held_of_node; /* node -> position + 1 */
};

struct held {
    uint32_t node;
    uint64_t peak_bytes, last_bytes;
    uint64_t last_tree; /* number of the tree that last_bytes is of */
};

bool import_massif_matches(const char *head)
{
    return text_starts_with(head, "desc:") && strstr(head, "\ncmd:") != NULL;
}

/* The next line without its end; false at the end of the file. */
static bool next_line(struct reading *reading)
{
    size_t count = strcspn(reading->at, "\n");
    free(reading->line);
    reading->line = NULL;
    if (*reading->at == '\0')
        return false;
    reading->line = memory_print_text("%.*s", (int)(count < 65536 ? count : 65536), reading->at);
    reading->at += count + (reading->at[count] == '\n');
    reading->line_number++;
    return true;
}

static bool refuse(const struct reading *reading, const char *what, struct error *error)
{
    return error_set(error, "line %zu: %s", reading->line_number, what);
}

/* ---- trees ------------------------------------------------------------------------------- */

static uint32_t frame_of(struct reading *reading, const char *text)
{
    uint64_t hash = hash_bytes(text, strlen(text), 0);
    bool is_new;
    uint64_t *frame = hash_map_put(&reading->frames, hash, &is_new);
    if (is_new) {
        struct frame_text parsed;
        /* "in 3 places, all below massif's threshold (1.00%)" */
        frame_text_parse(text_starts_with(text, "in ") ? "[below Massif's threshold]" : text,
                         &parsed);
        *frame = frame_text_add(&parsed, reading->writer);
        frame_text_clear(&parsed);
    }
    return (uint32_t)*frame;
}

static void hold(struct reading *reading, uint32_t node, uint64_t bytes, bool is_peak)
{
    bool is_new;
    uint64_t *position = hash_map_put(&reading->held_of_node, node, &is_new);
    if (is_new) {
        *position = reading->held_count;
        reading->held = memory_grow(reading->held, &reading->held_capacity, reading->held_count + 1,
                                    sizeof *reading->held);
        reading->held[reading->held_count++] = (struct held){.node = node};
    }
    struct held *held = &reading->held[*position];
    if (held->last_tree != reading->tree)
        held->last_bytes = 0;
    held->last_tree = reading->tree;
    held->last_bytes += bytes;
    if (is_peak)
        held->peak_bytes += bytes;
}

struct tree_line {
    size_t depth;
    uint64_t children, bytes;
    const char *frame;
};

static bool parse_tree_line(const char *line, struct tree_line *parsed)
{
    char *end;
    parsed->depth = strspn(line, " ");
    line += parsed->depth;
    if (*line != 'n' || line[1] < '0' || line[1] > '9')
        return false;
    parsed->children = strtoull(line + 1, &end, 10);
    if (end[0] != ':' || end[1] != ' ' || end[2] < '0' || end[2] > '9')
        return false;
    parsed->bytes = strtoull(end + 2, &end, 10);
    parsed->frame = end + strspn(end, " ");
    return true;
}

/* `path` are the frames from the innermost on. */
static void take_leaf(struct reading *reading, const uint32_t *path, size_t count, uint64_t bytes,
                      bool is_peak)
{
    uint32_t node = 0;
    for (size_t i = count; i-- > 0;)
        node = import_writer_add_node(reading->writer, node, path[i]);
    hold(reading, node, bytes, is_peak);
}

static bool read_tree(struct reading *reading, bool is_peak, struct error *error)
{
    uint32_t path[MOST_DEPTH];
    uint64_t open[MOST_DEPTH + 1]; /* lines that are still to come, by depth */
    size_t depth = 0;
    reading->tree++;
    open[0] = 1;
    for (;;) {
        struct tree_line line;
        while (open[depth] == 0) {
            if (depth == 0)
                return true;
            depth--;
        }
        if (!next_line(reading) || !parse_tree_line(reading->line, &line) || line.depth != depth ||
            line.bytes > INT64_MAX / 2)
            return refuse(reading, "the tree ends, or is none", error);
        open[depth]--;
        if (depth > 0)
            path[depth - 1] = frame_of(reading, line.frame);
        if (line.children == 0) {
            take_leaf(reading, path, depth, line.bytes, is_peak);
        } else {
            if (depth == MOST_DEPTH)
                return refuse(reading, "the tree is too deep", error);
            open[++depth] = line.children;
        }
    }
}

/* ---- snapshots --------------------------------------------------------------------------- */

/* "KEY=VALUE". */
static bool has_key(const char *line, const char *key, const char **value)
{
    size_t count = strlen(key);
    if (strncmp(line, key, count) != 0 || line[count] != '=')
        return false;
    *value = line + count + 1;
    return true;
}

static uint64_t time_ns(const struct reading *reading, uint64_t time)
{
    return reading->is_in_ms && time < INT64_MAX / 1000000 ? time * 1000000 : 0;
}

static bool end_snapshot(struct reading *reading, const char *tree, struct error *error)
{
    bool is_peak = strcmp(tree, "peak") == 0 && !reading->has_peak;
    import_writer_add_sample(reading->writer, time_ns(reading, reading->time), reading->heap_bytes,
                             0);
    reading->last_time = reading->time;
    if (reading->heap_bytes > reading->largest_bytes) {
        reading->largest_bytes = reading->heap_bytes;
        reading->largest_time = reading->time;
    }
    if (is_peak) {
        reading->has_peak = true;
        reading->peak_bytes = reading->heap_bytes;
        reading->peak_time = reading->time;
    }
    return strcmp(tree, "empty") == 0 || read_tree(reading, is_peak, error);
}

static bool read_snapshots(struct reading *reading, struct error *error)
{
    const char *value;
    while (next_line(reading)) {
        if (has_key(reading->line, "time", &value))
            reading->time = strtoull(value, NULL, 10);
        else if (has_key(reading->line, "mem_heap_B", &value))
            reading->heap_bytes = strtoull(value, NULL, 10);
        else if (has_key(reading->line, "heap_tree", &value) &&
                 !end_snapshot(reading, value, error))
            return false;
        if (reading->heap_bytes > INT64_MAX / 2)
            return refuse(reading, "more bytes than there can be", error);
    }
    return true;
}

static void write_sites(struct reading *reading)
{
    for (size_t i = 0; i < reading->held_count; i++) {
        const struct held *held = &reading->held[i];
        struct recording_site *site = import_writer_site(reading->writer, held->node);
        uint64_t live = held->last_tree == reading->tree ? held->last_bytes : 0;
        site->allocations = 1;
        site->allocated_bytes = held->peak_bytes > live ? held->peak_bytes : live;
        site->frees = live == 0;
        site->freed_bytes = site->allocated_bytes - live;
        site->peak_blocks = held->peak_bytes != 0;
        site->peak_bytes = held->peak_bytes;
    }
}

static bool read_file(struct reading *reading, struct error *error)
{
    for (int i = 0; i < 3; i++) {
        if (!next_line(reading))
            return refuse(reading, "it ends within its head", error);
        if (text_starts_with(reading->line, "cmd: "))
            import_writer_set_command(reading->writer, reading->line + strlen("cmd: "));
        else if (text_starts_with(reading->line, "time_unit: "))
            reading->is_in_ms = strcmp(reading->line + strlen("time_unit: "), "ms") == 0;
    }
    if (!read_snapshots(reading, error))
        return false;
    write_sites(reading);
    if (!reading->has_peak) {
        reading->peak_bytes = reading->largest_bytes;
        reading->peak_time = reading->largest_time;
    }
    import_writer_set_peak(reading->writer, reading->peak_bytes,
                           time_ns(reading, reading->peak_time), 0);
    import_writer_set_duration(reading->writer, time_ns(reading, reading->last_time));
    import_writer_note(reading->writer,
                       "Massif does not count calls: each site is shown as one block");
    if (!reading->is_in_ms)
        import_writer_note(reading->writer, "its times are counts of instructions or bytes: none "
                                            "are shown");
    return true;
}

bool import_massif(const char *text, size_t count, struct import_writer *writer,
                   struct error *error)
{
    struct reading reading = {.writer = writer, .at = text};
    (void)count;
    bool is_good = read_file(&reading, error);
    free(reading.line);
    free(reading.held);
    hash_map_clear(&reading.frames);
    hash_map_clear(&reading.held_of_node);
    return is_good;
}
