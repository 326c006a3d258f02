/* A statically linked program: nothing can be preloaded into it. Ends with 7; with
 * "run", as the program that it is told to run. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    int status;
    if (write(STDOUT_FILENO, "static\n", 7) != 7)
        return 99;
    if (count < 3 || strcmp(arguments[1], "run") != 0)
        return 7;
    pid_t pid = fork();
    if (pid == 0) {
        execv(arguments[2], arguments + 2);
        _exit(98);
    }
    return waitpid(pid, &status, 0) == pid ? status >> 8 : 97;
}
