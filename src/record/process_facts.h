/* What the kernel knows of a process, read from outside. */
#ifndef SEEP_RECORD_PROCESS_FACTS_H
#define SEEP_RECORD_PROCESS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Resident bytes now; 0 = not known. *statm_fd is opened at the first call (-1) and kept. */
uint64_t process_facts_resident(uint32_t pid, int *statm_fd);

/* Resident bytes at their peak (VmHWM); 0 = not known. */
uint64_t process_facts_peak_resident(uint32_t pid);

/* The value of a variable of the environment that it began with; "" = it has none. False: not
 * known.
 */
bool process_facts_variable(uint32_t pid, const char *name, char *value, size_t value_bytes);

/* The processor's cache, as programs learn of it: "cache size" of /proc/cpuinfo; 0 = not known. */
uint64_t process_facts_processor_cache(void);

/* The wait status of a process that ended, whether its parent, whoever that is, has reaped it or
 * not. False where the kernel does not tell (of reaped ones before 6.15). pidfd -1 = none. */
bool process_facts_exit(uint32_t pid, int pidfd, int *wait_status);

/* Of the parent; 0 = not known, or outside of our pid namespace. */
uint32_t process_facts_parent(uint32_t pid);

/* "" when not known. Control bytes are made harmless. */
void process_facts_thread_name(uint32_t pid, uint32_t tid, char *name, size_t name_bytes);

#endif
