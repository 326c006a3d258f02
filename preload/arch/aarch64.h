/* What only holds on aarch64; x86_64.h says what each part is for.
 *
 * Frames (AAPCS64, section 6.4.6): x29 points at a frame record {caller's x29, return address}.
 * Walks follow these records alone; a frame record at x29 is the rule "CFA = x29 + 16, the caller's
 * x29 at CFA - 16, the return address at CFA - 8", where CFA only names the end of the record. */
#ifndef SEEP_PRELOAD_ARCH_AARCH64_H
#define SEEP_PRELOAD_ARCH_AARCH64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ARCH_DWARF_BP = 29,
    ARCH_DWARF_SP = 31,
    ARCH_DWARF_RETURN_ADDRESS = 30
};

#define ARCH_HAS_EH_FRAME_RULES 0

enum {
    ARCH_PAGE_BYTES = 4096
};

/* Kinds of relocations that hold the address of a function (ELF for the Arm 64-bit Architecture). */
enum {
    ARCH_RELOCATION_WORD = 257,
    ARCH_RELOCATION_GLOB_DAT = 1025,
    ARCH_RELOCATION_JUMP_SLOT = 1026
};

static inline uint64_t arch_time_stamp(void)
{
    uint64_t stamp;

    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(stamp) : : "memory");
    return stamp;
}

static inline uint64_t arch_time_stamp_unordered(void)
{
    uint64_t stamp;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(stamp) : : "memory");
    return stamp;
}

static inline void arch_prefetch_for_write(const void *address)
{
    __asm__ volatile("prfm pstl1keep, %0" : : "Q"(*(const char *)address));
}

static inline int64_t arch_system_call(int64_t number, uint64_t a, uint64_t b, uint64_t c,
                                       uint64_t d, uint64_t e, uint64_t f)
{
    register int64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = a;
    register uint64_t x1 __asm__("x1") = b;
    register uint64_t x2 __asm__("x2") = c;
    register uint64_t x3 __asm__("x3") = d;
    register uint64_t x4 __asm__("x4") = e;
    register uint64_t x5 __asm__("x5") = f;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return (int64_t)x0;
}

static inline uint64_t arch_frame_return_address(uintptr_t frame)
{
    return ((const uint64_t *)frame)[1];
}

static inline uint64_t arch_frame_caller_sp(uintptr_t frame)
{
    return frame + 16;
}

static inline uint64_t arch_frame_caller_bp(uintptr_t frame)
{
    return ((const uint64_t *)frame)[0];
}

enum arch_register {
    ARCH_REGISTER_PC,
    ARCH_REGISTER_SP,
    ARCH_REGISTER_X29,
    ARCH_REGISTER_X30,
    ARCH_REGISTER_X19,
    ARCH_REGISTER_COUNT = ARCH_REGISTER_X19 + 10 /* x19 .. x28 */
};

static inline __attribute__((always_inline)) void
arch_capture_registers(uint64_t values[ARCH_REGISTER_COUNT])
{
    __asm__ volatile("adr x9, .\n\t"
                     "mov x10, sp\n\t"
                     "stp x9, x10, [%0]\n\t"
                     "stp x29, x30, [%0, 16]\n\t"
                     "stp x19, x20, [%0, 32]\n\t"
                     "stp x21, x22, [%0, 48]\n\t"
                     "stp x23, x24, [%0, 64]\n\t"
                     "stp x25, x26, [%0, 80]\n\t"
                     "stp x27, x28, [%0, 96]\n\t"
                     :
                     : "r"(values)
                     : "x9", "x10", "memory");
}

/* What compilers cut functions into is not looked for. */
enum {
    ARCH_JUMP_BYTES = 4
};

static inline uint64_t arch_jump_target(const uint8_t code[ARCH_JUMP_BYTES])
{
    (void)code;
    return 0;
}

/* The kernel links a frame record into its signal frames, so they need no rule of their own. */
enum {
    ARCH_SIGNAL_CONTEXT_BP = 0,
    ARCH_SIGNAL_CONTEXT_SP = 0,
    ARCH_SIGNAL_CONTEXT_PC = 0,
    ARCH_SIGNAL_RESTORER_BYTES = 1
};

static inline bool arch_is_signal_restorer(const uint8_t code[ARCH_SIGNAL_RESTORER_BYTES])
{
    (void)code;
    return false;
}

/* As for x86-64. struct ucontext's mcontext begins at 176 with a fault address; then x0-x30, sp,
 * pc; the records of vector registers from 464 on. */
static inline uint64_t arch_context_general(const void *context)
{
    return (uint64_t)(uintptr_t)context + 184;
}

static inline uint64_t arch_context_extended(const void *context)
{
    return (uint64_t)(uintptr_t)context + 464;
}

/* The first argument and the result share a register: what was asked for is not known any more. */
static inline int64_t arch_context_interrupted_call(const void *context)
{
    (void)context;
    return -1;
}

static inline void arch_context_repeat_call(void *context)
{
    (void)context;
}

#endif
