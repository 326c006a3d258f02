/* Stacks of all kinds: each shape calls its way down and asks for a check at the bottom. The C ones
 * are compiled several times with different options, each with a STACK_SHAPES_TABLE of its own. */
#ifndef SEEP_TESTS_STACK_SHAPES_H
#define SEEP_TESTS_STACK_SHAPES_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*stack_check)(void);

struct stack_shape {
    const char *name;
    void (*run)(stack_check check);
    bool can_be_stepped; /* instruction by instruction: no signals or other stacks of its own */
};

/* Each ends with a name of NULL. */
extern const struct stack_shape stack_shapes_o0[];
extern const struct stack_shape stack_shapes_o2[];
extern const struct stack_shape stack_shapes_os[];
extern const struct stack_shape stack_shapes_realigned[];
extern const struct stack_shape stack_shapes_cxx_o0[];
extern const struct stack_shape stack_shapes_cxx_o2[];

#ifdef __cplusplus
}
#endif

#endif
