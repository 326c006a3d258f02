/* Which variable, or variable of a running function, each root is in; and what their types say of
 * the blocks that they refer to. */
#ifndef SEEP_GRAPH_TYPE_VARIABLES_H
#define SEEP_GRAPH_TYPE_VARIABLES_H

#include "graph/type_claims.h"

/* Fills variables and variable_of_root. */
void type_variables_find(struct type_claims *run);
void type_variables_claim(struct type_claims *run);

#endif
