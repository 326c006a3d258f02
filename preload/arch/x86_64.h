/* What only holds on x86-64: time stamps, system calls past any interposition, registers, and the
 * conventions of frames.
 *
 * Frames (System V ABI for AMD64, sections 3.2.2 and 3.7): the canonical frame address (CFA) is the
 * value of rsp before the call instruction, so the return address stands at CFA - 8. A function
 * that keeps a frame pointer has its caller's rbp at [rbp] and its return address at [rbp + 8]. */
#ifndef SEEP_PRELOAD_ARCH_X86_64_H
#define SEEP_PRELOAD_ARCH_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DWARF numbers of the registers that a rule may name. */
enum {
    ARCH_DWARF_BP = 6,
    ARCH_DWARF_SP = 7,
    ARCH_DWARF_RETURN_ADDRESS = 16
};

/* Rules come from .eh_frame. (Where this is 0, every frame is taken to keep a frame pointer.) */
#define ARCH_HAS_EH_FRAME_RULES 1

/* The granule in which readability of memory is tested: no page is smaller. */
enum {
    ARCH_PAGE_BYTES = 4096
};

/* Kinds of relocations that hold the address of a function (System V ABI for AMD64, 4.4). */
enum {
    ARCH_RELOCATION_WORD = 1,
    ARCH_RELOCATION_GLOB_DAT = 6,
    ARCH_RELOCATION_JUMP_SLOT = 7
};

/* ---- time ------------------------------------------------------------------------------------ */

/* The cycle counter, read after all earlier loads are done: stamps taken on both sides of a
 * hand-off between threads are never inverted. */
static inline uint64_t arch_time_stamp(void)
{
    uint32_t low, high, processor;

    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(processor) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* The same, a few nanoseconds cheaper, but earlier loads may still be under way. */
static inline uint64_t arch_time_stamp_unordered(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* ---- memory ------------------------------------------------------------------------------ */

/* Asks for the line of `address`, to be written soon, without waiting for it; never faults. */
static inline void arch_prefetch_for_write(const void *address)
{
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
}

/* ---- system calls ------------------------------------------------------------------------------
 */

/* The kernel's answer: -4095 .. -1 is a negated error number. errno is not touched. */
static inline int64_t arch_system_call(int64_t number, uint64_t a, uint64_t b, uint64_t c,
                                       uint64_t d, uint64_t e, uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    int64_t result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* ---- registers ---------------------------------------------------------------------------------
 */

/* Of a function that was compiled with a frame pointer and does not realign its stack, by the address
 * of its frame: where it returns to, and its caller's sp and bp there. */
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

/* What an unwinder with full unwind tables needs to begin: the registers that calls preserve. */
enum arch_register {
    ARCH_REGISTER_RIP,
    ARCH_REGISTER_RSP,
    ARCH_REGISTER_RBP,
    ARCH_REGISTER_RBX,
    ARCH_REGISTER_R12,
    ARCH_REGISTER_R13,
    ARCH_REGISTER_R14,
    ARCH_REGISTER_R15,
    ARCH_REGISTER_COUNT
};

/* The registers here, inside the function that this is inlined into; the pc is exact (not a return
 * address). */
static inline __attribute__((always_inline)) void
arch_capture_registers(uint64_t values[ARCH_REGISTER_COUNT])
{
    __asm__ volatile("leaq 0(%%rip), %%rax\n\t"
                     "movq %%rax, 0(%0)\n\t"
                     "movq %%rsp, 8(%0)\n\t"
                     "movq %%rbp, 16(%0)\n\t"
                     "movq %%rbx, 24(%0)\n\t"
                     "movq %%r12, 32(%0)\n\t"
                     "movq %%r13, 40(%0)\n\t"
                     "movq %%r14, 48(%0)\n\t"
                     "movq %%r15, 56(%0)\n\t"
                     :
                     : "r"(values)
                     : "rax", "memory");
}

/* ---- code --------------------------------------------------------------------------------------
 */

enum {
    ARCH_JUMP_BYTES = 6 /* of the longest that is looked for */
};

/* Where the bytes there lead to if they are a jump of 32 bits, with a condition or without (jmp
 * rel32, jcc rel32); 0: they are none. */
static inline uint64_t arch_jump_target(const uint8_t code[ARCH_JUMP_BYTES])
{
    size_t head = code[0] == 0xe9 ? 1 : code[0] == 0x0f && (code[1] & 0xf0) == 0x80 ? 2 : 0;
    int32_t distance;

    if (head == 0)
        return 0;
    __builtin_memcpy(&distance, code + head, sizeof distance);
    return (uint64_t)(uintptr_t)code + head + sizeof distance + (uint64_t)(int64_t)distance;
}

/* ---- signal frames -----------------------------------------------------------------------------
 */

/* When a handler has returned to its restorer, rsp points at the kernel's struct ucontext
 * (arch/x86/include/uapi/asm/sigcontext.h): uc_flags 8, uc_link 8, uc_stack 24 bytes, then r8-r15,
 * rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip. glibc's unwind table for __restore_rt says the same.
 */
enum {
    ARCH_SIGNAL_CONTEXT_BP = 120,
    ARCH_SIGNAL_CONTEXT_SP = 160,
    ARCH_SIGNAL_CONTEXT_PC = 168,
    ARCH_SIGNAL_RESTORER_BYTES = 9
};

/* Are these the bytes of a restorer, `mov $15 (rt_sigreturn), %rax; syscall`? For those that come
 * without an unwind table. */
static inline bool arch_is_signal_restorer(const uint8_t code[ARCH_SIGNAL_RESTORER_BYTES])
{
    static const uint8_t restorer[ARCH_SIGNAL_RESTORER_BYTES] = {0x48, 0xc7, 0xc0, 0x0f, 0x00,
                                                                 0x00, 0x00, 0x0f, 0x05};

    for (int i = 0; i < ARCH_SIGNAL_RESTORER_BYTES; i++)
        if (code[i] != restorer[i])
            return false;
    return true;
}

/* Where the general registers stand in the context that a handler is given, and where it says where
 * the vector registers do (0 = nowhere). */
static inline uint64_t arch_context_general(const void *context)
{
    return (uint64_t)(uintptr_t)context + 40;
}

static inline uint64_t arch_context_extended(const void *context)
{
    return *(const uint64_t *)((const char *)context + 224);
}

/* The number of the system call that a signal has just interrupted, so that it returns EINTR, if
 * the instruction before it says which it was: "mov $number, %eax; syscall". -1 = it cannot be
 * known, or was not interrupted. */
static inline int64_t arch_context_interrupted_call(const void *context)
{
    const int64_t *result = (const int64_t *)((const char *)context + 40 + 13 * 8);
    const uint8_t *pc = *(const uint8_t *const *)((const char *)context + ARCH_SIGNAL_CONTEXT_PC);

    if (*result != -4 || ((uintptr_t)pc & (ARCH_PAGE_BYTES - 1)) < 7 || pc[-2] != 0x0f ||
        pc[-1] != 0x05 || pc[-7] != 0xb8)
        return -1;
    return (int64_t)((uint32_t)pc[-6] | (uint32_t)pc[-5] << 8 | (uint32_t)pc[-4] << 16 |
                     (uint32_t)pc[-3] << 24);
}

/* Back in front of both instructions; all arguments are still in their registers. */
static inline void arch_context_repeat_call(void *context)
{
    *(uint64_t *)((char *)context + ARCH_SIGNAL_CONTEXT_PC) -= 7;
}

#endif
