#include "config.h"

#include "analysis/suppression_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/place.h"
#include "analysis/suppression_pattern.h"
#include "analysis/suppressions.h"
#include "base/memory.h"

enum {
    MOST_FRAMES = 24, /* Valgrind's own limit, frames beyond match whatever they are */
    MOST_FILE_BYTES = 16 << 20
};

const char *suppression_grammar_name_at(size_t position)
{
    static const char *const names[] = {
        [SUPPRESSION_LSAN] = "lsan", [SUPPRESSION_VALGRIND] = "valgrind"};
    return position < sizeof names / sizeof *names ? names[position] : NULL;
}

/* A name with a line end in it would be two lines. */
static bool is_one_line(const char *text)
{
    return !strpbrk(text, "\r\n");
}

/* ---- LSan ---- */

bool suppression_entry_print_template(const struct profile *profile, uint32_t site,
                                      struct text *out)
{
    struct place place;
    struct text text = {0};
    place_find(profile, profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    const struct profile_location *location = place.is_wrapper ? place.caller : place.location;
    const struct profile_frame *frame = place.is_wrapper ? place.caller_frame : place.frame;
    if (location && location->is_symbolized)
        suppression_print_template(location->function, &text);
    else if (frame && frame->module_plus_1)
        text_add(&text, profile->modules[frame->module_plus_1 - 1].name);
    bool is_good = text.count && is_one_line(text_get(&text));
    if (is_good)
        text_add(out, text_get(&text));
    text_clear(&text);
    return is_good;
}

/* ---- Valgrind ---- */

struct lines {
    const struct profile *profile;
    struct text *text;
    unsigned frame_count;
    bool is_open;       /* the last line is "..." */
    bool is_below_main; /* where Valgrind's stacks end */
};

static void add_line(struct lines *lines, const char *start, const char *rest)
{
    text_print(lines->text, "   %s%s\n", start, rest);
    lines->is_open = false;
    lines->frame_count++;
}

static bool add_frame(void *context, const struct profile_frame *frame,
                      const struct profile_location *location)
{
    struct lines *lines = context;
    struct text glob = {0};
    if (lines->frame_count == MOST_FRAMES || lines->is_below_main)
        return false;
    lines->is_below_main = location->is_symbolized && strcmp(location->function, "main") == 0;
    if (location->is_symbolized && is_one_line(location->function) &&
        suppression_print_function(location->function, &glob))
        add_line(lines, "fun:", text_get(&glob));
    else if (frame->module_plus_1 &&
             is_one_line(lines->profile->modules[frame->module_plus_1 - 1].path))
        add_line(lines, "obj:", lines->profile->modules[frame->module_plus_1 - 1].path);
    else if (!lines->is_open) {
        text_add(lines->text, "   ...\n");
        lines->is_open = true;
    }
    text_clear(&glob);
    return true;
}

void suppression_entry_print_frames(const struct profile *profile, uint32_t site, struct text *out)
{
    struct lines lines = {.profile = profile, .text = out};
    add_line(&lines, "fun:", suppression_linker_name(profile->sites[site].function));
    profile_visit_stack(profile, profile->sites[site].stack_node, add_frame, &lines);
}

/* ---- files ---- */

/* The entry, without and with what stands around it. */
struct entry {
    struct text core; /* by which it is known again */
    struct text whole;
};

static void clear_entry(struct entry *entry)
{
    text_clear(&entry->core);
    text_clear(&entry->whole);
}

static bool make_entry(const struct profile *profile, uint32_t site,
                       enum suppression_grammar grammar, const char *comment, struct entry *entry,
                       struct error *error)
{
    struct text name = {0};
    bool has_name = suppression_entry_print_template(profile, site, &name);
    const char *plain = text_get(&name) + strspn(text_get(&name), "^");
    if (!has_name && grammar == SUPPRESSION_LSAN)
        return error_set(error, "nothing on this stack has a name: valgrind's grammar can do it");
    if (comment)
        text_print(&entry->whole, "# %s\n", comment);
    if (grammar == SUPPRESSION_LSAN) {
        text_print(&entry->core, "leak:%s\n", text_get(&name));
        text_add(&entry->whole, text_get(&entry->core));
    } else {
        suppression_entry_print_frames(profile, site, &entry->core);
        text_add(&entry->core, "}\n");
        text_print(&entry->whole, "{\n   %.*s\n   Memcheck:Leak\n%s",
                   has_name ? (int)strcspn(plain, "$") : 6, has_name ? plain : "a leak",
                   text_get(&entry->core));
    }
    text_clear(&name);
    return true;
}

static bool read_all(int fd, const char *path, struct text *content, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, "%s is no file", path);
    char bytes[4096];
    ssize_t count;
    while ((count = read(fd, bytes, sizeof bytes)) > 0 && content->count < MOST_FILE_BYTES)
        text_add_bytes(content, bytes, (size_t)count);
    return count == 0 || error_set_errno(error, count < 0 ? errno : EFBIG, "cannot read %s", path);
}

