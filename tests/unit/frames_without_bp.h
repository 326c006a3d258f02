/* Frames that do not use bp, as compilers make them: one has another value in it, the other leaves
 * its caller's there. To be included once in a program. */
#ifndef SEEP_TESTS_UNIT_FRAMES_WITHOUT_BP_H
#define SEEP_TESTS_UNIT_FRAMES_WITHOUT_BP_H

#include <stdint.h>

void call_with_bp(void (*function)(unsigned), unsigned argument, uint64_t bp);
void call_with_same_bp(void (*function)(unsigned), unsigned argument);
#ifdef __x86_64__
__asm__(".text\n"
        ".type call_with_bp, @function\n"
        "call_with_bp:\n"
        ".cfi_startproc\n"
        "pushq %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "movq %rdi, %rax\n"
        "movl %esi, %edi\n"
        "movq %rdx, %rbp\n"
        "call *%rax\n"
        "popq %rbp\n"
        ".cfi_def_cfa_offset 8\n"
        ".cfi_restore %rbp\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size call_with_bp, .-call_with_bp\n"
        ".type call_with_same_bp, @function\n"
        "call_with_same_bp:\n"
        ".cfi_startproc\n"
        "subq $8, %rsp\n"
        ".cfi_def_cfa_offset 16\n"
        "movq %rdi, %rax\n"
        "movl %esi, %edi\n"
        "call *%rax\n"
        "addq $8, %rsp\n"
        ".cfi_def_cfa_offset 8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size call_with_same_bp, .-call_with_same_bp\n");
#else
void call_with_bp(void (*function)(unsigned), unsigned argument, uint64_t bp)
{
    (void)bp;
    function(argument);
}

void call_with_same_bp(void (*function)(unsigned), unsigned argument)
{
    function(argument);
}
#endif

#endif
