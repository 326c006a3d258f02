#include "analysis/own_code.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

/* Starts of file names. "libc-2.31.so" was libc's name before glibc 2.34. */
static const char *const system_modules[] = {
    "libc.so",      "libc-2.",     "libc.musl-", "libpthread.so", "libpthread-2.",
    "libdl.so",     "libdl-2.",    "librt.so",   "librt-2.",      "libm.so",
    "libm-2.",      "libgcc_s.so", "libgcc_s-",  "libstdc++.so",  "libc++.so",
    "libc++abi.so", "ld-linux",    "ld-2.",      "ld-musl-",      "ld.so",
    "ld64.so",      "libseep-",    "[vdso]",     "linux-vdso",    "linux-gate.so",
};

bool own_code_is_system_module(const char *name)
{
    for (size_t i = 0; i < sizeof system_modules / sizeof *system_modules; i++)
        if (text_starts_with(name, system_modules[i]))
            return true;
    return false;
}

bool own_code_is_interpreter_module(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (strstr(path, "/lib-dynload/") || text_starts_with(name, "libpython"))
        return true;
    if (!text_starts_with(name, "python"))
        return false;
    const char *version = name + strlen("python");
    return version[strspn(version, "0123456789.")] == '\0';
}

/* Where the qualified name begins: behind a return type, which only templates have. The last space
 * outside of brackets and before the parameters separates them ("void std::swap<int>(int&, int&)"),
 * unless it belongs to "operator new" and its like. */
const char *own_code_qualified_name(const char *function)
{
    const char *start = function;
    int depth = 0;
    for (const char *at = function; *at; at++) {
        if (*at == 'o' && depth == 0 && text_starts_with(at, "operator") &&
            (at == function || !(isalnum((unsigned char)at[-1]) || at[-1] == '_')))
            return start;
        if (*at == '<' || *at == '(' || *at == '[' || *at == '{') {
            if (depth == 0 && *at == '(' && at > start && !text_starts_with(at, "(anonymous"))
                return start;
            depth++;
        } else if (*at == '>' || *at == ')' || *at == ']' || *at == '}') {
            depth -= depth > 0;
        } else if (*at == ' ' && depth == 0) {
            start = at + 1;
        }
    }
    return *start ? start : function;
}

bool own_code_is_library_function(const char *function)
{
    const char *name = own_code_qualified_name(function);
    return text_starts_with(name, "std::") || text_starts_with(name, "__gnu_cxx::") ||
           text_starts_with(name, "operator new") || text_starts_with(name, "operator delete") ||
           strcmp(name, "_start") == 0;
}

static bool is_own(const struct profile *profile, const struct profile_frame *frame,
                   const struct profile_location *location)
{
    if (frame->kind == RECORDING_FRAME_OMITTED)
        return false;
    if (frame->kind == RECORDING_FRAME_PYTHON)
        return !location->file || !text_starts_with(location->file, "<frozen importlib");
    if (frame->module_plus_1 && profile->modules[frame->module_plus_1 - 1].is_system)
        return false;
    return !location->is_symbolized || !own_code_is_library_function(location->function);
}

bool own_code_is_own(const struct profile *profile, const struct profile_frame *frame,
                     const struct profile_location *location)
{
    return location->owner ? location->owner == PROFILE_OWNER_PROGRAM
                           : is_own(profile, frame, location);
}

void own_code_note(struct profile *profile)
{
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        for (uint32_t j = 0; j < frame->location_count; j++) {
            struct profile_location *location = &profile->locations[frame->first_location + j];
            location->owner = is_own(profile, frame, location) ? PROFILE_OWNER_PROGRAM
                                                               : PROFILE_OWNER_LIBRARY;
        }
    }
}

struct own_code_search {
    const struct profile *profile;
    const struct profile_frame *first_frame, *frame;
    const struct profile_location *first_location, *location;
    unsigned depth;
};

static bool look_at_location(void *context, const struct profile_frame *frame,
                             const struct profile_location *location)
{
    struct own_code_search *search = context;
    if (!search->first_location) {
        search->first_location = location;
        search->first_frame = frame;
    }
    if (own_code_is_own(search->profile, frame, location)) {
        search->location = location;
        search->frame = frame;
        return false;
    }
    search->depth++;
    return true;
}

const struct profile_location *own_code_find(const struct profile *profile, uint32_t node,
                                             const struct profile_frame **frame, unsigned *depth)
{
    struct own_code_search search = {.profile = profile};
    profile_visit_stack(profile, node, look_at_location, &search);
    if (!search.location) {
        search.location = search.first_location;
        search.frame = search.first_frame;
        search.depth = 0;
    }
    if (frame)
        *frame = search.frame;
    if (depth)
        *depth = search.depth;
    return search.location;
}
