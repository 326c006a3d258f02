/* What the stopper must know of the processor: where the stack pointer stands among the general
 * registers, and how a system call that was interrupted is begun again. */
#ifndef SEEP_SNAPSHOT_PROCESSOR_H
#define SEEP_SNAPSHOT_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#if defined(__x86_64__)

#include <cpuid.h>

/* Words of NT_PRSTATUS's register set (struct user_regs_struct). */
enum {
    PROCESSOR_WORD_RAX = 10,
    PROCESSOR_WORD_ORIG_RAX = 15,
    PROCESSOR_WORD_PC = 16,
    PROCESSOR_WORD_SP = 19,
    PROCESSOR_WORD_FS_BASE = 21,
    PROCESSOR_GENERAL_WORDS = 27,
    PROCESSOR_SYSCALL_BYTES = 2 /* of the instruction */
};
_Static_assert(sizeof(struct user_regs_struct) == PROCESSOR_GENERAL_WORDS * 8, "as the kernel's");

/* The system call that a stopped thread is in, or has just left; -1 = none. */
static inline int64_t processor_system_call(const uint64_t *general)
{
    return (int64_t)general[PROCESSOR_WORD_ORIG_RAX];
}

static inline int64_t processor_system_call_result(const uint64_t *general)
{
    return (int64_t)general[PROCESSOR_WORD_RAX];
}

/* Back in front of the instruction, with the number in its place. The kernel must not take it for a
 * call that it is to restart itself. */
static inline void processor_repeat_system_call(uint64_t *general)
{
    general[PROCESSOR_WORD_RAX] = general[PROCESSOR_WORD_ORIG_RAX];
    general[PROCESSOR_WORD_ORIG_RAX] = UINT64_MAX;
    general[PROCESSOR_WORD_PC] -= PROCESSOR_SYSCALL_BYTES;
}

/* From wherever it is to a function, in no system call. */
static inline void processor_lead_to(uint64_t *general, uint64_t entry)
{
    general[PROCESSOR_WORD_PC] = entry;
    general[PROCESSOR_WORD_RAX] = 0;
    general[PROCESSOR_WORD_ORIG_RAX] = UINT64_MAX;
}

#define PROCESSOR_CAN_REPEAT 1

/* Those that unwinding begins with: pc, sp, bp, bx, r12 to r15. False: not known here. */
enum {
    PROCESSOR_UNWIND_WORDS = 8
};

static inline bool processor_unwind_registers(const uint64_t *general,
                                              uint64_t registers[PROCESSOR_UNWIND_WORDS])
{
    static const uint8_t places[PROCESSOR_UNWIND_WORDS] = {
        PROCESSOR_WORD_PC, PROCESSOR_WORD_SP, 4, 5, 3, 2, 1, 0};
    for (int i = 0; i < PROCESSOR_UNWIND_WORDS; i++)
        registers[i] = general[places[i]];
    return true;
}

/* Where the thread's own variables stand; 0 = that is not among these registers. */
static inline uint64_t processor_thread_pointer(const uint64_t *general)
{
    return general[PROCESSOR_WORD_FS_BASE];
}

/* What a signal handler is given of the general registers: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax,
 * rcx, rsp, rip, and what does not matter here (arch/x86/include/uapi/asm/sigcontext.h). */
enum {
    PROCESSOR_CONTEXT_WORDS = 17
};

static inline void processor_take_context(const uint64_t *context, bool is_in_system_call,
                                          uint64_t thread_pointer, uint64_t *general)
{
    static const uint8_t places[PROCESSOR_CONTEXT_WORDS] = {9,  8, 7, 6,  3,  2,  1,  0, 14,
                                                            13, 4, 5, 12, 10, 11, 19, 16};
    for (int i = 0; i < PROCESSOR_CONTEXT_WORDS; i++)
        general[places[i]] = context[i];
    general[PROCESSOR_WORD_ORIG_RAX] = is_in_system_call ? 0 : UINT64_MAX;
    general[PROCESSOR_WORD_FS_BASE] = thread_pointer;
}

/* Are these the bytes of the instruction that makes a system call? */
static inline bool processor_is_system_call(const uint8_t code[PROCESSOR_SYSCALL_BYTES])
{
    return code[0] == 0x0f && code[1] == 0x05;
}

/* The vector registers of a signal's frame: in the kernel's own shape (struct _fpstate), which says
 * itself how long it is. */
enum {
    PROCESSOR_EXTENDED_LEAST = 512,
    PROCESSOR_EXTENDED_MOST = 16 << 10
};

static inline size_t processor_extended_bytes(const uint8_t bytes[PROCESSOR_EXTENDED_LEAST])
{
    uint32_t magic, count;
    __builtin_memcpy(&magic, bytes + 464, sizeof magic);
    __builtin_memcpy(&count, bytes + 480, sizeof count);
    bool is_longer = magic == 0x46505853 && count > PROCESSOR_EXTENDED_LEAST &&
                     count <= PROCESSOR_EXTENDED_MOST;
    return is_longer ? count : PROCESSOR_EXTENDED_LEAST;
}

