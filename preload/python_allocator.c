#include "preload/python_allocator.h"

#include <stdatomic.h>
#include <stddef.h>

#include "preload/hook.h"
#include "preload/python_runtime.h"
#include "preload/session_link.h"
#include "preload/thread_state.h"

/* As Include/cpython/pymem.h and objimpl.h have them. */
struct arena_allocator {
    void *context;
    void *(*allocate)(void *context, size_t size);
    void (*release)(void *context, void *arena, size_t size);
};

struct domain_allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *old, size_t size);
    void (*free)(void *context, void *block);
};

enum domain {
    DOMAIN_MEMORY = 1,
    DOMAIN_OBJECT = 2,
    DOMAINS
};

/* What was there before; filled before a wrapper is called. */
static struct arena_allocator arenas;
static struct domain_allocator domains[DOMAINS];

/* ---- arenas ------------------------------------------------------------------------------ */

static void *allocate_arena(void *context, size_t size)
{
    struct thread_state *thread = thread_current;
    (void)context;
    if (thread == NULL || !thread->is_claimed)
        return arenas.allocate(arenas.context, size);
    thread->is_making_arena = true;
    void *arena = arenas.allocate(arenas.context, size);
    thread->is_making_arena = false;
    return arena;
}

static void release_arena(void *context, void *arena, size_t size)
{
    (void)context;
    arenas.release(arenas.context, arena, size);
}

/* ---- objects ----------------------------------------------------------------------------- */

static const enum function_kind functions[DOMAINS] = {
    [DOMAIN_MEMORY] = FUNCTION_PYTHON_MEMORY, [DOMAIN_OBJECT] = FUNCTION_PYTHON_OBJECT};

/* Their stack is Python's alone. */
static inline ALWAYS_INLINE void tell_birth(struct hook *hook, void *block, size_t size,
                                            enum domain domain)
{
    if (hook->level == HOOK_OUTER)
        hook->thread->is_making_object = true;
    hook_birth(hook, block, size, functions[domain]);
    if (hook->level == HOOK_OUTER)
        hook->thread->is_making_object = false;
}

static inline ALWAYS_INLINE void *allocate(enum domain domain, size_t size, uintptr_t frame)
{
    struct hook hook;
    if (hook_passes_allocation(size))
        return hook_passed(domains[domain].malloc(domains[domain].context, size),
                           functions[domain]);
    hook_enter(&hook, frame);
    void *block = domains[domain].malloc(domains[domain].context, size);
    tell_birth(&hook, block, size, domain);
    return block;
}

static inline ALWAYS_INLINE void *allocate_zeroed(enum domain domain, size_t count, size_t size,
                                                  uintptr_t frame)
{
    struct hook hook;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    if (hook_passes_allocation(bytes))
        return hook_passed(domains[domain].calloc(domains[domain].context, count, size),
                           functions[domain]);
    hook_enter(&hook, frame);
    void *block = domains[domain].calloc(domains[domain].context, count, size);
    tell_birth(&hook, block, bytes, domain);
    return block;
}

static inline ALWAYS_INLINE void *reallocate(enum domain domain, void *old, size_t size,
                                             uintptr_t frame)
{
    struct hook hook;
    if (hook_passes_realloc(old, size))
        return hook_passed(domains[domain].realloc(domains[domain].context, old, size),
                           functions[domain]);
    hook_enter(&hook, frame);
    if (old != NULL) {
        hook_leave(&hook, old, functions[domain]);
        if (hook.level == HOOK_OUTER)
            hook.thread->outer_release =
                old; /* what realloc or free do with it is no other event */
    }
    void *block = domains[domain].realloc(domains[domain].context, old, size);
    if (hook.level == HOOK_OUTER)
        hook.thread->is_making_object = true;
    struct thread_state *thread = hook.level == HOOK_OUTER ? hook.thread : NULL;
    if (old == NULL)
        hook_birth(&hook, block, size, functions[domain]);
    else if (block != NULL)
        hook_arrive(&hook, block, size, functions[domain]);
    else
        hook_undo(&hook);
    if (thread != NULL)
        thread->is_making_object = false;
    return block;
}

