/* A library that calls back from frames whose sizes are given by STACK_PLUGIN_BYTES: built twice,
 * so that the same addresses have other rules. */
typedef void (*at_the_bottom)(void);

int stack_plugin_call(at_the_bottom call);

static volatile int one = 1;

__attribute__((noinline)) static int inner(at_the_bottom call)
{
    volatile char room[STACK_PLUGIN_BYTES];

    room[0] = 1;
    call();
    return room[0] + one;
}

int stack_plugin_call(at_the_bottom call)
{
    volatile char room[STACK_PLUGIN_BYTES * 2];

    room[0] = 4;
    return inner(call) + room[0] + one;
}