/* Where the parts of them stand behind the first 512 bytes: the same in each process (CPUID, leaf
 * 13). */
struct processor_extended_layout {
    bool is_known;
    uint16_t offsets[32], bytes[32]; /* by bit of the set of parts; 0 = none */
};

static inline void processor_learn_layout(struct processor_extended_layout *layout)
{
    unsigned bytes, offset, is_of_kernel, unused;
    for (unsigned part = 2; part < 32 && !layout->is_known; part++)
        if (__get_cpuid_count(13, part, &bytes, &offset, &is_of_kernel, &unused) &&
            (is_of_kernel & 1) == 0 && offset + bytes <= PROCESSOR_EXTENDED_MOST) {
            layout->offsets[part] = (uint16_t)offset;
            layout->bytes[part] = (uint16_t)bytes;
        }
    layout->is_known = true;
}

/* Of a signal's frame only the parts that are in use were written: between and behind them is what
 * the stack had there before. `to` is as large, and zeroed. */
static inline void processor_take_extended(const struct processor_extended_layout *layout,
                                           const uint8_t *from, size_t count, uint8_t *to)
{
    enum {
        FPU_BYTES = 160,
        SSE_BYTES = 416,
        SET_OFFSET = 512
    };
    uint64_t set = 3; /* both of these, where there is nothing else */
    if (count >= SET_OFFSET + sizeof set)
        __builtin_memcpy(&set, from + SET_OFFSET, sizeof set);
    if ((set & 1) != 0)
        __builtin_memcpy(to, from, FPU_BYTES);
    if ((set & 2) != 0)
        __builtin_memcpy(to + FPU_BYTES, from + FPU_BYTES, SSE_BYTES - FPU_BYTES);
    for (unsigned part = 2; part < 32; part++)
        if ((set >> part & 1) != 0 && layout->offsets[part] > SET_OFFSET &&
            layout->offsets[part] + (size_t)layout->bytes[part] <= count)
            __builtin_memcpy(to + layout->offsets[part], from + layout->offsets[part],
                             layout->bytes[part]);
}

#elif defined(__aarch64__)

enum {
    PROCESSOR_WORD_SP = 31,
    PROCESSOR_WORD_PC = 32,
    PROCESSOR_GENERAL_WORDS = 34
};

/* The first argument and the result share a register: what was asked for is not known any more. */
static inline int64_t processor_system_call(const uint64_t *general)
{
    (void)general;
    return -1;
}

static inline int64_t processor_system_call_result(const uint64_t *general)
{
    (void)general;
    return 0;
}

static inline void processor_repeat_system_call(uint64_t *general)
{
    (void)general;
}

static inline void processor_lead_to(uint64_t *general, uint64_t entry)
{
    general[PROCESSOR_WORD_PC] = entry;
}

#define PROCESSOR_CAN_REPEAT 0

enum {
    PROCESSOR_UNWIND_WORDS = 8
};

static inline bool processor_unwind_registers(const uint64_t *general,
                                              uint64_t registers[PROCESSOR_UNWIND_WORDS])
{
    (void)general, (void)registers;
    return false;
}

static inline uint64_t processor_thread_pointer(const uint64_t *general)
{
    (void)general;
    return 0;
}

enum {
    PROCESSOR_SYSCALL_BYTES = 4,
    PROCESSOR_CONTEXT_WORDS = 33,   /* x0 to x30, sp, pc */
    PROCESSOR_EXTENDED_LEAST = 528, /* struct fpsimd_context, with its head */
    PROCESSOR_EXTENDED_MOST = 4096
};

static inline void processor_take_context(const uint64_t *context, bool is_in_system_call,
                                          uint64_t thread_pointer, uint64_t *general)
{
    (void)is_in_system_call;
    (void)thread_pointer;
    for (int i = 0; i < PROCESSOR_CONTEXT_WORDS; i++)
        general[i] = context[i];
}

static inline bool processor_is_system_call(const uint8_t code[PROCESSOR_SYSCALL_BYTES])
{
    return code[0] == 0x01 && code[1] == 0x00 && code[2] == 0x00 && code[3] == 0xd4;
}

static inline size_t processor_extended_bytes(const uint8_t bytes[PROCESSOR_EXTENDED_LEAST])
{
    (void)bytes;
    return PROCESSOR_EXTENDED_LEAST;
}

struct processor_extended_layout {
    bool is_known;
};

static inline void processor_learn_layout(struct processor_extended_layout *layout)
{
    layout->is_known = true;
}

static inline void processor_take_extended(const struct processor_extended_layout *layout,
                                           const uint8_t *from, size_t count, uint8_t *to)
{
    (void)layout;
    __builtin_memcpy(to, from, count);
}

#else
#error "no such processor yet"
#endif

#endif
