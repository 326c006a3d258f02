/* A SQLite database: sites, stacks, leaks and the timeline as tables, for questions that no report
 * asks. It is made in memory, and its file image written: SQLite itself could not write to a pipe.
 *
 * Tables (seep-export(1) describes them): about, processes, frames, sites, stacks, leaks, samples.
 * Columns are added at the end of tables, and never renamed. */
#include "config.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "analysis/leak_report.h"
#include "base/memory.h"
#include "report/exit_text.h"
#include "report/export_parts.h"

static const char tables[] =
    "PRAGMA page_size = 4096;"
    "PRAGMA user_version = 1;"
    "BEGIN;"
    "CREATE TABLE about (key TEXT PRIMARY KEY, value);"
    "CREATE TABLE processes (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES processes,"
    " pid INTEGER, image INTEGER, executable TEXT, exit TEXT, start_ns INTEGER, end_ns INTEGER,"
    " observed INTEGER, allocations INTEGER, frees INTEGER, allocated_bytes INTEGER,"
    " freed_bytes INTEGER, inherited_blocks INTEGER, inherited_bytes INTEGER, live_blocks INTEGER,"
    " live_bytes INTEGER, peak_bytes INTEGER, peak_time_ns INTEGER, temporary_allocations INTEGER,"
    " peak_resident_bytes INTEGER, lost_events INTEGER);"
    "CREATE TABLE frames (id INTEGER PRIMARY KEY, function TEXT, file TEXT, line INTEGER,"
    " module TEXT, build_id TEXT, offset INTEGER, inlined INTEGER, tail_call INTEGER);"
    "CREATE TABLE sites (id INTEGER PRIMARY KEY, process_id INTEGER REFERENCES processes,"
    " fingerprint TEXT, allocation_function TEXT, allocations INTEGER, frees INTEGER,"
    " allocated_bytes INTEGER, freed_bytes INTEGER, inherited_blocks INTEGER,"
    " inherited_bytes INTEGER, live_blocks INTEGER, live_bytes INTEGER, peak_blocks INTEGER,"
    " peak_bytes INTEGER, temporary_allocations INTEGER, first_ns INTEGER, last_ns INTEGER);"
    "CREATE TABLE stacks (site_id INTEGER REFERENCES sites, depth INTEGER,"
    " frame_id INTEGER REFERENCES frames, PRIMARY KEY (site_id, depth)) WITHOUT ROWID;"
    "CREATE TABLE leaks (process_id INTEGER REFERENCES processes, site_id INTEGER REFERENCES sites,"
    " kind TEXT, blocks INTEGER, bytes INTEGER, indirect_blocks INTEGER, indirect_bytes INTEGER);"
    "CREATE TABLE samples (process_id INTEGER REFERENCES processes, time_ns INTEGER,"
    " heap_bytes INTEGER, heap_peak_bytes INTEGER, mapped_bytes INTEGER, resident_bytes INTEGER,"
    " live_blocks INTEGER);";

struct writing {
    const struct profile *profile;
    const struct export_options *options;
    struct export_sites sites;
    struct export_stack stack;
    uint8_t *is_written; /* by location */
    sqlite3 *database;
    bool is_good;
};

/* A row that is being put together. */
struct row {
    struct writing *writing;
    sqlite3_stmt *statement;
    int column;
};

/* ---- rows ---- */

static struct row begin(struct writing *writing, const char *statement)
{
    struct row row = {.writing = writing};

    if (sqlite3_prepare_v2(writing->database, statement, -1, &row.statement, NULL) != SQLITE_OK)
        writing->is_good = false;
    return row;
}

static void add_null(struct row *row)
{
    sqlite3_bind_null(row->statement, ++row->column);
}

static void add_number(struct row *row, uint64_t number)
{
    sqlite3_bind_int64(row->statement, ++row->column,
                       (sqlite3_int64)(number <= INT64_MAX ? number : INT64_MAX));
}

static void add_numbers(struct row *row, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_number(row, numbers[i]);
}

/* Made harmless, as in all exports; NULL when there is none. */
static void add_text(struct row *row, const char *value)
{
    struct text safe = {0};

    if (value)
        export_add_name(&safe, value, "", ' ');
    sqlite3_bind_text(row->statement, ++row->column, value ? text_get(&safe) : NULL, -1,
                      SQLITE_TRANSIENT);
    text_clear(&safe);
}

/* The next row begins. */
static void put(struct row *row)
{
    if (sqlite3_step(row->statement) != SQLITE_DONE || sqlite3_reset(row->statement) != SQLITE_OK)
        row->writing->is_good = false;
    sqlite3_clear_bindings(row->statement);
    row->column = 0;
}

static void end(struct row *row)
{
    sqlite3_finalize(row->statement);
}

/* ---- tables ---- */

