#include "preload/python_runtime.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "preload/event_writer.h"
#include "preload/session_link.h"
#include "preload/stack_capture.h"
#include "preload/symbol_search.h"
#include "preload/thread_state.h"

_Atomic bool python_runtime_has_stacks;
struct python_runtime python_runtime;

/* One thread looks; a second CPython in a process is not looked for. */
static atomic_flag is_taken = ATOMIC_FLAG_INIT;

/* 0, or the state slot whose recorder was told; a forked child tells its own. */
static _Atomic uint32_t told_slot_plus_1;

struct module_view {
    uint64_t start, bias;
};

static uint64_t find(const struct module_view *module, const char *name)
{
    return symbol_search_in_module(module->start, module->bias, name, NULL);
}

/* Before 3.11 no symbol holds the version, but each has functions that the one before did not. */
static uint32_t find_version(const struct module_view *module)
{
    static const struct {
        const char *name;
        uint32_t version;
    } newest[] = {
        {"Py_NewRef", 0x030a00f0}, {"PyFrame_GetCode", 0x030900f0}, {"Py_RunMain", 0x030800f0}};
    uint64_t version = find(module, "Py_Version");
    if (version != 0)
        return (uint32_t) * (const uint64_t *)(uintptr_t)version;
    for (size_t i = 0; i < sizeof newest / sizeof newest[0]; i++)
        if (find(module, newest[i].name) != 0)
            return newest[i].version;
    return 0x030700f0;
}

static bool is_debug_build(const struct module_view *module)
{
    return find(module, "_Py_NegativeRefcount") != 0;
}

/* Word 2 of CPython's own table of offsets: no GIL. */
static bool is_free_threaded(const struct python_runtime *runtime)
{
    return runtime->offsets.minor >= 13 && ((const uint64_t *)(uintptr_t)runtime->runtime)[2] != 0;
}

/* Where finalization leaves its mark: _PyRuntime._finalizing, by version. */
static uint64_t find_finalizing(const struct python_runtime *runtime)
{
    enum {
        DEBUG_WORD = 4,
        OFFSET_LIMIT = 1 << 20
    };
    uint32_t minor = runtime->offsets.minor;
    if (minor < 13)
        return runtime->runtime + (minor < 11 ? 16 : 24);
    uint64_t offset = ((const uint64_t *)(uintptr_t)runtime->runtime)[DEBUG_WORD];
    return offset < OFFSET_LIMIT && (offset & 7) == 0 ? runtime->runtime + offset : 0;
}

/* What the compiler has moved out of it is found by the unwind table. */
static void find_evaluation(struct python_runtime *runtime, const struct module_view *module)
{
    uint64_t bytes = 0;
    uint64_t start = symbol_search_in_module(module->start, module->bias,
                                             "_PyEval_EvalFrameDefault", &bytes);
    const struct code_range function = {start, start + bytes};
    const ElfW(Ehdr) *file = (const void *)(uintptr_t)module->start;
    const ElfW(Phdr) *segments = (const void *)(uintptr_t)(module->start + file->e_phoff);
    struct eh_frame_module unwinding = {.start = module->start};
    struct code_range code = {0, 0};
    for (uint32_t i = 0; i < file->e_phnum; i++) {
        uint64_t at = module->bias + segments[i].p_vaddr, end = at + segments[i].p_filesz;
        if (segments[i].p_type == PT_GNU_EH_FRAME)
            unwinding.header = at;
        if (segments[i].p_type != PT_LOAD)
            continue;
        if (end > unwinding.end)
            unwinding.end = end;
        if (start >= at && start < end)
            code = (struct code_range){at, end};
    }
    runtime->evaluation_count = start == 0 ? 0
                                           : function_pieces_find(&unwinding, &code, &function,
                                                                  runtime->evaluation);
}

static uint32_t find_thread_entry(const struct cpython_offsets *offsets)
{
    if (offsets->thread_current_frame != CPYTHON_NONE)
        return offsets->thread_current_frame;
    return offsets->thread_frame != CPYTHON_NONE ? offsets->thread_frame : offsets->thread_cframe;
}

