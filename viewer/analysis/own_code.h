/* Which frames are the program's own, and which stand between it and the allocator.
 *
 * A stack begins with frames that say nothing about why memory was asked for: libc's strdup, the
 * allocator of a std::vector, operator new. Reports name a site after the first frame that is none
 * of these. A location is own code unless
 *   - its module is libc (and its parts), libstdc++ or libc++, the loader, the vdso or seep, or
 *   - its module is CPython's interpreter, or one that comes with it, and the recording has Python's
 *     functions, or
 *   - it is a function of Python's that imports modules, or
 *   - its function lives in namespace std or __gnu_cxx (their templates are compiled into the
 *     program), is an operator new or delete, or is the start code `_start`. */
#ifndef SEEP_ANALYSIS_OWN_CODE_H
#define SEEP_ANALYSIS_OWN_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/profile.h"

/* By a module's file name: "libc.so.6", "ld-linux-x86-64.so.2", "libseep-preload.so", ... */
bool own_code_is_system_module(const char *name);

/* By its path: "/usr/bin/python3.11", "/usr/lib/libpython3.11.so.1.0", and what one build has in the
 * interpreter and another beside it: "/usr/lib/python3.11/lib-dynload/_json.cpython-311.so". */
bool own_code_is_interpreter_module(const char *path);

/* By a demangled name, with or without return type and parameters. */
bool own_code_is_library_function(const char *function);

/* The name without a return type, which only demangled templates have: "std::swap<int>(int&, int&)"
 * of "void std::swap<int>(int&, int&)". Borrowed from `function`. */
const char *own_code_qualified_name(const char *function);

bool own_code_is_own(const struct profile *profile, const struct profile_frame *frame,
                     const struct profile_location *location);

/* Has all locations know it, when frames, names and modules are as they stay. */
void own_code_note(struct profile *profile);

/* The first own location of a stack, innermost first; where there is none, the innermost location;
 * NULL for an empty stack. *frame (may be NULL) is its frame; *depth (may be NULL) is how many
 * locations stand before it. Borrowed from the profile. */
const struct profile_location *own_code_find(const struct profile *profile, uint32_t node,
                                             const struct profile_frame **frame, unsigned *depth);

#endif
