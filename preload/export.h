/* The preload is compiled with hidden visibility; what it replaces says so. */
#ifndef SEEP_PRELOAD_EXPORT_H
#define SEEP_PRELOAD_EXPORT_H

#define EXPORT __attribute__((visibility("default")))

/* A variable that other files of the preload use: without this the compiler would look up where it is
 * each time. */
#define INTERNAL __attribute__((visibility("hidden")))

/* Not all of them have a declaration in a header of every libc. */
#define EXPORT_DECLARE(symbol, result, parameters) result symbol parameters;

#endif
