/* An entry is a word that the loader filled in, or will at the first call: R_..._JUMP_SLOT,
 * _GLOB_DAT, and words of tables of functions (System V ABI, "Relocation"). It is changed only
 * where it leads to the first definition of the name, or nowhere yet; where the loader has made it
 * read-only, that is lifted for the moment. */
#define _GNU_SOURCE
#include "preload/allocator_family.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/hook.h"
#include "preload/raw_syscall.h"
#include "preload/session_link.h"
#include "preload/symbol_search.h"

/* clang-format off */
#define MEMBERS(MEMBER) \
    MEMBER(malloc,         void *, (size_t)) \
    MEMBER(malloc0,        void *, (size_t)) \
    MEMBER(zalloc,         void *, (size_t)) \
    MEMBER(calloc,         void *, (size_t, size_t)) \
    MEMBER(realloc,        void *, (void *, size_t)) \
    MEMBER(reallocarray,   void *, (void *, size_t, size_t)) \
    MEMBER(free,           void,   (void *)) \
    MEMBER(cfree,          void,   (void *)) \
    MEMBER(memalign,       void *, (size_t, size_t)) \
    MEMBER(aligned_alloc,  void *, (size_t, size_t)) \
    MEMBER(posix_memalign, int,    (void **, size_t, size_t)) \
    MEMBER(valloc,         void *, (size_t)) \
    MEMBER(strdup,         char *, (const char *)) \
    MEMBER(strndup,        char *, (const char *, size_t))

#define FAMILIES(FAMILY) FAMILY(0) FAMILY(1) FAMILY(2) FAMILY(3)
/* clang-format on */

enum member {
#define MEMBER_NUMBER(name, result, parameters) MEMBER_##name,
    MEMBERS(MEMBER_NUMBER)
#undef MEMBER_NUMBER
    MEMBER_COUNT
};

enum {
    FAMILY_COUNT = SESSION_ALLOCATORS,
    NAME_BYTES = 128,
    PAGE_BYTES = 4096
};

static const char *const member_names[MEMBER_COUNT] = {
#define MEMBER_NAME(name, result, parameters) #name,
    MEMBERS(MEMBER_NAME)
#undef MEMBER_NAME
};

/* The real functions; filled before an entry leads to the wrappers. */
static struct family {
#define MEMBER_FIELD(name, result, parameters) result(*name) parameters;
    MEMBERS(MEMBER_FIELD)
#undef MEMBER_FIELD
} families[FAMILY_COUNT];

/* ---- wrappers ----------------------------------------------------------------------------- */

/* Around the real call. */
static inline __attribute__((always_inline)) void begin(struct hook *hook)
{
    if (hook->level == HOOK_OUTER)
        hook_begin_quiet(hook);
}

static inline __attribute__((always_inline)) void end(struct hook *hook)
{
    if (hook->level == HOOK_OUTER)
        hook_end_quiet(hook);
}

#define ALLOCATE(type, bytes, call)                                                                \
    struct hook hook;                                                                              \
    HOOK_ENTER(&hook);                                                                             \
    begin(&hook);                                                                                  \
    type block = call;                                                                             \
    end(&hook);                                                                                    \
    hook_birth(&hook, block, bytes, FUNCTION_CUSTOM);                                              \
    return block

#define RELEASE(block, call)                                                                       \
    struct hook hook;                                                                              \
    HOOK_ENTER(&hook);                                                                             \
    if ((block) != NULL)                                                                           \
        hook_release(&hook, block, FUNCTION_CUSTOM);                                               \
    begin(&hook);                                                                                  \
    call;                                                                                          \
    end(&hook);                                                                                    \
    hook_done(&hook)

#define REALLOCATE(old, bytes, call)                                                               \
    struct hook hook;                                                                              \
    HOOK_ENTER(&hook);                                                                             \
    if ((old) != NULL)                                                                             \
        hook_leave(&hook, old, FUNCTION_CUSTOM);                                                   \
    begin(&hook);                                                                                  \
    void *block = call;                                                                            \
    end(&hook);                                                                                    \
    if ((old) == NULL)                                                                             \
        hook_birth(&hook, block, bytes, FUNCTION_CUSTOM);                                          \
    else if (block != NULL || (bytes) == 0)                                                        \
        hook_arrive(&hook, block, bytes, FUNCTION_CUSTOM);                                         \
    else                                                                                           \
        hook_undo(&hook);                                                                          \
    return block

