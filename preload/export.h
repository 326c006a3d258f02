/* The preload is compiled with hidden visibility; what it replaces says so. */
#ifndef SEEP_PRELOAD_EXPORT_H
#define SEEP_PRELOAD_EXPORT_H

#define EXPORT __attribute__((visibility("default")))

/* Not all of them have a declaration in a header of every libc. */
#define EXPORT_DECLARE(symbol, result, parameters) result symbol parameters;

#endif