static void put_fact(struct row *row, const char *key, const char *text, uint64_t number)
{
    add_text(row, key);
    if (text)
        add_text(row, text);
    else
        add_number(row, number);
    put(row);
}

static void write_about(struct writing *writing)
{
    const struct profile *profile = writing->profile;
    struct row row = begin(writing, "INSERT INTO about VALUES (?, ?)");
    struct text command = {0};

    export_add_command(&command, profile, writing->options);
    put_fact(&row, "schema_version", "1.0", 0);
    put_fact(&row, "tool_version", profile->session.tool_version, 0);
    put_fact(&row, "command", text_get(&command), 0);
    put_fact(&row, "start_time_unix_ns", NULL, profile->session.start_time_unix_ns);
    put_fact(&row, "duration_ns", NULL, profile->duration_ns);
    put_fact(&row, "complete", NULL, profile->is_complete);
    put_fact(&row, "sample_bytes", NULL, profile->session.sample_bytes);
    text_clear(&command);
    end(&row);
}

static void put_process(struct row *row, const struct profile_process *process)
{
    const struct recording_process *about = &process->about;
    const struct recording_totals *totals = &process->totals;
    const uint64_t figures[] = {totals->allocations,          totals->frees,
                                totals->allocated_bytes,      totals->freed_bytes,
                                totals->inherited_blocks,     totals->inherited_bytes,
                                totals->live_blocks,          totals->live_bytes,
                                totals->peak_bytes,           totals->peak_time_ns,
                                totals->temporary_allocations};
    char how[EXIT_TEXT_BYTES];

    add_number(row, about->id);
    if (about->parent_id_plus_1)
        add_number(row, about->parent_id_plus_1 - 1);
    else
        add_null(row);
    add_number(row, about->pid);
    add_number(row, about->image);
    add_text(row, about->executable);
    add_text(row, exit_text_format(about, how));
    add_number(row, about->start_ns);
    add_number(row, about->end_ns);
    add_number(row, about->observed);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (process->has_totals)
            add_number(row, figures[i]);
        else
            add_null(row);
    if (totals->peak_resident_bytes)
        add_number(row, totals->peak_resident_bytes);
    else
        add_null(row);
    if (process->has_quality)
        add_number(row, process->quality.lost_events);
    else
        add_null(row);
    put(row);
}