#define WRAPPERS(i)                                                                                \
    static void *malloc_##i(size_t size)                                                           \
    {                                                                                              \
        ALLOCATE(void *, size, families[i].malloc(size));                                          \
    }                                                                                              \
    static void *malloc0_##i(size_t size)                                                          \
    {                                                                                              \
        ALLOCATE(void *, size, families[i].malloc0(size));                                         \
    }                                                                                              \
    static void *zalloc_##i(size_t size)                                                           \
    {                                                                                              \
        ALLOCATE(void *, size, families[i].zalloc(size));                                          \
    }                                                                                              \
    static void *calloc_##i(size_t count, size_t size)                                             \
    {                                                                                              \
        ALLOCATE(void *, count *size, families[i].calloc(count, size));                            \
    }                                                                                              \
    static void *realloc_##i(void *old, size_t size)                                               \
    {                                                                                              \
        REALLOCATE(old, size, families[i].realloc(old, size));                                     \
    }                                                                                              \
    static void *reallocarray_##i(void *old, size_t count, size_t size)                            \
    {                                                                                              \
        REALLOCATE(old, count *size, families[i].reallocarray(old, count, size));                  \
    }                                                                                              \
    static void free_##i(void *block)                                                              \
    {                                                                                              \
        RELEASE(block, families[i].free(block));                                                   \
    }                                                                                              \
    static void cfree_##i(void *block)                                                             \
    {                                                                                              \
        RELEASE(block, families[i].cfree(block));                                                  \
    }                                                                                              \
    static void *memalign_##i(size_t alignment, size_t size)                                       \
    {                                                                                              \
        ALLOCATE(void *, size, families[i].memalign(alignment, size));                             \
    }                                                                                              \
    static void *aligned_alloc_##i(size_t alignment, size_t size)                                  \
    {                                                                                              \
        ALLOCATE(void *, size, families[i].aligned_alloc(alignment, size));                        \
    }                                                                                              \
    static int posix_memalign_##i(void **result, size_t alignment, size_t size)                    \
    {                                                                                              \
        struct hook hook;                                                                          \
        HOOK_ENTER(&hook);                                                                         \
        begin(&hook);                                                                              \
        int status = families[i].posix_memalign(result, alignment, size);                          \
        end(&hook);                                                                                \
        hook_birth(&hook, status == 0 ? *result : NULL, size, FUNCTION_CUSTOM);                    \
        return status;                                                                             \
    }                                                                                              \
    static void *valloc_##i(size_t size)                                                           \
    {                                                                                              \
        ALLOCATE(void *, size, families[i].valloc(size));                                          \
    }                                                                                              \
    static char *strdup_##i(const char *text)                                                      \
    {                                                                                              \
        ALLOCATE(char *, block != NULL ? strlen(block) + 1 : 0, families[i].strdup(text));         \
    }                                                                                              \
    static char *strndup_##i(const char *text, size_t limit)                                       \
    {                                                                                              \
        ALLOCATE(char *, block != NULL ? strlen(block) + 1 : 0, families[i].strndup(text, limit)); \
    }
FAMILIES(WRAPPERS)

struct wrapper {
    void **real;
    void *function;
    uint32_t family;
};

static struct wrapper wrapper_of(uint32_t family, enum member member)
{
#define WRAPPER(name, i)                                                                           \
    {                                                                                              \
        (void **)&families[i].name, (void *)name##_##i, i                                          \
    }
#define ROW(i)                                                                                     \
    {WRAPPER(malloc, i),        WRAPPER(malloc0, i),        WRAPPER(zalloc, i),                    \
     WRAPPER(calloc, i),        WRAPPER(realloc, i),        WRAPPER(reallocarray, i),              \
     WRAPPER(free, i),          WRAPPER(cfree, i),          WRAPPER(memalign, i),                  \
     WRAPPER(aligned_alloc, i), WRAPPER(posix_memalign, i), WRAPPER(valloc, i),                    \
     WRAPPER(strdup, i),        WRAPPER(strndup, i)},
    const struct wrapper wrappers[FAMILY_COUNT][MEMBER_COUNT] = {FAMILIES(ROW)};
#undef ROW
#undef WRAPPER
    return wrappers[family][member];
}

/* ---- whose name is it? -------------------------------------------------------------------- */

/* "foo" has foo_malloc and foomalloc. */
static bool is_member(const char *name, const char *prefix, enum member *member)
{
    size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0)
        return false;
    name += length;
    name += *name == '_';
    for (int i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(name, member_names[i]) == 0) {
            *member = (enum member)i;
            return true;
        }
    return false;
}

