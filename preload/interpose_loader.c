/* dlopen, dlmopen, dlclose.
 *
 * dlopen looks for $ORIGIN and RUNPATH of its caller, which it finds by its return address; so a
 * wrapper in C would make private libraries unfindable. The stubs bump the rules' generation and
 * jump. */
#include <stdatomic.h>

#include "preload/export.h"
#include "preload/hook.h"
#include "preload/lifecycle.h"
#include "preload/module_notice.h"
#include "preload/python_runtime.h"
#include "preload/real_functions.h"
#include "preload/stack_capture.h"

/* What the stubs call, with the argument registers saved: returns the real function. */
__attribute__((used, visibility("hidden"))) void *loader_prepare_dlopen(void);
__attribute__((used, visibility("hidden"))) void *loader_prepare_dlmopen(void);

static void prepare(void)
{
    lifecycle_ensure();
    if (__builtin_expect(real.dlopen == NULL, 0))
        real_functions_find_late();
    if (stack_capture_rules != NULL)
        unwind_rules_modules_changed(stack_capture_rules);
}

void *loader_prepare_dlopen(void)
{
    prepare();
    return (void *)real.dlopen;
}

void *loader_prepare_dlmopen(void)
{
    prepare();
    return (void *)real.dlmopen;
}

#if defined(__x86_64__)
#define TAIL_JUMP_STUB(name)                                                                       \
    __asm__(".text\n"                                                                              \
            ".globl " #name "\n"                                                                   \
            ".type " #name ", @function\n" #name ":\n"                                             \
            ".cfi_startproc\n"                                                                     \
            "endbr64\n"                                                                            \
            "push %rdi\n"                                                                          \
            ".cfi_adjust_cfa_offset 8\n"                                                           \
            "push %rsi\n"                                                                          \
            ".cfi_adjust_cfa_offset 8\n"                                                           \
            "push %rdx\n"                                                                          \
            ".cfi_adjust_cfa_offset 8\n"                                                           \
            "call loader_prepare_" #name "\n"                                                      \
            "pop %rdx\n"                                                                           \
            ".cfi_adjust_cfa_offset -8\n"                                                          \
            "pop %rsi\n"                                                                           \
            ".cfi_adjust_cfa_offset -8\n"                                                          \
            "pop %rdi\n"                                                                           \
            ".cfi_adjust_cfa_offset -8\n"                                                          \
            "jmp *%rax\n"                                                                          \
            ".cfi_endproc\n"                                                                       \
            ".size " #name ", . - " #name "\n");
#elif defined(__aarch64__)
#define TAIL_JUMP_STUB(name)                                                                       \
    __asm__(".text\n"                                                                              \
            ".globl " #name "\n"                                                                   \
            ".type " #name ", %function\n" #name ":\n"                                             \
            "stp x0, x1, [sp, -48]!\n"                                                             \
            "stp x2, x30, [sp, 16]\n"                                                              \
            "bl loader_prepare_" #name "\n"                                                        \
            "mov x16, x0\n"                                                                        \
            "ldp x2, x30, [sp, 16]\n"                                                              \
            "ldp x0, x1, [sp], 48\n"                                                               \
            "br x16\n"                                                                             \
            ".size " #name ", . - " #name "\n");
#endif

TAIL_JUMP_STUB(dlopen)
TAIL_JUMP_STUB(dlmopen)

EXPORT int dlclose(void *handle)
{
    prepare();
    int result = real.dlclose(handle);
    prepare();
    if (stack_capture_rules != NULL)
        unwind_rules_refresh_modules(stack_capture_rules);
    if (!lifecycle_tells())
        return result;
    struct thread_state *thread = thread_state_get();
    if (thread != NULL && !thread->is_busy) {
        thread->is_busy = true;
        atomic_fetch_add(&stack_capture_unloads, 1);
        python_runtime_check();
        module_notice_closed(thread);
        thread->module_start = thread->module_end = 0;
        thread->is_busy = false;
    }
    return result;
}