static inline ALWAYS_INLINE void release(enum domain domain, void *block, uintptr_t frame)
{
    struct hook hook;
    if (block == NULL || hook_passes_release(block)) {
        domains[domain].free(domains[domain].context, block);
        return;
    }
    hook_enter(&hook, frame);
    hook_release(&hook, block, functions[domain]);
    domains[domain].free(domains[domain].context, block);
    hook_done(&hook);
}

/* A function for each domain, so that it is known without being read. */
#define DOMAIN_WRAPPERS(name, domain)                                                              \
    static void *malloc_##name(void *context, size_t size)                                         \
    {                                                                                              \
        (void)context;                                                                             \
        return allocate(domain, size, HOOK_FRAME());                                               \
    }                                                                                              \
    static void *calloc_##name(void *context, size_t count, size_t size)                           \
    {                                                                                              \
        (void)context;                                                                             \
        return allocate_zeroed(domain, count, size, HOOK_FRAME());                                 \
    }                                                                                              \
    static void *realloc_##name(void *context, void *old, size_t size)                             \
    {                                                                                              \
        (void)context;                                                                             \
        return reallocate(domain, old, size, HOOK_FRAME());                                        \
    }                                                                                              \
    static void free_##name(void *context, void *block)                                            \
    {                                                                                              \
        (void)context;                                                                             \
        release(domain, block, HOOK_FRAME());                                                      \
    }

DOMAIN_WRAPPERS(memory, DOMAIN_MEMORY)
DOMAIN_WRAPPERS(object, DOMAIN_OBJECT)

static struct domain_allocator wrappers[DOMAINS] = {
    [DOMAIN_MEMORY] = {NULL, malloc_memory, calloc_memory, realloc_memory, free_memory},
    [DOMAIN_OBJECT] = {NULL, malloc_object, calloc_object, realloc_object, free_object},
};

/* ---- putting them in place ------------------------------------------------------------------ */

static void wrap_arenas(void)
{
    void (*get)(struct arena_allocator *) = (void (*)(struct arena_allocator *))(
        uintptr_t)python_runtime_find("PyObject_GetArenaAllocator");
    void (*set)(struct arena_allocator *) = (void (*)(struct arena_allocator *))(
        uintptr_t)python_runtime_find("PyObject_SetArenaAllocator");
    if (get == NULL || set == NULL)
        return;
    get(&arenas);
    struct arena_allocator wrapper = {NULL, allocate_arena, release_arena};
    set(&wrapper);
}

static void wrap_domains(void)
{
    typedef void (*domain_function)(int, struct domain_allocator *);
    domain_function get = (domain_function)(uintptr_t)python_runtime_find("PyMem_GetAllocator");
    domain_function set = (domain_function)(uintptr_t)python_runtime_find("PyMem_SetAllocator");
    if (get == NULL || set == NULL)
        return;
    for (int domain = DOMAIN_MEMORY; domain < DOMAINS; domain++) {
        get(domain, &domains[domain]);
        set(domain, &wrappers[domain]);
    }
}

void python_allocator_start(void)
{
    static atomic_flag is_done = ATOMIC_FLAG_INIT;
    if (python_runtime.state != WIRE_PYTHON_STACKS || !atomic_load(&python_runtime_has_stacks))
        return;
    int (*is_initialized)(void) = (int (*)(void))(uintptr_t)python_runtime_find("Py_IsInitialized");
    if (is_initialized == NULL || is_initialized() != 0 || atomic_flag_test_and_set(&is_done))
        return;
    wrap_arenas();
    if ((session->flags & SESSION_PYTHON_OBJECTS) != 0)
        wrap_domains();
}
