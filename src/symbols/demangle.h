/* C++ (Itanium) and Rust (legacy and v0) names by libiberty. */
#ifndef SEEP_SYMBOLS_DEMANGLE_H
#define SEEP_SYMBOLS_DEMANGLE_H

/* Caller owns the result; a name that is not mangled is copied as it is. Never NULL. Names longer
 * than 64 KiB, or that demangle to more, are copied as they are (hostile input). */
char *demangle_name(const char *name);

#endif
