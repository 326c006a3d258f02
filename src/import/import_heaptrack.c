/* heaptrack's recordings, versions 1 to 3 (its accumulatedtracedata.cpp; viewer/report/
 * export_heaptrack.c says what stands in them). All numbers are hexadecimal; texts of version 3
 * have their length in front.
 *
 * They have every event, so figures are exact: a site's share of the peak is what it held when all
 * of them held most, which is kept by the number of the peak at which it was last looked at. */
#include "import/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct piece { /* of the file */
    const char *at;
    size_t count;
};

struct site_state {
    uint32_t node;
    uint64_t live_blocks, live_bytes;
    uint64_t peak; /* number of the last one that is known here */
};

struct kind { /* of block: a size on a stack */
    uint64_t bytes;
    uint64_t live;
    size_t site;
};

struct reading {
    struct import_writer *writer;
    struct piece line;
    size_t line_number;
    uint64_t version;
    struct piece *texts;
    size_t text_count, text_capacity;
    uint32_t *instructions; /* frames */
    size_t instruction_count, instruction_capacity;
    uint32_t *stacks; /* nodes */
    size_t stack_count, stack_capacity;
    struct kind *kinds;
    size_t kind_count, kind_capacity;
    struct site_state *sites;
    size_t site_count, site_capacity;
    size_t *site_of_stack; /* + 1; 0 = none yet */
    size_t site_of_stack_capacity, site_of_stack_count;
    uint64_t last_kind; /* + 1, when the last event was an allocation */
    uint64_t allocated_bytes; /* of all kinds */
    uint64_t live_bytes, peak_bytes, peak, peak_ms, ms, resident, most_resident, page_bytes;
};

bool import_heaptrack_matches(const char *head)
{
    size_t digits = head[0] == 'v' && head[1] == ' ' ? strspn(head + 2, "0123456789abcdef") : 0;
    return digits != 0 && (head[2 + digits] == ' ' || head[2 + digits] == '\n');
}

static bool refuse(const struct reading *reading, const char *what, struct error *error)
{
    return error_set(error, "line %zu: %s", reading->line_number, what);
}

/* ---- words of a line --------------------------------------------------------------------- */

