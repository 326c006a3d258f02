/* Allocates on stacks of all kinds, for unwinders.py: those of tests/unit/stack_shapes*, on the
 * first thread and on others; above functions written by hand; and in libraries that come and go at
 * the same addresses. Built as unwound_o0 and, without frame pointers, as unwound_o2. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/unit/stack_shapes.h"

#define LEVEL        __attribute__((noinline, noclone, noipa, used))
#define AFTER_CALL() __asm__ volatile("" : : : "memory")

enum {
    THREADS = 4,
    LOADS = 20,
    COROUTINE_BYTES = 1 << 16
};

extern const struct stack_shape stack_shapes[], stack_shapes_cxx[];

static void require(int holds)
{
    if (!holds)
        abort();
}

LEVEL void allocate(void)
{
    void *block = malloc(24);
    block = realloc(block, 100);
    require(block != NULL);
    free(block);
}

/* ---- written by hand ------------------------------------------------------------------ */

#ifdef __x86_64__
/* Each calls `allocate` and has true tables. What the names say is where the caller's frame is
 * found: by a pushed rbp, from rsp alone, from another register, through memory, and by an
 * expression. The last one keeps a number in rbp meanwhile. */
void by_hand_framed(void);
void by_hand_pushed(void);
void by_hand_other_register(void);
void by_hand_expression(void);
void by_hand_busy_rbp(void);
__asm__(".text\n"
        ".type by_hand_framed, @function\n"
        "by_hand_framed:\n"
        "    .cfi_startproc\n"
        "    push %rbp\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset rbp, -16\n"
        "    mov %rsp, %rbp\n"
        "    .cfi_def_cfa_register rbp\n"
        "    sub $4096, %rsp\n"
        "    call allocate@PLT\n"
        "    leave\n"
        "    .cfi_def_cfa rsp, 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size by_hand_framed, .-by_hand_framed\n"

        ".type by_hand_pushed, @function\n"
        "by_hand_pushed:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset rbx, 0\n"
        "    push %r12\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset r12, 0\n"
        "    .cfi_remember_state\n"
        "    push %r12\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call allocate@PLT\n"
        "    pop %rax\n"
        "    .cfi_restore_state\n"
        "    pop %r12\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore r12\n"
        "    pop %rbx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore rbx\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size by_hand_pushed, .-by_hand_pushed\n"

        ".type by_hand_other_register, @function\n"
        "by_hand_other_register:\n"
        "    .cfi_startproc\n"
        "    push %rbx\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset rbx, -16\n"
        "    mov %rsp, %rbx\n"
        "    .cfi_def_cfa_register rbx\n"
        "    sub $200, %rsp\n"
        "    and $-64, %rsp\n"
        "    call allocate@PLT\n"
        "    mov %rbx, %rsp\n"
        "    .cfi_def_cfa_register rsp\n"
        "    pop %rbx\n"
        "    .cfi_def_cfa_offset 8\n"
        "    .cfi_restore rbx\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size by_hand_other_register, .-by_hand_other_register\n"

        /* The caller's rsp lies at the new rsp: DW_CFA_def_cfa_expression, 4 bytes:
         * DW_OP_breg7 0, DW_OP_deref, DW_OP_nop. */
        ".type by_hand_expression, @function\n"
        "by_hand_expression:\n"
        "    .cfi_startproc\n"
        "    lea 8(%rsp), %rax\n"
        "    sub $504, %rsp\n"
        "    .cfi_adjust_cfa_offset 504\n"
        "    mov %rax, (%rsp)\n"
        "    .cfi_escape 0x0f, 0x04, 0x77, 0x00, 0x06, 0x96\n"
        "    call allocate@PLT\n"
        "    .cfi_def_cfa rsp, 512\n"
        "    add $504, %rsp\n"
        "    .cfi_def_cfa_offset 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size by_hand_expression, .-by_hand_expression\n"

        ".type by_hand_busy_rbp, @function\n"
        "by_hand_busy_rbp:\n"
        "    .cfi_startproc\n"
        "    push %rbp\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset rbp, -16\n"
        "    mov $12345, %ebp\n"
        "    call allocate@PLT\n"
        "    pop %rbp\n"
        "    .cfi_def_cfa_offset 8\n"
        "    .cfi_restore rbp\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size by_hand_busy_rbp, .-by_hand_busy_rbp\n");

LEVEL void by_hand(void)
{
    by_hand_framed();
    by_hand_pushed();
    by_hand_other_register();
    by_hand_expression();
    by_hand_busy_rbp();
    AFTER_CALL();
}
#else
LEVEL void by_hand(void)
{
}
#endif

/* ---- coroutines whose stacks are mapped, left and mapped anew --------------------------- */

static ucontext_t outside, inside;

LEVEL void coroutine_level(int depth)
{
    allocate();
    if (depth != 0)
        coroutine_level(depth - 1);
    else
        swapcontext(&inside, &outside);
    AFTER_CALL();
}

static void mapped_body(void)
{
    coroutine_level(5);
    allocate();
    AFTER_CALL();
}

LEVEL void mapped_coroutine(void)
{
    void *stack = mmap(NULL, COROUTINE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
    require(stack != MAP_FAILED && getcontext(&inside) == 0);
    inside.uc_stack = (stack_t){.ss_sp = stack, .ss_size = COROUTINE_BYTES};
    inside.uc_link = &outside;
    makecontext(&inside, mapped_body, 0);
    swapcontext(&outside, &inside);
    allocate(); /* between two halves of it */
    swapcontext(&outside, &inside);
    munmap(stack, COROUTINE_BYTES);
}

/* ---- libraries -------------------------------------------------------------------------- */

LEVEL void use(const char *folder, const char *name, const char *function)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    void *plugin = dlopen(path, RTLD_NOW);
    require(plugin != NULL);
    void *(*work)(size_t) = (void *(*)(size_t))dlsym(plugin, function);
    require(work != NULL);
    free(work(33));
    require(dlclose(plugin) == 0);
}

LEVEL void libraries(const char *folder)
{
    for (int i = 0; i < LOADS; i++) {
        use(folder, "plugin_a.so", "plugin_a_work");
        use(folder, "plugin_b.so", "plugin_b_work");
    }
}

/* ---- all of them ------------------------------------------------------------------------ */

static void run_shapes(const struct stack_shape *shapes, int are_all_wanted)
{
    for (; shapes->name != NULL; shapes++)
        if (are_all_wanted || shapes->can_be_stepped)
            shapes->run(allocate);
}

/* What has signals or stacks of its own stays on the first thread. */
static void *run_thread(void *unused)
{
    (void)unused;
    run_shapes(stack_shapes, 0);
    run_shapes(stack_shapes_cxx, 0);
    by_hand();
    return NULL;
}

int main(int count, char **arguments)
{
    require(count == 2); /* the folder of the plugins */
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        require(pthread_create(&threads[i], NULL, run_thread, NULL) == 0);
    for (int round = 0; round < 3; round++) {
        run_shapes(stack_shapes, 1);
        run_shapes(stack_shapes_cxx, 1);
        by_hand();
        mapped_coroutine();
    }
    for (int i = 0; i < THREADS; i++)
        require(pthread_join(threads[i], NULL) == 0);
    libraries(arguments[1]);
    return 0;
}
