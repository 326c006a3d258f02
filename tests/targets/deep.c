/* Deep recursion: deep DEPTH. Stacks are cut in the middle, so that both ends are kept; what is
 * left out is counted, and is a multiple of a quarter of the limit. A whole stack has DEPTH + 1 frames of descend, main, and those that call
 * main: three with glibc 2.34 or later.
 *
 * Known answers
 *   run 20
 *     depth descend frames=25 inner=25 omitted=0 descend=21 main=1
 *     quality truncated_stacks=0
 *   run 251
 *     depth descend frames=256 inner=256 omitted=0 descend=252
 *     quality truncated_stacks=0
 *   run 252
 *     depth descend frames=193 inner=129 omitted=64 descend=189
 *     quality truncated_stacks=1
 *   run 10000
 *     depth descend frames=213 inner=149 omitted=9792 descend=209 main=1
 *     quality truncated_stacks=1
 *     site descend<descend<descend allocations=1 allocated_bytes=64 sites=1
 *   run [--stack-depth=16] 10000
 *     depth descend frames=13 inner=9 omitted=9992 descend=9 main=1
 *     quality truncated_stacks=1
 *   run [--stack-depth=4] 100
 *     depth descend frames=4 inner=3 omitted=105-4 descend=3 main=0 _start=1
 *     quality truncated_stacks=1
 *   run [--stack-depth=1024] 10000
 *     depth descend frames=789 inner=533 omitted=9216 descend=785 main=1
 *     quality truncated_stacks=1
 *   run [--stack-depth=512] 500
 *     depth descend frames=505 omitted=0 descend=501
 *     quality truncated_stacks=0
 */
#include <stdlib.h>

static void *volatile kept;

static void descend(int depth)
{
    if (depth == 0)
        kept = malloc(64);
    else
        descend(depth - 1);
}

int main(int count, char **arguments)
{
    descend(count > 1 ? atoi(arguments[1]) : 0);
    return kept == NULL;
}
