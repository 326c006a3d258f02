/* Families of allocation functions that are not libc's: PREFIX_malloc, PREFIX_free and so on of a shared
 * library (`seep run --allocator=PREFIX`). Nobody can replace them by name, since the names that this
 * library shows are fixed; so the entries by which programs and libraries reach them are changed to lead
 * to wrappers: those of the modules that are there when the program begins.
 *
 * Their blocks are recorded with the stacks that asked for them. What such a function itself asks of
 * malloc is not: it is the allocator's supply, and would count twice. */
#ifndef SEEP_PRELOAD_ALLOCATOR_FAMILY_H
#define SEEP_PRELOAD_ALLOCATOR_FAMILY_H

/* Once, when the session was joined and the modules are there. Does nothing unless it is asked for. */
void allocator_family_start(void);

#endif
