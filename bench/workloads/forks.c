/* forks CHILDREN: a server of the old kind: one child a request, each allocates and frees a little
 * and ends; four at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BLOCKS = 100,
    AT_A_TIME = 4
};

static void serve(void)
{
    void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc((size_t)i * 8 + 16);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 2) {
        fprintf(stderr, "usage: forks CHILDREN\n");
        return 2;
    }
    long running = 0;
    for (long left = atol(arguments[1]); left > 0; left--) {
        if (running == AT_A_TIME) {
            wait(NULL);
            running--;
        }
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            serve();
            exit(0);
        }
        running++;
    }
    while (wait(NULL) > 0)
        ;
    return 0;
}
