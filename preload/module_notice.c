#include "preload/module_notice.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

#include "preload/event_writer.h"
#include "preload/python_allocator.h"
#include "preload/python_runtime.h"
#include "preload/raw_syscall.h"
#include "preload/stack_capture.h"

enum {
    MAX_TOLD_MODULES = 4096
};

/* Modules that this process, or one that it was forked from, told of. An entry is taken by a CAS of
 * its start; entries of closed modules become free again. Two threads may tell of one module both;
 * the recorder does not mind. */
static struct {
    _Atomic uint64_t start;
    _Atomic uint64_t end;
} told[MAX_TOLD_MODULES];
static _Atomic uint32_t told_high;

static bool is_told(uint64_t start)
{
    uint32_t high = atomic_load_explicit(&told_high, memory_order_acquire);
    for (uint32_t i = 0; i < high; i++)
        if (atomic_load_explicit(&told[i].start, memory_order_acquire) == start)
            return true;
    return false;
}

static void remember(uint64_t start, uint64_t end)
{
    for (uint32_t i = 0; i < MAX_TOLD_MODULES; i++) {
        uint64_t empty = 0;
        if (!atomic_compare_exchange_strong(&told[i].start, &empty, start))
            continue;
        atomic_store(&told[i].end, end);
        uint32_t high = atomic_load(&told_high);
        while (high <= i && !atomic_compare_exchange_weak(&told_high, &high, i + 1))
            ;
        return;
    }
}

/* The build-id note, found through the program headers in the module's first mapped page. */
static uint32_t copy_build_id(const void *start, uint64_t bias, uint8_t *build_id)
{
    const ElfW(Ehdr) *header = start;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phoff + (uint64_t)header->e_phnum * sizeof(ElfW(Phdr)) > 4096)
        return 0;
    const ElfW(Phdr) *segment = (const void *)((const char *)start + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type != PT_NOTE)
            continue;
        const char *at = (const char *)(bias + segment[i].p_vaddr);
        const char *end = at + segment[i].p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const void *)at;
            const char *name = at + sizeof *note;
            const char *content = name + ((note->n_namesz + 3) & ~3u);
            if (content + note->n_descsz > end)
                break;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
                memcmp(name, "GNU", 4) == 0 && note->n_descsz <= WIRE_MAX_BUILD_ID_BYTES) {
                memcpy(build_id, content, note->n_descsz);
                return note->n_descsz;
            }
            at = content + ((note->n_descsz + 3) & ~3u);
        }
    }
    return 0;
}

/* A library that was loaded by a relative name is named from the root, as long as the folder is
 * what it was. What has no '/' at all is no file (the vDSO). */
static uint32_t copy_folder(const char *name, char *path)
{
    if (name[0] == '/' || strchr(name, '/') == NULL)
        return 0;
    int64_t length = raw_syscall(SYS_getcwd, path, WIRE_MAX_TEXT_BYTES, 0, 0, 0, 0);
    if (raw_failed(length) || path[0] != '/' || length >= WIRE_MAX_TEXT_BYTES)
        return 0;
    path[length - 1] = '/'; /* in place of the NUL */
    return path[length - 2] == '/' ? (uint32_t)length - 1 : (uint32_t)length;
}

static uint32_t copy_path(const char *name, char *path)
{
    if (name == NULL || name[0] == '\0') {
        int64_t length = raw_syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path,
                                     WIRE_MAX_TEXT_BYTES, 0, 0);
        return raw_failed(length) ? 0 : (uint32_t)length;
    }
    uint32_t folder = copy_folder(name, path);
    while (folder != 0 && strncmp(name, "./", 2) == 0)
        name += 2;
    size_t length = strlen(name);
    if (length > WIRE_MAX_TEXT_BYTES - folder)
        length = WIRE_MAX_TEXT_BYTES - folder;
    memcpy(path + folder, name, length);
    return folder + (uint32_t)length;
}

static bool tell(struct thread_state *thread, const struct unwind_rules_module *module)
{
    enum {
        MOST = sizeof(struct wire_module) + WIRE_MAX_BUILD_ID_BYTES + WIRE_MAX_TEXT_BYTES
    };
    struct wire_module *record = (void *)event_reserve(thread, (MOST + 7) / 8);
    if (record == NULL)
        return false;
    record->start = module->start;
    record->end = module->end;
    record->bias = module->bias;
    record->generation = (uint32_t)unwind_rules_generation(stack_capture_rules);
    record->spare = 0;
    uint8_t *variable = (uint8_t *)(record + 1);
    record->build_id_bytes = (uint16_t)copy_build_id((const void *)(uintptr_t)module->start,
                                                     module->bias, variable);
    record->path_bytes = (uint16_t)copy_path(module->name,
                                             (char *)variable + record->build_id_bytes);
    uint32_t bytes = (uint32_t)sizeof *record + record->build_id_bytes + record->path_bytes;
    record->header = event_stamp() | WIRE_MODULE;
    event_commit(thread, (bytes + 7) / 8);
    thread->last_birth = 0;
    /* Only now: another thread that finds it known may name it in a stack of a later stamp. */
    remember(record->start, record->end);
    python_runtime_look(module->start, module->bias);
    python_runtime_tell(thread);
    python_allocator_start();
    return true;
}

bool module_notice_frames(struct thread_state *thread, const uint64_t *frames, size_t count)
{
    bool is_all_told = true;
    for (size_t i = 0; i < count; i++) {
        uint64_t pc = frames[i] & ~WIRE_FRAME_EXACT;
        pc -= pc == frames[i]; /* a return address may stand behind its module's last byte */
        if (pc >= thread->module_start && pc < thread->module_end)
            continue;
        struct unwind_rules_module found;
        if (!unwind_rules_find_module(stack_capture_rules, pc, &found))
            continue;
        thread->module_start = found.start;
        thread->module_end = found.end;
        if (!is_told(thread->module_start))
            is_all_told &= tell(thread, &found);
    }
    return is_all_told;
}

void module_notice_closed(struct thread_state *thread)
{
    uint32_t high = atomic_load(&told_high);
    for (uint32_t i = 0; i < high; i++) {
        uint64_t start = atomic_load(&told[i].start);
        struct unwind_rules_module found;
        if (start == 0 || unwind_rules_find_module(stack_capture_rules, start, &found))
            continue;
        if (!atomic_compare_exchange_strong(&told[i].start, &start, 0))
            continue;
        uint64_t *record = event_reserve(thread, 2);
        if (record == NULL)
            continue;
        record[1] = start;
        record[0] = event_stamp() | WIRE_MODULE_GONE;
        event_commit(thread, 2);
    }
    thread->last_birth = 0;
}
