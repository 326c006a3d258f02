/* Names of variables by their addresses, from symbol tables.
 *
 * Only libelf looks at the files, whose tables it checks; a file with another build-id is refused.
 */
#ifndef SEEP_SYMBOLS_VARIABLES_H
#define SEEP_SYMBOLS_VARIABLES_H

#include <stdint.h>

#include "symbols/symbolizer.h"

struct variables;

/* `module` and `options` are borrowed during the call. Never fails: a file without a table has no
 * names. Caller owns it. */
struct variables *variables_open(const struct symbolizer_module *module,
                                 const struct symbolizer_options *options);
void variables_close(struct variables *variables);

/* The variable that holds the address (of the file's own address space), or the thread-local one at
 * an offset in the TLS segment. Demangled, the caller's to free; NULL = not known. *start is where
 * it begins. */
char *variables_find(const struct variables *variables, uint64_t address, uint64_t *start);
char *variables_find_thread_local(const struct variables *variables, uint64_t offset,
                                  uint64_t *start);

/* The section that an address is in, such as ".bss"; the caller's to free. NULL = in none. */
char *variables_find_section(const struct variables *variables, uint64_t address);

#endif
