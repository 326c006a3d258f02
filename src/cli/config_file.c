#include "config.h"

#include "cli/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    MAX_FILE_BYTES = 1 << 20
};

/* One reading: what is asked, and where its results go. */
struct config_reading {
    struct config *config;
    const struct config_request *request;
    struct option_assignments *list;
    enum option_source source;
    const char *path; /* of the file that is read; NULL = none is */
    struct error *error;
};

/* Keeps `text` (taken) as long as the config. */
static char *keep(struct config *config, char *text)
{
    config->texts = memory_grow(config->texts, &config->capacity, config->count + 1,
                                sizeof *config->texts);
    config->texts[config->count++] = text;
    return text;
}

void config_clear(struct config *config)
{
    for (size_t i = 0; i < config->count; i++)
        free(config->texts[i]);
    free(config->texts);
    *config = (struct config){0};
}

/* A project's file is found from any folder below it: what it names lies beside it. */
static const char *place_path(const struct config_reading *reading, const char *value)
{
    const char *slash = reading->path ? strrchr(reading->path, '/') : NULL;

    if (!slash || *value == '/' || strcmp(value, "-") == 0)
        return value;
    return keep(reading->config,
                memory_print_text("%.*s/%s", (int)(slash - reading->path), reading->path, value));
}

/* `name` is an option of this command, or of another one (then it is passed over), or nothing.
 * `is_ours` says that it was meant for this command alone. */
static bool take_option(const struct config_reading *reading, const char *name, const char *value,
                        bool is_ours, const char *origin)
{
    const struct config_request *request = reading->request;
    const struct option_binding *binding = NULL;
    const struct option_row *row;

    if (text_starts_with(name, "--")) /* as one types it */
        name += strlen("--");
    row = options_find(request->bindings, request->binding_count, name, &binding);
    if (!row && !is_ours && request->is_option_of_any(name))
        return true;
    if (!row)
        return error_set(reading->error, "%s: there is no option \"%s\"", origin, name);
    if (row->scope == OPTION_TYPED_ONLY ||
        (row->scope == OPTION_NOT_IN_FILES && reading->source == OPTION_FROM_FILE))
        return error_set(reading->error, "%s: \"%s\" cannot be given here", origin, name);
    options_assign(reading->list, row, binding->values,
                   row->is_path && value ? place_path(reading, value) : value, reading->source,
                   origin);
    return true;
}

/* --- files --------------------------------------------------------------------------------- */

/* NULL with errno when it cannot be read; an error of its own is left in `error`. Caller frees. */
static char *read_whole_file(int fd, size_t bytes)
{
    char *content = memory_allocate(bytes + 1);
    size_t count = 0;

    while (count < bytes) {
        ssize_t got = read(fd, content + count, bytes - count);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        count += (size_t)got;
    }
    content[count] = '\0';
    return content;
}

/* A file that somebody else put where we look is not ours to obey. */
static bool is_trusted(const struct stat *about)
{
    return (about->st_uid == geteuid() || about->st_uid == 0) && !(about->st_mode & S_IWOTH);
}

