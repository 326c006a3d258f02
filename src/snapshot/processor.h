/* What the stopper must know of the processor: where the stack pointer stands among the general
 * registers, and how a system call that was interrupted is begun again. */
#ifndef SEEP_SNAPSHOT_PROCESSOR_H
#define SEEP_SNAPSHOT_PROCESSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#if defined(__x86_64__)

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

#define PROCESSOR_CAN_REPEAT 1

/* Where the thread's own variables stand; 0 = that is not among these registers. */
static inline uint64_t processor_thread_pointer(const uint64_t *general)
{
    return general[PROCESSOR_WORD_FS_BASE];
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

#define PROCESSOR_CAN_REPEAT 0

static inline uint64_t processor_thread_pointer(const uint64_t *general)
{
    (void)general;
    return 0;
}

#else
#error "no such processor yet"
#endif

#endif
