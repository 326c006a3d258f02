/* The files of modules, opened when a module is first seen: what a process in another root or a
 * deleted library maps can be read later only so. */
#ifndef SEEP_RECORD_MODULE_FILES_H
#define SEEP_RECORD_MODULE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "record/unwind_file.h"
#include "symbols/module_map.h"

struct module_files;

/* `modules` is borrowed. */
struct module_files *module_files_create(const struct module_table *modules);
void module_files_destroy(struct module_files *files);

/* Opens the module's file as process `pid` sees it, unless it was opened before. Keeps it only if
 * it is a regular file. */
void module_files_open(struct module_files *files, struct module_id module, const char *path,
                       uint32_t pid);

/* Borrowed descriptor, or -1. */
int module_files_fd(const struct module_files *files, struct module_id module);

/* Its unwind tables, opened at the first call; NULL when there are none to be had. Borrowed. */
struct unwind_file *module_files_unwind(struct module_files *files, struct module_id module);

#endif