static void write_processes(struct writing *writing)
{
    struct row row = begin(writing,
                           "INSERT INTO processes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                           "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    for (uint32_t i = 0; i < writing->profile->process_count; i++)
        if (export_has_process(writing->options, i))
            put_process(&row, &writing->profile->processes[i]);
    end(&row);
}

static void put_frame(struct row *row, const struct profile *profile,
                      const struct export_line *line)
{
    const struct profile_location *location = line->location;
    const struct profile_frame *frame = line->frame;
    const struct profile_module *module = frame->module_plus_1
                                              ? &profile->modules[frame->module_plus_1 - 1]
                                              : NULL;

    add_number(row, (uint64_t)(location - profile->locations));
    add_text(row, location->is_symbolized ? location->function : NULL);
    add_text(row, location->file);
    if (location->line)
        add_number(row, location->line);
    else
        add_null(row);
    add_text(row, module ? module->path : NULL);
    add_text(row, module && module->build_id[0] ? module->build_id : NULL);
    add_number(row, frame->offset);
    add_number(row, location->is_inlined);
    add_number(row, frame->is_tail_call);
    put(row);
}

static void put_site(struct row *row, const struct profile *profile, uint32_t position)
{
    const struct profile_site *site = &profile->sites[position];
    const struct profile_figures *from = &site->figures;
    const uint64_t figures[] = {from->allocations,
                                from->frees,
                                from->allocated_bytes,
                                from->freed_bytes,
                                from->inherited_blocks,
                                from->inherited_bytes,
                                from->live_blocks,
                                from->live_bytes,
                                from->peak_blocks,
                                from->peak_bytes,
                                from->temporary_allocations,
                                from->first_ns,
                                from->last_ns};
    char fingerprint[FINGERPRINT_TEXT_BYTES];

    add_number(row, position);
    add_number(row, profile->processes[site->process].about.id);
    add_text(row, fingerprint_format(site->fingerprint, fingerprint));
    add_text(row, profile_function_name(site->function));
    add_numbers(row, figures, sizeof figures / sizeof *figures);
    put(row);
}

static void write_sites(struct writing *writing)
{
    const struct profile *profile = writing->profile;
    struct row sites = begin(writing,
                             "INSERT INTO sites VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                             "?, ?, ?, ?, ?)");
    struct row stacks = begin(writing, "INSERT INTO stacks VALUES (?, ?, ?)");
    struct row frames = begin(writing, "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");

    for (size_t i = 0; i < writing->sites.count && writing->is_good; i++) {
        uint32_t site = writing->sites.positions[i];

        put_site(&sites, profile, site);
        export_stack_read(&writing->stack, profile, profile->sites[site].stack_node);
        for (size_t depth = 0; depth < writing->stack.count; depth++) {
            const struct export_line *line = &writing->stack.lines[depth];
            size_t number = (size_t)(line->location - profile->locations);

            if (!writing->is_written[number])
                put_frame(&frames, profile, line);
            writing->is_written[number] = 1;
            add_numbers(&stacks, (const uint64_t[]){site, depth, number}, 3);
            put(&stacks);
        }
    }
    end(&sites);
    end(&stacks);
    end(&frames);
}

static void put_leak(struct row *row, uint64_t process, const struct leak *leak)
{
    add_number(row, process);
    if (leak->site == LEAKS_NO_SITE)
        add_null(row);
    else
        add_number(row, leak->site);
    add_text(row, leak_kind_name(leak->kind));
    add_numbers(
        row,
        (const uint64_t[]){leak->blocks, leak->bytes, leak->indirect_blocks, leak->indirect_bytes},
        4);
    put(row);
}

/* Of processes that were scanned; `about` says which were. */
static void write_leaks(struct writing *writing)
{
    const struct leak_report_options wanted = {.process = writing->options->process,
                                               .snapshot = LEAK_REPORT_DEFAULT,
                                               .since = LEAK_REPORT_NONE};
    struct leak_report report;
    struct error error;

    if (!writing->options->reader ||
        !leak_report_build(writing->profile, writing->options->reader, &wanted, &report, &error))
        return;
    struct row row = begin(writing, "INSERT INTO leaks VALUES (?, ?, ?, ?, ?, ?, ?)");
    struct row about = begin(writing, "INSERT INTO about VALUES (?, ?)");
    for (size_t i = 0; i < report.process_count; i++) {
        const struct leak_report_process *process = &report.processes[i];
        uint64_t id = writing->profile->processes[process->process].about.id;
        char key[48];

        if (!process->is_done)
            continue;
        snprintf(key, sizeof key, "scanned process %llu", (unsigned long long)id);
        put_fact(&about, key, process->reason ? process->reason : "", 0);
        for (size_t j = 0; j < process->leaks.count; j++)
            put_leak(&row, id, &process->leaks.items[j]);
    }
    end(&row);
    end(&about);
    leak_report_clear(&report);
}

static void write_samples(struct writing *writing)
{
    const struct profile *profile = writing->profile;
    struct row row = begin(writing, "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?)");

    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct recording_sample *sample = &profile->samples[i];

        if (!export_has_process(writing->options, (uint32_t)sample->process_id))
            continue;
        add_numbers(&row,
                    (const uint64_t[]){profile->processes[sample->process_id].about.id,
                                       sample->time_ns, sample->heap_bytes, sample->heap_peak_bytes,
                                       sample->mapped_bytes},
                    5);
        if (sample->resident_bytes)
            add_number(&row, sample->resident_bytes);
        else
            add_null(&row);
        add_number(&row, sample->live_blocks);
        put(&row);
    }
    end(&row);
}

/* ---- the file ---- */

static void run(struct writing *writing, const char *statements)
{
    if (writing->is_good &&
        sqlite3_exec(writing->database, statements, NULL, NULL, NULL) != SQLITE_OK)
        writing->is_good = false;
}

static bool make(struct writing *writing, FILE *out, struct error *error)
{
    sqlite3_int64 bytes = 0;
    unsigned char *image;

    run(writing, tables);
    if (writing->is_good) {
        write_about(writing);
        write_processes(writing);
        write_sites(writing);
        write_leaks(writing);
        write_samples(writing);
    }
    run(writing, "COMMIT");
    image = writing->is_good ? sqlite3_serialize(writing->database, "main", &bytes, 0) : NULL;
    if (!image)
        return error_set(error, "cannot make the database: %s", sqlite3_errmsg(writing->database));
    fwrite(image, 1, (size_t)bytes, out); /* whether it was written is asked at the end */
    sqlite3_free(image);
    return true;
}

bool export_write_sqlite(const struct profile *profile, const struct export_options *options,
                         FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .options = options, .is_good = true};
    bool is_good;

    if (!export_sites_select(profile, options, &writing.sites, error))
        return false;
    writing.is_written = memory_allocate_zeroed(profile->location_count, 1);
    is_good = sqlite3_open(":memory:", &writing.database) == SQLITE_OK
                  ? make(&writing, out, error)
                  : error_set(error, "cannot make a database in memory");
    sqlite3_close(writing.database);
    free(writing.is_written);
    export_stack_clear(&writing.stack);
    export_sites_clear(&writing.sites);
    return is_good;
}
