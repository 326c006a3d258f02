/* Names of C++ types as people write them: without the arguments that templates have by default,
 * and without the namespaces of versions. "std::map<int, std::string>" is some 200 bytes
 * long where compilers write it. */
#ifndef SEEP_GRAPH_TYPE_SPELLING_H
#define SEEP_GRAPH_TYPE_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

/* Caller frees. What is not understood stays as it is. */
char *type_spelling_shorten(const char *name);

/* The argument at a position of the outermost template, as written; NULL: there is none. The caller
 * frees it. */
char *type_spelling_argument(const char *name, size_t position);

#endif
