#include "preload/python_allocator.h"

#include <stdatomic.h>
#include <stddef.h>

#include "preload/hook.h"
#include "preload/hook_plain.h"
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

/* ---- objects -----------------------------------------------------------------------------
 *
 * They come and go by millions: hook_plain.h is for nearly all of them. */

static const enum function_kind functions[DOMAINS] = {
    [DOMAIN_MEMORY] = FUNCTION_PYTHON_MEMORY, [DOMAIN_OBJECT] = FUNCTION_PYTHON_OBJECT};

static __attribute__((noinline)) void *allocate_otherwise(enum domain domain, size_t count,
                                                          size_t size, uintptr_t frame)
{
    struct domain_allocator *real_domain = &domains[domain];
    size_t bytes;
    if (__builtin_mul_overflow(count != 0 ? count : 1, size, &bytes))
        bytes = SIZE_MAX;
    struct hook hook;
    bool is_passed = hook_passes_allocation(bytes);
    if (!is_passed)
        hook_enter(&hook, frame);
    void *block = count != 0 ? real_domain->calloc(real_domain->context, count, size)
                             : real_domain->malloc(real_domain->context, size);
    if (is_passed)
        return hook_passed(block, functions[domain]);
    hook_birth(&hook, block, bytes, functions[domain]);
    return block;
}

static inline ALWAYS_INLINE void *allocate(enum domain domain, size_t size, uintptr_t frame)
{
    struct thread_state *thread = hook_begin_plain(frame);
    if (__builtin_expect(thread == NULL, 0))
        return allocate_otherwise(domain, 0, size, frame);
    void *block = domains[domain].malloc(domains[domain].context, size);
    hook_birth_plain(thread, frame, block, size, functions[domain]);
    return block;
}

static inline ALWAYS_INLINE void *allocate_zeroed(enum domain domain, size_t count, size_t size,
                                                  uintptr_t frame)
{
    size_t bytes;
    struct thread_state *thread = NULL;
    if (count != 0 && !__builtin_mul_overflow(count, size, &bytes))
        thread = hook_begin_plain(frame);
    if (__builtin_expect(thread == NULL, 0))
        return allocate_otherwise(domain, count != 0 ? count : 1, count != 0 ? size : 0, frame);
    void *block = domains[domain].calloc(domains[domain].context, count, size);
    hook_birth_plain(thread, frame, block, bytes, functions[domain]);
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
    if (old == NULL)
        hook_birth(&hook, block, size, functions[domain]);
    else if (block != NULL)
        hook_arrive(&hook, block, size, functions[domain]);
    else
        hook_undo(&hook);
    return block;
}

static __attribute__((noinline)) void release_otherwise(enum domain domain, void *block,
                                                        uintptr_t frame)
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

static inline ALWAYS_INLINE void release(enum domain domain, void *block, uintptr_t frame)
{
    struct thread_state *thread = block != NULL ? hook_begin_plain(frame) : NULL;
    if (__builtin_expect(thread == NULL, 0)) {
        release_otherwise(domain, block, frame);
        return;
    }
    hook_release_plain(thread, frame, block, functions[domain]);
    thread->outer_release = block; /* a large one is freed by free: the same event */
    domains[domain].free(domains[domain].context, block);
    thread->outer_release = NULL;
    hook_end_plain(thread, frame);
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
