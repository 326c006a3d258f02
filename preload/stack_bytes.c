#include "preload/stack_bytes.h"

#include <sys/uio.h>

#include "preload/event_writer.h"
#include "preload/module_notice.h"
#include "preload/raw_syscall.h"

enum { HEADER_WORDS = sizeof(struct wire_stack_bytes) / 8 };

/* Copies stack memory, as far as it can be read. By a system call, because nobody knows where a stack
 * ends: what lies behind it may be unmapped by another thread at any moment. */
static size_t copy_stack(uint64_t address, void *copy, size_t bytes)
{
    struct iovec local = {copy, bytes};
    struct iovec remote = {(void *)(uintptr_t)address, bytes};
    int64_t got = raw_syscall(SYS_process_vm_readv, raw_getpid(), &local, 1, &remote, 1, 0);
    return raw_failed(got) ? 0 : (size_t)got & ~(size_t)7;
}

/* Whatever on the stack looks like a return address is looked up: behind the frame where the rules ended
 * there may be modules that the recorder has not been told of. */
static void notice_modules(struct thread_state *thread, uint64_t address, size_t bytes)
{
    while (bytes != 0) {
        size_t part = bytes < sizeof thread->frames ? bytes : sizeof thread->frames;
        size_t got = copy_stack(address, thread->frames, part);
        module_notice_frames(thread, thread->frames, got / 8);
        if (got < part)
            return;
        address += part;
        bytes -= part;
    }
}

/* The unwinder begins in here, with all registers that calls preserve, and goes out through the
 * preload's own frames, which restore them by their unwind tables; those frames are then left out. */
void stack_bytes_send(struct thread_state *thread, uint32_t slot, bool is_oracle,
                      const struct walk_registers *caller)
{
    uint64_t registers[ARCH_REGISTER_COUNT];
    arch_capture_registers(registers);
    uint32_t most = thread->ring.capacity / 2 - HEADER_WORDS * 8;
    if (most > WIRE_MAX_STACK_BYTES)
        most = WIRE_MAX_STACK_BYTES;
    most &= ~7u;
    module_notice_frames(thread, registers, 1);
    if (!is_oracle)
        notice_modules(thread, registers[1], most);
    struct wire_stack_bytes *record = (void *)event_reserve(thread, HEADER_WORDS + most / 8);
    if (record == NULL)
        return;
    size_t bytes = copy_stack(registers[1], record + 1, most);
    record->slot = slot;
    record->is_oracle = is_oracle;
    __builtin_memcpy(&record->pc, registers, 8 * sizeof(uint64_t));
    record->skip_until = caller->pc;
    record->stack_address = registers[1];
    record->byte_count = bytes;
    record->header = event_stamp() | WIRE_STACK_BYTES;
    event_commit(thread, HEADER_WORDS + (uint32_t)(bytes / 8));
    thread->last_birth = 0;
}
