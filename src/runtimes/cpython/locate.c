/* CPython is found by _PyRuntime, the variable from which everything of it can be reached; release
 * builds of all versions export it, stripped or not. The version comes from a constant that says so
 * (from 3.11 on), or from sys.hexversion, or from the file's name. Then what the table of offsets
 * says is tried: the first thread of the first interpreter must name that interpreter, and the type
 * of types must be its own type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "runtimes/cpython/cpython.h"
#include "runtimes/cpython/dicts.h"

/* A release of 3.minor, as PY_VERSION_HEX has it. */
#define RELEASE_OF(minor) (UINT32_C(0x030000f0) | (uint32_t)(minor) << 16)

struct candidate {
    const struct target_module *module;
    struct target_symbols symbols;
    struct word_cache *words;
};

static uint64_t find_symbol(struct candidate *candidate, const char *name)
{
    uint64_t address;
    return target_symbols_find(&candidate->symbols, candidate->words, name, &address) ? address : 0;
}

/* The module that holds the interpreter; what does not export _PyRuntime is too old, or none. */
static bool find_module(struct candidate *candidate, const struct target_modules *modules,
                        const char *symbol)
{
    for (size_t i = 0; i < modules->count; i++) {
        candidate->module = &modules->items[i];
        if (!candidate->module->is_own &&
            target_symbols_open(&candidate->symbols, candidate->module, candidate->words) &&
            find_symbol(candidate, symbol) != 0)
            return true;
    }
    return false;
}

/* "python3.10", "libpython3.9.so.1.0": the minor version, or 0. */
static unsigned minor_of_path(const char *path)
{
    const char *name = strstr(text_file_name(path), "python3.");
    return name == NULL ? 0 : (unsigned)strtoul(name + strlen("python3."), NULL, 10);
}

/* Whose sysdict is a dict that says so? */
static uint32_t version_of_sys(struct cpython *python, struct candidate *candidate, unsigned minor)
{
    uint64_t dict_type = find_symbol(candidate, "PyDict_Type"), value;
    struct cpython trial = *python;
    if (!cpython_offsets_find(RELEASE_OF(minor), &trial.offsets))
        return 0;
    uint64_t interpreter = cpython_field(&trial, python->runtime,
                                         trial.offsets.runtime_interpreters_head);
    uint64_t dict = cpython_field(&trial, interpreter, trial.offsets.interpreter_sysdict);
    if (dict_type == 0 || cpython_field(&trial, dict, CPYTHON_OBJECT_TYPE) != dict_type ||
        !cpython_dict_find(&trial, dict, "hexversion", &value))
        return 0;
    uint64_t low = memory_view_half_or_0(python->view, value + CPYTHON_LONG_DIGITS);
    uint64_t high = memory_view_half_or_0(python->view, value + CPYTHON_LONG_DIGITS + 4);
    uint64_t version = low | high << CPYTHON_LONG_DIGIT_BITS;
    return version >> 16 == (UINT64_C(3) << 8 | minor) ? (uint32_t)version : 0;
}

static uint32_t find_version(struct cpython *python, struct candidate *candidate)
{
    static const unsigned silent[] = {8, 9, 10};
    uint64_t address = find_symbol(candidate, "Py_Version");
    if (address != 0)
        return memory_view_half_or_0(python->view, address);
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) {
        uint32_t version = version_of_sys(python, candidate, silent[i]);
        if (version != 0)
            return version;
    }
    unsigned minor = minor_of_path(candidate->module->path);
    return minor != 0 ? RELEASE_OF(minor) : 0;
}

/* From 3.13 on the process has a table of its own; it says what it is built like. */
static bool check_own_table(struct cpython *python, char *reason, size_t reason_bytes)
{
    uint64_t words[CPYTHON_DEBUG_WORDS];
    const char *differing = NULL;
    if (!memory_view_read(python->view, python->runtime, words, sizeof words)) {
        snprintf(reason, reason_bytes, "its runtime cannot be read");
        return false;
    }
    if (python->offsets.minor >= 13 && words[2] != 0) {
        snprintf(reason, reason_bytes,
                 "it is a free-threaded build, whose objects are laid out otherwise");
        return false;
    }
    if (!cpython_offsets_check(&python->offsets, words, &differing)) {
        snprintf(reason, reason_bytes, "its own table of offsets makes no sense");
        return false;
    }
    return true;
}

static bool find_interpreters(struct cpython *python)
{
    const struct cpython_offsets *offsets = &python->offsets;
    uint64_t interpreter = cpython_field(python, python->runtime,
                                         offsets->runtime_interpreters_head);
    while (interpreter != 0 && python->interpreter_count < CPYTHON_INTERPRETERS_MAX) {
        for (size_t i = 0; i < python->interpreter_count; i++)
            if (python->interpreters[i] == interpreter)
                return false;
        python->interpreters[python->interpreter_count++] = interpreter;
        interpreter = cpython_field(python, interpreter, offsets->interpreter_next);
    }
    /* The list begins with the youngest. */
    for (size_t i = 0; i < python->interpreter_count / 2; i++) {
        uint64_t swapped = python->interpreters[i];
        python->interpreters[i] = python->interpreters[python->interpreter_count - 1 - i];
        python->interpreters[python->interpreter_count - 1 - i] = swapped;
    }
    return python->interpreter_count > 0;
}

