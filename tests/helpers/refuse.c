/* Runs a command under a filter that refuses system calls, as containers do:
 * refuse ptrace,process_vm_readv COMMAND [ARGUMENT...]. Exits with 77 when there are no filters. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned number;
} calls[] = {{"ptrace", SYS_ptrace},
             {"process_vm_readv", SYS_process_vm_readv},
             {"clone3", SYS_clone3},
             {"plain_clone", SYS_clone}};

static int refuse(const char *names)
{
    struct sock_filter filter[16] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short count = 1;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strstr(names, calls[i].name) == NULL)
            continue;
        filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number,
                                                       0, 1);
        filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {count, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 3 || !refuse(arguments[1])) {
        fprintf(stderr, "refuse: no filter can be put in place\n");
        return 77;
    }
    execvp(arguments[2], arguments + 2);
    perror(arguments[2]);
    return 127;
}
