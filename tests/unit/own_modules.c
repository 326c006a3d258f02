#define _GNU_SOURCE
#include "tests/unit/own_modules.h"

#include <link.h>
#include <string.h>

enum {
    MAX_MODULES = 64
};

static struct remote_unwind_module modules[MAX_MODULES];
static size_t module_count;

static int add_module(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    struct remote_unwind_module *module = &modules[module_count];
    const char *name = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
    struct error error;

    (void)info_bytes, (void)context;
    if (module_count == MAX_MODULES)
        return -1;
    *module = (struct remote_unwind_module){.start = UINT64_MAX, .bias = info->dlpi_addr};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        module->start = start < module->start ? start : module->start;
        module->end = start + info->dlpi_phdr[i].p_memsz;
    }
    module->file = strstr(name, "vdso") ? unwind_file_open_vdso(&error)
                                        : unwind_file_open(-1, name, &error);
    if (!module->file)
        return -1;
    module_count++;
    return 0;
}

bool own_modules_open(void)
{
    return dl_iterate_phdr(add_module, NULL) == 0;
}

void own_modules_close(void)
{
    while (module_count > 0)
        unwind_file_close(modules[--module_count].file);
}

struct remote_unwind_module *own_modules_at(uint64_t address)
{
    for (size_t i = 0; i < module_count; i++)
        if (address >= modules[i].start && address < modules[i].end)
            return &modules[i];
    return NULL;
}

bool own_modules_find(void *context, uint64_t address, struct remote_unwind_module *module)
{
    const struct remote_unwind_module *found = own_modules_at(address);

    (void)context;
    if (found)
        *module = *found;
    return found != NULL;
}