static bool take_number(struct piece *rest, uint64_t *number)
{
    *number = 0;
    while (rest->count != 0 && *rest->at == ' ') {
        rest->at++;
        rest->count--;
    }
    size_t digits = 0;
    for (; rest->count != 0; rest->at++, rest->count--, digits++) {
        char byte = *rest->at;
        if (byte >= '0' && byte <= '9')
            *number = *number << 4 | (uint64_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            *number = *number << 4 | (uint64_t)(byte - 'a' + 10);
        else
            break;
    }
    return digits != 0 && digits <= 16;
}

/* Caller frees; NULL for number 0 and for what was not given. */
static char *text_of(const struct reading *reading, uint64_t number)
{
    if (number == 0 || number > reading->text_count)
        return NULL;
    const struct piece *text = &reading->texts[number - 1];
    return memory_print_text("%.*s", (int)(text->count < 65536 ? text->count : 65536), text->at);
}

/* ---- lines ------------------------------------------------------------------------------- */

static bool read_text(struct reading *reading, struct piece rest, struct error *error)
{
    uint64_t count = rest.count;
    if (reading->version >= 3) {
        if (!take_number(&rest, &count) || rest.count == 0 || count > rest.count - 1)
            return refuse(reading, "a text is shorter than it says", error);
        rest.at++;
    }
    reading->texts = memory_grow(reading->texts, &reading->text_capacity, reading->text_count + 1,
                                 sizeof *reading->texts);
    reading->texts[reading->text_count++] = (struct piece){rest.at, (size_t)count};
    return true;
}

static bool read_instruction(struct reading *reading, struct piece rest, struct error *error)
{
    enum {
        MOST_LOCATIONS = 64
    };
    struct import_location locations[MOST_LOCATIONS];
    char *texts[2 * MOST_LOCATIONS];
    uint64_t address, module, function, file, line;
    size_t count = 0;
    if (!take_number(&rest, &address))
        return refuse(reading, "an instruction without an address", error);
    take_number(&rest, &module);
    while (count < MOST_LOCATIONS && take_number(&rest, &function)) {
        bool has_file = take_number(&rest, &file) && take_number(&rest, &line);
        texts[2 * count] = text_of(reading, function);
        texts[2 * count + 1] = has_file ? text_of(reading, file) : NULL;
        locations[count] = (struct import_location){texts[2 * count], texts[2 * count + 1],
                                                    has_file ? line : 0};
        count++;
    }
    char *path = text_of(reading, module);
    reading->instructions = memory_grow(reading->instructions, &reading->instruction_capacity,
                                        reading->instruction_count + 1,
                                        sizeof *reading->instructions);
    reading->instructions[reading->instruction_count++] = import_writer_add_frame(
        reading->writer, path, address, locations, count);
    for (size_t i = 0; i < 2 * count; i++)
        free(texts[i]);
    free(path);
    return true;
}

static bool read_stack(struct reading *reading, struct piece rest, struct error *error)
{
    uint64_t instruction, caller;
    if (!take_number(&rest, &instruction) || !take_number(&rest, &caller) || instruction == 0 ||
        instruction > reading->instruction_count || caller > reading->stack_count)
        return refuse(reading, "a stack of what is not there", error);
    uint32_t below = caller != 0 ? reading->stacks[caller - 1] : 0;
    reading->stacks = memory_grow(reading->stacks, &reading->stack_capacity,
                                  reading->stack_count + 1, sizeof *reading->stacks);
    reading->stacks[reading->stack_count++] = import_writer_add_node(
        reading->writer, below, reading->instructions[instruction - 1]);
    return true;
}

/* Equal stacks may come twice: then they are two sites here and one in the writer. */
static size_t site_of(struct reading *reading, uint64_t stack)
{
    reading->site_of_stack = memory_grow(reading->site_of_stack, &reading->site_of_stack_capacity,
                                         (size_t)stack + 1, sizeof *reading->site_of_stack);
    while (reading->site_of_stack_count <= stack)
        reading->site_of_stack[reading->site_of_stack_count++] = 0;
    size_t *site = &reading->site_of_stack[stack];
    if (*site == 0) {
        reading->sites = memory_grow(reading->sites, &reading->site_capacity,
                                     reading->site_count + 1, sizeof *reading->sites);
        reading->sites[reading->site_count++] = (struct site_state){
            .node = stack != 0 ? reading->stacks[stack - 1] : 0};
        *site = reading->site_count;
    }
    return *site - 1;
}

static bool read_kind(struct reading *reading, struct piece rest, struct error *error)
{
    uint64_t bytes, stack;
    if (!take_number(&rest, &bytes) || !take_number(&rest, &stack) ||
        stack > reading->stack_count || bytes > INT64_MAX)
        return refuse(reading, "blocks of a stack that is not there", error);
    reading->kinds = memory_grow(reading->kinds, &reading->kind_capacity, reading->kind_count + 1,
                                 sizeof *reading->kinds);
    reading->kinds[reading->kind_count++] = (struct kind){.bytes = bytes,
                                                          .site = site_of(reading, stack)};
    return true;
}

/* Before a site changes, and at the end: what it has now, it had at the last peak. */
static void note_peak(struct reading *reading, struct site_state *state,
                      struct recording_site *site)
{
    if (state->peak == reading->peak)
        return;
    state->peak = reading->peak;
    site->peak_blocks = state->live_blocks;
    site->peak_bytes = state->live_bytes;
}

static bool read_allocation(struct reading *reading, struct piece rest, struct error *error)
{
    uint64_t number;
    if (!take_number(&rest, &number) || number >= reading->kind_count)
        return refuse(reading, "an allocation of no kind", error);
    struct kind *kind = &reading->kinds[number];
    struct site_state *state = &reading->sites[kind->site];
    struct recording_site *site = import_writer_site(reading->writer, state->node);
    if (kind->bytes > INT64_MAX - reading->allocated_bytes)
        return refuse(reading, "more bytes than there can be", error);
    reading->allocated_bytes += kind->bytes;
    reading->live_bytes += kind->bytes;
    site->allocated_bytes += kind->bytes;
    note_peak(reading, state, site);
    site->allocations++;
    site->last_ns = reading->ms * 1000000;
    if (site->allocations == 1)
        site->first_ns = site->last_ns;
    kind->live++;
    state->live_blocks++;
    state->live_bytes += kind->bytes;
    reading->last_kind = number + 1;
    if (reading->live_bytes > reading->peak_bytes) {
        reading->peak_bytes = reading->live_bytes;
        reading->peak_ms = reading->ms;
        reading->peak++;
    }
    return true;
}

static bool read_release(struct reading *reading, struct piece rest, struct error *error)
{
    uint64_t number;
    if (!take_number(&rest, &number) || number >= reading->kind_count ||
        reading->kinds[number].live == 0)
        return refuse(reading, "a release of what was not allocated", error);
    struct kind *kind = &reading->kinds[number];
    struct site_state *state = &reading->sites[kind->site];
    struct recording_site *site = import_writer_site(reading->writer, state->node);
    note_peak(reading, state, site);
    site->frees++;
    site->freed_bytes += kind->bytes;
    site->temporary_allocations += reading->last_kind == number + 1;
    reading->last_kind = 0;
    kind->live--;
    state->live_blocks--;
    state->live_bytes -= kind->bytes;
    reading->live_bytes -= kind->bytes;
    return true;
}

static void add_sample(struct reading *reading)
{
    import_writer_add_sample(reading->writer, reading->ms * 1000000, reading->live_bytes,
                             reading->resident);
}

static bool read_resident(struct reading *reading, struct piece rest)
{
    uint64_t pages;
    if (take_number(&rest, &pages) &&
        !__builtin_mul_overflow(pages, reading->page_bytes, &reading->resident) &&
        reading->resident > reading->most_resident)
        reading->most_resident = reading->resident;
    return true;
}

static bool read_time(struct reading *reading, struct piece rest, struct error *error)
{
    uint64_t ms;
    if (!take_number(&rest, &ms) || ms < reading->ms || ms > INT64_MAX / 1000000)
        return refuse(reading, "a time that is none", error);
    add_sample(reading);
    reading->ms = ms;
    return true;
}

static bool read_version(struct reading *reading, struct piece rest, struct error *error)
{
    uint64_t program;
    if (!take_number(&rest, &program) || !take_number(&rest, &reading->version))
        reading->version = 1;
    if (reading->version <= 3)
        return true;
    return error_set(error, "its version is %" PRIu64 ", and 3 is the newest that is known",
                     reading->version);
}

static void read_command(struct reading *reading, struct piece rest)
{
    char *command = memory_print_text("%.*s", (int)(rest.count < 65536 ? rest.count : 65536),
                                      rest.at);
    import_writer_set_command(reading->writer, command);
    free(command);
}

static bool read_line(struct reading *reading, struct error *error)
{
    struct piece rest = reading->line;
    if (rest.count == 0)
        return true;
    char kind = *rest.at;
    rest.at += rest.count > 1 ? 2 : 1;
    rest.count -= rest.count > 1 ? 2 : 1;
    switch (kind) {
    case 'v':
        return read_version(reading, rest, error);
    case 's':
        return read_text(reading, rest, error);
    case 'i':
        return read_instruction(reading, rest, error);
    case 't':
        return read_stack(reading, rest, error);
    case 'a':
        return read_kind(reading, rest, error);
    case '+':
        return read_allocation(reading, rest, error);
    case '-':
        return read_release(reading, rest, error);
    case 'c':
        return read_time(reading, rest, error);
    case 'R':
        return read_resident(reading, rest);
    case 'X':
        read_command(reading, rest);
        return true;
    case 'I':
        take_number(&rest, &reading->page_bytes);
        return true;
    case 'm':
    case 'x':
        return refuse(reading, "it is raw: heaptrack_interpret makes a recording of it", error);
    default: /* comments, suppressions, what newer ones add */
        return true;
    }
}

static bool read_lines(struct reading *reading, const char *text, size_t count, struct error *error)
{
    const char *end = text + count;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (stop == NULL)
            stop = end;
        reading->line = (struct piece){text, (size_t)(stop - text)};
        reading->line_number++;
        if (!read_line(reading, error))
            return false;
        text = stop + 1;
    }
    return true;
}

bool import_heaptrack(const char *text, size_t count, struct import_writer *writer,
                      struct error *error)
{
    struct reading reading = {.writer = writer, .page_bytes = 4096};
    bool is_good = read_lines(&reading, text, count, error);
    for (size_t i = 0; i < reading.site_count; i++)
        note_peak(&reading, &reading.sites[i], import_writer_site(writer, reading.sites[i].node));
    add_sample(&reading);
    import_writer_set_duration(writer, reading.ms * 1000000);
    import_writer_set_peak(writer, reading.peak_bytes, reading.peak_ms * 1000000,
                           reading.most_resident);
    free(reading.texts);
    free(reading.instructions);
    free(reading.stacks);
    free(reading.kinds);
    free(reading.sites);
    free(reading.site_of_stack);
    return is_good;
}
