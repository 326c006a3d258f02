/* Keeps pointers for others: one in a global variable, one in thread-local memory of its own, one
 * in a register of a thread that sleeps for ever. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>

static void *kept;
static __thread void *kept_by_thread;

void plugin_keep(void *block);
void plugin_keep_by_thread(void *block);
int plugin_keep_in_register(uint64_t complement);

void plugin_keep(void *block)
{
    kept = block;
}

void plugin_keep_by_thread(void *block)
{
    kept_by_thread = block;
}

#ifdef __x86_64__
__attribute__((used)) static volatile char is_in_register;

/* pause(2) is system call 34. */
static void *sleep_with_register(void *complement)
{
    __asm__ volatile("mov %0, %%rbx\n\t"
                     "not %%rbx\n\t"
                     "movb $1, is_in_register(%%rip)\n\t"
                     "1: mov $34, %%eax\n\t"
                     "syscall\n\t"
                     "jmp 1b\n\t"
                     :
                     : "r"(complement)
                     : "rax", "rbx", "rcx", "r11", "memory");
    return complement;
}

int plugin_keep_in_register(uint64_t complement)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, sleep_with_register, (void *)(uintptr_t)complement) != 0)
        return 0;
    while (!is_in_register)
        sched_yield();
    return 1;
}
#else
int plugin_keep_in_register(uint64_t complement)
{
    return complement == 0;
}
#endif