static bool check_threads(struct cpython *python)
{
    const struct cpython_offsets *offsets = &python->offsets;
    for (size_t i = 0; i < python->interpreter_count; i++) {
        uint64_t interpreter = python->interpreters[i];
        uint64_t thread = cpython_field(python, interpreter, offsets->interpreter_threads_head);
        for (; thread != 0 && python->thread_count < CPYTHON_THREADS_MAX; python->thread_count++) {
            if (cpython_field(python, thread, offsets->thread_interpreter) != interpreter)
                return false;
            thread = cpython_field(python, thread, offsets->thread_next);
        }
    }
    return python->thread_count > 0 && python->thread_count < CPYTHON_THREADS_MAX;
}

static bool is_debug_build(struct candidate *candidate)
{
    static const char *const names[] = {"_Py_NegativeRefcount", "_Py_RefTotal", "_Py_GetRefTotal",
                                        "_Py_AddToAllObjects"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (find_symbol(candidate, names[i]) != 0)
            return true;
    return false;
}

static enum cpython_presence refuse(char *reason, size_t reason_bytes, const char *text)
{
    snprintf(reason, reason_bytes, "%s", text);
    return CPYTHON_REFUSED;
}

static enum cpython_presence check(struct cpython *python, struct candidate *candidate,
                                   char *reason, size_t reason_bytes)
{
    python->version_hex = find_version(python, candidate);
    if (python->version_hex == 0)
        return refuse(reason, reason_bytes, "its version cannot be told");
    if (!cpython_offsets_find(python->version_hex, &python->offsets)) {
        snprintf(reason, reason_bytes, "version %u.%u is none of those known (3.%d to 3.%d)",
                 python->version_hex >> 24, python->version_hex >> 16 & 0xff, CPYTHON_OLDEST_MINOR,
                 CPYTHON_NEWEST_MINOR);
        return CPYTHON_REFUSED;
    }
    if (is_debug_build(candidate))
        return refuse(reason, reason_bytes,
                      "it is a debug build (Py_DEBUG), whose objects are laid out otherwise");
    if (!check_own_table(python, reason, reason_bytes))
        return CPYTHON_REFUSED;
    python->type_type = find_symbol(candidate, "PyType_Type");
    if (python->type_type == 0 ||
        cpython_field(python, python->type_type, CPYTHON_OBJECT_TYPE) != python->type_type)
        return refuse(reason, reason_bytes, "the type of its types is not its own type");
    if (!find_interpreters(python))
        return refuse(reason, reason_bytes,
                      "no interpreter runs: it has not begun yet, or has ended already (where SIGINT "
                      "is ignored its end comes unseen; a snapshot before it helps)");
    if (!check_threads(python))
        return refuse(reason, reason_bytes, "its threads do not belong to their interpreter");
    return CPYTHON_FOUND;
}

/* The interpreter itself, and the extension modules that come with it. */
static void list_code(struct cpython *python, const struct target_modules *modules,
                      const struct target_module *interpreter)
{
    for (size_t i = 0; i < modules->count && python->code_count < CPYTHON_CODE_RANGES; i++) {
        const struct target_module *module = &modules->items[i];
        if (module == interpreter || strstr(module->path, "/lib-dynload/") != NULL)
            python->code[python->code_count++] = (struct address_range){module->start, module->end};
    }
}

enum cpython_presence cpython_locate(struct cpython *python, struct memory_view *view,
                                     const struct target_mappings *mappings,
                                     const struct target_modules *modules, struct word_cache *words,
                                     char *reason, size_t reason_bytes)
{
    struct candidate candidate = {.words = words};
    *python = (struct cpython){.view = view, .mappings = mappings};
    if (!find_module(&candidate, modules, "_PyRuntime")) {
        if (!find_module(&candidate, modules, "_PyThreadState_Current") &&
            !find_module(&candidate, modules, "PyEval_GetFrame"))
            return CPYTHON_ABSENT;
        return find_symbol(&candidate, "PyPy_Version") != 0
                   ? CPYTHON_ABSENT
                   : refuse(reason, reason_bytes, "it is older than 3.7");
    }
    python->runtime = find_symbol(&candidate, "_PyRuntime");
    memcpy(python->data, candidate.module->writable, sizeof python->data);
    python->data_count = candidate.module->writable_count;
    list_code(python, modules, candidate.module);
    return check(python, &candidate, reason, reason_bytes);
}

uint64_t cpython_collector(const struct cpython *python, size_t interpreter)
{
    const struct cpython_offsets *offsets = &python->offsets;
    return cpython_has_field(offsets->interpreter_gc)
               ? python->interpreters[interpreter] + offsets->interpreter_gc
               : python->runtime + offsets->runtime_gc;
}

void cpython_root_name(const struct cpython *python, size_t interpreter, const char *module,
                       char *name, size_t name_bytes)
{
    uint64_t id = cpython_field(python, python->interpreters[interpreter],
                                python->offsets.interpreter_id);
    if (interpreter == 0)
        snprintf(name, name_bytes, "%s", module);
    else
        snprintf(name, name_bytes, "interpreter %llu: %s", (unsigned long long)id, module);
}
