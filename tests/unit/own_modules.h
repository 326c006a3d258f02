/* The modules of this process, for an unwinder that believes it to be another one. */
#ifndef SEEP_TESTS_UNIT_OWN_MODULES_H
#define SEEP_TESTS_UNIT_OWN_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/remote_unwind.h"

/* Those that are there now, with their unwind tables; false: too many, or a file that cannot be
 * read. Close after use, also after a failure. */
bool own_modules_open(void);
void own_modules_close(void);

/* As remote_unwind_stack.find_module; the context is not used. */
bool own_modules_find(void *context, uint64_t address, struct remote_unwind_module *module);

/* The one that holds an address, to be changed; NULL = none. */
struct remote_unwind_module *own_modules_at(uint64_t address);

#endif