/* *content stays NULL when there is no such file and it need not be there. Caller frees. */
static bool read_config_file(const char *path, bool is_asked_for, char **content,
                             struct error *error)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *content = NULL;
    if (fd < 0 && !is_asked_for && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return true;
    if (fd < 0 || fstat(fd, &about) != 0) {
        error_set_errno(error, errno, "cannot read %s", path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!S_ISREG(about.st_mode) || about.st_size > MAX_FILE_BYTES)
        error_set(error, "cannot read %s: it is not a file of at most 1 MiB", path);
    else if (!is_asked_for && !is_trusted(&about))
        log_note("passing over %s: others can write it", path);
    else
        *content = read_whole_file(fd, (size_t)about.st_size);
    close(fd);
    return *content || (S_ISREG(about.st_mode) && about.st_size <= MAX_FILE_BYTES);
}

static char *trim(char *text)
{
    size_t length;

    while (isspace((unsigned char)*text))
        text++;
    length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* "[run]": *section points into the line. */
static bool take_section(const struct config_reading *reading, char *line, const char **section,
                         const char *origin)
{
    size_t length = strlen(line);

    if (line[length - 1] != ']')
        return error_set(reading->error, "%s: a section is [COMMAND]", origin);
    line[length - 1] = '\0';
    *section = trim(line + 1);
    if (!reading->request->is_command(*section))
        return error_set(reading->error, "%s: there is no command \"%s\"", origin, *section);
    return true;
}

static bool take_line(const struct config_reading *reading, char *line, const char **section,
                      const char *origin)
{
    char *equals = strchr(line, '=');
    bool is_ours;

    if (*line == '[')
        return take_section(reading, line, section, origin);
    if (equals)
        *equals = '\0';
    is_ours = *section && strcmp(*section, reading->request->command) == 0;
    if (*section && !is_ours)
        return true;
    return take_option(reading, trim(line), equals ? trim(equals + 1) : NULL, is_ours, origin);
}

static bool read_file(struct config_reading *reading, const char *path, bool is_asked_for)
{
    const char *section = NULL;
    char *content;
    unsigned number = 0;

    if (!read_config_file(path, is_asked_for, &content, reading->error))
        return false;
    if (!content)
        return true;
    log_verbose("options from %s", path);
    reading->path = path;
    char *rest = keep(reading->config, content);
    for (char *line; (line = strsep(&rest, "\n"));) {
        line = trim(line);
        number++;
        if (*line == '\0' || *line == '#' || *line == ';')
            continue;
        char *origin = keep(reading->config, memory_print_text("%s:%u", path, number));
        if (!take_line(reading, line, &section, origin))
            return false;
    }
    return true;
}

/* --- where the files are ------------------------------------------------------------------- */

/* Caller frees; NULL when there is no home. */
static char *user_file(void)
{
    const char *folder = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (folder && *folder == '/')
        return memory_print_text("%s/seep/config", folder);
    if (home && *home == '/')
        return memory_print_text("%s/.config/seep/config", home);
    return NULL;
}

static bool exists_in(const char *folder, const char *name)
{
    char *path = memory_print_text("%s/%s", folder, name);
    bool exists = access(path, F_OK) == 0;

    free(path);
    return exists;
}

static bool is_tree_root(const char *folder)
{
    static const char *const marks[] = {".git", ".hg",    ".svn",     ".bzr",
                                        ".jj",  "_darcs", ".fslckout"};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (exists_in(folder, marks[i]))
            return true;
    return false;
}

char *config_find_tree_root(void)
{
    char *here = getcwd(NULL, 0);

    while (here && !is_tree_root(here)) {
        char *slash = strrchr(here, '/');

        if (!slash || slash == here) {
            free(here);
            return NULL;
        }
        *slash = '\0';
    }
    return here;
}

/* The nearest .seep.conf between the current folder and the root of its tree. Caller frees; NULL =
 * none. */
static char *project_file(void)
{
    char *here = getcwd(NULL, 0);
    char *found = NULL;

    if (!here)
        return NULL;
    if (exists_in(here, ".seep.conf"))
        found = memory_print_text("%s/.seep.conf", here);
    char *above = NULL; /* the nearest file above; counts only if the tree's root comes */
    for (char *slash; !found && !is_tree_root(here) && (slash = strrchr(here, '/')) != here;) {
        *slash = '\0';
        if (!above && exists_in(here, ".seep.conf"))
            above = memory_print_text("%s/.seep.conf", here);
        if (is_tree_root(here)) {
            found = above;
            above = NULL;
            break;
        }
    }
    free(above);
    free(here);
    return found;
}

static bool read_files(struct config_reading *reading)
{
    const struct config_request *request = reading->request;
    bool is_good = true;

    if (request->is_without_files)
        return true;
    if (request->file)
        return read_file(reading, request->file, true);
    char *paths[] = {user_file(), project_file()};
    for (int i = 0; i < 2; i++) {
        is_good = is_good && (!paths[i] || read_file(reading, paths[i], false));
        free(paths[i]);
    }
    return is_good;
}

/* --- the environment ----------------------------------------------------------------------- */

/* Ends the entry at the next colon that no backslash protects, takes the backslashes away, and
 * returns what follows (NULL at the end). */
static char *cut_entry(char *entry)
{
    char *to = entry;

    for (char *from = entry; *from; from++) {
        if (*from == '\\' && from[1] == ':') {
            *to++ = *++from;
        } else if (*from == ':') {
            *to = '\0';
            return from + 1;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return NULL;
}

static bool read_environment_options(const struct config_reading *reading, const char *value)
{
    char *next = keep(reading->config, memory_duplicate_text(value));

    while (next) {
        char *entry = next;
        next = cut_entry(entry);
        char *equals = strchr(entry, '=');
        if (*entry == '\0')
            continue;
        if (equals)
            *equals = '\0';
        if (!take_option(reading, entry, equals ? equals + 1 : NULL, false, "SEEP_OPTIONS"))
            return false;
    }
    return true;
}

static void read_environment_output(const struct config_reading *reading, const char *value)
{
    const struct config_request *request = reading->request;
    const struct option_binding *binding;
    const struct option_row *row = options_find(request->bindings, request->binding_count, "output",
                                                &binding);

    if (row && row->scope != OPTION_TYPED_ONLY)
        options_assign(reading->list, row, binding->values, value, reading->source, "SEEP_OUTPUT");
}

bool config_read(struct config *config, const struct config_request *request,
                 struct option_assignments *list, struct error *error)
{
    struct config_reading reading = {.config = config,
                                     .request = request,
                                     .list = list,
                                     .source = OPTION_FROM_FILE,
                                     .error = error};
    const char *options = getenv("SEEP_OPTIONS");
    const char *output = getenv("SEEP_OUTPUT");

    if (!read_files(&reading))
        return false;
    reading.source = OPTION_FROM_ENVIRONMENT;
    reading.path = NULL;
    if (options && !read_environment_options(&reading, options))
        return false;
    if (output && *output)
        read_environment_output(&reading, output);
    return true;
}
