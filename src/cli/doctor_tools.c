/* seep's own files, and the libraries that it works with. */
#define _GNU_SOURCE
#include "cli/doctor.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/profile.h"
#include "base/file_cache.h"
#include "base/memory.h"
#include "base/units.h"
#include "record/session_host.h"
#include "recording/recording_reader.h"
#include "symbols/symbol_batch.h"

/* --- programs that are tried ---------------------------------------------------------------- */

enum {
    PATIENCE_S = 20
};

/* The alarm outlives exec and ends what hangs. */
int doctor_try_program(const char *const *command, const char *const *environment, int heard,
                       struct text *said)
{
    int ends[2], status = -1;
    char bytes[4096];
    ssize_t got;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        dup2(ends[1], heard);
        alarm(PATIENCE_S);
        execve(command[0], (char *const *)command, (char *const *)environment);
        _exit(127);
    }
    close(ends[1]);
    while (pid > 0 && ((got = read(ends[0], bytes, sizeof bytes)) > 0 || errno == EINTR))
        if (got > 0 && said->count < sizeof bytes)
            text_add_bytes(said, bytes, (size_t)got);
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void found_first_line(struct doctor_finding *finding, const struct text *said,
                             const char *otherwise)
{
    int length = (int)strcspn(text_get(said), "\n");

    doctor_found(finding, "%.*s", length ? length : (int)strlen(otherwise),
                 length ? text_get(said) : otherwise);
}

/* --- seep's own files ----------------------------------------------------------------------- */

void doctor_check_preload(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    if (subject->preload) {
        doctor_found(finding, "%s", subject->preload);
        return;
    }
    doctor_found(finding, "libseep-preload.so is not there");
    doctor_complain(finding, DOCTOR_MISSING, "nothing can be recorded", "install seep again");
}

/* The loader says on stderr when it cannot preload something, and goes on without. Blanks and
 * colons would end the name, so it gets a link, as from the recorder. */
void doctor_check_loader(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    char *folder = memory_print_text("%s/seep-doctor-XXXXXX", session_host_base_folder());
    bool has_folder = subject->preload && mkdtemp(folder);
    char *link = memory_print_text("%s/libseep-preload.so", folder);
    char *entry = memory_print_text("LD_PRELOAD=%s", link);
    const char *command[] = {"/bin/true", NULL}, *environment[] = {entry, NULL};
    struct text said = {0};

    if (!has_folder || symlink(subject->preload, link) != 0)
        doctor_found(finding, "not tried");
    else if (doctor_try_program(command, environment, STDERR_FILENO, &said) == 0 && said.count == 0)
        doctor_found(finding, "takes the library into /bin/true");
    else {
        found_first_line(finding, &said, "/bin/true fails with the library in it");
        doctor_complain(finding, DOCTOR_MISSING, "nothing can be recorded",
                        "a file system that is not mounted noexec, and a glibc as new as the one"
                        " that seep was built for");
    }
    if (has_folder) {
        unlink(link);
        rmdir(folder);
    }
    text_clear(&said);
    free(entry);
    free(link);
    free(folder);
}

static bool is_observed(const char *path)
{
    struct recording_reader *reader = recording_reader_open(path, NULL);
    struct profile *profile = reader ? profile_load(reader, &(struct profile_options){0}, NULL)
                                     : NULL;
    bool is_good = profile && profile->is_complete && profile->process_count == 1 &&
                   profile->processes[0].about.observed && profile->processes[0].has_totals;

    profile_destroy(profile);
    recording_reader_close(reader);
    return is_good;
}

/* All of it at once: what the single checks do not foresee shows here. */
void doctor_check_recording(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    char *folder = memory_print_text("%s/seep-doctor-XXXXXX", session_host_base_folder());
    bool has_folder = subject->preload && mkdtemp(folder);
    char *file = memory_print_text("%s/true.seep", folder);
    char *option = memory_print_text("--output=%s", file);
    struct text said = {0};

    const char *command[] = {"/proc/self/exe", "run",       "-q", "--no-config",
                             option,           "/bin/true", NULL};
    if (!has_folder)
        doctor_found(finding, "not tried");
    else if (doctor_try_program(command, (const char *const *)environ, STDERR_FILENO, &said) == 0 &&
             said.count == 0 && is_observed(file))
        doctor_found(finding, "/bin/true was recorded");
    else {
        found_first_line(finding, &said, "/bin/true was not recorded");
        doctor_complain(finding, DOCTOR_MISSING, "seep run does not work here",
                        "what is missing above");
    }
    if (has_folder) {
        unlink(file);
        rmdir(folder);
    }
    free(option);
    free(file);
    free(folder);
    text_clear(&said);
}

