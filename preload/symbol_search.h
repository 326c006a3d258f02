/* dlsym and dladdr as far as the preload needs them. Before glibc 2.34 dlsym was in a library that
 * a program need not have; then the modules' own tables are read, by dl_iterate_phdr: hash, name,
 * version (System V ABI, "Dynamic Linking"; DT_GNU_HASH as in the GNU tools). dladdr looks through
 * all symbols of a module for the nearest one, for which nobody asks here: dozens of times it would
 * take longer than all else of a start. */
#ifndef SEEP_PRELOAD_SYMBOL_SEARCH_H
#define SEEP_PRELOAD_SYMBOL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next definition behind the module that `own` lies in, in the order of loading; NULL = none.
 */
void *symbol_search_next(const char *name, const void *own);

/* A name, and what symbol_search_all finds for it. */
struct symbol_query {
    const char *name;
    void *next;              /* the next definition, as symbol_search_next finds it; NULL = none */
    const char *next_module; /* the path of its module */
    void *first;             /* the first definition of all, by the modules' own tables */
    bool is_first_own;       /* that is in the module of `own` */
    bool is_first_indirect, is_next_indirect; /* of no meaning afterwards */
    uint32_t hash;
};

/* All of these in one look at each module: a program's start has dozens of them, and reading a
 * module's dynamic section takes far longer than looking a name up in its tables. Nothing is
 * allocated but where a definition is an IFUNC. */
void symbol_search_all(struct symbol_query *queries, size_t count, const void *own);

/* The first definition of all. */
void *symbol_search_first(const char *name);

/* The same two (own = NULL: the first of all), always by the modules' own tables: nothing is
 * allocated, and only what is defined there counts. */
void *symbol_search_in_tables(const char *name, const void *own);

/* What one module defines, function or variable, by its own tables: `start` is where its ELF header
 * stands in memory. 0 = it does not. *bytes (may be NULL) is the symbol's size. No lock is taken.
 */
uint64_t symbol_search_in_module(uint64_t start, uint64_t bias, const char *name, uint64_t *bytes);

/* The path of the module that has the address, as the loader knows it; "" for the program itself,
 * NULL when there is none. Valid while the module is loaded. */
const char *symbol_search_module(const void *address);

#endif
