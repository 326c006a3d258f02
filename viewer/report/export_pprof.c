/* pprof's profile.proto (https://github.com/google/pprof/blob/main/proto/profile.proto), gzipped.
 *
 * Sample types have Go's names and order, which every reader knows, with the peak behind them. A
 * location is a frame, its lines are the functions inlined there, innermost first. Readers want an
 * address inside a mapping: modules stand one behind the other, which is as good as where they were
 * loaded, since a recording may hold several processes. has_functions and its like tell pprof that
 * there is nothing left to look up. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "report/export_parts.h"

/* Numbers of fields, by message. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING_TABLE = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_SAMPLE_TYPE = 14,
    VALUE_TYPE_TYPE = 1,
    VALUE_TYPE_UNIT = 2,
    SAMPLE_LOCATION_ID = 1,
    SAMPLE_VALUE = 2,
    SAMPLE_LABEL = 3,
    LABEL_KEY = 1,
    LABEL_STR = 2,
    MAPPING_ID = 1,
    MAPPING_START = 2,
    MAPPING_LIMIT = 3,
    MAPPING_FILE = 5,
    MAPPING_BUILD_ID = 6,
    MAPPING_HAS_FUNCTIONS = 7,
    MAPPING_HAS_FILES = 8,
    MAPPING_HAS_LINES = 9,
    MAPPING_HAS_INLINES = 10,
    LOCATION_ID = 1,
    LOCATION_MAPPING_ID = 2,
    LOCATION_ADDRESS = 3,
    LOCATION_LINE = 4,
    LINE_FUNCTION_ID = 1,
    LINE_LINE = 2,
    FUNCTION_ID = 1,
    FUNCTION_NAME = 2,
    FUNCTION_SYSTEM_NAME = 3,
    FUNCTION_FILE = 4
};

static const uint64_t MODULE_BYTES = UINT64_C(1) << 40; /* of addresses, for each module */

struct sample_type {
    const char *type;
    const char *unit;
    enum query_metric metric;
};

static const struct sample_type sample_types[] = {
    {"alloc_objects", "count", QUERY_ALLOCATIONS},
    {"alloc_space", "bytes", QUERY_ALLOCATED_BYTES},
    {"inuse_objects", "count", QUERY_LIVE_BLOCKS},
    {"inuse_space", "bytes", QUERY_LIVE_BYTES},
    {"peak_objects", "count", QUERY_PEAK_BLOCKS},
    {"peak_space", "bytes", QUERY_PEAK_BYTES},
    {"temporary_objects", "count", QUERY_TEMPORARY},
};

enum {
    SAMPLE_TYPES = sizeof sample_types / sizeof *sample_types
};

/* The profile shares equal texts, so a text is known by its address. */
struct writing {
    const struct profile *profile;
    const struct export_options *options;
    gzFile out;
    struct text fields;        /* of the message that is being put together */
    struct hash_map strings;   /* address of a text to its position in the table of strings */
    struct hash_map functions; /* name << 32 | file, as such positions, to the function's id */
    uint8_t *is_frame_written;
};

/* ---- wire types ---- */

static void add_varint(struct text *out, uint64_t number)
{
    char bytes[10];
    size_t count = 0;

    do {
        bytes[count++] = (char)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        number >>= 7;
    } while (number > 0);
    text_add_bytes(out, bytes, count);
}

static void add_number(struct text *out, unsigned field, uint64_t number)
{
    if (number == 0)
        return; /* what is absent is 0 */
    add_varint(out, field << 3);
    add_varint(out, number);
}

static void add_bytes(struct text *out, unsigned field, const char *bytes, size_t count)
{
    add_varint(out, field << 3 | 2);
    add_varint(out, count);
    text_add_bytes(out, bytes, count);
}

static void add_message(struct text *out, unsigned field, struct text *message)
{
    add_bytes(out, field, text_get(message), message->count);
    text_clear(message);
}

/* A field of the profile itself, into the file. */
static void write_message(struct writing *writing, unsigned field, struct text *message)
{
    struct text framed = {0};

    add_message(&framed, field, message);
    gzwrite(writing->out, framed.bytes, (unsigned)framed.count);
    text_clear(&framed);
}

