/* C++ operator new and delete, by their mangled names.
 *
 * Where the next definitions are libstdc++'s, which are malloc and free with a new-handler around
 * them, the real malloc and free are called directly, and the operator itself only when malloc
 * fails. Where another allocator defines them, they are called, and what they call in turn is
 * nested (hook.h). Where there is none (a C program that loads a C++ plugin), ours are built on
 * malloc and free. */
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "preload/bootstrap_heap.h"
#include "preload/export.h"
#include "preload/hook_plain.h"
#include "preload/lifecycle.h"
#include "preload/old_glibc.h"
#include "preload/real_functions.h"
#include "preload/symbol_search.h"

HOOKS_CXX(EXPORT_DECLARE)

typedef void (*new_handler)(void);

/* A function of the C++ runtime that the caller's own module can see (it may be loaded privately).
 */
static void *find_runtime_function(const void *caller, const char *name)
{
    void *function = symbol_search_first(name);
    const char *module = function == NULL ? symbol_search_module(caller) : NULL;
    if (module == NULL || dlsym == NULL)
        return function;
    void *handle = dlopen(module, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == NULL)
        return NULL;
    function = dlsym(handle, name);
    dlclose(handle);
    return function;
}

/* What libstdc++'s operator new does when malloc fails. */
static void *allocate_by_handler(size_t alignment, size_t size, const void *caller)
{
    new_handler (*get_handler)(void) = (new_handler(*)(void))find_runtime_function(
        caller, "_ZSt15get_new_handlerv");
    for (;;) {
        void *block = alignment == 0 ? malloc(size) : memalign(alignment, size);
        if (block != NULL)
            return block;
        new_handler handler = get_handler != NULL ? get_handler() : NULL;
        if (handler == NULL)
            return NULL;
        handler();
    }
}

static void throw_bad_alloc(const void *caller)
{
    void (*throw_it)(void) = (void (*)(void))find_runtime_function(caller,
                                                                   "_ZSt17__throw_bad_allocv");
    if (throw_it != NULL)
        throw_it();
    abort();
}

/* Is this operator to be done by the real malloc or free? */
#define IS_PLAIN(symbol) (real.is_new_plain || real.symbol == NULL)

/* The plain allocation, or what stands for it when malloc failed: there the new-handler may run,
 * and the operator may throw past us. What a new-handler does is recorded as nested (hook.h). */
