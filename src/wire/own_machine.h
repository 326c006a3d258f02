/* The processor that this is compiled for, as ELF headers name it. */
#ifndef SEEP_WIRE_OWN_MACHINE_H
#define SEEP_WIRE_OWN_MACHINE_H

#include <elf.h>

enum {
#if defined(__x86_64__)
    OWN_MACHINE = EM_X86_64
#else
    OWN_MACHINE = EM_AARCH64
#endif
};

#endif