static void write_number(struct writing *writing, unsigned field, uint64_t number)
{
    struct text framed = {0};

    add_number(&framed, field, number);
    if (framed.count > 0)
        gzwrite(writing->out, framed.bytes, (unsigned)framed.count);
    text_clear(&framed);
}

static void write_string(struct writing *writing, const char *string)
{
    struct text safe = {0};

    export_add_name(&safe, string, "", ' ');
    write_message(writing, PROFILE_STRING_TABLE, &safe);
}

/* The position of a text that lives as long as the profile. */
static uint64_t string_of(struct writing *writing, const char *string)
{
    bool is_new;
    uint64_t *position;

    if (!string || !*string)
        return 0;
    position = hash_map_put(&writing->strings, (uint64_t)(uintptr_t)string, &is_new);
    if (is_new) {
        *position = writing->strings.count;
        write_string(writing, string);
    }
    return *position;
}

/* ---- what samples name ---- */

static uint64_t function_of(struct writing *writing, const struct profile_location *location)
{
    uint64_t name = string_of(writing, location->function);
    uint64_t file = string_of(writing, location->file);
    bool is_new;
    uint64_t *id = hash_map_put(&writing->functions, name << 32 | file, &is_new);

    if (is_new) {
        struct text message = {0};

        *id = writing->functions.count;
        add_number(&message, FUNCTION_ID, *id);
        add_number(&message, FUNCTION_NAME, name);
        add_number(&message, FUNCTION_SYSTEM_NAME, name);
        add_number(&message, FUNCTION_FILE, file);
        write_message(writing, PROFILE_FUNCTION, &message);
    }
    return *id;
}

/* An address inside the module's mapping; of a call, within the call. */
static uint64_t address_of(const struct profile_frame *frame)
{
    uint64_t offset = frame->offset - (frame->offset > 0 && !frame->is_exact);

    if (frame->module_plus_1 == 0)
        return frame->kind == RECORDING_FRAME_OMITTED ? 0 : offset;
    return frame->module_plus_1 * MODULE_BYTES + offset % MODULE_BYTES;
}

static void write_location(struct writing *writing, uint32_t position)
{
    const struct profile_frame *frame = &writing->profile->frames[position];
    struct text message = {0};

    add_number(&message, LOCATION_ID, position + 1);
    add_number(&message, LOCATION_MAPPING_ID, frame->module_plus_1);
    add_number(&message, LOCATION_ADDRESS, address_of(frame));
    for (uint32_t i = 0; i < frame->location_count; i++) {
        const struct profile_location *location =
            &writing->profile->locations[frame->first_location + i];
        struct text line = {0};

        add_number(&line, LINE_FUNCTION_ID, function_of(writing, location));
        add_number(&line, LINE_LINE, location->line);
        add_message(&message, LOCATION_LINE, &line);
    }
    write_message(writing, PROFILE_LOCATION, &message);
}

static void write_mapping(struct writing *writing, uint32_t i)
{
    const struct profile_module *module = &writing->profile->modules[i];
    struct text message = {0};

    add_number(&message, MAPPING_ID, i + 1);
    add_number(&message, MAPPING_START, (i + 1) * MODULE_BYTES);
    add_number(&message, MAPPING_LIMIT, (i + 2) * MODULE_BYTES);
    add_number(&message, MAPPING_FILE, string_of(writing, module->path));
    add_number(&message, MAPPING_BUILD_ID, string_of(writing, module->build_id));
    add_number(&message, MAPPING_HAS_FUNCTIONS, 1);
    add_number(&message, MAPPING_HAS_FILES, 1);
    add_number(&message, MAPPING_HAS_LINES, 1);
    add_number(&message, MAPPING_HAS_INLINES, 1);
    write_message(writing, PROFILE_MAPPING, &message);
}

/* The first mapping is taken for the program. */
static bool is_program(const struct writing *writing, uint32_t module)
{
    return writing->profile->process_count > 0 &&
           strcmp(writing->profile->modules[module].path,
                  writing->profile->processes[0].about.executable) == 0;
}

static void write_mappings(struct writing *writing)
{
    for (int is_rest = 0; is_rest < 2; is_rest++)
        for (uint32_t i = 0; i < writing->profile->module_count; i++)
            if (is_program(writing, i) != is_rest)
                write_mapping(writing, i);
}