#define DEFINE_NEW(symbol, function, CALL_REAL, IS_NOTHROW, TAG, ...)                              \
    static __attribute__((noinline)) void *symbol##_otherwise(size_t size, const void *tag,        \
                                                              uintptr_t frame)                     \
    {                                                                                              \
        void *block;                                                                               \
        (void)tag;                                                                                 \
        lifecycle_ensure();                                                                        \
        struct hook hook;                                                                          \
        hook_enter(&hook, frame);                                                                  \
        const void *caller = (const void *)(uintptr_t)hook.caller.pc;                              \
        if (!IS_PLAIN(symbol)) {                                                                   \
            block = CALL_REAL(symbol);                                                             \
        } else {                                                                                   \
            block = real.malloc(size != 0 ? size : 1);                                             \
            if (__builtin_expect(block == NULL, 0)) {                                              \
                hook_note_failed(&hook, function);                                                 \
                if (real.symbol != NULL)                                                           \
                    block = CALL_REAL(symbol);                                                     \
                else                                                                               \
                    block = allocate_by_handler(0, size != 0 ? size : 1, caller);                  \
                if (block == NULL) {                                                               \
                    hook_done(&hook);                                                              \
                    if (!(IS_NOTHROW))                                                             \
                        throw_bad_alloc(caller);                                                   \
                    return NULL;                                                                   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        hook_birth(&hook, block, size, function);                                                  \
        return block;                                                                              \
    }                                                                                              \
                                                                                                   \
    EXPORT void *symbol(size_t size __VA_ARGS__)                                                   \
    {                                                                                              \
        void *block;                                                                               \
        struct thread_state *thread = IS_PLAIN(symbol) ? hook_begin_plain(HOOK_FRAME()) : NULL;    \
        if (__builtin_expect(thread != NULL, 1)) {                                                 \
            block = real.malloc(size != 0 ? size : 1);                                             \
            if (__builtin_expect(block != NULL, 1)) {                                              \
                hook_birth_plain(thread, HOOK_FRAME(), block, size, function);                     \
                return block;                                                                      \
            }                                                                                      \
            hook_end_plain(thread, HOOK_FRAME()); /* and tried again */                            \
        }                                                                                          \
        if (hook_passes_allocation(size)) {                                                        \
            block = !IS_PLAIN(symbol) ? CALL_REAL(symbol) : real.malloc(size != 0 ? size : 1);     \
            if (__builtin_expect(block != NULL, 1))                                                \
                return block;                                                                      \
        }                                                                                          \
        return symbol##_otherwise(size, TAG, HOOK_FRAME());                                        \
    }

#define CALL_PLAIN(symbol)   real.symbol(size)
#define CALL_NOTHROW(symbol) real.symbol(size, tag)

DEFINE_NEW(_Znwm, FUNCTION_NEW, CALL_PLAIN, false, NULL)
DEFINE_NEW(_Znam, FUNCTION_NEW_ARRAY, CALL_PLAIN, false, NULL)
DEFINE_NEW(_ZnwmRKSt9nothrow_t, FUNCTION_NEW, CALL_NOTHROW, true, tag, , const void *tag)
DEFINE_NEW(_ZnamRKSt9nothrow_t, FUNCTION_NEW_ARRAY, CALL_NOTHROW, true, tag, , const void *tag)

#define CALLER() __builtin_extract_return_addr(__builtin_return_address(0))

#define DEFINE_NEW_ALIGNED(symbol, function, CALL_REAL, IS_NOTHROW, ...)                           \
    EXPORT void *symbol(size_t size, size_t alignment __VA_ARGS__)                                 \
    {                                                                                              \
        void *block;                                                                               \
        if (hook_passes_allocation(size)) {                                                        \
            block = real.symbol != NULL && !real.is_new_plain                                      \
                        ? CALL_REAL(symbol)                                                        \
                        : real.memalign(alignment, size != 0 ? size : 1);                          \
            if (__builtin_expect(block != NULL, 1))                                                \
                return block;                                                                      \
        }                                                                                          \
        lifecycle_ensure();                                                                        \
        struct hook hook;                                                                          \
        HOOK_ENTER(&hook);                                                                         \
        if (real.symbol != NULL) {                                                                 \
            block = CALL_REAL(symbol);                                                             \
        } else {                                                                                   \
            block = real.memalign(alignment, size != 0 ? size : 1);                                \
            if (__builtin_expect(block == NULL, 0)) {                                              \
                hook_note_failed(&hook, function);                                                 \
                block = allocate_by_handler(alignment, size != 0 ? size : 1, CALLER());            \
                if (block == NULL) {                                                               \
                    hook_done(&hook);                                                              \
                    if (!(IS_NOTHROW))                                                             \
                        throw_bad_alloc(CALLER());                                                 \
                    return NULL;                                                                   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        hook_birth(&hook, block, size, function);                                                  \
        return block;                                                                              \
    }

#define CALL_ALIGNED(symbol)         real.symbol(size, alignment)
#define CALL_ALIGNED_NOTHROW(symbol) real.symbol(size, alignment, tag)

DEFINE_NEW_ALIGNED(_ZnwmSt11align_val_t, FUNCTION_NEW_ALIGNED, CALL_ALIGNED, false)
DEFINE_NEW_ALIGNED(_ZnamSt11align_val_t, FUNCTION_NEW_ARRAY_ALIGNED, CALL_ALIGNED, false)
DEFINE_NEW_ALIGNED(_ZnwmSt11align_val_tRKSt9nothrow_t, FUNCTION_NEW_ALIGNED, CALL_ALIGNED_NOTHROW,
                   true, , const void *tag)
DEFINE_NEW_ALIGNED(_ZnamSt11align_val_tRKSt9nothrow_t, FUNCTION_NEW_ARRAY_ALIGNED,
                   CALL_ALIGNED_NOTHROW, true, , const void *tag)

#define CALL_DELETE(symbol, arguments)                                                             \
    do {                                                                                           \
        if (!IS_PLAIN(symbol))                                                                     \
            real.symbol arguments;                                                                 \
        else                                                                                       \
            real.free(block);                                                                      \
    } while (0)

/* A delete; SIZE is the size that it claims, 0 for none. */
#define DEFINE_DELETE(symbol, function, SIZE, parameters, arguments)                               \
    EXPORT void symbol parameters                                                                  \
    {                                                                                              \
        if (hook_passes_release(block)) {                                                          \
            CALL_DELETE(symbol, arguments);                                                        \
            return;                                                                                \
        }                                                                                          \
        if (block == NULL || bootstrap_heap_owns(block))                                           \
            return;                                                                                \
        struct thread_state *thread = IS_PLAIN(symbol) ? hook_begin_plain(HOOK_FRAME()) : NULL;    \
        if (__builtin_expect(thread != NULL, 1)) {                                                 \
            if ((SIZE) != 0)                                                                       \
                hook_release_sized_plain(thread, HOOK_FRAME(), block, (SIZE), function);           \
            else                                                                                   \
                hook_release_plain(thread, HOOK_FRAME(), block, function);                         \
            real.free(block);                                                                      \
            hook_end_plain(thread, HOOK_FRAME());                                                  \
            return;                                                                                \
        }                                                                                          \
        lifecycle_ensure();                                                                        \
        struct hook hook;                                                                          \
        HOOK_ENTER(&hook);                                                                         \
        if ((SIZE) != 0)                                                                           \
            hook_release_sized(&hook, block, (SIZE), function);                                    \
        else                                                                                       \
            hook_release(&hook, block, function);                                                  \
        CALL_DELETE(symbol, arguments);                                                            \
        hook_done(&hook);                                                                          \
    }

DEFINE_DELETE(_ZdlPv, FUNCTION_DELETE, 0, (void *block), (block))
DEFINE_DELETE(_ZdaPv, FUNCTION_DELETE_ARRAY, 0, (void *block), (block))
DEFINE_DELETE(_ZdlPvm, FUNCTION_DELETE, size, (void *block, size_t size), (block, size))
DEFINE_DELETE(_ZdaPvm, FUNCTION_DELETE_ARRAY, size, (void *block, size_t size), (block, size))
DEFINE_DELETE(_ZdlPvRKSt9nothrow_t, FUNCTION_DELETE, 0, (void *block, const void *tag),
              (block, tag))
DEFINE_DELETE(_ZdaPvRKSt9nothrow_t, FUNCTION_DELETE_ARRAY, 0, (void *block, const void *tag),
              (block, tag))
DEFINE_DELETE(_ZdlPvSt11align_val_t, FUNCTION_DELETE_ALIGNED, 0, (void *block, size_t alignment),
              (block, alignment))
DEFINE_DELETE(_ZdaPvSt11align_val_t, FUNCTION_DELETE_ARRAY_ALIGNED, 0,
              (void *block, size_t alignment), (block, alignment))
DEFINE_DELETE(_ZdlPvmSt11align_val_t, FUNCTION_DELETE_ALIGNED, size,
              (void *block, size_t size, size_t alignment), (block, size, alignment))
DEFINE_DELETE(_ZdaPvmSt11align_val_t, FUNCTION_DELETE_ARRAY_ALIGNED, size,
              (void *block, size_t size, size_t alignment), (block, size, alignment))
DEFINE_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, FUNCTION_DELETE_ALIGNED, 0,
              (void *block, size_t alignment, const void *tag), (block, alignment, tag))
DEFINE_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, FUNCTION_DELETE_ARRAY_ALIGNED, 0,
              (void *block, size_t alignment, const void *tag), (block, alignment, tag))
