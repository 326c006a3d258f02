/* type_reader.h in a child process: DWARF may be hostile, and reading it may crash, or take all
 * memory or time there is. What happens then costs names only: the service has no more answers.
 *
 * The child starts at the first question, has limits of memory and processor time, and ends with
 * its caller. */
#ifndef SEEP_SYMBOLS_TYPE_SERVICE_H
#define SEEP_SYMBOLS_TYPE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "symbols/type_reader.h"

struct type_service;

/* `module` and `options` are borrowed until the close. Caller owns. */
struct type_service *type_service_open(const struct symbolizer_module *module,
                                       const struct symbolizer_options *options);
void type_service_close(struct type_service *service);

/* Like the functions of type_reader.h; false, 0 or TYPE_UNKNOWN also when nothing could be read. */
bool type_service_find_variable(struct type_service *service, uint64_t address,
                                bool is_thread_local, struct type_variable *variable);
uint32_t type_service_find_type(struct type_service *service, const char *name);
void type_service_describe(struct type_service *service, uint32_t type, struct type_facts *facts);
void type_service_find_locals(struct type_service *service, uint64_t address,
                              struct type_locals *locals);

/* Did the child die of what it read? */
bool type_service_has_failed(const struct type_service *service);

#endif