/* ---- samples ---- */

static void write_sample(struct writing *writing, const struct profile_site *site)
{
    const struct profile *profile = writing->profile;
    struct text message = {0}, ids = {0}, values = {0}, label = {0};

    for (uint32_t node = site->stack_node; node; node = profile->nodes[node].parent) {
        uint32_t frame = profile->nodes[node].frame;

        if (!writing->is_frame_written[frame]) {
            writing->is_frame_written[frame] = 1;
            write_location(writing, frame);
        }
        add_varint(&ids, frame + 1);
    }
    for (size_t i = 0; i < SAMPLE_TYPES; i++)
        if (export_knows(profile, sample_types[i].metric))
            add_varint(&values, query_site_value(site, sample_types[i].metric));
    add_message(&message, SAMPLE_LOCATION_ID, &ids);
    add_message(&message, SAMPLE_VALUE, &values);
    add_number(&label, LABEL_KEY, string_of(writing, "process"));
    add_number(&label, LABEL_STR,
               string_of(writing, profile_process_name(&profile->processes[site->process])));
    add_message(&message, SAMPLE_LABEL, &label);
    write_message(writing, PROFILE_SAMPLE, &message);
}

static void write_value_type(struct writing *writing, unsigned field, const char *type,
                             const char *unit)
{
    struct text message = {0};

    add_number(&message, VALUE_TYPE_TYPE, string_of(writing, type));
    add_number(&message, VALUE_TYPE_UNIT, string_of(writing, unit));
    write_message(writing, field, &message);
}

/* What viewers show first: the metric that was asked for, or what was live. */
static const char *default_type(const struct export_options *options)
{
    for (size_t i = 0; i < SAMPLE_TYPES; i++)
        if (sample_types[i].metric == options->metric)
            return sample_types[i].type;
    return "inuse_space";
}

static void write_header(struct writing *writing, struct text *comment)
{
    const struct profile *profile = writing->profile;

    write_string(writing, "");
    for (size_t i = 0; i < SAMPLE_TYPES; i++)
        if (export_knows(profile, sample_types[i].metric))
            write_value_type(writing, PROFILE_SAMPLE_TYPE, sample_types[i].type,
                             sample_types[i].unit);
    write_value_type(writing, PROFILE_PERIOD_TYPE, "space", "bytes");
    write_number(writing, PROFILE_PERIOD, 1); /* every byte was seen */
    write_number(writing, PROFILE_DEFAULT_SAMPLE_TYPE,
                 string_of(writing, default_type(writing->options)));
    write_number(writing, PROFILE_TIME_NANOS,
                 profile->session.start_time_unix_ns +
                     (profile->whole ? profile->interval.from_ns : 0));
    write_number(writing, PROFILE_DURATION_NANOS,
                 profile->whole ? profile->interval.to_ns - profile->interval.from_ns
                                : profile->duration_ns);
    export_add_command(comment, profile, writing->options);
    write_number(writing, PROFILE_COMMENT, string_of(writing, text_get(comment)));
}

bool export_write_pprof(const struct profile *profile, const struct export_options *options,
                        FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .options = options};
    struct export_sites sites;
    struct text comment = {0};
    int fd;
    bool is_written;

    if (!export_sites_select(profile, options, &sites, error))
        return false;
    fflush(out);
    fd = dup(fileno(out));
    writing.out = fd < 0 ? NULL : gzdopen(fd, "wb6");
    if (!writing.out) {
        if (fd >= 0)
            close(fd);
        export_sites_clear(&sites);
        return error_set_errno(error, errno ? errno : ENOMEM, "cannot write the export");
    }
    writing.is_frame_written = memory_allocate_zeroed(profile->frame_count, 1);
    write_header(&writing, &comment);
    write_mappings(&writing);
    for (size_t i = 0; i < sites.count; i++)
        write_sample(&writing, &profile->sites[sites.positions[i]]);
    errno = 0;
    is_written = gzclose(writing.out) == Z_OK;
    if (!is_written)
        error_set_errno(error, errno ? errno : EIO, "cannot write the export");
    free(writing.is_frame_written);
    hash_map_clear(&writing.functions);
    hash_map_clear(&writing.strings);
    text_clear(&comment);
    export_sites_clear(&sites);
    return is_written;
}
