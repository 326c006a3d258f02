#include "record/raised_limits.h"

static const int KINDS[RAISED_LIMITS] = {RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE,
                                         RLIMIT_CPU};

void raised_limits_raise(struct raised_limits *limits)
{
    for (int i = 0; i < RAISED_LIMITS; i++) {
        struct rlimit *before = &limits->before[i];
        limits->is_limited[i] = getrlimit(KINDS[i], before) == 0 &&
                                before->rlim_cur != RLIM_INFINITY;
        struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
        struct rlimit most = {before->rlim_max, before->rlim_max};
        if (limits->is_limited[i] && setrlimit(KINDS[i], &none) != 0)
            setrlimit(KINDS[i], &most);
    }
}

void raised_limits_restore(const struct raised_limits *limits)
{
    for (int i = 0; i < RAISED_LIMITS; i++)
        if (limits->is_limited[i])
            setrlimit(KINDS[i], &limits->before[i]);
}
