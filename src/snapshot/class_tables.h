/* Which C++ class is a block an object of? Its first word then points to a table of virtual
 * functions, in front of which stands a pointer to the class's type information, and that knows its
 * name (Itanium C++ ABI, 2.5.2 and 2.9.4). All of it lies in files that are mapped, so the name is
 * nobody's contents, and it is there also where all symbols were stripped.
 *
 * A class that was compiled without type information has no name; the address of its table may
 * still be a symbol's. */
#ifndef SEEP_SNAPSHOT_CLASS_TABLES_H
#define SEEP_SNAPSHOT_CLASS_TABLES_H

#include <stdint.h>

#include "snapshot/snapshot.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/word_cache.h"

struct class_tables;

/* All are borrowed. Classes are added to `snapshot`, whose modules must be known. */
struct class_tables *class_tables_create(const struct target_mappings *mappings,
                                         struct word_cache *words, struct snapshot *snapshot);
void class_tables_destroy(struct class_tables *tables);

/* The class whose table begins at the address: its position in the snapshot's classes, or
 * SNAPSHOT_NONE. */
uint32_t class_tables_find(struct class_tables *tables, uint64_t address);

#endif
