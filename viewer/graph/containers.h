/* Containers of the C++ library (libstdc++): what their memory is.
 *
 * Their own members say little: a map's nodes are _Rb_tree_node_base to it. So a container gets
 * members of our own, at the places that the library's ABI fixes, which point to memory with a name
 * that people know: "std::map<int, Session> node". Whatever follows types then follows these. */
#ifndef SEEP_GRAPH_CONTAINERS_H
#define SEEP_GRAPH_CONTAINERS_H

#include <stddef.h>

#include "graph/type_table.h"

/* If it is a container whose size is as expected, gives it its members. */
void containers_recognise(struct type_table *table, struct graph_type *type);

/* The type of a block by the name of its class, as compilers write it: of the library's own classes
 * what people know them as. The definition is looked for in `module` first; where there is none it
 * is a type with a name and no more. */
uint32_t containers_type_of_class(struct type_table *table, uint32_t module, const char *name);

/* The type of a block by what the library's allocator was asked for: the name of a function such as
 * "std::__new_allocator<T>::allocate(...)", and those of `count` functions around it. A container's
 * memory is named so also where it is reached by nothing that has a type. TYPE_NONE: not such a
 * function. */
uint32_t containers_type_of_allocator(struct type_table *table, const char *function,
                                      const char *const *callers, size_t count);

/* "std::string", of no debug information; "std::vector" of what is not known. */
uint32_t containers_plain_string(struct type_table *table);
uint32_t containers_plain_vector(struct type_table *table);

#endif
