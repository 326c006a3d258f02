#include "config.h"

#include "cli/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static bool write_at(const char *path, output_writer write, const void *context,
                     struct error *error)
{
    FILE *out = fopen(path, "we");
    bool is_written;

    if (!out)
        return error_set_errno(error, errno, "cannot write %s", path);
    is_written = write(context, out, error);
    if (fclose(out) != 0 && is_written)
        is_written = error_set_errno(error, errno, "cannot write %s", path);
    return is_written;
}

bool output_file_write(const char *path, output_writer write, const void *context,
                       struct error *error)
{
    struct stat about;
    char *part;
    bool is_written;

    if (strcmp(path, "-") == 0)
        return write(context, stdout, error) &&
               (fflush(stdout) == 0 ||
                error_set_errno(error, errno, "cannot write to standard output"));
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return write_at(path, write, context, error);
    part = memory_print_text("%s.part", path);
    is_written = write_at(part, write, context, error);
    if (is_written && rename(part, path) != 0)
        is_written = error_set_errno(error, errno, "cannot write %s", path);
    if (!is_written)
        unlink(part);
    free(part);
    return is_written;
}
