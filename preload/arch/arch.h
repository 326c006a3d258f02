/* The one place that picks the header of the processor that this is compiled for. */
#ifndef SEEP_PRELOAD_ARCH_ARCH_H
#define SEEP_PRELOAD_ARCH_ARCH_H

#if defined(__x86_64__) && defined(__LP64__)
#include "preload/arch/x86_64.h"
#elif defined(__aarch64__)
#include "preload/arch/aarch64.h"
#else
#error "no preload/arch header for this processor"
#endif

#endif