/* What the file holds must be suppressions, and of the same grammar. */
static bool check_content(const char *path, enum suppression_grammar grammar,
                          const struct text *content, struct error *error)
{
    struct suppressions list;
    struct error reason;
    suppressions_init(&list);
    bool is_good = suppressions_read(&list, path, text_get(content), content->count, &reason);
    bool is_lsan = is_good && list.count && list.items[0].leak_template;
    bool is_other = is_good && list.count && is_lsan != (grammar == SUPPRESSION_LSAN);
    suppressions_clear(&list);
    if (!is_good)
        return error_set(error, "%s is left alone, it holds something else: %s", path,
                         reason.message);
    return !is_other || error_set(error, "%s is left alone: its grammar is %s", path,
                                  suppression_grammar_name_at(is_lsan ? SUPPRESSION_LSAN
                                                                      : SUPPRESSION_VALGRIND));
}

/* At once, so that of two who add at the same time neither writes into the other's entry. */
static bool append(int fd, const char *path, const struct text *content, const struct text *whole,
                   struct error *error)
{
    struct text added = {0};
    if (content->count && text_get(content)[content->count - 1] != '\n')
        text_add(&added, "\n");
    text_add(&added, text_get(whole));
    ssize_t written = write(fd, text_get(&added), added.count);
    bool is_good = written == (ssize_t)added.count;
    if (!is_good)
        error_set_errno(error, written < 0 ? errno : ENOSPC, "cannot write %s", path);
    text_clear(&added);
    return is_good;
}

static enum suppression_outcome add_to_file(int fd, const char *path,
                                            enum suppression_grammar grammar,
                                            const struct entry *entry, struct error *error)
{
    struct text content = {0};
    enum suppression_outcome outcome = SUPPRESSION_FAILED;
    if (read_all(fd, path, &content, error) && check_content(path, grammar, &content, error)) {
        if (strstr(text_get(&content), text_get(&entry->core)))
            outcome = SUPPRESSION_WAS_THERE;
        else if (append(fd, path, &content, &entry->whole, error))
            outcome = SUPPRESSION_ADDED;
    }
    text_clear(&content);
    return outcome;
}

enum suppression_outcome suppression_entry_append(const struct profile *profile, uint32_t site,
                                                  enum suppression_grammar grammar,
                                                  const char *comment, const char *path,
                                                  struct error *error)
{
    struct entry entry = {0};
    enum suppression_outcome outcome = SUPPRESSION_FAILED;
    if (make_entry(profile, site, grammar, comment, &entry, error)) {
        int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
        if (fd < 0)
            error_set_errno(error, errno, "cannot open %s", path);
        else
            outcome = add_to_file(fd, path, grammar, &entry, error);
        if (fd >= 0 && close(fd) != 0 && outcome == SUPPRESSION_ADDED) {
            error_set_errno(error, errno, "cannot write %s", path);
            outcome = SUPPRESSION_FAILED;
        }
    }
    clear_entry(&entry);
    return outcome;
}