/* --- libraries ------------------------------------------------------------------------------ */

void doctor_check_libc(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    bool has_finder = dlsym(RTLD_DEFAULT, "_dl_find_object") != NULL;

    (void)subject;
    doctor_found(finding, "glibc %s, %s _dl_find_object", gnu_get_libc_version(),
                 has_finder ? "with" : "without");
    if (!has_finder)
        doctor_complain(finding, DOCTOR_LIMITED,
                        "stacks take a little longer: the preload keeps its own list of libraries",
                        "glibc 2.35 or newer");
}

static void take_detail(void *context, uint32_t module, enum symbolizer_detail detail,
                        const char *reason)
{
    (void)module;
    (void)reason;
    *(enum symbolizer_detail *)context = detail;
}

enum symbolizer_detail doctor_detail_of(const char *path)
{
    const struct symbolizer_options options = {.is_line_wanted = true};
    const struct symbolizer_module module = {.path = path, .fd = -1};
    const struct symbol_batch_frame frame = {0, 0, 0};
    const struct symbol_batch_input input = {.modules = &module,
                                             .module_count = 1,
                                             .frames = &frame,
                                             .frame_count = 1,
                                             .options = &options};
    enum symbolizer_detail detail = SYMBOLIZER_NOTHING;
    struct symbol_batch_result result = {.context = &detail, .module = take_detail};
    struct symbol_batch *batch = symbol_batch_start(&input, NULL);

    if (!batch)
        return detail;
    struct pollfd ready = {symbol_batch_fd(batch), POLLIN, 0};
    for (int i = 0; i < PATIENCE_S && !symbol_batch_poll(batch); i++)
        poll(&ready, 1, 1000);
    symbol_batch_read(batch, &result);
    symbol_batch_close(batch);
    return detail;
}

void doctor_check_libc_symbols(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    Dl_info libc;
    bool is_known = dladdr((void *)gnu_get_libc_version, &libc) != 0 && libc.dli_fname &&
                    libc.dli_fname[0] == '/';

    (void)subject;
    if (is_known && doctor_detail_of(libc.dli_fname) == SYMBOLIZER_LINES) {
        doctor_found(finding, "functions and lines");
        return;
    }
    doctor_found(finding, "functions that are exported");
    doctor_complain(finding, DOCTOR_LIMITED, "frames inside libc have no lines, and some no name",
                    "apt install libc6-dbg, or --debuginfod");
}

void doctor_check_debuginfod(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    const char *servers = getenv("DEBUGINFOD_URLS");
    void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_LOCAL);

    (void)subject;
    if (library && servers && *servers)
        doctor_found(finding, "off unless --debuginfod is given; then asks %s", servers);
    else
        doctor_found(finding, "off: %s",
                     library ? "DEBUGINFOD_URLS names no server"
                             : "libdebuginfod is not installed");
    if (library)
        dlclose(library);
}

void doctor_check_cache(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    char *folder = file_cache_default_folder();
    struct file_cache *cache = folder ? file_cache_open(folder, SYMBOLIZER_CACHE_BYTES) : NULL;
    char size[UNITS_TEXT_BYTES], most[UNITS_TEXT_BYTES];
    uint64_t files, bytes;

    (void)subject;
    if (cache) {
        file_cache_measure(cache, &files, &bytes);
        doctor_found(finding, "%s: %s, of at most %s", folder, units_format_size(bytes, size),
                     units_format_size(SYMBOLIZER_CACHE_BYTES, most));
    } else {
        doctor_found(finding, "%s%s", folder ? folder : "none", folder ? " cannot be used" : "");
        doctor_complain(finding, DOCTOR_LIMITED,
                        "each run reads debug information anew, which takes up to a second",
                        "set SEEP_CACHE to a folder that only you can write to");
    }
    file_cache_close(cache);
    free(folder);
}
