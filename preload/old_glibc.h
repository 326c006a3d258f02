/* The preload is also loaded into images with another glibc than it was built with: those of
 * another root, or with a loader of their own. What it takes from glibc is therefore bound to the
 * first version of each symbol. Where libdl and libpthread are libraries of their own (before 2.34)
 * they need not be there: then these are NULL, and whoever calls them looks first.
 *
 * To be included by all that name one of them. */
#ifndef SEEP_PRELOAD_OLD_GLIBC_H
#define SEEP_PRELOAD_OLD_GLIBC_H

#include <dlfcn.h>
#include <pthread.h>

#if defined(__x86_64__)
#define OLD_GLIBC_VERSION "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLD_GLIBC_VERSION "GLIBC_2.17"
#endif

#define OLD_GLIBC_BIND(symbol)                                                                     \
    _Pragma(OLD_GLIBC_TEXT(weak symbol)) __asm__(".symver " #symbol ", " #symbol                   \
                                                 "@" OLD_GLIBC_VERSION)
#define OLD_GLIBC_TEXT(text) #text

#ifndef OLD_GLIBC_PRETEND
OLD_GLIBC_BIND(dlsym);
OLD_GLIBC_BIND(pthread_key_create);
OLD_GLIBC_BIND(pthread_setspecific);
#else
/* For a test: as where none of them is there. */
extern __typeof__(dlsym) old_glibc_no_dlsym __attribute__((weak));
extern __typeof__(pthread_key_create) old_glibc_no_key_create __attribute__((weak));
#define dlsym              old_glibc_no_dlsym
#define pthread_key_create old_glibc_no_key_create
#endif

#endif
