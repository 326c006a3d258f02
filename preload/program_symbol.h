/* Functions that a program keeps to itself: an executable that is not linked with -rdynamic exports
 * nothing, but unless it was stripped its file still has a table of all symbols (System V ABI,
 * "Symbol Table"). */
#ifndef SEEP_PRELOAD_PROGRAM_SYMBOL_H
#define SEEP_PRELOAD_PROGRAM_SYMBOL_H

/* A global function of the executable; NULL = it has none of that name, or its file cannot be read.
 * Nothing is allocated or mapped. It takes as long as reading the file's names does. */
void *program_symbol_find(const char *name);

#endif