static enum wire_python_state judge(struct python_runtime *runtime,
                                    const struct module_view *module)
{
    if (!cpython_offsets_find(runtime->version, &runtime->offsets))
        return WIRE_PYTHON_UNKNOWN_VERSION;
    if (is_debug_build(module))
        return WIRE_PYTHON_DEBUG_BUILD;
    if (is_free_threaded(runtime))
        return WIRE_PYTHON_FREE_THREADED;
    if (!cpython_offsets_check(&runtime->offsets, (const uint64_t *)(uintptr_t)runtime->runtime,
                               NULL))
        return WIRE_PYTHON_UNKNOWN_LAYOUT;
    runtime->thread_entry = find_thread_entry(&runtime->offsets);
    runtime->hash_trail = python_trail_find_hasher(&runtime->offsets);
    runtime->finalizing = find_finalizing(runtime);
    runtime->code_type = find(module, "PyCode_Type");
    runtime->text_type = find(module, "PyUnicode_Type");
    runtime->bytes_type = find(module, "PyBytes_Type");
    find_evaluation(runtime, module);
    runtime->get_thread_state = (void *(*)(void))(uintptr_t)find(module,
                                                                 "PyGILState_GetThisThreadState");
    bool is_whole = runtime->finalizing != 0 && runtime->code_type != 0 &&
                    runtime->text_type != 0 && runtime->bytes_type != 0 &&
                    runtime->evaluation_count != 0 && runtime->get_thread_state != NULL;
    return is_whole ? WIRE_PYTHON_STACKS : WIRE_PYTHON_UNKNOWN_LAYOUT;
}

/* What was remembered without Python frames until now is void. */
static void forget_stacks(void)
{
    if (stack_capture_rules != NULL)
        unwind_rules_modules_changed(stack_capture_rules);
}

void python_runtime_look(uint64_t start, uint64_t bias)
{
    struct module_view module = {start, bias};
    if ((session->flags & SESSION_PYTHON) == 0)
        return;
    uint64_t runtime = find(&module, "_PyRuntime");
    if (runtime == 0 || atomic_flag_test_and_set(&is_taken))
        return;
    memset(&python_runtime, 0, sizeof python_runtime);
    python_runtime.module = start;
    python_runtime.bias = bias;
    python_runtime.runtime = runtime;
    python_runtime.version = find_version(&module);
    python_runtime.state = judge(&python_runtime, &module);
    atomic_store(&told_slot_plus_1, 0);
    if (python_runtime.state == WIRE_PYTHON_STACKS) {
        atomic_store_explicit(&python_runtime_has_stacks, true, memory_order_release);
        forget_stacks();
    }
}

static int look_at_one(struct dl_phdr_info *info, size_t info_bytes, void *context)
{
    (void)info_bytes;
    (void)context;
    /* Where the file's first page stands; the vdso has none of what is looked for. */
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_offset == 0) {
            python_runtime_look(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, info->dlpi_addr);
            break;
        }
    return 0;
}

void python_runtime_start(void)
{
    if ((session->flags & SESSION_PYTHON) != 0)
        dl_iterate_phdr(look_at_one, NULL);
}

uint64_t python_runtime_find(const char *name)
{
    struct module_view module = {python_runtime.module, python_runtime.bias};
    return module.start != 0 ? find(&module, name) : 0;
}

void python_runtime_check(void)
{
    struct unwind_rules_module module;
    if (python_runtime.module == 0 ||
        (unwind_rules_find_module(stack_capture_rules, python_runtime.module, &module) &&
         module.start == python_runtime.module))
        return;
    atomic_store(&python_runtime_has_stacks, false);
    python_runtime.module = 0;
    python_runtime.state = WIRE_PYTHON_NONE;
    atomic_flag_clear(&is_taken);
}

void python_runtime_tell(struct thread_state *thread)
{
    uint32_t slot_plus_1 = process_current->slot + 1;
    if (python_runtime.state == WIRE_PYTHON_NONE ||
        atomic_load_explicit(&told_slot_plus_1, memory_order_relaxed) == slot_plus_1)
        return;
    uint64_t *record = event_reserve(thread, 2);
    if (record == NULL)
        return;
    record[1] = python_runtime.version | (uint64_t)python_runtime.state << 32;
    record[0] = event_stamp() | WIRE_PYTHON;
    event_commit(thread, 2);
    thread->last_birth = 0;
    atomic_store_explicit(&told_slot_plus_1, slot_plus_1, memory_order_relaxed);
}