static bool find_wrapper(const char *name, struct wrapper *wrapper)
{
    const char *prefix = session->allocators;
    enum member member;
    for (uint32_t family = 0; family < FAMILY_COUNT && *prefix != '\0'; family++) {
        if (is_member(name, prefix, &member)) {
            *wrapper = wrapper_of(family, member);
            return true;
        }
        prefix += strlen(prefix) + 1;
    }
    return false;
}

/* ---- entries ------------------------------------------------------------------------------ */

struct module {
    const struct dl_phdr_info *info;
    const ElfW(Sym) * symbols;
    const char *names;
};

static bool is_within(const struct dl_phdr_info *info, uint64_t address, uint32_t type)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == type &&
            address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz)
            return true;
    }
    return false;
}

static void set_entry(const struct module *module, void **entry, void *function)
{
    bool is_protected = is_within(module->info, (uint64_t)(uintptr_t)entry, PT_GNU_RELRO);
    uintptr_t page = (uintptr_t)entry & ~(uintptr_t)(PAGE_BYTES - 1);
    if (is_protected &&
        raw_failed(raw_syscall(SYS_mprotect, page, PAGE_BYTES, PROT_READ | PROT_WRITE, 0, 0, 0)))
        return;
    __atomic_store_n(entry, function, __ATOMIC_RELEASE);
    if (is_protected)
        raw_syscall(SYS_mprotect, page, PAGE_BYTES, PROT_READ, 0, 0, 0);
}

static void take_entry(const struct module *module, const ElfW(Rela) * relocation)
{
    uint64_t type = ELF64_R_TYPE(relocation->r_info);
    if ((type != ARCH_RELOCATION_JUMP_SLOT && type != ARCH_RELOCATION_GLOB_DAT &&
         type != ARCH_RELOCATION_WORD) ||
        relocation->r_addend != 0)
        return;
    const ElfW(Sym) *symbol = &module->symbols[ELF64_R_SYM(relocation->r_info)];
    const char *name = module->names + symbol->st_name;
    struct wrapper wrapper;
    if (symbol->st_name == 0 || !find_wrapper(name, &wrapper))
        return;
    if (*wrapper.real == NULL)
        *wrapper.real = symbol_search_in_tables(name, NULL);
    void **entry = (void **)(module->info->dlpi_addr + relocation->r_offset);
    /* Not filled in yet, it leads into its own module. */
    bool is_first = *entry == *wrapper.real ||
                    is_within(module->info, (uint64_t)(uintptr_t)*entry, PT_LOAD);
    if (*wrapper.real == NULL || !is_first)
        return;
    set_entry(module, entry, wrapper.function);
    atomic_fetch_or(&session->allocators_called, UINT32_C(1) << wrapper.family);
}

/* glibc relocates the addresses in a dynamic section that it can write to, and no other. */
static const void *table_at(const struct dl_phdr_info *info, uint64_t address)
{
    return (const void *)(uintptr_t)(address < info->dlpi_addr ? info->dlpi_addr + address
                                                               : address);
}

static void take_entries(const struct module *module, uint64_t table, uint64_t bytes)
{
    const ElfW(Rela) *relocation = table_at(module->info, table);
    for (uint64_t i = 0; table != 0 && i < bytes / sizeof *relocation; i++)
        take_entry(module, &relocation[i]);
}

static int take_module(struct dl_phdr_info *info, size_t info_bytes, void *unused)
{
    struct module module = {.info = info};
    uint64_t jumps = 0, jump_bytes = 0, others = 0, other_bytes = 0;
    const ElfW(Dyn) *entry = NULL;
    (void)info_bytes;
    (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            entry = (const void *)(uintptr_t)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    if (strncmp(info->dlpi_name, "linux-vdso", 10) == 0 ||
        is_within(info, (uint64_t)(uintptr_t)&families, PT_LOAD))
        return 0;
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            module.symbols = table_at(info, entry->d_un.d_ptr);
            break;
        case DT_STRTAB:
            module.names = table_at(info, entry->d_un.d_ptr);
            break;
        case DT_JMPREL:
            jumps = entry->d_un.d_ptr;
            break;
        case DT_PLTRELSZ:
            jump_bytes = entry->d_un.d_val;
            break;
        case DT_RELA:
            others = entry->d_un.d_ptr;
            break;
        case DT_RELASZ:
            other_bytes = entry->d_un.d_val;
            break;
        }
    }
    if (module.symbols == NULL || module.names == NULL)
        return 0;
    take_entries(&module, jumps, jump_bytes);
    take_entries(&module, others, other_bytes);
    return 0;
}

void allocator_family_start(void)
{
    int saved_errno = errno;
    if (session->allocators[0] != '\0')
        dl_iterate_phdr(take_module, NULL);
    errno = saved_errno;
}
